//! The last step of the demo: the network is broken in five ways, and `ipvsadm --doctor` says what
//! mends it. Every command that mends comes from its output.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use super::Lab;
use super::measure::{iptables, mac};
use super::network::{BACKEND, DR_VIP, LAN, NAT_VIP};
use super::story::{Story, run_silently};
use super::walkthrough::{
    direct_routing_director, direct_routing_servers, nat_setup, run_all, tested,
};
use super::web::answering_within;
use crate::harness::KernelTest;
use crate::netns::Netns;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![the_doctor_mends_what_breaks]
}

fn the_doctor_mends_what_breaks() {
    tested(everything);
}

/// A client gives up after this time.
const PATIENCE: Duration = Duration::from_secs(1);
/// A client that the doctor is to see waiting.
const LONG: Duration = Duration::from_secs(4);

/// All five, on a network without services.
pub(crate) fn everything(lab: &Lab, story: &mut Story) {
    let director = &lab.network.director;
    story.step("Step 6: when it does not work");
    story.say("The network is new, and is set up for NAT again, as in step 2.");
    run_all(lab, story, nat_setup());
    serve(story, director, NAT_VIP, BACKEND, "-m");
    expect_pages(lab, story, NAT_VIP);

    forwarding_off(lab, story);
    expect_health(lab, story, NAT_VIP);
    forwarded_packets_dropped(lab, story);
    expect_health(lab, story, NAT_VIP);
    other_gateway(lab, story);
    expect_health(lab, story, NAT_VIP);

    story.say("Now direct routing, as in step 4, beside it.");
    run_all(lab, story, direct_routing_director());
    for (host, command) in direct_routing_servers() {
        run_silently(lab.host(host), &command).success();
    }
    serve(story, director, DR_VIP, LAN, "-g");
    expect_pages(lab, story, DR_VIP);

    arp_set_on_lo(lab, story);
    expect_health(lab, story, DR_VIP);
    address_missing(lab, story);
    expect_pages(lab, story, NAT_VIP);
    expect_health(lab, story, DR_VIP);
}

fn serve(story: &mut Story, director: &Netns, address: &str, servers: [&str; 2], method: &str) {
    story.run(director, &format!("ipvsadm -A -t {address}:80 -s rr"));
    for server in servers {
        story.run(director, &format!("ipvsadm -a -t {address}:80 -r {server} {method}"));
    }
}

fn forwarding_off(lab: &Lab, story: &mut Story) {
    let director = &lab.network.director;
    story.say("1. The director does not forward: ip_forward was set by hand, and a boot undid it.");
    story.run(director, "sysctl -w net.ipv4.ip_forward=0");
    expect_failures(lab, story, NAT_VIP, PATIENCE);
    let finding = diagnose(story, director, "ipvsadm --doctor --for 1", "ip-forward-off");
    finding.mend(lab, story, director);
}

fn forwarded_packets_dropped(lab: &Lab, story: &mut Story) {
    let director = &lab.network.director;
    story.say("2. The firewall drops what the director forwards. Docker sets this policy.");
    story.run(director, &format!("{} -P FORWARD DROP", iptables(director)));
    expect_failures(lab, story, NAT_VIP, PATIENCE);
    let finding = diagnose(story, director, "ipvsadm --doctor --for 1", "firewall-drops");
    finding.mend(lab, story, director);
}

fn other_gateway(lab: &Lab, story: &mut Story) {
    let director = &lab.network.director;
    story.say("3. A real server's default route is another router.");
    story.run(&lab.network.server1, "ip route replace default via 128.10.10.1");
    story.say("The doctor watches while clients wait.");
    let finding = thread::scope(|scope| {
        let clients = scope.spawn(|| pages(lab, NAT_VIP, LONG));
        thread::sleep(Duration::from_millis(300));
        let finding = diagnose(story, director, "ipvsadm --doctor --for 2", "nat-no-replies");
        judge_failures(story, &clients.join().expect("the requests end"));
        finding
    });
    finding.mend(lab, story, director);
}

