//! Reads the file, or standard input, that describes a state.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use crate::process::failure::Failure;
use crate::process::notice::say;

/// Reads a whole file, or standard input if there is no file or it is `-`.
pub(crate) fn read_all(file: Option<&Path>) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    match file.filter(|file| *file != Path::new("-")) {
        Some(path) => File::open(path)
            .and_then(|mut file| file.read_to_end(&mut bytes))
            .map_err(|error| Failure::unreadable(path.display(), error))?,
        None => {
            let mut input = io::stdin().lock();
            if input.is_terminal() {
                say("Reading rules or JSON from the terminal. Press Ctrl-D to finish, Ctrl-C to \
                     cancel.");
            }
            let read = input.read_to_end(&mut bytes);
            read.map_err(|error| Failure::unreadable("standard input", error))?
        }
    };
    Ok(bytes)
}
