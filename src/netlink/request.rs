//! Requests to the kernel: typed values to bytes.

use std::net::IpAddr;

use netlink_packet_core::{
    Emitable, NLM_F_ACK, NLM_F_REQUEST, NLMSG_NOOP, NetlinkBuffer, NetlinkHeader,
};
use netlink_packet_generic::GenlHeader;
use netlink_packet_generic::constants::{
    CTRL_ATTR_FAMILY_NAME, CTRL_CMD_GETFAMILY, GENL_HDRLEN, GENL_ID_CTRL,
};

use super::attribute::Attributes;
use super::message::NLMSG_HDRLEN;
use super::uapi::{
    self, af, cmd, cmd_attr, daemon_attr, dest_attr, fwd, state, svc_attr, svc_flag, tun_flag,
    tun_type,
};
use crate::model::{
    AddressFamily, Change, DaemonConfig, DaemonRole, DestinationConfig, DestinationKey, Forwarding,
    Netmask, ServiceConfig, ServiceKey, Tunnel, TunnelChecksum,
};

/// The fields of a message's header that differ between requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Envelope {
    /// The number of the family, which for IPVS changes whenever the module is loaded.
    pub(crate) family: u16,
    /// A number that replies repeat.
    pub(crate) sequence: u32,
    /// `NLM_F_*` besides `NLM_F_REQUEST`.
    pub(crate) flags: u16,
}

/// A request that reads.
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
    let envelope = Envelope { family: GENL_ID_CTRL, sequence, flags: 0 };
    append(CTRL_CMD_GETFAMILY, envelope, buffer, |request| {
        request.text(CTRL_ATTR_FAMILY_NAME, uapi::FAMILY_NAME.as_bytes());
    });
}

/// Appends a request that reads.
pub(crate) fn query(query: Query<'_>, envelope: Envelope, buffer: &mut Vec<u8>) {
    let (command, key) = match query {
        Query::Services => (cmd::GET_SERVICE, None),
        Query::Service(key) => (cmd::GET_SERVICE, Some(key)),
        Query::Destinations(key) => (cmd::GET_DEST, Some(key)),
        Query::Daemons => (cmd::GET_DAEMON, None),
        Query::Timeouts => (cmd::GET_CONFIG, None),
        Query::Info => (cmd::GET_INFO, None),
    };
    append(command, envelope, buffer, |request| {
        if let Some(key) = key {
            service(request, key, None);
        }
    });
}

/// Appends a request that changes something. Settings are no requests, but files.
pub(crate) fn change(change: &Change, envelope: Envelope, buffer: &mut Vec<u8>) {
    debug_assert!(!matches!(change, Change::SetSetting(..)), "a file");
    let command = match change {
        Change::AddService(..) => cmd::NEW_SERVICE,
        Change::EditService(..) => cmd::SET_SERVICE,
        Change::DeleteService(..) => cmd::DEL_SERVICE,
        Change::AddDestination(..) => cmd::NEW_DEST,
        Change::EditDestination(..) => cmd::SET_DEST,
        Change::DeleteDestination(..) => cmd::DEL_DEST,
        Change::Flush => cmd::FLUSH,
        Change::ZeroAll | Change::ZeroService(_) => cmd::ZERO,
        // A request without any timeout changes nothing.
        Change::SetTimeouts(_) | Change::SetSetting(..) => cmd::SET_CONFIG,
        Change::StartDaemon(..) => cmd::NEW_DAEMON,
        Change::StopDaemon(_) => cmd::DEL_DAEMON,
    };
    append(command, envelope, buffer, |request| match change {
        Change::AddService(key, config) | Change::EditService(key, config) => {
            service(request, key, Some(config));
        }
        Change::DeleteService(key) | Change::ZeroService(key) => service(request, key, None),
        Change::AddDestination(of, key, config) | Change::EditDestination(of, key, config) => {
            service(request, of, None);
            destination(request, key, Some(config));
        }
        Change::DeleteDestination(of, key) => {
            service(request, of, None);
            destination(request, key, None);
        }
        Change::Flush | Change::ZeroAll | Change::SetSetting(..) => {}
        Change::SetTimeouts(timeouts) => {
            request.u32(cmd_attr::TIMEOUT_TCP, timeouts.tcp_seconds);
            request.u32(cmd_attr::TIMEOUT_TCP_FIN, timeouts.tcp_fin_seconds);
            request.u32(cmd_attr::TIMEOUT_UDP, timeouts.udp_seconds);
        }
        Change::StartDaemon(role, config) => daemon(request, *role, Some(config)),
        Change::StopDaemon(role) => daemon(request, *role, None),
    });
}

/// Appends a message that does nothing but ask for an acknowledgement. The kernel acknowledges any
/// control message before a protocol sees it (`netlink_rcv_skb` in `net/netlink/af_netlink.c`).
///
/// It follows a change that does not ask for an acknowledgement, and has its sequence number. See
/// [`may_be_unanswered`].
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

/// True if the kernel may carry out this change and then not acknowledge it, although asked to.
///
/// That is what it does if a change returns `EINTR` (`netlink_rcv_skb` in
/// `net/netlink/af_netlink.c`), as stopping a daemon does whose thread has not run yet
/// (`kthread_stop` in `kernel/kthread.c`).
pub(crate) fn may_be_unanswered(change: &Change) -> bool {
    matches!(change, Change::StopDaemon(_))
}

