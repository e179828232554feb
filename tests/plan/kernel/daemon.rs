//! The sync daemons, as in `ip_vs_genl_new_daemon` in `net/netfilter/ipvs/ip_vs_ctl.c`, and
//! `start_sync_thread` and `stop_sync_thread` in `ip_vs_sync.c`.

use neli::genl::Nlattr;
use neli::types::Buffer;

use super::state::{EEXIST, EINTR, EINVAL, ENODEV, ESRCH, array, name, terminated};
use super::wire::{Attributes, attribute, find, nest, u16_of, u32_of};

const MASTER: u32 = 1;
const BACKUP: u32 = 2;

/// The existing interfaces, and their MTUs.
const INTERFACES: [(&str, u32); 2] = [("eth0", 1500), ("eth1", 9000)];

const DEFAULT_GROUP: [u8; 4] = [224, 0, 0, 81];
const DEFAULT_PORT: u16 = 8848;
const UDP_HEADER: u32 = 8;

/// The running daemons.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Daemons {
    master: Option<Daemon>,
    backup: Option<Daemon>,
    /// The number of daemons started so far.
    starts: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Daemon {
    interface: Vec<u8>,
    sync_id: u32,
    max_length: u16,
    group: Group,
    port: u16,
    ttl: u8,
    /// The number of the start, which tells a restarted daemon from one that kept running.
    start: u64,
    /// False until the thread has run for the first time.
    has_run: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    V4([u8; 4]),
    V6([u8; 16]),
}

impl Daemons {
    /// True if a daemon runs.
    pub(crate) fn any(&self) -> bool {
        self.master.is_some() || self.backup.is_some()
    }

    /// The numbers of the starts of the running master and backup.
    pub(crate) fn starts(&self) -> [Option<u64>; 2] {
        [&self.master, &self.backup].map(|daemon| daemon.as_ref().map(|daemon| daemon.start))
    }

    /// Lets the threads run.
    pub(crate) fn schedule(&mut self) {
        for daemon in [&mut self.master, &mut self.backup].into_iter().flatten() {
            daemon.has_run = true;
        }
    }

    pub(crate) fn start(
        &mut self,
        attributes: &Attributes,
        mixed_families: bool,
    ) -> Result<(), i32> {
        let state = u32_of(find(attributes, 1).ok_or(EINVAL)?);
        let interface = name(find(attributes, 2).ok_or(EINVAL)?);
        let sync_id = u32_of(find(attributes, 3).ok_or(EINVAL)?);
        let max_length = find(attributes, 4).map_or(0, u16_of);
        let group = match (find(attributes, 5), find(attributes, 6)) {
            (Some(group), _) => Some(Group::V4(array(group))),
            (None, Some(group)) => Some(Group::V6(array(group))),
            (None, None) => None,
        };
        if group.is_some_and(|group| !group.is_multicast()) {
            return Err(EINVAL);
        }
        let port = find(attributes, 7).map_or(0, u16_of);
        let ttl = find(attributes, 8).map_or(0, |value| value[0]);
        if mixed_families {
            return Err(EINVAL);
        }

        let known = INTERFACES.iter().find(|(known, _)| known.as_bytes() == interface);
        let (_, mtu) = known.ok_or(ENODEV)?;
        let group = group.unwrap_or(Group::V4(DEFAULT_GROUP));
        let headers = group.ip_header() + UDP_HEADER;
        let (mtu, least) =
            if state == BACKUP { ((*mtu).clamp(1500, 65535), 1024) } else { (1500, 1) };
        let max_length = match u32::from(max_length) {
            0 => mtu - headers,
            length => length.clamp(least, 65535 - headers),
        };
        let daemon = self.of(state)?;
        if daemon.is_some() {
            return Err(EEXIST);
        }
        self.starts += 1;
        let start = self.starts;
        *self.of(state)? = Some(Daemon {
            interface,
            sync_id,
            max_length: max_length as u16,
            group,
            port: if port == 0 { DEFAULT_PORT } else { port },
            ttl: if ttl == 0 { 1 } else { ttl },
            start,
            has_run: false,
        });
        Ok(())
    }

    /// Stops a daemon. If its thread has not run yet, that fails with `EINTR`, and still stops it.
    pub(crate) fn stop(&mut self, attributes: &Attributes) -> Result<(), i32> {
        let state = u32_of(find(attributes, 1).ok_or(EINVAL)?);
        let daemon = self.of(state)?.take().ok_or(ESRCH)?;
        if daemon.has_run { Ok(()) } else { Err(EINTR) }
    }

    pub(crate) fn report(&self) -> Vec<Vec<Nlattr<u16, Buffer>>> {
        let daemons = [(MASTER, &self.master), (BACKUP, &self.backup)];
        daemons
            .into_iter()
            .filter_map(|(state, daemon)| daemon.as_ref().map(|daemon| daemon.report(state)))
            .collect()
    }

    fn of(&mut self, state: u32) -> Result<&mut Option<Daemon>, i32> {
        match state {
            MASTER => Ok(&mut self.master),
            BACKUP => Ok(&mut self.backup),
            _ => Err(EINVAL),
        }
    }
}

impl Daemon {
    fn report(&self, state: u32) -> Vec<Nlattr<u16, Buffer>> {
        let inner = [
            attribute(1, &state.to_ne_bytes()),
            attribute(2, &terminated(&self.interface)),
            attribute(3, &self.sync_id.to_ne_bytes()),
            attribute(4, &self.max_length.to_ne_bytes()),
            attribute(7, &self.port.to_ne_bytes()),
            attribute(8, &[self.ttl]),
            match &self.group {
                Group::V4(group) => attribute(5, group),
                Group::V6(group) => attribute(6, group),
            },
        ];
        vec![nest(3, &inner)]
    }
}

impl Group {
    fn is_multicast(self) -> bool {
        match self {
            Group::V4(group) => group[0] >> 4 == 0xe,
            Group::V6(group) => group[0] == 0xff,
        }
    }

    /// The length of the header of an IP packet to this group.
    fn ip_header(self) -> u32 {
        match self {
            Group::V4(_) => 20,
            Group::V6(_) => 40,
        }
    }
}
