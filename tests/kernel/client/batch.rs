//! Batches on the real kernel: order, tags, and no refusal lost.

use ipvs::{Change, RefusalKind};

use super::{connect, in_batch, scheduler, server, tcp};
use crate::harness::KernelTest;
use crate::netns::Netns;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        ten_thousand_changes_are_carried_out_and_then_all_refused,
        a_batch_of_dependent_changes_is_carried_out_in_order,
        a_client_stays_usable_after_refusals,
        a_dropped_batch_sends_its_changes,
        one_batch_after_another_loses_nothing,
    ]
}

/// Changes that each add another service.
fn additions(count: usize) -> Vec<Change> {
    let service = |number: usize| {
        let key = tcp(&format!("10.{}.{}.1:{}", number / 2500, number / 10 % 250, number % 10 + 1));
        Change::AddService(key, scheduler("rr"))
    };
    (0..count).map(service).collect()
}

fn ten_thousand_changes_are_carried_out_and_then_all_refused() {
    let ns = Netns::new();
    let mut client = connect(&ns);
    let changes = additions(10_000);
    for refusals in [0, 10_000] {
        let refused = in_batch(&mut client, &changes);
        assert!(refused.iter().map(|(tag, _)| *tag).eq(0..refusals), "{}", refused.len());
        assert!(refused.iter().all(|r| r.1.kind() == RefusalKind::ServiceExists));
        assert_eq!(client.services().expect("a list").len(), 10_000);
    }
}

/// Each change but the first depends on those before it.
fn a_batch_of_dependent_changes_is_carried_out_in_order() {
    let ns = Netns::new();
    let mut client = connect(&ns);
    let (key, at) = (tcp("10.0.0.1:80"), server("10.0.0.9:80"));
    let round = [
        (Change::DeleteService(key), Some(RefusalKind::NoSuchService)),
        (Change::AddDestination(key, at, Default::default()), Some(RefusalKind::ServiceNotDefined)),
        (Change::AddService(key, scheduler("rr")), None),
        (Change::DeleteDestination(key, at), Some(RefusalKind::NoSuchDestination)),
        (Change::AddService(key, scheduler("wlc")), Some(RefusalKind::ServiceExists)),
        (Change::EditService(key, scheduler("nosuch")), Some(RefusalKind::SchedulerNotFound)),
        (Change::EditService(key, scheduler("wrr")), None),
        (Change::AddDestination(key, at, Default::default()), None),
        (Change::AddDestination(key, at, Default::default()), Some(RefusalKind::DestinationExists)),
        (Change::ZeroService(key), None),
        (Change::Flush, None),
    ];
    let rounds = round.iter().cycle().take(100 * round.len());
    let refused = in_batch(&mut client, rounds.clone().map(|(change, _)| change));
    let expected: Vec<_> = rounds
        .enumerate()
        .filter_map(|(tag, (_, refused))| refused.map(|kind| (tag, kind)))
        .collect();
    let found: Vec<_> = refused.iter().map(|(tag, refusal)| (*tag, refusal.kind())).collect();
    assert_eq!(found, expected);
    assert_eq!(client.snapshot().expect("a table").entries, [], "the flush came last");
}

fn a_client_stays_usable_after_refusals() {
    let ns = Netns::new();
    let mut client = connect(&ns);
    let key = tcp("10.0.0.1:80");
    for refusals in 1..5 {
        let refused = in_batch(&mut client, &vec![Change::DeleteService(key); refusals]);
        assert_eq!(refused.len(), refusals);
        client.add_service(&key, &scheduler("rr")).expect("it is not there");
        assert_eq!(client.services().expect("a list").len(), 1);
        client.delete_service(&key).expect("it is there");
        client.delete_service(&key).expect_err("it is gone");
    }
}

fn a_dropped_batch_sends_its_changes() {
    let ns = Netns::new();
    let mut client = connect(&ns);
    let mut batch = client.batch();
    for (tag, change) in additions(20).iter().enumerate() {
        batch.push(tag, change).expect("it is taken");
    }
    drop(batch);
    assert_eq!(client.services().expect("a list").len(), 20);
}

fn one_batch_after_another_loses_nothing() {
    let ns = Netns::new();
    let mut clients = [connect(&ns), connect(&ns)];
    let changes = additions(300);
    std::thread::scope(|scope| {
        for client in &mut clients {
            let changes = &changes;
            scope.spawn(move || {
                for _ in 0..5 {
                    let refused = in_batch(client, changes);
                    assert!(refused.is_sorted_by_key(|(tag, _)| *tag), "in their order");
                }
            });
        }
    });
    assert_eq!(clients[0].services().expect("a list").len(), 300);
}
