//! The table of checks and `docs/doctor.md` say the same.

use std::collections::BTreeMap;

use super::all;

const PAGE: &str = include_str!("../../../../../docs/doctor.md");

/// What the sections of checks have in common, one paragraph each.
const PARAGRAPHS: [&str; 4] = ["**Clients", "**Evidence:**", "**Fix:**", "**Check:**"];

/// The ids of the checks with their severities.
fn checks() -> BTreeMap<&'static str, &'static str> {
    let checks: Vec<_> = all().map(|check| (check.id, check.severity.word().0)).collect();
    let by_id: BTreeMap<_, _> = checks.iter().copied().collect();
    assert_eq!(by_id.len(), checks.len(), "two checks with one id");
    by_id
}

/// The page before the chapter on the file of facts, whose sections are not about checks.
fn about_checks() -> &'static str {
    PAGE.split_once("\n## Facts as a file\n").expect("a chapter on facts").0
}

#[test]
fn the_index_has_each_check_with_its_severity() {
    let mut index = BTreeMap::new();
    for row in PAGE.lines().filter(|line| line.starts_with("| [")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [link, severity, words] = cells[..] else {
            panic!("not three cells: {row}");
        };
        let id = link.trim_start_matches('[').split(']').next().unwrap_or_default();
        assert_eq!(link, format!("[{id}](#{id})"));
        assert!(!words.is_empty(), "{row}");
        assert_eq!(index.insert(id, severity), None, "{id} is there twice");
    }
    assert_eq!(index, checks());
}

#[test]
fn each_check_has_its_section() {
    let mut sections = BTreeMap::new();
    for section in about_checks().split("\n### ").skip(1) {
        let section = section.split("\n## ").next().unwrap_or_default();
        let (id, text) = section.split_once('\n').expect("a section with text");
        assert_eq!(sections.insert(id, text), None, "{id} is there twice");
    }
    let documented: Vec<_> = sections.keys().copied().collect();
    assert_eq!(documented, checks().into_keys().collect::<Vec<_>>());
    for (id, text) in sections {
        let paragraphs: Vec<&str> = text.trim().split("\n\n").collect();
        let begin_well = paragraphs.iter().zip(PARAGRAPHS).all(|(it, word)| it.starts_with(word));
        assert!(paragraphs.len() == PARAGRAPHS.len() && begin_well, "{id}: {paragraphs:#?}");
    }
}
