//! Which program is under test, and which one it is held against.

use std::env;
use std::path::PathBuf;

/// Set to the path of another `ipvsadm`, has that one tested instead: a release build, or the reference itself.
pub(crate) const OVERRIDE: &str = "IPVSADM";

/// The program under test.
pub(crate) fn ipvsadm() -> PathBuf {
    match env::var_os(OVERRIDE) {
        Some(path) if !path.is_empty() => path.into(),
        _ => env!("CARGO_BIN_EXE_ipvsadm").into(),
    }
}

/// Debian's `ipvsadm`.
pub(crate) fn reference() -> PathBuf {
    "/usr/sbin/ipvsadm".into()
}
