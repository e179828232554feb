//! Libraries to preload into a program, which change its view of the kernel or run a command in the
//! middle of its work.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

/// Builds a library from C source and returns its path, for `LD_PRELOAD`.
pub(crate) fn build(name: &str, source: &str) -> PathBuf {
    let library = env::temp_dir().join(name).with_extension("so");
    let file = library.with_extension("c");
    fs::write(&file, source).expect("the temporary folder is writable");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
        .args([&library, &file])
        .output()
        .expect("a C compiler is installed");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    library
}
