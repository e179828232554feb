//! The table of keys. Whatever a key does, and the help about it, is from here.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What the user wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Toggle,
    Expand,
    Collapse,
    ToggleAll,
    Filter,
    Sort,
    Reverse,
    Pause,
    Names,
    Connections,
    Doctor,
    Help,
    Drain,
    Enable,
    Heavier,
    Lighter,
    Zero,
    Earlier,
    Later,
    MuchEarlier,
    MuchLater,
    Time,
    Redraw,
    Suspend,
    Back,
    Quit,
}

/// When a key works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Always,
    /// In the tree of services and servers.
    Tree,
    /// In the tree, unless nothing may be changed.
    Change,
    /// In a recording.
    Replay,
    /// Not in a recording.
    Live,
}

/// Keys that do the same.
#[derive(Debug)]
pub(crate) struct Binding {
    keys: &'static [KeyCode],
    /// Together with Ctrl.
    control: bool,
    /// As help shows them.
    pub(crate) shown: &'static str,
    pub(crate) action: Action,
    pub(crate) when: When,
    pub(crate) help: &'static str,
    /// As the last line shows it. Empty: not there.
    pub(crate) hint: &'static str,
    /// The lower, the earlier it gets room there.
    pub(crate) rank: u8,
}

const fn key(
    keys: &'static [KeyCode],
    shown: &'static str,
    action: Action,
    when: When,
    help: &'static str,
) -> Binding {
    Binding { keys, control: false, shown, action, when, help, hint: "", rank: 0 }
}

impl Binding {
    const fn hint(self, hint: &'static str, rank: u8) -> Self {
        Binding { hint, rank, ..self }
    }

    const fn control(self) -> Self {
        Binding { control: true, ..self }
    }
}

use Action::*;
use KeyCode::{Char, End, Enter, Esc, Home};

/// Every key.
pub(crate) const BINDINGS: &[Binding] = &[
    key(&[KeyCode::Up, Char('k')], "Up k", Up, When::Always, "go up"),
    key(&[KeyCode::Down, Char('j')], "Down j", Down, When::Always, "go down"),
    key(&[KeyCode::PageUp], "PgUp", PageUp, When::Always, "go up a page"),
    key(&[KeyCode::PageDown], "PgDn", PageDown, When::Always, "go down a page"),
    key(&[Home, Char('g')], "Home g", First, When::Always, "go to the top"),
    key(&[End, Char('G')], "End G", Last, When::Always, "go to the end"),
    key(&[Enter], "Enter", Toggle, When::Tree, "show or hide the servers of the service"),
    key(&[KeyCode::Right, Char('l')], "Right l", Expand, When::Tree, "show the servers"),
    key(&[KeyCode::Left, Char('h')], "Left h", Collapse, When::Tree, "hide the servers"),
    key(&[Char('*')], "*", ToggleAll, When::Tree, "show or hide the servers of all services"),
    key(&[Char('/')], "/", Filter, When::Tree, "show only what has a text in its name or state")
        .hint("filter", 2),
    key(&[Char('s')], "s", Sort, When::Tree, "sort by the next column").hint("sort", 3),
    key(&[Char('r')], "r", Reverse, When::Tree, "reverse the order").hint("reverse", 11),
    key(&[Char(' ')], "Space", Pause, When::Always, "pause, and go on").hint("pause", 10),
    key(&[Char('n')], "n", Names, When::Always, "names instead of numbers, and back")
        .hint("names", 12),
    key(&[Char('c')], "c", Connections, When::Live, "the connections of what is chosen")
        .hint("conns", 4),
    key(&[Char('D')], "D", Doctor, When::Live, "examine the service, as --doctor does")
        .hint("doctor", 5),
    key(
        &[Char('d')],
        "d",
        Drain,
        When::Change,
        "drain the server: weight 0, and remember the one before",
    )
    .hint("drain", 6),
    key(&[Char('e')], "e", Enable, When::Change, "enable the server: the weight from before")
        .hint("enable", 7),
    key(&[Char('+'), Char('=')], "+", Heavier, When::Change, "more weight; again, even more")
        .hint("weight", 8),
    key(&[Char('-')], "-", Lighter, When::Change, "less weight; again, even less"),
    key(&[Char('z')], "z", Zero, When::Change, "zero the counters of the service").hint("zero", 13),
    key(&[Char('[')], "[", Earlier, When::Replay, "the reading before").hint("before", 2),
    key(&[Char(']')], "]", Later, When::Replay, "the next reading").hint("next", 2),
    key(&[Char('{')], "{", MuchEarlier, When::Replay, "a minute earlier"),
    key(&[Char('}')], "}", MuchLater, When::Replay, "a minute later"),
    key(&[Char('t')], "t", Time, When::Replay, "go to a time of day, in UTC").hint("time", 2),
    key(&[Char('?'), KeyCode::F(1)], "?", Help, When::Always, "this help").hint("help", 1),
    key(&[Esc], "Esc", Back, When::Always, "back; without the filter"),
    key(&[Char('l')], "Ctrl-L", Redraw, When::Always, "draw everything again").control(),
    key(&[Char('z')], "Ctrl-Z", Suspend, When::Always, "suspend, until fg").control(),
    key(&[Char('q')], "q", Quit, When::Always, "quit").hint("quit", 0),
    key(&[Char('c')], "Ctrl-C", Quit, When::Always, "quit").control(),
];

