//! `--top`: the balancer, live. The view is in [`crate::top`]; here is what begins it, and the changes
//! that its keys make.

use std::io::{self, IsTerminal};

use ipvs::rules::Line;
use ipvs::rules::grammar::TopOptions;
use ipvs::{Change, Client, Destination, DestinationKey, ServiceKey};
use ratatui::layout::Rect;

use crate::commands::operate::aside::{self, Aside};
use crate::kernel::connect::{Loading, connect};
use crate::kernel::home::Home;
use crate::kernel::servers;
use crate::output::json;
use crate::process::Sink;
use crate::process::failure::Failure;
use crate::process::reader;
use crate::process::signals::Signals;
use crate::process::terminal::Capabilities;
use crate::top::app::{App, Feed, Look};
use crate::top::batch::{AROUND, Document, lines};
use crate::top::colours::Colours;
use crate::top::deed::{Deed, Operator, Proposal};
use crate::top::live::Live;
use crate::top::recording::{Recorder, Replay};
use crate::top::run::run;
use crate::top::symbols::Symbols;

/// The width of what is printed, unless a terminal has another one.
const WIDTH: u16 = 132;

/// Shows the balancer of this network namespace.
pub(crate) fn live(
    client: Client,
    options: &TopOptions,
    namespace: Option<&str>,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let feed = Feed::Live(Box::new(Live::new(client, namespace)?));
    let recorder = options.record.as_deref().map(Recorder::open).transpose()?;
    if options.batch {
        let app = App::new(feed, None, recorder, options.interval, look(options, false));
        return batch(app, options, namespace, sink);
    }
    let signals = Signals::watch_first();
    let mut changes = Changes { namespace, signals: &signals };
    let operator: Option<&mut dyn Operator> = match options.read_only {
        true => None,
        false => Some(&mut changes),
    };
    let mut app = App::new(feed, operator, recorder, options.interval, look(options, true));
    run(&mut app, &signals)
}

/// Shows a recording.
pub(crate) fn replay(options: &TopOptions, sink: &mut Sink) -> Result<(), Failure> {
    let Some(file) = &options.replay else {
        return Ok(());
    };
    let feed = Feed::Replay(Replay::open(file)?);
    let mut app = App::new(feed, None, None, options.interval, look(options, !options.batch));
    if let Some(time) = options.begin {
        app.seek_time(time);
    }
    if options.batch {
        return batch(app, options, None, sink);
    }
    run(&mut app, &Signals::watch_first())
}

fn look(options: &TopOptions, on_screen: bool) -> Look {
    let Capabilities { colour, unicode, .. } = Capabilities::of_stdout();
    Look {
        colours: Colours { colour: colour && on_screen },
        symbols: Symbols::of(unicode && !options.ascii),
    }
}

/// Prints readings. Rates are known from the second one on, so that is the first to be printed, unless
/// a recording has had others before.
fn batch(
    mut app: App<'_, '_>,
    options: &TopOptions,
    namespace: Option<&str>,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let width = rustix::termios::tcgetwinsize(io::stdout()).map_or(0, |size| size.ws_col);
    let width = if width > 0 && io::stdout().is_terminal() { width } else { WIDTH };
    // Everything is visible.
    app.resize(Rect::new(0, 0, width, u16::MAX));
    app.read_everything();
    let mut printed = 0;
    if app.model().at.is_none() {
        app.refresh_or_fail()?;
    }
    while options.count.is_none_or(|count| printed < count) {
        if app.is_live() && reader::leaves_before(app.next_reading()) {
            return Err(Failure::Output(io::ErrorKind::BrokenPipe.into()));
        }
        if !app.refresh_or_fail()? {
            return Ok(());
        }
        match options.json {
            true => json::print_line(sink, &Document::new(app.model(), namespace))?,
            false => {
                let rows = u16::try_from(app.row_count()).unwrap_or(u16::MAX);
                let rows = rows.min(u16::MAX - AROUND);
                sink.print(lines(&app.scene(), width, rows));
            }
        }
        sink.flush().map_err(Failure::Output)?;
        printed += 1;
    }
    Ok(())
}

