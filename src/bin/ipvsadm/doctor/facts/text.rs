//! Values that are written as the library writes them: `TCP 192.0.2.1:80`.

use std::fmt::Display;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serializer, de::Error};

pub(super) fn serialize<T: Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

pub(super) fn deserialize<'d, T: FromStr, D: Deserializer<'d>>(from: D) -> Result<T, D::Error>
where
    T::Err: Display,
{
    let text = String::deserialize(from)?;
    text.parse().map_err(|reason| D::Error::custom(format!("{text}: {reason}")))
}

/// The same, where there may be none.
pub(super) mod optional {
    use super::*;

    pub(in super::super) fn serialize<T: Display, S: Serializer>(
        value: &Option<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => to.collect_str(value),
            None => to.serialize_none(),
        }
    }

    pub(in super::super) fn deserialize<'d, T: FromStr, D: Deserializer<'d>>(
        from: D,
    ) -> Result<Option<T>, D::Error>
    where
        T::Err: Display,
    {
        let text = Option::<String>::deserialize(from)?;
        let parsed = text.map(|text| {
            text.parse().map_err(|reason| D::Error::custom(format!("{text}: {reason}")))
        });
        parsed.transpose()
    }
}
