//! What is wrong on a real server, seen there.

use std::thread;

use super::network::{Direct, Nat, Server, ask_in_vain, fails, rules, settle, works};
use super::patient::Patient;
use crate::harness::KernelTest;
use crate::netns::Netns;

pub(super) fn tests() -> Vec<KernelTest> {
    crate::tests![
        arp_ignore,
        arp_announce,
        vip_missing,
        vip_on_nic,
        vip_too_wide,
        not_listening,
        tunnel_down,
        rp_filter,
        gateway,
        duplicate_address,
    ]
}

const DIRECT: &str = "--server-side -t 192.0.2.100:80 -g";

/// Direct routing with its first server alone, so that every request goes there.
fn one_server() -> Direct {
    let network = Direct::new();
    rules(&network.director, "-d -t 192.0.2.100:80 -r 192.0.2.3:80\n");
    works(&network.client, Direct::VIP);
    network
}

/// What the client takes for the hardware address of the virtual one, asked anew.
fn owner(client: &Netns) -> String {
    client.ip("neighbour flush all");
    let _ = ask_in_vain(client, Direct::VIP);
    let shown = client.command("ip").args(["neighbour", "show", "192.0.2.100"]).run();
    shown.stdout.split_whitespace().nth(4).unwrap_or_default().to_owned()
}

fn mac(host: &Netns) -> String {
    let text = host.command("ip").args(["-br", "link", "show", "eth0"]).run().stdout;
    text.split_whitespace().nth(2).expect("a hardware address").to_owned()
}

fn arp_ignore() {
    let network = one_server();
    let [server, _] = &network.servers;
    let doctor = Patient::new(server).with(DIRECT);
    doctor.is_well();
    server.sysctl("net.ipv4.conf.all.arp_ignore", "0");
    // As many tutorials say.
    server.sysctl("net.ipv4.conf.lo.arp_ignore", "1");
    // With both answering, either may be first: alone it answers for sure.
    network.director.ip("link set eth0 down");
    assert_eq!(owner(&network.client), mac(server));
    let finding = doctor.has("arp-ignore");
    assert!(finding.text("seen").ends_with("that of lo is 1, which has no effect"));
    doctor.mend(&finding);
    assert_ne!(owner(&network.client), mac(server));
    network.director.ip("link set eth0 up");
    assert_eq!(owner(&network.client), mac(&network.director));
    works(&network.client, Direct::VIP);
    doctor.is_well();
}

fn arp_announce() {
    let network = one_server();
    let [server, _] = &network.servers;
    let doctor = Patient::new(server).with(DIRECT);
    // The server asks for the client when it answers to it.
    let told = || {
        server.ip("neighbour flush all");
        works(&network.client, Direct::VIP);
        let shown = network.client.command("ip").args(["neighbour", "show", "192.0.2.100"]).run();
        shown.stdout.contains(&mac(server))
    };
    assert!(!told());
    server.sysctl("net.ipv4.conf.all.arp_announce", "0");
    assert!(told(), "the client believes whoever asks it");
    let finding = doctor.has("arp-announce");
    doctor.mend(&finding);
    assert_eq!(owner(&network.client), mac(&network.director));
    assert!(!told());
    doctor.is_well();
}

fn vip_missing() {
    let network = one_server();
    let [server, _] = &network.servers;
    let doctor = Patient::new(server).with(DIRECT);
    server.ip("address delete 192.0.2.100/32 dev lo");
    fails(&network.client, Direct::VIP);
    doctor.mend(&doctor.has("vip-missing"));
    works(&network.client, Direct::VIP);
    doctor.is_well();
}

fn vip_on_nic() {
    let network = one_server();
    let [server, _] = &network.servers;
    let doctor = Patient::new(server).with(DIRECT);
    server.ip("address delete 192.0.2.100/32 dev lo\naddress add 192.0.2.100/32 dev eth0");
    network.director.ip("link set eth0 down");
    assert_eq!(owner(&network.client), mac(server));
    let finding = doctor.has("vip-on-nic");
    network.director.ip("link set eth0 up");
    doctor.mend(&finding);
    assert_eq!(owner(&network.client), mac(&network.director));
    works(&network.client, Direct::VIP);
    doctor.is_well();
}

fn vip_too_wide() {
    let network = one_server();
    let [server, _] = &network.servers;
    let doctor = Patient::new(server).with(DIRECT);
    server.ip("address delete 192.0.2.100/32 dev lo\naddress add 192.0.2.100/24 dev lo");
    fails(&network.client, Direct::VIP);
    doctor.mend(&doctor.has("vip-too-wide"));
    works(&network.client, Direct::VIP);
    doctor.is_well();
}

