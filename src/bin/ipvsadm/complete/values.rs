//! The values that an option may have.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;

use clap_complete::engine::CompletionCandidate;
use ipvs::rules::grammar::{
    ConnectionState, CountBy, Format, OptionId, OptionSpec, SCHEDULERS, Token, TunnelKind,
};
use ipvs::{
    AddressFamily, Client, DestinationKey, Namespace, SchedulerFlags, Service, ServiceKey, Setting,
};

use crate::kernel::connect::is_loaded;

/// What the finished words say.
#[derive(Debug, Clone, Default)]
pub(super) struct Typed {
    /// The command.
    pub(super) command: Option<OptionId>,
    /// The option that names the service, with its value.
    service: Option<(OptionId, String)>,
    is_ipv6: bool,
    namespace: Option<String>,
    scheduler: Option<String>,
}

impl Typed {
    /// What these tokens say. The first of each counts.
    pub(super) fn of(tokens: &[Token<'_>]) -> Typed {
        let mut typed = Typed::default();
        for token in tokens {
            let Token::Option { option, value } = token else { continue };
            let value = value.map(|value| String::from_utf8_lossy(value).into_owned());
            match option {
                option if option.is_command() => {
                    typed.command.get_or_insert(*option);
                }
                OptionId::TcpService
                | OptionId::UdpService
                | OptionId::SctpService
                | OptionId::FwmarkService => {
                    typed.service = typed.service.or(value.map(|value| (*option, value)));
                }
                OptionId::Ipv6 => typed.is_ipv6 = true,
                OptionId::Netns => typed.namespace = typed.namespace.or(value),
                OptionId::Scheduler => typed.scheduler = typed.scheduler.or(value),
                _ => {}
            }
        }
        typed
    }

    /// A client where IPVS is: completing a line must not load it.
    fn connect(&self) -> Option<Client> {
        if let Some(namespace) = &self.namespace {
            Namespace::find(namespace).ok()?.enter().ok()?;
        }
        if is_loaded() { Client::new().ok() } else { None }
    }

    fn is_service(&self, key: &ServiceKey) -> bool {
        let Some((option, text)) = &self.service else { return false };
        OptionId::of_service(key) == Some(*option)
            && text_of(key) == *text
            && (self.is_ipv6 == (key.family() == AddressFamily::V6)
                || *option != OptionId::FwmarkService)
    }
}

/// The kinds of values that can be completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Values {
    /// Virtual services that this option can name.
    Services(OptionId),
    /// Real servers.
    Servers,
    Schedulers,
    SchedulerFlags,
    Namespaces,
    Interfaces,
    Settings,
    States,
    Files,
    Roles,
    Engines,
    Tunnels,
    Formats,
    /// What connections are counted by.
    Counts,
    /// The words of this text, which `|` separates.
    OneOf(&'static str),
}

impl Values {
    /// The values of an option. `None` for numbers and names that can be anything.
    pub(super) fn of(row: &OptionSpec) -> Option<Values> {
        Some(match row.id {
            OptionId::TcpService
            | OptionId::UdpService
            | OptionId::SctpService
            | OptionId::FwmarkService => Values::Services(row.id),
            OptionId::RealServer => Values::Servers,
            OptionId::Scheduler => Values::Schedulers,
            OptionId::SchedFlags => Values::SchedulerFlags,
            OptionId::Netns => Values::Namespaces,
            OptionId::McastInterface => Values::Interfaces,
            OptionId::State => Values::States,
            OptionId::StartDaemon | OptionId::StopDaemon => Values::Roles,
            OptionId::Pe => Values::Engines,
            OptionId::TunType => Values::Tunnels,
            OptionId::Format => Values::Formats,
            OptionId::By => Values::Counts,
            OptionId::Apply | OptionId::Diff | OptionId::Facts | OptionId::SaveFacts => {
                Values::Files
            }
            _ if row.value_name.contains('|') => Values::OneOf(row.value_name),
            _ => return None,
        })
    }

