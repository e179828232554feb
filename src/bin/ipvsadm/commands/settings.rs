//! `--settings NAME=VALUE`: sets settings.

use ipvs::rules::grammar::Execution;
use ipvs::{Change, Client, OnRefusal, Plan, PlanOptions, Setting, SettingValue, State};

use crate::commands::{dry_run, transition};
use crate::process::Sink;
use crate::process::failure::{Failure, change_refusal_text};
use crate::process::signals::Signals;

/// Sets all of these, or, if the kernel refuses one, none.
pub(crate) fn set(
    client: &mut Client,
    settings: &[(Setting, SettingValue)],
    execution: Execution,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let (mut now, mut wanted) = (State::default(), State::default());
    for (setting, value) in settings {
        let before = client.setting(*setting)?;
        now.settings.insert(*setting, before.ok_or_else(|| Failure::no_such_setting(*setting))?);
        wanted.settings.insert(*setting, *value);
    }
    if execution.dry_run {
        return dry_run::settings(now, settings, sink);
    }
    let plan = Plan::between(&now, &wanted, PlanOptions::default());
    if let [(setting, value)] = settings {
        let change = Change::SetSetting(*setting, *value);
        // Nothing to undo, so nothing to say about that.
        return plan
            .changes()
            .try_for_each(|only| client.change(only))
            .map_err(|error| Failure::of_change(&change, error));
    }
    let signals = Signals::watch();
    match client.apply_with(&plan, OnRefusal::Undo, || signals.arrived().is_some()) {
        Ok(_) => Ok(()),
        Err(error) => {
            let refusals: Vec<String> = error
                .refused()
                .iter()
                .map(|refused| change_refusal_text(&refused.change, &refused.refusal))
                .collect();
            Err(transition::failed(&error, &refusals, &signals))
        }
    }
}