fn not_listening() {
    let Direct { client, director, servers: [server, other], switch, _web } = one_server();
    let doctor = Patient::new(&server).with(DIRECT);
    doctor.is_well();
    drop(_web);
    fails(&client, Direct::VIP);
    doctor.has("not-listening");
    let own = Server::start(&server, "192.0.2.2:80");
    fails(&client, Direct::VIP);
    let finding = doctor.has("not-listening");
    assert_eq!(finding.text("seen"), "something listens on TCP port 80, but at 192.0.2.2 only");
    drop(own);
    for address in ["192.0.2.100:80", "[::]:80"] {
        let _right = Server::start(&server, address);
        works(&client, Direct::VIP);
        doctor.is_well();
    }
    drop((director, other, switch));
}

/// Direct routing made a tunnel.
fn tunnel() -> Direct {
    let network = one_server();
    let [server, _] = &network.servers;
    network.director.command("modprobe").arg("ipip").run().success();
    rules(&network.director, "-e -t 192.0.2.100:80 -r 192.0.2.2:80 -i\n");
    server.sysctl("net.ipv4.conf.all.rp_filter", "0");
    server.sysctl("net.ipv4.conf.tunl0.rp_filter", "0");
    network
}

const TUNNEL: &str = "--server-side -t 192.0.2.100:80 -i";

fn tunnel_down() {
    let network = tunnel();
    let [server, _] = &network.servers;
    let doctor = Patient::new(server).with(TUNNEL);
    fails(&network.client, Direct::VIP);
    doctor.mend(&doctor.has("tunnel-down"));
    works(&network.client, Direct::VIP);
    doctor.is_well();
}

fn rp_filter() {
    let network = tunnel();
    let [server, _] = &network.servers;
    let doctor = Patient::new(server).with(TUNNEL);
    server.ip("link set tunl0 up");
    works(&network.client, Direct::VIP);
    doctor.is_well();
    // Without an address on the interface, loose is as bad as strict.
    for (all, own) in [("0", "1"), ("0", "2"), ("2", "0"), ("1", "0")] {
        server.sysctl("net.ipv4.conf.all.rp_filter", all);
        server.sysctl("net.ipv4.conf.tunl0.rp_filter", own);
        let is_mended = server.command("ip").args(["address", "show", "tunl0"]).run();
        if is_mended.stdout.contains("inet ") {
            server.ip("address flush dev tunl0");
        }
        fails(&network.client, Direct::VIP);
        doctor.mend(&doctor.has("rp-filter"));
        works(&network.client, Direct::VIP);
    }
    doctor.is_well();
}

fn gateway() {
    let Nat { client, director, server, .. } = &Nat::new();
    let doctor = Patient::new(server).with("--server-side -t 192.0.2.1:80 -m --director 10.0.0.1");
    works(client, Nat::VIP);
    doctor.is_well();
    server.ip("route replace default via 10.0.0.99");
    let finding = thread::scope(|scope| {
        scope.spawn(|| fails(client, Nat::VIP));
        thread::sleep(std::time::Duration::from_millis(1200));
        doctor.has("nat-gateway")
    });
    assert!(finding.text("seen").contains("192.0.2.10 goes through 10.0.0.99"));
    doctor.mend(&finding);
    works(client, Nat::VIP);
    doctor.is_well();
    // The director's own address as the client's needs no route.
    server.ip("route delete default");
    fails(client, Nat::VIP);
    director.sysctl("net.ipv4.vs.conntrack", "1");
    let rule = "-t nat -A POSTROUTING -d 10.0.0.2 -j MASQUERADE";
    director.command("iptables-legacy").args(rule.split(' ')).run().success();
    works(client, Nat::VIP);
    doctor.is_well();
}

/// With IPv6 the address is asked for before it is used.
fn duplicate_address() {
    let network = Direct::new();
    let [server, _] = &network.servers;
    let Direct { client, director, .. } = &network;
    for (host, own) in
        [(client, "2001:db8::10"), (director, "2001:db8::1"), (server, "2001:db8::2")]
    {
        host.ip(&format!("address add {own}/64 dev eth0 nodad"));
    }
    director.ip("address add 2001:db8::100/128 dev eth0 nodad");
    server.ip("address add 2001:db8::100/128 dev lo nodad");
    [client, director, server].into_iter().for_each(settle);
    let vip = "[2001:db8::100]:80";
    let _web = Server::start(server, vip);
    rules(director, &format!("-A -t {vip} -s rr\n-a -t {vip} -r [2001:db8::2]:80 -g\n"));
    let doctor = Patient::new(server).with(&format!("--server-side -t {vip} -g"));
    works(client, vip);
    doctor.is_well();
    server.ip("address delete 2001:db8::100/128 dev lo\naddress add 2001:db8::100/64 dev eth0");
    let finding = doctor.has("ipv6-dad");
    doctor.mend(&finding);
    works(client, vip);
    doctor.is_well();
}
