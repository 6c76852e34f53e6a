//! What a story expects, and how the difference is shown.

use std::fmt::Write as _;

use super::alerts::Alert;
use super::hook::{Arrived, Hook};

/// A span of the timeline, ends included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) from: f64,
    pub(crate) to: f64,
}

/// From one second to another.
pub(crate) fn between(from: f64, to: f64) -> Window {
    Window { from, to }
}

/// One message that must arrive.
#[derive(Clone)]
pub(crate) struct Expectation {
    pub(crate) hook: Hook,
    pub(crate) window: Window,
    pub(crate) alerts: Vec<Alert>,
    pub(crate) reason: Option<&'static str>,
}

impl Expectation {
    fn is_met_by(&self, arrived: &Arrived) -> bool {
        let mut left: Vec<&Alert> = arrived.alerts.iter().collect();
        let each = self.alerts.iter().all(|wanted| {
            let at = left.iter().position(|got| wanted.is_met_by(got));
            at.map(|at| left.remove(at)).is_some()
        });
        let is_in_time = self.window.from <= arrived.at && arrived.at <= self.window.to;
        each && left.is_empty()
            && is_in_time
            && self.reason.is_none_or(|reason| reason == arrived.reason)
    }
}

/// Compares what arrived with what was expected, each exactly once; panics with both lists.
pub(crate) fn check(hooks: &[Hook], expectations: &[Expectation]) {
    let mut report = String::new();
    let mut is_good = true;
    for hook in hooks {
        let wanted: Vec<_> = expectations
            .iter()
            .filter(|e| e.hook.name() == hook.name())
            .collect();
        is_good &= check_hook(hook, &wanted, &mut report);
    }
    assert!(is_good, "what arrived is not what was expected\n{report}");
}

fn check_hook(hook: &Hook, wanted: &[&Expectation], report: &mut String) -> bool {
    let arrived = hook.arrived();
    let mut is_taken = vec![false; arrived.len()];
    let mut is_good = true;
    let _ = writeln!(report, "hook {}, expected:", hook.name());
    for expectation in wanted {
        let met = arrived
            .iter()
            .zip(&mut is_taken)
            .find(|(arrived, is_taken)| !**is_taken && expectation.is_met_by(arrived));
        let mark = if met.is_some() { "ok     " } else { "MISSING" };
        is_good &= met.is_some();
        if let Some((_, is_taken)) = met {
            *is_taken = true;
        }
        let Window { from, to } = expectation.window;
        let why = expectation
            .reason
            .map(|r| format!(" ({r})"))
            .unwrap_or_default();
        let _ = writeln!(
            report,
            "  {mark} {from:.3} to {to:.3}{why}: {}",
            list(&expectation.alerts)
        );
    }
    let _ = writeln!(report, "hook {}, arrived:", hook.name());
    for (arrived, is_taken) in arrived.iter().zip(&is_taken) {
        let mark = if *is_taken {
            "ok        "
        } else {
            "UNEXPECTED"
        };
        is_good &= is_taken;
        let (at, why, group) = (arrived.at, arrived.reason, &arrived.group_key);
        let key = arrived.key.get(..6).unwrap_or_default();
        let _ = writeln!(
            report,
            "  {mark} {at:.3} {} {group} key {key} ({why}): {}",
            arrived.receiver,
            list(&arrived.alerts)
        );
    }
    is_good
}

fn list(alerts: &[Alert]) -> String {
    let alerts: Vec<String> = alerts.iter().map(ToString::to_string).collect();
    alerts.join("; ")
}
