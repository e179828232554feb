//! TCP connections to real servers, closed at once.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

/// A server that answers later is as good as none.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many are made at a time.
const AT_ONCE: usize = 64;

/// The result for each: `connected`, `refused`, `timed out` or the error's words.
pub(super) fn to_all(servers: &[SocketAddr]) -> Vec<String> {
    let results = Mutex::new(vec![String::new(); servers.len()]);
    let left = Mutex::new(servers.iter().enumerate());
    let work = || {
        loop {
            let next = left.lock().ok().and_then(|mut left| left.next());
            let Some((number, server)) = next else { return };
            let result = to(server);
            if let Ok(mut results) = results.lock() {
                results[number] = result;
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..servers.len().min(AT_ONCE) {
            // Without more threads this one does it alone.
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    results.into_inner().unwrap_or_default()
}

fn to(server: &SocketAddr) -> String {
    match TcpStream::connect_timeout(server, PATIENCE) {
        Ok(_) => "connected".to_owned(),
        Err(error) => match error.kind() {
            ErrorKind::ConnectionRefused => "refused".to_owned(),
            ErrorKind::TimedOut | ErrorKind::WouldBlock => "timed out".to_owned(),
            _ => error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    #[test]
    fn each_server_has_its_own_result() {
        let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let (open, closed) = (bind(), bind());
        let servers = [&open, &closed].map(|it| it.local_addr().expect("an address"));
        drop(closed);
        assert_eq!(to_all(&servers), ["connected", "refused"]);
        assert!(to_all(&[]).is_empty());
    }
}
