//! Host and service names, both ways: names for the addresses and ports of a listing, and
//! addresses and ports for the names in what the user wrote.

mod hosts;
mod ports;
mod resolver;
mod reverse;

pub(crate) use resolver::Resolver;
pub(crate) use reverse::ReverseNames;

/// Whether a name can stand in a listing and in a rule. Names come from files and name servers,
/// which might send what moves the cursor or looks like another column.
fn is_printable(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_spoil_a_listing_are_not_printed() {
        assert!(is_printable("www-1.example_2.com"));
        for name in ["", "a b", "a\nb", "\u{1b}[2J", "a:b", "ä.example", "[x]"] {
            assert!(!is_printable(name), "{name:?}");
        }
    }
}
