//! What the JSON is made of. Writing and reading share these types, so that a field cannot be
//! called one thing here and another there.
//!
//! What is absent or `null` when it is read is what `ipvsadm` takes when an option is not given.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr};

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The whole, as it is read. `List` is what a list is made of: services or, while they are not
/// understood yet, their text.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "Item: Deserialize<'de>"))]
pub(crate) struct Document<Item> {
    /// Not needed to make a table, but it may be there.
    #[expect(dead_code, reason = "only looked at")]
    #[serde(default, deserialize_with = "object")]
    pub(crate) info: Option<Info>,
    /// Never left out: a file without it is no table, and must not clear one.
    pub(crate) services: Vec<Item>,
    #[serde(default = "none")]
    pub(crate) settings: Option<Item>,
    #[serde(default = "none")]
    pub(crate) timeouts: Option<Item>,
    #[serde(default)]
    pub(crate) daemons: Option<Vec<Item>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Info {
    pub(crate) version: String,
    pub(crate) connection_table_size: u32,
}

/// A virtual service, known by `protocol`, `address` and `port`, or by `firewall_mark` and
/// `family`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "Server: Deserialize<'de>"))]
pub(crate) struct Service<Server = Destination> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) protocol: Option<Protocol>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) port: Option<Port>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) firewall_mark: Option<FirewallMark>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) family: Option<Family>,
    #[serde(default)]
    pub(crate) scheduler: Option<Name>,
    #[serde(default)]
    pub(crate) scheduler_flags: Option<Vec<Cow<'static, str>>>,
    #[serde(default, deserialize_with = "object")]
    pub(crate) persistence: Option<Persistence>,
    #[serde(default)]
    pub(crate) persistence_engine: Option<Name>,
    #[serde(default)]
    pub(crate) one_packet: Option<bool>,
    #[serde(default, deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub(crate) counters: Option<Counters>,
    #[serde(default, deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub(crate) rates: Option<Counters>,
    /// Always there where a table is written.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub(crate) destinations: Option<Vec<Server>>,
}

/// `None` for types without a default of their own.
fn none<T>() -> Option<T> {
    None
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Persistence {
    #[serde(default)]
    pub(crate) timeout_seconds: Option<Seconds>,
    /// For IPv4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) netmask: Option<Ipv4Addr>,
    /// For IPv6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) prefix_length: Option<PrefixLength>,
}

/// A real server.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Destination {
    pub(crate) address: IpAddr,
    #[serde(default)]
    pub(crate) port: Option<Port>,
    #[serde(default)]
    pub(crate) forwarding: Option<Forwarding>,
    #[serde(default, deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub(crate) tunnel: Option<Tunnel>,
    #[serde(default)]
    pub(crate) weight: Option<Count>,
    #[serde(default)]
    pub(crate) upper_threshold: Option<Count>,
    #[serde(default)]
    pub(crate) lower_threshold: Option<Count>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) active_connections: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) inactive_connections: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) persistent_connections: Option<u32>,
    #[serde(default, deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub(crate) counters: Option<Counters>,
    #[serde(default, deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub(crate) rates: Option<Counters>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tunnel {
    #[serde(rename = "type")]
    pub(crate) kind: TunnelKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) port: Option<TunnelPort>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) checksum: Option<Checksum>,
}

/// Totals, or what they grow by in a second.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Counters {
    pub(crate) connections: u64,
    pub(crate) incoming_packets: u64,
    pub(crate) outgoing_packets: u64,
    pub(crate) incoming_bytes: u64,
    pub(crate) outgoing_bytes: u64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Timeouts {
    #[serde(default)]
    pub(crate) tcp_seconds: Option<Seconds>,
    #[serde(default)]
    pub(crate) tcp_fin_seconds: Option<Seconds>,
    #[serde(default)]
    pub(crate) udp_seconds: Option<Seconds>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Daemon {
    pub(crate) role: Role,
    pub(crate) interface: Name,
    #[serde(default)]
    pub(crate) sync_id: Option<Number<0, 255>>,
    #[serde(default)]
    pub(crate) max_length_bytes: Option<Number<1, 65507>>,
    #[serde(default)]
    pub(crate) multicast_group: Option<IpAddr>,
    #[serde(default)]
    pub(crate) multicast_port: Option<Number<1, 65535>>,
    #[serde(default)]
    pub(crate) multicast_ttl: Option<Number<1, 255>>,
}

/// The value of a setting.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a whole number, a list of two, or text")]
pub(crate) enum SettingValue<'a> {
    Number(i64),
    Pair([i64; 2]),
    #[serde(borrow)]
    Text(Cow<'a, str>),
}

/// The members of an object whose names are not known beforehand, in order. `Value` is what a value
/// is made of.
#[derive(Debug)]
pub(crate) struct Members<Value>(pub(crate) Vec<(String, Value)>);

impl<'de, Value: Deserialize<'de>> Deserialize<'de> for Members<Value> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder<Value>(PhantomData<Value>);

        impl<'de, Value: Deserialize<'de>> Visitor<'de> for InOrder<Value> {
            type Value = Members<Value>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(InOrder(PhantomData))
    }
}

