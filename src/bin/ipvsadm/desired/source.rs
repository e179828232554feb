//! Reads the file, or standard input, that describes a state.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use anyhow::Context;

use crate::process::failure::{Failure, plain};
use crate::process::notice::say;

/// Reads a whole file, or standard input if there is no file or it is `-`.
pub(crate) fn read_all(file: Option<&Path>) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = match file.filter(|file| *file != Path::new("-")) {
        Some(path) => File::open(path)
            .and_then(|mut file| file.read_to_end(&mut bytes))
            .map_err(plain)
            .with_context(|| path.display().to_string()),
        None => {
            let mut input = io::stdin().lock();
            if input.is_terminal() {
                say("Reading rules or JSON from the terminal. Press Ctrl-D to finish, Ctrl-C to \
                     cancel.");
            }
            input.read_to_end(&mut bytes).map_err(plain).context("standard input")
        }
    };
    read.map_err(Failure::Unreadable)?;
    Ok(bytes)
}
