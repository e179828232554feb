//! Recognizes the kind of a file by its content.

use super::{keepalived, ldirectord};

/// The kind of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Rules,
    Json,
    /// The file of keepalived.
    Keepalived,
    /// The file of ldirectord.
    Ldirectord,
    /// Something else: its name, and what to do about it.
    Other(&'static str),
}

/// Files passed by mistake: their first bytes, and the message for each.
const OTHERS: &[(&[u8], &str)] = &[
    (b"\x1f\x8b", "gzip data; decompress it first: zcat FILE | ipvsadm --apply"),
    (b"\x28\xb5\x2f\xfd", "zstd data; decompress it first: zstdcat FILE | ipvsadm --apply"),
    (b"\xfd7zXZ\x00", "xz data; decompress it first: xzcat FILE | ipvsadm --apply"),
    (b"BZh", "bzip2 data; decompress it first: bzcat FILE | ipvsadm --apply"),
    (b"PK\x03\x04", "a zip archive; unpack it first"),
    (b"\x7fELF", "a program"),
    (b"\xff\xfe", "UTF-16 text; convert it first: iconv -f UTF-16 -t UTF-8 FILE"),
    (b"\xfe\xff", "UTF-16 text; convert it first: iconv -f UTF-16 -t UTF-8 FILE"),
    (b"\xef\xbb\xbf", "UTF-8 text with a byte order mark; remove it: sed '1s/^\\xef\\xbb\\xbf//'"),
    (b"IP Virtual Server version", "a listing; save rules instead: ipvsadm -S -n"),
    (b"Prot LocalAddress:Port", "a listing; save rules instead: ipvsadm -S -n"),
    (b"IPVS connection entries", "a list of connections; save rules instead: ipvsadm -S -n"),
    (b"# HELP ", "Prometheus metrics; save rules instead: ipvsadm -S -n"),
    (
        b"[",
        "a JSON list; pass the whole object that ipvsadm -S --json prints: {\"services\": [...]}",
    ),
    (b"<", "markup (HTML or XML)"),
    (b"#!", "a script; run it instead"),
];

impl Kind {
    pub(crate) fn of(bytes: &[u8]) -> Kind {
        let text = bytes.trim_ascii_start();
        let other = OTHERS.iter().find(|(start, _)| text.starts_with(start));
        match (other, text.first()) {
            (Some((_, description)), _) => Kind::Other(description),
            (None, Some(b'{')) => Kind::Json,
            (None, _) if looks_like_utf16(bytes) => Kind::Other(
                "UTF-16 text without a byte order mark; convert it first: \
                 iconv -f UTF-16LE -t UTF-8 FILE",
            ),
            (None, _) if bytes.iter().take(4096).any(|byte| *byte == 0) => {
                Kind::Other("binary data")
            }
            (None, _) => Kind::by_words(&String::from_utf8_lossy(bytes)),
        }
    }

    /// By the first line that tells.
    fn by_words(text: &str) -> Kind {
        let kind = |line: &str| {
            let line = line.trim();
            let end = line.find(|char: char| {
                char.is_ascii_whitespace() || matches!(char, '{' | '=' | '#' | '!')
            });
            let word = &line[..end.unwrap_or(line.len())];
            let is_set = line[word.len()..].trim_start().starts_with('=');
            if line.starts_with('-') || word == "ipvsadm" {
                Some(Kind::Rules)
            } else if is_set && ldirectord::is_keyword(word) {
                Some(Kind::Ldirectord)
            } else if keepalived::is_keyword(word) || (is_set && word.starts_with('$')) {
                Some(Kind::Keepalived)
            } else {
                None
            }
        };
        text.lines().take(MANY).find_map(kind).unwrap_or(Kind::Rules)
    }
}

/// More lines than any file has of comments and of what nobody knows before anything else.
const MANY: usize = 10_000;

/// True if every other byte at the beginning is NUL, as in plain text encoded in UTF-16.
fn looks_like_utf16(bytes: &[u8]) -> bool {
    let nul = |parity: usize| bytes.iter().skip(parity).step_by(2).take(32).all(|byte| *byte == 0);
    bytes.len() >= 4 && (nul(0) != nul(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_and_json_are_recognized() {
        for rules in ["", "\n", "-A -f 1\n", "  -C", "# a comment\n", "ipvsadm -A -f 1", "*"] {
            assert_eq!(Kind::of(rules.as_bytes()), Kind::Rules, "{rules:?}");
        }
        for json in ["{}", " \n{\"services\": []}"] {
            assert_eq!(Kind::of(json.as_bytes()), Kind::Json, "{json:?}");
        }
    }

    #[test]
    fn files_of_health_checkers_are_recognized() {
        for file in [
            "! Configuration File for keepalived\n\nglobal_defs {\n",
            "# comment\n\n  virtual_server 10.0.0.1 80 {",
            "virtual_server_group{",
            "$VIP=10.0.0.1\nvirtual_server $VIP 80 {",
            "include /etc/keepalived/conf.d/*.conf",
            "@main vrrp_x\nvrrp_instance VI_1 {",
        ] {
            assert_eq!(Kind::of(file.as_bytes()), Kind::Keepalived, "{file:?}");
        }
        for file in [
            "# Global Directives\nchecktimeout=3\n",
            "quiescent = no",
            "virtual=192.168.6.240:80\n\treal=192.168.6.2:80 gate",
            "virtual6=[2001:db8::1]:80",
        ] {
            assert_eq!(Kind::of(file.as_bytes()), Kind::Ldirectord, "{file:?}");
        }
        for file in ["virtual 1", "hello = world", "{", "-A -f 1\nvirtual=1", "ipvsadm -A -f 1"] {
            assert!(
                !matches!(Kind::of(file.as_bytes()), Kind::Keepalived | Kind::Ldirectord),
                "{file:?}"
            );
        }
    }

    #[test]
    fn files_of_other_kinds_are_recognized() {
        for (bytes, expected) in [
            (&b"\x1f\x8b\x08\x00"[..], "gzip"),
            (b"\xff\xfe-\0A\0", "UTF-16"),
            (b"-\0A\0 \0-\0f\0", "UTF-16"),
            (b"\0-\0A\0 ", "UTF-16"),
            (b"\xef\xbb\xbf-A -f 1", "byte order mark"),
            (b"IP Virtual Server version 1.2.1 (size=4096)\n", "listing"),
            (b"\n[{\"protocol\": \"tcp\"}]", "JSON list"),
            (b"-A -f 1\n\0\0\0", "binary"),
            (b"#!/bin/sh\nipvsadm -C\n", "script"),
        ] {
            match Kind::of(bytes) {
                Kind::Other(description) => {
                    assert!(description.contains(expected), "{description}");
                }
                kind => panic!("{bytes:?} is {kind:?}"),
            }
        }
    }
}
