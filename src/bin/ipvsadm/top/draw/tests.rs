//! Frames, held against files in `goldens`. With `IPVSADM_WRITE_GOLDENS` set they are written anew:
//! look at what has changed before it is committed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ipvs::{DestinationKey, ServiceKey};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::{Color, Modifier};

use super::*;
use crate::top::columns::Id;
use crate::top::deed::{Deed, Proposal};
use crate::top::reading::{Counters, Host, Method, Reading, ServerReading, ServiceReading};
use crate::top::rows::Arrangement;
use crate::top::symbols::{ASCII, UNICODE};
use crate::top::ui::{Kind, Message, Prompt, Scroll, Text};

/// 2026-11-26 03:00:00 UTC
const START: u64 = 1_795_662_000_000;

fn server(address: &str, method: Method, weight: u32, rate: u64, step: u64) -> ServerReading {
    let key: DestinationKey = address.parse().expect("a key");
    // A wave, so that there is something to see.
    let connections = (0..step).map(|step| rate * (3 + step % 9) / 4).sum::<u64>();
    ServerReading {
        key,
        method,
        weight,
        upper_threshold: 0,
        lower_threshold: 0,
        active: (rate * 3) as u32,
        inactive: (rate * 40) as u32,
        persistent: 0,
        counters: Counters {
            connections,
            bytes_in: connections * 600,
            bytes_out: if method == Method::Masquerade { connections * 9000 } else { 0 },
        },
    }
}

fn service(text: &str, scheduler: &str, servers: Option<Vec<ServerReading>>) -> ServiceReading {
    let sum = |pick: fn(&Counters) -> u64| {
        servers.iter().flatten().map(|server| pick(&server.counters)).sum()
    };
    ServiceReading {
        key: text.parse().expect("a key"),
        scheduler: scheduler.parse().expect("a name"),
        counters: Counters {
            connections: sum(|counters| counters.connections),
            bytes_in: sum(|counters| counters.bytes_in),
            bytes_out: sum(|counters| counters.bytes_out),
        },
        servers,
    }
}

/// One of everything.
fn reading(step: u64) -> Reading {
    let full = ServerReading {
        upper_threshold: 3000,
        lower_threshold: 100,
        ..server("10.0.0.3:8080", Method::Masquerade, 3, 60, step)
    };
    let over = ServerReading {
        upper_threshold: 100,
        ..server("10.0.0.4:8080", Method::Masquerade, 1, 20, step)
    };
    let silent = server("10.0.0.5:8080", Method::Masquerade, 1, 5, step);
    let silent = ServerReading { counters: Counters { bytes_out: 0, ..silent.counters }, ..silent };
    let draining = ServerReading {
        active: 12,
        inactive: 30,
        ..server("10.0.1.2:53", Method::Tunnel, 0, 0, step)
    };
    let services = vec![
        service(
            "TCP 192.0.2.1:80",
            "wrr",
            Some(vec![
                server("10.0.0.2:8080", Method::Masquerade, 1, 20, step),
                full,
                over,
                silent,
            ]),
        ),
        service(
            "UDP 192.0.2.1:53",
            "rr",
            Some(vec![
                server("10.0.1.1:53", Method::Direct, 1, 1200, step),
                draining,
                server("10.0.1.3:53", Method::Local, 0, 0, step),
            ]),
        ),
        service(
            "TCP [2001:db8::1]:443",
            "sh",
            Some(vec![server("[2001:db8:1::10]:8443", Method::Masquerade, 100, 2, step)]),
        ),
        service("FWM 7 IPv6", "mh", None),
    ];
    Reading {
        at: START + step * 2000,
        host: Host {
            version: "1.2.1".to_owned(),
            table_size: 4096,
            connections: Some(123_456),
            totals: Some(Counters {
                connections: 1307 * step,
                bytes_in: 1307 * step * 600,
                bytes_out: 107 * step * 9000,
            }),
            defences: Vec::new(),
            daemons: vec!["master eth0 (1)".to_owned()],
        },
        services,
    }
}

/// A model after so many readings.
fn model(steps: u64) -> Model {
    let mut model = Model::default();
    for step in 0..steps {
        model.update(reading(step));
    }
    model
}

const LIVE: Place = Place { tree: true, replay: false, read_only: false };

