//! The doctor, at work in the background: it watches for some seconds, and asks other programs.

use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use ipvs::ServiceKey;

use crate::doctor::checks::examine;
use crate::doctor::facts::{Question, Side};
use crate::doctor::gather::{Request, gather};
use crate::kernel::connect::Loading;
use crate::output::findings;
use crate::process::Sink;
use crate::process::terminal::Capabilities;

/// As `--doctor` does unless it is told otherwise.
const WATCH: Duration = Duration::from_secs(3);

/// An examination of a service.
#[derive(Debug)]
pub(crate) struct Examination {
    pub(crate) service: ServiceKey,
    result: Receiver<Vec<String>>,
}

impl Examination {
    /// Begins to examine, in the network namespace of this thread.
    pub(crate) fn begin(service: ServiceKey, width: usize) -> Self {
        let (sender, result) = channel();
        thread::spawn(move || {
            let question =
                Question { side: Side::Director, service: Some(service), ..Question::default() };
            let request = Request { question, watch: WATCH, probe: false };
            let report = examine(&gather(Loading::Never, &request));
            let mut sink = Sink::to(std::io::sink());
            let plain = Capabilities { width: Some(width), ..Capabilities::default() };
            findings::print(&mut sink, &report, plain);
            let text = String::from_utf8_lossy(sink.text()).into_owned();
            // Nobody may wait for it any more.
            let _ = sender.send(text.lines().map(str::to_owned).collect());
        });
        Examination { service, result }
    }

    /// What has been found, once it is there.
    pub(crate) fn result(&self) -> Option<Vec<String>> {
        self.result.try_recv().ok()
    }
}
