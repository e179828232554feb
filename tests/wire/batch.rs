//! The promises of a batch: order, one acknowledgement, no refusal lost.

use std::io;
use std::net::SocketAddr;

use ipvs::{Batch, Change, DaemonRole, Error, RefusalKind, ServiceConfig, ServiceKey};
use proptest::prelude::*;

use crate::codec::Request;
use crate::fake::{Fake, Reply, client, willing_client};
use crate::numbers::{cmd, errno};
use crate::values;

/// This many different changes.
fn additions(count: usize) -> Vec<Change> {
    let service = |number: usize| {
        let [_, a, b, c] = (number as u32).to_be_bytes();
        let address = SocketAddr::from(([10, a, b, c], 80));
        Change::AddService(ServiceKey::tcp(address), ServiceConfig::default())
    };
    (0..count).map(service).collect()
}

/// Answers as a kernel that refuses the requests for which `refuses` is true.
fn answers(requests: &[Request], refuses: impl Fn(&Request) -> bool) -> Vec<Reply> {
    let answer = |request: &Request| {
        if refuses(request) {
            Some(request.refused_capped(errno::EEXIST, None))
        } else {
            request.wants_acknowledgement().then(|| request.acknowledged())
        }
    };
    requests.iter().filter_map(answer).map(Ok).collect()
}

fn push_all(batch: &mut Batch<'_, usize, Fake>, changes: &[Change]) {
    for (tag, change) in changes.iter().enumerate() {
        batch.push(tag, change).expect("it is taken");
    }
    batch.flush().expect("it is answered");
}

#[test]
fn nothing_is_sent_before_the_flush_or_a_full_window() {
    let (mut client, fake) = willing_client();
    fake.set_window(50);
    let mut batch = client.batch();
    let changes = additions(51);
    for change in &changes[..49] {
        batch.push(0, change).expect("it is taken");
        assert_eq!(fake.sizes(), []);
    }
    batch.push(0, &changes[49]).expect("it is taken");
    assert_eq!(fake.sizes(), [50]);
    batch.push(0, &changes[50]).expect("it is taken");
    assert_eq!(fake.sizes(), [50]);
    batch.flush().expect("it is answered");
    assert_eq!(fake.sizes(), [50, 1]);
    batch.flush().expect("nothing is left to send");
    assert_eq!(fake.sizes(), [50, 1]);
}

#[test]
fn a_batch_without_refusals_costs_one_acknowledgement_a_datagram() {
    let (mut client, fake) = willing_client();
    fake.set_window(100_000);
    push_all(&mut client.batch(), &additions(1000));
    let sent = fake.sent();
    assert!(sent.len() <= 4, "{} datagrams", sent.len());
    for datagram in &sent {
        let (last, others) = datagram.split_last().expect("a request");
        assert!(last.wants_acknowledgement());
        assert!(!others.iter().any(Request::wants_acknowledgement));
    }
    assert_eq!((fake.most_waiting(), fake.waiting()), (1, 0));
}

#[test]
fn a_batch_survives_all_its_requests_failing_within_the_buffer() {
    for window in [1, 7, 104] {
        let (mut client, fake) = client(|requests| answers(requests, |_| true));
        fake.set_window(window);
        let mut batch = client.batch();
        push_all(&mut batch, &additions(1000));
        let refused = batch.take_refused();
        assert!(refused.iter().map(|(tag, _)| *tag).eq(0..1000));
        assert!(refused.iter().all(|r| r.1.kind() == RefusalKind::ServiceExists));
        assert_eq!(fake.most_waiting(), window);
    }
}

#[test]
fn a_window_of_zero_still_makes_progress() {
    let (mut client, fake) = willing_client();
    fake.set_window(0);
    push_all(&mut client.batch(), &additions(3));
    assert_eq!(fake.sizes(), [1, 1, 1]);
}

#[test]
fn no_datagram_is_longer_than_the_kernel_accepts() {
    let (mut client, fake) = willing_client();
    fake.set_window(usize::MAX);
    let name = "a-name-15-bytes".parse().expect("a name");
    let config = ServiceConfig { persistence_engine: Some(name), ..ServiceConfig::new(name) };
    let key = ServiceKey::tcp(([10, 0, 0, 1], 80));
    push_all(&mut client.batch(), &vec![Change::AddService(key, config); 600]);
    // The default limit of a socket, less the kernel's bookkeeping.
    assert!(fake.longest() < 212_960, "{} bytes", fake.longest());
}

proptest! {
    #![proptest_config(values::cases(60))]

    #[test]
    fn refusals_come_with_the_tags_of_their_changes(
        refused in prop::collection::vec(any::<bool>(), 1..200),
        window in 1usize..64,
    ) {
        let fails = refused.clone();
        let mut seen = 0;
        let (mut client, fake) = client(move |requests| {
            let first = seen;
            seen += requests.len();
            let base = requests[0].sequence;
            answers(requests, |request| fails[first + (request.sequence - base) as usize])
        });
        fake.set_window(window);
        let mut batch = client.batch();
        for (number, change) in additions(refused.len()).iter().enumerate() {
            // Tags are up to the caller, and need not be in order.
            batch.push(1_000_000 - number, change).expect("it is taken");
        }
        batch.flush().expect("it is answered");
        let refusals = batch.take_refused();
        let tags: Vec<_> = refusals.iter().map(|(tag, _)| 1_000_000 - tag).collect();
        let expected: Vec<_> = (0..refused.len()).filter(|&number| refused[number]).collect();
        prop_assert_eq!(tags, expected);
        prop_assert!(fake.most_waiting() <= window);
        prop_assert_eq!(fake.waiting(), 0, "nothing is left for the next request to stumble over");
    }
}

