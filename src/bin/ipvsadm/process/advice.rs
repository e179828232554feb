//! Where an administrator should look, when the kernel's answer does not say.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};

use ipvs::{Operation, Refusal, RefusalKind};

use crate::process::notice::say;

/// Advice gathered from all refusals of a run, to be given once.
#[derive(Debug, Default)]
pub(crate) struct Advice {
    /// The kernel called a real server invalid.
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

    /// Says it on standard error, if there is any to give.
    pub(crate) fn give(&self) {
        if self.invalid_server && loopback_is_down() {
            say("The loopback interface of this network namespace is down, so the kernel refuses \
                 every real server: ip link set lo up");
        }
    }
}

/// True if there is no route to 127.0.0.1, as in a new network namespace. (A socket can be bound to
/// that address even there.)
fn loopback_is_down() -> bool {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0));
    // This looks the route up, and sends nothing.
    let route = socket.and_then(|socket| socket.connect((Ipv4Addr::LOCALHOST, 9)));
    route.is_err_and(|error| error.kind() == io::ErrorKind::NetworkUnreachable)
}