struct Shown {
    model: Model,
    ui: Ui,
    names: Names,
    title: Title,
    place: Place,
    size: (u16, u16),
}

impl Shown {
    fn after(steps: u64) -> Self {
        Shown {
            model: model(steps),
            ui: Ui::default(),
            names: Names::default(),
            title: Title { namespace: Some("blue".to_owned()), ..Title::default() },
            place: LIVE,
            size: (80, 24),
        }
    }

    fn at(self, width: u16, height: u16) -> Self {
        Shown { size: (width, height), ..self }
    }

    fn with(mut self, change: impl FnOnce(&mut Ui)) -> Self {
        change(&mut self.ui);
        self
    }

    fn frame(&mut self, symbols: &'static Symbols, colour: bool) -> Buffer {
        let (width, height) = self.size;
        self.ui.height = tree_height(Rect::new(0, 0, width, height), &self.ui);
        self.ui.arrange(&self.model, &self.names);
        let scene = Scene {
            model: &self.model,
            ui: &self.ui,
            names: &self.names,
            colours: Colours { colour },
            symbols,
            place: Place { tree: self.ui.is_tree(), ..self.place },
            title: &self.title,
        };
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
        terminal.draw(|frame| draw(&scene, frame.area(), frame.buffer_mut())).expect("it is drawn");
        terminal.backend().buffer().clone()
    }

    #[track_caller]
    fn looks_like(mut self, name: &str) {
        let frame = self.frame(&UNICODE, false);
        compare(name, &plain(&frame));
    }
}

