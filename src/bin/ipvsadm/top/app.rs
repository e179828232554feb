//! The program as a whole: what keys do, and when something is read.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use ipvs::ServiceKey;
use ipvs::rules::grammar::TimeOfDay;
use ratatui::crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use ratatui::layout::Rect;

use super::colours::Colours;
use super::columns::{Id, next_to_sort_by};
use super::connections::Watched;
use super::deed::{Deed, Operator, Proposal};
use super::draw::{Scene, Spot, Title, spot, tree_height};
use super::examination::Examination;
use super::keys::{self, Action, Place};
use super::live::{Live, Wanted};
use super::model::Model;
use super::names::Names;
use super::recording::{Recorder, Replay};
use super::rows::Subject;
use super::symbols::Symbols;
use super::ui::{Front, Kind, Message, Prompt, Scroll, Text, Ui};
use crate::process::failure::Failure;

/// A table of more services than this is large: only what is visible is read of their servers.
pub(crate) const FEW: usize = 250;

/// In a recording of a large table, each service's servers are read once in so many readings.
pub(super) const TURNS: usize = 8;

/// How long a message stays.
const MESSAGE: Duration = Duration::from_secs(6);

/// A pause in a recording is not replayed at its full length.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Where readings come from.
pub(crate) enum Feed<'n> {
    Live(Box<Live<'n>>),
    Replay(Replay),
}

/// The look of frames.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) colours: Colours,
    pub(crate) symbols: &'static Symbols,
}

/// What the loop is to do after an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Draw,
    Nothing,
    /// Draw everything, not only what differs.
    Redraw,
    Suspend,
    Quit,
}

/// The program.
pub(crate) struct App<'n, 'o> {
    feed: Feed<'n>,
    operator: Option<&'o mut dyn Operator>,
    recorder: Option<Recorder>,
    model: Model,
    ui: Ui,
    names: Names,
    title: Title,
    look: Look,
    interval: Duration,
    /// When the next reading is due.
    due: Instant,
    watched: Option<Watched>,
    examination: Option<Examination>,
    message_ends: Option<Instant>,
    /// Whose turn it is to be recorded.
    turn: usize,
    area: Rect,
    reads_everything: bool,
}

impl<'n, 'o> App<'n, 'o> {
    pub(crate) fn new(
        feed: Feed<'n>,
        operator: Option<&'o mut dyn Operator>,
        recorder: Option<Recorder>,
        interval: Duration,
        look: Look,
    ) -> Self {
        let mut title = Title::default();
        match &feed {
            Feed::Live(live) => title.namespace = live.namespace().map(str::to_owned),
            Feed::Replay(replay) => title.recording = Some(replay.name().to_owned()),
        }
        if let Some(recorder) = &recorder {
            title.recording = Some(recorder.name().to_owned());
        }
        App {
            feed,
            operator,
            recorder,
            model: Model::default(),
            ui: Ui::default(),
            names: Names::default(),
            title,
            look,
            interval,
            due: Instant::now(),
            watched: None,
            examination: None,
            message_ends: None,
            turn: 0,
            area: Rect::default(),
            reads_everything: false,
        }
    }

