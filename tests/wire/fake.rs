//! A stand-in for the netlink socket.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::rc::Rc;

use ipvs::{Client, Transport};

use crate::Result;
use crate::codec::{Attribute, Request, requests};

/// The number of the IPVS family here.
pub(crate) const FAMILY: u16 = 0x1c;

/// A datagram from the kernel, or an error of receiving.
pub(crate) type Reply = io::Result<Vec<u8>>;

/// A function that answers the requests of a datagram.
type Kernel = dyn FnMut(&[Request]) -> Vec<Reply>;

/// A socket with a made-up kernel behind it. Clones are the same socket, so that a test can look at
/// it while a client uses it.
#[derive(Clone)]
pub(crate) struct Fake(Rc<RefCell<Inside>>);

struct Inside {
    kernel: Box<Kernel>,
    sent: Vec<Vec<u8>>,
    waiting: VecDeque<Reply>,
    most_waiting: usize,
    window: usize,
}

/// A client of a kernel that answers each datagram with `kernel`. The look-up of the family has
/// been answered, and is not recorded.
pub(crate) fn client(
    kernel: impl FnMut(&[Request]) -> Vec<Reply> + 'static,
) -> (Client<Fake>, Fake) {
    let fake = Fake::new(|requests| vec![Ok(look_up(&requests[0]))]);
    let client = Client::with_transport(fake.clone()).expect("the family is there");
    let mut inside = fake.0.borrow_mut();
    inside.sent.clear();
    inside.most_waiting = 0;
    inside.kernel = Box::new(kernel);
    drop(inside);
    (client, fake)
}

/// A client of a kernel that carries out everything.
pub(crate) fn willing_client() -> (Client<Fake>, Fake) {
    client(|requests| {
        let asked = requests.iter().filter(|request| request.wants_acknowledgement());
        asked.map(|request| Ok(request.acknowledged())).collect()
    })
}

/// The result of a client's only request.
pub(crate) fn ask<T>(
    answer: impl Fn(&Request) -> Vec<Vec<u8>> + 'static,
    question: impl FnOnce(&mut Client<Fake>) -> Result<T>,
) -> Result<T> {
    let (mut client, _) = client(move |requests| {
        let (request, receipts) = requests.split_first().expect("a request");
        assert!(receipts.iter().all(Request::is_receipt), "one request");
        let receipts = receipts.iter().map(Request::acknowledged);
        answer(request).into_iter().chain(receipts).map(Ok).collect()
    });
    question(&mut client)
}

/// The controller's answer about the IPVS family, with everything that a kernel reports besides its
/// number.
pub(crate) fn look_up(request: &Request) -> Vec<u8> {
    let operation = |number: u16, command: u32| {
        Attribute::Nest(number, vec![Attribute::leaf(1, command), Attribute::leaf(2, 0xa_u32)])
    };
    let attributes = [
        Attribute::text(2, "IPVS"),
        Attribute::leaf(1, FAMILY),
        Attribute::leaf(3, 1u32),
        Attribute::leaf(4, 0u32),
        Attribute::leaf(5, 6u32),
        Attribute::Nest(6, vec![operation(1, 1), operation(2, 2)]),
    ];
    request.answer(1, &attributes)
}

impl Request {
    pub(crate) fn wants_acknowledgement(&self) -> bool {
        self.flags.contains(neli::consts::nl::NlmF::ACK)
    }
}

impl Fake {
    pub(crate) fn new(kernel: impl FnMut(&[Request]) -> Vec<Reply> + 'static) -> Fake {
        Fake(Rc::new(RefCell::new(Inside {
            kernel: Box::new(kernel),
            sent: Vec::new(),
            waiting: VecDeque::new(),
            most_waiting: 0,
            window: 100,
        })))
    }

    /// Sets the number of refusals that can wait without one being lost.
    pub(crate) fn set_window(&self, window: usize) {
        self.0.borrow_mut().window = window;
    }

    /// The number of requests in each datagram sent so far.
    pub(crate) fn sizes(&self) -> Vec<usize> {
        self.sent().iter().map(Vec::len).collect()
    }

    /// The requests in each datagram sent so far.
    pub(crate) fn sent(&self) -> Vec<Vec<Request>> {
        self.0.borrow().sent.iter().map(|datagram| requests(datagram)).collect()
    }

    /// The length of the longest datagram, in bytes.
    pub(crate) fn longest(&self) -> usize {
        self.0.borrow().sent.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// The requests to the IPVS family sent so far.
    pub(crate) fn asked(&self) -> Vec<Request> {
        self.sent().into_iter().flatten().filter(|request| !request.is_receipt()).collect()
    }

    /// The only request to the IPVS family.
    #[track_caller]
    pub(crate) fn only_request(&self) -> Request {
        let mut requests = self.asked();
        assert_eq!(requests.len(), 1, "one request was sent");
        requests.remove(0)
    }

    /// The most replies that ever waited at the same time.
    pub(crate) fn most_waiting(&self) -> usize {
        self.0.borrow().most_waiting
    }

    /// The number of replies that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.0.borrow().waiting.len()
    }
}

impl fmt::Debug for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fake")
    }
}

impl Transport for Fake {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        let inside = &mut *self.0.borrow_mut();
        inside.sent.push(datagram.to_vec());
        inside.waiting.extend((inside.kernel)(&requests(datagram)));
        inside.most_waiting = inside.most_waiting.max(inside.waiting.len());
        Ok(())
    }

    /// With nothing to receive a real socket would wait for ever. Here that is an error.
    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<()> {
        let reply = self.0.borrow_mut().waiting.pop_front();
        let dry = || Err(io::Error::new(io::ErrorKind::WouldBlock, "nothing more to receive"));
        *buffer = reply.unwrap_or_else(dry)?;
        Ok(())
    }

    fn reply_window(&mut self) -> usize {
        self.0.borrow().window
    }
}
