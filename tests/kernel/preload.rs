//! Libraries that a program loads before the C library, to see another kernel than the real one, or
//! to be slowed down.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

/// Builds a library from C, and returns its path, for `LD_PRELOAD`.
pub(crate) fn build(name: &str, source: &str) -> PathBuf {
    let library = env::temp_dir().join(name).with_extension("so");
    let file = library.with_extension("c");
    fs::write(&file, source).expect("the source");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
        .args([&library, &file])
        .output()
        .expect("a C compiler");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    library
}
