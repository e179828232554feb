//! `--batch`, `--record` and `--replay`.

use std::fs;

use serde_json::Value;

use super::terminal::Terminal;
use crate::harness::KernelTest;
use crate::lab::Lab;
use crate::live::traffic::Load;
use crate::netns::Netns;
use crate::schema::{assert_fits, parsed};

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![what_is_printed_is_what_is_recorded, a_table_without_services_is_printed]
}

fn objects(output: &str) -> Vec<Value> {
    output.lines().map(parsed).collect()
}

fn what_is_printed_is_what_is_recorded() {
    let lab = Lab::new();
    let director = &lab.network.director;
    director.sysctl("net.ipv4.ip_forward", "1");
    let run = |line: &str| director.ipvsadm(line.split(' ')).success().stdout;
    let service = "192.168.144.44:80";
    run(&format!("-A -t {service} -s wrr"));
    run(&format!("-a -t {service} -r 128.10.10.8 -m -w 1"));
    run(&format!("-a -t {service} -r 128.10.10.9 -m -w 3 -x 1000000"));
    run("-A -f 7 -6 -s mh");
    run("-A -u 192.168.144.44:53 -s rr");
    run("-a -u 192.168.144.44:53 -r 128.10.10.8 -g");
    let load = Load::start(&lab.network.client1, 4, "index.html");
    let recording = "/tmp/recording";
    let printed = run(&format!("--top --batch -n 3 --json --record {recording}"));
    load.stop();
    let printed = objects(&printed);
    assert_eq!(printed.len(), 3);
    for object in &printed {
        assert_fits(Some("top"), object);
    }
    let last = &printed[2];
    let web = &last["services"][0];
    assert_eq!(web["service"]["port"], 80, "{last:#}");
    let shares: Vec<f64> = web["destinations"]
        .as_array()
        .expect("servers")
        .iter()
        .map(|server| server["real_share"].as_f64().expect("a share"))
        .collect();
    assert!((shares[0] - 0.25).abs() < 0.02 && (shares[1] - 0.75).abs() < 0.02, "{shares:?}");
    let rate = |value: &Value| value["rates"]["connections"].as_f64().expect("a rate");
    assert!(rate(web) > 1.0 && rate(last) > 1.0, "{last:#}");
    // Replies that do not pass here are not known.
    let dns = &last["services"][1];
    assert!(dns["destinations"][0]["rates"]["outgoing_bytes"].is_null(), "{last:#}");

    // The recording says the same, but for the namespace.
    let replayed = objects(&run(&format!("--top --batch --json --replay {recording}")));
    let namespaceless = |objects: &[Value]| -> Vec<Value> {
        let mut objects = objects.to_vec();
        objects.iter_mut().for_each(|object| object["namespace"] = Value::Null);
        objects
    };
    assert_eq!(namespaceless(&replayed), namespaceless(&printed));

    // Cut off, it is shown up to there.
    let whole = fs::read(recording).expect("a recording");
    fs::write(recording, &whole[..whole.len() - 5]).expect("written");
    let cut = objects(&run(&format!("--top --batch --json --replay {recording}")));
    assert_eq!(namespaceless(&cut), namespaceless(&printed[..2]));

    // As text, and on a screen.
    let text = run(&format!("--top --batch --replay {recording}"));
    assert!(text.contains("TCP 192.168.144.44:80") && text.contains("75%"), "{text}");
    let terminal = Terminal::top(director, &format!("--replay {recording}"), (100, 24));
    let screen = terminal.wait_for("the recording is cut off here");
    assert!(screen.contains("REPLAY recording") && screen.contains("75%"), "{screen}");
    terminal.press_for(&["["], "REPLAY recording 50%");
    terminal.press_for(&["t"], "time of day");
    terminal.press(&["23:59", "Enter"]);
    terminal.wait_for("REPLAY recording 100%");
    terminal.press(&["d"]);
    assert!(!terminal.screen().contains("--drain"));
}

fn a_table_without_services_is_printed() {
    let ns = Netns::new();
    let run = |line: &str| ns.ipvsadm(line.split(' ')).success().stdout;
    let printed = run("--top --batch 1 --interval 0.1");
    assert!(
        printed.contains("There is no service.") || printed.contains("services 0"),
        "{printed}"
    );
    let object = parsed(&run("--top --batch 1 --interval 0.1 --json"));
    assert_fits(Some("top"), &object);
    assert_eq!(object["services"], Value::Array(Vec::new()));
}
