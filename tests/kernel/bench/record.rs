//! Measurements, on their way from the kernel inside to the report.

use std::fmt;
use std::str::FromStr;

use super::work::{Program, Quantity, Size, Work};

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) quantity: Quantity,
    pub(crate) program: Program,
    pub(crate) work: Work,
    pub(crate) size: Size,
    pub(crate) value: u64,
}

/// As a line of words with tabs between them.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Record { quantity, program, work, size, value } = self;
        write!(f, "record\t{quantity}\t{program}\t{work}\t{size}\t{value}")
    }
}

impl FromStr for Record {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let mut words = line.trim_end().split('\t');
        let mut word = || words.next().ok_or(());
        if word()? != "record" {
            return Err(());
        }
        Ok(Record {
            quantity: word()?.parse()?,
            program: word()?.parse()?,
            work: word()?.parse()?,
            size: word()?.parse()?,
            value: word()?.parse().map_err(|_| ())?,
        })
    }
}

/// All measurements.
#[derive(Debug, Default)]
pub(crate) struct Records(pub(crate) Vec<Record>);

impl Records {
    /// The best measurement.
    pub(crate) fn best(
        &self,
        quantity: Quantity,
        program: Program,
        work: Work,
        size: Size,
    ) -> Option<u64> {
        let fits = |record: &&Record| {
            record.quantity == quantity
                && record.program == program
                && record.work == work
                && record.size == size
        };
        self.0.iter().filter(fits).map(|record| record.value).min()
    }

    /// The best time, in seconds.
    pub(crate) fn seconds(&self, program: Program, work: Work, size: Size) -> Option<f64> {
        self.best(Quantity::Time, program, work, size).map(|time| time as f64 / 1e9)
    }
}
