//! What an administrator should look at, where the kernel's answers do not tell.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};

use ipvs::{Operation, Refusal, RefusalKind};

use crate::process::notice::say;

/// Gathered from all refusals of a run, to be given once.
#[derive(Debug, Default)]
pub(crate) struct Advice {
    /// The kernel called a real server invalid.
    invalid_server: bool,
}

impl Advice {
    pub(crate) fn from<'r>(refusals: impl IntoIterator<Item = &'r Refusal>) -> Self {
        let mut advice = Advice::default();
        refusals.into_iter().for_each(|refusal| advice.heed(refusal));
        advice
    }

    pub(crate) fn heed(&mut self, refusal: &Refusal) {
        let of_server =
            matches!(refusal.operation, Operation::AddDestination | Operation::EditDestination);
        self.invalid_server |= of_server && refusal.kind() == RefusalKind::Invalid;
    }

    /// Says it on standard error, if there is any.
    pub(crate) fn give(&self) {
        if self.invalid_server && loopback_is_down() {
            say("The loopback interface of this network namespace is down, and so every real \
                 server is refused: ip link set lo up");
        }
    }
}

/// Whether there is no way to 127.0.0.1, as in a network namespace that was just made. (A socket
/// can be bound to that address even there.)
fn loopback_is_down() -> bool {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0));
    // No datagram is sent for this.
    let way = socket.and_then(|socket| socket.connect((Ipv4Addr::LOCALHOST, 9)));
    way.is_err_and(|error| error.kind() == io::ErrorKind::NetworkUnreachable)
}
