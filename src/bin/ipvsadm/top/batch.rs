//! `--batch`: readings printed one after the other, for scripts and for paper.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde::Serialize;

use super::columns;
use super::draw::{Scene, draw};
use super::model::{Model, Server, Service, ServiceState, State};
use super::reading::Method;
use super::time::precise;
use super::track::Rates;
use crate::output::json::document::{DestinationKey, ServiceKey};

/// A reading with what it comes to, as JSON. `docs/json.md` describes it.
#[derive(Debug, Serialize)]
pub(crate) struct Document<'m> {
    time: String,
    namespace: Option<&'m str>,
    connections: Option<u64>,
    connection_table_size: u32,
    defences: &'m [String],
    daemons: &'m [String],
    rates: Option<RatesOut>,
    services: Vec<ServiceOut>,
}

#[derive(Debug, Serialize)]
struct RatesOut {
    connections: f64,
    incoming_bytes: f64,
    /// `None` where replies do not pass here.
    outgoing_bytes: Option<f64>,
}

#[derive(Debug, Serialize)]
struct ServiceOut {
    service: ServiceKey,
    scheduler: String,
    state: &'static str,
    active_connections: u64,
    inactive_connections: u64,
    persistent_connections: u64,
    rates: Option<RatesOut>,
    destinations: Vec<ServerOut>,
}

#[derive(Debug, Serialize)]
struct ServerOut {
    destination: DestinationKey,
    forwarding: &'static str,
    weight: u32,
    upper_threshold: u32,
    lower_threshold: u32,
    state: &'static str,
    active_connections: u32,
    inactive_connections: u32,
    persistent_connections: u32,
    share_by_weight: Option<f64>,
    real_share: Option<f64>,
    rates: Option<RatesOut>,
}

impl<'m> Document<'m> {
    pub(crate) fn new(model: &'m Model, namespace: Option<&'m str>) -> Self {
        let host = &model.host;
        Document {
            time: precise(model.at.unwrap_or(0)),
            namespace,
            connections: host.connections,
            connection_table_size: host.table_size,
            defences: &host.defences,
            daemons: &host.daemons,
            rates: model.rates().map(|it| rates(it, true)),
            services: model.services.iter().map(service).collect(),
        }
    }
}

/// Three places behind the point are more than the counters know.
fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

fn rates(rates: Rates, shows_replies: bool) -> RatesOut {
    RatesOut {
        connections: rounded(rates.connections),
        incoming_bytes: rounded(rates.bytes_in),
        outgoing_bytes: shows_replies.then(|| rounded(rates.bytes_out)),
    }
}

fn service(service: &Service) -> ServiceOut {
    let sums = service.sums().unwrap_or_default();
    ServiceOut {
        service: (&service.key).into(),
        scheduler: service.scheduler.as_str().to_owned(),
        state: match service.state() {
            ServiceState::Unknown => "unknown",
            ServiceState::Down => "down",
            ServiceState::Up(..) => "up",
        },
        active_connections: sums.active,
        inactive_connections: sums.inactive,
        persistent_connections: sums.persistent,
        rates: service.track.rates().map(|it| rates(it, columns::shows_replies(service))),
        destinations: service.servers.iter().map(|it| server(service, it)).collect(),
    }
}

fn server(service: &Service, server: &Server) -> ServerOut {
    let now = &server.now;
    ServerOut {
        destination: (&now.key).into(),
        forwarding: match now.method {
            Method::Masquerade => "masquerade",
            Method::Direct => "direct_route",
            Method::Tunnel => "tunnel",
            Method::Local => "local",
        },
        weight: now.weight,
        upper_threshold: now.upper_threshold,
        lower_threshold: now.lower_threshold,
        state: match server.state() {
            State::Up => "up",
            State::Draining(_) => "draining",
            State::Drained => "drained",
            State::OverLimit => "over_limit",
            State::NoReplies => "no_replies",
        },
        active_connections: now.active,
        inactive_connections: now.inactive,
        persistent_connections: now.persistent,
        share_by_weight: service.wanted_share(server).map(rounded),
        real_share: service.real_share(server).map(rounded),
        rates: server.track.rates().map(|it| rates(it, server.shows_replies())),
    }
}

/// What stands around the rows of a frame that is printed: the header and the titles before, and the
/// keys after.
pub(crate) const AROUND: u16 = 6;

/// A frame as lines, without the keys.
pub(crate) fn lines(scene: &Scene<'_>, width: u16, rows: u16) -> String {
    let area = Rect::new(0, 0, width, rows + AROUND);
    let mut buffer = Buffer::empty(area);
    draw(scene, area, &mut buffer);
    let mut text = String::new();
    for y in 0..area.height - 2 {
        let mut line = String::new();
        for x in 0..area.width {
            line.push_str(buffer[(x, y)].symbol());
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
