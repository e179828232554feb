//! The option table. This is the one place that lists options: scanner, clap command, help, legality
//! and messages all come from here.

use super::options::{CommandSet, Group, OptionSpec, Repeat, letters};
use OptionId::*;

/// Makes the type that names the options, and the table with a row for each, from one list.
macro_rules! options {
    ($( $(#[$doc:meta])* $id:ident: $row:expr; )*) => {
        /// An option of `ipvsadm`; commands are options that come first.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum OptionId {
            $( $(#[$doc])* $id, )*
        }

        /// Every option, in the order of [`OptionId`] and of help.
        pub const OPTIONS: &[OptionSpec] = &[ $( $row.row(OptionId::$id), )* ];
    };
}

/// The commands that set up a virtual service.
const SET_SERVICE: CommandSet = CommandSet::of(&[AddService, EditService]);
/// The commands that set up a real server.
const SET_SERVER: CommandSet = CommandSet::of(&[AddServer, EditServer]);
/// The commands that name a real server.
const SERVER: CommandSet = SET_SERVER.and(CommandSet::of(&[DeleteServer]));
/// The commands that name a virtual service.
const SERVICE: CommandSet =
    SET_SERVICE.and(SERVER).and(CommandSet::of(&[DeleteService, List, Zero]));
const LIST: CommandSet = CommandSet::of(&[List]);
const START: CommandSet = CommandSet::of(&[StartDaemon]);
/// The commands that may change a whole table, and so keep others from doing it meanwhile.
const TABLE: CommandSet = CommandSet::of(&[Apply, Restore, Clear]);
/// The commands that change anything.
const WRITE: CommandSet = SET_SERVICE.and(SERVER).and(TABLE).and(CommandSet::of(&[
    DeleteService,
    Zero,
    Set,
    StartDaemon,
    StopDaemon,
]));
/// The commands that ask the kernel for anything.
const KERNEL: CommandSet = WRITE.and(CommandSet::of(&[List, Save]));

const fn command(long: &'static str, help: &'static str) -> OptionSpec {
    OptionSpec::new(Group::Command, long, help)
}

const fn service(long: &'static str, help: &'static str) -> OptionSpec {
    OptionSpec::new(Group::Service, long, help).with(SERVICE).repeat(Repeat::OneService)
}

const fn setup(long: &'static str, help: &'static str) -> OptionSpec {
    OptionSpec::new(Group::ServiceSetup, long, help).with(SET_SERVICE)
}

const fn server(long: &'static str, help: &'static str) -> OptionSpec {
    OptionSpec::new(Group::Server, long, help).with(SET_SERVER)
}

const fn tunnel(long: &'static str, help: &'static str) -> OptionSpec {
    OptionSpec::new(Group::Tunnel, long, help).with(SET_SERVER)
}

const fn listing(long: &'static str, help: &'static str) -> OptionSpec {
    OptionSpec::new(Group::Listing, long, help).with(LIST)
}

const fn daemon(long: &'static str, help: &'static str) -> OptionSpec {
    OptionSpec::new(Group::Daemon, long, help).with(START)
}

const fn program(long: &'static str, help: &'static str) -> OptionSpec {
    OptionSpec::new(Group::Program, long, help)
}

options! {
    /// `-A`, a command.
    AddService: command("add-service", "add a virtual service").short('A');
    /// `-E`, a command.
    EditService: command("edit-service", "change a virtual service").short('E');
    /// `-D`, a command.
    DeleteService: command("delete-service", "remove a virtual service and its servers").short('D');
    /// `-C`, a command.
    Clear: command("clear", "remove all virtual services").short('C');
    /// `-R`, a command.
    Restore: command("restore", "carry out the rules on standard input").short('R');
    /// `-S`, a command.
    Save: command("save", "print the table as rules").short('S');
    /// `-a`, a command.
    AddServer: command("add-server", "add a real server to a virtual service").short('a');
    /// `-e`, a command.
    EditServer: command("edit-server", "change a real server").short('e');
    /// `-d`, a command.
    DeleteServer: command("delete-server", "remove a real server").short('d');
    /// `-L`, a command, and what no word at all means.
    List: command("list", "list the table; so does no option at all").short('L').alias('l');
    /// `-Z`, a command.
    Zero: command("zero", "set the counters of a service, or of all, to zero").short('Z');
    /// `--set`, a command.
    Set: command("set", "set the timeouts of connections, in seconds: 0 to 2678400; 0 leaves one as it is")
        .words(3, "TCP TCPFIN UDP");
    /// `--start-daemon`, a command.
    StartDaemon: command("start-daemon", "start a sync daemon").value("master|backup");
    /// `--stop-daemon`, a command.
    StopDaemon: command("stop-daemon", "stop a sync daemon").value("master|backup");
    /// `--apply`, a command.
    Apply: command("apply", "make the table what the rules or the JSON in FILE, or on standard input, say: change only what differs, and all of it or nothing")
        .optional("FILE");
    /// `-h`, a command.
    Help: command("help", "show this help").short('h');
    /// `-v`, a command.
    Version: command("version", "show the version").short('v');

    /// `-t`
    TcpService: service("tcp-service", "a TCP service").short('t').value("ADDRESS");
    /// `-u`
    UdpService: service("udp-service", "a UDP service").short('u').value("ADDRESS");
    /// `--sctp-service`
    SctpService: service("sctp-service", "an SCTP service").value("ADDRESS");
    /// `-f`
    FwmarkService: service("fwmark-service", "packets with this firewall mark: 1 to 4294967295")
        .short('f').value("MARK");
    /// `-6`
    Ipv6: service("ipv6", "with -f: IPv6 packets").short('6').repeat(Repeat::Freely);

    /// `-s`
    Scheduler: setup("scheduler", "how connections are spread; wlc unless given")
        .short('s').value("NAME");
    /// `-p`
    Persistent: setup("persistent", "keep a client on its server for so many seconds after its last connection: 1 to 2678400, 360 unless given")
        .short('p').optional("SECONDS");
    /// `-M`
    Netmask: setup("netmask", "with -p: clients alike under this mask count as one; for IPv6 a prefix length, 1 to 128")
        .short('M').value("MASK");
    /// `-o`
    Ops: setup("ops", "schedule each UDP packet by itself").short('o');
    /// `--pe`
    Pe: setup("pe", "the persistence engine, such as sip").value("NAME");
    /// `-b`
    SchedFlags: setup("sched-flags", "flags for the scheduler, with commas between: flag-1 flag-2 flag-3; sh-fallback sh-port; mh-fallback mh-port")
        .short('b').value("FLAGS");

    /// `-r`
    RealServer: server("real-server", "the real server; without a port, the service's")
        .short('r').value("ADDRESS").with(SERVER);
    /// `-g`
    Gatewaying: server("gatewaying", "direct routing (the default)")
        .short('g').repeat(Repeat::OneForwarding);
    /// `-i`
    Ipip: server("ipip", "a tunnel").short('i').repeat(Repeat::OneForwarding);
    /// `-m`
    Masquerading: server("masquerading", "network address translation")
        .short('m').repeat(Repeat::OneForwarding);
    /// `-w`
    Weight: server("weight", "its share against the others': 0 to 2147483647, 1 unless given")
        .short('w').value("WEIGHT");
    /// `-x`
    UThreshold: server("u-threshold", "no new connections when it has this many: 0 to 2147483647; 0 is no limit")
        .short('x').value("COUNT");
    /// `-y`
    LThreshold: server("l-threshold", "new connections again below this many: 0 to 2147483647")
        .short('y').value("COUNT");

    /// `--tun-type`
    TunType: tunnel("tun-type", "ipip (the default), gue or gre").value("TYPE");
    /// `--tun-port`
    TunPort: tunnel("tun-port", "for gue: the UDP port, 1 to 65535").value("PORT");
    /// `--tun-nocsum`
    TunNocsum: tunnel("tun-nocsum", "for gue and gre: no checksum (the default)");
    /// `--tun-csum`
    TunCsum: tunnel("tun-csum", "for gue and gre: a checksum");
    /// `--tun-remcsum`
    TunRemcsum: tunnel("tun-remcsum", "for gue: remote checksum offload");

    /// `-c`
    Connection: listing("connection", "the connections").short('c');
    /// `--timeout`
    Timeout: listing("timeout", "the timeouts of connections");
    /// `--daemon`
    Daemon: listing("daemon", "the sync daemons");
    /// `--stats`
    Stats: listing("stats", "totals of connections, packets and bytes");
    /// `--rate`
    Rate: listing("rate", "connections, packets and bytes a second");
    /// `--thresholds`
    Thresholds: listing("thresholds", "the limits on connections");
    /// `--persistent-conn`
    PersistentConn: listing("persistent-conn", "persistent connections; with -c, the persistence engine's data");
    /// `--tun-info`
    TunInfo: listing("tun-info", "the kinds of tunnels");
    /// `-X`
    Exact: listing("exact", "numbers in full").short('X');
    /// `-n`
    Numeric: listing("numeric", "addresses and ports as numbers, not as names")
        .short('n').with(LIST.and(CommandSet::of(&[Save])));
    /// `--nosort`
    Nosort: listing("nosort", "in the kernel's order");
    /// `--sort`
    Sort: listing("sort", "sorted, which is the default; any command takes it")
        .with(CommandSet::ALL).repeat(Repeat::Freely);

    /// `--format`
    Format: listing("format", "classic (the default), table for people, json, or prometheus")
        .value("FORMAT");
    /// `--json`
    Json: listing("json", "the same as --format json; with -S, what --apply takes")
        .with(LIST.and(CommandSet::of(&[Save])));
    /// `--all`
    All: listing("all", "with -S: the timeouts and sync daemons too").with(CommandSet::of(&[Save]));

    /// `--dry-run`
    DryRun: program("dry-run", "check and show what would be done, and do nothing").with(WRITE);
    /// `--keep-weights`
    KeepWeights: program("keep-weights", "with --apply: real servers that are there keep their weights")
        .with(CommandSet::of(&[Apply]));
    /// `--wait`
    Wait: program("wait", "with --apply, -R and -C: wait so many seconds at most for another of these to end; without end unless given")
        .value("SECONDS").with(TABLE);
    /// `--netns`
    Netns: program("netns", "work in this network namespace: a name, a path or a process")
        .value("NAMESPACE").with(KERNEL);

    /// `--mcast-interface`
    McastInterface: daemon("mcast-interface", "where to multicast; eth0 unless given").value("NAME");
    /// `--syncid`
    Syncid: daemon("syncid", "which messages belong together: 0 to 255; 0, the default, is all")
        .value("ID").with(START.and(CommandSet::of(&[StopDaemon, List])));
    /// `--sync-maxlen`
    SyncMaxlen: daemon("sync-maxlen", "the longest message in bytes: 1 to 65507").value("BYTES");
    /// `--mcast-group`
    McastGroup: daemon("mcast-group", "the multicast address; 224.0.0.81 unless given").value("ADDRESS");
    /// `--mcast-port`
    McastPort: daemon("mcast-port", "the UDP port: 1 to 65535, 8848 unless given").value("PORT");
    /// `--mcast-ttl`
    McastTtl: daemon("mcast-ttl", "how far messages go: 1 to 255, 1 unless given").value("HOPS");
}

/// The options by the letter of their short form.
pub(super) static LETTERS: [Option<OptionId>; 128] = letters(OPTIONS);
