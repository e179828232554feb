//! The layout of the JSON: each field of a service and each server stands on a line of its own, so
//! that people can read it and line-wise tools such as diff can show what changed.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

/// An object on one line: `{"a": 1, "b": [2, 3]}`.
pub(super) fn push_line<T: Serialize>(text: &mut Vec<u8>, value: &T) -> serde_json::Result<()> {
    value.serialize(&mut Serializer::with_formatter(text, Layout::new(None)))
}

/// An object whose fields stand on a line each, `indent` blanks and two more to the right; so do
/// the objects in its lists. Anything nested deeper stays on its line.
pub(super) fn push_block<T: Serialize>(
    text: &mut Vec<u8>,
    indent: usize,
    value: &T,
) -> serde_json::Result<()> {
    value.serialize(&mut Serializer::with_formatter(text, Layout::new(Some(indent))))
}

/// A newline and blanks after it.
fn push_newline(text: &mut (impl Write + ?Sized), indent: usize) -> io::Result<()> {
    const BLANKS: &[u8] = b"\n                ";
    text.write_all(&BLANKS[..(1 + indent).min(BLANKS.len())])
}

struct Layout {
    /// The indentation of the outermost object, if it may fill more than a line.
    block: Option<usize>,
    /// The number of objects and lists that are open.
    depth: usize,
    /// The list in the outermost object fills more than a line.
    list_is_block: bool,
    /// Set when an item of a list comes next: `true` if it is the first.
    item: Option<bool>,
}

/// The depth in the outermost object, and in a list in it.
const OUTERMOST: usize = 1;
const LIST: usize = 2;

impl Layout {
    fn new(block: Option<usize>) -> Self {
        Layout { block, depth: 0, list_is_block: false, item: None }
    }

    /// Separates an item of a list, other than an object, from the one before.
    fn blank<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        match self.item.take() {
            Some(false) => writer.write_all(b" "),
            _ => Ok(()),
        }
    }
}

impl Formatter for Layout {
    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.blank(writer)?;
        self.depth += 1;
        self.list_is_block = false;
        writer.write_all(b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if self.depth == LIST && self.list_is_block {
            push_newline(writer, self.block.unwrap_or(0) + 2)?;
        }
        self.depth -= 1;
        writer.write_all(b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        // A blank or a newline follows, depending on the item.
        self.item = Some(first);
        if first { Ok(()) } else { writer.write_all(b",") }
    }

    fn begin_string<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.blank(writer)?;
        writer.write_all(b"\"")
    }

    fn write_i64<W: ?Sized + Write>(&mut self, writer: &mut W, number: i64) -> io::Result<()> {
        self.blank(writer)?;
        write!(writer, "{number}")
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        match self.block {
            Some(indent) if self.depth == LIST && self.item.is_some() => {
                self.item = None;
                self.list_is_block = true;
                push_newline(writer, indent + 4)?;
            }
            _ => self.blank(writer)?,
        }
        self.depth += 1;
        writer.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if let (Some(indent), OUTERMOST) = (self.block, self.depth) {
            push_newline(writer, indent)?;
        }
        self.depth -= 1;
        writer.write_all(b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if !first {
            writer.write_all(b",")?;
        }
        match (self.block, self.depth) {
            (Some(indent), OUTERMOST) => push_newline(writer, indent + 2),
            _ if first => Ok(()),
            _ => writer.write_all(b" "),
        }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_block_has_its_fields_and_the_objects_of_its_lists_on_lines_of_their_own() {
        let value = json!({
            "a": 1,
            "b": ["x", "y"],
            "c": {"d": 2, "e": [{"f": 3}, {"g": 4}], "h": {}},
            "i": [{"j": [5]}, {"k": null, "l": "m"}],
            "n": [],
        });
        let mut text = Vec::new();
        push_block(&mut text, 2, &value).expect("no error");
        assert_eq!(
            String::from_utf8_lossy(&text),
            r#"{
    "a": 1,
    "b": ["x", "y"],
    "c": {"d": 2, "e": [{"f": 3}, {"g": 4}], "h": {}},
    "i": [
      {"j": [5]},
      {"k": null, "l": "m"}
    ],
    "n": []
  }"#
        );
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&text).expect("JSON"), value);

        let mut text = Vec::new();
        push_line(&mut text, &value).expect("no error");
        assert!(!text.contains(&b'\n'));
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&text).expect("JSON"), value);
    }
}
