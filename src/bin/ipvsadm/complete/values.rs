//! The values that an option may have.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;

use clap_complete::engine::CompletionCandidate;
use ipvs::rules::grammar::{ConnectionState, OptionId, OptionSpec, SCHEDULERS, Token};
use ipvs::{AddressFamily, Client, Namespace, Protocol, Service, ServiceKey, Setting};

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
        option_of(key) == Some(*option)
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
    /// These words.
    Words(&'static [&'static str]),
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
            OptionId::StartDaemon | OptionId::StopDaemon => Values::Words(&["master", "backup"]),
            OptionId::Pe => Values::Words(&["sip"]),
            OptionId::TunType => Values::Words(&["ipip", "gue", "gre"]),
            OptionId::Format => Values::Words(&["classic", "table", "json", "prometheus"]),
            OptionId::By => Values::Words(&["client", "server", "service", "state"]),
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
            Values::SchedulerFlags => words(scheduler_flags(typed.scheduler.as_deref())),
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
                words(ConnectionState::ALL).into_iter().filter(is_name).collect()
            }
            Values::Files => Vec::new(),
            Values::Words(list) => words(list),
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

fn words(list: &[&'static str]) -> Vec<CompletionCandidate> {
    list.iter().copied().map(CompletionCandidate::new).collect()
}

fn scheduler_flags(scheduler: Option<&str>) -> &'static [&'static str] {
    match scheduler {
        Some("sh") => &["sh-fallback", "sh-port", "sh-fallback,sh-port"],
        Some("mh") => &["mh-fallback", "mh-port", "mh-fallback,mh-port"],
        _ => &["sh-fallback", "sh-port", "mh-fallback", "mh-port", "flag-1", "flag-2", "flag-3"],
    }
}

/// The option that names a service with this key.
fn option_of(key: &ServiceKey) -> Option<OptionId> {
    Some(match key {
        ServiceKey::Address { protocol: Protocol::Tcp, .. } => OptionId::TcpService,
        ServiceKey::Address { protocol: Protocol::Udp, .. } => OptionId::UdpService,
        ServiceKey::Address { protocol: Protocol::Sctp, .. } => OptionId::SctpService,
        ServiceKey::FirewallMark { .. } => OptionId::FwmarkService,
        ServiceKey::Address { .. } => return None,
    })
}

/// The value of that option.
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
    keys.retain(|service| option_of(&service.key) == Some(option));
    keys.sort_by_key(|service| service.key);
    keys.iter()
        .map(|service| candidate(text_of(&service.key), service.config.scheduler.to_string()))
        .collect()
}

/// The servers of the service that is named; without one, or for `-a`, those of the others.
fn servers(typed: &Typed) -> Option<Vec<CompletionCandidate>> {
    let mut client = typed.connect()?;
    let services = client.services().ok()?;
    let named = services.iter().find(|service| typed.is_service(&service.key));
    let mut found = BTreeSet::new();
    match named {
        Some(service) if typed.command != Some(OptionId::AddServer) => {
            found.extend(client.destinations(&service.key).ok()?.iter().map(|server| server.key));
        }
        _ => {
            for service in &services {
                found.extend(
                    client.destinations(&service.key).ok()?.iter().map(|server| server.key),
                );
            }
            if let Some(service) = named {
                for server in client.destinations(&service.key).ok()? {
                    found.remove(&server.key);
                }
            }
        }
    }
    let text = |key: ipvs::DestinationKey| SocketAddr::new(key.address, key.port).to_string();
    Some(found.into_iter().map(text).map(CompletionCandidate::new).collect())
}

fn namespaces() -> Vec<CompletionCandidate> {
    let folders = ["/run/netns", "/run/docker/netns"];
    let names: BTreeSet<String> = folders.into_iter().flat_map(names_in).collect();
    names.into_iter().map(CompletionCandidate::new).collect()
}

fn names_in(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort_unstable();
    names
}
