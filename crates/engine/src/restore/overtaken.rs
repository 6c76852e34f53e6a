//! Ends that were overtaken: after this instance took one in, another one took the alert in, or told that it fires.
//!
//! What others take in is not in this journal (protocol.md §2), so what became of the alert is not known here. Whoever began
//! alone and took its own end for the last word would tell a false "resolved" (G5).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use domain::alert::{Alert, Grace};
use domain::fingerprint::Fingerprint;
use domain::id::GroupKey;
use domain::time::Timestamp;

use super::{RecordedGroup, RecordedTenant};

/// By how much what is only assumed counts as earlier than the end that is recorded: whoever knows of that end, or of anything later,
/// knows better.
const EARLIER: Duration = Duration::from_millis(1);

impl RecordedTenant {
    /// An alert as it counts from now on, and whether this instance answers for it. If its end was overtaken and somebody believes
    /// that it fires, it fires elsewhere, until who knows better says so or the grace is over.
    pub(super) fn as_it_counts(
        &self,
        alert: Arc<Alert>,
        believed: &HashSet<Fingerprint>,
        was_shared: bool,
        grace: Grace,
    ) -> (Arc<Alert>, bool) {
        let is_own = self.is_own(alert.fingerprint);
        let is_end = alert.is_explicit_end() && believed.contains(&alert.fingerprint);
        // Where nobody else was, nobody else told anything.
        if !was_shared || !is_end || !self.is_overtaken(&alert) {
            return (alert, is_own);
        }
        let elsewhere = Alert {
            updated_at: alert.updated_at - EARLIER,
            ends_at: grace.until,
            is_timeout: true,
            ..Alert::clone(&alert)
        };
        (Arc::new(elsewhere), false)
    }

    fn is_overtaken(&self, end: &Alert) -> bool {
        let heard = self.heard.get(&end.fingerprint);
        heard > Some(&end.updated_at) || is_told_since(&self.groups, end)
    }
}

/// Whether an integration was told that the alert fires, or nothing of it as it was suppressed, at a tick at which it was over as far as
/// is recorded of it. When one that was suppressed was told, the last message does not say.
fn is_told_since(groups: &HashMap<GroupKey, RecordedGroup>, alert: &Alert) -> bool {
    let all = groups.values().flat_map(|group| group.told.values());
    let mut last = all.filter_map(|told| told.last.as_ref());
    let is_later = |tick: Timestamp| alert.updated_at < tick;
    last.any(|last| {
        let mut named = last.firing.iter().chain(&last.hidden);
        is_later(last.tick) && named.any(|named| *named == alert.fingerprint)
    })
}
