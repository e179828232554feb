//! From what is known and chosen to a frame. Drawing changes nothing.

mod header;
mod prompt;
mod text;
mod tree;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::colours::{Colours, Role};
use super::keys::Place;
use super::model::Model;
use super::names::Names;
use super::symbols::Symbols;
use super::ui::{Front, Ui};

/// Everything that a frame shows.
pub(crate) struct Scene<'a> {
    pub(crate) model: &'a Model,
    pub(crate) ui: &'a Ui,
    pub(crate) names: &'a Names,
    pub(crate) colours: Colours,
    pub(crate) symbols: &'static Symbols,
    pub(crate) place: Place,
    pub(crate) title: &'a Title,
}

/// What the first line says besides the time.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Title {
    /// As `--netns` has it.
    pub(crate) namespace: Option<String>,
    /// The file that is recorded to, or replayed.
    pub(crate) recording: Option<String>,
    /// In a recording: how far it is, of 100.
    pub(crate) percent: Option<u8>,
}

/// The parts of a frame, from top to bottom.
#[derive(Debug, Clone, Copy)]
struct Layout {
    header: Rect,
    trouble: Rect,
    heading: Rect,
    body: Rect,
    detail: Rect,
    last: Rect,
}

impl Layout {
    fn of(area: Rect, has_trouble: bool) -> Self {
        let mut rest = area;
        let mut take = |lines: u16, from_end: bool| {
            let height = lines.min(rest.height);
            let part = match from_end {
                false => Rect { height, ..rest },
                true => Rect { y: rest.bottom() - height, height, ..rest },
            };
            rest.height -= height;
            if !from_end {
                rest.y += height;
            }
            part
        };
        // On a screen of few lines, the last line and the rows come first.
        let small = area.height < 10;
        let last = take(1, true);
        let header = take(if small { 1 } else { 3 }, false);
        let trouble = take(u16::from(has_trouble), false);
        let heading = take(1, false);
        let detail = take(u16::from(!small), true);
        Layout { header, trouble, heading, body: rest, detail, last }
    }
}

/// The rows of the tree that there is room for.
pub(crate) fn tree_height(area: Rect, ui: &Ui) -> usize {
    usize::from(Layout::of(area, ui.trouble.is_some()).body.height)
}

/// What the mouse points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spot {
    /// The heading of this column.
    Heading(super::columns::Id),
    /// This row of those that are visible.
    Row(usize),
    Elsewhere,
}

/// What is drawn at this place.
pub(crate) fn spot(area: Rect, ui: &Ui, column: u16, row: u16) -> Spot {
    let layout = Layout::of(area, ui.trouble.is_some());
    let inside = |rect: Rect| rect.contains((column, row).into());
    if !ui.is_tree() {
        return Spot::Elsewhere;
    }
    if inside(layout.heading) {
        let at = usize::from(column - area.x);
        let placed = super::columns::placed(usize::from(area.width));
        let found = placed.iter().rev().find(|place| place.left <= at);
        return found.map_or(Spot::Elsewhere, |place| Spot::Heading(place.column.id));
    }
    match inside(layout.body) {
        true => Spot::Row(usize::from(row - layout.body.y)),
        false => Spot::Elsewhere,
    }
}

/// Draws a frame.
pub(crate) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let layout = Layout::of(area, scene.ui.trouble.is_some());
    header::draw(scene, layout.header, buffer);
    if let Some(trouble) = &scene.ui.trouble {
        let text = format!(" {trouble}");
        let width = usize::from(layout.trouble.width);
        let text = format!("{:<width$}", scene.symbols.cut(&text, width));
        put(scene, layout.trouble, 0, &text, Role::Bad, buffer);
    }
    match &scene.ui.front {
        Front::Tree => {
            tree::heading(scene, layout.heading, buffer);
            tree::draw(scene, layout.body, buffer);
            tree::detail(scene, layout.detail, buffer);
        }
        Front::Help(scroll) => {
            let height = layout.heading.height + layout.body.height;
            let all = Rect { height, ..layout.heading };
            text::help(scene, *scroll, all, layout.detail, buffer);
        }
        Front::Text(shown) => {
            text::draw(scene, shown, layout.heading, layout.body, layout.detail, buffer);
        }
    }
    prompt::draw(scene, layout.body, layout.last, buffer);
}

/// Puts a text into the first line of a part, cut where that ends. Returns where the text ends.
fn put(
    scene: &Scene<'_>,
    area: Rect,
    left: usize,
    text: &str,
    role: Role,
    buffer: &mut Buffer,
) -> usize {
    let left_over = usize::from(area.width).saturating_sub(left);
    if area.height == 0 || left_over == 0 {
        return left;
    }
    let style = scene.colours.style(role);
    let (end, _) = buffer.set_stringn(area.x + left as u16, area.y, text, left_over, style);
    usize::from(end - area.x)
}

/// A line of a part.
fn line(area: Rect, at: usize) -> Rect {
    let y = area.y.saturating_add(at as u16).min(area.bottom());
    Rect { y, height: u16::from(y < area.bottom()), ..area }
}

#[cfg(test)]
mod tests;
