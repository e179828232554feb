//! A model of the kernel, which speaks netlink and keeps its state in memory.

mod daemon;
mod settings;
mod state;
mod wire;

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::rc::Rc;

use ipvs::{Client, Transport};

pub(crate) use self::state::LONGEST_TIMEOUT;
use self::state::State;
use self::wire::{CONTROLLER, Request, attribute, done, error, find, reply, requests};

const FAMILY: u16 = 34;
const CHUNK: usize = 32 * 1024;
const ENOBUFS: i32 = 105;

/// Faults to inject. Requests that change something are counted from 0, since the faults were set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    /// The requests that are refused, with `ENOMEM`, with which the kernel may refuse any.
    pub(crate) refuse: BTreeSet<usize>,
    /// The request for whose datagram the replies are lost.
    pub(crate) lose_replies: Option<usize>,
    /// The request whose datagram cannot be sent.
    pub(crate) fail_send: Option<usize>,
    /// The request at which the client is killed: neither it nor any later one arrives.
    pub(crate) kill: Option<usize>,
    /// The request after which reading fails.
    pub(crate) no_reading_after: Option<usize>,
}

/// The error number of an injected refusal.
pub(crate) const ENOMEM: i32 = 12;

#[derive(Debug)]
struct Inner {
    state: State,
    faults: Faults,
    written: usize,
    refused: usize,
    /// The number of datagrams with requests that change something.
    datagrams: usize,
    window: usize,
    replies: VecDeque<io::Result<Vec<u8>>>,
}

/// A handle to the kernel. Clones are handles to the same kernel. As a transport, each is for one
/// client at a time.
#[derive(Debug, Clone)]
pub(crate) struct MemoryKernel(Rc<RefCell<Inner>>);

impl MemoryKernel {
    /// An empty kernel, in which `window` refusals can wait. If more do, replies are lost.
    pub(crate) fn new(window: usize) -> Self {
        MemoryKernel(Rc::new(RefCell::new(Inner {
            state: State::default(),
            faults: Faults::default(),
            written: 0,
            refused: 0,
            datagrams: 0,
            window,
            replies: VecDeque::new(),
        })))
    }

    /// Another kernel in the same state.
    pub(crate) fn fork(&self) -> Self {
        let other = MemoryKernel::new(self.0.borrow().window);
        other.0.borrow_mut().state = self.0.borrow().state.clone();
        other
    }

    /// True if the other kernel has the same state, in which everything was added at the same time.
    pub(crate) fn is_in_state_of(&self, other: &MemoryKernel) -> bool {
        self.0.borrow().state == other.0.borrow().state
    }

    pub(crate) fn client(&self) -> Client<MemoryKernel> {
        self.0.borrow_mut().replies.clear();
        Client::with_transport(self.clone()).expect("the family is there")
    }

    /// Sets the faults, and starts to count requests, refusals and datagrams from 0.
    pub(crate) fn set_faults(&self, faults: Faults) {
        let mut inner = self.0.borrow_mut();
        inner.faults = faults;
        (inner.written, inner.refused, inner.datagrams) = (0, 0, 0);
    }

    /// Ends the faults. From then on only the kernel's own rules refuse anything.
    pub(crate) fn stop_refusing(&self) {
        self.0.borrow_mut().faults.refuse.clear();
    }

    /// Treats servers at this address as its own, and reports them as an old kernel does.
    pub(crate) fn own_address(&self, address: [u8; 4]) {
        self.0.borrow_mut().state.local.push(address);
    }

    /// The numbers of the starts of the running master and backup daemons.
    pub(crate) fn daemon_starts(&self) -> [Option<u64>; 2] {
        self.0.borrow().state.daemons.starts()
    }

    /// The number of requests that change something since the faults were last set.
    pub(crate) fn written(&self) -> usize {
        self.0.borrow().written
    }

    /// The number of requests refused since the faults were last set.
    pub(crate) fn refused(&self) -> usize {
        self.0.borrow().refused
    }

    /// The number of datagrams with such requests that arrived since the faults were last set.
    pub(crate) fn datagrams(&self) -> usize {
        self.0.borrow().datagrams
    }
}

impl Transport for MemoryKernel {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        self.0.borrow_mut().take(datagram)
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<()> {
        // A client that waits for an answer that never comes must not hang the test.
        let nothing = || Err(io::ErrorKind::WouldBlock.into());
        let datagram = self.0.borrow_mut().replies.pop_front().unwrap_or_else(nothing)?;
        buffer.clear();
        buffer.extend(datagram);
        Ok(())
    }

    fn reply_window(&mut self) -> usize {
        self.0.borrow().window
    }

    fn settings(&mut self) -> io::Result<Vec<(String, bool)>> {
        let inner = self.0.borrow();
        inner.check_reading()?;
        Ok(inner.state.settings.names().map(|name| (name.to_owned(), true)).collect())
    }

