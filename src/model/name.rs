//! The short names that the kernel keeps in fixed arrays.

use std::fmt;
use std::str::FromStr;

/// A name as the kernel keeps it: 1 to 15 bytes, none of them NUL.
///
/// Schedulers, persistence engines and network interfaces are named so
/// (`IP_VS_SCHEDNAME_MAXLEN`, `IP_VS_PENAME_MAXLEN` and `IP_VS_IFNAME_MAXLEN` in
/// `<linux/ip_vs.h>`: 16 each, the closing NUL included). It is held in place, without an
/// allocation, so that a table of many services stays small.
///
/// ```
/// let scheduler: ipvs::Name = "wlc".parse()?;
/// assert_eq!(scheduler.as_str(), "wlc");
/// assert!("longer-than-fifteen".parse::<ipvs::Name>().is_err());
/// # Ok::<(), ipvs::NameError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    bytes: [u8; Name::MAX],
    len: u8,
}

/// Why some text cannot be a [`Name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The text was empty.
    #[error("a name must not be empty")]
    Empty,
    /// The text has more than [`Name::MAX`] bytes.
    #[error("a name has at most {max} bytes", max = Name::MAX)]
    TooLong,
    /// The text holds a NUL byte, which ends a name for the kernel.
    #[error("a name must not hold a NUL byte")]
    Nul,
}

impl Name {
    /// The most bytes that a name has.
    pub const MAX: usize = 15;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        // Built from text only, so it always is text.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The name's bytes, without a closing NUL.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// A name known to fit when the program is built; it does not build otherwise.
    pub(crate) const fn literal(text: &'static str) -> Name {
        let source = text.as_bytes();
        assert!(!source.is_empty() && source.len() <= Name::MAX);
        let mut bytes = [0; Name::MAX];
        let mut i = 0;
        while i < source.len() {
            bytes[i] = source[i];
            i += 1;
        }
        Name { bytes, len: source.len() as u8 }
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let source = text.as_bytes();
        if source.is_empty() {
            return Err(NameError::Empty);
        }
        if source.len() > Self::MAX {
            return Err(NameError::TooLong);
        }
        if source.contains(&0) {
            return Err(NameError::Nul);
        }
        let mut bytes = [0; Self::MAX];
        bytes[..source.len()].copy_from_slice(source);
        Ok(Name { bytes, len: source.len() as u8 })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
