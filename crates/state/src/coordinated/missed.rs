//! What this instance missed: that data was lost under its claims; and ends, because it was away for longer than anybody
//! remembers who left (protocol.md §3, tombstones).
//!
//! While state is shared every alert is there before its sender hears "yes". So what an instance knew when it went away, and
//! what is not shared any more although nothing was lost since, ended meanwhile: it must not come back, nor be shown as firing.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::alert::Alert;
use domain::fingerprint::Fingerprint;
use domain::group::{Group, GroupIdentity};
use domain::id::TenantId;
use domain::time::Timestamp;
use tokio::time::Instant;

use super::owing::ended;
use super::reconcile::SKEW_MS;
use super::{Alone, Coordinated, ShardView, lock};
use crate::coordinator::{Epoch, EventId, GroupName, HoldFor, Past, SharedGroup};
use crate::host::News;
use crate::{Mode, State};

/// By how much clocks may differ.
const SKEW: Duration = Duration::from_millis(SKEW_MS);

/// Shards found to have lost data within this of each other lost it at once. It does not scale: reading them takes as long.
const SAME_LOSS: Duration = Duration::from_secs(3);

/// How this instance, or an earlier life of it, left those it shared its state with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    /// When shared state was last in reach.
    reached_at: Timestamp,
    /// What was taken in before this was shared.
    shared_until: Timestamp,
}

impl Left {
    /// Whether that was in reach under an epoch that began then, whatever clocks say.
    fn has_shared_since(&self, began: Timestamp) -> bool {
        began < self.reached_at - SKEW
    }
}

/// Members that were let go, by tenant.
pub(super) type Seen = HashMap<TenantId, Vec<Arc<Alert>>>;

impl Coordinated {
    /// Notes how an earlier life of this instance left.
    pub(super) fn note_leave(&self, reached_at: Timestamp, was_alone: bool) {
        let margin = if was_alone { SKEW } else { Duration::ZERO };
        let all = if was_alone {
            reached_at
        } else {
            self.clock.now()
        };
        *lock(&self.left) = Some(Left {
            reached_at,
            shared_until: all - margin,
        });
    }

    /// When a fault domain was last in reach, of an earlier life of this instance if it was not yet in this one.
    fn last_left(&self, domain: usize) -> Option<Left> {
        let reached_at = *lock(&self.domains[domain % self.domains.len()].reached_at);
        let here = reached_at.map(|reached_at| Left {
            reached_at,
            shared_until: reached_at - SKEW,
        });
        here.or(*lock(&self.left))
    }

    /// Whether this instance, or an earlier life of it, shared its state under an epoch, which began then: what it knew is there, or
    /// over.
    pub(super) fn has_shared_under(&self, shard: usize, epoch: &Epoch, began: Timestamp) -> bool {
        if let Some(met) = &self.view(shard).met {
            return met == epoch;
        }
        let left = *lock(&self.left);
        left.is_some_and(|left| left.has_shared_since(began))
    }

    /// Since when this instance goes on alone in some part; `None` where it does not, or never did otherwise.
    pub(super) fn alone_since(&self) -> Option<Timestamp> {
        let alone = self.domains.iter().enumerate();
        let alone = alone.filter(|(_, domain)| lock(&domain.breaker).is_open());
        let since = alone.filter_map(|(i, _)| self.last_left(i));
        since.map(|left| left.reached_at).min()
    }

    /// Says so to whoever writes it down; one that never shared anything has nothing to tell later lives.
    pub(super) fn tell_turn(&self) {
        let alone_since = self.alone_since();
        let is_known = alone_since.is_some() || self.current_mode() == Mode::Coordinated;
        if let Some(host) = self.host().filter(|_| is_known) {
            host.turned(alone_since);
        }
    }

    /// Counts shards that were found to have lost data, and says so: once of all that are found one after another.
    pub(super) fn note_lost(&self, shards: usize) {
        let more = u64::try_from(shards).unwrap_or(u64::MAX);
        let losses = &self.counters.data_losses;
        let all = losses.fetch_add(more, Ordering::Relaxed) + more;
        let before = lock(&self.lost_at).replace(Instant::now());
        let name = self.shared.name();
        match before.is_some_and(|before| before.elapsed() < SAME_LOSS) {
            true => tracing::debug!(shards, all, "{name} lost more data"),
            false => tracing::warn!("{name} lost data; this instance puts back what it knows"),
        }
    }

