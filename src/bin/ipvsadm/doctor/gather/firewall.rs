//! The rules of the firewall, as the programs that manage them list them.
//!
//! The rules of `iptables`, as it is today, are those of nftables, and `nft` lists them too, but not
//! what it has no words for. So `iptables-save` is asked about tables that have such rules.

pub(in crate::doctor) mod iptables;
pub(in crate::doctor) mod nft;

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::process::{Command, Stdio};

use crate::doctor::facts::Facts;
use crate::doctor::facts::firewall::{Chain, Firewall, Packets, Tool};

/// The most rules that are kept.
const MOST_RULES: usize = 100_000;

pub(super) fn gather(facts: &mut Facts) {
    let mut firewall = Firewall::default();
    let mut hidden = Vec::new();
    if may_have_nftables(facts.host.modules.as_deref()) {
        match with_nft() {
            Ok(ruleset) => {
                firewall.chains = ruleset.chains;
                firewall.arp = ruleset.has_arp.then(|| "nftables".to_owned());
            }
            Err(why) => {
                hidden.push(why);
                // The tables of iptables are all that can be known.
                firewall.chains = with_iptables_nft(None).unwrap_or_default();
            }
        }
    }
    match with_iptables_legacy() {
        Ok(chains) => firewall.chains.extend(chains),
        Err(why) => hidden.push(why),
    }
    let mut count = 0;
    for chain in &mut firewall.chains {
        chain.rules.truncate(MOST_RULES - count);
        count += chain.rules.len();
    }
    if count == MOST_RULES {
        hidden.push(format!("only {MOST_RULES} rules of the firewall were read"));
    }
    if !hidden.is_empty() {
        firewall.hidden = Some(hidden.join("; "));
    }
    if firewall.arp.is_none() && has_arptables_legacy() {
        firewall.arp = Some("arptables".to_owned());
    }
    facts.firewall = Some(firewall);
}

/// False if the kernel cannot have rules of nftables, as its module is neither loaded nor built in.
/// Asking for them would load it.
fn may_have_nftables(modules: Option<&[String]>) -> bool {
    modules.is_none_or(|modules| modules.iter().any(|module| module == "nf_tables"))
}

/// The chains of nftables.
fn with_nft() -> Result<nft::Ruleset, String> {
    let json = run("nft", &["-j", "list", "ruleset"]);
    let json = json.map_err(|problem| problem.for_package("nftables"))?;
    // For people, as JSON is not.
    let text = run("nft", &["-a", "list", "ruleset"]).unwrap_or_default();
    let mut ruleset =
        nft::parse(&json, &text).map_err(|error| format!("nft -j list ruleset: {error}"))?;
    if !ruleset.foreign.is_empty() {
        // Without iptables, nft's own view of these has to do: what it cannot tell is unknown there.
        let chains = with_iptables_nft(Some(&ruleset.foreign)).unwrap_or_default();
        ruleset.chains.retain(|it| {
            !chains.iter().any(|better| (better.family, &better.table) == (it.family, &it.table))
        });
        ruleset.chains.extend(chains);
    }
    Ok(ruleset)
}

/// The chains that iptables has in nftables, of these tables only.
fn with_iptables_nft(tables: Option<&BTreeSet<(bool, String)>>) -> Result<Vec<Chain>, String> {
    let mut all = Vec::new();
    for (is_ipv6, family, program) in FAMILIES {
        if tables.is_some_and(|tables| !tables.iter().any(|(it, _)| it == is_ipv6)) {
            continue;
        }
        let listed = match run(&format!("{program}-nft-save"), &[]) {
            Err(Problem::NotThere) => run(&format!("{program}-save"), &[]),
            listed => listed,
        };
        let text = listed.map_err(|problem| problem.for_package("iptables"))?;
        // Under the same name there may be the other one.
        if text.contains("(nf_tables)") {
            let mut chains = iptables::parse(&text, *family, Tool::Iptables);
            chains.retain(|chain| {
                tables.is_none_or(|tables| tables.contains(&(*is_ipv6, chain.table.clone())))
            });
            all.extend(chains);
        }
    }
    Ok(all)
}

const FAMILIES: &[(bool, Packets, &str)] =
    &[(false, Packets::Ip, "iptables"), (true, Packets::Ip6, "ip6tables")];

/// The chains of iptables before nftables, if the kernel has any.
fn with_iptables_legacy() -> Result<Vec<Chain>, String> {
    let mut all = Vec::new();
    for (_, family, program) in FAMILIES {
        let names = match family {
            Packets::Ip6 => "/proc/thread-self/net/ip6_tables_names",
            _ => "/proc/thread-self/net/ip_tables_names",
        };
        match fs::read_to_string(names) {
            Ok(names) if names.trim().is_empty() => continue,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(format!("{names}: {error}")),
            Ok(_) => {}
        }
        let (listed, tool) = match run(&format!("{program}-legacy-save"), &[]) {
            // Where there is but one, it has no longer name.
            Err(Problem::NotThere) => (run(&format!("{program}-save"), &[]), Tool::Iptables),
            listed => (listed, Tool::IptablesLegacy),
        };
        let text = listed.map_err(|problem| problem.for_package("iptables"))?;
        if text.contains("(nf_tables)") {
            return Err(format!(
                "the kernel has tables of {program}-legacy, and {program}-legacy-save is not \
                 installed"
            ));
        }
        all.extend(iptables::parse(&text, *family, tool));
    }
    Ok(all)
}

/// True if arptables before nftables has a rule, or a table that cannot be listed.
fn has_arptables_legacy() -> bool {
    match fs::read_to_string("/proc/thread-self/net/arp_tables_names") {
        Ok(names) if !names.trim().is_empty() => {}
        // The kernel has no such tables, or hides them from who cannot change them.
        _ => return false,
    }
    // Its program for saving lists the rules of nftables instead, on Debian.
    let listed = run("arptables-legacy", &["-L", "-n"]);
    let is_rule = |line: &str| !line.is_empty() && !line.starts_with("Chain ");
    listed.map_or(true, |rules| rules.lines().any(is_rule))
}

enum Problem {
    NotThere,
    Failed(String),
}

impl Problem {
    fn for_package(self, package: &str) -> String {
        match self {
            Problem::NotThere => {
                format!("the rules of the firewall cannot be listed: install the package {package}")
            }
            Problem::Failed(why) => why,
        }
    }
}

/// Runs a program to its end, and returns what it prints. Those of administrators are often not in the
/// PATH of others.
fn run(program: &str, arguments: &[&str]) -> Result<String, Problem> {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = path.split(':').filter(|folder| folder.starts_with('/'));
    let mut files = folders.chain(["/usr/sbin", "/sbin"]).map(|it| format!("{it}/{program}"));
    let file = files.find(|file| fs::metadata(file).is_ok()).ok_or(Problem::NotThere)?;
    let output = Command::new(file)
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Problem::Failed(format!("{program}: {error}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let first = words.lines().next().unwrap_or("failed").trim();
    Err(Problem::Failed(format!("{program}: {first}")))
}