/// Makes changes, over a connection of its own.
struct Changes<'a> {
    namespace: Option<&'a str>,
    signals: &'a Signals,
}

impl Changes<'_> {
    fn aside(&self) -> Result<Aside<'_>, Failure> {
        Aside::begin(&Home::of(self.namespace)?, self.signals)
    }

    fn command(&self, rule: &str) -> String {
        aside::command(self.namespace, rule)
    }

    fn prepare(&mut self, deed: Deed) -> Result<Proposal, Failure> {
        let client = &mut connect(Loading::Never)?;
        let (command, warnings) = match deed {
            Deed::Drain(service, server) => {
                found(client, &service, &server)?;
                let objections = aside::objections(client, &service, &server, self.namespace)?;
                (aside::named("--drain", self.namespace, &service, &server, ""), objections)
            }
            Deed::Enable(service, server) => {
                let present = found(client, &service, &server)?.config.weight;
                match aside::remembered(&service, &server) {
                    Some(weight) if weight != present => {
                        let command =
                            aside::named("--undrain", self.namespace, &service, &server, "");
                        (command, Vec::new())
                    }
                    _ if present > 0 => {
                        let text = format!("{server}: has the weight {present} already");
                        return Err(Failure::Senseless(text));
                    }
                    _ => {
                        let more = "-w 1 --keep";
                        let warning = "No weight is remembered, as no --drain has changed it.";
                        let command = aside::named("-e", self.namespace, &service, &server, more);
                        (command, vec![warning.to_owned()])
                    }
                }
            }
            Deed::Weight(service, server, weight) => {
                found(client, &service, &server)?;
                let more = format!("-w {weight} --keep");
                (aside::named("-e", self.namespace, &service, &server, &more), Vec::new())
            }
            Deed::Zero(service) => {
                let rule = Line::new(&Change::ZeroService(service));
                let rule = rule.map_err(Failure::from)?.to_string();
                (self.command(&rule), Vec::new())
            }
        };
        Ok(Proposal { deed, command, warnings })
    }

    fn change(&mut self, deed: Deed) -> Result<String, Failure> {
        let client = &mut connect(Loading::Never)?;
        match deed {
            Deed::Drain(service, server) => self.aside()?.drain(client, &service, &server),
            Deed::Enable(service, server) => match aside::remembered(&service, &server) {
                Some(_) => self.aside()?.undrain(client, &service, &server),
                None => set_weight(client, &service, &server, 1),
            },
            Deed::Weight(service, server, weight) => set_weight(client, &service, &server, weight),
            Deed::Zero(service) => {
                let change = Change::ZeroService(service);
                client.change(&change).map_err(|error| Failure::of_change(&change, error))?;
                Ok(format!("{service}: zeroed"))
            }
        }
    }
}

impl Operator for Changes<'_> {
    fn propose(&mut self, deed: Deed) -> Result<Proposal, String> {
        self.prepare(deed).map_err(|failure| failure.to_string())
    }

    fn carry_out(&mut self, deed: Deed) -> Result<String, String> {
        self.change(deed).map_err(|failure| failure.to_string())
    }
}

/// A server as the kernel has it now.
fn found(
    client: &mut Client,
    service: &ServiceKey,
    server: &DestinationKey,
) -> Result<Destination, Failure> {
    servers::server(client, service, server)?
        .ok_or_else(|| Failure::Senseless(format!("{server}: not there any more")))
}

/// Sets a weight, and leaves everything else as it is now.
fn set_weight(
    client: &mut Client,
    service: &ServiceKey,
    server: &DestinationKey,
    weight: u32,
) -> Result<String, Failure> {
    let before = found(client, service, server)?;
    let config = ipvs::DestinationConfig { weight, ..before.config };
    let change = Change::EditDestination(*service, *server, config);
    client.change(&change).map_err(|error| Failure::of_change(&change, error))?;
    Ok(format!("{server} of {service}: weight {weight} instead of {}", before.config.weight))
}
