//! Making the replica and shared state the same: at the start, after an absence, and after a loss (protocol.md §8, §9).
//!
//! Both sides keep what is known later, alert by alert and integration by integration, so it may be repeated and done by
//! every instance at once. Returning makes nothing due.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::alert::Alert;
use domain::fingerprint::Fingerprint;
use domain::group::told::Told;
use domain::group::{Group, GroupIdentity};
use domain::id::IntegrationId;
use domain::limits;
use domain::time::Timestamp;
use tokio::time::Instant;

use super::{Alone, Answer, Coordinated, RETRY_PAUSE, lock};
use crate::coordinator::{
    CoordinatorError, Epoch, EventId, GroupName, Merge, Merged, Outage, SharedGroup,
};
use crate::host::News;
use crate::{Placed, State};

/// Alerts that were put into a group, and what the group was then.
pub(super) type Arrivals = HashMap<Fingerprint, Arc<GroupIdentity>>;

/// An epoch that began this recently follows a loss: what an instance still knows may be all there is.
const FRESH: Duration = Duration::from_secs(60);

/// By how much this instance's clock may be behind the server's.
pub(super) const SKEW_MS: u64 = 10_000;

/// Groups merged in one round trip.
pub(super) const CHUNK: usize = 500;

/// Times a request is made on the way back before it counts as not answered.
const TRIES: u32 = 3;

/// Tries to work out what was told by several while it changes.
pub(super) const ROUNDS_MAX: usize = 8;

/// How long flushes of this instance may take before it goes back to sharing without waiting for them.
const DRAIN: Duration = Duration::from_secs(10);

impl Coordinated {
    /// Notes a failure outside of [`Coordinated::attempt`].
    pub(super) fn directly<T>(&self, answer: Result<T, CoordinatorError>) -> Result<T, Alone> {
        answer.map_err(|error| {
            self.counters.failures.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(%error, "Shared state did not answer");
            Alone
        })
    }

