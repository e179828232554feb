//! The steps of the walk-through, for `make demo` and for tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::Lab;
use super::checks::{expect_share, expect_sticking, load};
use super::measure::{ask, column, connections, counted, iptables, mac};
use super::network::{BACKEND, DR_VIP, LAN, NAT_VIP};
use super::story::{Story, run_silently};
use super::web::answering;
use crate::harness::KernelTest;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        nat_distributes_connections_evenly_and_by_weight,
        persistence_keeps_a_client_on_one_server,
        direct_routing_alternates_between_servers,
        the_kernel_has_ipvs,
    ]
}

fn the_kernel_has_ipvs() {
    tested(|lab, story| {
        step_1_ipvs(lab, story);
    });
}

fn nat_distributes_connections_evenly_and_by_weight() {
    tested(|lab, story| {
        step_2_nat(lab, story);
        step_3_weights(lab, story);
    });
}

fn direct_routing_alternates_between_servers() {
    tested(step_4_direct_routing);
}

fn persistence_keeps_a_client_on_one_server() {
    tested(|lab, story| {
        prepare(lab);
        step_5_persistence(lab, story);
    });
}

/// Runs a part of the walk-through as a test.
pub(super) fn tested(part: impl Fn(&Lab, &mut Story)) {
    let lab = Lab::new();
    let mut story = Story::new(false);
    part(&lab, &mut story);
    let (held, failed) = story.account();
    assert!(failed.is_empty(), "not as expected:\n{}", failed.join("\n"));
    assert!(held > 0, "nothing was checked");
}

/// The whole walk-through.
pub(crate) fn everything(lab: &Lab, story: &mut Story) {
    step_1_ipvs(lab, story);
    step_2_nat(lab, story);
    step_3_weights(lab, story);
    step_4_direct_routing(lab, story);
    step_5_persistence(lab, story);
}

/// Sets up the hosts for NAT and direct routing silently, without services.
pub(crate) fn prepare(lab: &Lab) {
    let setup = [nat_setup(), direct_routing_director(), direct_routing_servers()].concat();
    for (host, command) in setup {
        run_silently(lab.host(host), &command).success();
    }
}

