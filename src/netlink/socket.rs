//! The way to the kernel: a netlink socket, or something that stands in for one.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_GENERIC;

use super::request;

/// A way to send requests to IPVS and get its replies.
///
/// [`KernelSocket`] is the real one. Another one can stand in for the kernel in tests: it is
/// given what the kernel would be given, to the byte, and answers likewise.
pub trait Transport {
    /// Sends a datagram that holds one or more netlink requests.
    ///
    /// # Errors
    /// What sending on the socket fails with.
    fn send(&mut self, datagram: &[u8]) -> io::Result<()>;

    /// Waits for a datagram, which holds one or more netlink messages, and puts it in the place
    /// of what `buffer` holds.
    ///
    /// The kernel hands over a list in pieces as long as the buffer that it is received into. Give
    /// it 20 KiB at least: shorter pieces may be taken for whole lists.
    ///
    /// # Errors
    /// What receiving on the socket fails with; `ENOBUFS` where replies were lost.
    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<()>;

    /// How many refusals may wait, not yet received, without one being lost. It may take
    /// measures to make this many.
    fn reply_window(&mut self) -> usize;

    /// Has the kernel cut lists at other places than so far, if that is possible. Called before a
    /// list is read again because the kernel may have skipped entries where it was cut: see
    /// [`Client::services`](crate::Client::services).
    fn cut_elsewhere(&mut self) {}
}

/// A netlink socket to the kernel. It stays in the network namespace in which it was opened.
#[derive(Debug)]
pub struct KernelSocket {
    socket: Socket,
    window: Option<usize>,
    /// The length of the receive buffer.
    piece: usize,
}

/// The length of the first receive buffer. The kernel makes the pieces of a list as long as the
/// longest buffer that was received into, up to 32 KiB (`netlink_recvmsg` in
/// net/netlink/af_netlink.c). Longer pieces would be hardly cheaper, and shorter ones leave room for
/// [`cut_elsewhere`](Transport::cut_elsewhere).
pub(crate) const FIRST_PIECE: usize = 20 * 1024;

const LONGEST_PIECE: usize = 32 * 1024;

/// How much longer pieces get to be cut elsewhere.
const PIECE_STEP: usize = 4 * 1024;

/// What a waiting refusal takes of the receive buffer at most, in bytes, the kernel's own
/// book-keeping included. 832 were measured for one without the kernel's words.
const REFUSAL_COST: usize = 2048;

/// The receive buffer to ask for, if we may exceed the system's limit. The kernel doubles it.
const LARGE_RECEIVE_BUFFER: usize = 1024 * 1024;

impl KernelSocket {
    /// Opens a socket in the network namespace of this thread.
    ///
    /// # Errors
    /// What the system calls fail with.
    pub fn open() -> io::Result<Self> {
        let socket = Socket::new(NETLINK_GENERIC)?;
        // Refusals then come without the whole request, and with the kernel's own words. Kernels
        // before 4.3 and 4.12 do not know these; nothing else depends on them.
        let _ = socket.set_cap_ack(true);
        let _ = socket.set_ext_ack(true);
        Ok(KernelSocket { socket, window: None, piece: FIRST_PIECE })
    }
}

/// To wait for the socket beside others. Reading from it or writing to it disturbs the client.
impl AsFd for KernelSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Transport for KernelSocket {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        retry(|| self.socket.send(datagram, 0))?;
        Ok(())
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<()> {
        buffer.clear();
        // The socket fills what room there is.
        buffer.reserve_exact(self.piece);
        retry(|| self.socket.recv(buffer, 0))?;
        Ok(())
    }

    fn reply_window(&mut self) -> usize {
        *self.window.get_or_insert_with(|| {
            // Root may have more than the system's limit. Others keep to what they were given.
            let _ = rustix::net::sockopt::set_socket_recv_buffer_size_force(
                &self.socket,
                LARGE_RECEIVE_BUFFER,
            );
            let size = self.socket.get_rx_buf_sz().unwrap_or(0);
            (size / REFUSAL_COST).max(1)
        })
    }

    fn cut_elsewhere(&mut self) {
        if self.piece < LONGEST_PIECE {
            self.piece += PIECE_STEP;
            // The kernel learns of the length when it next hands over a datagram. Without it, lists
            // are cut where they were, which is no worse than before.
            let mut datagram = Vec::new();
            request::receipt(0, &mut datagram);
            if self.send(&datagram).is_ok() {
                let _ = self.receive(&mut datagram);
            }
        }
    }
}

fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
