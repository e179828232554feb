//! Reads what keepalived.conf(5) sets up in IPVS.
//!
//! [`lines`] does what keepalived does before it looks at any keyword: it includes files, removes
//! comments, and replaces parameters. [`blocks`] makes statements of the lines, and blocks of
//! statements. [`services`] and [`global`] give those of them a meaning that are about IPVS, and
//! all others are skipped: VRRP, scripts, and what the checks check.
//!
//! Where the manual page is silent, keepalived 2.2.7 has been asked, by running it.

mod blocks;
mod global;
mod lines;
mod ranges;
mod services;
mod words;

use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;

use ipvs::rules::grammar::likely;
use ipvs::{DestinationKey, ServiceKey};

use self::blocks::Statement;
use self::lines::Lines;
use super::Found;
use super::position::Position;

/// The place of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    /// In the file itself; for what is in an included file, the line that includes it.
    line: u64,
    /// The included file, and the line in it.
    included: Option<(Rc<str>, u64)>,
}

impl Place {
    fn position(&self) -> Position {
        Position::line(self.line)
    }
}

/// What is read so far.
#[derive(Debug, Default)]
struct Reader {
    found: Found,
    services: BTreeSet<ServiceKey>,
    servers: BTreeSet<(ServiceKey, DestinationKey)>,
}

impl Reader {
    fn wrong(&mut self, place: &Place, text: impl Into<String>) {
        let text = text.into();
        let text = match &place.included {
            Some((file, line)) => format!("{file}, line {line}: {text}"),
            None => text,
        };
        self.found.mistakes.push((place.position(), text));
    }
}

/// The keywords at the top of a file that are none of ours, so that one of ours which is misspelt
/// can be told from them.
const OTHERS: &[&str] = &[
    "SSL",
    "bfd_instance",
    "child_wait_time",
    "garp_group",
    "include_check",
    "instance",
    "interface_up_down_delays",
    "linkbeat_interfaces",
    "linkbeat_use_polling",
    "namespace_with_ipsets",
    "net_namespace",
    "net_namespace_ipvs",
    "static_ipaddress",
    "static_routes",
    "static_rules",
    "static_track_group",
    "track_file",
    "track_process",
    "use_pid_dir",
    "vrrp_instance",
    "vrrp_script",
    "vrrp_sync_group",
    "vrrp_track_file",
    "vrrp_track_process",
];

/// The keywords at the top of a file that are about IPVS.
const OURS: &[&str] = &["global_defs", "virtual_server", "virtual_server_group"];

/// True if a file may begin with this keyword.
pub(super) fn is_keyword(word: &str) -> bool {
    OTHERS.contains(&word) || OURS.contains(&word) || lines::is_include(word)
}

/// Reads the text of a keepalived.conf in this folder, by whose name the files that it includes
/// are found.
pub(super) fn read(bytes: &[u8], folder: &Path) -> Found {
    let mut reader = Reader::default();
    let lines = Lines::new(bytes, folder);
    let statements = blocks::parse(lines, &mut reader);
    for statement in &statements {
        let keyword = statement.keyword();
        if OURS.contains(&keyword) || OTHERS.contains(&keyword) {
            continue;
        }
        let known = OURS.iter().chain(OTHERS).copied();
        if let Some(ours) = likely(keyword, known).filter(|likely| OURS.contains(likely)) {
            let text = format!("`{keyword}`: no such keyword: did you mean `{ours}`?");
            reader.wrong(&statement.place, text);
        }
    }
    global::read(&statements, &mut reader);
    services::read(&statements, &mut reader);
    reader.found.mistakes.sort_by_key(|(position, _)| *position);
    reader.found
}

/// The statements with this keyword.
fn with_keyword<'s>(
    statements: &'s [Statement],
    keyword: &'s str,
) -> impl Iterator<Item = &'s Statement> {
    statements.iter().filter(move |statement| statement.keyword() == keyword)
}

#[cfg(test)]
mod tests;
