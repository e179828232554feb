//! Real servers are read as they were set.

use std::num::NonZeroU16;

use ipvs::{
    AddressFamily, Change, Client, DestinationConfig, DestinationKey, Forwarding, RefusalKind,
    ServiceKey, Tunnel, TunnelChecksum,
};

use super::{assert_refused, connect, forwarding, in_batch, scheduler, server, tcp};
use crate::harness::KernelTest;
use crate::netns::Netns;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        every_forwarding_method_is_kept_for_both_families,
        a_tunnel_may_lead_from_one_family_to_the_other,
        weights_and_thresholds_are_kept_up_to_their_limits,
        values_past_their_limits_are_refused_and_change_nothing,
        servers_are_distinguished_by_address_and_port,
        an_edit_replaces_the_whole_configuration,
        a_deleted_server_is_gone_and_the_others_stay,
        a_deleted_server_that_is_added_again_has_its_new_configuration,
        addresses_that_are_not_unicast_or_have_no_route_are_refused,
        more_servers_than_one_datagram_holds_are_all_read,
    ]
}

const WEB: &str = "10.0.0.1:80";
const WEB6: &str = "[fd00::1]:80";

/// A namespace with a service of each family.
fn two_services() -> (Netns, Client) {
    let ns = Netns::new();
    let mut client = connect(&ns);
    for key in [WEB, WEB6] {
        client.add_service(&tcp(key), &scheduler("wrr")).expect("it is added");
    }
    (ns, client)
}

/// Every forwarding method that the kernel has a name for.
fn ways() -> Vec<Forwarding> {
    let port = NonZeroU16::new(6080).expect("not 0");
    let checksums = [TunnelChecksum::None, TunnelChecksum::Checksum, TunnelChecksum::Remote];
    let gue = checksums.map(|checksum| Tunnel::Gue { port, checksum });
    let gre =
        [TunnelChecksum::None, TunnelChecksum::Checksum].map(|checksum| Tunnel::Gre { checksum });
    let tunnels = [Tunnel::Ipip].into_iter().chain(gue).chain(gre).map(Forwarding::Tunnel);
    use Forwarding::{Bypass, DirectRoute, Local, Masquerade};
    [Masquerade, DirectRoute, Local, Bypass].into_iter().chain(tunnels).collect()
}

#[track_caller]
fn add(client: &mut Client, service: &str, key: &str, config: DestinationConfig) {
    let added = client.add_destination(&tcp(service), &server(key), &config);
    added.unwrap_or_else(|error| panic!("{service} {key} {config:?}: {error}"));
}

/// The servers of a service, sorted, with their configuration. None has had any traffic.
#[track_caller]
fn kept(client: &mut Client, service: &str) -> Vec<(DestinationKey, DestinationConfig)> {
    let mut servers = client.destinations(&tcp(service)).expect("a list");
    servers.sort_by_key(|server| server.key);
    for server in &servers {
        let connections =
            [server.active_connections, server.inactive_connections, server.persistent_connections];
        assert_eq!((connections, &server.stats), ([0; 3], &Some(Box::default())));
    }
    servers.iter().map(|server| (server.key, server.config)).collect()
}

fn every_forwarding_method_is_kept_for_both_families() {
    let (_ns, mut client) = two_services();
    for (service, prefix, suffix) in [(WEB, "10.0.0.", ""), (WEB6, "[fd00::", "]")] {
        let mut expected = Vec::new();
        for (last, way) in (10..).zip(ways()) {
            let key = format!("{prefix}{last}{suffix}:8080");
            add(&mut client, service, &key, forwarding(way));
            expected.push((server(&key), forwarding(way)));
        }
        assert_eq!(kept(&mut client, service), expected);
    }
}

fn a_tunnel_may_lead_from_one_family_to_the_other() {
    let (_ns, mut client) = two_services();
    for way in ways() {
        for (service, own, other) in
            [(WEB, "10.0.0.9:80", "[fd00::9]:80"), (WEB6, "[fd00::9]:80", "10.0.0.9:80")]
        {
            add(&mut client, service, own, forwarding(way));
            let added = client.add_destination(&tcp(service), &server(other), &forwarding(way));
            let mut expected = vec![(server(own), forwarding(way))];
            if matches!(way, Forwarding::Tunnel(_)) {
                added.expect("a tunnel may");
                expected.push((server(other), forwarding(way)));
                expected.sort_by_key(|(key, _)| *key);
            } else {
                assert_refused(added, RefusalKind::Invalid);
            }
            assert_eq!(kept(&mut client, service), expected);
            for (key, _) in expected {
                client.delete_destination(&tcp(service), &key).expect("it is deleted");
            }
        }
    }
}

fn config(weight: u32, upper_threshold: u32, lower_threshold: u32) -> DestinationConfig {
    DestinationConfig { weight, upper_threshold, lower_threshold, ..Default::default() }
}

fn weights_and_thresholds_are_kept_up_to_their_limits() {
    let (_ns, mut client) = two_services();
    let most = i32::MAX as u32;
    let configs = [
        config(0, 0, 0),
        config(1, 1, 1),
        config(most, 0, 0),
        config(1, most, most),
        config(1, u32::MAX, 0),
        config(1, u32::MAX, u32::MAX),
        config(65536, 100, 50),
    ];
    let mut expected = Vec::new();
    for (last, config) in (10..).zip(configs) {
        let key = format!("10.0.0.{last}:80");
        add(&mut client, WEB, &key, config);
        expected.push((server(&key), config));
    }
    assert_eq!(kept(&mut client, WEB), expected);
}