/// A connection, a line of its own. It is only written.
#[derive(Debug, Serialize)]
pub(crate) struct Connection<'a> {
    pub(crate) protocol: String,
    pub(crate) client_address: IpAddr,
    pub(crate) client_port: u16,
    pub(crate) virtual_address: IpAddr,
    pub(crate) virtual_port: u16,
    pub(crate) destination_address: IpAddr,
    pub(crate) destination_port: u16,
    pub(crate) state: Cow<'a, str>,
    pub(crate) expires_seconds: u64,
    // The kernel's list with origins has nothing of persistence engines, and the usual one no
    // origins: what was not read is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) persistence_engine: Option<Option<Cow<'a, str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) persistence_engine_data: Option<Option<Cow<'a, str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<Cow<'a, str>>,
}

/// How many connections there are of something. It is only written.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum ConnectionCount<'a> {
    Client {
        client_address: IpAddr,
        connections: u64,
    },
    Server {
        protocol: String,
        destination_address: IpAddr,
        destination_port: u16,
        connections: u64,
    },
    Service {
        protocol: String,
        virtual_address: IpAddr,
        virtual_port: u16,
        connections: u64,
    },
    FirewallMark {
        firewall_mark: u32,
        family: Family,
        connections: u64,
    },
    State {
        state: Cow<'a, str>,
        connections: u64,
    },
}

/// What a service is known by. It is only written, as is everything that says what has changed.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum ServiceKey {
    Address { protocol: Protocol, address: IpAddr, port: u16 },
    FirewallMark { firewall_mark: u32, family: Family },
}

/// What a server is known by in its service.
#[derive(Debug, Serialize)]
pub(crate) struct DestinationKey {
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
}

/// What has changed since a file.
#[derive(Debug, Serialize)]
pub(crate) struct Difference<'a> {
    pub(crate) changes: Vec<Change<'a>>,
    pub(crate) left_to_health_checks: usize,
}

/// A change of the state. With a time, it is a line of its own.
#[derive(Debug, Serialize)]
pub(crate) struct Change<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<&'a str>,
    pub(crate) change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) service: Option<ServiceKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) destination: Option<DestinationKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) setting: Option<&'a str>,
    pub(crate) from: Option<Configuration<'a>>,
    pub(crate) to: Option<Configuration<'a>>,
    /// `None` if no rule can express it.
    pub(crate) rule: Option<String>,
}

/// What a change is from or to.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Configuration<'a> {
    Service(Box<Service>),
    Destination(Box<Destination>),
    Timeouts(Timeouts),
    Setting(SettingValue<'a>),
    Daemon(Daemon),
}

/// What counters have grown by, a line of its own.
#[derive(Debug, Serialize)]
pub(crate) struct Growth<'a> {
    pub(crate) time: &'a str,
    pub(crate) change: &'static str,
    pub(crate) service: ServiceKey,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) destination: Option<DestinationKey>,
    pub(crate) reset: bool,
    pub(crate) counters: Counters,
}

/// The outcome of `--ramp`.
#[derive(Debug, Serialize)]
pub(crate) struct Ramp {
    pub(crate) service: ServiceKey,
    pub(crate) destination: DestinationKey,
    pub(crate) outcome: &'static str,
    pub(crate) weight_before: Option<u32>,
    pub(crate) weight: u32,
    pub(crate) weight_wanted: u32,
    pub(crate) steps: u32,
    pub(crate) steps_taken: u32,
}

/// A hash table of the kernel's. It is only written, as is everything of the state.
#[derive(Debug, Serialize)]
pub(crate) struct HashTable {
    pub(crate) buckets: u32,
    pub(crate) bits: Option<u32>,
    pub(crate) load_factor: Option<i32>,
    pub(crate) empty_buckets: Option<u32>,
    pub(crate) chains: Option<Vec<Chains>>,
}

