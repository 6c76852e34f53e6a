//! Alone: shared state is out of reach, the replica is the state machine, and this instance tells what it took in (protocol.md §9).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use domain::alert::{Alert, Grace};
use domain::group::{Claim, Foreign, GroupIdentity};
use domain::id::TenantId;
use domain::limits;
use domain::time::Timestamp;

use super::{Coordinated, lock};
use crate::coordinator::{CoordinatorError, GroupName};
use crate::{Mode, Placement, Polled, State, StateError};

impl Coordinated {
    /// From now on this instance goes on alone in a fault domain.
    pub(super) fn go_alone(&self, domain: usize, error: &CoordinatorError) {
        self.is_looked_over.store(false, Ordering::Relaxed);
        self.say_out_of_reach(error);
        self.take_over(domain);
        self.domains[domain].opened.notify_waiters();
        self.note_turn(Some(error));
    }

    /// Warns once: one outage may take several parts of a cluster along.
    pub(super) fn say_out_of_reach(&self, error: &CoordinatorError) {
        let name = self.shared.name();
        let is_first = {
            let turn = lock(&self.turn);
            turn.mode == Mode::Coordinated || turn.is_start()
        };
        if is_first {
            tracing::warn!("{name} connection failed, using the in-memory grouper: {error}");
        } else {
            tracing::debug!(
                "Another part of {name} is out of reach, using the in-memory grouper for it as well: {error}"
            );
        }
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
            may_be_heard_elsewhere: self.may_have_others(),
        }
    }

    /// Whether there may be other instances: whoever was there once may be back, alone too, and nobody hears of it. A life that began
    /// alone has heard of nobody, but if an earlier one shared its state there may be some.
    pub(super) fn may_have_others(&self) -> bool {
        let has_looked = !lock(&self.instances).is_empty();
        self.has_met_others.load(Ordering::Relaxed) || (!has_looked && self.has_left())
    }

    /// What was told alone of groups that the configuration dissolves stays known: others may share those.
    pub(super) async fn reconfigure_alone(
        &self,
        tenant: &TenantId,
        config_hash: &str,
        placement: &Placement<'_>,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let groups = (0..limits::SHARDS).flat_map(|shard| self.memory.groups_in(shard));
        let ours = groups.filter(|group| group.identity().tenant == *tenant);
        let told_alone = ours.map(|group| {
            let name = GroupName::of(group.identity());
            let mut told = group.told().to_vec();
            told.retain(|(integration, told)| self.is_told_alone(&name, integration, told));
            (name, told)
        });
        let told_alone: Vec<_> = told_alone.collect();
        self.memory
            .reconfigure(tenant, config_hash, placement, now)
            .await?;
        for (name, told) in told_alone {
            if self.memory.with(&name, |_| ()).is_none() {
                lock(&self.tombs).dissolve(&name, told);
            }
        }
        self.carry_ends_over(|name, alert| match name.tenant == *tenant {
            true => placement(alert),
            false => Vec::new(),
        });
        Ok(())
    }

    /// Ends that were told alone are known of the groups their alerts belong to now as well.
    pub(super) fn carry_ends_over(
        &self,
        placement: impl Fn(&GroupName, &Alert) -> Vec<Arc<GroupIdentity>>,
    ) {
        self.told_alone.carry_over(|name, ended| {
            let known = self.memory.alert(&name.tenant, ended);
            let groups = known.map(|alert| placement(name, &alert));
            let groups = groups.unwrap_or_default();
            groups.iter().map(|group| GroupName::of(group)).collect()
        });
    }

    /// Members that wait, while this instance is alone, for the end of a flush stay where they are and count as stranded: whoever
    /// holds their group moves them.
    pub(super) fn take_back_moves(&self, shard: usize) {
        let taken_back = self.memory.take_back_moves(shard, self.clock.now());
        for (name, members) in taken_back.left_in {
            lock(&self.stranded).see_foreign(&name, members);
            self.touch(name);
        }
        for name in taken_back.joined {
            self.touch(name);
        }
    }
}
