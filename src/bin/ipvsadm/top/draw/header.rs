//! The balancer as a whole.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Scene, line, put};
use crate::top::colours::Role;
use crate::top::columns::COLUMNS;
use crate::top::numbers::{bits, count, short};
use crate::top::time::stamp;

/// A figure with its name, or a word on its own.
struct Figure<'t> {
    name: &'t str,
    value: String,
    role: Role,
}

fn figure(name: &str, value: impl Into<String>) -> Figure<'_> {
    Figure { name, value: value.into(), role: Role::Strong }
}

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    title(scene, line(area, 0), buffer);
    figures(scene, line(area, 1), &rates(scene), buffer);
    let end = figures(scene, line(area, 2), &state(scene), buffer);
    history(scene, line(area, 2), end, buffer);
}

fn title(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let Scene { model, ui, title, place, .. } = scene;
    let mut right = Vec::new();
    if ui.paused {
        right.push(("PAUSED".to_owned(), Role::Busy));
    } else if place.read_only && !place.replay {
        right.push(("READ ONLY".to_owned(), Role::Good));
    }
    if let Some(file) = &title.recording {
        right.push(match (place.replay, title.percent) {
            (true, Some(percent)) => (format!("REPLAY {file} {percent}%"), Role::Busy),
            (true, None) => (format!("REPLAY {file}"), Role::Busy),
            (false, _) => (format!("RECORDING {file}"), Role::Busy),
        });
    }
    if let Some(at) = model.at {
        right.push((stamp(at), Role::Strong));
    }
    let length: usize = right.iter().map(|(text, _)| text.chars().count() + 2).sum();
    let mut end = put(scene, area, 0, "ipvsadm --top", Role::Service, buffer);
    let mut left = Vec::new();
    if let Some(namespace) = &title.namespace {
        left.push(figure("netns", namespace.clone()));
    }
    if !model.host.version.is_empty() {
        left.push(figure("IPVS", model.host.version.clone()));
    }
    for figure in left {
        end = put_figure(scene, area, end + 2, &figure, buffer);
    }
    let mut at = usize::from(area.width).saturating_sub(length).max(end);
    for (text, role) in right {
        at = put(scene, area, at + 2, &text, role, buffer);
    }
}

/// The size of it, and how busy it is.
fn rates<'t>(scene: &Scene<'_>) -> Vec<Figure<'t>> {
    let Scene { model, symbols, .. } = scene;
    let rates = model.rates();
    let unknown = || symbols.unknown.to_owned();
    let connections = model.host.connections.map_or_else(unknown, count);
    vec![
        figure("connections", connections),
        figure("buckets", count(model.host.table_size.into())),
        figure("CPS", rates.map_or_else(unknown, |rates| short(rates.connections))),
        figure("in", rates.map_or_else(unknown, |rates| bits(rates.bytes_in))),
        figure("out", rates.map_or_else(unknown, |rates| bits(rates.bytes_out))),
    ]
}

/// What is at work, and what the tree shows.
fn state<'t>(scene: &Scene<'_>) -> Vec<Figure<'t>> {
    let Scene { model, ui, symbols, .. } = scene;
    let host = &model.host;
    let defences = match host.defences.is_empty() {
        true => Figure { name: "defence", value: "none".to_owned(), role: Role::Plain },
        false => Figure { name: "defence", value: host.defences.join(" "), role: Role::Bad },
    };
    let daemons = match host.daemons.is_empty() {
        true => "none".to_owned(),
        false => host.daemons.join(", "),
    };
    let arrangement = &ui.arrangement;
    let sort = COLUMNS.iter().find(|column| column.id == arrangement.sort);
    let sort = sort.map_or("", |column| column.title);
    // Names go up where numbers go down.
    let is_down = (arrangement.sort != crate::top::columns::Id::Name) != arrangement.reversed;
    let arrow = if is_down { symbols.descending } else { symbols.ascending };
    let mut figures = vec![
        figure("services", count(model.services.len() as u64)),
        defences,
        Figure { name: "sync", value: daemons, role: Role::Plain },
        Figure { name: "sort", value: format!("{sort} {arrow}"), role: Role::Plain },
    ];
    if !arrangement.filter.is_empty() {
        let value = arrangement.filter.clone();
        figures.push(Figure { name: "filter", value, role: Role::Busy });
    }
    figures
}

/// Puts figures into a line. Returns where they end.
fn figures(scene: &Scene<'_>, area: Rect, figures: &[Figure<'_>], buffer: &mut Buffer) -> usize {
    let mut end = 0;
    for (at, figure) in figures.iter().enumerate() {
        let gap = if at == 0 { 0 } else { 2 };
        end = put_figure(scene, area, end + gap, figure, buffer);
    }
    end
}

fn put_figure(
    scene: &Scene<'_>,
    area: Rect,
    left: usize,
    figure: &Figure<'_>,
    buffer: &mut Buffer,
) -> usize {
    let Figure { name, value, role } = figure;
    let end = put(scene, area, left, name, Role::Faint, buffer);
    put(scene, area, end + 1, value, *role, buffer)
}

/// The last minute, where there is room.
fn history(scene: &Scene<'_>, area: Rect, end: usize, buffer: &mut Buffer) {
    const WIDTH: usize = 30;
    let (Some(total), width) = (&scene.model.total, usize::from(area.width)) else {
        return;
    };
    if width >= end + 2 + WIDTH {
        let text = scene.symbols.sparkline(total.history(), WIDTH);
        put(scene, area, width - WIDTH, &text, Role::Spark, buffer);
    }
}
