//! The words of a line.

/// A word, or a brace by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    Open,
    Close,
    Text(String),
}

/// Splits a line. Quotation marks are removed, and what is between them belongs to one word. A
/// quotation that does not end goes on to the end of the line.
pub(super) fn words(line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut text: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars().peekable();
    while let Some(char) = chars.next() {
        if let Some(mark) = quote {
            match char {
                '\\' => text.get_or_insert_default().extend(chars.next()),
                _ if char == mark => quote = None,
                _ => text.get_or_insert_default().push(char),
            }
            continue;
        }
        match char {
            '"' | '\'' => {
                quote = Some(char);
                text.get_or_insert_default();
            }
            // A parameter that nothing defines stays as it is.
            '$' if chars.peek() == Some(&'{') => {
                let text = text.get_or_insert_default();
                text.push('$');
                for char in chars.by_ref() {
                    text.push(char);
                    if char == '}' {
                        break;
                    }
                }
            }
            '{' | '}' => {
                words.extend(text.take().map(Word::Text));
                words.push(if char == '{' { Word::Open } else { Word::Close });
            }
            _ if char.is_ascii_whitespace() => words.extend(text.take().map(Word::Text)),
            _ => text.get_or_insert_default().push(char),
        }
    }
    words.extend(text.map(Word::Text));
    words
}

/// The line without its comment, which begins with `#` or `!` anywhere but between quotation marks.
pub(super) fn without_comment(line: &str) -> &str {
    let mut quote = None;
    let mut chars = line.char_indices();
    while let Some((at, char)) = chars.next() {
        match quote {
            Some(_) if char == '\\' => {
                chars.next();
            }
            Some(mark) if char == mark => quote = None,
            Some(_) => {}
            None if char == '"' || char == '\'' => quote = Some(char),
            None if char == '#' || char == '!' => return &line[..at],
            None => {}
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        words(line)
            .into_iter()
            .map(|word| match word {
                Word::Open => "{".to_owned(),
                Word::Close => "}".to_owned(),
                Word::Text(text) => text,
            })
            .collect()
    }

    #[test]
    fn words_and_braces_are_split() {
        for (line, want) in [
            ("", &[][..]),
            ("real_server 10.0.0.1 80{", &["real_server", "10.0.0.1", "80", "{"]),
            ("{ weight 5 }", &["{", "weight", "5", "}"]),
            (r#"abcd" efg h jkl "mnop"#, &["abcd efg h jkl mnop"]),
            (r#"abcd "efg h jkl" mnop"#, &["abcd", "efg h jkl", "mnop"]),
            (r#"quorum_up "/x { \" }" a"#, &["quorum_up", r#"/x { " }"#, "a"]),
            (r#"x """#, &["x", ""]),
            ("x 'a \"b'", &["x", "a \"b"]),
            ("x \"a { b", &["x", "a { b"]),
            ("a${B}c $D", &["a${B}c", "$D"]),
            ("a${B", &["a${B"]),
        ] {
            assert_eq!(texts(line), want, "{line}");
        }
    }

    #[test]
    fn comments_begin_anywhere_but_in_quotations() {
        for (line, want) in [
            ("weight 5 # five", "weight 5 "),
            ("weight 5!five", "weight 5"),
            ("! all of it", ""),
            (r##"quorum_up "/x #1" # two"##, r##"quorum_up "/x #1" "##),
            (r##"a "\"#" b"##, r##"a "\"#" b"##),
        ] {
            assert_eq!(without_comment(line), want);
        }
    }
}
