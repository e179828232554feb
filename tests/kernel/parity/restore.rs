//! `-R`: the forms of a line, the lines that end the run, and that no line before is lost.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::pair::{Differences, Line, Pair, without_thresholds};
use crate::harness::KernelTest;
use crate::netns::Netns;
use crate::program;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        rules_are_read_as_loosely_and_stop_at_the_same_lines,
        messages_name_the_line,
        a_slow_writer_is_answered_line_by_line,
        a_table_saved_by_one_is_restored_by_the_other,
    ]
}

const A: &str = "-A -t 1.1.1.1:80";
const B: &str = "-A -t 1.1.1.2:80";
const C: &str = "-A -t 1.1.1.3:80";

fn rules_are_read_as_loosely_and_stop_at_the_same_lines() {
    let mut inputs: Vec<Vec<u8>> = [
        "",
        "\n",
        "{A}\n-a -t 1.1.1.1:80 -r 10.1.0.1 -m\n",
        "{A}\n{B}",
        "ipvsadm {A}\n",
        "-A ipvsadm -t 1.1.1.1:80 ipvsadm -s rr ipvsadm\n",
        "{A} -s ipvsadm\n",
        "{A} -s ipvsadm\n{B}\n",
        "/sbin/ipvsadm {A}\n{B}\n",
        "ipvsadm\n{B}\n",
        "ipvsadm ipvsadm {A}\n",
        "-A -t '1.1.1.1:80'\n{B}\n",
        "{A} -s \"rr\"\n{B}\n",
        "{A} \\\n{B}\n",
        "-A\t-t\t1.1.1.1:80\t\n\t -A  -t 1.1.1.2:80  \n",
        "{A} -s rr\r\n{B}\r\n",
        "-A\u{b}-t\u{c}1.1.1.1:80\r-s rr\n",
        "-A\u{b}-t\u{c}1.1.1.1:80\r-s rr\n{B}\n",
        "\n   \n\t\n\r\n{B}\n\n",
        "{A}\n-L -n\n{B}\n",
        "{A}\n-S -n\n{B}\n",
        "{A}\n-L\n-S\n-L -n --stats\n{B}\n-L -n --rate",
        "{A}\n-C\n{B}\n",
        "{A}\n-R\n{B}\n{C}\n",
        "{A}\n-R\n",
        "{A}\n-h\n{B}\n",
        "{A}\n-v\n{B}\n",
        "{A}\n--zzz {C}\n{B}\n",
        "{A}\n{C} --zzz\n{B}\n",
        "{A}\n{C} --zzz\n",
        "{A}\n-A -t\n{B}\n",
        "{A}\n-A -t\n",
        "{A}\n-L -n=5\n{B}\n",
        "{A}\n{C} -p 0\n{B}\n",
        "{A}\n{C} -s rr -s rr\n{B}\n",
        "{A}\n-A -t nosuchhost.invalid:80\n{B}\n",
        "{A}\n-a -t 1.1.1.1:80 -r nosuch.invalid:80\n{B}\n",
        "{A}\nfoo\n{B}\n",
        "{A}\n-A foo -t 1.1.1.3:80\n{B}\n",
        "{A}\nfoo {C}\n{B}\n",
        "{A}\n-A\n{B}\n",
        "{A}\n-D -t 1.1.1.1:80 -n\n{B}\n",
        "-D -t 1.1.1.9:80\n{A}\n{A}\n{B}\n",
        "{A}\n{A}\n",
        "{A}\n{A}\n\n",
        "{A}\n{A}\n    ",
        "{A}\n{A}\nipvsadm\n",
        "-L -t 1.1.1.1:80\n{B}\n",
        "{B}\n-L -t 1.1.1.1:80\n",
        "{B}\n-Z -t 1.1.1.1:80\n{C}\n",
        "--set 1 2 3\n-L --timeout\n",
        "-At 1.1.1.1:80 -p\n{B} -p9\n",
        "{A} -p 9 -s rr\n{B}\n-A -u 1.1.1.3:80 -o\n-A -f 5 -6\n-A -f 5\n",
        "{A} --\n-- {C}\n{B}\n",
        "--\n{B}\n",
        "-\n{B}\n",
        "{A}\u{a0}-s rr\n{B}\n",
        "-D -t 1.1.1.1:80\n{A}\n-D -t 1.1.1.2:80\n{B}\n",
        "-t 1.1.1.1:80 -A\n{B}\n",
        "{A} -n\n",
        "-a -t 1.1.1.1:80 -r 1.1.1.1\n{A}\n",
    ]
    .iter()
    .map(|text| text.replace("{A}", A).replace("{B}", B).replace("{C}", C).into_bytes())
    .collect();
    inputs.push(b"-A -t 1.1.1.1:80\0 -s rr\n-A -t 1.1.1.2:80\n".to_vec());
    inputs.push(b"-A -t 1.1.1.1:80 -s r\xffr\n-A -t 1.1.1.2:80\n".to_vec());
    inputs.push(b"\xff\xfe\n-A -t 1.1.1.2:80\n".to_vec());
    inputs.push(b"-A -t \xff:80\n-A -t 1.1.1.2:80\n".to_vec());
    inputs.push(format!("-A -t 1.1.1.1:80{}-s rr\n{B}\n", " ".repeat(1000)).into_bytes());
    inputs.push(format!("-A -f {}5\n{B}\n", "0".repeat(1000)).into_bytes());
    inputs.push(format!("-L -n {}\n{B}\n", "--sort ".repeat(100)).into_bytes());
    inputs.push((0..300).map(|n| format!("-A -f {}\n", n + 1)).collect::<String>().into_bytes());
    let mut pair = Pair::new();
    let mut differences = Differences::default();
    for input in inputs {
        pair.reset(&[]);
        let line = Line::restore(input);
        let both = differences.note(pair.compare(&line));
        let complaints = |text: &str| text.lines().filter(|line| !line.is_empty()).count();
        if let Some(both) = both {
            let (reference, ours) = (&both.reference.stderr, &both.ours.stderr);
            if complaints(reference) != complaints(ours) {
                differences.note::<()>(Err(format!("{line}\n{reference}\n{ours}")));
            }
        }
    }
    differences.none_of(60);
}

