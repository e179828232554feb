//! Names of services and servers as they are shown, with the names of hosts where those are wanted.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use ipvs::{DestinationKey, ServiceKey};

use crate::names::ReverseNames;

/// Names of hosts, looked up in the background, since a name server may take its time.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Whether names are shown, not addresses.
    pub(crate) shown: bool,
    /// `None` for an address without a name.
    known: HashMap<IpAddr, Option<String>>,
    asked: BTreeSet<IpAddr>,
    worker: Option<Worker>,
}

type Found = Vec<(IpAddr, Option<String>)>;

#[derive(Debug)]
struct Worker {
    ask: Sender<Vec<IpAddr>>,
    found: Receiver<Found>,
}

impl Names {
    /// Asks for the names of those addresses that are not known yet.
    pub(crate) fn want(&mut self, addresses: impl Iterator<Item = IpAddr>) {
        if !self.shown {
            return;
        }
        let asked = &mut self.asked;
        let new: Vec<IpAddr> = addresses.filter(|address| asked.insert(*address)).collect();
        if !new.is_empty() {
            let worker = self.worker.get_or_insert_with(Worker::start);
            // It ends only with the program.
            let _ = worker.ask.send(new);
        }
    }

    /// Takes the names that have been found. True if there are any.
    pub(crate) fn take_found(&mut self) -> bool {
        let Some(worker) = &self.worker else {
            return false;
        };
        let before = self.known.len();
        self.known.extend(worker.found.try_iter().flatten());
        self.known.len() > before
    }

    fn host(&self, address: IpAddr) -> Option<&str> {
        self.known.get(&address).filter(|_| self.shown)?.as_deref()
    }

    /// `192.0.2.1:80`, or `www.example.com:80`
    pub(crate) fn endpoint(&self, address: IpAddr, port: u16) -> String {
        match self.host(address) {
            Some(host) => format!("{host}:{port}"),
            None => SocketAddr::new(address, port).to_string(),
        }
    }

    /// `TCP 192.0.2.1:80`
    pub(crate) fn service(&self, key: &ServiceKey) -> String {
        match key {
            ServiceKey::Address { protocol, address, port } => {
                format!("{protocol} {}", self.endpoint(*address, *port))
            }
            ServiceKey::FirewallMark { .. } => key.to_string(),
        }
    }

    pub(crate) fn server(&self, key: &DestinationKey) -> String {
        self.endpoint(key.address, key.port)
    }
}

impl Worker {
    fn start() -> Self {
        let (ask, asked) = channel::<Vec<IpAddr>>();
        let (answer, found) = channel();
        thread::spawn(move || {
            let mut names = ReverseNames::new(false);
            for addresses in asked {
                names.look_up(addresses.iter().copied());
                let name = |address: &IpAddr| (*address, names.host(*address).map(str::to_owned));
                if answer.send(addresses.iter().map(name).collect()).is_err() {
                    return;
                }
            }
        });
        Worker { ask, found }
    }
}

#[cfg(test)]
impl Names {
    /// With a name that has been found.
    pub(crate) fn with(address: IpAddr, name: &str) -> Self {
        let known = HashMap::from([(address, Some(name.to_owned()))]);
        Names { shown: true, known, asked: BTreeSet::from([address]), worker: None }
    }
}
