//! The kernel's state, and the effect of each request on it, as in `ip_vs_genl_set_cmd` and the
//! functions it calls in `net/netfilter/ipvs/ip_vs_ctl.c`. Values are kept as they were sent.

use neli::genl::Nlattr;
use neli::types::Buffer;

use super::daemon::Daemons;
use super::settings::Settings;
use super::wire::{Attributes, CONTROLLER, Request, attribute, find, nest, nested, u16_of, u32_of};

pub(crate) const ENOENT: i32 = 2;
pub(crate) const ESRCH: i32 = 3;
pub(crate) const EINTR: i32 = 4;
pub(crate) const EEXIST: i32 = 17;
pub(crate) const ENODEV: i32 = 19;
pub(crate) const EINVAL: i32 = 22;
pub(crate) const ERANGE: i32 = 34;
pub(crate) const EAFNOSUPPORT: i32 = 97;

const NEW_SERVICE: u8 = 1;
const SET_SERVICE: u8 = 2;
const DEL_SERVICE: u8 = 3;
const GET_SERVICE: u8 = 4;
const NEW_DEST: u8 = 5;
const SET_DEST: u8 = 6;
const DEL_DEST: u8 = 7;
const GET_DEST: u8 = 8;
const NEW_DAEMON: u8 = 9;
const DEL_DAEMON: u8 = 10;
const GET_DAEMON: u8 = 11;
const SET_CONFIG: u8 = 12;
const GET_CONFIG: u8 = 13;
const GET_INFO: u8 = 15;
const ZERO: u8 = 16;
const FLUSH: u8 = 17;

const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;
const FORWARDING_MASK: u32 = 7;
const LOCALNODE: u32 = 1;
const TUNNEL: u32 = 2;
const TUNNEL_GUE: u8 = 1;
const HASHED: u32 = 2;

/// `INT_MAX / HZ`, for a kernel with 250 ticks a second: the longest timeout, in seconds.
pub(crate) const LONGEST_TIMEOUT: u32 = i32::MAX as u32 / 250;

const SCHEDULERS: [&str; 13] =
    ["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"];

