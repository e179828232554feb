//! The option table, the only list of options. The scanner, the clap command, the help, the checks
//! of which options go together, and the messages are all made from it.

use super::options::{CommandSet, Group, OptionSpec, Repeat, letters};
use OptionId::*;

/// Makes the enum of options and the table of their rows from one list.
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
const SET_SERVER: CommandSet = CommandSet::of(&[AddServer, EditServer, Ramp]);
/// The commands that name a real server.
const SERVER: CommandSet = SET_SERVER.and(CommandSet::of(&[DeleteServer]));
/// The commands that name a virtual service.
const SERVICE: CommandSet =
    SET_SERVICE.and(SERVER).and(TAKE_OUT).and(CommandSet::of(&[DeleteService, List, Zero, Doctor]));
const LIST: CommandSet = CommandSet::of(&[List]);
const START: CommandSet = CommandSet::of(&[StartDaemon]);
/// The commands that wait for connections to end.
const DRAIN: CommandSet = CommandSet::of(&[Drain, Kick]);
/// The commands that take a real server out or bring it back.
const TAKE_OUT: CommandSet = DRAIN.and(CommandSet::of(&[Undrain]));
/// The commands that may change a whole table, or read it and then change it, and so hold the lock.
const TABLE: CommandSet = CommandSet::of(&[Apply, Restore, Clear]).and(TAKE_OUT);
/// The commands that change something.
const WRITE: CommandSet = SET_SERVICE.and(SERVER).and(TABLE).and(CommandSet::of(&[
    DeleteService,
    Zero,
    Set,
    Settings,
    StartDaemon,
    StopDaemon,
]));
/// The commands that print the table once.
const SHOW: CommandSet = CommandSet::of(&[List, Save]);
/// The commands that only read.
const READ: CommandSet = SHOW.and(MONITOR).and(DOCTOR).and(TOP).and(CommandSet::of(&[Diff]));
/// The commands with a choice of formats.
const PRINT: CommandSet = READ.and(CommandSet::of(&[Settings, Ramp]));
/// The commands that print JSON where they are asked to.
const JSON: CommandSet = PRINT.and(TAKE_OUT);
/// The commands that talk to the kernel.
const KERNEL: CommandSet = WRITE.and(READ);
const RAMP: CommandSet = CommandSet::of(&[Ramp]);
const MONITOR: CommandSet = CommandSet::of(&[Monitor]);
const DOCTOR: CommandSet = CommandSet::of(&[Doctor]);
const TOP: CommandSet = CommandSet::of(&[Top]);
/// The commands that take a forwarding method.
const FORWARD: CommandSet = SET_SERVER.and(DOCTOR);

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

const fn operation(long: &'static str, help: &'static str) -> OptionSpec {
    OptionSpec::new(Group::Operation, long, help)
}

const fn doctor(long: &'static str, help: &'static str) -> OptionSpec {
    OptionSpec::new(Group::Doctor, long, help).with(DOCTOR)
}