fn plain(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let line: String = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The text with the style before each part that has another one than the part before.
fn styled(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut last = (Color::Reset, Modifier::empty());
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            let style = (cell.fg, cell.modifier);
            if style != last {
                text.push_str(&format!("<{:?} {:?}>", style.0, style.1));
                last = style;
            }
            text.push_str(cell.symbol());
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
    text
}

#[track_caller]
fn compare(name: &str, text: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin/ipvsadm/top/draw/goldens");
    let path = folder.join(format!("{name}.txt"));
    if std::env::var_os("IPVSADM_WRITE_GOLDENS").is_some() {
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(&path, text).expect("written");
        return;
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(golden, text, "{}: the frame is\n{text}", path.display());
}

#[test]
fn the_tree_at_each_size() {
    for (width, height) in [(80, 24), (120, 30), (300, 80), (40, 8)] {
        Shown::after(33).at(width, height).looks_like(&format!("tree-{width}x{height}"));
    }
}

#[test]
fn no_size_is_too_small_to_draw_on() {
    for width in 0..30 {
        for height in 0..12 {
            Shown::after(3).at(width, height).frame(&UNICODE, true);
            let help = |ui: &mut Ui| ui.front = Front::Help(Scroll(1000));
            Shown::after(3).at(width, height).with(help).frame(&UNICODE, true);
        }
    }
}

#[test]
fn ascii_is_ascii_alone() {
    let mut shown = Shown::after(33).at(140, 24);
    let frame = plain(&shown.frame(&ASCII, false));
    assert!(frame.is_ascii(), "{frame}");
    compare("ascii", &frame);
}

#[test]
fn colours_and_what_stands_for_them() {
    let mut shown = Shown::after(33).at(140, 16);
    compare("colour", &styled(&shown.frame(&UNICODE, true)));
    let without = styled(&shown.frame(&UNICODE, false));
    compare("no-colour", &without);
    let colours = shown.frame(&UNICODE, false);
    assert!(colours.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
}

#[test]
fn before_there_are_rates_and_after_a_reset() {
    Shown::after(1).looks_like("first-reading");
    let mut shown = Shown::after(10);
    let zeroed = Reading { at: START + 20_000, ..reading(0) };
    shown.model.update(zeroed);
    shown.looks_like("zeroed");
}

#[test]
fn sorted_filtered_and_collapsed() {
    Shown::after(33)
        .with(|ui| {
            ui.arrangement = Arrangement { sort: Id::RealShare, ..Arrangement::default() };
        })
        .looks_like("sorted");
    Shown::after(33).with(|ui| ui.arrangement.filter = "10.0.1".to_owned()).looks_like("filtered");
    Shown::after(33)
        .with(|ui| {
            let key: ServiceKey = "TCP 192.0.2.1:80".parse().expect("a key");
            ui.arrangement.exceptions = BTreeSet::from([key]);
        })
        .looks_like("collapsed");
    Shown::after(33).with(|ui| ui.arrangement.filter = "none".to_owned()).looks_like("nothing");
}

#[test]
fn names_instead_of_addresses() {
    let mut shown = Shown::after(33);
    let address = "192.0.2.1".parse().expect("an address");
    shown.names = Names::with(address, "www.example.com");
    shown.looks_like("names");
}

#[test]
fn questions_and_answers() {
    let (service, server) =
        ("TCP 192.0.2.1:80".parse().expect("a key"), "10.0.0.2:8080".parse().expect("a key"));
    let proposal = Proposal {
        deed: Deed::Drain(service, server),
        command: "ipvsadm --drain -t 192.0.2.1:80 -r 10.0.0.2:8080".to_owned(),
        warnings: vec![
            "10.0.0.2:8080 of TCP 192.0.2.1:80: the last server of this service that has a weight; \
             new clients would be refused: add another one first (ipvsadm -a)"
                .to_owned(),
        ],
    };
    Shown::after(33).with(|ui| ui.prompt = Some(Prompt::Confirm(proposal))).looks_like("confirm");
    Shown::after(33)
        .with(|ui| {
            ui.arrangement.filter = "10.0".to_owned();
            ui.prompt = Some(Prompt::Filter { before: String::new() });
        })
        .looks_like("filter");
    Shown::after(33)
        .with(|ui| ui.message = Some(Message::bad("another ipvsadm is changing this table")))
        .looks_like("message");
    Shown::after(33)
        .with(|ui| {
            ui.trouble = Some("the network namespace blue is gone; trying again".to_owned());
        })
        .looks_like("trouble");
}

#[test]
fn help_is_made_of_the_tables() {
    let help = |ui: &mut Ui| ui.front = Front::Help(Scroll::default());
    Shown::after(3).at(100, 60).with(help).looks_like("help");
    let mut replay = Shown::after(3).at(100, 60).with(help);
    replay.place = Place { tree: true, replay: true, read_only: true };
    replay.title =
        Title { recording: Some("night.top".to_owned()), percent: Some(12), ..Title::default() };
    replay.looks_like("help-replay");
}

#[test]
fn texts_scroll() {
    let text = |scroll| Text {
        kind: Kind::Connections,
        title: "10.0.0.2:8080 of TCP 192.0.2.1:80: 40 connections: 40 ESTABLISHED".to_owned(),
        heading: Some("PRO  STATE        EXPIRES  CLIENT".to_owned()),
        lines: (0..40).map(|line| format!("TCP  ESTABLISHED    14:59  10.9.0.{line}")).collect(),
        scroll: Scroll(scroll),
    };
    Shown::after(3).with(|ui| ui.front = Front::Text(text(5))).looks_like("connections");
    Shown::after(3).with(|ui| ui.front = Front::Text(text(999))).looks_like("connections-end");
    let doctor = Text {
        kind: Kind::Doctor,
        title: "TCP 192.0.2.1:80: what the doctor says".to_owned(),
        lines: ["this host", "  error: ip-forward", "    It is off.", "        sysctl -w x=1"]
            .map(str::to_owned)
            .to_vec(),
        ..Text::default()
    };
    let mut shown = Shown::after(3).at(80, 16).with(|ui| ui.front = Front::Text(doctor));
    compare("doctor", &styled(&shown.frame(&UNICODE, true)));
}

#[test]
fn the_mouse_points_at_what_is_drawn() {
    let mut shown = Shown::after(3);
    shown.frame(&UNICODE, false);
    let area = Rect::new(0, 0, 80, 24);
    let at = |column, row| spot(area, &shown.ui, column, row);
    assert_eq!(at(0, 0), Spot::Elsewhere);
    assert_eq!(at(5, 3), Spot::Heading(Id::Name));
    assert_eq!(at(79, 3), Spot::Heading(Id::RealShare));
    assert_eq!(at(5, 4), Spot::Row(0));
    assert_eq!(at(5, 21), Spot::Row(17));
    assert_eq!(at(5, 22), Spot::Elsewhere);
}
