//! Requests on their way to the kernel: typed values to bytes.

use std::net::IpAddr;

use netlink_packet_core::{
    Emitable, NLM_F_ACK, NLM_F_REQUEST, NLMSG_NOOP, NetlinkBuffer, NetlinkHeader, NetlinkMessage,
};
use netlink_packet_generic::ctrl::nlas::GenlCtrlAttrs;
use netlink_packet_generic::ctrl::{GenlCtrl, GenlCtrlCmd};
use netlink_packet_generic::{GenlFamily, GenlMessage};

use super::attribute::{Attribute, List};
use super::uapi::{
    self, af, cmd, cmd_attr, daemon_attr, dest_attr, fwd, state, svc_attr, svc_flag, tun_flag,
    tun_type,
};
use crate::model::{
    AddressFamily, Change, DaemonConfig, DaemonRole, DestinationConfig, DestinationKey, Forwarding,
    Netmask, ServiceConfig, ServiceKey, Tunnel, TunnelChecksum,
};

/// A request of the IPVS family, as generic netlink wraps it.
#[derive(Debug)]
struct Request<'a> {
    command: u8,
    attributes: &'a [Attribute<'a>],
}

impl GenlFamily for Request<'_> {
    fn family_name() -> &'static str {
        uapi::FAMILY_NAME
    }

    fn command(&self) -> u8 {
        self.command
    }

    fn version(&self) -> u8 {
        uapi::FAMILY_VERSION
    }
}

impl Emitable for Request<'_> {
    fn buffer_len(&self) -> usize {
        self.attributes.buffer_len()
    }

    fn emit(&self, buffer: &mut [u8]) {
        self.attributes.emit(buffer);
    }
}

/// What every message carries besides its content.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Envelope {
    /// The number that the kernel gave the IPVS family.
    pub(crate) family: u16,
    /// Comes back with the reply.
    pub(crate) sequence: u32,
    /// `NLM_F_*` besides `NLM_F_REQUEST`.
    pub(crate) flags: u16,
}

