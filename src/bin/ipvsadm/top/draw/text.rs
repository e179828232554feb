//! Texts: help, connections, and what the doctor says.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Scene, line, put};
use crate::top::colours::Role;
use crate::top::columns::COLUMNS;
use crate::top::keys::BINDINGS;
use crate::top::ui::{Kind, Scroll, Text};

/// Draws a text.
pub(super) fn draw(
    scene: &Scene<'_>,
    text: &Text,
    heading: Rect,
    body: Rect,
    end: Rect,
    buffer: &mut Buffer,
) {
    let width = usize::from(heading.width);
    let mut body = body;
    let title = format!("{:<width$}", scene.symbols.cut(&text.title, width));
    put(scene, heading, 0, &title, Role::Sorted, buffer);
    if let Some(heading) = &text.heading {
        let heading = scene.symbols.cut(heading, width);
        put(scene, line(body, 0), 0, &heading, Role::Heading, buffer);
        body = Rect {
            y: (body.y + 1).min(body.bottom()),
            height: body.height.saturating_sub(1),
            ..body
        };
    }
    let height = usize::from(body.height);
    let top = text.scroll.0.min(text.lines.len().saturating_sub(height));
    for (at, shown) in text.lines.iter().skip(top).take(height).enumerate() {
        let role = role(text.kind, shown);
        put(scene, line(body, at), 0, &scene.symbols.cut(shown, width), role, buffer);
    }
    position(scene, top, height, text.lines.len(), end, buffer);
}

/// What the doctor says is worst is to be seen first.
fn role(kind: Kind, line: &str) -> Role {
    match kind {
        Kind::Doctor if line.starts_with("  error:") => Role::Bad,
        Kind::Doctor if line.starts_with("  warning:") => Role::Busy,
        Kind::Doctor if !line.starts_with(' ') => Role::Service,
        Kind::Doctor if line.starts_with("        ") => Role::Key,
        _ => Role::Plain,
    }
}

/// Which lines are shown, and how to go back.
fn position(
    scene: &Scene<'_>,
    top: usize,
    height: usize,
    all: usize,
    area: Rect,
    buffer: &mut Buffer,
) {
    let rule = scene.symbols.line.to_string().repeat(usize::from(area.width));
    put(scene, area, 0, &rule, Role::Faint, buffer);
    let text = match all {
        0 => String::new(),
        all if all <= height => " Esc goes back ".to_owned(),
        all => format!(" {}-{} of {all}; Esc goes back ", top + 1, (top + height).min(all)),
    };
    put(scene, area, 1, &text, Role::Plain, buffer);
}

/// Draws the help, which is made of the tables of keys and columns.
pub(super) fn help(scene: &Scene<'_>, scroll: Scroll, body: Rect, end: Rect, buffer: &mut Buffer) {
    let lines = lines(scene);
    let height = usize::from(body.height);
    let top = scroll.0.min(lines.len().saturating_sub(height));
    for (at, (name, text)) in lines.iter().skip(top).take(height).enumerate() {
        let area = line(body, at);
        if text.is_empty() {
            put(scene, area, 0, name, Role::Sorted, buffer);
            continue;
        }
        put(scene, area, 2, name, Role::Key, buffer);
        let width = usize::from(area.width).saturating_sub(NAMES + 2);
        put(scene, area, NAMES + 2, &scene.symbols.cut(text, width), Role::Plain, buffer);
    }
    position(scene, top, height, lines.len(), end, buffer);
}

/// The width of the names of keys and columns.
const NAMES: usize = 18;

fn lines(scene: &Scene<'_>) -> Vec<(String, String)> {
    let mut lines = vec![("Keys".to_owned(), String::new())];
    let tree = super::Place { tree: true, ..scene.place };
    for binding in BINDINGS.iter().filter(|binding| tree.has(binding)) {
        lines.push((binding.shown.to_owned(), binding.help.to_owned()));
    }
    lines.push(("Mouse".to_owned(), String::new()));
    lines.push(("click".to_owned(), "choose a row; again, show or hide its servers".to_owned()));
    lines.push(("click a title".to_owned(), "sort by the column; again, reverse".to_owned()));
    lines.push(("wheel".to_owned(), "go up or down".to_owned()));
    lines.push(("Columns".to_owned(), String::new()));
    for column in COLUMNS {
        lines.push((column.title.to_owned(), column.help.to_owned()));
    }
    lines
}
