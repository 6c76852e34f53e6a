//! Verdicts: which of a group's alerts go on to its integrations at a tick, and what holds back the others.

use std::cmp::Ordering;
use std::sync::Arc;

use domain::alert::Alert;
use domain::group::GroupIdentity;
use domain::label::Labels;
use domain::time::Timestamp;
use domain::verdict::{Suppression, Verdict};

use crate::mirror::Mirror;
use crate::settings::Settings;

/// What the time says about a group, the same for all of its alerts.
pub(crate) struct TimeVerdict(Option<Suppression>);

/// Judges a group's time intervals at `now`.
pub(crate) fn judge_time(settings: &Settings, group: &GroupIdentity, now: Timestamp) -> TimeVerdict {
    let wanted = &group.active_time_intervals;
    if !wanted.is_empty() && settings.active_intervals(wanted, now).is_empty() {
        return TimeVerdict(Some(Suppression::OutsideActiveTime { intervals: wanted.clone() }));
    }
    let intervals = settings.active_intervals(&group.mute_time_intervals, now);
    TimeVerdict((!intervals.is_empty()).then_some(Suppression::MutedByTime { intervals }))
}

/// Judges one alert, in Alertmanager's order: inhibition, active times, mute times, silences.
pub(crate) fn judge(mirror: &Mirror, time: &TimeVerdict, labels: &Labels, now: Timestamp) -> Verdict {
    if let Some(source) = mirror.inhibited_by(labels, now) {
        return Verdict::Suppress(Suppression::Inhibited { by: vec![source] });
    }
    if let Some(suppression) = &time.0 {
        return Verdict::Suppress(suppression.clone());
    }
    let by = mirror.silences().silenced_by(labels, now);
    if by.is_empty() { Verdict::Notify } else { Verdict::Suppress(Suppression::Silenced { by }) }
}

/// Alertmanager's order of alerts in messages and group listings: job, instance, then the label set.
pub fn by_job_and_instance(a: &Arc<Alert>, b: &Arc<Alert>) -> Ordering {
    let compare = |name: &str| a.labels.get(name).unwrap_or("").cmp(b.labels.get(name).unwrap_or(""));
    compare("job").then_with(|| compare("instance")).then_with(|| a.labels.cmp_as_set(&b.labels))
}
