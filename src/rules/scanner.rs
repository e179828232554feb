//! From words to events.
//!
//! The rules are those of popt, which `ipvsadm` 1.31 reads its options with; other option parsers
//! differ in the corners.

use std::fmt;

use super::options::{OptionId, ValueKind};

/// What one word, or an option with its value, says. Values are as written, not yet looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// An option.
    Option {
        /// Which.
        option: OptionId,
        /// Its value, if one is written. Of an option that needs one it always is.
        value: Option<&'a [u8]>,
    },
    /// A word that belongs to no option.
    Word(&'a [u8]),
}

/// Words that are no options of `ipvsadm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyntaxError<'a> {
    /// There is no such option.
    UnknownOption {
        /// The word as written.
        word: &'a [u8],
    },
    /// An option that needs a value comes last.
    MissingValue {
        /// Which.
        option: OptionId,
    },
    /// A value was glued to an option that takes none.
    UnwantedValue {
        /// Which.
        option: OptionId,
        /// The word as written.
        word: &'a [u8],
    },
}

/// Turns words into events, one after another, without allocating. It ends after an error.
#[derive(Debug, Clone)]
pub struct Scanner<'a, W> {
    words: W,
    /// A word of which short options are left: the word, and where the next letter stands.
    cluster: Option<(&'a [u8], usize)>,
    /// A word that was looked at and not taken as a value.
    put_back: Option<&'a [u8]>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Options,
    /// After `--`, all that comes is words.
    WordsOnly,
    Failed,
}

impl<'a, W: Iterator<Item = &'a [u8]>> Scanner<'a, W> {
    /// Reads these words, the name of the program not among them.
    pub fn new(words: impl IntoIterator<IntoIter = W>) -> Self {
        Scanner { words: words.into_iter(), cluster: None, put_back: None, state: State::Options }
    }

    fn next_word(&mut self) -> Option<&'a [u8]> {
        self.put_back.take().or_else(|| self.words.next())
    }

    fn long(&mut self, word: &'a [u8]) -> Result<Event<'a>, SyntaxError<'a>> {
        let text = &word[2..];
        // The whole word first, as hardly any has a value glued to it.
        let (option, glued) = match OptionId::by_long(text) {
            Some(option) => (Some(option), None),
            None => match text.iter().position(|byte| *byte == b'=') {
                Some(at) => (OptionId::by_long(&text[..at]), Some(&text[at + 1..])),
                None => (None, None),
            },
        };
        match option {
            Some(option) => self.with_value(option, word, glued),
            None => Err(SyntaxError::UnknownOption { word }),
        }
    }

    /// The option whose letter stands at `at`.
    fn short(&mut self, word: &'a [u8], at: usize) -> Result<Event<'a>, SyntaxError<'a>> {
        let rest = &word[at + 1..];
        let Some(option) = OptionId::by_short(word[at]) else {
            return Err(SyntaxError::UnknownOption { word });
        };
        if let [b'=', glued @ ..] = rest {
            return self.with_value(option, word, Some(glued));
        }
        match option.spec().value {
            ValueKind::None | ValueKind::Words(_) => {
                if !rest.is_empty() {
                    self.cluster = Some((word, at + 1));
                }
                Ok(Event::Option { option, value: None })
            }
            _ => self.with_value(option, word, (!rest.is_empty()).then_some(rest)),
        }
    }

    fn with_value(
        &mut self,
        option: OptionId,
        word: &'a [u8],
        glued: Option<&'a [u8]>,
    ) -> Result<Event<'a>, SyntaxError<'a>> {
        let value = match (option.spec().value, glued) {
            (ValueKind::None | ValueKind::Words(_), Some(_)) => {
                return Err(SyntaxError::UnwantedValue { option, word });
            }
            (ValueKind::None | ValueKind::Words(_), None) => None,
            (_, Some(glued)) => Some(glued),
            (ValueKind::Required, None) => {
                Some(self.next_word().ok_or(SyntaxError::MissingValue { option })?)
            }
            (ValueKind::Optional, None) => match self.next_word() {
                Some(next) if next.first() == Some(&b'-') => {
                    self.put_back = Some(next);
                    None
                }
                next => next,
            },
        };
        Ok(Event::Option { option, value })
    }
}

impl<'a, W: Iterator<Item = &'a [u8]>> Iterator for Scanner<'a, W> {
    type Item = Result<Event<'a>, SyntaxError<'a>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.state == State::Failed {
            return None;
        }
        let event = if let Some((word, at)) = self.cluster.take() {
            self.short(word, at)
        } else {
            let word = self.next_word()?;
            match word {
                _ if self.state == State::WordsOnly => Ok(Event::Word(word)),
                b"--" => {
                    self.state = State::WordsOnly;
                    Ok(Event::Word(self.next_word()?))
                }
                [b'-', b'-', ..] => self.long(word),
                [b'-', _, ..] => self.short(word, 1),
                _ => Ok(Event::Word(word)),
            }
        };
        if event.is_err() {
            self.state = State::Failed;
        }
        Some(event)
    }
}

/// The words of a rule line.
///
/// Blanks are space, tab, carriage return and newline. The word `ipvsadm` is dropped wherever it
/// stands, so that lines copied from scripts are rules. `#` at the beginning of a word ends the
/// line. A NUL byte ends its word.
#[derive(Debug, Clone)]
pub struct Words<'a> {
    line: &'a [u8],
    /// How far the line has been read.
    at: usize,
}

impl<'a> Words<'a> {
    /// Splits this line.
    pub fn new(line: &'a [u8]) -> Self {
        Words { line, at: 0 }
    }

    /// Where the bytes of these classes end, from `at` on.
    #[inline]
    fn end(line: &[u8], mut at: usize, classes: impl Fn(Class) -> bool) -> usize {
        while at < line.len() && classes(CLASSES[usize::from(line[at])]) {
            at += 1;
        }
        at
    }
}

/// What a byte of a line is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Text,
    Blank,
    Nul,
}

/// One look-up a byte is what makes splitting cheap.
static CLASSES: [Class; 256] = {
    let mut classes = [Class::Text; 256];
    classes[b' ' as usize] = Class::Blank;
    classes[b'\t' as usize] = Class::Blank;
    classes[b'\r' as usize] = Class::Blank;
    classes[b'\n' as usize] = Class::Blank;
    classes[0] = Class::Nul;
    classes
};

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let line = self.line;
        loop {
            let start = Self::end(line, self.at, |class| class == Class::Blank);
            let end = Self::end(line, start, |class| class == Class::Text);
            // What follows a NUL in a word is no part of it.
            self.at = match line.get(end) {
                Some(0) => Self::end(line, end, |class| class != Class::Blank),
                _ if start == end => return None,
                _ => end,
            };
            let word = &line[start..end];
            match word {
                [b'#', ..] => {
                    self.at = line.len();
                    return None;
                }
                b"ipvsadm" => {}
                _ => return Some(word),
            }
        }
    }
}

impl fmt::Display for SyntaxError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SyntaxError::UnknownOption { word } => {
                write!(f, "{}: unknown option", String::from_utf8_lossy(word))
            }
            SyntaxError::MissingValue { option } => {
                write!(f, "{option}: needs a value: {}", option.spec().value_name)
            }
            SyntaxError::UnwantedValue { option, word } => {
                write!(f, "{}: {option} takes no value", String::from_utf8_lossy(word))
            }
        }
    }
}

impl std::error::Error for SyntaxError<'_> {}

#[cfg(test)]
#[path = "scanner_tests.rs"]
mod tests;
