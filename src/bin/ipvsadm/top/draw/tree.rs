//! The tree of services and servers.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Scene, line, put};
use crate::top::colours::Role;
use crate::top::columns::{self, Id, Placed, placed};
use crate::top::model::{Server, Service};
use crate::top::numbers::{count, short};
use crate::top::reading::Method;

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
    let text = match server {
        None => match service.sums() {
            Some(sums) => format!(
                "{}: {}, inactive {}, persistent {}, {} in all",
                scene.names.service(&service.key),
                service.scheduler.as_str(),
                count(sums.inactive),
                count(sums.persistent),
                connections(service.track.counters().connections),
            ),
            None => format!(
                "{}: {}, {} in all",
                scene.names.service(&service.key),
                service.scheduler.as_str(),
                connections(service.track.counters().connections),
            ),
        },
        Some(server) => {
            let now = &server.now;
            let limit = match (now.upper_threshold, now.lower_threshold) {
                (0, _) => "no limit".to_owned(),
                (upper, 0) => format!("limit {}/{}", count(now.connections()), count(upper.into())),
                (upper, lower) => format!(
                    "limit {}/{}, again below {}",
                    count(now.connections()),
                    count(upper.into()),
                    count(lower.into())
                ),
            };
            let out = match server.shows_replies() {
                true => short(now.counters.bytes_out as f64),
                false => unknown.to_owned(),
            };
            format!(
                "{}: inactive {}, persistent {}, {limit}, {} in all, {} B in, {out} B out",
                scene.names.server(&now.key),
                count(now.inactive.into()),
                count(now.persistent.into()),
                connections(now.counters.connections),
                short(now.counters.bytes_in as f64),
            )
        }
    };
    let text = format!(" {} ", scene.symbols.cut(&text, width.saturating_sub(4)));
    put(scene, area, 1, &text, Role::Plain, buffer);
}

fn connections(count: u64) -> String {
    let text = super::super::numbers::count(count);
    format!("{text} connection{}", if count == 1 { "" } else { "s" })
}
