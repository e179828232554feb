//! The host, its kernel and its processes.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::doctor::facts::{Facts, Host};
use crate::kernel::connect::is_loaded;

pub(super) fn gather(facts: &mut Facts) {
    let release = line("/proc/sys/kernel/osrelease").unwrap_or_default();
    let folder = format!("/lib/modules/{release}");
    facts.host = Host {
        in_container: is_in_container(),
        may_administer: may_administer(),
        modules: modules(&folder),
        has_ipvs: is_loaded(),
        has_module: has_module(&folder),
        managers: managers(),
        release,
    };
}

fn line(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim_end().to_owned())
}

/// True if this is a container, as its managers mark them. A network namespace alone is none.
fn is_in_container() -> bool {
    const MARKS: [&str; 3] = ["/run/.containerenv", "/.dockerenv", "/run/systemd/container"];
    // Docker, containerd, CRI-O and LXC name themselves in the groups of version 1.
    let groups = || line("/proc/1/cgroup").unwrap_or_default();
    let is_named = |groups: &str| {
        ["/docker/", "/kubepods", "/lxc/", "/libpod"].iter().any(|name| groups.contains(name))
    };
    let environment = || fs::read("/proc/1/environ").unwrap_or_default();
    MARKS.iter().any(|mark| Path::new(mark).exists())
        || is_named(&groups())
        || environment().split(|byte| *byte == 0).any(|it| it.starts_with(b"container="))
}

/// `CAP_NET_ADMIN` of `<linux/capability.h>`.
const NET_ADMIN: u64 = 1 << 12;

fn may_administer() -> bool {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let bits = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    bits.and_then(|it| u64::from_str_radix(it.trim(), 16).ok())
        .is_some_and(|it| it & NET_ADMIN != 0)
}

/// The name of a module, of its file: the kernel has underscores.
fn module_name(path: &str) -> Option<String> {
    let (_, file) = path.rsplit_once('/').unwrap_or(("", path));
    let (name, _) = file.split_once(".ko")?;
    Some(name.replace('-', "_"))
}

/// Loaded and built-in ones. Without the list of those that are built in, there may be others.
fn modules(folder: &str) -> Option<Vec<String>> {
    let built_in = fs::read_to_string(format!("{folder}/modules.builtin")).ok();
    let loaded = match fs::read_to_string("/proc/modules") {
        Ok(loaded) => loaded,
        // A kernel without modules has no such file.
        Err(_) if built_in.is_some() => String::new(),
        Err(_) => return None,
    };
    let mut names: BTreeSet<String> =
        loaded.lines().filter_map(|it| it.split(' ').next()).map(str::to_owned).collect();
    names.extend(built_in?.lines().filter_map(module_name));
    Some(names.into_iter().collect())
}

/// `None`: no list of them is here.
fn has_module(folder: &str) -> Option<bool> {
    let lists =
        ["modules.dep", "modules.builtin"].map(|name| File::open(format!("{folder}/{name}")));
    let [Ok(loadable), built_in] = lists else {
        return None;
    };
    let files = [Some(loadable), built_in.ok()].into_iter().flatten();
    let mut lines = files.flat_map(|file| BufReader::new(file).lines().map_while(Result::ok));
    Some(lines.any(|line| {
        let file = line.split(':').next().unwrap_or_default();
        module_name(file).is_some_and(|name| name == "ip_vs")
    }))
}

/// Programs that manage an IPVS table, in this thread's network namespace.
fn managers() -> Vec<String> {
    let Ok(own) = fs::read_link("/proc/thread-self/ns/net") else {
        return Vec::new();
    };
    let mut found = BTreeSet::new();
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let is_process = process.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit);
        let Some(name) = is_process.then(|| manager(&process.path())).flatten() else {
            continue;
        };
        if fs::read_link(process.path().join("ns/net")).is_ok_and(|namespace| namespace == own) {
            found.insert(name.to_owned());
        }
    }
    found.into_iter().collect()
}

const MANAGERS: [&str; 4] = ["keepalived", "ldirectord", "kube-proxy", "kube-router"];

/// The name of the process if it is one of them. `ldirectord` is a script: its interpreter runs.
fn manager(process: &Path) -> Option<&'static str> {
    let command = fs::read(process.join("cmdline")).unwrap_or_default();
    let mut words =
        command.split(|byte| *byte == 0).take(4).filter_map(|it| str::from_utf8(it).ok());
    let program = words.next().unwrap_or_default();
    let is_interpreter = file_name(program).is_some_and(|it| it.starts_with("perl"));
    let script = words.find(|word| is_interpreter && !word.starts_with('-')).unwrap_or_default();
    MANAGERS.into_iter().find(|name| [program, script].iter().any(|it| file_name(it) == Some(name)))
}

fn file_name(path: &str) -> Option<&str> {
    // A program may write more behind its name.
    let path = path.split(' ').next()?.trim_end_matches(':');
    Path::new(path).file_name().and_then(OsStr::to_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_named_after_its_file() {
        let name = |path| module_name(path);
        assert_eq!(name("kernel/net/netfilter/ipvs/ip_vs.ko.xz").as_deref(), Some("ip_vs"));
        assert_eq!(name("kernel/net/netfilter/nf-tables.ko").as_deref(), Some("nf_tables"));
        assert_eq!(name("kernel/README"), None);
    }

    #[test]
    fn a_program_is_known_by_the_name_of_its_file() {
        assert_eq!(file_name("/usr/sbin/keepalived"), Some("keepalived"));
        assert_eq!(file_name("keepalived: checker"), Some("keepalived"));
        assert_eq!(file_name(""), None);
    }
}