const fn top(long: &'static str, help: &'static str) -> OptionSpec {
    OptionSpec::new(Group::Top, long, help).with(TOP)
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
    DeleteService: command("delete-service", "remove a virtual service and its real servers")
        .short('D');
    /// `-C`, a command.
    Clear: command("clear", "remove all virtual services").short('C');
    /// `-R`, a command.
    Restore: command("restore", "run the rules on standard input").short('R');
    /// `-S`, a command.
    Save: command("save", "print the table as rules").short('S');
    /// `-a`, a command.
    AddServer: command("add-server", "add a real server to a virtual service").short('a');
    /// `-e`, a command.
    EditServer: command("edit-server", "change a real server").short('e');
    /// `-d`, a command.
    DeleteServer: command("delete-server", "remove a real server").short('d');
    /// `-L`, a command, and the default.
    List: command(
        "list",
        "list the table, or what has this ADDRESS; the default without any option",
    ).short('L').alias('l');
    /// `-Z`, a command.
    Zero: command("zero", "reset the counters of one service, or of all").short('Z');
    /// `--set`, a command.
    Set: command(
        "set",
        "set the connection timeouts, in seconds: 1 to 2678400, or 0 to keep one as it is",
    ).words(3, "TCP TCPFIN UDP");
    /// `--settings`, a command.
    Settings: command(
        "settings",
        "list the settings in /proc/sys/net/ipv4/vs, or set some, all or nothing",
    ).any_words("NAME=VALUE...");
    /// `--start-daemon`, a command.
    StartDaemon: command("start-daemon", "start a sync daemon: master or backup").value("ROLE");
    /// `--stop-daemon`, a command.
    StopDaemon: command("stop-daemon", "stop a sync daemon: master or backup").value("ROLE");
    /// `--apply`, a command.
    Apply: command(
        "apply",
        "make the table match the rules or JSON in FILE or on standard input, changing only what \
         differs, all or nothing",
    ).optional("FILE");
    /// `--drain`, a command.
    Drain: command(
        "drain",
        "give a real server no new connections, and wait until those it has end",
    );
    /// `--undrain`, a command.
    Undrain: command("undrain", "give a drained real server its weight back");
    /// `--kick`, a command.
    Kick: command("kick", "end the connections of a real server at once");
    /// `--ramp`, a command.
    Ramp: command(
        "ramp",
        "change the weight of a real server in steps; one that is not there is added, at first \
         with weight 0",
    );
    /// `--monitor`, a command.
    Monitor: command("monitor", "print each change of the state as a rule, until interrupted");
    /// `--diff`, a command.
    Diff: command(
        "diff",
        "print as rules what has changed since FILE or standard input: rules, JSON, \
         keepalived.conf or ldirectord.cf",
    ).optional("FILE");
    /// `--doctor`, a command.
    Doctor: command(
        "doctor",
        "find out why this balancer, or one service, does not work, and print what mends it",
    );
    /// `--top`, a command.
    Top: command("top", "show services and real servers live: rates, shares, states; ? shows the keys");
    /// `-h`, a command.
    Help: command("help", "show this help").short('h');
    /// `-v`, a command.
    Version: command("version", "show the version").short('v');

    /// `-t`
    TcpService: service("tcp-service", "the TCP service at this address")
        .short('t').value("ADDRESS");
    /// `-u`
    UdpService: service("udp-service", "the UDP service at this address")
        .short('u').value("ADDRESS");
    /// `--sctp-service`
    SctpService: service("sctp-service", "the SCTP service at this address").value("ADDRESS");
    /// `-f`
    FwmarkService: service(
        "fwmark-service",
        "the service for packets with this firewall mark: 1 to 4294967295",
    ).short('f').value("MARK");
    /// `-6`
    Ipv6: service("ipv6", "with -f: the service for IPv6 packets")
        .short('6').repeat(Repeat::Freely);

    /// `-s`
    Scheduler: setup("scheduler", "scheduler, such as rr, wrr, lc, sh or mh (default wlc)")
        .short('s').value("NAME");
    /// `-p`
    Persistent: setup(
        "persistent",
        "keep each client on one real server until SECONDS after its last connection: 1 to \
         2678400 (default 360)",
    ).short('p').optional("SECONDS");
    /// `-M`
    Netmask: setup(
        "netmask",
        "with -p: treat all clients of a network as one; for IPv6, a prefix length of 1 to 128",
    ).short('M').value("MASK");
    /// `-o`
    Ops: setup("ops", "one-packet scheduling: schedule each UDP packet on its own").short('o');
    /// `--pe`
    Pe: setup("pe", "persistence engine, such as sip").value("NAME");
    /// `-b`
    SchedFlags: setup(
        "sched-flags",
        "scheduler flags, separated by commas: flag-1 flag-2 flag-3; for sh, sh-fallback sh-port; \
         for mh, mh-fallback mh-port",
    ).short('b').value("FLAGS");

    /// `-r`
    RealServer: server("real-server", "address of the real server (default port: the service's)")
        .short('r').value("ADDRESS").with(SERVER.and(LIST).and(TAKE_OUT));
    /// `-g`
    Gatewaying: server("gatewaying", "direct routing (the default)")
        .short('g').with(FORWARD).repeat(Repeat::OneForwarding);
    /// `-i`
    Ipip: server("ipip", "tunneling").short('i').with(FORWARD).repeat(Repeat::OneForwarding);
    /// `-m`
    Masquerading: server("masquerading", "masquerading (NAT)")
        .short('m').with(FORWARD).repeat(Repeat::OneForwarding);
    /// `-w`
    Weight: server(
        "weight",
        "share of connections relative to the other servers: 0 to 2147483647 (default 1)",
    ).short('w').value("WEIGHT");
    /// `-x`
    UThreshold: server(
        "u-threshold",
        "upper threshold: no new connections at this many; 0 to 2147483647 (default 0: no limit)",
    ).short('x').value("COUNT");
    /// `-y`
    LThreshold: server(
        "l-threshold",
        "lower threshold: new connections again below this many; 0 to 2147483647 (default 0: \
         three quarters of the upper)",
    ).short('y').value("COUNT");

    /// `--tun-type`
    TunType: tunnel("tun-type", "type of tunnel: ipip (the default), gue or gre").value("TYPE");
    /// `--tun-port`
    TunPort: tunnel("tun-port", "with gue: UDP port, 1 to 65535").value("PORT");
    /// `--tun-nocsum`
    TunNocsum: tunnel("tun-nocsum", "with gue or gre: no checksum (the default)");
    /// `--tun-csum`
    TunCsum: tunnel("tun-csum", "with gue or gre: checksum");
    /// `--tun-remcsum`
    TunRemcsum: tunnel("tun-remcsum", "with gue: remote checksum offload");

    /// `-c`
    Connection: listing("connection", "list connections").short('c');
    /// `--timeout`
    Timeout: listing(
        "timeout",
        "list connection timeouts; with --drain, --kick: wait at most SECONDS, 0 not at all",
    ).optional("SECONDS").with(LIST.and(DRAIN)).value_with(DRAIN);
    /// `--daemon`
    Daemon: listing("daemon", "list sync daemons");
    /// `--status`
    Status: listing("status", "show the state of IPVS: connections, tables, defence, sync");
    /// `--stats`
    Stats: listing("stats", "show totals of connections, packets and bytes");
    /// `--rate`
    Rate: listing("rate", "show connections, packets and bytes per second");
    /// `--thresholds`
    Thresholds: listing("thresholds", "show connection thresholds");
    /// `--persistent-conn`
    PersistentConn: listing(
        "persistent-conn",
        "show persistent connections; with -c, persistence engine data",
    );
    /// `--tun-info`
    TunInfo: listing("tun-info", "show tunnel types");
    /// `-X`
    Exact: listing("exact", "show numbers in full, not shortened to K, M, G or T").short('X');
    /// `-n`
    Numeric: listing("numeric", "show addresses and ports as numbers, not names")
        .short('n').with(SHOW.and(TOP));
    /// `--nosort`
    Nosort: listing("nosort", "keep the kernel's order");
    /// `--sort`
    Sort: listing("sort", "sort the listing (the default; accepted by every command)")
        .with(CommandSet::ALL).repeat(Repeat::Freely);

    /// `--client`
    Client: listing("client", "with -c: only connections from this address or network")
        .value("ADDRESS[/LENGTH]");
    /// `--state`
    State: listing("state", "with -c: only connections in this state, such as ESTABLISHED")
        .value("NAME");
    /// `--by`
    By: listing("by", "with -c: count connections by client, server, service or state")
        .value("WHAT");
    /// `--origin`
    Origin: listing("origin", "with -c: show whether connections were made here or synchronized");

    /// `--format`
    Format: listing(
        "format",
        "classic (the default) or json; for a list of services also table or prometheus",
    ).value("FORMAT").with(PRINT);
    /// `--json`
    Json: listing("json", "the same as --format json; --apply reads what -S --json prints")
        .with(JSON);
    /// `--all`
    All: listing("all", "with -S: save settings, timeouts and sync daemons too")
        .with(CommandSet::of(&[Save]));

    /// `--until`
    Until: operation(
        "until",
        "with --drain: wait for active connections (the default; not for UDP) or for all",
    ).value("active|all").with(CommandSet::of(&[Drain]));
    /// `--then`
    Then: operation(
        "then",
        "afterwards, keep the server (the default) or remove it; with --drain also kick: end what \
         is left",
    ).value("keep|remove|kick").with(DRAIN);
    /// `--force`
    Force: operation(
        "force",
        "even where clients would be refused, or a weight is overwritten that others have set",
    ).with(TAKE_OUT);
    /// `--over`
    Over: operation("over", "with --ramp: the time until the last step: 0.1 to 2678400")
        .value("SECONDS").with(RAMP);
    /// `--steps`
    Steps: operation(
        "steps",
        "with --ramp: the number of steps, at most ten a second (default: one for each unit of \
         weight, at most one a second)",
    ).value("COUNT").with(RAMP);
    /// `--interval`
    Interval: operation(
        "interval",
        "with --monitor, --top: the time between two readings: 0.1 to 2678400 (default 1; with \
         --top, 2)",
    ).value("SECONDS").with(MONITOR.and(TOP));
    /// `--for`
    For: operation(
        "for",
        "with --monitor: end after this time; with --doctor: watch counters for this time (default \
         3); 0.1 to 2678400",
    ).value("SECONDS").with(MONITOR.and(DOCTOR));
    /// `--counters`
    Counters: operation("counters", "with --monitor: print what counters grow by, too")
        .with(MONITOR);

    /// `--probe`
    Probe: doctor("probe", "also send ARP requests, and connect to real servers");
    /// `--server-side`
    ServerSide: doctor(
        "server-side",
        "examine this host as a real server of the service; needs -g, -i or -m",
    );
    /// `--director`
    Director: doctor(
        "director",
        "with --server-side: an address of the director; routes (-m) or interfaces (-g) towards \
         it are checked",
    ).value("ADDRESS");
    /// `--facts`
    Facts: doctor("facts", "examine what FILE says instead of this host; - is standard input")
        .value("FILE");
    /// `--save-facts`
    SaveFacts: doctor("save-facts", "write what was seen to FILE, for --facts; - is standard output")
        .value("FILE");

    /// `--read-only`
    ReadOnly: top("read-only", "offer no key that changes something");
    /// `--ascii`
    Ascii: top("ascii", "draw with ASCII alone (the default unless the locale is UTF-8)");
    /// `--record`
    Record: top("record", "write every reading to FILE, for --replay").value("FILE");
    /// `--replay`
    Replay: top(
        "replay",
        "show what FILE has recorded; a time of day, such as 03:00, says where to begin",
    ).value("FILE");
    /// `--batch`
    Batch: top("batch", "print instead of drawing, COUNT times, as in --batch -n 10, or until interrupted");

    /// `--dry-run`
    DryRun: program(
        "dry-run",
        "check the command, and print its changes as rules without making them",
    ).with(WRITE);
    /// `--keep-weights`
    KeepWeights: program("keep-weights", "with --apply: keep the weights of existing real servers")
        .with(CommandSet::of(&[Apply]));
    /// `--keep`
    Keep: program("keep", "with -E, -e: keep every setting that is not given")
        .with(CommandSet::of(&[EditService, EditServer]));
    /// `--allow-empty`
    AllowEmpty: program(
        "allow-empty",
        "with --apply: accept input without any service, which empties the table",
    ).with(CommandSet::of(&[Apply]));
    /// `--wait`
    Wait: program(
        "wait",
        "wait at most this long for another command that changes the table (default: no limit)",
    ).value("SECONDS").with(TABLE);
    /// `--netns`
    Netns: program("netns", "work in this network namespace: a name, a path or a process ID")
        .value("NAMESPACE").with(KERNEL);
    /// `--no-load`
    NoLoad: program(
        "no-load",
        "with -L, -S, --monitor, --diff, --doctor, --top: fail if IPVS is not loaded, instead of loading it",
    ).with(READ);

    /// `--mcast-interface`
    McastInterface: daemon("mcast-interface", "multicast interface (default eth0)").value("NAME");
    /// `--syncid`
    Syncid: daemon("syncid", "ID of the sync group: 0 to 255 (default 0, which receives from all)")
        .value("ID").with(START.and(CommandSet::of(&[StopDaemon, List])));
    /// `--sync-maxlen`
    SyncMaxlen: daemon("sync-maxlen", "maximum length of a message: 1 to 65507").value("BYTES");
    /// `--mcast-group`
    McastGroup: daemon("mcast-group", "multicast group (default 224.0.0.81)").value("ADDRESS");
    /// `--mcast-port`
    McastPort: daemon("mcast-port", "UDP port: 1 to 65535 (default 8848)").value("PORT");
    /// `--mcast-ttl`
    McastTtl: daemon("mcast-ttl", "time to live: 1 to 255 (default 1)").value("HOPS");
}

/// The options by the letter of their short form.
pub(super) static LETTERS: [Option<OptionId>; 128] = letters(OPTIONS);