    /// The epoch of a shard's data that is in force from now on.
    pub(super) async fn open_epoch(
        &self,
        shard: usize,
        lost: Option<&Epoch>,
    ) -> Result<Epoch, Alone> {
        // Whoever knows of nothing at all may still be the first to look after a loss.
        let hold = match lost.is_some() || State::group_count(&self.memory) > 0 {
            true => HoldFor::Reseed,
            false => HoldFor::Others,
        };
        let past = self.past(shard, lost);
        let opened = self.insist(Some(shard), || {
            self.shared.open_epoch(shard, lost, hold, past)
        });
        let epoch = opened.await?;
        let met = self.view(shard).met.clone();
        if let Some(met) = met.filter(|met| lost.is_none() && *met != epoch) {
            // Lost while it was to be read anew: whoever opened another one may not know.
            let hold = HoldFor::Reseed;
            let opened = self.insist(Some(shard), || {
                self.shared.open_epoch(shard, Some(&met), hold, past)
            });
            opened.await?;
        }
        let is_another = |known: &Epoch| *known != epoch;
        if lost.is_some() || self.view(shard).epoch.as_ref().is_some_and(is_another) {
            self.void_claims(|of| of == shard);
        }
        Ok(epoch)
    }

    /// The epochs of shards that are to be read anew, of those that lost their last writes since: the feed may have shown that before a
    /// poll did, and says no more than that something is missing; and during an outage nobody looked.
    pub(super) async fn lost_unnoticed(
        &self,
        is_in: impl Fn(usize) -> bool,
    ) -> Result<HashMap<usize, Epoch>, Alone> {
        let mut lost = HashMap::new();
        let views = self.views.iter().map(|view| lock(view).clone());
        let views: Vec<ShardView> = views.collect();
        let met = views.iter().enumerate().filter(|(shard, _)| is_in(*shard));
        let met = met.filter_map(|(shard, view)| Some((shard, view.met.clone()?)));
        let met: Vec<(usize, Epoch)> = met.collect();
        if met.is_empty() {
            return Ok(lost);
        }
        let after: Vec<EventId> = views.iter().map(|view| view.seen).collect();
        let feeds = self.shared.changes(&after, &self.memory).await;
        for (shard, met) in met {
            let is_lost = match feeds.get(shard).and_then(|feed| feed.as_ref().ok()) {
                Some(feed) => feed.is_lost,
                None => self.read_shard(shard).await?.0 < views[shard].seen,
            };
            if is_lost {
                lost.insert(shard, met);
            }
        }
        Ok(lost)
    }

    /// What this instance knows of the time before an epoch it opens: whom it saw off alone it can name as long as it remembers
    /// them.
    fn past(&self, shard: usize, lost: Option<&Epoch>) -> Past {
        let started_at = lock(&self.report).started_at;
        let lives = started_at.map(|at| self.clock.now().since(at));
        let remembers_all = lives.is_none_or(|lives| lives < self.timing.tombstone);
        match remembers_all && lost.is_none() && !self.has_shared(shard) {
            true => Past::Nothing,
            false => Past::Something,
        }
    }

    /// Whether this instance, or an earlier life of it, ever shared what is in a shard.
    fn has_shared(&self, shard: usize) -> bool {
        self.view(shard).met.is_some() || self.has_left()
    }

    /// Whether an earlier life of this instance shared its state.
    pub(super) fn has_left(&self) -> bool {
        lock(&self.left).is_some()
    }

    /// Which of these alerts may have left a group after an instant. Alone nobody knows whom others saw off, unless nothing was ever shared.
    pub(super) async fn departed_shared(
        &self,
        group: &GroupIdentity,
        since: Timestamp,
        alerts: &[Fingerprint],
    ) -> Vec<Fingerprint> {
        let name = GroupName::of(group);
        let asked = self.attempt(name.shard(), || self.shared.departed(&name, since, alerts));
        if let Ok(departed) = asked.await {
            return departed;
        }
        if self.has_shared(name.shard()) {
            return alerts.to_vec();
        }
        lock(&self.tombs).departed(&name, alerts, self.timing.tombstone)
    }

    /// What the claims on a shard were made of was lost, or is shared again: sends that have not passed the gate are dropped.
    pub(super) fn void_claims(&self, is_in: impl Fn(usize) -> bool) {
        let active = lock(&self.active);
        let mut void = lock(&self.void);
        void.retain(|name, fence| active.get(name) == Some(fence));
        let lost = active.iter().filter(|(name, _)| is_in(name.shard()));
        void.extend(lost.map(|(name, fence)| (name.clone(), *fence)));
    }

    pub(super) fn is_void(&self, name: &GroupName, fence: u64) -> bool {
        lock(&self.void).get(name) == Some(&fence)
    }

    /// The instant up to which all that was taken in here was shared, if what is not there any more ended since: nobody
    /// remembers for that long who left, and no data was lost.
    fn settled_until(&self, shard: usize, epoch: &Epoch) -> Option<Timestamp> {
        let left = self.last_left(shard)?;
        let is_forgotten = self.clock.now().since(left.reached_at) + SKEW >= self.timing.tombstone;
        let began = self.agreed.began_at(shard, epoch);
        let is_kept = began.is_some_and(|began| left.has_shared_since(began));
        (is_forgotten && is_kept).then_some(left.shared_until)
    }

