//! The shells, and the scripts that they load.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::Path;

use anyhow::anyhow;
use clap::Command;
use clap_complete::env::{Bash, EnvCompleter, Fish, Zsh};

use crate::process::failure::Failure;

/// The shell with this name, or at this path.
pub(super) fn named(shell: &OsStr) -> Result<&'static dyn EnvCompleter, Failure> {
    let shells: [&dyn EnvCompleter; 3] = [&BASH, &ZSH, &Fish];
    let name = Path::new(shell).file_name().unwrap_or(shell).to_string_lossy();
    shells.into_iter().find(|known| known.is(&name)).ok_or_else(|| {
        Failure::Other(anyhow!("there are completions for bash, zsh and fish, not for `{name}`"))
    })
}

/// A shell that clap completes for, loaded by a script of our own.
struct Scripted {
    shell: &'static dyn EnvCompleter,
    write: fn(&Registration<'_>, &mut dyn Write) -> io::Result<()>,
}

/// What a script is told.
struct Registration<'r> {
    variable: &'r str,
    name: &'r str,
    program: &'r str,
    completer: &'r str,
}

impl EnvCompleter for Scripted {
    fn name(&self) -> &'static str {
        self.shell.name()
    }

    fn is(&self, name: &str) -> bool {
        name == self.name()
    }

    fn write_registration(
        &self,
        variable: &str,
        name: &str,
        program: &str,
        completer: &str,
        buffer: &mut dyn Write,
    ) -> io::Result<()> {
        (self.write)(&Registration { variable, name, program, completer }, buffer)
    }

    fn write_complete(
        &self,
        command: &mut Command,
        words: Vec<OsString>,
        folder: Option<&Path>,
        buffer: &mut dyn Write,
    ) -> io::Result<()> {
        self.shell.write_complete(command, words, folder, buffer)
    }
}

/// Bash: addresses and settings have `:` and `=`, where it splits words, and brackets, which it would
/// expand.
const BASH: Scripted = Scripted { shell: &Bash, write: write_bash };

const BASH_SCRIPT: &str = r#"# Completion of @program@, for bash.
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

fn write_bash(registration: &Registration<'_>, buffer: &mut dyn Write) -> io::Result<()> {
    let function = format!("_{}", registration.name.replace('-', "_"));
    let script = BASH_SCRIPT
        .replace("@function@", &function)
        .replace("@program@", registration.program)
        .replace("@variable@", registration.variable);
    buffer.write_all(script.as_bytes())
}

/// Zsh. Its file in `$fpath` is run when something is first completed, which clap's leaves without
/// an answer.
const ZSH: Scripted = Scripted { shell: &Zsh, write: write_zsh };

fn write_zsh(registration: &Registration<'_>, buffer: &mut dyn Write) -> io::Result<()> {
    let Registration { variable, name, program, completer } = *registration;
    Zsh.write_registration(variable, name, program, completer, buffer)?;
    let function = name.replace('-', "_");
    write!(
        buffer,
        "\nif [[ $funcstack[1] == _{name} ]]; then\n    \
         _clap_dynamic_completer_{function} \"$@\"\nfi\n"
    )
}
