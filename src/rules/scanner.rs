//! From words to tokens.
//!
//! The syntax is that of popt, which `ipvsadm` 1.31 uses. Other parsers differ in the corner cases.

use super::options::{OptionId, ValueKind};

/// An option with its value, or a word that belongs to no option. Values are as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'a> {
    /// An option.
    Option {
        /// The option.
        option: OptionId,
        /// Its value, if there is one. An option that needs one always has it.
        value: Option<&'a [u8]>,
    },
    /// A word that belongs to no option.
    Word(&'a [u8]),
}

/// Words that do not spell options of `ipvsadm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyntaxError<'a> {
    /// There is no such option.
    UnknownOption {
        /// The word as written.
        word: &'a [u8],
    },
    /// An option that needs a value comes last.
    MissingValue {
        /// The option.
        option: OptionId,
    },
    /// A value is attached to an option that takes none.
    UnwantedValue {
        /// The option.
        option: OptionId,
        /// The word as written.
        word: &'a [u8],
    },
}

/// Turns words into tokens one by one, without allocating. It ends after an error.
#[derive(Debug, Clone)]
pub struct Scanner<'a, W> {
    words: W,
    /// A word with short options left to read: the word, and the index of the next letter.
    cluster: Option<(&'a [u8], usize)>,
    /// A word that was read ahead and is not a value.
    put_back: Option<&'a [u8]>,
    /// The command: a few options have a value with some commands only.
    command: Option<OptionId>,
    mode: Mode,
    /// A word that begins with `#`, where an option or a word of its own could stand, ends the line.
    comments: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Options,
    /// After `--`.
    WordsOnly,
    /// After an error or the beginning of a comment.
    Ended,
}

impl<'a> Scanner<'a, LineWords<'a>> {
    /// Reads the words of a rule line, which may end with a comment.
    ///
    /// A comment begins with a word that begins with `#`, unless that is the value of an option:
    /// in `-s #x`, `#x` is the name of a scheduler, as in ipvsadm 1.31. All lines that this makes
    /// shorter are errors there.
    pub fn of_line(line: &'a [u8]) -> Self {
        Scanner { comments: true, ..Scanner::new(LineWords::new(line)) }
    }
}

impl<'a, W: Iterator<Item = &'a [u8]>> Scanner<'a, W> {
    /// Reads these words, which exclude the name of the program.
    pub fn new(words: impl IntoIterator<IntoIter = W>) -> Self {
        Scanner {
            words: words.into_iter(),
            cluster: None,
            put_back: None,
            command: None,
            mode: Mode::Options,
            comments: false,
        }
    }

    fn next_word(&mut self) -> Option<&'a [u8]> {
        self.put_back.take().or_else(|| self.words.next())
    }

    fn long(&mut self, word: &'a [u8]) -> Result<Token<'a>, SyntaxError<'a>> {
        let text = &word[2..];
        // The whole word first: few have a value attached.
        let (option, attached) = match OptionId::by_long(text) {
            Some(option) => (Some(option), None),
            None => match text.iter().position(|byte| *byte == b'=') {
                Some(at) => (OptionId::by_long(&text[..at]), Some(&text[at + 1..])),
                None => (None, None),
            },
        };
        match option {
            Some(option) => self.with_value(option, word, attached),
            None => Err(SyntaxError::UnknownOption { word }),
        }
    }

    /// The short option at index `at`.
    fn short(&mut self, word: &'a [u8], at: usize) -> Result<Token<'a>, SyntaxError<'a>> {
        let rest = &word[at + 1..];
        let Some(option) = OptionId::by_short(word[at]) else {
            return Err(SyntaxError::UnknownOption { word });
        };
        if let [b'=', attached @ ..] = rest {
            return self.with_value(option, word, Some(attached));
        }
        match option.spec().value {
            ValueKind::None | ValueKind::Words(_) | ValueKind::AnyWords => {
                if !rest.is_empty() {
                    self.cluster = Some((word, at + 1));
                }
                self.note_command(option);
                Ok(Token::Option { option, value: None })
            }
            _ => self.with_value(option, word, (!rest.is_empty()).then_some(rest)),
        }
    }

    fn note_command(&mut self, option: OptionId) {
        if self.command.is_none() && option.is_command() {
            self.command = Some(option);
        }
    }

    fn with_value(
        &mut self,
        option: OptionId,
        word: &'a [u8],
        attached: Option<&'a [u8]>,
    ) -> Result<Token<'a>, SyntaxError<'a>> {
        self.note_command(option);
        let value = match (option.spec().value_with_command(self.command), attached) {
            (ValueKind::None | ValueKind::Words(_) | ValueKind::AnyWords, Some(_)) => {
                return Err(SyntaxError::UnwantedValue { option, word });
            }
            (ValueKind::None | ValueKind::Words(_) | ValueKind::AnyWords, None) => None,
            (_, Some(attached)) => Some(attached),
            (ValueKind::Required, None) => {
                Some(self.next_word().ok_or(SyntaxError::MissingValue { option })?)
            }
            (ValueKind::Optional, None) => match self.next_word() {
                // No option with an optional value that rules may have takes one with `#`.
                Some(next) if next.first() == Some(&b'-') || self.comments && is_comment(next) => {
                    self.put_back = Some(next);
                    None
                }
                next => next,
            },
        };
        Ok(Token::Option { option, value })
    }
}

