//! Names, which the kernel keeps in arrays of 16 bytes.

use std::fmt;
use std::str::FromStr;

use super::ParseError;

/// The name of a scheduler, a persistence engine or a network interface: 1 to 15 bytes of UTF-8,
/// none of them NUL.
///
/// The kernel keeps names in arrays of 16 bytes with a closing NUL (`IP_VS_SCHEDNAME_MAXLEN`,
/// `IP_VS_PENAME_MAXLEN` and `IP_VS_IFNAME_MAXLEN` in `<linux/ip_vs.h>`). A `Name` is `Copy` and
/// allocates nothing.
///
/// ```
/// let scheduler: ipvs::Name = "wlc".parse()?;
/// assert_eq!(scheduler.as_str(), "wlc");
/// assert!("longer-than-fifteen".parse::<ipvs::Name>().is_err());
/// # Ok::<(), ipvs::ParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    bytes: [u8; Name::MAX],
    len: u8,
}

impl Name {
    /// The length of the longest name, in bytes.
    pub const MAX: usize = 15;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        // Always text: `new` takes nothing else.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The name as bytes, without a closing NUL.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// A name that is written in the program.
    ///
    /// ```
    /// const WRR: ipvs::Name = ipvs::Name::from_static("wrr");
    /// assert_eq!(ipvs::ServiceConfig::new(WRR).scheduler.as_str(), "wrr");
    /// ```
    ///
    /// # Panics
    /// If the text is not a name. In a constant, as above, the program does not compile then:
    ///
    /// ```compile_fail
    /// const LONG: ipvs::Name = ipvs::Name::from_static("longer-than-fifteen");
    /// println!("{LONG}");
    /// ```
    ///
    /// For text from outside the program use [`parse`](str::parse).
    pub const fn from_static(text: &'static str) -> Self {
        match Self::new(text) {
            Some(name) => name,
            None => panic!("a name must have 1 to 15 bytes, none of them NUL"),
        }
    }

    const fn new(text: &str) -> Option<Self> {
        let source = text.as_bytes();
        if source.is_empty() || source.len() > Self::MAX {
            return None;
        }
        let mut bytes = [0; Self::MAX];
        let mut i = 0;
        while i < source.len() {
            if source[i] == 0 {
                return None;
            }
            bytes[i] = source[i];
            i += 1;
        }
        Some(Name { bytes, len: source.len() as u8 })
    }
}

impl FromStr for Name {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::new(text)
            .ok_or_else(|| ParseError::new(text, "a name of 1 to 15 bytes, none of them NUL"))
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