    fn read_setting(&mut self, name: &str) -> io::Result<String> {
        let inner = self.0.borrow();
        inner.check_reading()?;
        inner.state.settings.read(name).map_err(io::Error::from_raw_os_error)
    }

    fn write_setting(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.0.borrow_mut().write_setting(name, text)
    }
}

impl Inner {
    fn check_reading(&self) -> io::Result<()> {
        match self.faults.no_reading_after.is_some_and(|limit| self.written > limit) {
            true => Err(io::ErrorKind::BrokenPipe.into()),
            false => Ok(()),
        }
    }

    /// Counts as a datagram of its own, with one request.
    fn write_setting(&mut self, name: &str, text: &str) -> io::Result<()> {
        if self.faults.fail_send.take_if(|at| *at == self.written).is_some() {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.datagrams += 1;
        if self.faults.kill.is_some_and(|at| self.written >= at) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let number = self.written;
        self.written += 1;
        let result = match self.faults.refuse.contains(&number) {
            true => Err(ENOMEM),
            false => self.state.settings.write(name, text),
        };
        self.refused += usize::from(result.is_err());
        result.map_err(io::Error::from_raw_os_error)
    }

    fn take(&mut self, datagram: &[u8]) -> io::Result<()> {
        assert!(datagram.len() < 212_960, "the kernel takes no longer datagram");
        let mut lost = false;
        let mut singles = 0;
        let requests = requests(datagram);
        let writes = requests.iter().filter(|request| state::writes(request)).count();
        let coming = self.written..self.written + writes;
        if self.faults.fail_send.take_if(|at| coming.contains(at)).is_some() {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.datagrams += usize::from(writes > 0);
        for request in requests {
            if state::writes(&request) {
                if self.faults.kill.is_some_and(|at| self.written >= at) {
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
                lost |= self.faults.lose_replies == Some(self.written);
            }
            singles += self.answer(&request)?;
        }
        if lost || singles > self.window {
            self.replies.clear();
            self.replies.push_back(Err(io::Error::from_raw_os_error(ENOBUFS)));
        }
        // The client is waiting for its answers.
        self.state.daemons.schedule();
        Ok(())
    }

    /// Answers a request, and returns the number of replies that take room in the buffer. The
    /// acknowledgement of a control message is small, and does not count.
    fn answer(&mut self, request: &Request) -> io::Result<usize> {
        if request.is_control() {
            if request.wants_acknowledgement() {
                self.push(error(request, 0));
            }
            return Ok(0);
        }
        if request.family == CONTROLLER {
            assert_eq!(find(&request.attributes, 2), Some(&b"IPVS\0"[..]), "the family's name");
            let attributes = vec![attribute(2, b"IPVS\0"), attribute(1, &FAMILY.to_ne_bytes())];
            self.push(reply(CONTROLLER, request.sequence, false, 1, attributes));
            return Ok(1);
        }
        assert_eq!((request.family, request.version), (FAMILY, 1));
        let result = if state::writes(request) {
            let number = self.written;
            self.written += 1;
            if self.faults.refuse.contains(&number) {
                Err(ENOMEM)
            } else {
                self.state.carry_out(request)
            }
        } else {
            self.check_reading()?;
            self.state.carry_out(request)
        };
        Ok(match result {
            // `netlink_rcv_skb` sends no answer then, not even an acknowledgement.
            Err(state::EINTR) => 0,
            Err(errno) => {
                self.refused += 1;
                self.push(error(request, errno));
                1
            }
            Ok(messages) if request.dumps() => {
                self.dump(request, messages);
                0
            }
            Ok(messages) => {
                let count = messages.len();
                for attributes in messages {
                    self.push(reply(FAMILY, request.sequence, false, request.command, attributes));
                }
                if request.wants_acknowledgement() {
                    self.push(error(request, 0));
                }
                count + usize::from(request.wants_acknowledgement())
            }
        })
    }

    /// Pieces of up to 32 KiB, and the end by itself.
    fn dump(
        &mut self,
        request: &Request,
        messages: Vec<Vec<neli::genl::Nlattr<u16, neli::types::Buffer>>>,
    ) {
        let mut chunk = Vec::new();
        for attributes in messages {
            let message = reply(FAMILY, request.sequence, true, request.command, attributes);
            if chunk.len() + message.len() > CHUNK {
                self.push(std::mem::take(&mut chunk));
            }
            chunk.extend(message);
        }
        if !chunk.is_empty() {
            self.push(chunk);
        }
        self.push(done(request.sequence));
    }

    fn push(&mut self, datagram: Vec<u8>) {
        self.replies.push_back(Ok(datagram));
    }
}
