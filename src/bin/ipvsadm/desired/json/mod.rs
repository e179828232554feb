//! The table as JSON, as it is read.

mod place;
mod read;

pub(crate) use read::read;
#[cfg(test)]
use read::{Asked, Read, ReadError};

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;
