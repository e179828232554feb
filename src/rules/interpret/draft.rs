//! A command in the making: its options and their values, read one by one.

use std::ffi::OsStr;
use std::net::IpAddr;
use std::num::{NonZeroU8, NonZeroU16, NonZeroU32};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use super::option_set::OptionSet;
use crate::rules::address::Endpoint;
use crate::rules::connection::{ConnectionState, CountBy, Network};
use crate::rules::error::UsageError;
use crate::rules::format::Format;
use crate::rules::number;
use crate::rules::operation::{Then, Until};
use crate::rules::options::{Group, OptionId, Repeat};
use crate::rules::resolve::Resolve;
use crate::rules::scanner::{SyntaxError, Token};
use crate::rules::tunnel::TunnelKind;
use crate::rules::value::{self, read, read_number};
use crate::rules::value_error::ValueError;
use crate::{AddressFamily, DaemonRole, Name, Persistence, Protocol, ServiceKey};

/// A real server, which may still have names in it.
#[derive(Debug, Clone, Copy)]
pub(super) enum RealServer<'a> {
    /// Its names can be looked up only once the service is known.
    Written(&'a [u8], Endpoint<'a>),
    Known(IpAddr, Option<u16>),
}

/// A command in the making: the options read so far.
#[derive(Debug, Default)]
pub(super) struct Draft<'a> {
    pub(super) command: Option<OptionId>,
    pub(super) given: OptionSet,
    /// The option that chose the service, and the service. A firewall mark is IPv4 until the end.
    pub(super) service: Option<(OptionId, ServiceKey)>,
    pub(super) real_server: Option<RealServer<'a>>,
    pub(super) forwarding: Option<OptionId>,
    pub(super) scheduler: Option<Name>,
    pub(super) flags: Option<&'a [u8]>,
    pub(super) persistence: Option<u32>,
    pub(super) netmask: Option<&'a [u8]>,
    pub(super) engine: Option<Name>,
    pub(super) weight: Option<u32>,
    pub(super) upper: Option<u32>,
    pub(super) lower: Option<u32>,
    pub(super) tunnel: Option<TunnelKind>,
    pub(super) tunnel_port: Option<NonZeroU16>,
    pub(super) role: Option<DaemonRole>,
    /// The interface; `Some(None)` for an empty name.
    pub(super) interface: Option<Option<Name>>,
    pub(super) sync_id: u8,
    pub(super) sync_length: Option<NonZeroU16>,
    pub(super) group: Option<IpAddr>,
    pub(super) multicast_port: Option<NonZeroU16>,
    pub(super) ttl: Option<NonZeroU8>,
    pub(super) client: Option<Network>,
    pub(super) state: Option<ConnectionState>,
    pub(super) count_by: Option<CountBy>,
    pub(super) until: Option<Until>,
    pub(super) then: Option<Then>,
    /// `--timeout`, where it has a value.
    pub(super) timeout: Option<u32>,
    pub(super) format: Format,
    pub(super) wait: Option<u32>,
    pub(super) over: Option<Duration>,
    pub(super) steps: Option<NonZeroU32>,
    pub(super) interval: Option<Duration>,
    pub(super) length: Option<Duration>,
    pub(super) director: Option<IpAddr>,
    pub(super) facts: Option<&'a [u8]>,
    pub(super) save_facts: Option<&'a [u8]>,
    pub(super) record: Option<&'a [u8]>,
    pub(super) replay: Option<&'a [u8]>,
    pub(super) namespace: Option<&'a str>,
    pub(super) file: Option<&'a [u8]>,
    /// The words that belong to no option: as many as hardly any command exceeds, their number, and
    /// the rest.
    pub(super) words: [&'a [u8]; 4],
    pub(super) word_count: usize,
    pub(super) more_words: Vec<&'a [u8]>,
}

