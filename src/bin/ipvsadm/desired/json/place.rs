//! Places in the text, and suggestions for misspelt words.

use std::cell::OnceCell;

use ipvs::rules::grammar::likely;

/// A line and a column, both counted from 1, the column in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// A text with an index of its lines, built on first use: most texts have no mistakes.
#[derive(Debug)]
pub(super) struct Text<'a> {
    bytes: &'a [u8],
    /// The offset of each line but the first.
    lines: OnceCell<Vec<usize>>,
}

impl<'a> Text<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Text { bytes, lines: OnceCell::new() }
    }

    /// The beginning of `part`, which is borrowed from this text.
    pub(super) fn place_of(&self, part: &str) -> Place {
        let offset = part.as_ptr().addr().saturating_sub(self.bytes.as_ptr().addr());
        let lines = self.lines.get_or_init(|| {
            memchr::memchr_iter(b'\n', self.bytes).map(|newline| newline + 1).collect()
        });
        let before = lines.partition_point(|start| *start <= offset);
        let start = if before == 0 { 0 } else { lines[before - 1] };
        Place { line: before + 1, column: offset - start + 1 }
    }

    /// The place of an error in `part`, which was parsed by itself.
    pub(super) fn place_in(&self, part: &str, error: &serde_json::Error) -> Place {
        let start = self.place_of(part);
        let column = error.column().max(1);
        match error.line() {
            0 | 1 => Place { line: start.line, column: start.column + column - 1 },
            line => Place { line: start.line + line - 1, column },
        }
    }
}

/// The text of an error without its line and column, which count from the beginning of the part
/// parsed.
pub(super) fn message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let suffix = format!(" at line {} column {}", error.line(), error.column());
    let text = text.strip_suffix(&suffix).unwrap_or(&text);
    with_hint(text).unwrap_or_else(|| text.to_owned())
}

/// Replaces the list in "unknown field `wieght`, expected one of ..." with the likeliest word.
fn with_hint(text: &str) -> Option<String> {
    let (kind, rest) = text.split_once(" `").filter(|(kind, _)| kind.starts_with("unknown "))?;
    let (word, rest) = rest.split_once("`, expected ")?;
    let likely = likely(word, rest.split('`').skip(1).step_by(2))?;
    Some(format!("{kind} `{word}`: did you mean `{likely}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_from_one() {
        let text = "ab\n\ncd";
        let finder = Text::new(text.as_bytes());
        let place = |offset: usize| {
            let Place { line, column } = finder.place_of(&text[offset..]);
            (line, column)
        };
        let places: Vec<_> = (0..=text.len()).map(place).collect();
        assert_eq!(places, [(1, 1), (1, 2), (1, 3), (2, 1), (3, 1), (3, 2), (3, 3)]);
    }

    #[test]
    fn the_likeliest_word_is_suggested() {
        assert_eq!(
            with_hint("unknown variant `nqt`, expected one of `nat`, `direct`, `tunnel`"),
            Some("unknown variant `nqt`: did you mean `nat`?".to_owned())
        );
        assert_eq!(with_hint("unknown field `x`, expected `netmask` or `weight`"), None);
        assert_eq!(with_hint("unknown field `x`, there are no fields"), None);
    }
}
