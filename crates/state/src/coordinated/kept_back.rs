//! Refreshes that were kept back, said before what is shared runs out.
//!
//! A refresh that what is shared covers costs no request (protocol.md §5, coalescing): while senders go on, the next one or the one
//! after is written long before that matters. When they stop, what is shared would end up to a quarter of the span before the end
//! that was stated last; so that end is written shortly before.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use domain::alert::Alert;
use domain::fingerprint::Fingerprint;
use domain::group::GroupIdentity;
use domain::id::TenantId;
use runtime::tasks::Stop;

use super::Coordinated;
use crate::Mode;
use crate::coordinator::{GroupName, Offer};

/// What is shared must not end sooner than this before what was stated is written.
const AHEAD: Duration = Duration::from_secs(5);

/// How often that is looked at.
const PAUSE: Duration = Duration::from_secs(1);

/// Most alerts of a tenant written in one go; the rest waits for the next.
const WRITTEN_MAX: usize = 10_000;

impl Coordinated {
    /// Writes what was kept back too long, until told to stop.
    pub(super) async fn run_kept_back(&self, stop: &Stop) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = stop.stopped() => return,
            }
            if self.current_mode() == Mode::Coordinated {
                self.write_kept_back().await;
            }
        }
    }

    pub(super) async fn write_kept_back(&self) {
        let Some(host) = self.host() else { return };
        for tenant in host.tenants() {
            let until = self.clock.now() + AHEAD;
            let alerts = self.memory.kept_back(&tenant, until, WRITTEN_MAX);
            let offers = alerts.iter().flat_map(|alert| {
                let groups = host.placement(&tenant, alert);
                self.offers_of(&tenant, alert, groups)
            });
            let offers: Vec<Offer> = offers.collect();
            if offers.is_empty() {
                continue;
            }
            let offered: Vec<_> = offers.iter().map(|offer| offer.alert.fingerprint).collect();
            let answers = self.shared.ingest(offers, self.clock.now()).await;
            // What found no answer, or was moved meanwhile, is tried again in a moment.
            let (mut written, mut missed) = (HashSet::new(), HashSet::new());
            for (alert, answer) in offered.into_iter().zip(answers) {
                match answer {
                    Ok(offered) if offered.is_member => written.insert(alert),
                    _ => missed.insert(alert),
                };
            }
            let is_written =
                |alert: Fingerprint| written.contains(&alert) && !missed.contains(&alert);
            for alert in alerts.iter().filter(|alert| is_written(alert.fingerprint)) {
                self.memory.mark_shared(&tenant, alert);
            }
        }
    }

    /// Those of an alert's groups that hold it, each to be told its end once more.
    fn offers_of(
        &self,
        tenant: &TenantId,
        alert: &Arc<Alert>,
        groups: Vec<Arc<GroupIdentity>>,
    ) -> Vec<Offer> {
        let wanted = self.not_leaving(tenant, alert, groups);
        let is_held = |group: &GroupName| {
            !self.is_alone(group.shard()) && self.memory.has_member(group, alert.fingerprint)
        };
        let groups = wanted.groups.iter().enumerate();
        let held = groups.filter(|(_, group)| is_held(&GroupName::of(group)));
        held.map(|(index, group)| Offer {
            group: self.offered_as(group, wanted.waits_in.contains(&index)),
            alert: Arc::clone(alert),
            is_owed: false,
            is_again: true,
        })
        .collect()
    }
}
