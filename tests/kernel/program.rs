//! The programs under test, and the one they are compared with.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The variable with the path of another `ipvsadm` to test, such as a release build or the
/// reference itself.
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

/// The program built from `examples/NAME.rs`.
pub(crate) fn example(name: &str) -> PathBuf {
    folder_of_examples().expect("this program is in a build folder").join(name)
}

/// The folder of the programs built from `examples/`.
pub(crate) fn folder_of_examples() -> Option<PathBuf> {
    Some(build_folder()?.join("examples"))
}

/// Builds the examples: `cargo test --test kernel`, unlike plain `cargo test`, does not.
pub(crate) fn build_examples() -> Result<(), String> {
    static BUILT: OnceLock<Result<(), String>> = OnceLock::new();
    BUILT.get_or_init(cargo_build_examples).clone()
}

fn cargo_build_examples() -> Result<(), String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--examples"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    // The build folder has the name of the profile, but `debug` is the profile `dev`.
    match build_folder().as_deref().and_then(Path::file_name) {
        Some(profile) if profile != "debug" => command.arg("--profile").arg(profile),
        _ => &mut command,
    };
    match command.stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr))),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}

/// The parent of the folder `deps`, where this program is: usually `target/debug`.
fn build_folder() -> Option<PathBuf> {
    Some(env::current_exe().ok()?.parent()?.parent()?.to_owned())
}
