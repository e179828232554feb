//! ARP requests, and who answers.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{SockaddrLike, bind};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
};

use super::Own;

/// How long answers are waited for. On a LAN they come within a millisecond.
const PATIENCE: Duration = Duration::from_millis(500);

/// `ETH_P_ARP`.
const ARP: u16 = 0x0806;
const REQUEST: u16 = 1;
const REPLY: u16 = 2;

/// An Ethernet header and an ARP packet for IPv4.
const FRAME: usize = 14 + 28;

/// The hardware addresses that answer for each address, this host's excepted.
pub(super) fn ask(own: &Own<'_>, addresses: &[Ipv4Addr]) -> io::Result<Vec<Vec<String>>> {
    let socket = open(own.interface)?;
    let sender = own.sender(addresses);
    for address in addresses {
        send(&socket, &request(own.mac, sender, *address), SendFlags::empty())?;
    }
    let mut answers = vec![Vec::new(); addresses.len()];
    let end = Instant::now() + PATIENCE;
    let mut frame = [0; 128];
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        let left = Timespec { tv_sec: 0, tv_nsec: left.as_nanos().min(999_999_999) as _ };
        if poll(&mut [PollFd::new(&socket, PollFlags::IN)], Some(&left))? == 0 {
            break;
        }
        let (length, _) = recv(&socket, &mut frame[..], RecvFlags::DONTWAIT)?;
        let Some((mac, address)) = reply(&frame[..length]).filter(|(mac, _)| *mac != own.mac)
        else {
            continue;
        };
        if let Ok(place) = addresses.binary_search(&address) {
            let mac = mac.map(|byte| format!("{byte:02x}")).join(":");
            if !answers[place].contains(&mac) {
                answers[place].push(mac);
            }
        }
    }
    Ok(answers)
}

/// A socket that sends and receives ARP on this interface alone.
fn open(interface: &str) -> io::Result<OwnedFd> {
    // The kernel takes the number in network order.
    let protocol = rustix::net::RawProtocol::new(u32::from(ARP.to_be()));
    let socket = socket_with(
        AddressFamily::PACKET,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        protocol.map(Protocol::from_raw),
    )?;
    // The C library's list has, for each interface, the address that a packet socket is bound to. Its
    // protocol is 0, which keeps the socket's.
    let mut own = getifaddrs()?.filter(|it| it.interface_name == interface);
    let address = own.find_map(|it| it.address.filter(|address| address.as_link_addr().is_some()));
    let address = address.ok_or_else(|| io::Error::other("it has no hardware address"))?;
    bind(socket.as_raw_fd(), &address as &dyn SockaddrLike)?;
    Ok(socket)
}

fn request(mac: [u8; 6], sender: Ipv4Addr, address: Ipv4Addr) -> [u8; FRAME] {
    let mut frame = [0; FRAME];
    frame[..6].fill(0xff);
    frame[6..12].copy_from_slice(&mac);
    frame[12..14].copy_from_slice(&ARP.to_be_bytes());
    // Ethernet, IPv4, and the lengths of their addresses.
    frame[14..20].copy_from_slice(&[0, 1, 8, 0, 6, 4]);
    frame[20..22].copy_from_slice(&REQUEST.to_be_bytes());
    frame[22..28].copy_from_slice(&mac);
    frame[28..32].copy_from_slice(&sender.octets());
    frame[38..42].copy_from_slice(&address.octets());
    frame
}

/// Who answers, and for which address.
fn reply(frame: &[u8]) -> Option<([u8; 6], Ipv4Addr)> {
    let is_reply = frame.get(12..14)? == ARP.to_be_bytes()
        && frame.get(14..20)? == [0, 1, 8, 0, 6, 4]
        && frame.get(20..22)? == REPLY.to_be_bytes();
    let mac = frame.get(22..28)?.try_into().ok()?;
    let address: [u8; 4] = frame.get(28..32)?.try_into().ok()?;
    is_reply.then_some((mac, address.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_tells_who_has_an_address() {
        let (asking, asked) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 9]);
        let address = Ipv4Addr::new(192, 0, 2, 100);
        let question = request(asking, Ipv4Addr::new(192, 0, 2, 1), address);
        assert_eq!(reply(&question), None);
        let mut answer = request(asked, address, Ipv4Addr::new(192, 0, 2, 1));
        answer[21] = 2;
        assert_eq!(reply(&answer), Some((asked, address)));
        assert_eq!(reply(&answer[..30]), None);
    }
}
