//! The shells, and the scripts that they load.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::Path;

use anyhow::anyhow;
use clap::Command;
use clap_complete::env::{EnvCompleter, Fish};

use crate::process::failure::Failure;

/// The shell with this name, or at this path.
pub(super) fn named(shell: &OsStr) -> Result<&'static dyn EnvCompleter, Failure> {
    let shells: [&dyn EnvCompleter; 3] = [&Bash, &Zsh, &Fish];
    let name = Path::new(shell).file_name().unwrap_or(shell).to_string_lossy();
    shells.into_iter().find(|known| known.is(&name)).ok_or_else(|| {
        Failure::Other(anyhow!("there are completions for bash, zsh and fish, not for `{name}`"))
    })
}

/// Bash, by a script of our own: addresses and settings have `:` and `=`, where bash splits words,
/// and brackets, which it would expand.
struct Bash;

const BASH: &str = r#"# Completion of @program@, for bash.
@function@() {
    local line=${COMP_LINE:0:COMP_POINT} current breaks before
    local -a words
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    current=${words[-1]}
    mapfile -t COMPREPLY < <(
        _CLAP_IFS=$'\n' _CLAP_COMPLETE_INDEX=$((${#words[@]} - 1)) @variable@=bash \
            @program@ -- "${words[@]}" 2>/dev/null
    )
    # Bash replaces only what follows the last of these.
    breaks=${COMP_WORDBREAKS//[^:=]/}
    if [[ -n $breaks ]]; then
        before=${current%"${current##*[$breaks]}"}
        COMPREPLY=("${COMPREPLY[@]#"$before"}")
    fi
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=/] ]]; then
        compopt -o nospace
    fi
}
complete -o nosort -F @function@ @program@
"#;

impl EnvCompleter for Bash {
    fn name(&self) -> &'static str {
        "bash"
    }

    fn is(&self, name: &str) -> bool {
        name == "bash"
    }

    fn write_registration(
        &self,
        variable: &str,
        name: &str,
        program: &str,
        _: &str,
        buffer: &mut dyn Write,
    ) -> io::Result<()> {
        let function = format!("_{}", name.replace('-', "_"));
        let script = BASH
            .replace("@function@", &function)
            .replace("@program@", program)
            .replace("@variable@", variable);
        buffer.write_all(script.as_bytes())
    }

    fn write_complete(
        &self,
        command: &mut Command,
        words: Vec<OsString>,
        folder: Option<&Path>,
        buffer: &mut dyn Write,
    ) -> io::Result<()> {
        clap_complete::env::Bash.write_complete(command, words, folder, buffer)
    }
}

/// Zsh. Its file in `$fpath` is run when something is first completed, which clap's leaves without
/// an answer.
struct Zsh;

impl EnvCompleter for Zsh {
    fn name(&self) -> &'static str {
        "zsh"
    }

    fn is(&self, name: &str) -> bool {
        name == "zsh"
    }

    fn write_registration(
        &self,
        variable: &str,
        name: &str,
        program: &str,
        completer: &str,
        buffer: &mut dyn Write,
    ) -> io::Result<()> {
        let zsh = clap_complete::env::Zsh;
        zsh.write_registration(variable, name, program, completer, buffer)?;
        let function = name.replace('-', "_");
        write!(
            buffer,
            "\nif [[ $funcstack[1] == _{name} ]]; then\n    \
             _clap_dynamic_completer_{function} \"$@\"\nfi\n"
        )
    }

    fn write_complete(
        &self,
        command: &mut Command,
        words: Vec<OsString>,
        folder: Option<&Path>,
        buffer: &mut dyn Write,
    ) -> io::Result<()> {
        clap_complete::env::Zsh.write_complete(command, words, folder, buffer)
    }
}