#[test]
fn refusals_are_returned_once_and_in_order() {
    let (mut client, _) = client(|requests| answers(requests, |_| true));
    let mut batch = client.batch();
    let changes = additions(2);
    batch.push(10, &changes[0]).expect("it is taken");
    batch.flush().expect("it is answered");
    batch.push(20, &changes[1]).expect("it is taken");
    let tags = |batch: &mut Batch<'_, usize, Fake>| {
        batch.take_refused().iter().map(|(tag, _)| *tag).collect::<Vec<_>>()
    };
    assert_eq!(tags(&mut batch), [10]);
    assert_eq!(tags(&mut batch), []);
    batch.flush().expect("it is answered");
    assert_eq!(tags(&mut batch), [20]);
}

#[test]
fn a_dropped_batch_sends_its_changes() {
    let (mut client, fake) = willing_client();
    let mut batch = client.batch();
    batch.push(0, &additions(1)[0]).expect("it is taken");
    assert_eq!(fake.sizes(), []);
    drop(batch);
    assert_eq!(fake.sizes(), [1]);
    client.flush().expect("it is carried out");
    assert_eq!(fake.sizes(), [1, 1]);
}

#[test]
fn finish_returns_the_refusals() {
    let (mut client, fake) = client(|requests| answers(requests, |_| true));
    let mut batch = client.batch();
    for (tag, change) in ["one", "two"].into_iter().zip(&additions(2)) {
        batch.push(tag, change).expect("it is taken");
    }
    let refused = batch.finish().expect("the kernel answers");
    let tags: Vec<_> = refused.iter().map(|(tag, _)| *tag).collect();
    assert_eq!((tags, fake.sizes()), (vec!["one", "two"], vec![2]));
}

#[test]
fn lost_replies_are_an_error_and_the_client_stays_usable() {
    let (mut client, fake) = client(|requests| {
        let mut replies = answers(requests, |request| !request.wants_acknowledgement());
        if requests.len() > 1 {
            // The kernel reports the loss first. The replies that it kept still come.
            replies.insert(0, Err(io::Error::from_raw_os_error(errno::ENOBUFS)));
        }
        replies
    });
    let mut batch = client.batch();
    let changes = additions(5);
    for (tag, change) in changes.iter().enumerate() {
        batch.push(tag, change).expect("it is taken");
    }
    let error = batch.flush().expect_err("replies are missing");
    assert!(matches!(error, Error::RepliesLost), "{error}");
    batch.flush().expect("what may have been carried out is not sent again");
    assert_eq!(fake.sizes(), [5]);
    assert_eq!(fake.waiting(), 5);

    batch.push(7, &changes[0]).expect("it is taken");
    batch.flush().expect("the replies to the lost changes are passed over");
    assert_eq!(batch.take_refused(), []);
    drop(batch);
    client.flush().expect("so it is outside a batch");
}

#[test]
fn a_failing_socket_is_an_error() {
    let (mut client, _) = client(|_| vec![Err(io::Error::from_raw_os_error(errno::EPERM))]);
    let mut batch = client.batch();
    batch.push(0, &Change::Flush).expect("it is taken");
    let error = batch.flush().expect_err("nothing can be received");
    assert!(matches!(error, Error::Socket(_)), "{error}");
}

#[test]
fn only_an_answer_to_the_last_change_ends_the_wait_for_it() {
    let (mut client, _) = client(|requests| {
        let last = requests.last().expect("a request");
        let nothing = last.noop();
        vec![Ok(nothing), Ok(last.refused_capped(errno::EEXIST, None))]
    });
    let mut batch = client.batch();
    push_all(&mut batch, &additions(2));
    assert_eq!(batch.take_refused().len(), 1);
}

#[test]
fn many_answers_in_one_datagram_are_all_read() {
    let (mut client, _) = client(|requests| {
        let replies = answers(requests, |request| request.sequence % 2 == 0);
        vec![Ok(replies.into_iter().flat_map(Result::unwrap).collect())]
    });
    let mut batch = client.batch();
    push_all(&mut batch, &additions(10));
    assert_eq!(batch.take_refused().len(), 5);
}

/// The kernel may stop a daemon without an answer: see the test of this in `requests`.
#[test]
fn a_batch_that_ends_with_stopping_a_daemon_waits_for_a_receipt() {
    let stop = Change::StopDaemon(DaemonRole::Backup);
    for refuses in [false, true] {
        let (mut client, fake) = client(move |requests| {
            answers(requests, |request| refuses && request.command == cmd::DEL_DAEMON)
        });
        let mut batch = client.batch();
        push_all(&mut batch, &[Change::Flush, stop]);
        assert_eq!(batch.take_refused().len(), usize::from(refuses));
        assert_eq!(
            fake.sent()[0].iter().map(Request::is_receipt).collect::<Vec<_>>(),
            [false, false, true]
        );
        // Anywhere else no receipt is needed, and the one left over is ignored.
        push_all(&mut batch, &[stop, Change::Flush]);
        assert_eq!(batch.take_refused().len(), usize::from(refuses));
        assert_eq!(fake.sent()[1].len(), 2);
        assert_eq!(fake.waiting(), 0);
    }
}
