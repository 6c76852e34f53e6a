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
use domain::group::grid::Grid;
use domain::group::told::Told;
use domain::group::{Group, GroupIdentity};
use domain::id::IntegrationId;
use domain::limits;
use tokio::time::Instant;

use super::{Alone, Coordinated, follow, lock};
use crate::coordinator::{CoordinatorError, Epoch, EventId, GroupName, Merge, Outage, SharedGroup};
use crate::host::{Host, News};
use crate::{Placed, State};

/// Alerts that were put into a group, and what the group was then.
pub(super) type Joined = HashMap<Fingerprint, Arc<GroupIdentity>>;

/// An epoch that began this recently follows a loss: what an instance still knows may be all there is.
const FRESH: Duration = Duration::from_secs(60);

/// By how much this instance's clock may be behind the server's.
pub(super) const SKEW_MS: u64 = 10_000;

/// Groups merged in one round trip.
const CHUNK: usize = 500;

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

    /// Goes back to sharing in a fault domain, or begins to: silences first, then every group; sends that are out end first.
    pub(super) async fn go_back(&self, domain: usize) -> Result<(), Alone> {
        let part = &self.domains[domain];
        part.is_returning.store(true, Ordering::Release);
        lock(&part.touched).clear();
        let outcome = self.go_back_quietly(domain).await;
        part.is_returning.store(false, Ordering::Release);
        outcome
    }

    async fn go_back_quietly(&self, domain: usize) -> Result<(), Alone> {
        self.drained(domain).await;
        self.reconcile_silences().await?;
        for shard in self.shards_of(domain) {
            self.reconcile(shard, None).await?;
        }
        // What came in meanwhile; nothing more comes in alone while this is held.
        let part = &self.domains[domain];
        let _nobody_is_alone = part.alone.write().await;
        let touched: Vec<GroupName> = lock(&part.touched).drain().map(|(name, _)| name).collect();
        for chunk in touched.chunks(CHUNK) {
            let mut merges = Vec::new();
            for name in chunk {
                let there = self.directly(self.shared.group(name).await)?;
                let here = self.memory.with(name, |group| group.clone());
                merges.extend(here.and_then(|here| self.differences(&here, there.as_ref(), true)));
            }
            for merged in self.shared.merge(merges).await {
                self.directly(merged)?;
            }
        }
        self.reconcile_silences().await?;
        lock(&self.told_alone).retain(|(name, _)| name.shard() % self.domains.len() != domain);
        lock(&part.breaker).close(Instant::now());
        *lock(&part.reached_at) = Some(self.clock.now());
        Ok(())
    }

    fn shards_of(&self, domain: usize) -> impl Iterator<Item = usize> + use<> {
        (domain..limits::SHARDS).step_by(self.domains.len())
    }

    /// Waits until no flush of this instance is out; what does not end in time is told once more at most (G4).
    async fn drained(&self, domain: usize) {
        let deadline = Instant::now() + DRAIN.min(self.timing.lease / 6);
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
        if known.is_some() {
            self.void_claims(shard);
            self.counters.data_losses.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(
                shard,
                "{} lost data; this instance puts back what it knows",
                self.shared.name()
            );
        }
        let outcome = match self.reconcile_silences().await {
            Ok(()) => self.reconcile(shard, known).await,
            Err(alone) => Err(alone),
        };
        if outcome.is_ok() {
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
            self.fail(shard, &error);
        }
    }

    /// Makes one shard the same here and there. `lost` is the epoch whose data was found to be incomplete.
    async fn reconcile(&self, shard: usize, lost: Option<Epoch>) -> Result<(), Alone> {
        let _nobody_reads_the_feed = self.following.lock().await;
        let mut here = self.memory.groups_in(shard);
        let epoch = self.open_epoch(shard, lost.as_ref()).await?;
        let now = self.clock.now();
        let is_fresh = epoch
            .began_at()
            .is_some_and(|began| now.since(began) < FRESH);
        let (mut last_event, mut there) = self.read_shard(shard).await?;
        let missed = self.see_off_missed(shard, &epoch, &mut here, &there);
        let mut merges: HashMap<GroupName, Merge> = here
            .iter()
            .filter_map(|group| {
                let name = GroupName::of(group.identity());
                let merge = self.differences(group, there.get(&name), is_fresh)?;
                Some((name, merge))
            })
            .collect();
        self.add_ends(&there, &mut merges);
        self.add_leaves(shard, &there, &mut merges);
        let merges: Vec<Merge> = merges.into_values().collect();
        for chunk in merges.chunks(CHUNK) {
            for merged in self.shared.merge(chunk.to_vec()).await {
                self.directly(merged)?;
            }
        }
        if !merges.is_empty() {
            // What came of it: somebody may have known better.
            (last_event, there) = self.read_shard(shard).await?;
        }
        if self.own_up(&here, &there).await? {
            (last_event, there) = self.read_shard(shard).await?;
        }
        let mut ended = Vec::new();
        for group in &here {
            let name = GroupName::of(group.identity());
            if !there.contains_key(&name) && !group.is_held(now) {
                // It ended while we were away; the journal has to learn of it too, or it comes back at the next start.
                self.forget(&name);
                ended.push(News::GroupGone {
                    tenant: name.tenant,
                    key: name.key,
                });
            }
        }
        ended.extend(missed);
        if let Some(host) = self.host().filter(|_| !ended.is_empty()) {
            host.heard(ended).await;
        }
        self.adopt_all(there.into_values()).await;
        self.join_again(shard).await;
        *self.view(shard) = super::ShardView {
            epoch: Some(epoch.clone()),
            seen: last_event,
            ..super::ShardView::default()
        };
        if let Some(host) = self.host() {
            host.skipped_to(shard, last_event);
        }
        self.directly(self.shared.reseeded(shard, &epoch).await)
    }

    async fn read_shard(
        &self,
        shard: usize,
    ) -> Result<(EventId, HashMap<GroupName, SharedGroup>), Alone> {
        let (last_event, groups) = self.directly(self.shared.shard(shard).await)?;
        let there = groups.into_iter().map(|group| (group.name.clone(), group));
        Ok((last_event, there.collect()))
    }

    /// Adds ends of members of groups that are not here: this instance may have heard of them before it heard of the group.
    fn add_ends(
        &self,
        there: &HashMap<GroupName, SharedGroup>,
        merges: &mut HashMap<GroupName, Merge>,
    ) {
        let Some(host) = self.host() else { return };
        let unknown = there
            .values()
            .filter(|group| self.memory.with(&group.name, |_| ()).is_none());
        for group in unknown {
            let tenant = &group.name.tenant;
            let members = group.members.iter();
            let ends: Vec<_> = members
                .filter_map(|alert| self.end_known_here(tenant, alert))
                .collect();
            let Some(first) = ends.first() else { continue };
            let groups = host.placement(tenant, first);
            if let Some(identity) = follow::of_key(&groups, &group.name) {
                merges.insert(group.name.clone(), self.correction(&identity, ends));
            }
        }
    }

    /// Adds who left lately to what is merged: they do not come back because somebody has not heard of it.
    fn add_leaves(
        &self,
        shard: usize,
        there: &HashMap<GroupName, SharedGroup>,
        merges: &mut HashMap<GroupName, Merge>,
    ) {
        let now = self.clock.now();
        let graves = lock(&self.tombs).of_shard(shard, self.timing.tombstone);
        for ended in graves {
            let identity = ended.identity;
            let merge = merges
                .entry(GroupName::of(&identity))
                .or_insert_with(|| Merge {
                    grid: Grid::starting(now, identity.group_interval),
                    group: identity,
                    alerts: Vec::new(),
                    told: Vec::new(),
                    leaves: Vec::new(),
                    is_move: false,
                });
            merge.leaves = ended.leaves;
            if let Some(there) = there.get(&GroupName::of(&merge.group)) {
                self.owe_ends(merge, there, &ended.told);
            }
            for (integration, told) in ended.told {
                let known = merge.told.iter_mut().find(|(id, _)| *id == integration);
                match known {
                    Some((_, known)) if known.supersedes(&told) => {}
                    Some((_, known)) => *known = told,
                    None => merge.told.push((integration, told)),
                }
            }
        }
    }

    /// Somebody else may have told that an alert fires which this instance saw off: its end is owed, so it stays, as over.
    fn owe_ends(
        &self,
        merge: &mut Merge,
        there: &SharedGroup,
        told_here: &[(IntegrationId, Told)],
    ) {
        let is_later_there = |integration: &IntegrationId, told: &Told| {
            let here = told_here.iter().find(|(id, _)| id == integration);
            here.is_none_or(|(_, here)| here.seq < told.seq)
        };
        let told = there.told.iter();
        let told: Vec<&Told> = told
            .filter(|(integration, told)| is_later_there(integration, told))
            .map(|(_, told)| told)
            .collect();
        let tenant = &there.name.tenant;
        let mut owed = Vec::new();
        merge.leaves.retain(|leave| {
            let is_believed = told
                .iter()
                .any(|told| told.believes_firing(leave.fingerprint));
            let known = self.memory.alert(tenant, leave.fingerprint);
            let end = known.filter(|known| is_believed && known.is_explicit_end());
            let is_left = end.is_none();
            owed.extend(end);
            is_left
        });
        for end in owed {
            merge
                .alerts
                .retain(|alert| alert.fingerprint != end.fingerprint);
            merge.alerts.push(end);
        }
    }

    /// What this instance knows later of a group than shared state does.
    ///
    /// `is_fresh`: shared state lost its data, so even what may be over is put back; whoever knows better says so within the
    /// grace that follows.
    fn differences(
        &self,
        here: &Group,
        there: Option<&SharedGroup>,
        is_fresh: bool,
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
            is_later && (is_alive || is_fresh || here.is_owed(alert.fingerprint))
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
        let told: Vec<(IntegrationId, Told)> = here
            .told()
            .iter()
            .filter_map(|(integration, told)| {
                let told = self.told_to_merge(here, integration, told, there, is_fresh)?;
                Some((integration.clone(), told))
            })
            .collect();
        let is_empty = alerts.is_empty() && (told.is_empty() || there.is_none());
        (!is_empty).then(|| Merge {
            group: Arc::clone(here.identity()),
            alerts,
            told,
            leaves: Vec::new(),
            grid: here.grid(),
            is_move: false,
        })
    }

    /// Puts alerts back into their groups that came in while those were replaced by what is shared of them.
    async fn join_again(&self, shard: usize) {
        let touched = lock(&self.domain(shard).touched).clone();
        for (name, joined) in touched {
            if name.shard() != shard {
                continue;
            }
            for (fingerprint, identity) in joined {
                let has = |group: &mut Group| group.contains(fingerprint);
                let alert = self.memory.alert(&name.tenant, fingerprint);
                let Some(alert) = alert.filter(|_| self.memory.with(&name, has) != Some(true))
                else {
                    continue;
                };
                let placed = Placed {
                    alert: Alert::clone(&alert),
                    groups: vec![identity],
                };
                let now = self.clock.now();
                let _ = self.memory.ingest(&name.tenant, vec![placed], now).await;
            }
        }
    }

    /// What is to be merged of what an integration was told: what is known later here, and, if this instance told it something
    /// alone, whose end only the earlier of the two messages owes.
    fn told_to_merge(
        &self,
        here: &Group,
        integration: &IntegrationId,
        told: &Told,
        there: Option<&SharedGroup>,
        is_fresh: bool,
    ) -> Option<Told> {
        let name = GroupName::of(here.identity());
        let known = there.and_then(|group| group.told.iter().find(|(id, _)| id == integration));
        let is_alone = || lock(&self.told_alone).contains(&(name.clone(), integration.clone()));
        let Some((_, known)) = known.filter(|_| is_alone()) else {
            let is_later = self.is_told_later(here, integration, told, there, is_fresh);
            return is_later.then(|| told.clone());
        };
        let is_later = told.supersedes(known);
        let (mut later, earlier) = if is_later {
            (told.clone(), known)
        } else {
            (known.clone(), told)
        };
        // Our own message spoke of every end that had been heard of here.
        let sent_at = later.last.as_ref().map(|last| last.sent_at);
        let is_end_told = |fingerprint| {
            let alert = self.memory.alert(&name.tenant, fingerprint);
            is_later && alert.is_some_and(|a| a.is_explicit_end() && Some(a.updated_at) <= sent_at)
        };
        later.keep_owing(earlier, |fingerprint| !is_end_told(fingerprint));
        (later != *known).then_some(later)
    }

    /// Takes over many groups; the journal hears of a number of them at a time.
    async fn adopt_all(&self, groups: impl Iterator<Item = SharedGroup>) {
        let Some(host) = self.host() else { return };
        let mut news = Vec::new();
        for group in groups {
            self.take_in(&*host, group, &mut news);
            if news.len() >= CHUNK {
                host.heard(std::mem::take(&mut news)).await;
            }
        }
        host.heard(news).await;
    }

    /// Whether this instance knows later than shared state what an integration was told.
    ///
    /// A group that is not there, or was told nothing there, may have ended and begun anew while this instance was away: then
    /// only what it told itself in that time counts. Not so after a loss, when what is known here may be all there is.
    fn is_told_later(
        &self,
        here: &Group,
        integration: &IntegrationId,
        told: &Told,
        there: Option<&SharedGroup>,
        is_fresh: bool,
    ) -> bool {
        let name = GroupName::of(here.identity());
        let known = there.and_then(|group| group.told.iter().find(|(id, _)| id == integration));
        let is_later = known.is_none_or(|(_, known)| told.supersedes(known) && told != known);
        let goes_on = known.is_some_and(|(_, known)| known.seq > 0);
        let away_since_ms = self.view(name.shard()).seen.ms.saturating_sub(SKEW_MS);
        let is_told_alone = || {
            let told_here = lock(&self.told_here);
            let is_ours = told_here
                .get(&name)
                .is_some_and(|ids| ids.contains(integration));
            told.seq > away_since_ms && is_ours
        };
        is_later && (is_fresh || goes_on || is_told_alone())
    }

    /// Takes over a group as shared state holds it; answers whether this instance's configuration knows the group.
    pub(super) async fn adopt(&self, there: SharedGroup) -> bool {
        let Some(host) = self.host() else {
            return false;
        };
        let mut news = Vec::new();
        let is_known = self.take_in(&*host, there, &mut news);
        host.heard(news).await;
        is_known
    }

    fn take_in(&self, host: &dyn Host, there: SharedGroup, news: &mut Vec<News>) -> bool {
        let tenant = there.name.tenant.clone();
        let mut identity = self
            .memory
            .with(&there.name, |known| Arc::clone(known.identity()));
        for alert in &there.members {
            let groups = host.placement(&tenant, alert);
            identity = identity.or_else(|| follow::of_key(&groups, &there.name));
            let known = self.memory.alert(&tenant, alert.fingerprint);
            if known.is_none_or(|known| known.updated_at < alert.updated_at) {
                let is_taken_over = self.memory.learn_alert(&tenant, alert, false);
                news.push(News::Alert {
                    tenant: tenant.clone(),
                    alert: Arc::clone(alert),
                    groups,
                    is_taken_over,
                });
            }
        }
        match identity {
            Some(identity) => {
                self.replace(identity, &there, news);
                true
            }
            None => {
                let members = there.members.iter().map(|alert| alert.fingerprint);
                lock(&self.stranded).see_foreign(&there.name, members);
                false
            }
        }
    }

    fn replace(&self, identity: Arc<GroupIdentity>, there: &SharedGroup, news: &mut Vec<News>) {
        let now = self.clock.now();
        let mut group = Group::restored(identity, there.grid);
        there
            .members
            .iter()
            .for_each(|alert| group.restore_member(Arc::clone(alert)));
        let before = self.memory.with(&there.name, |known| known.clone());
        // Of two states of the same message, what is shared counts.
        let told_before = before.iter().flat_map(|before| {
            let told = before.told().iter();
            told.filter(|(id, told)| self.is_told_later(before, id, told, Some(there), false))
        });
        for (integration, told) in told_before.chain(&there.told) {
            group.merge_told(integration, told);
        }
        if let Some(before) = before {
            for alert in before.members() {
                let is_later = group
                    .member(alert.fingerprint)
                    .is_some_and(|there| there.updated_at < alert.updated_at);
                if is_later {
                    group.restore_member(Arc::clone(alert));
                }
            }
            if before.is_held(now) {
                group.keep_lease_of(&before);
            }
        }
        let (tenant, key) = (there.name.tenant.clone(), there.name.key);
        news.push(News::Group {
            tenant: tenant.clone(),
            key,
            first_tick: there.grid.first(),
        });
        for (integration, told) in &there.told {
            self.note_reader(&there.name, integration, told);
            news.push(News::Told {
                tenant: tenant.clone(),
                key,
                integration: integration.clone(),
                told: Arc::new(told.clone()),
            });
        }
        self.memory.put_group(group);
    }

    /// What was told while this instance was not looking was told by somebody else.
    fn note_reader(&self, name: &GroupName, integration: &IntegrationId, told: &Told) {
        let known = self.memory.with(name, |group| {
            let known = group.told().iter().find(|(id, _)| id == integration);
            known.map(|(_, known)| known.seq)
        });
        if known.flatten().is_none_or(|seq| seq < told.seq) {
            self.note_teller(name, integration, false);
        }
    }
}
