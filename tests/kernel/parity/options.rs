//! The options that both programs have, from our option table, each with valid values.

use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;

use ipvs::rules::grammar::{Group, OPTIONS, OptionId, OptionSpec, Scanner, Token, ValueKind};
use ipvs::{Change, DestinationConfig, DestinationKey, Forwarding, ServiceConfig, ServiceKey};

use super::pair::Line;

/// The long names of the options that only our program has. This is the one place to list them.
const OURS_ONLY: &[&str] = &[
    "apply",
    "format",
    "json",
    "all",
    "dry-run",
    "keep",
    "keep-weights",
    "allow-empty",
    "wait",
    "netns",
    "no-load",
    "settings",
    "status",
    "client",
    "state",
    "by",
    "origin",
    "drain",
    "undrain",
    "kick",
    "until",
    "then",
    "force",
    "ramp",
    "over",
    "steps",
    "monitor",
    "interval",
    "for",
    "counters",
    "diff",
    "top",
    "read-only",
    "ascii",
    "record",
    "replay",
    "batch",
    "doctor",
    "probe",
    "server-side",
    "director",
    "facts",
    "save-facts",
];

/// True for listings that only our program has: by an address, and the connections of a service.
/// docs/differences.md says so, with a test.
pub(crate) fn lists_more_here(line: &Line) -> bool {
    let (mut lists, mut connections, mut service, mut address) = (false, false, false, false);
    for token in Scanner::new(line.words.iter().map(|word| word.as_bytes())) {
        match token {
            Ok(Token::Option { option: OptionId::List, .. }) => lists = true,
            Ok(Token::Option { option: OptionId::Connection, .. }) => connections = true,
            Ok(Token::Option { option: OptionId::RealServer, .. } | Token::Word(_)) => {
                address = true
            }
            Ok(Token::Option { option, .. }) => service |= option.spec().group == Group::Service,
            Err(_) => break,
        }
    }
    lists && (address || connections && service)
}

/// The options that the reference has.
pub(crate) fn shared() -> impl Iterator<Item = &'static OptionSpec> {
    OPTIONS.iter().filter(|row| !OURS_ONLY.contains(&row.long))
}

/// The reference's commands, without help and version.
pub(crate) fn commands() -> impl Iterator<Item = OptionId> {
    shared()
        .map(|row| row.id)
        .filter(|id| id.is_command() && !matches!(id, OptionId::Help | OptionId::Version))
}

/// The table that lines are run on.
pub(crate) fn table() -> Vec<Change> {
    let service = |text: &str| ServiceKey::tcp(text.parse::<SocketAddr>().expect("an address"));
    let server = |text: &str| DestinationKey::from(text.parse::<SocketAddr>().expect("an address"));
    let masquerade = DestinationConfig { forwarding: Forwarding::Masquerade, ..Default::default() };
    let config = ServiceConfig::default();
    vec![
        Change::AddService(service("10.0.0.1:80"), config),
        Change::AddDestination(service("10.0.0.1:80"), server("10.1.0.1:80"), masquerade),
        Change::AddDestination(service("10.0.0.1:80"), server("10.1.0.2:8080"), masquerade),
        Change::AddService(service("[2001:db8::1]:80"), config),
        Change::AddDestination(
            service("[2001:db8::1]:80"),
            server("[2001:db8:1::1]:80"),
            masquerade,
        ),
    ]
}

/// A command with what it needs to succeed on [`table`].
pub(crate) fn complete(command: OptionId) -> Line {
    Line::split(match command {
        OptionId::AddService => "-A -t 10.0.0.2:80",
        OptionId::EditService => "-E -t 10.0.0.1:80",
        OptionId::DeleteService => "-D -t 10.0.0.1:80",
        OptionId::Clear => "-C",
        OptionId::Restore => "-R",
        OptionId::Save => "-S",
        OptionId::AddServer => "-a -t 10.0.0.1:80 -r 10.1.0.3:80",
        OptionId::EditServer => "-e -t 10.0.0.1:80 -r 10.1.0.1:80",
        OptionId::DeleteServer => "-d -t 10.0.0.1:80 -r 10.1.0.1:80",
        OptionId::List => "-L",
        OptionId::Zero => "-Z",
        OptionId::Set => "--set 10 20 30",
        OptionId::StartDaemon => "--start-daemon master --mcast-interface d0",
        OptionId::StopDaemon => "--stop-daemon master",
        other => panic!("say here what {other} needs, or in OURS_ONLY that the reference lacks it"),
    })
}

/// A valid value of the option; `None` if it takes none.
pub(crate) fn sample(option: &OptionSpec) -> Option<&'static str> {
    // The timeout has one with commands that only our program has.
    if option.value == ValueKind::None || option.id == OptionId::Timeout {
        return None;
    }
    Some(match option.id {
        OptionId::Set => "10",
        OptionId::StartDaemon | OptionId::StopDaemon => "backup",
        OptionId::TcpService | OptionId::UdpService | OptionId::SctpService => "10.0.0.3:443",
        OptionId::FwmarkService => "7",
        OptionId::Scheduler => "rr",
        OptionId::Persistent => "60",
        OptionId::Netmask => "255.255.255.0",
        OptionId::Pe => "sip",
        OptionId::SchedFlags => "flag-1",
        OptionId::RealServer => "10.1.0.9:90",
        OptionId::Weight => "5",
        OptionId::UThreshold => "100",
        OptionId::LThreshold => "50",
        OptionId::TunType => "gue",
        OptionId::TunPort => "6080",
        OptionId::McastInterface => "d0",
        OptionId::Syncid => "7",
        OptionId::SyncMaxlen => "1400",
        OptionId::McastGroup => "224.0.0.99",
        OptionId::McastPort => "9000",
        OptionId::McastTtl => "3",
        other => {
            panic!("say here a value for {other}, or in OURS_ONLY that the reference lacks it")
        }
    })
}

/// The option in its long form.
pub(crate) fn long(option: &OptionSpec) -> String {
    format!("--{}", option.long)
}

/// The words of an option: its name, short if it has one, and its value.
pub(crate) fn given(option: &OptionSpec) -> Vec<String> {
    let name = option.short.map_or_else(|| long(option), |letter| format!("-{letter}"));
    std::iter::once(name).chain(sample(option).map(str::to_owned)).collect()
}

/// The line with these words added.
pub(crate) fn with(line: &Line, words: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Line {
    let mut line = line.clone();
    line.words.extend(Line::of(words).words);
    line
}