/// Where keys are pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The tree, not something in front of it.
    pub(crate) tree: bool,
    pub(crate) replay: bool,
    /// Nothing may be changed.
    pub(crate) read_only: bool,
}

impl Place {
    /// True if the binding works here.
    pub(crate) fn has(self, binding: &Binding) -> bool {
        match binding.when {
            When::Always => true,
            When::Tree => self.tree,
            When::Change => self.tree && !self.read_only && !self.replay,
            When::Replay => self.replay,
            When::Live => self.tree && !self.replay,
        }
    }
}

/// What a key means here.
pub(crate) fn action(event: &KeyEvent, place: Place) -> Option<Action> {
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    let found = BINDINGS.iter().find(|binding| {
        binding.control == control && binding.keys.contains(&event.code) && place.has(binding)
    });
    found.map(|binding| binding.action)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: [Place; 4] = [
        Place { tree: true, replay: false, read_only: false },
        Place { tree: true, replay: false, read_only: true },
        Place { tree: true, replay: true, read_only: true },
        Place { tree: false, replay: false, read_only: false },
    ];

    #[test]
    fn no_key_means_two_things() {
        for (at, one) in BINDINGS.iter().enumerate() {
            for other in &BINDINGS[at + 1..] {
                let same = one.control == other.control;
                let shared = one.keys.iter().any(|key| other.keys.contains(key));
                assert!(!(same && shared), "{} and {}", one.shown, other.shown);
            }
        }
    }

    #[test]
    fn read_only_offers_no_key_that_changes_something() {
        let changes = [Drain, Enable, Heavier, Lighter, Zero];
        for place in PLACES {
            let offered = BINDINGS.iter().filter(|binding| place.has(binding));
            let offered: Vec<Action> = offered.map(|binding| binding.action).collect();
            let has = changes.iter().any(|change| offered.contains(change));
            assert_eq!(has, place == PLACES[0], "{place:?}");
            assert!(offered.contains(&Quit) && offered.contains(&Help), "{place:?}");
        }
        let of_changes: Vec<Action> = BINDINGS
            .iter()
            .filter(|binding| binding.when == When::Change)
            .map(|binding| binding.action)
            .collect();
        assert_eq!(of_changes, changes);
    }

    #[test]
    fn keys_mean_what_the_table_says() {
        let pressed = |code, modifiers, place| action(&KeyEvent::new(code, modifiers), place);
        let none = KeyModifiers::NONE;
        assert_eq!(pressed(Char('d'), none, PLACES[0]), Some(Drain));
        assert_eq!(pressed(Char('d'), none, PLACES[1]), None);
        assert_eq!(pressed(Char('D'), KeyModifiers::SHIFT, PLACES[0]), Some(Doctor));
        assert_eq!(pressed(Char('c'), KeyModifiers::CONTROL, PLACES[3]), Some(Quit));
        assert_eq!(pressed(Char('t'), none, PLACES[2]), Some(Time));
        assert_eq!(pressed(Char('t'), none, PLACES[0]), None);
    }
}