/// Commands, each with its host.
pub(super) type Setup = Vec<(&'static str, String)>;

pub(super) fn nat_setup() -> Setup {
    vec![("director", "sysctl -w net.ipv4.ip_forward=1".to_owned())]
}

pub(super) fn direct_routing_director() -> Setup {
    vec![
        ("director", format!("ip address add {DR_VIP}/32 dev eth0")),
        ("director", format!("ip route add {DR_VIP}/32 dev eth0")),
    ]
}

pub(super) fn direct_routing_servers() -> Setup {
    let mut setup = Vec::new();
    for (number, host) in ["server1", "server2"].into_iter().enumerate() {
        let (backend, lan) = (BACKEND[number], LAN[number]);
        for command in [
            "sysctl -w net.ipv4.conf.all.arp_ignore=1".to_owned(),
            "sysctl -w net.ipv4.conf.all.arp_announce=2".to_owned(),
            format!("ip address add {DR_VIP}/32 dev lo"),
            // Answers to connections by NAT must still go back through the director.
            format!("ip rule add from {backend} table 100"),
            "ip route add default via 128.10.10.7 table 100".to_owned(),
            format!("ip address add {lan}/24 dev eth1"),
        ] {
            setup.push((host, command));
        }
    }
    setup
}

pub(super) fn run_all(lab: &Lab, story: &mut Story, setup: Setup) {
    for (host, command) in setup {
        story.run(lab.host(host), &command);
    }
}

fn step_1_ipvs(lab: &Lab, story: &mut Story) {
    let director = &lab.network.director;
    story.step("Step 1: find IPVS");
    story.say(
        "IPVS is part of the Linux kernel, in the module ip_vs. Programs talk to it through the
         generic netlink family IPVS. If the family is missing, ipvsadm loads the module.",
    );
    let listing = story.run(director, "ipvsadm -L -n");
    let first = listing.stdout.lines().next().unwrap_or_default();
    let version = first.strip_prefix("IP Virtual Server version ");
    let version = version.and_then(|rest| rest.split_whitespace().next());
    story.expect("IPVS in the kernel", "a version", version.unwrap_or("none"), version.is_some());
    let module =
        ["/sys/module/ip_vs", "/proc/net/ip_vs"].into_iter().find(|path| Path::new(path).exists());
    story.expect("the module", "loaded", module.unwrap_or("no trace of it"), module.is_some());

    let family = story.run_showing(director, "genl ctrl get name IPVS", |line| {
        line.contains("Name:") || line.contains("Version:")
    });
    let version = family.stdout.split_whitespace().skip_while(|word| *word != "Version:").nth(1);
    story.expect_equal("the family's version", "0x1", version.unwrap_or("none"));

    story.say(
        "A scheduler chooses the real server for a new connection. Each is a module, loaded when
         a service needs it.",
    );
    let all = [
        "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh",
        "twos",
    ];
    let (mut load, mut missing) = (Vec::new(), Vec::new());
    for scheduler in all {
        run_silently(director, &format!("ipvsadm -A -t 127.0.0.1:9 -s {scheduler}"));
        // The kernel's own listing is the evidence.
        let table = director.enter(|| fs::read_to_string("/proc/thread-self/net/ip_vs"));
        let line = format!("TCP  7F000001:0009 {scheduler} ");
        if table.is_ok_and(|table| table.contains(&line)) {
            load.push(scheduler);
            run_silently(director, "ipvsadm -D -t 127.0.0.1:9");
        } else {
            missing.push(scheduler);
        }
    }
    if !missing.is_empty() {
        story.show(&format!("  This kernel was built without {}.", missing.join(", ")));
    }
    let holds = ["rr", "wrr", "lc", "wlc", "sh"].iter().all(|name| load.contains(name));
    story.expect("schedulers", "rr, wrr, lc, wlc, sh and more", load.join(", "), holds);

    story.say(
        "In NAT the director forwards answers like a router, which Linux does only if enabled.",
    );
    let forward = story.run(director, "sysctl net.ipv4.ip_forward");
    let state = forward.stdout.trim().rsplit(' ').next().unwrap_or_default();
    story.expect("ip_forward", "0 or 1", state, ["0", "1"].contains(&state));
}

fn step_2_nat(lab: &Lab, story: &mut Story) {
    let network = &lab.network;
    let director = &network.director;
    story.step("Step 2: NAT, each server in turn");
    story.say(
        "Clients connect to the director's own address. IPVS rewrites the destination to a real
         server behind it. The server's default route is the director, so the answer passes
         through it and is rewritten again.",
    );
    run_all(lab, story, nat_setup());
    story.expect_equal("ip_forward", "1", director.read_sysctl("net.ipv4.ip_forward").as_str());
    story.run(director, &format!("ipvsadm -A -t {NAT_VIP}:80 -s rr"));
    for server in BACKEND {
        story.run(director, &format!("ipvsadm -a -t {NAT_VIP}:80 -r {server} -m"));
    }
    story.run(director, "ipvsadm -L -n");
    let page = answering(&network.client1, NAT_VIP, 80);
    story.expect(
        "a page through the director",
        "from a real server",
        page.as_deref().unwrap_or_else(|error| error),
        page.is_ok(),
    );

    let before = connections(director, BACKEND);
    load(story, &network.client1, 1000, 100);
    let after = counted(director, BACKEND, before, 1000);
    story.run(director, "ipvsadm -L -n --stats");
    expect_share(story, before, after, 1, 1);
}

fn step_3_weights(lab: &Lab, story: &mut Story) {
    let network = &lab.network;
    let director = &network.director;
    story.step("Step 3: NAT, by weight");
    story.say("The running service gets another scheduler, and its servers weights 1 and 3.");
    story.run(director, &format!("ipvsadm -E -t {NAT_VIP}:80 -s wrr"));
    for (server, weight) in BACKEND.into_iter().zip([1, 3]) {
        story.run(director, &format!("ipvsadm -e -t {NAT_VIP}:80 -r {server} -m -w {weight}"));
    }
    story.run(director, "ipvsadm -L -n");

    let before = connections(director, BACKEND);
    load(story, &network.client1, 10_000, 1000);
    let after = counted(director, BACKEND, before, 10_000);
    story.run(director, "ipvsadm -L -n --stats");
    expect_share(story, before, after, 1, 3);
}

fn step_4_direct_routing(lab: &Lab, story: &mut Story) {
    let network = &lab.network;
    let director = &network.director;
    story.step("Step 4: direct routing");
    story.say(
        "Now the real servers are on the clients' LAN too, and have the service's address
         themselves. The director only changes the frame's destination; answers go straight from
         server to client.",
    );
    run_all(lab, story, direct_routing_director());
    story.say(
        "All three have the address, but only the director may answer ARP requests for it. The
         servers have it on lo; arp_ignore=1 keeps eth1 silent about it, and arp_announce=2 keeps
         it out of their own requests.",
    );
    run_all(lab, story, direct_routing_servers());
    story.run(director, &format!("ipvsadm -A -t {DR_VIP}:80 -s rr"));
    for server in LAN {
        story.run(director, &format!("ipvsadm -a -t {DR_VIP}:80 -r {server} -g -w 1"));
    }
    story.run(director, "ipvsadm -L -n");

    let answers = ask(&network.client1, DR_VIP, &[80; 6]);
    let alternates = answers.windows(2).all(|pair| pair[0] != pair[1])
        && BTreeSet::from_iter(&answers).len() == 2
        && answers.iter().all(|answer| answer.starts_with("server"));
    story.expect("six pages for client1", "both servers in turn", answers.join(" "), alternates);

    let neighbour = story.run(&network.client1, &format!("ip neigh show {DR_VIP}"));
    let owner = neighbour.stdout.split_whitespace().skip_while(|word| *word != "lladdr").nth(1);
    let owner = owner.unwrap_or("nobody");
    let expected = mac(director, "eth0");
    story.expect(
        "the owner of the address by ARP",
        format!("the director, {expected}"),
        owner,
        owner == expected,
    );

    counted(director, LAN, [0, 0], 6);
    let stats = story.run(director, "ipvsadm -L -n --stats");
    let passed: Vec<&str> =
        LAN.iter().filter_map(|server| column(&stats.stdout, server, 2)).collect();
    story.expect_equal("answers that passed the director", "0 0", passed.join(" ").as_str());
}

fn step_5_persistence(lab: &Lab, story: &mut Story) {
    let director = &lab.network.director;
    story.step("Step 5: persistence");
    story.say(
        "With -p, a client's first connection chooses a server, and later ones go to the same
         server for a while.",
    );

    story.say("Per port: one service, one port.");
    serve(lab, story, &format!("-t {DR_VIP}:80"), "-p 300");
    let virtual_service = format!("{DR_VIP}:80");
    expect_sticking(lab, story, &virtual_service, &[80, 80, 80, 80]);

    story.say("Per client: port 0 stands for every port, so 80 and 8080 go to one server.");
    serve(lab, story, &format!("-t {DR_VIP}:0"), "-p");
    let virtual_service = format!("{DR_VIP}:0");
    expect_sticking(lab, story, &virtual_service, &[80, 8080, 80, 8080]);

    story.say(
        "Per firewall mark: packets with the same mark from iptables belong to one service. Here
         those are the packets to ports 80 and 8080.",
    );
    let iptables = iptables(director);
    for port in [80, 8080] {
        story.run(
            director,
            &format!(
                "{iptables} -t mangle -A PREROUTING -d {DR_VIP} -p tcp --dport {port} -i eth0 \
                 -j MARK --set-mark 10"
            ),
        );
    }
    serve(lab, story, "-f 10", "-p");
    // The mark takes the place of the address.
    expect_sticking(lab, story, "0.0.0.10:0", &[80, 8080, 80, 8080]);
    let other = answering(&lab.network.client1, DR_VIP, 22);
    story.expect(
        "port 22, which has no mark",
        "refused",
        other.as_deref().unwrap_or_else(|error| error),
        other.is_err(),
    );
    run_silently(director, &format!("{iptables} -t mangle -F")).success();
}

/// Replaces every service with this one, for direct routing to both servers.
fn serve(lab: &Lab, story: &mut Story, service: &str, persistence: &str) {
    let director = &lab.network.director;
    story.run(director, "ipvsadm -C");
    story.run(director, &format!("ipvsadm -A {service} -s rr {persistence}"));
    for server in LAN {
        story.run(director, &format!("ipvsadm -a {service} -r {server} -g"));
    }
}
