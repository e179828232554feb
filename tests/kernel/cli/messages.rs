//! Messages about mistakes that people make: each names the option, and what to write instead.

use super::{TABLE, assert_plain, loaded, saved, shell};
use crate::harness::KernelTest;
use crate::netns::Netns;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        addresses_and_ports_get_a_hint,
        an_option_without_a_command_says_where_it_belongs,
        misspelt_options_are_recognized,
        stray_words_are_placed,
        the_scripts_answer_in_one_line,
        no_message_has_the_number_of_an_error,
    ]
}

/// Runs command lines, each of which is refused in these words, and changes nothing.
#[track_caller]
fn refused(lines: &[(&str, i32, &str)]) {
    let ns = loaded();
    for (line, status, text) in lines {
        let ran = shell(&ns, line);
        let got = (ran.code(), ran.stdout.as_str(), ran.stderr.as_str());
        assert_eq!(got, (Some(*status), "", format!("{text}\n").as_str()), "{line}");
    }
    assert_eq!(saved(&ns), TABLE);
}

fn addresses_and_ports_get_a_hint() {
    let several = "a service has one port, or all of them (port 0, with -p); for several ports, \
                   mark their packets and use a firewall mark (-f)";
    let forms =
        "is not an address: 192.0.2.1, 192.0.2.1:80, [2001:db8::1]:80, 2001:db8::1 or host:port";
    refused(&[
        (
            "ipvsadm -A -t 2001:db8::1:80",
            2,
            "--tcp-service: a service for all ports must be persistent: give a port, or -p; did \
             you mean [2001:db8::1]:80?",
        ),
        (
            "ipvsadm -A -t 2001:db8::1",
            2,
            "--tcp-service: a service for all ports must be persistent: give a port, or -p",
        ),
        (
            "ipvsadm -A -u 10.0.0.1:50000-60000",
            2,
            &format!("--udp-service: `10.0.0.1:50000-60000`: {several}"),
        ),
        (
            "ipvsadm -A -t 10.0.0.1:80,443",
            2,
            &format!("--tcp-service: `10.0.0.1:80,443`: {several}"),
        ),
        (
            "ipvsadm -A -t [2001:db8::1]:80:90",
            2,
            &format!("--tcp-service: `[2001:db8::1]:80:90`: {several}"),
        ),
        (
            "ipvsadm -a -t 10.0.0.1:80 -r 10.1.0.2:8080-8090 -m",
            2,
            "--real-server: `10.1.0.2:8080-8090`: a real server has one port; without one, it has \
             the service's",
        ),
        ("ipvsadm -A -t 10.0.0.256:80", 2, &format!("--tcp-service: `10.0.0.256:80` {forms}")),
        ("ipvsadm -A -t 10.0.0.0/24", 2, &format!("--tcp-service: `10.0.0.0/24` {forms}")),
        ("ipvsadm -A -t ''", 2, &format!("--tcp-service: an empty value {forms}")),
        ("ipvsadm -A -t 80", 2, "--tcp-service: `80` is a port without an address"),
        (
            "ipvsadm -A -t 10.0.0.1:70000",
            2,
            "--tcp-service: 10.0.0.1:70000 is out of range: 0 to 65535",
        ),
    ]);
}

fn an_option_without_a_command_says_where_it_belongs() {
    refused(&[
        (
            "ipvsadm --json",
            255,
            "--json: an option of -S, -L, --settings, --drain, --undrain, --kick, --ramp, \
             --monitor, --diff and --doctor; the command must come first, as in `ipvsadm -L --json`",
        ),
        (
            "ipvsadm -n",
            255,
            "--numeric: an option of -S and -L; the command must come first, as in `ipvsadm -L \
             --numeric`",
        ),
        (
            "ipvsadm --stats -L",
            255,
            "--stats: an option of -L; the command must come first, as in `ipvsadm -L --stats`",
        ),
        (
            "ipvsadm -t 10.0.0.2:80 -A",
            255,
            "--tcp-service: an option of -A, -E, -D, -a, -e, -d, -L, -Z, --drain, --undrain, \
             --kick, --ramp and --doctor; the command must come first, as in `ipvsadm -A --tcp-service`",
        ),
        (
            "ipvsadm --no-load",
            255,
            "--no-load: the command is missing; an option of -S, -L, --monitor, --diff and --doctor, \
             as in `ipvsadm -L --no-load`",
        ),
        ("ipvsadm --netns 1", 255, "--netns: the command is missing, as in `ipvsadm -L --netns`"),
        (
            "ipvsadm list",
            255,
            "no command: the first option must be one, as in `ipvsadm -L`; -h lists them all",
        ),
    ]);
}