    /// Lets members go that ended, or moved, while this instance was away.
    pub(super) async fn see_off_missed(
        &self,
        shard: usize,
        epoch: &Epoch,
        here: &mut [Group],
    ) -> Result<(), Alone> {
        let mut gone = vec![self.see_off_carried_over(here).await?];
        if let Some(until) = self.settled_until(shard, epoch) {
            let (_, there) = self.read_shard(shard).await?;
            gone.push(self.see_off_settled(until, &there, here));
        }
        let mut missed = lock(&self.missed);
        for (tenant, alerts) in gone.into_iter().flatten() {
            missed.entry(tenant).or_default().extend(alerts);
        }
        Ok(())
    }

    /// Notes members of which no end was heard here, and that are none of their group any more as it is shared: they ended while this
    /// instance was away, or are where a configuration put them.
    pub(super) fn note_dropped(&self, here: &[Group], there: &HashMap<GroupName, SharedGroup>) {
        let mut missed = lock(&self.missed);
        for group in here {
            let name = GroupName::of(group.identity());
            let shared = members_of(there, &name);
            let dropped = group
                .members()
                .filter(|alert| !shared.contains(&alert.fingerprint) && !alert.is_explicit_end());
            let dropped: Vec<_> = dropped.cloned().collect();
            if !dropped.is_empty() {
                missed.entry(name.tenant).or_default().extend(dropped);
            }
        }
    }

    /// Notes those of members that left of which no end was heard here: they were moved, as the feed of another shard says or will say; or
    /// they ended in a time that this instance was told of by a server that had lost it.
    pub(super) fn note_left(&self, tenant: &TenantId, mut left: Vec<Arc<Alert>>) {
        let now = self.clock.now();
        left.retain(|alert| !alert.is_explicit_end() && now < alert.ends_at);
        if !left.is_empty() {
            let mut missed = lock(&self.missed);
            missed.entry(tenant.clone()).or_default().extend(left);
        }
    }

    /// Tells of those while all is shared.
    pub(super) async fn tell_left(&self) {
        if lock(&self.missed).is_empty() {
            return;
        }
        let is_whole = self.views.iter().all(|view| lock(view).epoch.is_some());
        if is_whole && self.current_mode() == Mode::Coordinated {
            self.tell_missed().await;
        }
    }

    /// Once all is shared again, who was let go and is nobody's member is over, which the engine has to hear.
    pub(super) async fn tell_missed(&self) {
        if self.views.iter().any(|view| lock(view).met.is_none()) {
            return;
        }
        // Who was moved meanwhile is a member of another group, as the feed says.
        if lock(&self.missed).is_empty() || self.follow_from_now().await.is_err() {
            return;
        }
        let missed = std::mem::take(&mut *lock(&self.missed));
        let mut news = Vec::new();
        for (tenant, mut alerts) in missed {
            let stranded = lock(&self.stranded);
            alerts.retain(|alert| !stranded.has(&tenant, alert.fingerprint));
            drop(stranded);
            let alerts = self.memory.forget_ungrouped(&tenant, alerts);
            let alerts: Vec<_> = alerts.iter().map(|alert| ended(alert)).collect();
            if !alerts.is_empty() {
                news.push(News::Missed { tenant, alerts });
            }
        }
        if let Some(host) = self.host().filter(|_| !news.is_empty()) {
            host.heard(news).await;
        }
    }

    /// Lets members go that were shared and are not there any more; answers them.
    fn see_off_settled(
        &self,
        until: Timestamp,
        there: &HashMap<GroupName, SharedGroup>,
        here: &mut [Group],
    ) -> Seen {
        let mut seen = Seen::new();
        for group in here {
            let name = GroupName::of(group.identity());
            let shared = members_of(there, &name);
            let is_gone = |alert: &&Arc<Alert>| {
                alert.updated_at < until && !shared.contains(&alert.fingerprint)
            };
            let gone: Vec<_> = group.members().filter(is_gone).cloned().collect();
            for alert in gone {
                group.remove(alert.fingerprint);
                self.memory
                    .with(&name, |known| known.remove(alert.fingerprint));
                seen.entry(name.tenant.clone()).or_default().push(alert);
            }
        }
        seen
    }
}

/// Who is a member of a group as it is shared.
fn members_of(there: &HashMap<GroupName, SharedGroup>, name: &GroupName) -> HashSet<Fingerprint> {
    let members = there.get(name).into_iter().flat_map(|group| &group.members);
    members.map(|alert| alert.fingerprint).collect()
}