/// Appends a message: its headers, and the attributes that `write` writes.
fn append(
    command: u8,
    envelope: Envelope,
    buffer: &mut Vec<u8>,
    write: impl FnOnce(&mut Attributes<'_>),
) {
    let start = buffer.len();
    let mut header = NetlinkHeader::default();
    header.message_type = envelope.family;
    header.flags = NLM_F_REQUEST | envelope.flags;
    header.sequence_number = envelope.sequence;
    let mut headers = [0; NLMSG_HDRLEN + GENL_HDRLEN];
    header.emit(&mut headers);
    GenlHeader { cmd: command, version: uapi::FAMILY_VERSION }.emit(&mut headers[NLMSG_HDRLEN..]);
    buffer.extend_from_slice(&headers);
    write(&mut Attributes::new(buffer));
    // All lengths are multiples of four (the headers' are, and attributes are padded), so the
    // next message may follow at once. None is anywhere near 4 GiB.
    let length = (buffer.len() - start) as u32;
    NetlinkBuffer::new(&mut buffer[start..]).set_length(length);
}

/// Writes a service: its key, and its configuration if given.
fn service(request: &mut Attributes<'_>, key: &ServiceKey, config: Option<&ServiceConfig>) {
    request.nested(cmd_attr::SERVICE, |service| {
        service.u16(svc_attr::AF, family_number_of(key.family()));
        match *key {
            ServiceKey::Address { protocol, address, port } => {
                service.u16(svc_attr::PROTOCOL, protocol.number());
                service.bytes(svc_attr::ADDR, address_bytes(address));
                service.port(svc_attr::PORT, port);
            }
            ServiceKey::FirewallMark { mark, .. } => service.u32(svc_attr::FWMARK, mark.get()),
        }
        let Some(config) = config else { return };
        let (timeout, netmask) = match config.persistence {
            Some(persistence) => (persistence.timeout_seconds, persistence.netmask),
            None => (0, Netmask::host(key.family())),
        };
        service.text(svc_attr::SCHED_NAME, config.scheduler.as_bytes());
        if let Some(engine) = &config.persistence_engine {
            service.text(svc_attr::PE_NAME, engine.as_bytes());
        }
        service.bytes(svc_attr::FLAGS, service_flags(config));
        service.u32(svc_attr::TIMEOUT, timeout);
        match netmask {
            Netmask::V4(mask) => service.bytes(svc_attr::NETMASK, mask.octets()),
            Netmask::V6(length) => service.u32(svc_attr::NETMASK, u32::from(length)),
        }
    });
}

/// `struct ip_vs_flags`: the flags, and a mask of those to set. The mask is complete, since a
/// configuration always is.
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

/// Writes a destination: its key, and its configuration if there is one.
fn destination(
    request: &mut Attributes<'_>,
    key: &DestinationKey,
    config: Option<&DestinationConfig>,
) {
    request.nested(cmd_attr::DEST, |destination| {
        destination.u16(dest_attr::ADDR_FAMILY, family_number_of(key.family()));
        destination.bytes(dest_attr::ADDR, address_bytes(key.address));
        destination.port(dest_attr::PORT, key.port);
        let Some(config) = config else { return };
        let (method, tunnel) = forwarding_numbers(config.forwarding);
        destination.u32(dest_attr::FWD_METHOD, method);
        destination.u32(dest_attr::WEIGHT, config.weight);
        destination.u32(dest_attr::U_THRESH, config.upper_threshold);
        destination.u32(dest_attr::L_THRESH, config.lower_threshold);
        // Sent for IPIP too, which needs none of them: kernels before 5.2 ignore them.
        if let Some((kind, port, flags)) = tunnel {
            destination.u8(dest_attr::TUN_TYPE, kind);
            destination.port(dest_attr::TUN_PORT, port);
            destination.u16(dest_attr::TUN_FLAGS, flags);
        }
    });
}

/// The number of the forwarding method, and the type, port and flags of a tunnel.
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

/// Writes a daemon: its role, and its configuration if there is one.
fn daemon(request: &mut Attributes<'_>, role: DaemonRole, config: Option<&DaemonConfig>) {
    request.nested(cmd_attr::DAEMON, |daemon| {
        daemon.u32(daemon_attr::STATE, daemon_state(role));
        let Some(config) = config else { return };
        daemon.text(daemon_attr::MCAST_IFN, config.interface.as_bytes());
        daemon.u32(daemon_attr::SYNC_ID, u32::from(config.sync_id));
        if let Some(length) = config.max_length_bytes {
            daemon.u16(daemon_attr::SYNC_MAXLEN, length.get());
        }
        match config.group {
            Some(IpAddr::V4(group)) => daemon.bytes(daemon_attr::MCAST_GROUP, group.octets()),
            Some(IpAddr::V6(group)) => daemon.bytes(daemon_attr::MCAST_GROUP6, group.octets()),
            None => {}
        }
        if let Some(port) = config.port {
            // The only port that IPVS takes in host byte order: `ip_vs_genl_new_daemon` in
            // `net/netfilter/ipvs/ip_vs_ctl.c` reads it with `nla_get_u16`.
            daemon.u16(daemon_attr::MCAST_PORT, port.get());
        }
        if let Some(ttl) = config.ttl {
            daemon.u8(daemon_attr::MCAST_TTL, ttl.get());
        }
    });
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

/// Adds flags to the request at the start of `message`.
pub(crate) fn set_flags(message: &mut [u8], flags: u16) {
    let mut header = NetlinkBuffer::new(message);
    header.set_flags(header.flags() | flags);
}