/// The identity of a service, as the kernel looks it up.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ServiceId {
    Mark(u16, u32),
    Address { family: u16, protocol: u16, address: [u8; 16], port: [u8; 2] },
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Service {
    id: ServiceId,
    scheduler: Vec<u8>,
    flags: u32,
    timeout: u32,
    netmask: [u8; 4],
    engine: Option<Vec<u8>>,
    destinations: Vec<Destination>,
    /// See [`State::births`].
    born: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct DestinationId {
    family: u16,
    address: [u8; 16],
    port: [u8; 2],
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Destination {
    id: DestinationId,
    config: DestinationConfig,
    born: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct DestinationConfig {
    method: u32,
    weight: u32,
    upper: u32,
    lower: u32,
    tunnel: (u8, [u8; 2], u16),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    services: Vec<Service>,
    /// The timeouts of TCP, TCP after a FIN, and UDP.
    timeouts: [u32; 3],
    pub(crate) daemons: Daemons,
    pub(super) settings: Settings,
    /// The number of services and servers added so far. Each reports its own number as its count of
    /// connections, which tells one that stayed from one that was removed and added again.
    births: u64,
    /// The director's own addresses, as an old kernel treats them.
    pub(crate) local: Vec<[u8; 4]>,
}

impl Default for State {
    fn default() -> Self {
        State {
            services: Vec::new(),
            timeouts: [15 * 60, 2 * 60, 5 * 60],
            daemons: Daemons::default(),
            settings: Settings::default(),
            births: 0,
            local: Vec::new(),
        }
    }
}

/// True for a request that changes something.
pub(crate) fn writes(request: &Request) -> bool {
    request.family != CONTROLLER
        && matches!(
            request.command,
            NEW_SERVICE
                | SET_SERVICE
                | DEL_SERVICE
                | NEW_DEST
                | SET_DEST
                | DEL_DEST
                | NEW_DAEMON
                | DEL_DAEMON
                | SET_CONFIG
                | ZERO
                | FLUSH
        )
}

impl State {
    /// Carries out a request, and returns the attributes of the replies.
    pub(crate) fn carry_out(
        &mut self,
        request: &Request,
    ) -> Result<Vec<Vec<Nlattr<u16, Buffer>>>, i32> {
        match request.command {
            GET_INFO => Ok(vec![vec![
                attribute(1, &0x01_02_01_u32.to_ne_bytes()),
                attribute(2, &4096_u32.to_ne_bytes()),
            ]]),
            GET_SERVICE if request.dumps() => {
                Ok(self.services.iter().map(report_service).collect())
            }
            GET_SERVICE => {
                let id = service_id(&service_attributes(request)?)?;
                let found = self.services.iter().find(|service| service.id == id);
                Ok(vec![report_service(found.ok_or(ESRCH)?)])
            }
            GET_DEST => {
                let id = service_id(&service_attributes(request)?)?;
                let found = self.services.iter().find(|service| service.id == id);
                let destinations = found.map(|service| service.destinations.as_slice());
                Ok(destinations.unwrap_or_default().iter().map(report_destination).collect())
            }
            GET_CONFIG => {
                let timeouts = (4..).zip(self.timeouts);
                Ok(vec![
                    timeouts.map(|(kind, value)| attribute(kind, &value.to_ne_bytes())).collect(),
                ])
            }
            GET_DAEMON if request.dumps() => Ok(self.daemons.report()),
            _ => self.change(request).map(|()| Vec::new()),
        }
    }

    fn change(&mut self, request: &Request) -> Result<(), i32> {
        match request.command {
            FLUSH => {
                self.services.clear();
                return Ok(());
            }
            ZERO if find(&request.attributes, 1).is_none() => return Ok(()),
            SET_CONFIG => return self.set_timeouts(&request.attributes),
            NEW_DAEMON | DEL_DAEMON => {
                let attributes = nested(&request.attributes, 3).ok_or(EINVAL)?;
                if request.command == DEL_DAEMON {
                    return self.daemons.stop(&attributes);
                }
                return self.daemons.start(&attributes, self.mixes_families());
            }
            _ => {}
        }
        let attributes = service_attributes(request)?;
        let id = service_id(&attributes)?;
        let index = self.services.iter().position(|service| service.id == id);
        if request.command == NEW_SERVICE {
            let mut service = full_service(&attributes, id)?;
            if index.is_some() {
                return Err(EEXIST);
            }
            check_service(&service)?;
            self.births += 1;
            service.born = self.births;
            service.flags |= HASHED;
            self.services.push(service);
            return Ok(());
        }
        if request.command == SET_SERVICE {
            let new = full_service(&attributes, id)?;
            let service = &mut self.services[index.ok_or(ESRCH)?];
            check_service(&new)?;
            let destinations = std::mem::take(&mut service.destinations);
            *service =
                Service { destinations, born: service.born, flags: new.flags | HASHED, ..new };
            return Ok(());
        }
        let index = index.ok_or(ESRCH)?;
        match request.command {
            DEL_SERVICE => {
                self.services.swap_remove(index);
                Ok(())
            }
            ZERO => Ok(()),
            NEW_DEST | SET_DEST | DEL_DEST => self.change_destination(index, request),
            _ => Err(EINVAL),
        }
    }

    /// As `ip_vs_set_timeout`: sets all or none, and 0 leaves one as it is.
    fn set_timeouts(&mut self, attributes: &Attributes) -> Result<(), i32> {
        let wanted = [4, 5, 6].map(|kind| find(attributes, kind).map_or(0, u32_of));
        if wanted.iter().any(|timeout| *timeout > LONGEST_TIMEOUT) {
            return Err(EINVAL);
        }
        for (timeout, wanted) in self.timeouts.iter_mut().zip(wanted) {
            if wanted != 0 {
                *timeout = wanted;
            }
        }
        Ok(())
    }

    /// `mixed_address_family_dests`: true if a service has a server of the other family.
    fn mixes_families(&self) -> bool {
        self.services.iter().any(|service| {
            service.destinations.iter().any(|server| server.id.family != service.id.family())
        })
    }

    fn change_destination(&mut self, service: usize, request: &Request) -> Result<(), i32> {
        let attributes = nested(&request.attributes, 2).ok_or(EINVAL)?;
        let daemon_runs = self.daemons.any();
        let service = &mut self.services[service];
        let service_family = service.id.family();
        let id = destination_id(&attributes, service_family)?;
        let index = service.destinations.iter().position(|destination| destination.id == id);
        if request.command == DEL_DEST {
            service.destinations.swap_remove(index.ok_or(ENOENT)?);
            return Ok(());
        }
        let mut config = full_destination(&attributes)?;
        if id.family != service_family && (daemon_runs || config.method != TUNNEL) {
            return Err(EINVAL);
        }
        if config.weight > i32::MAX as u32 || config.lower > config.upper {
            return Err(ERANGE);
        }
        if config.tunnel.0 == TUNNEL_GUE && config.tunnel.1 == [0; 2] {
            return Err(EINVAL);
        }
        if self.local.iter().any(|local| id.family == AF_INET && id.address[..4] == *local) {
            config.method = LOCALNODE;
        }
        if request.command == SET_DEST {
            service.destinations[index.ok_or(ENOENT)?].config = config;
            return Ok(());
        }
        if index.is_some() {
            return Err(EEXIST);
        }
        self.births += 1;
        service.destinations.push(Destination { id, config, born: self.births });
        Ok(())
    }
}

impl ServiceId {
    fn family(&self) -> u16 {
        match self {
            ServiceId::Mark(family, _) | ServiceId::Address { family, .. } => *family,
        }
    }
}

fn service_attributes(request: &Request) -> Result<Attributes, i32> {
    nested(&request.attributes, 1).ok_or(EINVAL)
}

fn service_id(attributes: &Attributes) -> Result<ServiceId, i32> {
    let family = u16_of(find(attributes, 1).ok_or(EINVAL)?);
    if ![AF_INET, AF_INET6].contains(&family) {
        return Err(EAFNOSUPPORT);
    }
    if let Some(mark) = find(attributes, 5) {
        return Ok(ServiceId::Mark(family, u32_of(mark)));
    }
    Ok(ServiceId::Address {
        family,
        protocol: u16_of(find(attributes, 2).ok_or(EINVAL)?),
        address: address(find(attributes, 3).ok_or(EINVAL)?, family),
        port: array(find(attributes, 4).ok_or(EINVAL)?),
    })
}

fn full_service(attributes: &Attributes, id: ServiceId) -> Result<Service, i32> {
    let flags = find(attributes, 7).ok_or(EINVAL)?;
    assert_eq!(flags.len(), 8, "flags come with their mask");
    assert_eq!(flags[4..], [0xff; 4], "all flags are set at once");
    Ok(Service {
        id,
        scheduler: name(find(attributes, 6).ok_or(EINVAL)?),
        flags: u32_of(&flags[..4]),
        timeout: u32_of(find(attributes, 8).ok_or(EINVAL)?),
        netmask: array(find(attributes, 9).ok_or(EINVAL)?),
        engine: find(attributes, 11).map(name),
        destinations: Vec::new(),
        born: 0,
    })
}

fn check_service(service: &Service) -> Result<(), i32> {
    if !SCHEDULERS.iter().any(|known| known.as_bytes() == service.scheduler)
        || service.engine.as_ref().is_some_and(|engine| engine != b"sip")
    {
        return Err(ENOENT);
    }
    if service.id.family() == AF_INET6 && !(1..=128).contains(&u32_of(&service.netmask)) {
        return Err(EINVAL);
    }
    Ok(())
}

fn destination_id(attributes: &Attributes, service_family: u16) -> Result<DestinationId, i32> {
    let family = find(attributes, 11).map_or(service_family, u16_of);
    Ok(DestinationId {
        family,
        address: address(find(attributes, 1).ok_or(EINVAL)?, family),
        port: array(find(attributes, 2).ok_or(EINVAL)?),
    })
}

fn full_destination(attributes: &Attributes) -> Result<DestinationConfig, i32> {
    let number = |kind| find(attributes, kind).map(u32_of).ok_or(EINVAL);
    Ok(DestinationConfig {
        method: number(3)? & FORWARDING_MASK,
        weight: number(4)?,
        upper: number(5)?,
        lower: number(6)?,
        tunnel: (
            find(attributes, 13).map_or(0, |value| value[0]),
            find(attributes, 14).map_or([0; 2], array),
            find(attributes, 15).map_or(0, u16_of),
        ),
    })
}

fn report_service(service: &Service) -> Vec<Nlattr<u16, Buffer>> {
    let mut flags = service.flags.to_ne_bytes().to_vec();
    flags.extend([0xff; 4]);
    let mut inner = match &service.id {
        ServiceId::Mark(family, mark) => {
            vec![attribute(1, &family.to_ne_bytes()), attribute(5, &mark.to_ne_bytes())]
        }
        ServiceId::Address { family, protocol, address, port } => vec![
            attribute(1, &family.to_ne_bytes()),
            attribute(2, &protocol.to_ne_bytes()),
            attribute(3, address),
            attribute(4, port),
        ],
    };
    inner.push(attribute(6, &terminated(&service.scheduler)));
    if let Some(engine) = &service.engine {
        inner.push(attribute(11, &terminated(engine)));
    }
    inner.push(attribute(7, &flags));
    inner.push(attribute(8, &service.timeout.to_ne_bytes()));
    inner.push(attribute(9, &service.netmask));
    inner.push(nest(12, &[attribute(1, &service.born.to_ne_bytes())]));
    vec![nest(1, &inner)]
}

fn report_destination(destination: &Destination) -> Vec<Nlattr<u16, Buffer>> {
    let Destination { id, config, born } = destination;
    let inner = [
        attribute(1, &id.address),
        attribute(2, &id.port),
        attribute(3, &config.method.to_ne_bytes()),
        attribute(4, &config.weight.to_ne_bytes()),
        attribute(13, &[config.tunnel.0]),
        attribute(14, &config.tunnel.1),
        attribute(15, &config.tunnel.2.to_ne_bytes()),
        attribute(5, &config.upper.to_ne_bytes()),
        attribute(6, &config.lower.to_ne_bytes()),
        attribute(7, &0_u32.to_ne_bytes()),
        attribute(8, &0_u32.to_ne_bytes()),
        attribute(9, &0_u32.to_ne_bytes()),
        attribute(11, &id.family.to_ne_bytes()),
        nest(12, &[attribute(1, &born.to_ne_bytes())]),
    ];
    vec![nest(2, &inner)]
}

/// `union nf_inet_addr`. The bytes behind an IPv4 address are ignored.
fn address(value: &[u8], family: u16) -> [u8; 16] {
    let mut address: [u8; 16] = array(value);
    if family == AF_INET {
        address[4..].fill(0);
    }
    address
}

pub(crate) fn array<const N: usize>(value: &[u8]) -> [u8; N] {
    value.try_into().expect("a value of the right length")
}

pub(crate) fn name(value: &[u8]) -> Vec<u8> {
    let (nul, text) = value.split_last().expect("a closing NUL");
    assert_eq!(*nul, 0, "a name ends with NUL");
    text.to_vec()
}

pub(crate) fn terminated(text: &[u8]) -> Vec<u8> {
    [text, &[0]].concat()
}
