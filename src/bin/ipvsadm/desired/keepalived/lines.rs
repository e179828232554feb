//! The lines of a file as keepalived sees them: with included files, without comments, and with
//! parameters replaced.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::Place;
use super::words::{Word, without_comment, words};
use crate::process::failure::plain;

/// A file that includes itself, or a parameter that contains itself, must come to an end.
const MAX_READ: usize = 32 * 1024 * 1024;
const MAX_REPLACED: usize = 1000;
const MAX_NESTING: usize = 64;

/// Reads line after line.
pub(super) struct Lines {
    /// The innermost file, or text of a parameter, comes last.
    sources: Vec<Source>,
    parameters: HashMap<String, String>,
    /// The first part of the name of this machine, which selects lines that begin with `@`.
    node: String,
    /// The bytes of all lines so far, and of each form that a line had on the way.
    read: usize,
}

/// A file, or the text that a parameter stands for.
struct Source {
    /// The lines that are left, the next one last.
    lines: Vec<String>,
    /// The number of the line that is next.
    number: u64,
    /// What all lines of a parameter have in common: the place where it is used.
    place: Option<Place>,
    /// The name of an included file, and the line of the main file that includes it.
    included: Option<(Rc<str>, u64)>,
    folder: Rc<Path>,
}

/// A line that is not empty, or a mistake.
pub(super) type Line = (Place, Result<String, String>);

impl Lines {
    pub(super) fn new(bytes: &[u8], folder: &Path) -> Self {
        let node = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let mut lines = Lines {
            sources: Vec::new(),
            parameters: HashMap::new(),
            node: node.trim().split('.').next().unwrap_or_default().to_owned(),
            read: 0,
        };
        lines.sources.push(Source::new(bytes, None, folder.into()));
        lines
    }

    /// As if this machine had this name.
    #[cfg(test)]
    pub(super) fn on(mut self, node: &str) -> Self {
        node.clone_into(&mut self.node);
        self
    }

    /// The next line as it is written, without its comment.
    fn raw(&mut self) -> Option<(Place, String)> {
        loop {
            let source = self.sources.last_mut()?;
            let Some(line) = source.lines.pop() else {
                self.sources.pop();
                continue;
            };
            let place = source.place();
            source.number += 1;
            let line = without_comment(&line).trim();
            if !line.is_empty() {
                return Some((place, line.to_owned()));
            }
        }
    }

    /// True once too much has been read, with this line.
    fn is_endless(&mut self, line: &str) -> bool {
        self.read += line.len() + 16;
        self.read > MAX_READ || self.sources.len() > MAX_NESTING
    }

    /// Ends the reading.
    fn stop(&mut self, place: Place) -> Line {
        self.sources.clear();
        (place, Err("an include or a parameter without end".to_owned()))
    }

    /// Removes the conditions from the beginning of a line. `None` if one does not hold.
    fn conditional<'l>(&self, mut line: &'l str) -> Option<&'l str> {
        while let Some(rest) = line.strip_prefix('@') {
            let (name, rest) =
                rest.split_once(|char: char| char.is_ascii_whitespace()).unwrap_or((rest, ""));
            let holds = match name.strip_prefix('^') {
                Some(name) => name != self.node,
                None => name == self.node,
            };
            if !holds {
                return None;
            }
            line = rest.trim_start();
        }
        Some(line)
    }

    /// Takes the definition of a parameter, with the lines that belong to it.
    fn define(&mut self, line: &str) -> bool {
        let Some((name, value)) = definition(line) else { return false };
        let mut value = value.trim().to_owned();
        if let Some(first) = value.strip_suffix('\\') {
            let mut lines = vec![first.trim().to_owned()];
            while let Some((_, line)) = self.raw() {
                let more = line.strip_suffix('\\');
                lines.push(more.unwrap_or(&line).trim().to_owned());
                if more.is_none() {
                    break;
                }
            }
            lines.retain(|line| !line.is_empty());
            value = lines.join("\n");
        }
        self.parameters.insert(name.to_owned(), value);
        true
    }

    /// Replaces the first parameter of a line. What a parameter of several lines stands for is read
    /// next, line by line. `None` if the line has none that is defined.
    fn replace(&mut self, place: &Place, line: &str) -> Option<String> {
        let (start, end, name) = used(line).find(|(_, _, name)| self.has(name))?;
        let value = self.value(name)?;
        let whole = format!("{}{value}{}", &line[..start], &line[end..]);
        let mut lines: Vec<String> = whole.split('\n').map(str::to_owned).rev().collect();
        let first = lines.pop()?;
        if !lines.is_empty() {
            let folder = self.folder();
            let place = Some(place.clone());
            self.sources.push(Source { lines, number: 0, place, included: None, folder });
        }
        Some(first)
    }

    fn has(&self, name: &str) -> bool {
        self.parameters.contains_key(name) || matches!(name, "_PWD" | "_HASH" | "_BANG")
    }

    fn value(&self, name: &str) -> Option<String> {
        match name {
            "_PWD" => Some(self.folder().display().to_string()),
            "_HASH" => Some("#".to_owned()),
            "_BANG" => Some("!".to_owned()),
            _ => self.parameters.get(name).cloned(),
        }
    }

    fn folder(&self) -> Rc<Path> {
        self.sources.last().map_or_else(|| Path::new("").into(), |source| source.folder.clone())
    }

    /// Puts the files that a pattern names next.
    fn include(&mut self, place: &Place, pattern: &str) -> Result<(), String> {
        if pattern.contains('{') {
            return Err(format!("include {pattern}: braces are not understood here"));
        }
        let folder = self.folder();
        let pattern = folder.join(pattern);
        let paths = glob::glob(&pattern.to_string_lossy())
            .map_err(|error| format!("include {}: {error}", pattern.display()))?;
        let mut files = Vec::new();
        for path in paths {
            let path = path.map_err(|error| format!("include: {error}"))?;
            files.push(Source::open(&path, place.line)?);
        }
        // keepalived goes on without a file that is not there.
        self.sources.extend(files.into_iter().rev().flatten());
        Ok(())
    }
}

