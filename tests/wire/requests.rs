//! The library's requests, decoded, are what its caller asked for.

use ipvs::{
    Change, Client, ConfigError, DaemonRole, Error, Netmask, Persistence, ServiceConfig, ServiceKey,
};
use neli::consts::nl::NlmF;
use proptest::prelude::*;

use crate::Result;
use crate::codec::Request;
use crate::fake::{FAMILY, Fake, client, look_up, willing_client};
use crate::numbers::cmd;
use crate::{read, values};

proptest! {
    #![proptest_config(values::cases(400))]

    #[test]
    fn a_change_is_sent_unchanged(change in values::change()) {
        let (mut client, fake) = willing_client();
        client.change(&change).expect("it is carried out");
        let request = fake.only_request();
        prop_assert_eq!(request.family, FAMILY);
        prop_assert_eq!(request.version, 1);
        let receipt = matches!(change, Change::StopDaemon(_));
        let flags = if receipt { NlmF::REQUEST } else { NlmF::REQUEST | NlmF::ACK };
        prop_assert_eq!(request.flags, flags);
        prop_assert_eq!(read::change(request), change);
    }

    #[test]
    fn a_batch_sends_each_of_its_changes(changes in values::changes(30)) {
        let (mut client, fake) = willing_client();
        let mut batch = client.batch();
        for (tag, change) in changes.iter().enumerate() {
            batch.push(tag, change).expect("it is taken");
        }
        batch.flush().expect("all are carried out");
        prop_assert_eq!(batch.take_refused(), []);
        let asked: Vec<_> = fake.asked().into_iter().map(read::change).collect();
        prop_assert_eq!(asked, changes);
    }

    #[test]
    fn one_service_and_its_servers_are_queried_by_key_alone(key in values::service_key()) {
        let mut one = asked(|client| client.service(&key));
        prop_assert_eq!(one.command, cmd::GET_SERVICE);
        prop_assert_eq!(one.flags, NlmF::REQUEST);
        prop_assert_eq!(read::service_alone(&mut one.attributes), key);
        one.attributes.end();

        let mut servers = asked(|client| client.destinations(&key));
        prop_assert_eq!(servers.command, cmd::GET_DEST);
        prop_assert_eq!(servers.flags, NlmF::REQUEST | NlmF::DUMP);
        prop_assert_eq!(read::service_alone(&mut servers.attributes), key);
        servers.attributes.end();
    }
}

/// The request of a call that gets no answer.
fn asked<T: std::fmt::Debug>(question: impl FnOnce(&mut Client<Fake>) -> Result<T>) -> Request {
    let (mut client, fake) = client(|_| Vec::new());
    let error = question(&mut client).expect_err("nothing came");
    assert!(matches!(error, Error::Socket(_)), "{error}");
    fake.only_request()
}

#[test]
fn whole_lists_are_queried_without_attributes() {
    let services = asked(|client| client.services());
    assert_eq!((services.command, services.flags), (cmd::GET_SERVICE, NlmF::REQUEST | NlmF::DUMP));
    services.attributes.end();
    let daemons = asked(|client| client.daemons());
    assert_eq!((daemons.command, daemons.flags), (cmd::GET_DAEMON, NlmF::REQUEST | NlmF::DUMP));
    daemons.attributes.end();
}

#[test]
fn timeouts_and_version_are_queried_without_attributes() {
    let timeouts = asked(|client| client.timeouts());
    assert_eq!((timeouts.command, timeouts.flags), (cmd::GET_CONFIG, NlmF::REQUEST));
    timeouts.attributes.end();
    let info = asked(|client| client.info());
    assert_eq!((info.command, info.flags), (cmd::GET_INFO, NlmF::REQUEST));
    info.attributes.end();
}

#[test]
fn the_family_is_looked_up_by_name_and_once() {
    let fake = Fake::new(|requests| vec![Ok(look_up(&requests[0]))]);
    let mut client = Client::with_transport(fake.clone()).expect("the family is there");
    let mut request = fake.only_request();
    // GENL_ID_CTRL, CTRL_CMD_GETFAMILY and CTRL_ATTR_FAMILY_NAME, from <linux/genetlink.h>
    assert_eq!((request.family, request.command), (0x10, 3));
    assert_eq!(request.attributes.text(2).as_deref(), Some("IPVS"));
    request.attributes.end();

    for _ in 0..3 {
        client.services().expect_err("this kernel answers nonsense");
    }
    let later: Vec<_> = fake.sent().into_iter().flatten().skip(1).collect();
    assert_eq!(later.iter().map(|request| request.family).collect::<Vec<_>>(), [FAMILY; 3]);
}

#[test]
fn each_request_has_its_own_sequence_number() {
    let (mut client, fake) = willing_client();
    for _ in 0..3 {
        client.flush().expect("it is carried out");
    }
    let mut batch = client.batch();
    for tag in 0..3 {
        batch.push(tag, &Change::Flush).expect("it is taken");
    }
    batch.flush().expect("all are carried out");
    let mut numbers: Vec<_> = fake.sent().iter().flatten().map(|r| r.sequence).collect();
    assert_eq!(numbers.len(), 6);
    numbers.dedup();
    assert_eq!(numbers.len(), 6, "{numbers:?}");
}

/// The kernel would misread such a netmask instead of refusing it.
#[test]
fn a_netmask_of_the_other_family_is_an_error_and_nothing_is_sent() {
    let (mut client, fake) = willing_client();
    let key = ServiceKey::tcp(([192, 0, 2, 1], 80));
    let persistence = Some(Persistence { timeout_seconds: 300, netmask: Netmask::V6(64) });
    let config = ServiceConfig { persistence, ..ServiceConfig::default() };
    for result in [client.add_service(&key, &config), client.edit_service(&key, &config)] {
        let error = result.expect_err("it fits no IPv4 service");
        assert_eq!(
            error.to_string(),
            "the netmask of an IPv4 service must be an IPv4 one, not IPv6"
        );
    }
    let mut batch = client.batch();
    let error = batch.push(1, &Change::AddService(key, config)).expect_err("nor here");
    assert!(matches!(error, Error::Config(ConfigError::NetmaskFamily { .. })), "{error}");
    batch.flush().expect("there is nothing to do");
    assert_eq!(fake.sizes(), []);
}

/// The kernel may stop a daemon without an answer. It always acknowledges a message that does
/// nothing.
#[test]
fn stopping_a_daemon_waits_for_a_receipt_and_not_for_an_acknowledgement() {
    let (mut client, fake) = willing_client();
    client.stop_daemon(DaemonRole::Master).expect("the receipt came");
    let sent = fake.sent();
    let [datagram] = &sent[..] else { panic!("one datagram") };
    let [stop, receipt] = &datagram[..] else { panic!("two messages") };
    assert!(receipt.is_receipt() && !stop.is_receipt());
    assert_eq!((stop.flags, receipt.flags), (NlmF::REQUEST, NlmF::REQUEST | NlmF::ACK));
    assert_eq!(stop.sequence, receipt.sequence);
    assert_eq!(fake.waiting(), 0);
}