impl<'a> Draft<'a> {
    /// Reads all tokens and returns the command. The rest is not read after help and version, which
    /// never fail.
    pub(super) fn read<R: Resolve + ?Sized>(
        &mut self,
        tokens: impl IntoIterator<Item = Result<Token<'a>, SyntaxError<'a>>>,
        names: &mut R,
    ) -> Result<OptionId, UsageError> {
        for token in tokens {
            match token {
                Ok(Token::Word(word)) => self.word(word),
                Ok(Token::Option { option, value }) => match self.command {
                    Some(first) if option.is_command() => {
                        return Err(UsageError::SecondCommand { first, second: option });
                    }
                    Some(_) => self.option(option, value, names)?,
                    // Unlike the options of ipvsadm 1.31, these need not follow the command.
                    None if option.spec().group == Group::Program => {
                        self.option(option, value, names)?;
                    }
                    None => match option {
                        OptionId::Help | OptionId::Version => return Ok(option),
                        _ => self.command(option, value)?,
                    },
                },
                Err(error) if self.command.is_none() => {
                    return Err(UsageError::BadCommand(Box::new(error.into())));
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.command.ok_or_else(|| match self.given.first() {
            Some(option) => UsageError::BeforeCommand(option),
            None => UsageError::NoCommand,
        })
    }

    fn word(&mut self, word: &'a [u8]) {
        match self.words.get_mut(self.word_count) {
            Some(place) => *place = word,
            None => self.more_words.push(word),
        }
        self.word_count += 1;
    }

    fn command(&mut self, option: OptionId, value: Option<&'a [u8]>) -> Result<(), UsageError> {
        if !option.is_command() {
            return Err(UsageError::BeforeCommand(option));
        }
        match (option, value) {
            (OptionId::Apply | OptionId::Diff, file) => self.file = file,
            (_, Some(value)) => self.role = Some(read(option, value, value::daemon_role)?),
            (_, None) => {}
        }
        self.command = Some(option);
        Ok(())
    }

    fn option<R: Resolve + ?Sized>(
        &mut self,
        option: OptionId,
        value: Option<&'a [u8]>,
        names: &mut R,
    ) -> Result<(), UsageError> {
        self.allow(option)?;
        let (value, bare) = (value.unwrap_or_default(), value.is_none());
        let number = |range| read_number(option, value, range);
        match option {
            OptionId::TcpService => self.service(option, value, Protocol::Tcp, names)?,
            OptionId::UdpService => self.service(option, value, Protocol::Udp, names)?,
            OptionId::SctpService => self.service(option, value, Protocol::Sctp, names)?,
            OptionId::FwmarkService => {
                let mark = number(number::FIREWALL_MARK)?;
                let mark = NonZeroU32::new(mark).unwrap_or(NonZeroU32::MIN);
                self.service = Some((option, ServiceKey::firewall_mark(mark, AddressFamily::V4)));
            }
            OptionId::Ipv6 => {
                if let Some((first, ServiceKey::Address { .. })) = self.service {
                    return Err(UsageError::Conflict { first, second: option });
                }
            }
            OptionId::RealServer => {
                let endpoint = read(option, value, Endpoint::parse)?;
                self.real_server = Some(match self.service {
                    Some((_, key @ ServiceKey::Address { .. })) => {
                        real_server(value, endpoint, key, names)?
                    }
                    _ => RealServer::Written(value, endpoint),
                });
            }
            OptionId::Scheduler => self.scheduler = value::name(value),
            OptionId::SchedFlags => self.flags = Some(value),
            OptionId::Persistent => {
                self.persistence = Some(match bare {
                    true => Persistence::DEFAULT_TIMEOUT_SECONDS,
                    false => number(number::PERSISTENCE)?,
                });
            }
            OptionId::Netmask => {
                let known = match self.service {
                    _ if self.given.has(OptionId::Ipv6) => Some(AddressFamily::V6),
                    Some((_, key @ ServiceKey::Address { .. })) => Some(key.family()),
                    _ => None,
                };
                let fits = |family| value::netmask(value, family);
                let result = match known {
                    Some(family) => fits(family),
                    None => fits(AddressFamily::V4).or_else(|_| fits(AddressFamily::V6)),
                };
                read(option, value, |_| result)?;
                self.netmask = Some(value);
            }
            OptionId::Pe => self.engine = value::name(value),
            OptionId::Weight => self.weight = Some(number(number::COUNT)?),
            OptionId::UThreshold => self.upper = Some(number(number::COUNT)?),
            OptionId::LThreshold => self.lower = Some(number(number::COUNT)?),
            OptionId::TunType => self.tunnel = Some(read(option, value, value::tunnel_kind)?),
            OptionId::TunPort => {
                self.tunnel_port = NonZeroU16::new(number(number::TUNNEL_PORT)? as u16);
            }
            OptionId::McastInterface => self.interface = Some(value::name(value)),
            OptionId::Syncid => self.sync_id = number(number::SYNC_ID)? as u8,
            OptionId::SyncMaxlen => {
                self.sync_length = NonZeroU16::new(number(number::SYNC_LENGTH)? as u16);
            }
            OptionId::McastGroup => self.group = Some(read(option, value, value::multicast_group)?),
            OptionId::McastPort => {
                self.multicast_port = NonZeroU16::new(number(number::MULTICAST_PORT)? as u16);
            }
            OptionId::McastTtl => self.ttl = NonZeroU8::new(number(number::TTL)? as u8),
            OptionId::Client => {
                self.client = Some(read(option, value, |value| Network::parse(value, names))?);
            }
            OptionId::State => self.state = Some(read(option, value, ConnectionState::parse)?),
            OptionId::By => self.count_by = Some(read(option, value, CountBy::parse)?),
            OptionId::Until => self.until = Some(read(option, value, Until::parse)?),
            OptionId::Then => self.then = Some(read(option, value, Then::parse)?),
            OptionId::Timeout if self.command != Some(OptionId::List) && !bare => {
                self.timeout = Some(number(number::WAIT)?);
            }
            OptionId::Format => self.format = read(option, value, value::format)?,
            OptionId::Wait => self.wait = Some(number(number::WAIT)?),
            OptionId::Over => self.over = Some(read(option, value, value::seconds)?),
            OptionId::Steps => self.steps = NonZeroU32::new(number(number::STEPS)?),
            OptionId::Interval => self.interval = Some(read(option, value, value::seconds)?),
            OptionId::For => self.length = Some(read(option, value, value::seconds)?),
            OptionId::Director => {
                self.director = Some(read(option, value, |text| {
                    let endpoint = Endpoint::parse(text)?;
                    match endpoint.resolve(names, Protocol::Tcp, AddressFamily::V4)? {
                        (address, None) => Ok(address),
                        _ => Err(ValueError::NotAnAddress),
                    }
                })?);
            }
            OptionId::Facts => self.facts = Some(value),
            OptionId::SaveFacts => self.save_facts = Some(value),
            OptionId::Record => self.record = Some(value),
            OptionId::Replay => self.replay = Some(value),
            OptionId::Netns => self.namespace = Some(read(option, value, value::namespace)?),
            // The others have no value.
            _ => {}
        }
        Ok(())
    }

    /// Records that an option was given, unless an earlier one excludes it.
    fn allow(&mut self, option: OptionId) -> Result<(), UsageError> {
        let before = match option.spec().repeat {
            Repeat::Freely => None,
            Repeat::OneService => self.service.map(|(first, _)| first),
            Repeat::OneForwarding => self.forwarding.replace(option),
            Repeat::Never => self.given.has(option).then_some(option),
        };
        if let Some(first) = before {
            return Err(UsageError::Repeated { first, second: option });
        }
        self.given.insert(option);
        Ok(())
    }

    fn service<R: Resolve + ?Sized>(
        &mut self,
        option: OptionId,
        text: &'a [u8],
        protocol: Protocol,
        names: &mut R,
    ) -> Result<(), UsageError> {
        let (address, port) = read(option, text, |text| {
            Endpoint::parse(text)?.resolve(names, protocol, AddressFamily::V4)
        })?;
        let key = ServiceKey::Address { protocol, address, port: port.unwrap_or(0) };
        self.service = Some((option, key));
        Ok(())
    }
}

/// Looks up the names in the address of a real server of `service`.
pub(super) fn real_server<'a, R: Resolve + ?Sized>(
    text: &'a [u8],
    endpoint: Endpoint<'a>,
    service: ServiceKey,
    names: &mut R,
) -> Result<RealServer<'a>, UsageError> {
    let protocol = match service {
        ServiceKey::Address { protocol, .. } => protocol,
        // A mark has no protocol; the reference looks ports up as TCP's.
        ServiceKey::FirewallMark { .. } => Protocol::Tcp,
    };
    let found =
        read(OptionId::RealServer, text, |_| endpoint.resolve(names, protocol, service.family()));
    found.map(|(address, port)| RealServer::Known(address, port))
}

/// The file that an option names.
pub(super) fn path(file: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(file))
}