impl<'a, W: Iterator<Item = &'a [u8]>> Iterator for Scanner<'a, W> {
    type Item = Result<Token<'a>, SyntaxError<'a>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.mode == Mode::Ended {
            return None;
        }
        let token = if let Some((word, at)) = self.cluster.take() {
            self.short(word, at)
        } else {
            let word = self.next_word()?;
            match word {
                [b'#', ..] if self.comments => {
                    self.mode = Mode::Ended;
                    return None;
                }
                _ if self.mode == Mode::WordsOnly => Ok(Token::Word(word)),
                b"--" => {
                    self.mode = Mode::WordsOnly;
                    return self.next();
                }
                [b'-', b'-', ..] => self.long(word),
                [b'-', _, ..] => self.short(word, 1),
                _ => Ok(Token::Word(word)),
            }
        };
        if token.is_err() {
            self.mode = Mode::Ended;
        }
        Some(token)
    }
}

/// The words of a rule line.
///
/// Spaces, tabs, carriage returns and newlines separate them. The word `ipvsadm` is dropped
/// wherever it stands, so that lines copied from scripts are rules. A NUL byte ends its word. A
/// comment is words too: only [`Scanner::of_line`] can tell it from a value that begins with `#`.
#[derive(Debug, Clone)]
pub struct LineWords<'a> {
    line: &'a [u8],
    /// The index of the first unread byte.
    at: usize,
}

impl<'a> LineWords<'a> {
    /// Splits this line.
    pub fn new(line: &'a [u8]) -> Self {
        LineWords { line, at: 0 }
    }

    /// The index of the first byte from `at` on that is not of these classes.
    #[inline]
    fn end(line: &[u8], mut at: usize, classes: impl Fn(Class) -> bool) -> usize {
        while at < line.len() && classes(CLASSES[usize::from(line[at])]) {
            at += 1;
        }
        at
    }
}

/// True if a comment begins with this word, where no value of an option is expected.
pub(super) fn is_comment(word: &[u8]) -> bool {
    word.first() == Some(&b'#')
}

/// The classes of bytes in a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Text,
    Blank,
    Nul,
}

/// A table, since every byte of the rules is looked up.
static CLASSES: [Class; 256] = {
    let mut classes = [Class::Text; 256];
    classes[b' ' as usize] = Class::Blank;
    classes[b'\t' as usize] = Class::Blank;
    classes[b'\r' as usize] = Class::Blank;
    classes[b'\n' as usize] = Class::Blank;
    classes[0] = Class::Nul;
    classes
};

impl<'a> Iterator for LineWords<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let line = self.line;
        loop {
            let start = Self::end(line, self.at, |class| class == Class::Blank);
            let end = Self::end(line, start, |class| class == Class::Text);
            // The rest of a word after a NUL is ignored.
            self.at = match line.get(end) {
                Some(0) => Self::end(line, end, |class| class != Class::Blank),
                _ if start == end => return None,
                _ => end,
            };
            let word = &line[start..end];
            if word != b"ipvsadm" {
                return Some(word);
            }
        }
    }
}

#[cfg(test)]
mod tests;
