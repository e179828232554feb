//! Answers of a kernel are read as the values that were written.

use ipvs::{
    AddressFamily, Daemon, DaemonConfig, DaemonRole, Destination, DestinationConfig,
    DestinationKey, Error, Service, ServiceConfig, ServiceKey, Statistics, Timeouts,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::codec::Attribute;
use crate::fake::{Fake, ask, client};
use crate::numbers::{cmd, errno};
use crate::{values, write};

proptest! {
    #![proptest_config(values::cases(150))]

    #[test]
    fn services_are_read_whole_however_the_dump_is_cut(
        services in vec(values::service(), 0..12),
        each in 1usize..5,
    ) {
        let sent: Vec<_> = services.iter().map(write::service).collect();
        let got = ask(
            move |request| request.dump_in(each, cmd::NEW_SERVICE, &sent),
            |client| client.services(),
        );
        prop_assert_eq!(got.expect("they are well formed"), services);
    }

    #[test]
    fn a_single_service_is_read_whole(service in values::service()) {
        let sent = write::service(&service);
        let got = ask(
            move |request| vec![request.answer(cmd::NEW_SERVICE, std::slice::from_ref(&sent))],
            |client| client.service(&service.key),
        );
        prop_assert_eq!(got.expect("it is well formed"), service);
    }

    #[test]
    fn destinations_are_read_whole_however_the_dump_is_cut(
        service in values::service_key(),
        destinations in vec(values::destination(), 0..12),
        each in 1usize..5,
    ) {
        let sent: Vec<_> = destinations.iter().map(write::destination).collect();
        let got = ask(
            move |request| request.dump_in(each, cmd::NEW_DEST, &sent),
            |client| client.destinations(&service),
        );
        prop_assert_eq!(got.expect("they are well formed"), destinations);
    }

    #[test]
    fn skipped_statistics_are_none(
        service in values::service(),
        destination in values::destination(),
    ) {
        let (sent, key) = (vec![write::service(&service)], service.key);
        let got = ask(
            move |request| request.dump(cmd::NEW_SERVICE, &sent),
            |client| {
                let mut got = Vec::new();
                client.each_service(Statistics::Skip, |service| got.push(service))?;
                Ok(got)
            },
        );
        let expected = Service::new(key, service.config);
        prop_assert_eq!(got.expect("they are well formed"), [expected]);

        let sent = vec![write::destination(&destination)];
        let got = ask(
            move |request| request.dump(cmd::NEW_DEST, &sent),
            |client| {
                let mut got = Vec::new();
                client.each_destination(&key, Statistics::Skip, |server| got.push(server))?;
                Ok(got)
            },
        );
        let mut expected = destination;
        expected.stats = None;
        prop_assert_eq!(got.expect("they are well formed"), [expected]);
    }

    #[test]
    fn daemons_are_read_whole(daemons in vec(values::daemon(), 0..3)) {
        let sent: Vec<_> = daemons.iter().map(write::daemon).collect();
        let got = ask(
            move |request| request.dump(cmd::NEW_DAEMON, &sent),
            |client| client.daemons(),
        );
        prop_assert_eq!(got.expect("they are well formed"), daemons);
    }

    #[test]
    fn timeouts_are_read_whole(timeouts in values::timeouts()) {
        let sent = write::timeouts(&timeouts);
        let got = ask(
            move |request| vec![request.answer(cmd::SET_CONFIG, &sent)],
            |client| client.timeouts(),
        );
        prop_assert_eq!(got.expect("they are well formed"), timeouts);
    }

    #[test]
    fn version_and_table_size_are_read_whole(info in values::info()) {
        let sent = write::info(&info);
        let got = ask(
            move |request| vec![request.answer(cmd::SET_INFO, &sent)],
            |client| client.info(),
        );
        prop_assert_eq!(got.expect("it is well formed"), info);
    }
}

/// A kernel with these services and their servers.
fn table(entries: Vec<(Attribute, Vec<Attribute>)>) -> (ipvs::Client<Fake>, Fake) {
    client(move |requests| {
        let request = &requests[0];
        let services: Vec<_> = entries.iter().map(|(service, _)| service.clone()).collect();
        let servers = match request.command {
            cmd::GET_DEST => {
                let asked = request.attributes.flat(2);
                let port = &asked[&vec![1, 4]];
                let same = |service: &Attribute| match service {
                    Attribute::Nest(_, inner) => inner.contains(&Attribute::Leaf(4, port.clone())),
                    Attribute::Leaf(..) => false,
                };
                let entry = entries.iter().find(|(service, _)| same(service));
                entry.expect("a service of the list").1.clone()
            }
            _ => Vec::new(),
        };
        request.table(&services, &servers).into_iter().map(Ok).collect()
    })
}

#[test]
fn a_snapshot_has_each_service_with_its_own_servers_sorted() {
    let service = |port: u16| {
        let key = ServiceKey::tcp(([192, 0, 2, 1], port));
        let mut service = Service::new(key, ServiceConfig::default());
        service.stats = Some(Box::default());
        service
    };
    let server = |last: u8| {
        let key = DestinationKey::from(([10, 0, 0, last], 80));
        let mut server = Destination::new(key, DestinationConfig::default());
        server.active_connections = u32::from(last);
        server
    };
    let entry = |port: u16, servers: &[u8]| {
        let servers = servers.iter().map(|&last| write::destination(&server(last))).collect();
        (write::service(&service(port)), servers)
    };
    let (mut client, fake) =
        // A service can come twice while others change the table. The snapshot has it once.
        table(vec![entry(443, &[200, 3]), entry(8080, &[]), entry(80, &[100, 20, 3, 20])]);
    let snapshot = client.snapshot().expect("it is well formed");
    let found: Vec<_> = snapshot
        .entries
        .iter()
        .map(|entry| {
            let servers: Vec<_> = entry.destinations.iter().map(|d| d.active_connections).collect();
            (entry.service.clone(), servers)
        })
        .collect();
    assert_eq!(
        found,
        [(service(80), vec![3, 20, 100]), (service(443), vec![3, 200]), (service(8080), vec![])]
    );
    // The list of services and two lists of servers come in pieces, and are read again.
    assert_eq!(fake.sizes(), [1; 7], "one dump at a time: a second one would get EBUSY");
}

#[test]
fn destinations_are_appended_to_the_list() {
    let key = ServiceKey::firewall_mark(7.try_into().expect("not 0"), AddressFamily::V4);
    let key_of_server = DestinationKey::from(([10, 0, 0, 1], 80));
    let mut server = Destination::new(key_of_server, DestinationConfig::default());
    server.active_connections = 1;
    server.inactive_connections = 2;
    server.persistent_connections = 3;
    server.stats = Some(Box::default());
    let sent = write::destination(&server);
    let (mut client, _) = client(move |requests| {
        requests[0].dump(cmd::NEW_DEST, std::slice::from_ref(&sent)).into_iter().map(Ok).collect()
    });
    let mut servers = Vec::new();
    client.destinations_into(&key, &mut servers).expect("it is well formed");
    client.destinations_into(&key, &mut servers).expect("it is well formed");
    assert_eq!(servers, [server.clone(), server]);
}

#[test]
fn a_dump_may_end_with_an_empty_message() {
    let services = ask(|request| vec![request.done_empty()], |client| client.services());
    assert_eq!(services.expect("it is an end"), []);
}

#[test]
fn a_dump_that_ends_with_an_error_is_refused() {
    let config = DaemonConfig::new("eth0".parse().expect("a name"));
    let daemon = Daemon::new(DaemonRole::Master, config);
    let error = ask(
        move |request| {
            let some = request.answer(cmd::NEW_DAEMON, &[write::daemon(&daemon)]);
            vec![some, request.done(errno::EBUSY, None)]
        },
        |client| client.daemons(),
    );
    let error = error.expect_err("it did not come to its end");
    assert_eq!(error.refusal().expect("a refusal").errno, errno::EBUSY);
    assert_eq!(error.to_string(), "Device or resource busy");
}

#[test]
fn messages_without_meaning_or_for_other_requests_are_ignored() {
    let (mut client, _) = client(|requests| {
        let request = &requests[0];
        let mut other = request.clone();
        other.sequence = request.sequence.wrapping_sub(1);
        let timeouts = |tcp| {
            write::timeouts(&Timeouts { tcp_seconds: tcp, tcp_fin_seconds: 2, udp_seconds: 3 })
        };
        let datagram = [
            request.noop(),
            other.refused_capped(errno::EBUSY, None),
            other.answer(cmd::SET_CONFIG, &timeouts(1)),
            request.answer(cmd::SET_CONFIG, &timeouts(900)),
        ];
        vec![Ok(other.done(0, None)), Ok(datagram.concat())]
    });
    assert_eq!(client.timeouts().expect("the answer is there").tcp_seconds, 900);
}

#[test]
fn an_answer_without_content_is_malformed() {
    let error = ask(|request| vec![request.acknowledged()], |client| client.info());
    assert!(matches!(error, Err(Error::Malformed(_))), "{error:?}");
}
