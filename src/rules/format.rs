//! The formats of listings.

use std::fmt;
use std::str::FromStr;

use super::value_error::ValueError;

/// The format of a listing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// The lines that `ipvsadm` has always printed.
    #[default]
    Classic,
    /// A table for people.
    Table,
    /// JSON, with everything the kernel reports.
    Json,
    /// Metrics for Prometheus.
    Prometheus,
}

impl Format {
    /// Each of them.
    pub const ALL: [Format; 4] = [Format::Classic, Format::Table, Format::Json, Format::Prometheus];

    /// The name that `--format` takes.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Classic => "classic",
            Format::Table => "table",
            Format::Json => "json",
            Format::Prometheus => "prometheus",
        }
    }
}

impl fmt::Display for Format {
    /// [Its name](Format::name).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = ValueError;

    /// Reads what [`Display`](fmt::Display) writes.
    fn from_str(name: &str) -> Result<Self, ValueError> {
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or(ValueError::NotAFormat)
    }
}
