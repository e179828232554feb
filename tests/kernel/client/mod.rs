//! Each operation of the library's client on the real kernel: set, read back, compare; and each
//! refusal that a kernel can be made to give.

mod batch;
mod daemons;
mod destinations;
mod namespace;
mod refusals;
mod services;
mod table;
mod whole;

use std::net::SocketAddr;

use ipvs::{
    Change, Client, DestinationConfig, DestinationKey, Forwarding, Name, Refusal, RefusalKind,
    Service, ServiceConfig, ServiceKey,
};

use crate::harness::KernelTest;
use crate::netns::Netns;

pub(crate) fn tests() -> Vec<KernelTest> {
    [
        batch::tests(),
        services::tests(),
        destinations::tests(),
        table::tests(),
        daemons::tests(),
        refusals::tests(),
        namespace::tests(),
        whole::tests(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A client for a namespace, whatever thread uses it.
fn connect(ns: &Netns) -> Client {
    ns.enter(Client::new).expect("IPVS is there")
}

fn socket(text: &str) -> SocketAddr {
    text.parse().expect("an address and port")
}

fn tcp(text: &str) -> ServiceKey {
    ServiceKey::tcp(socket(text))
}

fn udp(text: &str) -> ServiceKey {
    ServiceKey::udp(socket(text))
}

fn server(text: &str) -> DestinationKey {
    socket(text).into()
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn scheduler(text: &str) -> ServiceConfig {
    ServiceConfig::new(name(text))
}

fn forwarding(forwarding: Forwarding) -> DestinationConfig {
    DestinationConfig { forwarding, ..Default::default() }
}

/// Carries out changes in one batch, tagged with their indices, and returns the refusals.
fn in_batch<'a>(
    client: &mut Client,
    changes: impl IntoIterator<Item = &'a Change>,
) -> Vec<(usize, Refusal)> {
    let mut batch = client.batch();
    for (tag, change) in changes.into_iter().enumerate() {
        batch.push(tag, change).expect("it is taken");
    }
    batch.flush().expect("it is answered");
    batch.take_refused()
}

/// Adds a service, and checks that the kernel reports it so, alone and in the list.
#[track_caller]
fn assert_kept(client: &mut Client, key: ServiceKey, config: ServiceConfig) {
    client.add_service(&key, &config).unwrap_or_else(|error| panic!("{key} {config:?}: {error}"));
    assert_service(client, key, config);
}

/// Checks that the kernel reports a service with this configuration, once.
#[track_caller]
fn assert_service(client: &mut Client, key: ServiceKey, config: ServiceConfig) {
    let one = client.service(&key).unwrap_or_else(|error| panic!("{key}: {error}"));
    assert_eq!((one.key, one.config), (key, config));
    let all = client.services().expect("a list");
    let same: Vec<&Service> = all.iter().filter(|service| service.key == key).collect();
    assert_eq!(same, [&one]);
}

/// Checks that the kernel refused, for this reason.
#[track_caller]
fn assert_refused<T: std::fmt::Debug>(result: Result<T, ipvs::Error>, kind: RefusalKind) {
    let error = result.expect_err("it is refused");
    assert_eq!(error.refusal_kind(), Some(kind), "{error}");
}
