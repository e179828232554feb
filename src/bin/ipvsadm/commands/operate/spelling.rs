//! Names of servers, and command lines to go on with, as messages have them.

use std::fmt;

use ipvs::rules::grammar::Target;
use ipvs::{DestinationKey, ServiceKey};

use crate::process::memory::{server_options, service_options};

/// Spells command lines for the network namespace that the user named.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spelling<'n> {
    namespace: Option<&'n str>,
}

impl<'n> Spelling<'n> {
    pub(super) fn new(namespace: Option<&'n str>) -> Self {
        Spelling { namespace }
    }

    /// `ipvsadm --drain -t 192.0.2.1:80 -r 10.0.0.1:80`, with something at the end if `more` is not
    /// empty.
    pub(super) fn on(
        &self,
        command: &str,
        service: &ServiceKey,
        server: &DestinationKey,
        more: &str,
    ) -> String {
        let options = server_options(service, server);
        // A protocol that has no option cannot be named, only its server.
        self.line(command, &options.unwrap_or_else(|_| format!("-r {server}")), more)
    }

    /// `ipvsadm -E -t 192.0.2.1:80`, with something at the end.
    pub(super) fn on_service(&self, command: &str, service: &ServiceKey, more: &str) -> String {
        let options = service_options(service);
        self.line(command, &options.unwrap_or_else(|_| format!("({service})")), more)
    }

    /// The same for whatever the user named.
    pub(super) fn on_target(&self, command: &str, target: &Target, more: &str) -> String {
        match target {
            Target::In(service, server) => self.on(command, service, server, more),
            Target::Everywhere(server) => self.line(command, &format!("-r {server}"), more),
        }
    }

    /// A rule as a command line.
    pub(super) fn rule(&self, rule: &str) -> String {
        self.line(rule, "", "")
    }

    fn line(&self, command: &str, options: &str, more: &str) -> String {
        let mut line = format!("ipvsadm {command}");
        for part in [options, more] {
            if !part.is_empty() {
                line = format!("{line} {part}");
            }
        }
        match self.namespace {
            Some(namespace) => format!("{line} --netns {}", quoted(namespace)),
            None => line,
        }
    }
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:@+,".contains(c);
    match word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// `10.0.0.1:80 of TCP 192.0.2.1:80`
#[derive(Debug, Clone, Copy)]
pub(super) struct Named(pub(super) ServiceKey, pub(super) DestinationKey);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.1, self.0)
    }
}

/// `1 active and 2 inactive connections`
pub(super) fn connections(active: u32, inactive: u32) -> String {
    let noun = if active == 0 && inactive == 1 || active == 1 && inactive == 0 {
        "connection"
    } else {
        "connections"
    };
    match (active, inactive) {
        (0, 0) => "no connection".to_owned(),
        (active, 0) => format!("{active} active {noun}"),
        (0, inactive) => format!("{inactive} inactive {noun}"),
        (active, inactive) => format!("{active} active and {inactive} inactive {noun}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_can_be_pasted_into_a_shell() {
        let service = "FWM 7 IPv6".parse().expect("a key");
        let server = "[2001:db8::1]:0".parse().expect("a key");
        for (namespace, end) in [
            (None, ""),
            (Some("blue"), " --netns blue"),
            (Some("/run/a b"), " --netns '/run/a b'"),
            (Some("it's"), r" --netns 'it'\''s'"),
        ] {
            let line = Spelling::new(namespace).on("-e", &service, &server, "-w 3 --keep");
            let expected = format!("ipvsadm -e -f 7 -6 -r [2001:db8::1]:0 -w 3 --keep{end}");
            assert_eq!(line, expected);
        }
    }

    #[test]
    fn connections_are_counted_in_words() {
        for (active, inactive, text) in [
            (0, 0, "no connection"),
            (1, 0, "1 active connection"),
            (0, 1, "1 inactive connection"),
            (2, 0, "2 active connections"),
            (1, 1, "1 active and 1 inactive connections"),
        ] {
            assert_eq!(connections(active, inactive), text);
        }
    }
}