/// How many buckets hold this many entries.
#[derive(Debug, Serialize)]
pub(crate) struct Chains {
    pub(crate) entries: u32,
    pub(crate) buckets: u32,
}

#[derive(Debug, Serialize)]
pub(crate) struct Defence {
    pub(crate) name: &'static str,
    pub(crate) mode: &'static str,
    pub(crate) active: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Estimator<'a> {
    pub(crate) running: bool,
    pub(crate) threads: Option<u64>,
    pub(crate) thread_limit: Option<u64>,
    pub(crate) cpus: Option<&'a str>,
    pub(crate) nice: Option<i32>,
}

// `Other` is what a kernel newer than the library may report, and nobody can ask for.

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Protocol {
    Tcp,
    Udp,
    Sctp,
    #[serde(skip_deserializing)]
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Family {
    Ipv4,
    Ipv6,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Forwarding {
    Masquerade,
    DirectRoute,
    Tunnel,
    Local,
    Bypass,
    #[serde(skip_deserializing)]
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TunnelKind {
    Ipip,
    Gue,
    Gre,
    #[serde(skip_deserializing)]
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::enum_variant_names, reason = "a checksum is called a checksum")]
pub(crate) enum Checksum {
    None,
    Checksum,
    Remote,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    Master,
    Backup,
}

/// What must be an object. By itself, a struct is also read from a list of its fields' values.
#[derive(Debug)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, fields: M) -> Result<T, M::Error> {
                T::deserialize(MapAccessDeserializer::new(fields))
            }
        }

        deserializer.deserialize_map(Fields(PhantomData)).map(Object)
    }
}

/// For a field that is an object or `null`.
fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Ok(Option::<Object<T>>::deserialize(deserializer)?.map(|object| object.0))
}

/// A whole number of which both ends of the range are known. It is checked when it is read, where
/// the line and column are known too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number<const MIN: u32, const MAX: u32>(pub(crate) u32);

pub(crate) type Port = Number<0, 65535>;
pub(crate) type TunnelPort = Number<1, 65535>;
pub(crate) type FirewallMark = Number<1, { u32::MAX }>;
/// Weights and thresholds, which the kernel keeps as signed numbers.
pub(crate) type Count = Number<0, { i32::MAX as u32 }>;
pub(crate) type PrefixLength = Number<1, 128>;
/// A real server of a service, as `--drain`, `--undrain` and `--kick` leave it.
#[derive(Debug, Serialize)]
pub(crate) struct OperatedServer {
    #[serde(flatten)]
    pub(crate) service: OperatedService,
    pub(crate) destination_address: IpAddr,
    pub(crate) destination_port: u16,
    pub(crate) state: &'static str,
    pub(crate) weight_before: Option<u32>,
    pub(crate) weight: Option<u32>,
    pub(crate) active_connections: u32,
    pub(crate) inactive_connections: u32,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum OperatedService {
    Address { protocol: Protocol, virtual_address: IpAddr, virtual_port: u16 },
    FirewallMark { firewall_mark: u32, family: Family },
}

/// A month of 31 days at most: more is too much for the kernel's clock arithmetic.
pub(crate) type Seconds = Number<0, { 31 * 24 * 60 * 60 }>;

impl<const MIN: u32, const MAX: u32> Number<MIN, MAX> {
    /// The number in a type that holds all of the range.
    pub(crate) fn fitting<T: TryFrom<u32>>(self) -> Option<T> {
        T::try_from(self.0).ok()
    }
}

impl<const MIN: u32, const MAX: u32> Serialize for Number<MIN, MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

impl<'de, const MIN: u32, const MAX: u32> Deserialize<'de> for Number<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Expected<const MIN: u32, const MAX: u32>;

        impl<const MIN: u32, const MAX: u32> Visitor<'_> for Expected<MIN, MAX> {
            type Value = u32;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a whole number from {MIN} to {MAX}")
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<u32, E> {
                match u32::try_from(number) {
                    Ok(number) if (MIN..=MAX).contains(&number) => Ok(number),
                    _ => Err(E::invalid_value(Unexpected::Unsigned(number), &self)),
                }
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<u32, E> {
                // JSON's numbers that are not negative come as unsigned ones.
                Err(E::invalid_value(Unexpected::Signed(number), &self))
            }
        }

        deserializer.deserialize_u32(Expected::<MIN, MAX>).map(Number)
    }
}

/// A scheduler, a persistence engine or an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name(pub(crate) ipvs::Name);

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map(Name).map_err(D::Error::custom)
    }
}
