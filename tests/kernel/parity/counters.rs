//! Counters, both small and too large for their columns.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::harness::KernelTest;
use crate::netns::Netns;
use crate::{preload, program};

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![the_kernels_own_counters_read_alike, counters_of_every_size_read_alike]
}

const VIEWS: [&[&str]; 4] = [
    &["-L", "-n", "--stats"],
    &["-L", "-n", "--stats", "--exact"],
    &["-L", "-n", "--rate"],
    &["-L", "-n", "--rate", "-X"],
];

/// The listings of both programs, of the same counters in the same namespace.
fn compare(ns: &Netns) -> [String; 4] {
    VIEWS.map(|view| {
        for _ in 0..20 {
            let before = ns.reference(view).success().stdout;
            let ours = ns.ipvsadm(view).success().stdout;
            // The kernel updates its counters on a clock of its own.
            if before == ns.reference(view).success().stdout {
                assert_eq!(before, ours, "{view:?}");
                return ours;
            }
        }
        panic!("the counters never stood still");
    })
}

/// Sends this many bytes through the service.
fn send(ns: &Netns, bytes: usize) {
    let listener = ns.enter(|| TcpListener::bind("127.0.0.1:9090")).expect("a listener");
    let reader = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("the service accepts connections");
        let mut buffer = vec![0; 1 << 20];
        let mut total = 0;
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            total += read;
        }
        total
    });
    let mut stream =
        ns.enter(|| TcpStream::connect("127.0.0.1:8080")).expect("the service accepts connections");
    let buffer = vec![0; 1 << 20];
    let mut left = bytes;
    while left > 0 {
        let piece = left.min(buffer.len());
        stream.write_all(&buffer[..piece]).expect("it is sent");
        left -= piece;
    }
    drop(stream);
    assert_eq!(reader.join().expect("the reader ends without a panic"), bytes);
}

/// A service with a server.
pub(crate) fn service() -> Netns {
    let ns = Netns::new();
    let rules = "-A -t 127.0.0.1:8080 -s rr\n-a -t 127.0.0.1:8080 -r 127.0.0.1:9090 -m\n";
    ns.command(program::ipvsadm()).arg("-R").stdin(rules).run().success();
    ns
}

fn the_kernels_own_counters_read_alike() {
    let ns = service();
    for (bytes, thousands) in [(20_000_000, false), (120_000_000, true)] {
        send(&ns, bytes);
        // The kernel copies its counters every two seconds.
        thread::sleep(Duration::from_secs(3));
        let [stats, exact, ..] = compare(&ns);
        assert_eq!(stats.contains("K  "), thousands, "{stats}");
        assert!(!exact.contains('K'), "{exact}");
    }
    ns.ipvsadm(["-Z"]).success();
    let [stats, ..] = compare(&ns);
    assert!(stats.contains("        0        0        0        0        0"), "{stats}");
}

/// The listings of both programs when every counter the kernel reports is this one.
pub(crate) fn listed(ns: &Netns, library: &Path, counter: u64, view: &[&str]) -> [String; 2] {
    [program::reference(), program::ipvsadm()].map(|program| {
        let command = ns.command(program).args(view).env("LD_PRELOAD", library);
        command.env("COUNTER", counter.to_string()).run().success().stdout
    })
}

/// The library that [`listed`] takes.
pub(crate) fn library() -> PathBuf {
    preload::build("counters", include_str!("counters.c"))
}

fn counters_of_every_size_read_alike() {
    let ns = service();
    let library = library();
    let mut counters = vec![0, u64::MAX];
    for power in 0..=19 {
        let bound = 10_u64.pow(power);
        counters.extend([bound - 1, bound, bound + 1, 9 * (bound / 10) + bound / 2]);
    }
    for counter in counters {
        for view in VIEWS {
            let [reference, ours] = listed(&ns, &library, counter, view);
            let digits = counter.to_string();
            let front = &digits[..digits.len().min(3)];
            assert!(ours.matches(front).count() >= 10, "{counter}: {ours}");
            if u32::try_from(counter).is_ok() {
                assert_eq!(reference, ours, "{counter} {view:?}");
                continue;
            }
            // The reference reads only the lower half of a server's: see docs/differences.md.
            let front = |text: &str| {
                text[..text.find("  -> 127").expect("the listing has a server")].to_owned()
            };
            assert_eq!(front(&reference), front(&ours), "{counter} {view:?}");
        }
    }
}
