//! The way to the kernel: a netlink socket, or a stand-in for one.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_GENERIC;

use super::folder::Folder;
use super::request;
use super::uapi::errno;

/// A way to send requests to IPVS and receive its replies.
///
/// [`KernelSocket`] is the one to the kernel. Implement this trait to stand in for the kernel in
/// tests: the stand-in receives the requests byte for byte, and answers with netlink messages of
/// its own. [`Client::with_transport`](crate::Client::with_transport) takes it.
pub trait Transport {
    /// Sends a datagram of one or more netlink requests.
    ///
    /// # Errors
    /// Those of sending on the socket.
    fn send(&mut self, datagram: &[u8]) -> io::Result<()>;

    /// Waits for a datagram of one or more netlink messages, and replaces the content of `buffer`
    /// with it.
    ///
    /// The kernel sends a long list in pieces as large as the buffer that it is received into. This
    /// must be 20 KiB at least, or the first piece may be taken for the whole list.
    ///
    /// # Errors
    /// Those of receiving from the socket. `ENOBUFS` means that replies were lost.
    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<()>;

    /// The number of refusals that can wait to be received without one being lost, at least 1. A
    /// batch sends no more changes at once. May enlarge the receive buffer first.
    fn reply_window(&mut self) -> usize;

    /// Makes the kernel cut lists at other places than before, if possible. Called before a list is
    /// read again because the kernel may have skipped entries behind a cut: see
    /// [`Client::services`](crate::Client::services).
    fn cut_elsewhere(&mut self) {}

    /// The names of the settings, and whether each can be set in this network namespace by whoever
    /// has the permission. A stand-in has none unless it says otherwise.
    ///
    /// # Errors
    /// Those of reading the folder `/proc/sys/net/ipv4/vs`; [`NotFound`](io::ErrorKind::NotFound)
    /// if there is none.
    fn settings(&mut self) -> io::Result<Vec<(String, bool)>> {
        Ok(Vec::new())
    }

    /// The value of a setting, as the kernel writes it: `1` or `3\t50`, and a newline.
    ///
    /// # Errors
    /// Those of reading the file; [`NotFound`](io::ErrorKind::NotFound) if there is none.
    fn read_setting(&mut self, name: &str) -> io::Result<String> {
        let _ = name;
        Err(io::ErrorKind::NotFound.into())
    }

    /// Sets a setting to this value and newline.
    ///
    /// # Errors
    /// Those of writing the file; [`NotFound`](io::ErrorKind::NotFound) if there is none.
    fn write_setting(&mut self, name: &str, text: &str) -> io::Result<()> {
        let _ = (name, text);
        Err(io::ErrorKind::NotFound.into())
    }
}

/// A netlink socket to the kernel, and the folder of the settings.
///
/// The socket belongs to the network namespace that the thread was in when it opened it, whatever
/// thread uses it later. The folder is opened when the first answer is received, as asking for IPVS
/// may make the kernel load it: make the client in the thread, and the namespace, of the socket.
#[derive(Debug)]
pub struct KernelSocket {
    socket: Socket,
    /// `None` until the first answer has come.
    folder: Option<Option<Folder>>,
    window: Option<usize>,
    /// The length of the receive buffer.
    piece: usize,
}

/// The length of the first receive buffer. The kernel makes the pieces of a list as long as the
/// longest buffer that was received into, up to 32 KiB (`netlink_recvmsg` in
/// `net/netlink/af_netlink.c`). Longer pieces would hardly be cheaper, and this leaves room for
/// [`cut_elsewhere`](Transport::cut_elsewhere).
pub(crate) const FIRST_PIECE: usize = 20 * 1024;

const LONGEST_PIECE: usize = 32 * 1024;

/// The length that `cut_elsewhere` adds to a piece.
const PIECE_STEP: usize = 4 * 1024;

/// The most that a waiting refusal takes of the receive buffer, in bytes, including the kernel's
/// bookkeeping. 832 were measured for one without an explanation.
const REFUSAL_COST: usize = 2048;

/// The size of the receive buffer to ask for, in bytes. The kernel doubles it.
const LARGE_RECEIVE_BUFFER: usize = 1024 * 1024;

impl KernelSocket {
    /// Opens a socket in the network namespace of the calling thread.
    ///
    /// # Errors
    /// Those of the system call `socket`.
    pub fn open() -> io::Result<Self> {
        let socket = Socket::new(NETLINK_GENERIC)?;
        // Refusals then do not echo the whole request (since Linux 4.3), and come with an
        // explanation (since 4.12). Nothing depends on either.
        let _ = socket.set_cap_ack(true);
        let _ = socket.set_ext_ack(true);
        Ok(KernelSocket { socket, folder: None, window: None, piece: FIRST_PIECE })
    }
}

/// For use with `poll` and the like. Reading from the socket or writing to it would break the
/// conversation with the kernel.
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
        // The socket fills the spare capacity.
        buffer.reserve_exact(self.piece);
        retry(|| self.socket.recv(buffer, 0))?;
        self.folder.get_or_insert_with(Folder::open);
        Ok(())
    }

    fn reply_window(&mut self) -> usize {
        *self.window.get_or_insert_with(|| {
            // Root may exceed the system's limit. Without that right the buffer stays as it is.
            let _ = rustix::net::sockopt::set_socket_recv_buffer_size_force(
                &self.socket,
                LARGE_RECEIVE_BUFFER,
            );
            let size = self.socket.get_rx_buf_sz().unwrap_or(0);
            (size / REFUSAL_COST).max(1)
        })
    }

    fn settings(&mut self) -> io::Result<Vec<(String, bool)>> {
        self.folder()?.list()
    }

    fn read_setting(&mut self, name: &str) -> io::Result<String> {
        self.folder()?.read(name)
    }

    fn write_setting(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.folder()?.write(name, text)
    }

    fn cut_elsewhere(&mut self) {
        if self.piece < LONGEST_PIECE {
            self.piece += PIECE_STEP;
            // The kernel notes the length of a buffer when it fills it. If this fails, lists are
            // cut where they were.
            let mut datagram = Vec::new();
            request::receipt(0, &mut datagram);
            if self.send(&datagram).is_ok() {
                let _ = self.receive(&mut datagram);
            }
        }
    }
}

impl KernelSocket {
    fn folder(&self) -> io::Result<&Folder> {
        let folder = self.folder.as_ref().and_then(Option::as_ref);
        folder.ok_or_else(|| io::Error::from_raw_os_error(errno::ENOENT))
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
