//! Loads on the network, and expectations about how they are distributed.

use super::Lab;
use super::measure::{ask, column, is_template};
use super::network::{DR_VIP, LAN, NAT_VIP};
use super::story::Story;
use crate::netns::Netns;

/// The largest accepted difference between a share of the connections and that of the weights.
const TOLERANCE: f64 = 0.005;

/// Sends requests from both clients to these ports, and expects each client to stay with a server
/// of its own.
pub(super) fn expect_sticking(lab: &Lab, story: &mut Story, service: &str, ports: &[u16]) {
    let network = &lab.network;
    let first = ask(&network.client1, DR_VIP, ports);
    let second = ask(&network.client2, DR_VIP, ports);
    let asked: Vec<String> = ports.iter().map(u16::to_string).collect();
    let asked = asked.join(", ");
    let sticks = |answers: &[String]| {
        answers[0].starts_with("server") && answers.iter().all(|answer| *answer == answers[0])
    };
    story.expect(
        &format!("client1 on ports {asked}"),
        "one server",
        first.join(" "),
        sticks(&first),
    );
    story.expect(
        &format!("client2 on ports {asked}"),
        "the other server",
        second.join(" "),
        sticks(&second) && second[0] != first[0],
    );
    let director = &network.director;
    let connections = story.run_showing(director, "ipvsadm -L -n -c", |line| {
        !line.contains("192.168.144.") || is_template(line, service)
    });
    let templates = connections.stdout.lines().filter(|line| is_template(line, service)).count();
    story.expect_equal("templates, which remember a client's server", 2, templates);
    let counts = story.run(director, "ipvsadm -L -n --persistent-conn");
    let counts: Vec<&str> =
        LAN.iter().filter_map(|server| column(&counts.stdout, server, 1)).collect();
    story.expect_equal("clients that persist on each server", "1 1", counts.join(" ").as_str());
}

/// Requests `requests` pages with `ab`, `at_a_time` of them concurrently, and expects all of them.
pub(super) fn load(story: &mut Story, client: &Netns, requests: u32, at_a_time: u32) {
    let command = format!("ab -q -n {requests} -c {at_a_time} http://{NAT_VIP}/index.html");
    let shown = [
        "Document Length",
        "Concurrency Level",
        "Time taken",
        "Complete requests",
        "Failed requests",
        "Requests per second",
    ];
    let ran = story
        .run_showing(client, &command, |line| shown.iter().any(|start| line.starts_with(start)));
    let value = |start: &str| {
        let line = ran.stdout.lines().find(|line| line.starts_with(start));
        let value = line.and_then(|line| line.split_whitespace().nth(2));
        value.unwrap_or("nothing").to_owned()
    };
    story.expect_equal("the page's bytes", "19".to_owned(), value("Document Length:"));
    story.expect_equal("complete requests", requests.to_string(), value("Complete requests:"));
    story.expect_equal("failed requests", "0".to_owned(), value("Failed requests:"));
}

/// Expects the new connections to be distributed by these weights.
pub(super) fn expect_share(
    story: &mut Story,
    before: [u64; 2],
    after: [u64; 2],
    one: u32,
    other: u32,
) {
    let new = [0, 1].map(|server| after[server].saturating_sub(before[server]));
    let total = new[0] + new[1];
    let precise = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    let share = if total == 0 { 0.0 } else { precise(new[0]) / precise(total) };
    let expected = f64::from(one) / f64::from(one + other);
    story.expect(
        "new connections",
        format!("{one}:{other} within {} %", TOLERANCE * 100.0),
        format!("{}:{}", new[0], new[1]),
        (share - expected).abs() <= TOLERANCE,
    );
}
