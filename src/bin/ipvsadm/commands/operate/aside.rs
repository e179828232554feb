//! Draining and undraining a single server for `--top`: the same steps as in `--drain` and `--undrain`,
//! without waiting, and with words instead of messages.

use ipvs::rules::grammar::{DrainOptions, Execution, Target, UndrainOptions};
use ipvs::{Client, DestinationKey, ServiceKey};

use super::drain::set_weights;
use super::hazards::hazards;
use super::spelling::{Named, Spelling};
use super::undrain::give_back;
use crate::kernel::home::Home;
use crate::kernel::servers::find_in;
use crate::process::failure::Failure;
use crate::process::lock::Lock;
use crate::process::memory::Memory;
use crate::process::signals::Signals;

/// A rule as a command line.
pub(crate) fn command(namespace: Option<&str>, rule: &str) -> String {
    Spelling::new(namespace).rule(rule)
}

/// A command line about a server, with something at its end.
pub(crate) fn named(
    command: &str,
    namespace: Option<&str>,
    service: &ServiceKey,
    server: &DestinationKey,
    more: &str,
) -> String {
    Spelling::new(namespace).on(command, service, server, more)
}

/// What speaks against draining a server.
pub(crate) fn objections(
    client: &mut Client,
    service: &ServiceKey,
    server: &DestinationKey,
    namespace: Option<&str>,
) -> Result<Vec<String>, Failure> {
    let options = DrainOptions::of(Target::In(*service, *server));
    let found = [find_in(client, service, server)?];
    hazards(client, &found, &options, &Spelling::new(namespace))
}

/// The weight that a server had before it was drained.
pub(crate) fn remembered(service: &ServiceKey, server: &DestinationKey) -> Option<u32> {
    Memory::of_this_namespace().ok()?.weight(service, server)
}

/// What both have in common.
pub(crate) struct Aside<'s> {
    _lock: Option<Lock>,
    memory: Option<Memory>,
    signals: &'s Signals,
}

impl<'s> Aside<'s> {
    /// Takes the lock, without waiting for it.
    pub(crate) fn begin(home: &Home<'_>, signals: &'s Signals) -> Result<Self, Failure> {
        home.check()?;
        let lock = Lock::acquire(Some(0))?;
        Ok(Aside { _lock: lock, memory: Memory::of_this_namespace().ok(), signals })
    }

    /// Drains a server. Returns what has been done.
    pub(crate) fn drain(
        &self,
        client: &mut Client,
        service: &ServiceKey,
        server: &DestinationKey,
    ) -> Result<String, Failure> {
        let found = [find_in(client, service, server)?];
        let mut said = Vec::new();
        let remembered =
            set_weights(client, &found, self.memory.as_ref(), self.signals, &mut |text| {
                said.push(text)
            })?;
        let name = Named(*service, *server);
        said.push(match remembered.first() {
            Some(drained) => format!("{name}: weight {} set to 0; e gives it back", drained.weight),
            None => format!("{name}: has the weight 0 already"),
        });
        Ok(said.join("\n"))
    }

    /// Gives a server its weight back. Returns what has been done.
    pub(crate) fn undrain(
        &self,
        client: &mut Client,
        service: &ServiceKey,
        server: &DestinationKey,
    ) -> Result<String, Failure> {
        let options = UndrainOptions {
            target: Target::In(*service, *server),
            // The weight that is overwritten was on the screen.
            force: true,
            json: false,
            execution: Execution::default(),
        };
        let memory = self.memory.as_ref();
        let done = memory.map(|it| give_back(client, it, &options, self.signals, &mut |_| {}));
        let name = Named(*service, *server);
        match done.transpose()?.and_then(|done| done.first().map(|(drained, _)| drained.weight)) {
            Some(weight) => Ok(format!("{name}: weight {weight} again")),
            None => Err(Failure::Senseless(format!("{name}: no weight is remembered"))),
        }
    }
}
