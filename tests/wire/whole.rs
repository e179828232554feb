//! Lists that the kernel handed over in pieces are read again, until nothing can be missing.

use std::cell::Cell;
use std::rc::Rc;

use ipvs::{
    Client, Destination, DestinationConfig, DestinationKey, Error, Service, ServiceConfig,
    ServiceKey,
};

use crate::codec::Attribute;
use crate::fake::{Fake, client};
use crate::numbers::cmd;
use crate::write;

/// One reading of a list: what each piece holds.
type Reading = &'static [&'static [u16]];

/// A client of a kernel whose lists are these, one after the other, and the number of lists that
/// were asked for.
fn lists(
    readings: &'static [Reading],
    command: u8,
    entry: fn(u16) -> Attribute,
) -> (Client<Fake>, Rc<Cell<usize>>) {
    let count = Rc::new(Cell::new(0));
    let asked = Rc::clone(&count);
    let (client, _) = client(move |requests| {
        let reading = readings[asked.get()];
        asked.set(asked.get() + 1);
        let pieces = reading.iter().map(|numbers| {
            let entries: Vec<_> = numbers.iter().map(|number| entry(*number)).collect();
            // Without the end of the list, which follows the last piece.
            let mut dump = requests[0].dump_in(entries.len().max(1), command, &entries);
            dump.pop();
            dump.concat()
        });
        pieces.chain([requests[0].done(0, None)]).map(Ok).collect()
    });
    (client, count)
}

fn service_key(port: u16) -> ServiceKey {
    ServiceKey::tcp(([192, 0, 2, 1], port))
}

/// A service that is not like the others.
fn service(port: u16) -> Service {
    let name = format!("s{port}").parse().expect("a name");
    let mut service = Service::new(service_key(port), ServiceConfig::new(name));
    let mut stats = ipvs::Stats::default();
    stats.connections = port.into();
    service.stats = Some(Box::new(stats));
    service
}

fn server(port: u16) -> Destination {
    let key = DestinationKey::from(([10, 0, 0, 1], port));
    let config = DestinationConfig { weight: port.into(), ..DestinationConfig::default() };
    let mut server = Destination::new(key, config);
    server.stats = Some(Box::default());
    server
}

fn services(readings: &'static [Reading]) -> (crate::Result<Vec<Service>>, usize) {
    let entry = |port| write::service(&service(port));
    let (mut client, count) = lists(readings, cmd::NEW_SERVICE, entry);
    (client.services(), count.get())
}

fn servers(readings: &'static [Reading]) -> (crate::Result<Vec<Destination>>, usize) {
    let entry = |port| write::destination(&server(port));
    let (mut client, count) = lists(readings, cmd::NEW_DEST, entry);
    (client.destinations(&service_key(80)), count.get())
}

#[track_caller]
fn assert_services(readings: &'static [Reading], ports: &[u16], count: usize) {
    let (found, asked) = services(readings);
    let expected: Vec<_> = ports.iter().map(|port| service(*port)).collect();
    assert_eq!((found.expect("a list"), asked), (expected, count));
}

#[test]
fn a_list_in_one_piece_is_read_once() {
    assert_services(&[&[&[1, 2, 3]]], &[1, 2, 3], 1);
    assert_services(&[&[]], &[], 1);
}

#[test]
fn a_list_in_pieces_is_read_again() {
    assert_services(&[&[&[1, 2], &[3]], &[&[1, 2], &[3]]], &[1, 2, 3], 2);
    // It may be cut elsewhere, and what was told twice stays so.
    assert_services(&[&[&[1, 2], &[2, 3]], &[&[1, 2, 3]]], &[1, 2, 2, 3], 2);
}

#[test]
fn services_that_the_kernel_skipped_are_found_with_all_that_belongs_to_them() {
    assert_services(
        &[&[&[1, 2], &[5]], &[&[1, 2], &[3, 4, 5]], &[&[1, 2], &[3, 4, 5]]],
        &[1, 2, 5, 3, 4],
        3,
    );
    // Each reading skips something else.
    assert_services(
        &[&[&[1], &[3]], &[&[2], &[3]], &[&[1], &[2, 4]], &[&[4], &[1]]],
        &[1, 3, 2, 4],
        4,
    );
}

#[test]
fn what_only_a_later_reading_skips_is_not_missing() {
    assert_services(&[&[&[1, 2], &[3, 4]], &[&[1], &[4, 2]]], &[1, 2, 3, 4], 2);
}

#[test]
fn a_full_piece_may_be_the_first_of_two() {
    // A service takes more than 200 bytes.
    const FULL: &[u16] = &{
        let mut ports = [0; 100];
        let mut index = 0;
        while index < ports.len() {
            ports[index] = index as u16 + 1;
            index += 1;
        }
        ports
    };
    let (found, asked) = services(&[&[FULL], &[FULL, &[200]], &[FULL, &[200]]]);
    let found = found.expect("a list");
    assert_eq!((found.len(), asked), (101, 3));
    assert_eq!(found.last(), Some(&service(200)));
}

#[test]
fn services_that_never_rest_are_an_error() {
    let (found, asked) =
        services(&[&[&[1], &[2]], &[&[3], &[2]], &[&[4], &[2]], &[&[5], &[2]], &[&[5], &[2]]]);
    let error = found.expect_err("each reading has a new one");
    assert!(matches!(error, Error::Changing { service: None, .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "the services kept changing while they were read: every reading found new ones; try again"
    );
    assert_eq!(asked, 4);
}

#[test]
fn real_servers_that_the_kernel_skipped_are_found() {
    let (found, asked) = servers(&[&[&[1, 2], &[5]], &[&[1, 2], &[3, 5]], &[&[1, 3], &[2, 5]]]);
    let found = found.expect("a list");
    assert_eq!((found, asked), ([1, 2, 5, 3].map(server).to_vec(), 3));
}

#[test]
fn real_servers_that_never_rest_are_an_error_that_names_the_service() {
    let (found, _) = servers(&[&[&[1], &[2]], &[&[3], &[2]], &[&[4], &[2]], &[&[5], &[2]]]);
    let error = found.expect_err("each reading has a new one");
    assert!(matches!(error, Error::Changing { service: Some(_), .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "the real servers of TCP 192.0.2.1:80 kept changing while they were read: every reading \
         found new ones; try again"
    );
}

#[test]
fn the_next_list_knows_nothing_of_the_one_before() {
    let entry = |port| write::destination(&server(port));
    let readings: &[Reading] = &[&[&[1], &[2]], &[&[1], &[2]], &[&[1, 3]], &[]];
    let (mut client, _) = lists(readings, cmd::NEW_DEST, entry);
    for expected in [vec![server(1), server(2)], vec![server(1), server(3)], vec![]] {
        assert_eq!(client.destinations(&service_key(80)).expect("a list"), expected);
    }
}
