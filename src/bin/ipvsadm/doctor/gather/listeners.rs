//! Sockets that wait for clients, and those that have them, from `/proc/net`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::doctor::facts::{Listener, Peer};

/// The most of each that are kept.
const MOST: usize = 10_000;

/// Of `enum` in `<net/tcp_states.h>`. A UDP socket without a peer is in `CLOSE`.
const ESTABLISHED: u8 = 1;
const SYN_RECV: u8 = 3;
const CLOSE: u8 = 7;
const LISTEN: u8 = 10;

/// The sockets that wait for clients.
pub(super) fn gather() -> io::Result<Vec<Listener>> {
    let mut listeners = Vec::new();
    for (file, protocol, waiting) in [
        ("tcp", "TCP", LISTEN),
        ("tcp6", "TCP", LISTEN),
        ("udp", "UDP", CLOSE),
        ("udp6", "UDP", CLOSE),
    ] {
        read(file, |socket| {
            if socket.state == waiting && listeners.len() < MOST {
                listeners.push(Listener {
                    protocol: protocol.to_owned(),
                    address: socket.own.ip(),
                    port: socket.own.port(),
                });
            }
        })?;
    }
    Ok(listeners)
}

/// Those that have a connection to this TCP port, or try in vain, at most [`Peer::MOST`] of each state.
pub(super) fn peers(port: u16) -> io::Result<Vec<Peer>> {
    let mut peers: Vec<Peer> = Vec::new();
    for file in ["tcp", "tcp6"] {
        read(file, |socket| {
            // An answer that was sent again has not arrived. A first one may be on its way.
            let half_open = socket.state == SYN_RECV && socket.retransmissions > 0;
            if socket.own.port() != port || !(half_open || socket.state == ESTABLISHED) {
                return;
            }
            let peer = Peer { address: socket.other.ip(), half_open };
            let alike = peers.iter().filter(|other| other.half_open == half_open).count();
            if alike < Peer::MOST && !peers.contains(&peer) {
                peers.push(peer);
            }
        })?;
    }
    Ok(peers)
}

struct Socket {
    own: SocketAddr,
    other: SocketAddr,
    state: u8,
    /// How often what is not acknowledged was sent again.
    retransmissions: u32,
}

fn read(file: &str, mut each: impl FnMut(Socket)) -> io::Result<()> {
    let path = format!("/proc/thread-self/net/{file}");
    let file = match File::open(&path) {
        // The kernel may be without IPv6.
        Err(error) if error.kind() == ErrorKind::NotFound && file.ends_with('6') => return Ok(()),
        file => file.map_err(|error| io::Error::new(error.kind(), format!("{path}: {error}")))?,
    };
    for line in BufReader::new(file).lines() {
        socket(&line?).into_iter().for_each(&mut each);
    }
    Ok(())
}

/// `   0: 0100007F:0050 00000000:0000 0A …`
fn socket(line: &str) -> Option<Socket> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let own = endpoint(words.next()?)?;
    let other = endpoint(words.next()?)?;
    let state = u8::from_str_radix(words.next()?, 16).ok()?;
    let retransmissions = words.nth(2).and_then(|word| u32::from_str_radix(word, 16).ok());
    Some(Socket { own, other, state, retransmissions: retransmissions.unwrap_or(0) })
}

/// The address in words of 32 bits, each as this machine has them in memory.
fn endpoint(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let word = u32::from_str_radix(address.get(at * 8..at * 8 + 8)?, 16).ok()?;
        Some(word.to_ne_bytes())
    };
    let address: IpAddr = match address.len() {
        8 => word(0)?.into(),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            let bytes: [u8; 16] = words.try_into().ok()?;
            // A socket for both families has the addresses of IPv4 so.
            Ipv6Addr::from(bytes).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(address, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_endpoint_here_one_there_and_a_state() {
        // As an x86 prints it.
        if cfg!(target_endian = "big") {
            return;
        }
        let line = "   1: 0200000A:0050 0A0200C0:A1B2 03 00000000:00000000 01:00000064 00000002";
        let Socket { own, other, state, retransmissions } = socket(line).expect("a socket");
        assert_eq!(
            (own.to_string(), other.to_string()),
            ("10.0.0.2:80".into(), "192.0.2.10:41394".into())
        );
        assert_eq!((state, retransmissions), (SYN_RECV, 2));
        let heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt";
        assert!(socket(heading).is_none());
    }

    #[test]
    fn an_ipv6_address_is_four_words() {
        if cfg!(target_endian = "big") {
            return;
        }
        let own = |text| endpoint(text).expect("an endpoint").to_string();
        assert_eq!(own("B80D0120000000000000000001000000:1F90"), "[2001:db8::1]:8080");
        assert_eq!(own("00000000000000000000000000000000:0050"), "[::]:80");
        assert_eq!(own("0000000000000000FFFF00000100007F:0050"), "127.0.0.1:80");
    }
}
