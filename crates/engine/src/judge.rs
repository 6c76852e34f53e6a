//! Verdicts: which of a group's alerts go on to its integrations at a tick, and what holds back the others.

use std::cmp::Ordering;
use std::sync::Arc;

use domain::alert::Alert;
use domain::group::GroupIdentity;
use domain::label::{Label, Labels};
use domain::time::Timestamp;
use domain::verdict::{Suppression, Verdict};

use crate::mirror::Mirror;
use crate::settings::Settings;

/// What the time says about a group, the same for all of its alerts.
pub(crate) struct TimeVerdict(Option<Suppression>);

impl TimeVerdict {
    /// The intervals that mute the group; none when it may be told.
    pub(crate) fn muted_by(&self) -> &[Arc<str>] {
        match &self.0 {
            Some(
                Suppression::OutsideActiveTime { intervals }
                | Suppression::MutedByTime { intervals },
            ) => intervals,
            _ => &[],
        }
    }
}

/// Judges a group's time intervals at `now`.
pub(crate) fn judge_time(
    settings: &Settings,
    group: &GroupIdentity,
    now: Timestamp,
) -> TimeVerdict {
    let wanted = &group.active_time_intervals;
    if !wanted.is_empty() && settings.active_intervals(wanted, now).is_empty() {
        return TimeVerdict(Some(Suppression::OutsideActiveTime {
            intervals: wanted.clone(),
        }));
    }
    let intervals = settings.active_intervals(&group.mute_time_intervals, now);
    TimeVerdict((!intervals.is_empty()).then_some(Suppression::MutedByTime { intervals }))
}

/// Judges one alert, in Alertmanager's order: inhibition, active times, mute times, silences.
pub(crate) fn judge(
    mirror: &Mirror,
    time: &TimeVerdict,
    labels: &Labels,
    now: Timestamp,
) -> Verdict {
    if let Some(source) = mirror.inhibited_by(labels, now) {
        return Verdict::Suppress(Suppression::Inhibited { by: vec![source] });
    }
    if let Some(suppression) = &time.0 {
        return Verdict::Suppress(suppression.clone());
    }
    let by = mirror.silences().silenced_by(labels, now);
    if by.is_empty() {
        Verdict::Notify
    } else {
        Verdict::Suppress(Suppression::Silenced { by })
    }
}

/// Sorts into Alertmanager's order of alerts in messages and group listings: job, instance, then the label set.
///
/// Both values are looked up once per alert, not once per comparison.
pub fn sort_by_job_and_instance<T>(items: Vec<T>, alert: impl Fn(&T) -> &Arc<Alert>) -> Vec<T> {
    let mut keyed: Vec<_> = items
        .into_iter()
        .map(|item| {
            let labels = alert(&item).labels.clone();
            let key = |name: &str| labels.label(name).cloned();
            (key("job"), key("instance"), labels, item)
        })
        .collect();
    keyed.sort_by(|a, b| {
        compare(&a.0, &b.0)
            .then_with(|| compare(&a.1, &b.1))
            .then_with(|| a.2.cmp_as_set(&b.2))
    });
    keyed.into_iter().map(|(_, _, _, item)| item).collect()
}

/// Absent counts as empty; interned equal pairs are recognised without looking at their text.
fn compare(a: &Option<Label>, b: &Option<Label>) -> Ordering {
    if let (Some(a), Some(b)) = (a, b)
        && a.is_same(b)
    {
        return Ordering::Equal;
    }
    a.as_ref()
        .map_or("", Label::value)
        .cmp(b.as_ref().map_or("", Label::value))
}