fn values_past_their_limits_are_refused_and_change_nothing() {
    let (_ns, mut client) = two_services();
    let (service, key) = (tcp(WEB), server("10.0.0.9:80"));
    let over = [config(1 << 31, 0, 0), config(u32::MAX, 0, 0), config(1, 5, 6), config(1, 0, 1)];
    for bad in over {
        let error = client.add_destination(&service, &key, &bad).expect_err("it is refused");
        assert_eq!(error.to_string(), "Numerical result out of range");
    }
    assert_eq!(kept(&mut client, WEB), []);
    add(&mut client, WEB, "10.0.0.9:80", config(7, 100, 50));
    for bad in over {
        let error = client.edit_destination(&service, &key, &bad).expect_err("it is refused");
        assert_eq!(error.refusal().expect("a refusal").errno, 34);
    }
    assert_eq!(kept(&mut client, WEB), [(key, config(7, 100, 50))]);
}

fn servers_are_distinguished_by_address_and_port() {
    let (_ns, mut client) = two_services();
    let keys = ["10.0.0.9:0", "10.0.0.9:80", "10.0.0.9:65535", "10.0.0.10:80"];
    for key in keys {
        add(&mut client, WEB, key, forwarding(Forwarding::Masquerade));
        let again = client.add_destination(&tcp(WEB), &server(key), &config(5, 0, 0));
        assert_refused(again, RefusalKind::DestinationExists);
    }
    let found: Vec<_> = kept(&mut client, WEB).into_iter().map(|(key, _)| key).collect();
    assert_eq!(found, keys.map(server));
    // A service for a firewall mark has servers in the same way.
    let mark = ServiceKey::firewall_mark(7.try_into().expect("not 0"), AddressFamily::V6);
    client.add_service(&mark, &scheduler("rr")).expect("it is added");
    let key = server("[fd00::9]:0");
    client.add_destination(&mark, &key, &Default::default()).expect("it is added");
    assert_eq!(client.destinations(&mark).expect("a list")[0].key, key);
    assert_eq!(kept(&mut client, WEB).len(), 4, "and takes none from others");
}

fn an_edit_replaces_the_whole_configuration() {
    let (_ns, mut client) = two_services();
    add(&mut client, WEB, "10.0.0.8:80", config(3, 2, 1));
    add(&mut client, WEB, "10.0.0.9:80", Default::default());
    for way in ways() {
        for thresholds in [(0, 0), (100, 50)] {
            let forwarding = forwarding(way);
            let config = DestinationConfig {
                weight: 77,
                upper_threshold: thresholds.0,
                lower_threshold: thresholds.1,
                ..forwarding
            };
            client.edit_destination(&tcp(WEB), &server("10.0.0.9:80"), &config).expect("edited");
            assert_eq!(kept(&mut client, WEB)[1], (server("10.0.0.9:80"), config));
        }
    }
    assert_eq!(kept(&mut client, WEB)[0].1, config(3, 2, 1), "the other one stays as it is");
}

fn a_deleted_server_is_gone_and_the_others_stay() {
    let (_ns, mut client) = two_services();
    let keys = ["10.0.0.8:80", "10.0.0.9:80", "10.0.0.9:81"];
    for key in keys {
        add(&mut client, WEB, key, Default::default());
    }
    client.delete_destination(&tcp(WEB), &server("10.0.0.9:80")).expect("it is there");
    let left: Vec<_> = kept(&mut client, WEB).into_iter().map(|(key, _)| key).collect();
    assert_eq!(left, [server("10.0.0.8:80"), server("10.0.0.9:81")]);
}

/// The kernel keeps a deleted server for a while, and reuses it.
fn a_deleted_server_that_is_added_again_has_its_new_configuration() {
    let (_ns, mut client) = two_services();
    let old = DestinationConfig { upper_threshold: 9, ..forwarding(Forwarding::Masquerade) };
    let new = forwarding(Forwarding::Tunnel(Tunnel::Ipip));
    for config in [old, new] {
        add(&mut client, WEB, "10.0.0.9:80", config);
        assert_eq!(kept(&mut client, WEB), [(server("10.0.0.9:80"), config)]);
        client.delete_destination(&tcp(WEB), &server("10.0.0.9:80")).expect("it is there");
    }
}

fn addresses_that_are_not_unicast_or_have_no_route_are_refused() {
    let (_ns, mut client) = two_services();
    for (service, key) in [
        (WEB, "0.0.0.0:80"),
        (WEB, "224.0.0.1:80"),
        (WEB, "255.255.255.255:80"),
        (WEB6, "[::]:80"),
        (WEB6, "[ff02::1]:80"),
    ] {
        let added = client.add_destination(&tcp(service), &server(key), &Default::default());
        assert_refused(added, RefusalKind::Invalid);
        assert_eq!(kept(&mut client, service), [], "{key}");
    }
}

fn more_servers_than_one_datagram_holds_are_all_read() {
    let (_ns, mut client) = two_services();
    let keys: Vec<_> = (0..500).map(|number| server(&format!("10.0.9.9:{number}"))).collect();
    let change = |(number, key): (usize, &DestinationKey)| {
        Change::AddDestination(tcp(WEB), *key, config(number as u32, 0, 0))
    };
    let changes: Vec<_> = keys.iter().enumerate().map(change).collect();
    assert_eq!(in_batch(&mut client, &changes), []);
    let found = kept(&mut client, WEB);
    assert!(found.iter().map(|(key, _)| *key).eq(keys));
    assert!(found.iter().map(|(_, config)| config.weight).eq(0..500));
}
