//! The tree of services and servers.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Scene, line, put};
use crate::top::colours::Role;
use crate::top::columns::{self, Id, Placed, placed};
use crate::top::model::{Server, Service};
use crate::top::numbers::{bytes, count};
use crate::top::reading::{Counters, Method};

/// The titles of the columns.
pub(super) fn heading(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let width = usize::from(area.width);
    put(scene, area, 0, &" ".repeat(width), Role::Heading, buffer);
    for Placed { column, left, width } in placed(width) {
        let is_sorted = column.id == scene.ui.arrangement.sort;
        let role = if is_sorted { Role::Sorted } else { Role::Heading };
        let text = aligned(column.title, width, column.left);
        put(scene, area, left, &text, role, buffer);
    }
}

fn aligned(text: &str, width: usize, left: bool) -> String {
    if left { format!("{text:<width$}") } else { format!("{text:>width$}") }
}

/// The visible rows.
pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let columns = placed(usize::from(area.width));
    let ui = scene.ui;
    for (at, row) in ui.visible().iter().enumerate() {
        let area = line(area, at);
        let Some((service, server)) = row.parts(scene.model) else {
            continue;
        };
        for place in &columns {
            let (id, width) = (place.column.id, place.width);
            if id == Id::Name {
                let (text, role) = name(scene, service, server, width);
                put(scene, area, place.left, &text, role, buffer);
                continue;
            }
            let cell = match server {
                None => columns::of_service(id, service, width, scene.symbols),
                Some(server) => columns::of_server(id, service, server, width, scene.symbols),
            };
            let text = aligned(&scene.symbols.cut(&cell.text, width), width, place.column.left);
            put(scene, area, place.left, &text, cell.role, buffer);
        }
        if ui.top + at == ui.chosen {
            buffer.set_style(area, scene.colours.style(Role::Chosen));
        }
    }
    if ui.rows.is_empty() && scene.model.at.is_some() {
        let text = match ui.arrangement.filter.is_empty() {
            true => "There is no service.",
            false => "Nothing has this text. Esc shows everything.",
        };
        put(scene, line(area, 1), 2, text, Role::Faint, buffer);
    }
}

/// The name of a row: what goes with it stands at the right, where there is room.
fn name(
    scene: &Scene<'_>,
    service: &Service,
    server: Option<&Server>,
    width: usize,
) -> (String, Role) {
    let (text, more, role) = match server {
        None => {
            let is_expanded = scene.ui.arrangement.is_expanded(&service.key);
            let sign = if is_expanded { scene.symbols.expanded } else { scene.symbols.collapsed };
            let text = format!("{sign} {}", scene.names.service(&service.key));
            (text, service.scheduler.as_str(), Role::Service)
        }
        Some(server) => {
            let text = format!("    {}", scene.names.server(&server.now.key));
            (text, method(server.now.method), Role::Plain)
        }
    };
    let length = text.chars().count();
    let more_length = more.chars().count();
    match width >= length + 1 + more_length {
        true => (format!("{text}{more:>rest$}", rest = width - length), role),
        false => (scene.symbols.cut(&text, width), role),
    }
}

fn method(method: Method) -> &'static str {
    match method {
        Method::Masquerade => "masq",
        Method::Direct => "route",
        Method::Tunnel => "tunnel",
        Method::Local => "local",
    }
}

/// All figures of the chosen row: there may be no room for all columns.
pub(super) fn detail(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let row = scene.ui.rows.get(scene.ui.chosen);
    let Some((service, server)) = row.and_then(|row| row.parts(scene.model)) else {
        return;
    };
    let width = usize::from(area.width);
    let rule = scene.symbols.line.to_string().repeat(width);
    put(scene, area, 0, &rule, Role::Faint, buffer);
    let unknown = scene.symbols.unknown;
    let (name, figures) = match server {
        None => (scene.names.service(&service.key), of_service(service, unknown)),
        Some(server) => (scene.names.server(&server.now.key), of_server(server, unknown)),
    };
    let most = width.saturating_sub(4);
    let mut text = scene.symbols.cut(&name, most);
    // The first are those that a narrow screen has no columns for. None is cut.
    for (at, figure) in figures.iter().enumerate() {
        let between = if at == 0 { ": " } else { ", " };
        if text.chars().count() + between.len() + figure.chars().count() > most {
            break;
        }
        text = text + between + figure;
    }
    put(scene, area, 1, &format!(" {text} "), Role::Plain, buffer);
}

fn of_service(service: &Service, unknown: &str) -> Vec<String> {
    let mut figures = vec![service.scheduler.as_str().to_owned()];
    if let Some(sums) = service.sums() {
        figures.push(format!("inactive {}", count(sums.inactive)));
        figures.push(format!("persistent {}", count(sums.persistent)));
    }
    figures.extend(totals(service.track.counters(), columns::shows_replies(service), unknown));
    figures
}

fn of_server(server: &Server, unknown: &str) -> Vec<String> {
    let now = &server.now;
    let (upper, lower) = (now.upper_threshold, now.lower_threshold);
    let mut figures = vec![
        format!("inactive {}", count(now.inactive.into())),
        format!("persistent {}", count(now.persistent.into())),
    ];
    if upper > 0 {
        figures.push(format!("limit {}/{}", count(now.connections()), count(upper.into())));
    }
    if lower > 0 {
        figures.push(format!("again below {}", count(lower.into())));
    }
    figures.extend(totals(now.counters, server.shows_replies(), unknown));
    figures
}

fn totals(all: Counters, shows_replies: bool, unknown: &str) -> [String; 3] {
    let connections = if all.connections == 1 { "connection" } else { "connections" };
    let out = if shows_replies { bytes(all.bytes_out) } else { unknown.to_owned() };
    [
        format!("{} {connections} in all", count(all.connections)),
        format!("{} in", bytes(all.bytes_in)),
        format!("{out} out"),
    ]
}