fn messages_name_the_line() {
    let ns = Netns::new();
    let rules =
        "# first\n-A -t 1.1.1.1:80\n\n-A -t 1.1.1.1:80\n-D -t 9.9.9.9:9 --zzz\n-A -t bad:port:80\n";
    let ran = ns.command(program::ipvsadm()).arg("-R").stdin(rules).run();
    let messages: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(messages.len(), 3, "{}", ran.stderr);
    assert_eq!(messages[0], "line 4: Service already exists");
    assert_eq!(messages[1], "line 5: --zzz: unknown option");
    assert!(messages[2].starts_with("line 6: "), "{}", messages[2]);
    assert_eq!(ran.code(), Some(2));
}

fn a_slow_writer_is_answered_line_by_line() {
    let ns = Netns::new();
    let mut command = Command::new(program::ipvsadm());
    command.arg("-R").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = ns.enter(|| command.spawn()).expect("the program starts");
    let mut input = child.stdin.take().expect("a pipe");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut errors = BufReader::new(child.stderr.take().expect("a pipe"));
    // Each answer is read before the next line is written: a program that waits for more hangs
    // here.
    for round in 1..4 {
        input.write_all(b"-L --timeout\n").expect("it reads");
        let mut line = String::new();
        output.read_line(&mut line).expect("an answer can be read");
        assert_eq!(line, "Timeout (tcp tcpfin udp): 900 120 300\n");
        input.write_all(b"-D -t 1.1.1.1:80\n").expect("it reads");
        line.clear();
        errors.read_line(&mut line).expect("an answer can be read");
        assert_eq!(line, format!("line {}: No such service\n", 2 * round));
    }
    // Half a line is not carried out yet.
    input.write_all(b"-L --time").expect("it reads");
    input.write_all(b"out").expect("it reads");
    drop(input);
    let mut line = String::new();
    output.read_line(&mut line).expect("an answer can be read");
    assert_eq!(line, "Timeout (tcp tcpfin udp): 900 120 300\n");
    assert!(child.wait().expect("the program ends").success());
}