fn arp_set_on_lo(lab: &Lab, story: &mut Story) {
    let director = &lab.network.director;
    let (client, server) = (&lab.network.client1, &lab.network.server1);
    story.say(
        "4. On a real server, arp_ignore and arp_announce are set on lo only, as many guides say.",
    );
    for setting in
        ["all.arp_ignore=0", "all.arp_announce=0", "lo.arp_ignore=1", "lo.arp_announce=2"]
    {
        story.run(server, &format!("sysctl -w net.ipv4.conf.{setting}"));
    }
    // So that the server has to ask for the client.
    run_silently(server, "ip neighbour flush dev eth1").success();
    pages(lab, DR_VIP, PATIENCE);
    let answers = pages(lab, DR_VIP, PATIENCE);
    story.expect(
        "two requests, past the director",
        "both answered by server1",
        answers.join(" "),
        answers.iter().all(|it| it == "server1"),
    );
    let neighbour = story.run(client, &format!("ip neighbour show {DR_VIP}"));
    let owner = mac(server, "eth1");
    story.expect(
        "the owner of the address, as client1 has learned it",
        format!("server1, {owner}"),
        neighbour.stdout.split_whitespace().nth(4).unwrap_or("nobody"),
        neighbour.stdout.contains(&owner),
    );
    let command = "ipvsadm --doctor --probe --for 1";
    let finding = diagnose(story, director, command, "arp-answered-by-server");
    // What to do there is seen there.
    let (server, look) = finding.look_there(lab);
    let findings = examine(story, server, &look);
    let ids: Vec<&str> = findings.iter().map(|it| &*it.id).collect();
    story.expect_equal("what is wrong there", "arp-announce arp-ignore", &*sorted(&ids));
    for finding in &findings {
        finding.mend(lab, story, server);
    }
    // What it has learned, the client would keep for a minute.
    let flush = findings.iter().flat_map(|it| &it.fix).find_map(|line| {
        line.starts_with('#')
            .then(|| line.find("ip neighbour flush"))
            .flatten()
            .map(|at| &line[at..])
    });
    story.run(client, flush.unwrap_or("no command for clients"));
}

fn address_missing(lab: &Lab, story: &mut Story) {
    let director = &lab.network.director;
    story.say(
        "5. A real server has lost the virtual address, which was added by hand before a boot.",
    );
    let lost = &lab.network.server2;
    story.run(lost, &format!("ip address delete {DR_VIP}/32 dev lo"));
    story.say("The doctor watches while clients wait.");
    let finding = thread::scope(|scope| {
        let clients = scope.spawn(|| pages(lab, DR_VIP, LONG));
        thread::sleep(Duration::from_millis(300));
        let finding = diagnose(story, director, "ipvsadm --doctor --for 2", "half-open");
        judge_failures(story, &clients.join().expect("the requests end"));
        finding
    });
    let (server, look) = finding.look_there(lab);
    let finding = diagnose(story, server, &look, "vip-missing");
    finding.mend(lab, story, server);
}

fn sorted(ids: &[&str]) -> String {
    BTreeSet::from_iter(ids.iter().copied()).into_iter().collect::<Vec<_>>().join(" ")
}

/// Who answers client1's two requests at once, each of which goes to another server.
fn pages(lab: &Lab, address: &str, patience: Duration) -> Vec<String> {
    let client = &lab.network.client1;
    let ask = || {
        answering_within(client, address, 80, patience).unwrap_or_else(|error| format!("({error})"))
    };
    thread::scope(|scope| {
        let requests = [(); 2].map(|()| scope.spawn(ask));
        requests.map(|request| request.join().expect("a request ends")).to_vec()
    })
}

fn expect_failures(lab: &Lab, story: &mut Story, address: &str, patience: Duration) {
    judge_failures(story, &pages(lab, address, patience));
}

fn judge_failures(story: &mut Story, answers: &[String]) {
    let failed = answers.iter().any(|answer| !answer.starts_with("server"));
    story.expect("client1's two requests", "at least one fails", answers.join(" "), failed);
}

