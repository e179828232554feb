//! Reads a state from JSON.

mod convert;
mod place;
mod read;

pub(crate) use read::read;
#[cfg(test)]
use read::{JsonChanges, PlacedChange, ReadError};

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;