/// A table with everything that a rule can say and the reference saves.
pub(crate) const RICH: &str = "\
-A -t 10.0.0.1:0 -s wlc -p 300 -M 255.255.255.0
-a -t 10.0.0.1:0 -r 10.1.0.1:0 -g -w 3
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 2147483647
-a -t 10.0.0.1:80 -r 10.1.0.2:8080 -m -w 100
-a -t 10.0.0.1:80 -r [2001:db8:1111:2222:3333:4444:5555:7777]:80 -i -w 9 --tun-type ipip
-A -t 10.0.0.2:80 -s mh -b mh-port
-A -t 10.0.0.3:80 -s wlc -p 5 -M 255.0.0.0 --pe sip -b flag-1,flag-3
-A -u 10.0.0.1:5060 -s rr -p 60 --pe sip -o
-A -u 10.0.0.9:65535 -s wrr -o
-a -u 10.0.0.9:65535 -r 10.1.0.3:65535 -i -w 1 --tun-type ipip
-a -u 10.0.0.9:65535 -r 10.1.0.4:65535 -i -w 2 --tun-type gue --tun-port 6080 --tun-nocsum
-a -u 10.0.0.9:65535 -r 10.1.0.5:65535 -i -w 2 --tun-type gue --tun-port 65535 --tun-csum
-a -u 10.0.0.9:65535 -r 10.1.0.6:65535 -i -w 2 --tun-type gue --tun-port 6080 --tun-remcsum
-a -u 10.0.0.9:65535 -r 10.1.0.7:65535 -i -w 2 --tun-type gre --tun-nocsum
-a -u 10.0.0.9:65535 -r 10.1.0.8:65535 -i -w 2 --tun-type gre --tun-csum
-A --sctp-service 10.0.0.1:80 -s sh -b sh-fallback,sh-port
-a --sctp-service 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1
-A -t [::1]:80 -s rr -p 10 -M 48
-a -t [::1]:80 -r [::5]:80 -m -w 1
-a -t [::1]:80 -r [::0.1.0.153]:80 -m -w 1
-a -t [::1]:80 -r 10.1.0.1:80 -i -w 5 --tun-type ipip
-A -t [::ffff:1.2.3.4]:0 -s wlc -p 7
-A -f 7 -s rr -p 100
-a -f 7 -r 10.1.0.1:0 -g -w 1
-a -f 7 -r 10.1.0.2:99 -m -w 1
-A -f 7 -6 -s rr -p 100 -M 64
-a -f 7 -6 -r [2001:db8:1::2]:0 -m -w 1
-A -f 2147483647 -s rr -o
";

fn a_table_saved_by_one_is_restored_by_the_other() {
    let (from, to) = (Netns::new(), Netns::new());
    let programs = [program::reference(), program::ipvsadm()];
    let restored = from.command(&programs[0]).arg("-R").stdin(RICH).run().success();
    assert_eq!(restored.stderr, "");
    for (saver, restorer) in [(0, 1), (1, 0), (1, 1)] {
        let saved = from.command(&programs[saver]).args(["-S", "-n"]).run().success().stdout;
        assert_eq!(saved.lines().count(), RICH.lines().count(), "{saved}");
        to.command(&programs[restorer]).arg("-C").run().success();
        let restored = to.command(&programs[restorer]).arg("-R").stdin(saved).run().success();
        assert_eq!(restored.stderr, "");
        for listing in [
            &["-S", "-n"][..],
            &["-L", "-n", "--thresholds"],
            &["-L", "-n", "--tun-info"],
            &["-L", "-n", "--persistent-conn"],
            &["-L", "-n", "--stats"],
            &["-L", "-n", "--rate"],
            &["-L", "-n"],
        ] {
            let list =
                |ns: &Netns, program| ns.command(program).args(listing).run().success().stdout;
            let before = list(&from, &programs[0]);
            assert_eq!(before, list(&to, &programs[0]), "{listing:?}");
            // The listing, byte for byte.
            assert_eq!(before, without_thresholds(&list(&to, &programs[1])), "{listing:?}");
        }
    }
}
