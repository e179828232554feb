//! Whatever the kernel sends becomes a value or an error: never a panic, never an endless wait.

use std::net::IpAddr;

use ipvs::{
    Client, Daemon, DaemonConfig, DaemonRole, Destination, DestinationConfig, DestinationKey,
    Error, Forwarding, Info, Persistence, Service, ServiceConfig, ServiceKey, Timeouts, Tunnel,
    TunnelChecksum, Version,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::Result;
use crate::fake::{Fake, ask, client, look_up};
use crate::numbers::{cmd, errno};
use crate::{values, write};

fn key() -> ServiceKey {
    ServiceKey::tcp(([192, 0, 2, 1], 80))
}

type Question = fn(&mut Client<Fake>) -> Result<()>;

/// Every query of the library.
const QUESTIONS: [Question; 8] = [
    |client| client.services().map(drop),
    |client| client.service(&key()).map(drop),
    |client| client.destinations(&key()).map(drop),
    |client| client.daemons().map(drop),
    |client| client.timeouts().map(drop),
    |client| client.info().map(drop),
    |client| client.flush(),
    |client| {
        let mut batch = client.batch();
        batch.push(0, &ipvs::Change::ZeroAll)?;
        batch.push(1, &ipvs::Change::Flush)?;
        batch.flush()
    },
];

/// One well-formed answer of each kind, with a value in every attribute.
fn answers() -> Vec<Vec<u8>> {
    let (mut client, fake) = client(|_| Vec::new());
    client.flush().expect_err("nothing came");
    let request = fake.only_request();
    let persistence = Some(Persistence::new(key().family(), 300));
    let engine = Some("sip".parse().expect("a name"));
    let config = ServiceConfig { persistence, persistence_engine: engine, ..Default::default() };
    let mut service = Service::new(key(), config);
    service.stats = Some(Box::default());
    let tunnel =
        Tunnel::Gue { port: 6080.try_into().expect("not 0"), checksum: TunnelChecksum::Remote };
    let config = DestinationConfig { forwarding: Forwarding::Tunnel(tunnel), ..Default::default() };
    let mut destination = Destination::new(DestinationKey::from(([10, 0, 0, 1], 80)), config);
    destination.active_connections = 1;
    destination.inactive_connections = 2;
    destination.persistent_connections = 3;
    destination.stats = Some(Box::default());
    let daemon = DaemonConfig {
        max_length_bytes: 1400.try_into().ok(),
        group: Some(IpAddr::from([224, 0, 0, 81])),
        port: 8848.try_into().ok(),
        ttl: 1.try_into().ok(),
        ..DaemonConfig::new("eth0".parse().expect("a name"))
    };
    let daemon = Daemon::new(DaemonRole::Master, daemon);
    let version = Version { major: 1, minor: 2, patch: 1 };
    let timeouts = Timeouts { tcp_seconds: 900, tcp_fin_seconds: 120, udp_seconds: 300 };
    vec![
        request.answer(cmd::NEW_SERVICE, &[write::service(&service)]),
        request.answer(cmd::NEW_DEST, &[write::destination(&destination)]),
        request.answer(cmd::NEW_DAEMON, &[write::daemon(&daemon)]),
        request.answer(cmd::SET_CONFIG, &write::timeouts(&timeouts)),
        request.answer(cmd::SET_INFO, &write::info(&Info::new(version, 4096))),
        request.acknowledged(),
        request.refused(errno::EINVAL, Some("no")),
        request.refused_capped(errno::EINVAL, Some("no")),
        request.done(0, None),
        request.done(errno::EINVAL, Some("no")),
        look_up(&request),
    ]
}

/// Sends every query to a kernel that gives one of the spoilt answers and then ends the dump, with
/// the same client for all answers. Each call has to return.
#[track_caller]
fn assert_survives(answers: &[Vec<u8>]) {
    for question in QUESTIONS {
        let mut left = answers.to_vec();
        let (mut client, _) = client(move |requests| {
            let last = requests.last().expect("a request");
            let mut spoilt = left.pop().expect("one for each question");
            if let Some(sequence) = spoilt.get_mut(8..12) {
                sequence.copy_from_slice(&last.sequence.to_ne_bytes());
            }
            vec![Ok(spoilt), Ok(last.done(0, None))]
        });
        for _ in answers {
            match question(&mut client) {
                Ok(()) | Err(Error::Malformed(_) | Error::Refused(_)) => {}
                // With a real socket the client would still be waiting.
                Err(Error::Socket(error)) => {
                    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// Sets a message's length to what it is.
fn set_length(message: &mut [u8]) {
    let length = message.len() as u32;
    message[..4].copy_from_slice(&length.to_ne_bytes());
}

#[test]
fn an_answer_cut_short_anywhere_is_survived() {
    for answer in answers() {
        let cuts = 0..answer.len();
        assert_survives(&cuts.map(|end| answer[..end].to_vec()).collect::<Vec<_>>());
    }
}

/// The same, but with the right message length, so that the attributes are what ends too early.
#[test]
fn attributes_cut_short_anywhere_are_survived() {
    for answer in answers() {
        let cut = |end| {
            let mut cut = answer[..end].to_vec();
            set_length(&mut cut);
            cut
        };
        assert_survives(&(16..answer.len()).map(cut).collect::<Vec<_>>());
    }
}

#[test]
fn any_two_bytes_changed_are_survived() {
    for answer in answers() {
        for value in [0_u16, 1, 3, 5, 0x7fff, 0x8000, 0xffff] {
            let change = |at: usize| {
                let mut changed = answer.clone();
                changed[at..at + 2].copy_from_slice(&value.to_ne_bytes());
                changed
            };
            let places = (0..answer.len() - 1).step_by(2);
            assert_survives(&places.map(change).collect::<Vec<_>>());
        }
    }
}

proptest! {
    #![proptest_config(values::cases(300))]

    #[test]
    fn random_bytes_are_survived(bytes in vec(any::<u8>(), 0..200)) {
        assert_survives(&[bytes]);
    }

    #[test]
    fn random_attributes_are_survived(
        bytes in vec(prop_oneof![3 => 0_u8..16, 1 => any::<u8>()], 0..120),
    ) {
        // The headers of netlink and generic netlink, and then anything
        let mut message = vec![0; 20];
        message[4] = 0x1c;
        message.extend(&bytes);
        set_length(&mut message);
        assert_survives(&[message]);
    }
}

#[track_caller]
fn assert_malformed<T: std::fmt::Debug>(result: Result<T>) {
    assert!(matches!(result, Err(Error::Malformed(_))), "{result:?}");
}

#[test]
fn a_message_with_a_wrong_length_is_malformed() {
    for length in [0_u32, 1, 15, 1000, u32::MAX] {
        let result = ask(
            move |request| {
                let mut message = request.done(0, None);
                message[..4].copy_from_slice(&length.to_ne_bytes());
                vec![message]
            },
            |client| client.services(),
        );
        assert_malformed(result);
    }
}

#[test]
fn lost_data_is_malformed() {
    const NLMSG_OVERRUN: u16 = 4;
    let result = ask(
        |request| {
            let mut message = request.noop();
            message[4..6].copy_from_slice(&NLMSG_OVERRUN.to_ne_bytes());
            vec![message]
        },
        |client| client.services(),
    );
    assert_malformed(result);
}

#[test]
fn a_daemon_that_is_neither_master_nor_backup_is_malformed() {
    let state = |value: u32| {
        use crate::codec::Attribute;
        let attributes = vec![Attribute::Nest(
            crate::numbers::top::DAEMON,
            vec![
                Attribute::leaf(1, value),
                Attribute::text(2, "eth0"),
                Attribute::leaf(3, 256_u32),
            ],
        )];
        ask(
            move |request| {
                vec![request.answer(cmd::NEW_DAEMON, &attributes), request.done(0, None)]
            },
            |client| client.daemons(),
        )
    };
    assert_malformed(state(0));
    assert_malformed(state(3));
    // The same goes for a sync ID above 255.
    assert_malformed(state(1));
}

/// An answer that cannot be read is not in the way of the next request.
#[test]
fn the_client_stays_usable_after_a_malformed_answer() {
    let (mut client, fake) = client(|requests| {
        let request = &requests[0];
        let replies = match request.command {
            cmd::GET_SERVICE => {
                let broken = request.answer(cmd::NEW_SERVICE, &[]);
                vec![broken.clone(), broken, request.done(0, None)]
            }
            _ => vec![request.acknowledged()],
        };
        replies.into_iter().map(Ok).collect()
    });
    assert_malformed(client.services());
    assert_eq!(fake.waiting(), 0, "the rest of the dump was taken");
    client.flush().expect("it is carried out");
}

#[test]
fn a_look_up_without_a_family_number_is_malformed() {
    let fake = Fake::new(|requests| vec![Ok(requests[0].answer(1, &[]))]);
    assert_malformed(Client::with_transport(fake));
}

#[test]
fn an_echo_with_a_wrong_length_costs_only_the_explanation() {
    for length in [0_u32, 33, 5000, u32::MAX] {
        let result = ask(
            move |request| {
                let mut message = request.refused(errno::EINVAL, Some("no"));
                message[20..24].copy_from_slice(&length.to_ne_bytes());
                vec![message]
            },
            |client| client.flush(),
        );
        let error = result.expect_err("it was refused");
        let refusal = error.refusal().expect("a refusal");
        assert_eq!((refusal.errno, refusal.kernel_text.as_deref()), (errno::EINVAL, None));
    }
}