/// What is asked of the kernel without changing anything.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Query<'a> {
    Services,
    Service(&'a ServiceKey),
    Destinations(&'a ServiceKey),
    Daemons,
    Timeouts,
    Info,
}

/// Appends the request for the number of the IPVS family.
pub(crate) fn family_number(sequence: u32, buffer: &mut Vec<u8>) {
    let message = GenlMessage::from_payload(GenlCtrl {
        cmd: GenlCtrlCmd::GetFamily,
        nlas: vec![GenlCtrlAttrs::FamilyName(uapi::FAMILY_NAME.to_owned())],
    });
    append(message, sequence, 0, buffer);
}

/// Appends a reading request.
pub(crate) fn query(query: Query<'_>, envelope: Envelope, buffer: &mut Vec<u8>) {
    let mut put = |command, attributes: &[Attribute<'_>]| {
        append_request(Request { command, attributes }, envelope, buffer);
    };
    match query {
        Query::Services => put(cmd::GET_SERVICE, &[]),
        Query::Service(key) => with_service(key, None, |service| {
            put(cmd::GET_SERVICE, &[service]);
        }),
        Query::Destinations(key) => with_service(key, None, |service| {
            put(cmd::GET_DEST, &[service]);
        }),
        Query::Daemons => put(cmd::GET_DAEMON, &[]),
        Query::Timeouts => put(cmd::GET_CONFIG, &[]),
        Query::Info => put(cmd::GET_INFO, &[]),
    }
}

/// Appends a writing request.
pub(crate) fn change(change: &Change, envelope: Envelope, buffer: &mut Vec<u8>) {
    let mut put = |command, attributes: &[Attribute<'_>]| {
        append_request(Request { command, attributes }, envelope, buffer);
    };
    match change {
        Change::AddService(key, config) => with_service(key, Some(config), |service| {
            put(cmd::NEW_SERVICE, &[service]);
        }),
        Change::EditService(key, config) => with_service(key, Some(config), |service| {
            put(cmd::SET_SERVICE, &[service]);
        }),
        Change::DeleteService(key) => with_service(key, None, |service| {
            put(cmd::DEL_SERVICE, &[service]);
        }),
        Change::AddDestination(service, key, config) => {
            with_destination(service, key, Some(config), |both| put(cmd::NEW_DEST, both));
        }
        Change::EditDestination(service, key, config) => {
            with_destination(service, key, Some(config), |both| put(cmd::SET_DEST, both));
        }
        Change::DeleteDestination(service, key) => {
            with_destination(service, key, None, |both| put(cmd::DEL_DEST, both));
        }
        Change::Flush => put(cmd::FLUSH, &[]),
        Change::ZeroAll => put(cmd::ZERO, &[]),
        Change::ZeroService(key) => with_service(key, None, |service| {
            put(cmd::ZERO, &[service]);
        }),
        Change::SetTimeouts(timeouts) => put(
            cmd::SET_CONFIG,
            &[
                Attribute::u32(cmd_attr::TIMEOUT_TCP, timeouts.tcp),
                Attribute::u32(cmd_attr::TIMEOUT_TCP_FIN, timeouts.tcp_fin),
                Attribute::u32(cmd_attr::TIMEOUT_UDP, timeouts.udp),
            ],
        ),
        Change::StartDaemon(role, config) => {
            with_daemon(*role, config, |daemon| put(cmd::NEW_DAEMON, &[daemon]));
        }
        Change::StopDaemon(role) => {
            let state = [Attribute::u32(daemon_attr::STATE, daemon_state(*role))];
            put(cmd::DEL_DAEMON, &[Attribute::nested(cmd_attr::DAEMON, &state)]);
        }
    }
}

/// Appends a message that asks for nothing but to be acknowledged, which the kernel does for every
/// control message, before any protocol sees it (`netlink_rcv_skb` in net/netlink/af_netlink.c).
///
/// Sent behind a change without `NLM_F_ACK`, and with its sequence number, it answers in its stead.
/// That is for changes that the kernel may leave without an answer: see [`may_be_unanswered`].
pub(crate) fn receipt(sequence: u32, buffer: &mut Vec<u8>) {
    let mut header = NetlinkHeader::default();
    header.message_type = NLMSG_NOOP;
    header.flags = NLM_F_REQUEST | NLM_F_ACK;
    header.sequence_number = sequence;
    header.length = header.buffer_len() as u32;
    let start = buffer.len();
    buffer.resize(start + header.buffer_len(), 0);
    header.emit(&mut buffer[start..]);
}

/// Whether the kernel may carry out this change and answer nothing, though asked to acknowledge it.
///
/// It does so with `EINTR`, and stopping a daemon whose thread has not run yet comes to that
/// (`kthread_stop` in kernel/kthread.c, `netlink_rcv_skb` in net/netlink/af_netlink.c).
pub(crate) fn may_be_unanswered(change: &Change) -> bool {
    matches!(change, Change::StopDaemon(_))
}

fn append_request(request: Request<'_>, envelope: Envelope, buffer: &mut Vec<u8>) {
    let mut message = GenlMessage::from_payload(request);
    message.set_resolved_family_id(envelope.family);
    append(message, envelope.sequence, envelope.flags, buffer);
}

fn append<F>(message: GenlMessage<F>, sequence: u32, flags: u16, buffer: &mut Vec<u8>)
where
    F: GenlFamily + Emitable + std::fmt::Debug,
{
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | flags;
    header.sequence_number = sequence;
    let mut message = NetlinkMessage::new(header, message.into());
    message.finalize();
    let start = buffer.len();
    // All lengths are multiples of four (the headers' are, and attributes are padded), so the
    // next message may follow at once.
    buffer.resize(start + message.buffer_len(), 0);
    message.serialize(&mut buffer[start..]);
}

/// Hands the nested attribute for a service to `put`: its key, and its configuration if given.
fn with_service(key: &ServiceKey, config: Option<&ServiceConfig>, put: impl FnOnce(Attribute<'_>)) {
    let mut list = List::<10>::new();
    let address;
    list.push(Attribute::u16(svc_attr::AF, family_number_of(key.family())));
    match key {
        ServiceKey::Address { protocol, address: ip, port } => {
            address = address_bytes(*ip);
            list.push(Attribute::u16(svc_attr::PROTOCOL, protocol.number()));
            list.push(Attribute::bytes(svc_attr::ADDR, &address));
            list.push(Attribute::port(svc_attr::PORT, *port));
        }
        ServiceKey::FirewallMark { mark, .. } => {
            list.push(Attribute::u32(svc_attr::FWMARK, mark.get()));
        }
    }
    let flags;
    if let Some(config) = config {
        flags = service_flags(config);
        let (timeout, netmask) = match config.persistence {
            Some(persistence) => (persistence.timeout, persistence.netmask),
            None => (0, Netmask::host(key.family())),
        };
        list.push(Attribute::name(svc_attr::SCHED_NAME, &config.scheduler));
        if let Some(engine) = &config.persistence_engine {
            list.push(Attribute::name(svc_attr::PE_NAME, engine));
        }
        list.push(Attribute::bytes(svc_attr::FLAGS, &flags));
        list.push(Attribute::u32(svc_attr::TIMEOUT, timeout));
        list.push(match netmask {
            Netmask::V4(mask) => Attribute::be32(svc_attr::NETMASK, mask.octets()),
            Netmask::V6(length) => Attribute::u32(svc_attr::NETMASK, u32::from(length)),
        });
    }
    put(Attribute::nested(cmd_attr::SERVICE, list.as_slice()));
}

/// `struct ip_vs_flags`: the flags, and a mask of which to set. The mask has every bit, as the
/// configuration is always given whole.
fn service_flags(config: &ServiceConfig) -> [u8; 8] {
    let mut flags = u32::from(config.scheduler_flags.bits()) * svc_flag::SCHED1;
    if config.persistence.is_some() {
        flags |= svc_flag::PERSISTENT;
    }
    if config.one_packet {
        flags |= svc_flag::ONEPACKET;
    }
    let mut bytes = [0xff; 8];
    bytes[..4].copy_from_slice(&flags.to_ne_bytes());
    bytes
}

/// Hands the nested attributes for a service and one of its destinations to `put`.
fn with_destination(
    service: &ServiceKey,
    key: &DestinationKey,
    config: Option<&DestinationConfig>,
    put: impl FnOnce(&[Attribute<'_>]),
) {
    let mut list = List::<10>::new();
    let address = address_bytes(key.address);
    list.push(Attribute::u16(dest_attr::ADDR_FAMILY, family_number_of(key.family())));
    list.push(Attribute::bytes(dest_attr::ADDR, &address));
    list.push(Attribute::port(dest_attr::PORT, key.port));
    if let Some(config) = config {
        let (method, tunnel) = forwarding_numbers(config.forwarding);
        list.push(Attribute::u32(dest_attr::FWD_METHOD, method));
        list.push(Attribute::u32(dest_attr::WEIGHT, config.weight));
        list.push(Attribute::u32(dest_attr::U_THRESH, config.upper_threshold));
        list.push(Attribute::u32(dest_attr::L_THRESH, config.lower_threshold));
        // Kernels before 5.2 refuse no unknown attribute, but plain IPIP needs none.
        if let Some((kind, port, flags)) = tunnel {
            list.push(Attribute::u8(dest_attr::TUN_TYPE, kind));
            list.push(Attribute::port(dest_attr::TUN_PORT, port));
            list.push(Attribute::u16(dest_attr::TUN_FLAGS, flags));
        }
    }
    with_service(service, None, |service| {
        put(&[service, Attribute::nested(cmd_attr::DEST, list.as_slice())]);
    });
}

/// The forwarding method's number, and the type, port and flags of a tunnel.
fn forwarding_numbers(forwarding: Forwarding) -> (u32, Option<(u8, u16, u16)>) {
    let checksum = |checksum| match checksum {
        TunnelChecksum::None => tun_flag::NOCSUM,
        TunnelChecksum::Checksum => tun_flag::CSUM,
        TunnelChecksum::Remote => tun_flag::REMCSUM,
    };
    match forwarding {
        Forwarding::Masquerade => (fwd::MASQ, None),
        Forwarding::Local => (fwd::LOCALNODE, None),
        Forwarding::DirectRoute => (fwd::DROUTE, None),
        Forwarding::Bypass => (fwd::BYPASS, None),
        Forwarding::Other(number) => (u32::from(number), None),
        Forwarding::Tunnel(tunnel) => (
            fwd::TUNNEL,
            Some(match tunnel {
                Tunnel::Ipip => (tun_type::IPIP, 0, tun_flag::NOCSUM),
                Tunnel::Gue { port, checksum: sum } => (tun_type::GUE, port.get(), checksum(sum)),
                Tunnel::Gre { checksum: sum } => (tun_type::GRE, 0, checksum(sum)),
                Tunnel::Other { kind, port, flags } => (kind, port, flags),
            }),
        ),
    }
}

/// Hands the nested attribute for starting a daemon to `put`.
fn with_daemon(role: DaemonRole, config: &DaemonConfig, put: impl FnOnce(Attribute<'_>)) {
    let mut list = List::<8>::new();
    let group6;
    list.push(Attribute::u32(daemon_attr::STATE, daemon_state(role)));
    list.push(Attribute::name(daemon_attr::MCAST_IFN, &config.interface));
    list.push(Attribute::u32(daemon_attr::SYNC_ID, u32::from(config.sync_id)));
    if let Some(length) = config.max_length {
        list.push(Attribute::u16(daemon_attr::SYNC_MAXLEN, length.get()));
    }
    match config.group {
        Some(IpAddr::V4(group)) => {
            list.push(Attribute::be32(daemon_attr::MCAST_GROUP, group.octets()));
        }
        Some(IpAddr::V6(group)) => {
            group6 = group.octets();
            list.push(Attribute::bytes(daemon_attr::MCAST_GROUP6, &group6));
        }
        None => {}
    }
    if let Some(port) = config.port {
        // The one port of this family in host byte order (`ip_vs_genl_new_daemon` in
        // net/netfilter/ipvs/ip_vs_ctl.c reads it with `nla_get_u16`).
        list.push(Attribute::u16(daemon_attr::MCAST_PORT, port.get()));
    }
    if let Some(ttl) = config.ttl {
        list.push(Attribute::u8(daemon_attr::MCAST_TTL, ttl.get()));
    }
    put(Attribute::nested(cmd_attr::DAEMON, list.as_slice()));
}

fn daemon_state(role: DaemonRole) -> u32 {
    match role {
        DaemonRole::Master => state::MASTER,
        DaemonRole::Backup => state::BACKUP,
    }
}

fn family_number_of(family: AddressFamily) -> u16 {
    match family {
        AddressFamily::V4 => af::INET,
        AddressFamily::V6 => af::INET6,
    }
}

/// `union nf_inet_addr`: 16 bytes whatever the family, an IPv4 address in the first four.
fn address_bytes(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&address.octets());
            bytes
        }
        IpAddr::V6(address) => address.octets(),
    }
}

/// Adds flags to the request that `message` begins with.
pub(crate) fn set_flags(message: &mut [u8], flags: u16) {
    let mut header = NetlinkBuffer::new(message);
    header.set_flags(header.flags() | flags);
}
