//! Counters, while they are small and when they have grown out of their columns.

use crate::harness::KernelTest;
use crate::netns::Netns;
use crate::program;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

pub(crate) fn tests() -> Vec<KernelTest> {
    let function = counters_of_every_size_read_alike;
    let name = "counters_of_every_size_read_alike";
    vec![KernelTest::new(module_path!(), name, function).within(Duration::from_secs(180))]
}

const VIEWS: [&[&str]; 4] = [
    &["-L", "-n", "--stats"],
    &["-L", "-n", "--stats", "--exact"],
    &["-L", "-n", "--rate"],
    &["-L", "-n", "--rate", "-X"],
];

/// Both programs list the same counters of the same namespace; gives the listings.
fn compare(ns: &Netns) -> [String; 4] {
    VIEWS.map(|view| {
        for _ in 0..20 {
            let before = ns.reference(view).success().stdout;
            let ours = ns.ipvsadm(view).success().stdout;
            // The kernel counts on a clock of its own.
            if before == ns.reference(view).success().stdout {
                assert_eq!(before, ours, "{view:?}");
                return ours;
            }
        }
        panic!("the counters never stood still");
    })
}

/// Sends so many bytes through the service.
fn send(ns: &Netns, bytes: usize) {
    let listener = ns.enter(|| TcpListener::bind("127.0.0.1:9090")).expect("a listener");
    let reader = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut buffer = vec![0; 1 << 20];
        let mut total = 0;
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            total += read;
        }
        total
    });
    let mut stream = ns.enter(|| TcpStream::connect("127.0.0.1:8080")).expect("a connection");
    let buffer = vec![0; 1 << 20];
    let mut left = bytes;
    while left > 0 {
        let piece = left.min(buffer.len());
        stream.write_all(&buffer[..piece]).expect("it is sent");
        left -= piece;
    }
    drop(stream);
    assert_eq!(reader.join().expect("the reader ends"), bytes);
}

fn counters_of_every_size_read_alike() {
    let ns = Netns::new();
    let rules = "-A -t 127.0.0.1:8080 -s rr\n-a -t 127.0.0.1:8080 -r 127.0.0.1:9090 -m\n";
    ns.command(program::ipvsadm()).arg("-R").stdin(rules).run().success();
    for (bytes, letter) in
        [(20_000_000, None), (120_000_000, Some("K")), (1_000_000_000, Some("M"))]
    {
        send(&ns, bytes);
        // The kernel copies its counters every two seconds.
        thread::sleep(Duration::from_secs(3));
        let [stats, exact, ..] = compare(&ns);
        match letter {
            None => assert!(!stats.contains('K'), "{stats}"),
            Some(letter) => {
                assert!(stats.contains(&format!("{letter}  ")) || stats.contains(letter), "{stats}")
            }
        }
        println!("{stats}{exact}");
    }
    ns.ipvsadm(["-Z"]).success();
    let [stats, ..] = compare(&ns);
    assert!(stats.contains("        0        0        0        0        0"), "{stats}");
}