fn misspelt_options_are_recognized() {
    refused(&[
        ("ipvsadm -L --stat", 255, "--stat: unknown option; did you mean --stats?"),
        ("ipvsadm --lst", 255, "--lst: unknown option; did you mean --list?"),
        ("ipvsadm -A --tcp 1.2.3.4:80", 255, "--tcp: unknown option; did you mean --tcp-service?"),
        (
            "ipvsadm -a -t 10.0.0.1:80 -r 10.1.0.2 --wieght 3",
            255,
            "--wieght: unknown option; did you mean --weight?",
        ),
        ("ipvsadm --aply /tmp/f", 255, "--aply: unknown option; did you mean --apply?"),
        ("ipvsadm --apply --dryrun", 255, "--dryrun: unknown option; did you mean --dry-run?"),
        ("ipvsadm -L -json", 255, "-json: unknown option; did you mean --json?"),
        ("ipvsadm -L --zzz", 255, "--zzz: unknown option"),
    ]);
}

fn stray_words_are_placed() {
    let address = "an option must say what the address is: -t, -u, --sctp-service or -r";
    refused(&[
        (
            "ipvsadm -R /tmp/rules",
            2,
            "unexpected argument /tmp/rules; rules come on standard input: ipvsadm -R < /tmp/rules",
        ),
        ("ipvsadm -A 10.0.0.2:80", 2, &format!("unexpected argument 10.0.0.2:80; {address}")),
        (
            "ipvsadm -a -t 10.0.0.1:80 10.1.0.2:80",
            2,
            &format!("unexpected argument 10.1.0.2:80; {address}"),
        ),
        ("ipvsadm -L foo", 2, "unexpected argument foo"),
    ]);
}

fn the_scripts_answer_in_one_line() {
    refused(&[
        ("ipvsadm-restore --atmic", 2, "--atmic: unknown option; did you mean --atomic?"),
        ("ipvsadm-restore --wait", 2, "--wait: its value is missing: --wait SECONDS"),
        ("ipvsadm-restore --clear --atomic", 2, "--clear: not valid with --atomic"),
        ("ipvsadm-save --al", 1, "--al: unknown option; did you mean --all?"),
        ("ipvsadm-save -x", 1, "-x: unknown option; --help lists them all"),
    ]);
}

fn no_message_has_the_number_of_an_error() {
    let ns = loaded();
    let nobody = Netns::new();
    for (line, status, text) in [
        ("ipvsadm --apply /nosuch", 5, "/nosuch: No such file or directory\n"),
        ("ipvsadm --apply /tmp", 5, "/tmp: Is a directory\n"),
        ("ipvsadm --apply /proc/self/mem", 5, "/proc/self/mem: Input/output error\n"),
        ("ipvsadm --apply < /tmp", 5, "standard input: Is a directory\n"),
        ("ipvsadm -R < /tmp", 5, "standard input: Is a directory\n"),
        ("ipvsadm -R --dry-run < /tmp", 5, "standard input: Is a directory\n"),
        ("ipvsadm-restore < /tmp", 5, "standard input: Is a directory\n"),
        ("ipvsadm -L > /dev/full", 5, "standard output: No space left on device\n"),
        ("ipvsadm-save > /dev/full", 5, "standard output: No space left on device\n"),
        ("ipvsadm -h > /dev/full", 5, "standard output: No space left on device\n"),
        (
            "ipvsadm -L --netns nosuch",
            255,
            "network namespace nosuch: not found in /run/netns or /run/docker/netns\n",
        ),
        (
            "ipvsadm -L --netns 4000000",
            255,
            "network namespace 4000000: not found in /run/netns or /run/docker/netns, and there \
             is no such process\n",
        ),
        (
            "ipvsadm -L --netns /no/such",
            255,
            "network namespace /no/such: No such file or directory\n",
        ),
        ("ipvsadm-save --netns /etc", 255, "network namespace /etc: not a network namespace\n"),
        (
            "ipvsadm-restore --netns /etc/passwd",
            255,
            "network namespace /etc/passwd: not a network namespace\n",
        ),
    ] {
        let ran = shell(&ns, line);
        assert_plain(&ran);
        assert_eq!((ran.code(), ran.stderr.as_str()), (Some(status), text), "{line}");
    }
    // A copy that anyone may run, and a file only root may read.
    let script = "cp \"$OURS\" /tmp/copy; chmod 755 /tmp/copy; touch /tmp/secret; \
                  chmod 600 /tmp/secret; OURS=/tmp/copy; \
                  as_nobody() { setpriv --reuid 65534 --clear-groups /tmp/copy \"$@\"; }";
    for (line, status, text) in [
        ("as_nobody -L --netns 1", 255, "network namespace 1: Permission denied\n"),
        ("as_nobody -L", 2, "Permission denied (you must be root)\n"),
        ("as_nobody --apply /tmp/secret", 5, "/tmp/secret: Permission denied\n"),
    ] {
        let ran = shell(&nobody, &format!("{script}; {line}"));
        assert_plain(&ran);
        assert_eq!(ran.code(), Some(status), "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains(text), "{line}: {}", ran.stderr);
    }
    assert_eq!(saved(&ns), TABLE);
}
