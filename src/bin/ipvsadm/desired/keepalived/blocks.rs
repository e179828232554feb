//! Statements, and the blocks of statements that some of them have.

use super::lines::Lines;
use super::words::{Word, words};
use super::{Place, Reader};

/// A keyword with its values, and the block that follows it.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) place: Place,
    /// At least one.
    words: Vec<String>,
    pub(super) block: Option<Vec<Statement>>,
}

impl Statement {
    pub(super) fn keyword(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    pub(super) fn values(&self) -> &[String] {
        self.words.get(1..).unwrap_or_default()
    }

    /// The only value.
    pub(super) fn value(&self) -> Result<&str, String> {
        match self.values() {
            [value] => Ok(value),
            [] => Err("its value is missing".to_owned()),
            [_, more, ..] => Err(format!("one value expected: `{more}` is one too many")),
        }
    }

    pub(super) fn statements(&self) -> &[Statement] {
        self.block.as_deref().unwrap_or_default()
    }
}

/// Deeper than any block of keepalived's.
const MAX_DEPTH: usize = 32;

/// Reads all statements, and says what is wrong with lines and braces.
pub(super) fn parse(lines: Lines, reader: &mut Reader) -> Vec<Statement> {
    // The statements of each block that is open.
    let mut open: Vec<Vec<Statement>> = vec![Vec::new()];
    for (place, line) in lines {
        let line = match line {
            Ok(line) => line,
            Err(why) => {
                reader.wrong(&place, why);
                continue;
            }
        };
        // The statement that the next value belongs to.
        let mut current: Option<Statement> = None;
        for word in words(&line) {
            let depth = open.len();
            let Some(statements) = open.last_mut() else { break };
            match word {
                Word::Text(text) => match &mut current {
                    Some(statement) => statement.words.push(text),
                    None => {
                        let words = vec![text];
                        current = Some(Statement { place: place.clone(), words, block: None });
                    }
                },
                Word::Open => {
                    statements.extend(current.take());
                    if depth > MAX_DEPTH {
                        reader.wrong(&place, "blocks are nested too deeply");
                        return Vec::new();
                    }
                    match statements.last_mut() {
                        Some(statement) if statement.block.is_none() => {}
                        _ => {
                            reader.wrong(&place, "a `{` that belongs to nothing");
                            return Vec::new();
                        }
                    }
                    open.push(Vec::new());
                }
                Word::Close => {
                    statements.extend(current.take());
                    if !close(&mut open) {
                        reader.wrong(&place, "a `}` too many");
                        return Vec::new();
                    }
                }
            }
        }
        if let Some(statements) = open.last_mut() {
            statements.extend(current.take());
        }
    }
    if open.len() > 1 {
        // Innermost last.
        let unclosed = open.iter().rev().nth(1).and_then(|statements| statements.last());
        if let Some(statement) = unclosed {
            let text =
                format!("`{}`: its block has no end: a `}}` is missing", statement.keyword());
            reader.wrong(&statement.place, text);
        }
        while close(&mut open) {}
    }
    open.pop().unwrap_or_default()
}

/// Ends the innermost block. `false` if none is open.
fn close(open: &mut Vec<Vec<Statement>>) -> bool {
    if open.len() < 2 {
        return false;
    }
    let block = open.pop();
    if let Some(statement) = open.last_mut().and_then(|statements| statements.last_mut()) {
        statement.block = block;
    }
    true
}