impl Source {
    fn new(bytes: &[u8], included: Option<(Rc<str>, u64)>, folder: Rc<Path>) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let lines = text.lines().rev().map(str::to_owned).collect();
        Source { lines, number: 1, place: None, included, folder }
    }

    /// Reads an included file. `None` for what is no file.
    fn open(path: &Path, line: u64) -> Result<Option<Self>, String> {
        let name: Rc<str> = path.display().to_string().into();
        let folder: PathBuf = path.parent().unwrap_or(Path::new("")).to_owned();
        if !path.is_file() {
            return Ok(None);
        }
        match fs::read(path) {
            Ok(bytes) => Ok(Some(Source::new(&bytes, Some((name, line)), folder.into()))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("include {name}: {}", plain(error))),
        }
    }

    fn place(&self) -> Place {
        match (&self.place, &self.included) {
            (Some(place), _) => place.clone(),
            (None, Some((name, line))) => {
                Place { line: *line, included: Some((name.clone(), self.number)) }
            }
            (None, None) => Place { line: self.number, included: None },
        }
    }
}

impl Iterator for Lines {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        'lines: loop {
            let (place, mut line) = self.raw()?;
            if self.is_endless(&line) {
                return Some(self.stop(place));
            }
            if let Some(pattern) = included(&line) {
                match self.include(&place, &pattern) {
                    Ok(()) => continue,
                    Err(why) => return Some((place, Err(why))),
                }
            }
            for replaced in 0.. {
                if replaced > MAX_REPLACED || self.is_endless(&line) {
                    return Some(self.stop(place));
                }
                match self.conditional(&line) {
                    Some(rest) if rest.len() == line.len() => {}
                    Some(rest) => line = rest.to_owned(),
                    None => continue 'lines,
                }
                if self.define(&line) {
                    continue 'lines;
                }
                match self.replace(&place, &line) {
                    Some(replaced) => line = replaced.trim().to_owned(),
                    None => break,
                }
            }
            if !line.is_empty() {
                return Some((place, Ok(line)));
            }
        }
    }
}

/// True for `include` and its variants, which differ only in what they complain about.
pub(super) fn is_include(word: &str) -> bool {
    word.strip_prefix("include").is_some_and(|rest| ["", "r", "m", "w", "b", "a"].contains(&rest))
}

/// The pattern of a line that includes files.
fn included(line: &str) -> Option<String> {
    let first = line.split_ascii_whitespace().next()?;
    if !is_include(first) {
        return None;
    }
    // A brace belongs to the pattern.
    let rest = line[first.len()..].trim();
    match words(rest).into_iter().next()? {
        Word::Text(pattern) if !rest.contains('{') => Some(pattern),
        _ => Some(rest.to_owned()),
    }
}