    /// Asks again a few times if that it was not answered is known at once: on the way back many requests follow each other, and
    /// one whose connection breaks would lose what came before it. Every one of them may be repeated. An answer about a shard shows
    /// that its server is there, however long the way takes.
    pub(super) async fn insist<'a, T>(
        &self,
        shard: Option<usize>,
        ask: impl Fn() -> Answer<'a, T> + Send,
    ) -> Result<T, Alone> {
        let ask = || async {
            let answer = ask().await;
            if answer.is_ok()
                && let Some(shard) = shard
            {
                self.heard_from(shard);
            }
            answer
        };
        for _ in 1..TRIES {
            let asked_at = Instant::now();
            let answer = ask().await;
            let is_at_once = asked_at.elapsed() < self.timing.breaker_silence / 6;
            match answer {
                Err(error) if is_at_once && error.outage == Outage::Transient => {
                    tracing::debug!(%error, "Shared state did not answer; it is asked again");
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                answer => return self.directly(answer),
            }
        }
        self.directly(ask().await)
    }

    /// Goes back to sharing in a fault domain, or begins to: silences first, then every group; sends that are out end first.
    pub(super) async fn go_back(&self, domain: usize) -> Result<(), Alone> {
        let part = &self.domains[domain];
        part.is_returning.store(true, Ordering::Release);
        lock(&part.touched).clear();
        let outcome = self.go_back_quietly(domain).await;
        part.is_returning.store(false, Ordering::Release);
        if outcome.is_ok() {
            self.tell_missed().await;
        }
        outcome
    }

    async fn go_back_quietly(&self, domain: usize) -> Result<(), Alone> {
        self.drained(domain).await;
        if let Some(host) = self.host() {
            // Of alerts that had not moved yet to where a configuration puts them.
            self.carry_ends_over(|name, alert| {
                let mut groups = host.placement(&name.tenant, alert);
                if groups.iter().any(|group| group.key == name.key) {
                    return Vec::new();
                }
                groups.retain(|group| self.is_alone(GroupName::of(group).shard()));
                groups
            });
        }
        self.reconcile_silences().await?;
        let part = &self.domains[domain];
        let is_in = |shard: usize| shard % self.domains.len() == domain;
        let _nobody_is_alone = loop {
            part.has_moved.store(false, Ordering::Release);
            let mut lost = self.lost_unnoticed(is_in).await?;
            for shard in self.shards_of(domain) {
                self.reconcile(shard, lost.remove(&shard)).await?;
            }
            let nobody_is_alone = part.alone.write().await;
            // A configuration that came into force meanwhile made other groups of them.
            if !part.has_moved.load(Ordering::Acquire) {
                break nobody_is_alone;
            }
        };
        // What came in meanwhile; nothing more comes in alone while that is held.
        self.shards_of(domain)
            .for_each(|shard| self.take_back_moves(shard));
        let touched: Vec<GroupName> = lock(&part.touched).drain().map(|(name, _)| name).collect();
        for chunk in touched.chunks(CHUNK) {
            self.reconcile_groups(chunk).await?;
        }
        self.reconcile_silences().await?;
        let is_back = |name: &GroupName| is_in(name.shard());
        let told_last = |name: &GroupName, integration: &IntegrationId| {
            let is_gone = self.memory.with(name, |_| ()).is_none();
            is_gone.then(|| {
                lock(&self.tombs)
                    .told_last(name, integration)
                    .unwrap_or_default()
            })
        };
        self.told_alone
            .forget(is_back, told_last, self.timing.tombstone);
        self.forget_carried_over(is_back);
        // What was claimed alone and is not over yet: from now on others may tell it.
        self.void_claims(is_in);
        lock(&part.breaker).close(Instant::now());
        *lock(&part.reached_at) = Some(self.clock.now());
        Ok(())
    }

    /// Merges what is known later here of these groups.
    async fn reconcile_groups(&self, names: &[GroupName]) -> Result<(), Alone> {
        for _ in 0..ROUNDS_MAX {
            let mut there = HashMap::new();
            for name in names {
                let group = self
                    .insist(Some(name.shard()), || self.shared.group(name))
                    .await?;
                there.extend(group.map(|group| (name.clone(), group)));
            }
            let here = names
                .iter()
                .filter_map(|name| self.memory.with(name, |group| group.clone()));
            let here: Vec<Group> = here.collect();
            let merges = here.iter().filter_map(|here| {
                self.differences(here, there.get(&GroupName::of(here.identity())), true, None)
            });
            let merged = self.merge_in(merges.collect()).await?;
            if merged == Merged::Done && !self.own_up(&here, &there).await? {
                return Ok(());
            }
        }
        Err(Alone)
    }

    /// Merges in what is known better here; whether all of it still counts.
    pub(super) async fn merge_in(&self, merges: Vec<Merge>) -> Result<Merged, Alone> {
        let mut outcome = Merged::Done;
        for chunk in merges.chunks(CHUNK) {
            let first = chunk.first();
            let shard = first.map(|merge| GroupName::of(&merge.group).shard());
            let merged = self.insist(shard, || {
                Box::pin(async {
                    let merged = self.shared.merge(chunk.to_vec()).await;
                    merged.into_iter().collect::<Result<Vec<Merged>, _>>()
                })
            });
            if merged.await?.contains(&Merged::Overtaken) {
                outcome = Merged::Overtaken;
            }
        }
        Ok(outcome)
    }

    fn shards_of(&self, domain: usize) -> impl Iterator<Item = usize> + use<> {
        (domain..limits::SHARDS).step_by(self.domains.len())
    }

    /// How long the way back waits for flushes.
    pub(super) fn drain_max(&self) -> Duration {
        DRAIN.min(self.timing.lease / 6)
    }

    /// Waits until no flush of this instance is out; what does not end in time is told once more at most (G4).
    async fn drained(&self, domain: usize) {
        let deadline = Instant::now() + self.drain_max();
        let domains = self.domains.len();
        let is_out = || {
            let active = lock(&self.active);
            active.keys().any(|name| name.shard() % domains == domain)
        };
        while is_out() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A shard that is reachable turned out to hold other data than this instance knows.
    pub(super) async fn meet_again(&self, shard: usize) {
        let known = self.view(shard).epoch.clone();
        let known = match known {
            None => {
                let lost = self.lost_unnoticed(|of| of == shard).await;
                lost.ok().and_then(|mut lost| lost.remove(&shard))
            }
            known => known,
        };
        if known.is_some() {
            self.void_claims(|of| of == shard);
            self.note_lost(1);
        }
        let outcome = match self.reconcile_silences().await {
            Ok(()) => self.reconcile(shard, known).await,
            Err(alone) => Err(alone),
        };
        if outcome.is_ok() {
            self.tell_missed().await;
            self.tell_turn();
            return;
        }
        tracing::debug!(shard, "A shard could not be reconciled; it is tried again");
        let since = *self
            .view(shard)
            .strange_since
            .get_or_insert_with(Instant::now);
        if since.elapsed() >= self.timing.breaker_silence {
            // Nobody would be told of what is in it.
            let error = CoordinatorError {
                outage: Outage::Certain,
                text: format!("it answers, but shard {shard} cannot be reconciled"),
            };
            self.fail(shard, &error, since);
        }
    }

    /// Makes one shard the same here and there. `lost` is the epoch whose data was found to be incomplete.
    async fn reconcile(&self, shard: usize, lost: Option<Epoch>) -> Result<(), Alone> {
        let _nobody_reads_the_feed = self.following.lock().await;
        self.take_back_moves(shard);
        let mut here = self.memory.groups_in(shard);
        let epoch = self.open_epoch(shard, lost.as_ref()).await?;
        let now = self.clock.now();
        let began = self.agreed.began_at(shard, &epoch);
        let lost_at = began.filter(|began| {
            let is_lost = lost.is_some() || !self.has_shared_under(shard, &epoch, *began);
            now.since(*began) < FRESH && is_lost
        });
        self.see_off_missed(shard, &epoch, &mut here).await?;
        self.doubt_overtold(shard, &mut here).await?;
        let (last_event, there) = self.merge_shard(shard, &here, lost_at).await?;
        let (last_event, there) = self.say_better(shard, last_event, there).await?;
        let mut ended = Vec::new();
        for group in &here {
            let name = GroupName::of(group.identity());
            // What this instance is flushing it forgets when that is over; what only others may be flushing is not waited for.
            let is_out = lock(&self.active).contains_key(&name);
            if !there.contains_key(&name) && !is_out {
                // It ended while we were away; the journal has to learn of it too, or it comes back at the next start.
                self.forget(&name);
                ended.push(News::GroupGone {
                    tenant: name.tenant,
                    key: name.key,
                });
            }
        }
        if let Some(host) = self.host().filter(|_| !ended.is_empty()) {
            host.heard(ended).await;
        }
        self.note_dropped(&here, &there);
        self.adopt_all(there.into_values()).await;
        self.join_again(shard).await;
        *self.view(shard) = super::ShardView {
            epoch: Some(epoch.clone()),
            met: Some(epoch.clone()),
            seen: last_event,
            ..super::ShardView::default()
        };
        if let Some(host) = self.host() {
            host.skipped_to(shard, last_event, &epoch);
        }
        self.insist(Some(shard), || self.shared.reseeded(shard, &epoch))
            .await
    }

    /// Whoever came back at the same moment may have merged in alerts after this instance compared: the feed goes on after them, so what
    /// is known better here is said now. Answers what came of it.
    async fn say_better(
        &self,
        shard: usize,
        mut last_event: EventId,
        mut there: HashMap<GroupName, SharedGroup>,
    ) -> Result<(EventId, HashMap<GroupName, SharedGroup>), Alone> {
        for _ in 0..ROUNDS_MAX {
            let better = there.values();
            let better = better.filter_map(|group| self.known_better(group));
            if self.merge_in(better.collect()).await? == Merged::Done {
                return Ok((last_event, there));
            }
            (last_event, there) = self.read_shard(shard).await?;
        }
        Err(Alone)
    }

    /// Merges a shard's groups; answers what came of it: somebody may have known better.
    async fn merge_shard(
        &self,
        shard: usize,
        here: &[Group],
        lost_at: Option<Timestamp>,
    ) -> Result<(EventId, HashMap<GroupName, SharedGroup>), Alone> {
        for _ in 0..ROUNDS_MAX {
            let (last_event, there) = self.read_shard(shard).await?;
            let mut merges: HashMap<GroupName, Merge> = here
                .iter()
                .filter_map(|group| {
                    let name = GroupName::of(group.identity());
                    let merge =
                        self.differences(group, there.get(&name), lost_at.is_some(), lost_at)?;
                    Some((name, merge))
                })
                .collect();
            self.add_ends(&there, &mut merges);
            self.add_leaves(shard, &there, &mut merges);
            let is_there = |group: &&Group| there.contains_key(&GroupName::of(group.identity()));
            let absent: Vec<&Group> = here.iter().filter(|group| !is_there(group)).collect();
            let (last_event, there) = if merges.is_empty() {
                (last_event, there)
            } else {
                let merges = merges.into_values().collect();
                if self.merge_in(merges).await? == Merged::Overtaken {
                    continue;
                }
                self.read_shard(shard).await?
            };
            if self.is_left_out(&absent, &there) {
                continue;
            }
            return if self.own_up(here, &there).await? {
                self.read_shard(shard).await
            } else {
                Ok((last_event, there))
            };
        }
        Err(Alone)
    }

    /// Whether somebody made one of these groups since it was found that nobody shares them, without what was told of it here: where all
    /// its members here had left, this instance's part was merged into nothing.
    fn is_left_out(&self, absent: &[&Group], there: &HashMap<GroupName, SharedGroup>) -> bool {
        let mut absent = absent.iter();
        absent.any(|group| {
            let made = there.get(&GroupName::of(group.identity()));
            made.is_some() && !self.joins(group, made).is_empty()
        })
    }

    pub(super) async fn read_shard(
        &self,
        shard: usize,
    ) -> Result<(EventId, HashMap<GroupName, SharedGroup>), Alone> {
        let (last_event, groups) = self
            .insist(Some(shard), || self.shared.shard(shard))
            .await?;
        let there = groups.into_iter().map(|group| (group.name.clone(), group));
        Ok((last_event, there.collect()))
    }

    /// What this instance knows later of a group than shared state does.
    ///
    /// `is_fresh`: shared state lost its data, so even what may be over is put back; whoever knows better says so within the
    /// grace that follows. `lost_at`: it did so then, and this instance was not there.
    fn differences(
        &self,
        here: &Group,
        there: Option<&SharedGroup>,
        is_fresh: bool,
        lost_at: Option<Timestamp>,
    ) -> Option<Merge> {
        let now = self.clock.now();
        let known: HashMap<Fingerprint, &Arc<Alert>> = there
            .iter()
            .flat_map(|group| &group.members)
            .map(|alert| (alert.fingerprint, alert))
            .collect();
        let is_worth = |alert: &&Arc<Alert>| {
            let is_later = known
                .get(&alert.fingerprint)
                .is_none_or(|there| there.updated_at < alert.updated_at);
            let is_alive = alert.ends_at > now;
            // A message in flight is repeated as it was, so whoever it names is needed, owed or not.
            let is_needed =
                here.is_owed(alert.fingerprint) || here.has_in_flight(alert.fingerprint);
            is_later && (is_alive || is_fresh || is_needed)
        };
        let mut alerts: Vec<Arc<Alert>> = here.members().filter(is_worth).cloned().collect();
        // Members there that ended and left here while nobody else could know.
        let tenant = &here.identity().tenant;
        let left = known
            .values()
            .filter(|there| !here.contains(there.fingerprint));
        alerts.extend(left.filter_map(|there| {
            let alert = self.memory.alert(tenant, there.fingerprint)?;
            let is_over = alert.is_explicit_end() && alert.updated_at > there.updated_at;
            is_over.then_some(alert)
        }));
        let name = GroupName::of(here.identity());
        let mut joined = self.joins(here, there);
        if let Some(lost_at) = lost_at {
            joined.extend(self.joins_of_parts(here, there, lost_at));
        }
        let since = self.carried_over_since(name.shard());
        let is_carried_over = |integration: &IntegrationId, told: &Told| {
            let known = there.and_then(|group| group.told_to(integration));
            // After a loss what is known here may be all there is.
            let counts = !is_fresh || known.is_some_and(|known| !known.is_silent());
            counts
                && since.is_some_and(|since| told.is_numbered_after(since))
                && !self.is_told_alone(&name, integration, told)
        };
        joined.extend(self.doubts_of_carried_over(here, there, is_carried_over));
        let is_joined = |integration: &IntegrationId, told: &Told| {
            self.is_told_alone(&name, integration, told)
                || (lost_at.is_some() && self.is_part(&name, integration, told))
                || is_carried_over(integration, told)
        };
        let told = here.told().iter().filter(|(integration, told)| {
            !is_joined(integration, told)
                && self.is_told_later(here, integration, told, there, is_fresh)
        });
        let merge = Merge {
            alerts,
            told: told.cloned().collect(),
            joined,
            ..Merge::of(Arc::clone(here.identity()), here.grid())
        };
        let is_told = !merge.told.is_empty() || !merge.joined.is_empty();
        let is_empty = merge.alerts.is_empty() && (!is_told || there.is_none());
        (!is_empty).then_some(merge)
    }

    /// Puts alerts back into their groups that came in while those were replaced by what is shared of them.
    async fn join_again(&self, shard: usize) {
        let touched = lock(&self.domain(shard).touched).clone();
        for (name, joined) in touched {
            if name.shard() != shard {
                continue;
            }
            for (fingerprint, identity) in joined {
                let has = self.memory.has_member(&name, fingerprint);
                let alert = self.memory.alert(&name.tenant, fingerprint);
                let Some(alert) = alert.filter(|_| !has) else {
                    continue;
                };
                let placed = Placed {
                    alert: Alert::clone(&alert),
                    groups: vec![identity],
                    is_owed: false,
                };
                let now = self.clock.now();
                let _ = self.memory.ingest(&name.tenant, vec![placed], now).await;
            }
        }
    }

    /// Whether this instance knows later than shared state what an integration was told.
    ///
    /// A group that is not there, or was told nothing there, may have ended and begun anew while this instance was away: then
    /// only what it told itself in that time counts. Not so after a loss, when what is known here may be all there is.
    pub(super) fn is_told_later(
        &self,
        here: &Group,
        integration: &IntegrationId,
        told: &Told,
        there: Option<&SharedGroup>,
        is_fresh: bool,
    ) -> bool {
        let name = GroupName::of(here.identity());
        let known = there.and_then(|group| group.told.iter().find(|(id, _)| id == integration));
        // What this instance doubts of the very message others know of as told last, it need not doubt any more.
        let is_later =
            known.is_none_or(|(_, known)| told.supersedes(known) && !told.is_still(known));
        let goes_on = known.is_some_and(|(_, known)| known.seq > 0);
        // Numbers and changes are of one clock; a number may be ahead of it by a step.
        let seen_ms = i64::try_from(self.view(name.shard()).seen.ms).unwrap_or(i64::MAX);
        let away_since = Timestamp::from_unix_ms(seen_ms);
        let is_told_alone = || {
            let told_here = lock(&self.told_here);
            let is_ours = told_here
                .get(&name)
                .is_some_and(|ids| ids.contains(integration));
            told.is_numbered_after(away_since) && is_ours
        };
        is_later && (is_fresh || goes_on || is_told_alone())
    }
}
