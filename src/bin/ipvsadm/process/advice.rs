//! Advice on causes that the kernel's answer does not name.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};

use ipvs::{Operation, Refusal, RefusalKind};

use crate::process::notice::say;

/// Advice gathered from every refusal of a run, to be given once.
#[derive(Debug, Default)]
pub(crate) struct Advice {
    /// The kernel refused a real server as invalid.
    invalid_server: bool,
}

impl Advice {
    pub(crate) fn from<'r>(refusals: impl IntoIterator<Item = &'r Refusal>) -> Self {
        let mut advice = Advice::default();
        refusals.into_iter().for_each(|refusal| advice.note(refusal));
        advice
    }

    pub(crate) fn note(&mut self, refusal: &Refusal) {
        let of_server =
            matches!(refusal.operation, Operation::AddDestination | Operation::EditDestination);
        self.invalid_server |= of_server && refusal.kind() == RefusalKind::Invalid;
    }

    /// Prints the advice on standard error, if there is any.
    pub(crate) fn give(&self) {
        if self.invalid_server && loopback_is_down() {
            say("The loopback interface of this network namespace is down, so the kernel refuses \
                 every real server. Bring it up: ip link set lo up");
        }
    }
}

/// True if there is no route to 127.0.0.1, as in a new network namespace. (A socket can be bound to
/// that address even there.)
fn loopback_is_down() -> bool {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0));
    // Connecting a UDP socket looks up the route and sends nothing.
    let route = socket.and_then(|socket| socket.connect((Ipv4Addr::LOCALHOST, 9)));
    route.is_err_and(|error| error.kind() == io::ErrorKind::NetworkUnreachable)
}
