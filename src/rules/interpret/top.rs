//! Putting `--top` together.

use super::draft::{Draft, path};
use super::option_set::OptionSet;
use crate::rules::error::UsageError;
use crate::rules::format::Format;
use crate::rules::number;
use crate::rules::options::OptionId;
use crate::rules::top::{TimeOfDay, TopOptions};
use crate::rules::value::read_number;

impl Draft<'_> {
    pub(super) fn top(&self, command: OptionId) -> Result<TopOptions, UsageError> {
        // A recording has its own times, and there is nothing to change in it.
        const LIVE: OptionSet = OptionSet::of(&[
            OptionId::Record,
            OptionId::ReadOnly,
            OptionId::Netns,
            OptionId::NoLoad,
        ]);
        if let (Some(_), Some(second)) = (self.replay, self.given.first_in(LIVE)) {
            return Err(UsageError::Conflict { first: OptionId::Replay, second });
        }
        let json = self.format(Some(command))? == Format::Json;
        let batch = self.given.has(OptionId::Batch);
        let needs = OptionId::Batch;
        if json && !batch {
            let option = match self.given.has(OptionId::Json) {
                true => OptionId::Json,
                false => OptionId::Format,
            };
            return Err(UsageError::Requires { option, needs });
        }
        if self.given.has(OptionId::Numeric) && !batch {
            return Err(UsageError::Requires { option: OptionId::Numeric, needs });
        }
        let mut words = self.words.iter().take(self.word_count).copied().peekable();
        let mut used = 0;
        let mut count = None;
        if let Some(word) = words.next_if(|word| batch && !word.contains(&b':')) {
            count = Some(read_number(OptionId::Batch, word, number::COUNT)?).filter(|n| *n > 0);
            used += 1;
        }
        let mut begin = None;
        if let Some(time) = words.peek().filter(|_| self.replay.is_some()) {
            begin = TimeOfDay::parse(time);
            used += usize::from(begin.is_some());
        }
        self.no_more_words(used)?;
        Ok(TopOptions {
            interval: self.interval.unwrap_or(TopOptions::default().interval),
            read_only: self.given.has(OptionId::ReadOnly),
            ascii: self.given.has(OptionId::Ascii),
            record: self.record.map(path),
            replay: self.replay.map(path),
            begin,
            batch,
            count,
            json,
        })
    }
}
