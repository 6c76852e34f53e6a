//! Alone: shared state is out of reach, the replica is the state machine, and this instance tells what it took in (protocol.md §9).

use std::sync::atomic::Ordering;

use domain::alert::Grace;
use domain::group::{Claim, Foreign};
use domain::limits;
use domain::time::Timestamp;

use super::{Coordinated, lock};
use crate::coordinator::{CoordinatorError, GroupName};
use crate::{Mode, Polled};

impl Coordinated {
    /// From now on this instance goes on alone in a fault domain.
    pub(super) fn go_alone(&self, domain: usize, error: &CoordinatorError) {
        self.counters.mode_changes.fetch_add(1, Ordering::Relaxed);
        self.is_looked_over.store(false, Ordering::Relaxed);
        tracing::warn!(
            "{} connection failed, using the in-memory grouper: {error}",
            self.shared.name()
        );
        self.take_over(domain);
        self.domains[domain].opened.notify_waiters();
        self.note_turn(Some(error));
    }

    /// Makes the replica the state machine of a fault domain.
    pub(super) fn take_over(&self, domain: usize) {
        let now = self.clock.now();
        let known_until = *lock(&self.domains[domain].reached_at);
        self.memory.distrust_others();
        for shard in (domain..limits::SHARDS).step_by(self.domains.len()) {
            self.memory
                .take_over(shard, known_until, now + self.timing.lease);
        }
        // Senders spread over the instances: what another one heard of meanwhile, this one did not.
        self.judge_by(Grace {
            since: now,
            until: now + self.timing.grace,
        });
    }

    /// Claims what is due in the shards this instance is alone in.
    pub(super) fn poll_alone(&self, limit: usize, now: Timestamp) -> Polled {
        if self.current_mode() == Mode::Coordinated {
            return Polled::default();
        }
        let is_ours = |shard: usize| {
            let domain = self.domain(shard);
            lock(&domain.breaker).is_open() && !domain.is_returning.load(Ordering::Acquire)
        };
        let mut polled = self.memory.poll_shards(is_ours, limit, now);
        for claim in &mut polled.claims {
            let name = GroupName::of(&claim.identity);
            claim.foreign = self.foreign(&name, claim);
            self.touch(name.clone());
            lock(&self.active).insert(name, claim.fence);
        }
        polled
    }

    /// What of a claimed group other instances answer for.
    pub(super) fn foreign(&self, name: &GroupName, claim: &Claim) -> Foreign {
        let is_own = |fingerprint| self.memory.is_own(&name.tenant, fingerprint);
        let alerts = claim.alerts.iter().map(|alert| alert.fingerprint);
        let told_here = lock(&self.told_here);
        let told_here = told_here.get(name);
        let others = claim.told.iter().map(|(integration, _)| integration);
        let others = others.filter(|id| !told_here.is_some_and(|told| told.contains(*id)));
        Foreign {
            alerts: alerts.filter(|fingerprint| !is_own(*fingerprint)).collect(),
            repeats: others.cloned().collect(),
            // Senders spread over the instances: the next refresh may have gone to another one.
            patience: self.timing.grace,
        }
    }
}