/// The name and the value of a parameter that a line defines.
fn definition(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.strip_prefix('$')?.split_once('=')?;
    let is_name = !name.is_empty()
        && !name.starts_with(|char: char| char.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then_some((name, value))
}

/// The parameters that a line uses: where each begins and ends, and its name.
fn used(line: &str) -> impl Iterator<Item = (usize, usize, &str)> {
    line.match_indices('$').filter_map(move |(start, _)| {
        let rest = &line[start + 1..];
        if let Some(braced) = rest.strip_prefix('{') {
            let name = &braced[..braced.find('}')?];
            return Some((start, start + name.len() + 3, name));
        }
        let length = rest
            .find(|char: char| !char.is_ascii_alphanumeric() && char != '_')
            .unwrap_or(rest.len());
        let is_word = rest[length..].chars().next().is_none_or(|char| char.is_ascii_whitespace());
        is_word.then_some((start, start + 1 + length, &rest[..length]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines, or the mistake that ends them.
    fn lines(text: &str) -> Vec<String> {
        let lines = Lines::new(text.as_bytes(), Path::new("/etc/keepalived")).on("main");
        lines
            .map(|(place, line)| format!("{}:{}", place.line, line.unwrap_or_else(|it| it)))
            .collect()
    }

    #[test]
    fn parameters_are_replaced_where_they_are_used() {
        let text = "$BASE=10.2.${SUB}\n$SUB=0\n${BASE}.100 $BASE\n$SUB=10 # ten\n${BASE}.100\n\
                    $BASE.1 ${NONE} $NONE\n$EMPTY=\na ${EMPTY}b\n${_HASH}\n${_PWD}/x";
        let want = [
            "3:10.2.0.100 10.2.0",
            "5:10.2.10.100",
            "6:$BASE.1 ${NONE} $NONE",
            "8:a b",
            "9:#",
            "10:/etc/keepalived/x",
        ];
        assert_eq!(lines(text), want);
    }

    #[test]
    fn parameters_may_have_several_lines() {
        let text = "$RS= \\\nreal_server 10.0.${V}.${R} 80 { \\\n weight 1 \\\n\n}\n\
                    $VS= \\\nvirtual_server 10.1.${V}.4 80 { \\\n$R=1 \\\n$RS \\\n$R=2 \\\n$RS \\\n}\n\
                    $V=0\n$VS\nend";
        let want = [
            "14:virtual_server 10.1.0.4 80 {",
            "14:real_server 10.0.0.1 80 {",
            "14:weight 1",
            "14:}",
            "14:real_server 10.0.0.2 80 {",
            "14:weight 1",
            "14:}",
            "14:}",
            "15:end",
        ];
        assert_eq!(lines(text), want);
    }

    #[test]
    fn the_name_of_the_machine_selects_lines() {
        let text = "@main a\n@backup b\n@^main c\n@^backup d\n@main $X=1\n@backup $X=2\n$X e\n\
                    $IF=@main\n$IF f\n@main";
        assert_eq!(lines(text), ["1:a", "4:d", "7:1 e", "9:f"]);
    }

    #[test]
    fn what_has_no_end_is_ended() {
        let end = "an include or a parameter without end";
        assert_eq!(lines("$A=$A\n$A"), [format!("2:{end}")]);
        assert_eq!(lines("$A=${A}${A}\n$A"), [format!("2:{end}")]);
        assert_eq!(lines("$A= \\\n$A \\\n$A\n$A"), [format!("4:{end}")]);
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("self.conf");
        fs::write(&file, "include self.conf\n").expect("a file");
        let ended: Vec<_> = Lines::new(b"include self.conf", folder.path()).collect();
        assert!(matches!(&*ended, [(_, Err(text))] if text == end), "{ended:?}");
    }

    #[test]
    fn included_files_come_in_order_and_know_their_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let sub = folder.path().join("conf.d");
        fs::create_dir(&sub).expect("a folder");
        fs::write(sub.join("b.conf"), "# c\nb\n").expect("a file");
        fs::write(sub.join("a.conf"), "a1\ninclude more/x.inc\na2\n").expect("a file");
        fs::create_dir(sub.join("more")).expect("a folder");
        fs::write(sub.join("more/x.inc"), "x").expect("a file");
        let text = b"include conf.d/*.conf # all\nincluder none.conf\nend";
        let read: Vec<_> = Lines::new(text, folder.path())
            .map(|(place, line)| {
                let file = place.included.map(|(name, line)| {
                    (Path::new(&*name).file_name().unwrap().to_str().unwrap().to_owned(), line)
                });
                (place.line, file, line.unwrap())
            })
            .collect();
        let file = |name: &str, line| Some((name.to_owned(), line));
        let want = [
            (1, file("a.conf", 1), "a1".to_owned()),
            (1, file("x.inc", 1), "x".to_owned()),
            (1, file("a.conf", 3), "a2".to_owned()),
            (1, file("b.conf", 2), "b".to_owned()),
            (3, None, "end".to_owned()),
        ];
        assert_eq!(read, want);
        let braces: Vec<_> = Lines::new(b"include {a,b}.conf", folder.path()).collect();
        assert!(matches!(&*braces, [(_, Err(text))] if text.contains("braces")), "{braces:?}");
    }
}