    pub(crate) fn scene(&self) -> Scene<'_> {
        Scene {
            model: &self.model,
            ui: &self.ui,
            names: &self.names,
            colours: self.look.colours,
            symbols: self.look.symbols,
            place: self.place(),
            title: &self.title,
        }
    }

    pub(crate) fn model(&self) -> &Model {
        &self.model
    }

    fn place(&self) -> Place {
        Place {
            tree: self.ui.is_tree(),
            replay: matches!(self.feed, Feed::Replay(_)),
            read_only: self.operator.is_none(),
        }
    }

    /// Takes the size of the screen.
    pub(crate) fn resize(&mut self, area: Rect) {
        self.area = area;
        self.fit();
    }

    /// Makes what is chosen visible, and reads what is visible now and was not before.
    fn fit(&mut self) {
        self.ui.height = tree_height(self.area, &self.ui);
        self.ui.follow();
        // What is read makes new rows, which move others out of sight.
        for _ in 0..3 {
            if !self.read_missing() {
                break;
            }
            self.ui.arrange(&self.model, &self.names);
        }
        self.want_names();
    }

    /// Reads the servers of services that have become visible. True if there are any.
    fn read_missing(&mut self) -> bool {
        let Feed::Live(live) = &mut self.feed else {
            return false;
        };
        let missing: BTreeSet<ServiceKey> = self
            .ui
            .visible()
            .iter()
            .filter_map(|row| self.model.services.get(row.service))
            .filter(|service| !service.has_servers())
            .map(|service| service.key)
            .collect();
        let mut has_read = false;
        for key in missing {
            // A failure shows at the next reading.
            let Some((at, servers)) = live.servers(&key) else {
                return false;
            };
            has_read |= self.model.update_servers(&key, at, servers);
        }
        has_read
    }

    fn want_names(&mut self) {
        let Self { ui, model, names, .. } = self;
        let rows = ui.visible().iter().filter_map(|row| row.parts(model));
        let addresses = rows.filter_map(|(service, server)| match (server, service.key) {
            (Some(server), _) => Some(server.now.key.address),
            (None, ServiceKey::Address { address, .. }) => Some(address),
            (None, ServiceKey::FirewallMark { .. }) => None,
        });
        let addresses: Vec<_> = addresses.collect();
        names.want(addresses.into_iter());
    }

    /// When there is something to do without any event.
    pub(crate) fn due(&self) -> Option<Instant> {
        let reading = (!self.ui.paused).then_some(self.due);
        [reading, self.message_ends].into_iter().flatten().min()
    }

    /// Does what is due. True if there is something to draw.
    pub(crate) fn tick(&mut self) -> bool {
        let now = Instant::now();
        let mut draw = false;
        if !self.ui.paused && now >= self.due {
            self.refresh();
            draw = true;
        }
        if self.message_ends.is_some_and(|end| now >= end) {
            (self.ui.message, self.message_ends) = (None, None);
            draw = true;
        }
        if self.names.take_found() {
            self.arrange();
            draw = true;
        }
        if let Some(lines) = self.examination.as_ref().and_then(Examination::result) {
            self.examined(lines);
            draw = true;
        }
        draw
    }

    /// Reads what is due.
    pub(crate) fn refresh(&mut self) {
        let begun = Instant::now();
        self.due = begun + self.interval;
        match &self.feed {
            Feed::Live(_) => self.read(),
            Feed::Replay(_) => self.play(),
        }
        self.arrange();
        self.list_connections();
    }

    fn arrange(&mut self) {
        self.ui.arrange(&self.model, &self.names);
        self.fit();
    }

    fn read(&mut self) {
        let wanted = self.wanted();
        self.turn = (self.turn + 1) % TURNS;
        let Feed::Live(live) = &mut self.feed else {
            return;
        };
        match live.read(&wanted) {
            Ok(reading) => {
                self.ui.trouble = None;
                let written = self.recorder.as_mut().map(|recorder| recorder.write(&reading));
                let spent = self.model.update(reading);
                live.reuse(spent);
                if let Some(Err(failure)) = written {
                    (self.recorder, self.title.recording) = (None, None);
                    self.say(Message::bad(format!("nothing is recorded any more: {failure}")));
                }
            }
            Err(failure) => {
                self.ui.trouble = Some(format!("{}; trying again", plain(&failure)));
            }
        }
    }

    /// The services whose servers are to be read.
    fn wanted(&self) -> Wanted {
        let services = &self.model.services;
        if self.reads_everything {
            return Wanted::All;
        }
        // Nothing is known of the first reading's size.
        if self.model.at.is_some() && services.len() <= FEW {
            return Wanted::All;
        }
        let visible = self.ui.visible().iter().filter_map(|row| services.get(row.service));
        let mut wanted: BTreeSet<ServiceKey> = visible.map(|service| service.key).collect();
        if self.recorder.is_some() {
            let turn = services.iter().skip(self.turn).step_by(TURNS);
            wanted.extend(turn.map(|service| service.key));
        }
        Wanted::These(wanted)
    }

    /// Shows the next reading of a recording.
    fn play(&mut self) {
        let Feed::Replay(replay) = &mut self.feed else {
            return;
        };
        match replay.next() {
            Ok(Some(reading)) => {
                self.model.update(reading);
                let pause = replay.pause().unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE);
                self.due = Instant::now() + pause;
                self.title.percent = Some(replay.percent());
            }
            Ok(None) => {
                self.ui.paused = true;
                let text = match replay.is_cut() {
                    true => "the recording is cut off here",
                    false => "the end of the recording",
                };
                self.say(Message::good(text));
            }
            Err(failure) => {
                self.ui.paused = true;
                self.ui.trouble = Some(plain(&failure));
            }
        }
    }

    /// Goes to another place of a recording, with the minute before it.
    pub(crate) fn seek(&mut self, choose: impl FnOnce(&Replay) -> usize) {
        let Feed::Replay(replay) = &mut self.feed else {
            return;
        };
        let target = choose(replay);
        match replay.minute_before(target) {
            Ok(readings) => {
                self.ui.trouble = None;
                self.model.clear();
                for reading in readings {
                    self.model.update(reading);
                }
                self.title.percent = Some(replay.percent());
                let pause = replay.pause().unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE);
                self.due = Instant::now() + pause;
            }
            Err(failure) => self.ui.trouble = Some(plain(&failure)),
        }
        self.arrange();
    }

    /// Goes to the next time of this kind in a recording, or the first if there is none.
    pub(crate) fn seek_time(&mut self, time: TimeOfDay) {
        let now = self.model.at;
        self.seek(|replay| replay.at_time_of_day(now, time));
    }

    /// As if everything were visible.
    pub(crate) fn read_everything(&mut self) {
        self.reads_everything = true;
        self.ui.show_all();
    }

    /// True if readings come from the kernel.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.feed, Feed::Live(_))
    }

    /// When the next reading is due.
    pub(crate) fn next_reading(&self) -> Instant {
        self.due
    }

    /// The rows of the tree.
    pub(crate) fn row_count(&self) -> usize {
        self.ui.rows.len()
    }

    /// Takes the next reading. False if there is none.
    pub(crate) fn refresh_or_fail(&mut self) -> Result<bool, Failure> {
        let begun = Instant::now();
        self.due = begun + self.interval;
        let wanted = self.wanted();
        let reading = match &mut self.feed {
            Feed::Live(live) => Some(live.read(&wanted)?),
            Feed::Replay(replay) => replay.next()?,
        };
        let Some(reading) = reading else {
            return Ok(false);
        };
        if let Some(recorder) = &mut self.recorder {
            recorder.write(&reading)?;
        }
        self.model.update(reading);
        self.ui.arrange(&self.model, &self.names);
        Ok(true)
    }

    fn say(&mut self, message: Message) {
        self.ui.message = Some(message);
        self.message_ends = Some(Instant::now() + MESSAGE);
    }

    /// Does what an event asks for.
    pub(crate) fn event(&mut self, event: Event) -> Next {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(key),
            Event::Mouse(mouse) => self.mouse(mouse),
            Event::Resize(..) => Next::Draw,
            _ => Next::Nothing,
        }
    }

    fn key(&mut self, key: KeyEvent) -> Next {
        let is_quit =
            key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c');
        if self.ui.prompt.is_some() && !is_quit {
            self.answer(key);
            return Next::Draw;
        }
        (self.ui.message, self.message_ends) = (None, None);
        match keys::action(&key, self.place()) {
            Some(action) => self.act(action),
            None => Next::Draw,
        }
    }

    fn mouse(&mut self, mouse: MouseEvent) -> Next {
        if self.ui.prompt.is_some() {
            return Next::Nothing;
        }
        match mouse.kind {
            MouseEventKind::ScrollUp => self.ui.go(-3, &self.model),
            MouseEventKind::ScrollDown => self.ui.go(3, &self.model),
            MouseEventKind::Down(MouseButton::Left) => {
                match spot(self.area, &self.ui, mouse.column, mouse.row) {
                    Spot::Heading(id) => self.sort_by(id),
                    Spot::Row(row) if self.ui.top + row == self.ui.chosen => {
                        return self.act(Action::Toggle);
                    }
                    Spot::Row(row) if self.ui.top + row < self.ui.rows.len() => {
                        self.ui.choose(self.ui.top + row, &self.model);
                    }
                    Spot::Row(_) | Spot::Elsewhere => return Next::Nothing,
                }
            }
            _ => return Next::Nothing,
        }
        self.fit();
        Next::Draw
    }

    fn sort_by(&mut self, id: Id) {
        let sorts = super::columns::COLUMNS.iter().any(|column| column.id == id && column.sorts);
        let arrangement = &mut self.ui.arrangement;
        if arrangement.sort == id {
            arrangement.reversed = !arrangement.reversed;
        } else if sorts {
            (arrangement.sort, arrangement.reversed) = (id, false);
        }
        self.arrange();
    }

    /// Takes a key for the question in the last line.
    fn answer(&mut self, key: KeyEvent) {
        let Some(prompt) = self.ui.prompt.take() else {
            return;
        };
        match prompt {
            Prompt::Filter { before } => {
                let filter = &mut self.ui.arrangement.filter;
                match key.code {
                    KeyCode::Enter => return,
                    KeyCode::Esc => {
                        *filter = before;
                        return self.arrange();
                    }
                    code => edit(filter, code),
                }
                self.ui.prompt = Some(Prompt::Filter { before });
                self.arrange();
            }
            Prompt::Time(mut text) => match key.code {
                KeyCode::Esc => {}
                KeyCode::Enter => match TimeOfDay::parse(text.as_bytes()) {
                    Some(time) => self.seek_time(time),
                    None => self.say(Message::bad(format!("{text}: not a time such as 03:00"))),
                },
                code => {
                    edit(&mut text, code);
                    self.ui.prompt = Some(Prompt::Time(text));
                }
            },
            Prompt::Confirm(proposal) => self.confirm(&proposal, key.code),
        }
    }

    fn confirm(&mut self, proposal: &Proposal, code: KeyCode) {
        let by = match code {
            KeyCode::Char('+' | '=') => 1,
            KeyCode::Char('-') => -1,
            _ => 0,
        };
        match (proposal.deed, code) {
            (Deed::Weight(service, server, weight), _) if by != 0 => {
                let weight = weight.saturating_add_signed(by).min(i32::MAX as u32);
                self.propose(Deed::Weight(service, server, weight));
            }
            (deed, KeyCode::Char('y' | 'Y')) => {
                let done = self.operator.as_mut().map(|operator| operator.carry_out(deed));
                match done {
                    Some(Ok(text)) => self.say(Message::good(text)),
                    Some(Err(text)) => self.say(Message::bad(text)),
                    None => {}
                }
                self.refresh();
            }
            _ => self.say(Message::good("nothing was changed")),
        }
    }

    fn propose(&mut self, deed: Deed) {
        match self.operator.as_mut().map(|operator| operator.propose(deed)) {
            Some(Ok(proposal)) => self.ui.prompt = Some(Prompt::Confirm(proposal)),
            Some(Err(text)) => self.say(Message::bad(text)),
            None => {}
        }
    }

    fn act(&mut self, action: Action) -> Next {
        let page = self.ui.height.max(2) as isize - 1;
        match action {
            Action::Up => self.ui.go(-1, &self.model),
            Action::Down => self.ui.go(1, &self.model),
            Action::PageUp => self.ui.go(-page, &self.model),
            Action::PageDown => self.ui.go(page, &self.model),
            Action::First => self.ui.go(isize::MIN, &self.model),
            Action::Last => self.last(),
            Action::Toggle => self.expand(None),
            Action::Expand => self.expand(Some(true)),
            Action::Collapse => self.expand(Some(false)),
            Action::ToggleAll => {
                let arrangement = &mut self.ui.arrangement;
                arrangement.expanded = !arrangement.expanded;
                arrangement.exceptions.clear();
                self.arrange();
            }
            Action::Filter => {
                let before = self.ui.arrangement.filter.clone();
                self.ui.prompt = Some(Prompt::Filter { before });
            }
            Action::Sort => self.sort_by(next_to_sort_by(self.ui.arrangement.sort)),
            Action::Reverse => self.sort_by(self.ui.arrangement.sort),
            Action::Pause => {
                self.ui.paused = !self.ui.paused;
                self.due = Instant::now();
            }
            Action::Names => {
                self.names.shown = !self.names.shown;
                self.arrange();
            }
            Action::Connections => self.show_connections(),
            Action::Doctor => self.examine(),
            Action::Help => {
                self.ui.front = match self.ui.front {
                    Front::Help(_) => Front::Tree,
                    _ => Front::Help(Scroll::default()),
                };
            }
            Action::Drain | Action::Enable | Action::Heavier | Action::Lighter | Action::Zero => {
                self.begin(action);
            }
            Action::Earlier => self.seek(|replay| replay.position().saturating_sub(1)),
            Action::Later => self.seek(|replay| replay.position() + 1),
            Action::MuchEarlier => self.seek(|replay| replay.minutes_away(-1)),
            Action::MuchLater => self.seek(|replay| replay.minutes_away(1)),
            Action::Time => self.ui.prompt = Some(Prompt::Time(String::new())),
            Action::Redraw => return Next::Redraw,
            Action::Suspend => return Next::Suspend,
            Action::Back => self.back(),
            Action::Quit if self.ui.is_tree() => return Next::Quit,
            Action::Quit => self.back(),
        }
        self.fit();
        Next::Draw
    }

    fn last(&mut self) {
        match &mut self.ui.front {
            Front::Tree => self.ui.go(isize::MAX, &self.model),
            // The draw stops at the last page, so this is only near enough to come back from.
            Front::Help(scroll) => scroll.0 = keys::BINDINGS.len(),
            Front::Text(text) => text.scroll.0 = text.lines.len().saturating_sub(self.ui.height),
        }
    }

    fn back(&mut self) {
        if self.ui.is_tree() {
            self.ui.arrangement.filter.clear();
            self.arrange();
        } else {
            self.ui.front = Front::Tree;
            (self.watched, self.examination) = (None, None);
        }
    }

    /// Shows the servers of the chosen service, or hides them: the opposite without a wish.
    fn expand(&mut self, wish: Option<bool>) {
        if let Some(subject) = self.ui.subject() {
            let service = subject.service();
            let arrangement = &mut self.ui.arrangement;
            let wish = wish.unwrap_or(!arrangement.is_expanded(&service));
            arrangement.expand(service, wish);
            self.arrange();
        }
    }

    fn begin(&mut self, action: Action) {
        let Some(subject) = self.ui.subject() else {
            return self.say(Message::bad("nothing is chosen"));
        };
        if action == Action::Zero {
            return self.propose(Deed::Zero(subject.service()));
        }
        let Some((service, server)) = subject.server() else {
            return self.say(Message::bad("choose a real server first"));
        };
        let weight = self.model.server(&service, &server).map_or(0, |server| server.now.weight);
        self.propose(match action {
            Action::Drain => Deed::Drain(service, server),
            Action::Enable => Deed::Enable(service, server),
            Action::Lighter => Deed::Weight(service, server, weight.saturating_sub(1)),
            _ => Deed::Weight(service, server, weight.saturating_add(1).min(i32::MAX as u32)),
        });
    }

    fn show_connections(&mut self) {
        if let Some(subject) = self.ui.subject() {
            self.watched = Some(Watched::new(subject));
            self.list_connections();
        }
    }

    /// Lists the connections that are watched.
    fn list_connections(&mut self) {
        let Self { watched: Some(watched), model, names, ui, .. } = self else {
            return;
        };
        let services = model.services.iter().map(|service| service.key);
        let Some(listed) = watched.read(services, names) else {
            return;
        };
        let scroll = match &ui.front {
            Front::Text(text) if text.kind == Kind::Connections => text.scroll,
            _ => Scroll::default(),
        };
        match listed {
            Ok(listed) => {
                ui.front = Front::Text(Text {
                    kind: Kind::Connections,
                    title: listed.title,
                    heading: Some(listed.heading),
                    scroll: Scroll(scroll.0.min(listed.lines.len())),
                    lines: listed.lines,
                });
            }
            Err(failure) => {
                self.watched = None;
                let text = plain(&failure);
                self.say(Message::bad(text));
            }
        }
    }

    fn examine(&mut self) {
        let Some(subject) = self.ui.subject() else {
            return;
        };
        self.examination = Some(Examination::begin(subject, usize::from(self.area.width)));
        self.ui.front = Front::Text(Text {
            kind: Kind::Doctor,
            title: format!("{}: examining for some seconds ...", self.subject_name(&subject)),
            ..Text::default()
        });
    }

    fn examined(&mut self, lines: Vec<String>) {
        let Some(examination) = self.examination.take() else {
            return;
        };
        let subject = self.subject_name(&examination.subject);
        self.ui.front = Front::Text(Text {
            kind: Kind::Doctor,
            title: format!("{subject}: what the doctor says"),
            lines,
            ..Text::default()
        });
    }

    /// `TCP 192.0.2.1:80`, or `10.0.0.1:80 of TCP 192.0.2.1:80`
    fn subject_name(&self, subject: &Subject) -> String {
        let service = self.names.service(&subject.service());
        match subject.server() {
            Some((_, server)) => format!("{} of {service}", self.names.server(&server)),
            None => service,
        }
    }
}

/// Edits a line of text.
fn edit(text: &mut String, code: KeyCode) {
    match code {
        KeyCode::Char(letter) if !letter.is_control() => text.push(letter),
        KeyCode::Backspace => drop(text.pop()),
        _ => {}
    }
}

/// The words of a failure, in one line.
fn plain(failure: &Failure) -> String {
    let text = failure.to_string();
    text.lines().next().unwrap_or_default().trim_end_matches('.').to_owned()
}