/// Expects both servers to answer.
fn expect_pages(lab: &Lab, story: &mut Story, address: &str) {
    let mut answers = pages(lab, address, LONG);
    answers.sort_unstable();
    let subject = format!("client1's two requests to {address}");
    story.expect_equal(&subject, "server1 server2", &*answers.join(" "));
}

/// Expects both servers to answer, and the doctor to find nothing.
fn expect_health(lab: &Lab, story: &mut Story, address: &str) {
    expect_pages(lab, story, address);
    let is_summary = |line: &str| line.contains(" made");
    let director = &lab.network.director;
    let ran = story.run_whatever(director, "ipvsadm --doctor --for 1", is_summary);
    let said = ran.stdout.lines().last().unwrap_or_default();
    story.expect(
        "the doctor",
        "nothing is wrong",
        said.split(';').next().unwrap_or_default(),
        ran.status.success() && said.starts_with("nothing is wrong"),
    );
}

/// A finding, read from what is printed for people.
struct Finding {
    id: String,
    fix: Vec<String>,
}

impl Finding {
    /// Carries out the commands, each on its host: the one examined, or a real server that is named.
    fn mend(&self, lab: &Lab, story: &mut Story, host: &Netns) {
        let mut count = 0;
        for line in &self.fix {
            let (host, command) = match (on_server(lab, line), line.starts_with('#')) {
                (Some((server, command)), _) => (server, command),
                (None, false) => (host, line.as_str()),
                (None, true) => continue,
            };
            story.run(host, command);
            count += 1;
        }
        story.expect("commands that mend it", "at least 1", count, count > 0);
    }

    /// The real server to look at, and the command to do it with.
    fn look_there<'l>(&self, lab: &'l Lab) -> (&'l Netns, String) {
        let server = self.fix.iter().find_map(|line| on_server(lab, line));
        let (server, _) = server.unwrap_or_else(|| panic!("no real server: {:?}", self.fix));
        let look = self.fix.iter().find_map(|line| Some(&line[line.find("ipvsadm --doctor")?..]));
        let look = look.unwrap_or_else(|| panic!("nothing to look with: {:?}", self.fix));
        (server, look.to_owned())
    }
}

/// The host and the command of `# on the real server 128.10.10.8: ip route …`.
fn on_server<'l, 't>(lab: &'l Lab, line: &'t str) -> Option<(&'l Netns, &'t str)> {
    let (address, command) = line.strip_prefix("# on the real server ")?.split_once(": ")?;
    let is_first = address == BACKEND[0] || address == LAN[0];
    let is_second = address == BACKEND[1] || address == LAN[1];
    match (is_first, is_second) {
        (true, _) => Some((&lab.network.server1, command)),
        (_, true) => Some((&lab.network.server2, command)),
        _ => None,
    }
}

/// Runs the doctor and shows what it finds. What it could not check is left out here.
fn examine(story: &mut Story, host: &Netns, command: &str) -> Vec<Finding> {
    let mut shows = true;
    let ran = story.run_whatever(host, command, |line| {
        shows &= line != "not checked";
        shows || line.contains(" made")
    });
    let mut findings: Vec<Finding> = Vec::new();
    for line in ran.stdout.lines().take_while(|line| *line != "not checked") {
        let severities = ["  error: ", "  warning: "];
        let head = severities.iter().find_map(|severity| line.strip_prefix(severity));
        if let Some(head) = head {
            let id = head.split(',').next().unwrap_or_default().to_owned();
            findings.push(Finding { id, fix: Vec::new() });
        } else if let (Some(fix), Some(last)) = (line.strip_prefix("        "), findings.last_mut())
        {
            last.fix.push(fix.to_owned());
        }
    }
    findings
}

/// Expects the doctor to find this.
fn diagnose(story: &mut Story, host: &Netns, command: &str, id: &str) -> Finding {
    let findings = examine(story, host, command);
    let ids: Vec<&str> = findings.iter().map(|it| &*it.id).collect();
    story.expect_equal(&format!("what is wrong on {}", host.name()), id, &*sorted(&ids));
    findings
        .into_iter()
        .find(|it| it.id == id)
        .unwrap_or(Finding { id: id.to_owned(), fix: vec![] })
}
