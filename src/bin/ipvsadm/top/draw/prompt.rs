//! The last line: a question, what has been done, or the keys.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Scene, line, put};
use crate::top::colours::Role;
use crate::top::deed::Proposal;
use crate::top::keys::{BINDINGS, Binding};
use crate::top::ui::{Message, Prompt};

pub(super) fn draw(scene: &Scene<'_>, body: Rect, area: Rect, buffer: &mut Buffer) {
    match (&scene.ui.prompt, &scene.ui.message) {
        (Some(Prompt::Filter { .. }), _) => {
            let text = format!("filter: {}_", scene.ui.arrangement.filter);
            let end = put(scene, area, 0, &text, Role::Question, buffer);
            let hint = "Enter keeps it, Esc goes back";
            put(scene, area, end + 2, hint, Role::Faint, buffer);
        }
        (Some(Prompt::Time(text)), _) => {
            let text = format!("time of day (HH:MM or HH:MM:SS, UTC): {text}_");
            put(scene, area, 0, &text, Role::Question, buffer);
        }
        (Some(Prompt::Confirm(proposal)), _) => confirm(scene, proposal, body, area, buffer),
        (None, Some(Message { text, is_bad })) => {
            let role = if *is_bad { Role::Bad } else { Role::Good };
            let width = usize::from(area.width);
            let lines = wrapped(text, width);
            let lines: Vec<_> = lines.into_iter().map(|line| (line, role)).collect();
            box_above(scene, &lines, body, area, buffer);
        }
        (None, None) => hints(scene, area, buffer),
    }
}

/// The command, what speaks against it, and the question.
fn confirm(scene: &Scene<'_>, proposal: &Proposal, body: Rect, area: Rect, buffer: &mut Buffer) {
    let width = usize::from(area.width);
    let mut lines = Vec::new();
    for warning in &proposal.warnings {
        lines.extend(wrapped(warning, width).into_iter().map(|line| (line, Role::Busy)));
    }
    lines.extend(wrapped(&proposal.command, width).into_iter().map(|line| (line, Role::Service)));
    let question = match proposal.warnings.is_empty() {
        true => "Do this? y: yes; any other key: no",
        false => "Do this all the same? y: yes; any other key: no",
    };
    lines.push((question.to_owned(), Role::Question));
    box_above(scene, &lines, body, area, buffer);
}

/// Puts lines at the end of the screen, above what is there.
fn box_above(
    scene: &Scene<'_>,
    lines: &[(String, Role)],
    body: Rect,
    area: Rect,
    buffer: &mut Buffer,
) {
    let all = Rect { height: area.bottom().saturating_sub(body.y), ..body };
    let height = lines.len().min(usize::from(all.height));
    // If there is no room for all of it, the end matters more.
    let lines = &lines[lines.len() - height..];
    let top = Rect { y: all.bottom() - height as u16, height: height as u16, ..all };
    for (at, (text, role)) in lines.iter().enumerate() {
        let area = line(top, at);
        put(scene, area, 0, &" ".repeat(usize::from(area.width)), Role::Plain, buffer);
        put(scene, area, 0, text, *role, buffer);
    }
}

/// A text in lines of this width, broken between words where that is possible.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(10);
    let mut lines: Vec<String> = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            let length = line.chars().count();
            if length > 0 && length + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut line));
            } else if length > 0 {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

/// The keys that work here, as many as there is room for.
fn hints(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    const GAP: usize = 2;
    let works = |binding: &&Binding| !binding.hint.is_empty() && scene.place.has(binding);
    let mut by_rank: Vec<&Binding> = BINDINGS.iter().filter(works).collect();
    by_rank.sort_by_key(|binding| binding.rank);
    let mut left_over = usize::from(area.width) + GAP;
    let mut chosen = Vec::new();
    for binding in by_rank {
        let needed = binding.shown.len() + 1 + binding.hint.len() + GAP;
        if needed > left_over {
            break;
        }
        left_over -= needed;
        chosen.push(binding.shown);
    }
    let mut end = 0;
    for binding in BINDINGS.iter().filter(works).filter(|it| chosen.contains(&it.shown)) {
        end = put(scene, area, end, binding.shown, Role::Key, buffer);
        end = put(scene, area, end + 1, binding.hint, Role::Faint, buffer) + GAP;
    }
}
