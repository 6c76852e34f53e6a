//! Ends that were overtaken: after this instance took one in, another one took the alert in, or told that it fires.
//!
//! What others take in is not in this journal (protocol.md §2), so what became of the alert is not known here. Whoever began
//! alone and took its own end for the last word would tell a false "resolved" (G5).

use std::collections::HashMap;
use std::sync::Arc;

use domain::alert::{Alert, Grace};
use domain::id::GroupKey;
use domain::time::Timestamp;

use super::{RecordedGroup, RecordedTenant};

impl RecordedTenant {
    /// The alert as it counts if its end was overtaken: as firing elsewhere, until who knows better says so or the grace is over.
    pub(super) fn overtaken(&self, alert: &Arc<Alert>, grace: Grace) -> Option<Arc<Alert>> {
        let is_heard_since = self.heard.get(&alert.fingerprint) > Some(&alert.updated_at);
        let is_overtaken = is_heard_since || is_told_since(&self.groups, alert);
        (alert.is_explicit_end() && is_overtaken).then(|| {
            Arc::new(Alert {
                ends_at: grace.until,
                is_timeout: true,
                ..Alert::clone(alert)
            })
        })
    }
}

/// Whether an integration was told that the alert fires, at a tick at which it was over as far as is recorded of it.
fn is_told_since(groups: &HashMap<GroupKey, RecordedGroup>, alert: &Alert) -> bool {
    let all = groups.values().flat_map(|group| group.told.values());
    let mut last = all.filter_map(|told| told.last.as_ref());
    let is_later = |tick: Timestamp| alert.updated_at < tick;
    last.any(|last| is_later(last.tick) && last.firing.contains(&alert.fingerprint))
}
