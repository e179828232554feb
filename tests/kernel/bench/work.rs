//! The things to measure: programs, kinds of work, and sizes of tables.

use std::fmt::{self, Write as _};
use std::str::FromStr;

/// A program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Ours,
    /// Debian's `ipvsadm`.
    Reference,
    /// The floor: the least that a client must do.
    Floor,
}

/// A kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// `-R`: rules from standard input into an empty table.
    Restore,
    /// `-L -n`
    List,
    /// `-S -n`
    Save,
    /// `-A` of one service
    Add,
    /// `-L -n -c`
    Connections,
}

/// A cost. All but time are the same in every run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quantity {
    /// Time, in nanoseconds.
    Time,
    SystemCalls,
    /// Peak memory, in KiB.
    Memory,
    Instructions,
}

/// The size of a table, or the number of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) services: u32,
    /// The servers of each service.
    pub(crate) servers: u32,
}

macro_rules! words {
    ($type:ident: $($variant:ident $word:literal),*) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self { $($type::$variant => $word),* })
            }
        }

        impl FromStr for $type {
            type Err = ();

            fn from_str(word: &str) -> Result<Self, ()> {
                match word { $($word => Ok($type::$variant),)* _ => Err(()) }
            }
        }
    };
}

words!(Program: Ours "ours", Reference "reference", Floor "floor");
words!(Work: Restore "-R", List "-L -n", Save "-S -n", Add "-A", Connections "-L -n -c");
words!(Quantity: Time "time", SystemCalls "calls", Memory "memory", Instructions "instructions");

impl Program {
    pub(crate) const ALL: [Program; 3] = [Program::Ours, Program::Floor, Program::Reference];

    /// The arguments for this work, if the program can do it.
    pub(crate) fn arguments(self, work: Work) -> Option<&'static [&'static str]> {
        match (self, work) {
            (Program::Floor, Work::Restore) => Some(&["restore", "200"]),
            (Program::Floor, Work::List) => Some(&["list"]),
            (Program::Floor, _) => None,
            (_, Work::Restore) => Some(&["-R"]),
            (_, Work::List) => Some(&["-L", "-n"]),
            (_, Work::Save) => Some(&["-S", "-n"]),
            (_, Work::Add) => Some(&["-A", "-t", "10.0.0.1:80"]),
            (_, Work::Connections) => Some(&["-L", "-n", "-c"]),
        }
    }
}

impl Size {
    /// The sizes that the goals are about.
    pub(crate) const TABLES: [Size; 2] = [Size::new(1000, 10), Size::new(10_000, 5)];
    /// The sizes in the picture.
    pub(crate) const CURVE: [Size; 7] = [
        Size::new(17, 5),
        Size::new(50, 5),
        Size::new(167, 5),
        Size::new(500, 5),
        Size::new(1667, 5),
        Size::new(5000, 5),
        Size::new(10_000, 5),
    ];
    /// The size for counting system calls, for which `strace` is slow.
    pub(crate) const SMALL: Size = Size::new(100, 10);
    pub(crate) const EMPTY: Size = Size::new(0, 0);
    pub(crate) const CONNECTIONS: Size = Size::new(1_000_000, 0);

    const fn new(services: u32, servers: u32) -> Size {
        Size { services, servers }
    }

    pub(crate) fn rules(self) -> u32 {
        self.services * (1 + self.servers)
    }

    /// The rules that make the table.
    pub(crate) fn text(self) -> String {
        let mut text = String::new();
        for service in 0..self.services {
            let [_, a, b, c] = service.to_be_bytes();
            let address = format!("10.{a}.{b}.{c}:80");
            let _ = writeln!(text, "-A -t {address} -s rr");
            for server in 0..self.servers {
                let weight = server + 1;
                let _ =
                    writeln!(text, "-a -t {address} -r 172.16.{b}.{server}:8080 -m -w {weight}");
            }
        }
        text
    }

    /// This many connections, in the form of `/proc/net/ip_vs_conn`.
    pub(crate) fn connections(self) -> String {
        let mut text = String::from(
            "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n",
        );
        for number in 0..self.services {
            let (client, port) = (0xc0a8_0000 | number >> 8, 1024 + (number & 0xff));
            let (server, expires) = (0xac10_0000 | (number & 0x1f), number % 900);
            let _ = writeln!(
                text,
                "TCP {client:08X} {port:04X} 0A000001 0050 {server:08X} 1F90 ESTABLISHED \
                 {expires:7}"
            );
        }
        text
    }
}

/// `1000x10`
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.services, self.servers)
    }
}

impl FromStr for Size {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        let (services, servers) = word.split_once('x').ok_or(())?;
        Ok(Size::new(services.parse().map_err(|_| ())?, servers.parse().map_err(|_| ())?))
    }
}
