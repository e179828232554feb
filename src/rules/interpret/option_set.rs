//! Sets of options.

use crate::rules::options::{OPTIONS, OptionId};

/// A set of options.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct OptionSet(u128);

impl OptionSet {
    /// These options.
    pub(super) const fn of(options: &[OptionId]) -> Self {
        let mut set = Self(0);
        let mut i = 0;
        while i < options.len() {
            set.insert(options[i]);
            i += 1;
        }
        set
    }

    pub(super) const fn insert(&mut self, option: OptionId) {
        self.0 |= 1 << option as u32;
    }

    pub(super) const fn has(self, option: OptionId) -> bool {
        self.0 & 1 << option as u32 != 0
    }

    /// The first option in the order of the table.
    pub(super) fn first(self) -> Option<OptionId> {
        OPTIONS.get(self.0.trailing_zeros() as usize).map(|row| row.id)
    }

    /// The first option, in the order of the table, that is in both sets.
    pub(super) fn first_in(self, other: Self) -> Option<OptionId> {
        Self(self.0 & other.0).first()
    }
}

/// The options that each command does not take, by the command's place in the table.
pub(super) static REFUSED: [OptionSet; 32] = {
    assert!(OPTIONS.len() <= 128);
    let mut refused = [OptionSet(0); 32];
    let mut i = 0;
    while i < OPTIONS.len() {
        if !OPTIONS[i].id.is_command() {
            let mut command = 0;
            while command < OPTIONS.len() && OPTIONS[command].id.is_command() {
                if !OPTIONS[i].commands.contains(OPTIONS[command].id) {
                    refused[command].insert(OPTIONS[i].id);
                }
                command += 1;
            }
        }
        i += 1;
    }
    refused
};
