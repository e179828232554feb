//! From tokens to a command.
//!
//! Each value is checked as it comes, so that of several mistakes the first is reported. What
//! depends on several options is put together at the end, so that their order does not matter.

mod assemble;

use std::net::IpAddr;
use std::num::{NonZeroU8, NonZeroU16, NonZeroU32};

use super::address::Endpoint;
use super::command::{Command, Format, Invocation, RuleCommand};
use super::error::{UsageError, ValueError};
use super::number::{self, Range, integer};
use super::options::{Group, OPTIONS, OptionId, Repeat};
use super::resolve::Resolve;
use super::scanner::{SyntaxError, Token};
use super::tunnel::TunnelKind;
use super::value;
use crate::{AddressFamily, DaemonRole, Name, Persistence, Protocol, ServiceKey};

/// Finds the meaning of a command line with at least one word. (Without any it means
/// [`Invocation::default`].)
///
/// `names` is asked for the names among the values, and for nothing else.
///
/// # Errors
///
/// Of several mistakes, the first in the order of words is reported. Missing options and options
/// that do not go together come after all others.
pub fn interpret<'a, R: Resolve + ?Sized>(
    tokens: impl IntoIterator<Item = Result<Token<'a>, SyntaxError<'a>>>,
    names: &mut R,
) -> Result<Invocation, UsageError> {
    let mut draft = Draft::default();
    match draft.read(tokens, names)? {
        OptionId::Help => Ok(Command::Help.into()),
        OptionId::Version => Ok(Command::Version.into()),
        command => draft.invocation(command, names),
    }
}

/// Finds the meaning of a rule line with at least one word.
///
/// # Errors
///
/// As [`interpret`], and for everything that has no place in a rule.
pub(super) fn interpret_rule<'a, R: Resolve + ?Sized>(
    tokens: impl IntoIterator<Item = Result<Token<'a>, SyntaxError<'a>>>,
    names: &mut R,
) -> Result<RuleCommand, UsageError> {
    let mut draft = Draft::default();
    match draft.read(tokens, names)? {
        OptionId::Help => Ok(RuleCommand::Help),
        OptionId::Version => Ok(RuleCommand::Version),
        command @ (OptionId::Restore | OptionId::Apply) => {
            draft.invocation(command, names)?;
            Err(UsageError::Nested(command))
        }
        command => {
            let rule = draft.rule(command, names)?;
            draft.check_rule().map(|()| rule)
        }
    }
}

/// A set of options.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Options(u128);

impl Options {
    const fn bit(option: OptionId) -> u128 {
        1 << option as u32
    }

    const fn has(self, option: OptionId) -> bool {
        self.0 & Self::bit(option) != 0
    }

    const fn first(self) -> Option<OptionId> {
        match OPTIONS.len() > self.0.trailing_zeros() as usize {
            true => Some(OPTIONS[self.0.trailing_zeros() as usize].id),
            false => None,
        }
    }
}

/// The options that each command does not take, by the command's place in the table.
static REFUSED: [Options; 32] = {
    assert!(OPTIONS.len() <= 128);
    let mut refused = [Options(0); 32];
    let mut i = 0;
    while i < OPTIONS.len() {
        if !OPTIONS[i].id.is_command() {
            let mut command = 0;
            while command < OPTIONS.len() && OPTIONS[command].id.is_command() {
                if !OPTIONS[i].commands.contains(OPTIONS[command].id) {
                    refused[command].0 |= Options::bit(OPTIONS[i].id);
                }
                command += 1;
            }
        }
        i += 1;
    }
    refused
};

/// A real server, as far as it is known.
#[derive(Debug, Clone, Copy)]
enum RealServer<'a> {
    /// Names in it can only be looked up when the service is known.
    Written(&'a [u8], Endpoint<'a>),
    Known(IpAddr, Option<u16>),
}

/// A command in the making: the options read so far.
#[derive(Debug, Default)]
struct Draft<'a> {
    command: Option<OptionId>,
    given: Options,
    /// The option that chose the service, and the service. A firewall mark is IPv4 until the end.
    service: Option<(OptionId, ServiceKey)>,
    real_server: Option<RealServer<'a>>,
    forwarding: Option<OptionId>,
    scheduler: Option<Name>,
    flags: Option<&'a [u8]>,
    persistence: Option<u32>,
    netmask: Option<&'a [u8]>,
    engine: Option<Name>,
    weight: Option<u32>,
    upper: u32,
    lower: u32,
    tunnel: Option<TunnelKind>,
    tunnel_port: Option<NonZeroU16>,
    role: Option<DaemonRole>,
    /// The interface; `Some(None)` for an empty name.
    interface: Option<Option<Name>>,
    sync_id: u8,
    sync_length: Option<NonZeroU16>,
    group: Option<IpAddr>,
    multicast_port: Option<NonZeroU16>,
    ttl: Option<NonZeroU8>,
    format: Format,
    wait: Option<u32>,
    namespace: Option<&'a str>,
    file: Option<&'a [u8]>,
    /// The words that belong to no option: as many as hardly any command exceeds, their number, and
    /// the rest.
    words: [&'a [u8]; 4],
    word_count: usize,
    more_words: Vec<&'a [u8]>,
}

impl<'a> Draft<'a> {
    /// Reads all tokens. Returns the command; after help and version the rest is left unread, as
    /// whoever asks for help gets it.
    fn read<R: Resolve + ?Sized>(
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
                    // Ours, so they need not follow the command as ipvsadm 1.31's must.
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
        self.command.ok_or(UsageError::NoCommand)
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
            (OptionId::Apply, file) => self.file = file,
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
            OptionId::UThreshold => self.upper = number(number::COUNT)?,
            OptionId::LThreshold => self.lower = number(number::COUNT)?,
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
            OptionId::Format => self.format = read(option, value, value::format)?,
            OptionId::Wait => self.wait = Some(number(number::WAIT)?),
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
        self.given.0 |= Options::bit(option);
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

/// Looks up the names in a real server's address, for a service that is known.
fn real_server<'a, R: Resolve + ?Sized>(
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

/// Reads the value of an option.
#[inline]
fn read<'a, T>(
    option: OptionId,
    value: &'a [u8],
    parse: impl FnOnce(&'a [u8]) -> Result<T, ValueError>,
) -> Result<T, UsageError> {
    parse(value).map_err(|error| UsageError::Value {
        option,
        value: String::from_utf8_lossy(value).into_owned(),
        error,
    })
}

fn read_number(option: OptionId, value: &[u8], range: Range) -> Result<u32, UsageError> {
    read(option, value, |value| integer(value, range))
}

#[cfg(test)]
mod tests;
