//! What became of an alert earlier in a group it moves to: an instance that started with another configuration than the others have
//! put it there, and there it was told, and left, while the group it comes from held it still.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use domain::alert::Alert;
use domain::fingerprint::Fingerprint;
use domain::group::told::Told;
use domain::time::Timestamp;

use super::{Alone, Coordinated};
use crate::coordinator::{GroupName, SharedGroup};

/// What became of alerts earlier in a group they move to.
#[derive(Default)]
pub(super) struct Past {
    /// They left it in the state in which they come, or in a later one.
    pub(super) over: HashSet<Fingerprint>,
    /// They left it after what is believed of them was told, and are over, or fire anew since.
    pub(super) anew: HashSet<Fingerprint>,
}

impl Coordinated {
    /// What became earlier of alerts in the group they move to: a configuration may have put them there before, beside the group they
    /// come from.
    pub(super) async fn past_of(
        &self,
        name: &GroupName,
        alerts: &[Arc<Alert>],
        source: &SharedGroup,
    ) -> Result<Past, Alone> {
        let firing = alerts.iter().filter(|alert| !alert.is_explicit_end());
        let as_known = firing.map(|a| (a.fingerprint, a.updated_at));
        let told_before = alerts.iter().filter_map(|alert| {
            let told = source.told.iter().map(|(_, told)| told);
            let believed = told.filter(|told| told.believes_firing(alert.fingerprint));
            let since = believed.map(said_until).max()?;
            // One that is over may have been told so there; should it fire before that is said again, it is news.
            let may_be_told = alert.is_explicit_end() || since < alert.starts_at;
            may_be_told.then_some((alert.fingerprint, since))
        });
        let (as_known, told_before): (Vec<_>, Vec<_>) = (as_known.collect(), told_before.collect());
        let asked = as_known.iter().chain(&told_before);
        let Some(first) = asked.map(|(_, since)| *since).min() else {
            return Ok(Past::default());
        };
        let left = self.directly(self.shared.left_since(name, first, Timestamp::MAX).await)?;
        let left: HashMap<_, _> = left.into_iter().collect();
        // Which of these left, each in a state of its instant or a later one.
        let who_left = |asked: Vec<(Fingerprint, Timestamp)>| {
            let has_left = |(alert, since): &(Fingerprint, Timestamp)| {
                let state = left.get(alert);
                state.is_some_and(|state| since.unix_ms() <= state.unix_ms())
            };
            let left = asked.into_iter().filter(has_left);
            left.map(|(alert, _)| alert).collect()
        };
        Ok(Past {
            over: who_left(as_known),
            anew: who_left(told_before),
        })
    }
}

/// Until when something was said, or taken over from another group, of what an integration was told: numbers are as of then.
fn said_until(told: &Told) -> Timestamp {
    let numbered_at = i64::try_from(told.seq).map_or(Timestamp::MAX, Timestamp::from_unix_ms);
    let sent_at = told.last.as_ref().map(|last| last.sent_at);
    sent_at.map_or(numbered_at, |sent_at| numbered_at.max(sent_at))
}
