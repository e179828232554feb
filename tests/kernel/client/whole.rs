//! Lists that the kernel hands over in pieces, while services and servers are removed and added
//! between the pieces.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::rc::Rc;

use ipvs::{
    Change, Client, DestinationConfig, DestinationKey, Error, KernelSocket, ServiceKey, Transport,
};

use super::{connect, in_batch, scheduler, tcp};
use crate::harness::KernelTest;
use crate::netns::Netns;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        services_removed_in_another_namespace_hide_none,
        services_removed_in_the_same_namespace_hide_no_other,
        servers_removed_from_a_service_hide_no_other,
        services_that_are_added_all_the_time_are_an_error,
    ]
}

/// A socket that does something after the second piece of each list that the kernel hands over.
struct Meddling {
    socket: KernelSocket,
    /// Is given the number of lists that were asked for.
    meddle: Box<dyn FnMut(usize)>,
    pieces: usize,
    /// The number of entries of each list.
    lists: Rc<RefCell<Vec<usize>>>,
}

impl Meddling {
    fn client(
        ns: &Netns,
        meddle: impl FnMut(usize) + 'static,
    ) -> (Client<Meddling>, Rc<RefCell<Vec<usize>>>) {
        let socket = ns.enter(KernelSocket::open).expect("a socket");
        let lists = Rc::default();
        let meddling =
            Meddling { socket, meddle: Box::new(meddle), pieces: 0, lists: Rc::clone(&lists) };
        let client = Client::with_transport(meddling).expect("IPVS is there");
        lists.borrow_mut().clear();
        (client, lists)
    }
}

impl Transport for Meddling {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        self.pieces = 0;
        self.lists.borrow_mut().push(0);
        self.socket.send(datagram)
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<()> {
        self.socket.receive(buffer)?;
        self.pieces += 1;
        let mut lists = self.lists.borrow_mut();
        *lists.last_mut().expect("something was asked") += entries(buffer);
        let asked = lists.len();
        drop(lists);
        if self.pieces == 2 {
            (self.meddle)(asked);
        }
        Ok(())
    }

    fn reply_window(&mut self) -> usize {
        self.socket.reply_window()
    }

    fn cut_elsewhere(&mut self) {
        self.socket.cut_elsewhere();
    }
}

/// The number of a datagram's messages, without the one that ends a list.
fn entries(mut datagram: &[u8]) -> usize {
    let mut count = 0;
    while let [a, b, c, d, kind_low, kind_high, ..] = *datagram {
        let length = u32::from_ne_bytes([a, b, c, d]) as usize;
        count += usize::from(u16::from_ne_bytes([kind_low, kind_high]) >= 16);
        datagram = &datagram[length.next_multiple_of(4).min(datagram.len())..];
    }
    count
}

fn services(address: &str, count: u16) -> Vec<ServiceKey> {
    (1..=count).map(|port| tcp(&format!("{address}:{port}"))).collect()
}

fn add(client: &mut Client, keys: &[ServiceKey]) {
    let changes: Vec<_> =
        keys.iter().map(|key| Change::AddService(*key, scheduler("rr"))).collect();
    assert_eq!(in_batch(client, &changes), []);
}

fn remove(client: &mut Client, keys: &[ServiceKey]) {
    let changes: Vec<_> = keys.iter().map(|key| Change::DeleteService(*key)).collect();
    assert_eq!(in_batch(client, &changes), []);
}

/// Reads 1000 services while another 1000 are removed, and finds all that stay.
fn read_while_services_go(ns: &Netns, passing: Vec<ServiceKey>, mut meddler: Client) -> Vec<usize> {
    let steady = services("10.0.0.1", 1000);
    add(&mut connect(ns), &steady);
    add(&mut meddler, &passing);
    let (mut client, lists) = Meddling::client(ns, move |asked| {
        if asked == 1 {
            remove(&mut meddler, &passing);
        }
    });
    let found: BTreeSet<_> =
        client.services().expect("a list").into_iter().map(|service| service.key).collect();
    let missing: Vec<_> = steady.iter().filter(|key| !found.contains(key)).collect();
    assert!(missing.is_empty(), "{} missing: {missing:?}", missing.len());
    lists.take()
}

fn services_removed_in_another_namespace_hide_none() {
    let (ns, other) = (Netns::new(), Netns::new());
    let lists = read_while_services_go(&ns, services("10.0.0.2", 1000), connect(&other));
    println!("services in each list: {lists:?}");
    // Since Linux 7.1 each namespace has a table of its own, and nothing is hidden.
    let hides = lists.first().is_some_and(|first| *first < 1000);
    assert_eq!(hides, lists.len() > 2, "{lists:?}");
}

fn services_removed_in_the_same_namespace_hide_no_other() {
    let ns = Netns::new();
    let lists = read_while_services_go(&ns, services("10.0.0.2", 1000), connect(&ns));
    println!("services in each list: {lists:?}");
    assert!(lists.len() > 2, "nothing was hidden, which proves nothing: {lists:?}");
}

fn servers_removed_from_a_service_hide_no_other() {
    let ns = Netns::new();
    let service = tcp("10.0.0.1:80");
    let server = |number: u16| DestinationKey::from(([10, 1, 0, 1], number));
    let adding = |number| Change::AddDestination(service, server(number), Default::default());
    let mut meddler = connect(&ns);
    add(&mut meddler, &[service]);
    // The newest come first.
    let changes: Vec<_> = (1..=1000).map(adding).collect();
    assert_eq!(in_batch(&mut meddler, &changes), []);
    let (mut client, lists) = Meddling::client(&ns, move |asked| {
        if asked == 1 {
            let changes: Vec<_> = (951..=1000)
                .map(|number| Change::DeleteDestination(service, server(number)))
                .collect();
            assert_eq!(in_batch(&mut meddler, &changes), []);
        }
    });
    let found = client.destinations(&service).expect("a list");
    let keys: BTreeSet<_> = found.iter().map(|server| server.key).collect();
    let missing: Vec<_> = (1..=950).filter(|number| !keys.contains(&server(*number))).collect();
    assert!(missing.is_empty(), "missing: {missing:?}");
    assert!(found.iter().all(|server| server.config == DestinationConfig::default()));
    let lists = lists.take();
    assert!(lists[0] < 1000 && lists.len() == 3, "{lists:?}");
}

fn services_that_are_added_all_the_time_are_an_error() {
    let ns = Netns::new();
    let mut meddler = connect(&ns);
    add(&mut meddler, &services("10.0.0.1", 300));
    let (mut client, lists) = Meddling::client(&ns, move |asked| {
        add(&mut meddler, &services(&format!("10.0.1.{asked}"), 50));
    });
    let error = client.services().expect_err("each reading has new ones");
    assert!(matches!(error, Error::Changing { service: None, .. }), "{error:?}");
    assert_eq!(lists.take().len(), 4);
}