    /// The values, where `typed` precedes them.
    pub(super) fn candidates(self, typed: &Typed) -> Vec<CompletionCandidate> {
        match self {
            Values::Services(option) => services(option, typed),
            Values::Servers => servers(typed).unwrap_or_default(),
            Values::Schedulers => SCHEDULERS
                .iter()
                .map(|known| candidate(known.name, known.summary.to_owned()))
                .collect(),
            Values::SchedulerFlags => scheduler_flags(typed.scheduler.as_deref()),
            Values::Namespaces => namespaces(),
            Values::Interfaces => names_in("/sys/class/net").into_iter().map(Into::into).collect(),
            Values::Settings => Setting::known()
                .map(|setting| {
                    let help = setting.description().unwrap_or_default().to_owned();
                    candidate(format!("{setting}="), help)
                })
                .collect(),
            Values::States => {
                // The last two stand where the kernel has no name.
                words(ConnectionState::ALL.iter().copied()).into_iter().filter(is_name).collect()
            }
            Values::Files => Vec::new(),
            Values::Roles => words(["master", "backup"]),
            Values::Engines => words(["sip"]),
            Values::Tunnels => words(TunnelKind::ALL.map(TunnelKind::name)),
            Values::Formats => words(Format::ALL.map(Format::name)),
            Values::Counts => words(CountBy::ALL.iter().map(|(name, _)| *name)),
            Values::OneOf(text) => text.split('|').map(CompletionCandidate::new).collect(),
        }
    }
}

fn is_name(candidate: &CompletionCandidate) -> bool {
    !candidate.get_value().to_string_lossy().ends_with('!')
}

fn candidate(value: impl Into<String>, help: String) -> CompletionCandidate {
    CompletionCandidate::new(value.into()).help((!help.is_empty()).then(|| help.into()))
}

fn words(list: impl IntoIterator<Item = &'static str>) -> Vec<CompletionCandidate> {
    list.into_iter().map(CompletionCandidate::new).collect()
}

/// The flags of this scheduler, alone and together; of no known one, whatever any has.
fn scheduler_flags(scheduler: Option<&str>) -> Vec<CompletionCandidate> {
    let all = SchedulerFlags::from_bits_truncate(!0);
    let with_names = ["sh", "mh"];
    match scheduler.filter(|scheduler| with_names.contains(scheduler)) {
        Some(scheduler) => {
            let names: Vec<&str> = all.names(scheduler).collect();
            let together = names.join(",");
            names.into_iter().map(str::to_owned).chain([together]).map(Into::into).collect()
        }
        None => {
            let named = with_names.into_iter().flat_map(|scheduler| all.names(scheduler));
            words(named.chain(all.names("")))
        }
    }
}

/// The value of the option that names a service.
fn text_of(key: &ServiceKey) -> String {
    match key {
        ServiceKey::Address { address, port, .. } => SocketAddr::new(*address, *port).to_string(),
        ServiceKey::FirewallMark { mark, .. } => mark.to_string(),
    }
}

fn services(option: OptionId, typed: &Typed) -> Vec<CompletionCandidate> {
    // A new service is one that is not there.
    if typed.command == Some(OptionId::AddService) {
        return Vec::new();
    }
    let services = typed.connect().and_then(|mut client| client.services().ok());
    let mut keys: Vec<Service> = services.unwrap_or_default();
    keys.retain(|service| OptionId::of_service(&service.key) == Some(option));
    keys.sort_by_key(|service| service.key);
    keys.iter()
        .map(|service| candidate(text_of(&service.key), service.config.scheduler.to_string()))
        .collect()
}

/// The servers of the service that is named; without one, or for `-a`, those of the others.
fn servers(typed: &Typed) -> Option<Vec<CompletionCandidate>> {
    let mut client = typed.connect()?;
    let services = client.services().ok()?;
    let named = services.iter().map(|service| service.key).find(|key| typed.is_service(key));
    let own: BTreeSet<DestinationKey> = match named {
        Some(service) => keys(&mut client, &service)?.collect(),
        None => BTreeSet::new(),
    };
    let mut found = own.clone();
    if named.is_none() || typed.command == Some(OptionId::AddServer) {
        for service in services.iter().filter(|service| Some(service.key) != named) {
            found.extend(keys(&mut client, &service.key)?);
        }
        found.retain(|server| !own.contains(server));
    }
    Some(found.iter().map(DestinationKey::to_string).map(CompletionCandidate::new).collect())
}

fn keys(
    client: &mut Client,
    service: &ServiceKey,
) -> Option<impl Iterator<Item = DestinationKey> + use<>> {
    Some(client.destinations(service).ok()?.into_iter().map(|server| server.key))
}

fn namespaces() -> Vec<CompletionCandidate> {
    let names: BTreeSet<String> = Namespace::FOLDERS.into_iter().flat_map(names_in).collect();
    names.into_iter().map(CompletionCandidate::new).collect()
}

fn names_in(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort_unstable();
    names
}
