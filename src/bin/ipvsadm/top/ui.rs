//! What the user has chosen: the place in the tree, the order, what stands in front of it.

use super::deed::Proposal;
use super::model::Model;
use super::names::Names;
use super::rows::{Arrangement, Row, Subject, arrange};

/// Up to this many services, their servers are shown from the beginning.
const FEW: usize = 50;

/// What the user has chosen.
#[derive(Debug, Default)]
pub(crate) struct Ui {
    pub(crate) arrangement: Arrangement,
    /// The rows of the tree, as they are now.
    pub(crate) rows: Vec<Row>,
    /// The chosen row, and what it shows.
    pub(crate) chosen: usize,
    subject: Option<Subject>,
    /// The first visible row.
    pub(crate) top: usize,
    /// The rows that there is room for.
    pub(crate) height: usize,
    pub(crate) paused: bool,
    pub(crate) front: Front,
    /// The last line is asked something.
    pub(crate) prompt: Option<Prompt>,
    /// What has just been done, or has failed.
    pub(crate) message: Option<Message>,
    /// Why the balancer cannot be read now.
    pub(crate) trouble: Option<String>,
    has_begun: bool,
}

/// What is shown.
#[derive(Debug, Default, PartialEq)]
pub(crate) enum Front {
    #[default]
    Tree,
    Help(Scroll),
    /// Text about a subject, such as its connections.
    Text(Text),
}

/// Lines to scroll through.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Text {
    pub(crate) kind: Kind,
    pub(crate) title: String,
    /// Stays in place above the lines.
    pub(crate) heading: Option<String>,
    pub(crate) lines: Vec<String>,
    pub(crate) scroll: Scroll,
}

/// What a text is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    #[default]
    Connections,
    Doctor,
}

/// The first visible line.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scroll(pub(crate) usize);

/// What the last line asks.
#[derive(Debug, PartialEq)]
pub(crate) enum Prompt {
    /// A filter in the making, and the one from before.
    Filter { before: String },
    /// A time of day.
    Time(String),
    /// Whether to do it.
    Confirm(Proposal),
}

/// What there is to say about a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) text: String,
    pub(crate) is_bad: bool,
}

impl Message {
    pub(crate) fn good(text: impl Into<String>) -> Self {
        Message { text: text.into(), is_bad: false }
    }

    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Message { text: text.into(), is_bad: true }
    }
}

impl Ui {
    /// Makes the rows anew, after a reading or a change of their arrangement. What was chosen stays
    /// chosen, wherever it is now.
    pub(crate) fn arrange(&mut self, model: &Model, names: &Names) {
        if !self.has_begun && model.at.is_some() {
            self.arrangement.expanded = model.services.len() <= FEW;
            self.has_begun = true;
        }
        arrange(model, &self.arrangement, names, &mut self.rows);
        if let Some(subject) = self.subject {
            let is = |row: &Row, wanted: Subject| row.subject(model) == Some(wanted);
            let place = |wanted| self.rows.iter().position(|row| is(row, wanted));
            // A server that is not there any more leaves its service.
            let found = place(subject).or_else(|| place(Subject::Service(subject.service())));
            self.chosen = found.unwrap_or(self.chosen);
        }
        self.choose(self.chosen, model);
    }

    /// Shows all rows there are, at any height.
    pub(crate) fn show_all(&mut self) {
        self.height = usize::MAX;
        self.has_begun = true;
    }

    /// Chooses a row.
    pub(crate) fn choose(&mut self, row: usize, model: &Model) {
        self.chosen = row.min(self.rows.len().saturating_sub(1));
        self.subject = self.rows.get(self.chosen).and_then(|row| row.subject(model));
        self.follow();
    }

    /// Moves what is visible so that the chosen row is.
    pub(crate) fn follow(&mut self) {
        let height = self.height.max(1);
        let last_top = self.rows.len().saturating_sub(height);
        self.top =
            self.top.min(self.chosen).max((self.chosen + 1).saturating_sub(height)).min(last_top);
    }

    /// The service or server that is chosen.
    pub(crate) fn subject(&self) -> Option<Subject> {
        self.subject
    }

    /// The rows that are to be seen.
    pub(crate) fn visible(&self) -> &[Row] {
        let end = self.top.saturating_add(self.height).min(self.rows.len());
        self.rows.get(self.top..end).unwrap_or_default()
    }

    /// The tree, and nothing in front of it.
    pub(crate) fn is_tree(&self) -> bool {
        self.front == Front::Tree
    }

    /// Moves by so many rows or lines.
    pub(crate) fn go(&mut self, by: isize, model: &Model) {
        match &mut self.front {
            Front::Tree => self.choose(self.chosen.saturating_add_signed(by), model),
            Front::Help(scroll) | Front::Text(Text { scroll, .. }) => {
                scroll.0 = scroll.0.saturating_add_signed(by);
            }
        }
    }
}
