//! A configuration change with several instances: members whose route is gone move to their new groups, with what was told
//! about them, once all instances have the configuration, or after a while (protocol.md §5, move).
//!
//! Until then such a group is *stranded*: its members stay in it, posts of them go to it, and only an instance whose
//! configuration still knows it may flush it. Who moves a group holds its lease, so nobody else flushes or moves it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use domain::alert::Alert;
use domain::fingerprint::Fingerprint;
use domain::group::farewell::{Farewell, Leave};
use domain::group::grid::Grid;
use domain::group::{Group, GroupIdentity, ReceiverSpec};
use domain::id::TenantId;
use domain::label::Labels;
use domain::route::RouteIndex;
use domain::time::Timestamp;
use tokio::time::Instant;

use super::{Alone, Coordinated, lock};
use crate::coordinator::{Epoch, GroupName, Merge, Merged, SharedGroup};
use crate::host::Host;
use crate::{Placement, State, StateError};

/// Most stranded groups that are remembered; further ones are found again when they are claimed.
const STRANDED_MAX: usize = 100_000;

/// How long a group that a move made waits for members that come to it from other groups.
const MADE_PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

/// How often a group is tried to be made or held.
const HOLD_TRIES: usize = 3;

/// Most members with which a group is made in one go: a coordinator takes so many at once.
const MADE_WITH_MAX: usize = 256;

/// By how much an alert that was moved is known newer.
const MOVED: std::time::Duration = std::time::Duration::from_millis(1);

/// Groups moved in one go, so that the caller looks at the world in between.
const MOVES_MAX: usize = 200;

/// Groups that this instance's configuration has no route for, with their members.
#[derive(Default)]
pub(super) struct Stranded {
    groups: HashMap<GroupName, HashSet<Fingerprint>>,
    members: HashMap<(TenantId, Fingerprint), Vec<GroupName>>,
    /// When each tenant's first one was seen.
    since: BTreeMap<TenantId, Instant>,
}

impl Stranded {
    /// Notes members of a group nothing here routes to.
    pub(super) fn see_foreign(
        &mut self,
        name: &GroupName,
        members: impl IntoIterator<Item = Fingerprint>,
    ) {
        if self.groups.len() >= STRANDED_MAX && !self.groups.contains_key(name) {
            return;
        }
        self.since
            .entry(name.tenant.clone())
            .or_insert_with(Instant::now);
        let known = self.groups.entry(name.clone()).or_default();
        for member in members {
            if known.insert(member) {
                let of = (name.tenant.clone(), member);
                self.members.entry(of).or_default().push(name.clone());
            }
        }
    }

    /// A member belongs to a group: the group is none of them if nobody in it belongs elsewhere. One that was seen without any
    /// member is taken for one until then.
    pub(super) fn see_own(&mut self, name: &GroupName) {
        if self.groups.get(name).is_some_and(HashSet::is_empty) {
            self.gone(name);
        }
    }

    /// Whether a group is one of them.
    pub(super) fn holds(&self, name: &GroupName) -> bool {
        self.groups.contains_key(name)
    }

    /// The stranded groups an alert is in.
    fn of(&self, tenant: &TenantId, alert: Fingerprint) -> &[GroupName] {
        if self.members.is_empty() {
            return &[];
        }
        self.members
            .get(&(tenant.clone(), alert))
            .map_or(&[], Vec::as_slice)
    }

    /// Members left a group.
    pub(super) fn left(&mut self, name: &GroupName, members: &[Fingerprint]) {
        let Some(known) = self.groups.get_mut(name) else {
            return;
        };
        for member in members {
            known.remove(member);
            let of = (name.tenant.clone(), *member);
            if let Some(groups) = self.members.get_mut(&of) {
                groups.retain(|group| group != name);
                if groups.is_empty() {
                    self.members.remove(&of);
                }
            }
        }
    }

    /// A group is no more.
    pub(super) fn gone(&mut self, name: &GroupName) {
        let Some(members) = self.groups.get(name) else {
            return;
        };
        let members: Vec<_> = members.iter().copied().collect();
        self.left(name, &members);
        self.groups.remove(name);
        let is_last = !self.groups.keys().any(|group| group.tenant == name.tenant);
        if is_last {
            self.since.remove(&name.tenant);
        }
    }

    /// Forgets a tenant's, before they are found anew.
    fn forget(&mut self, tenant: &TenantId) {
        self.groups.retain(|name, _| name.tenant != *tenant);
        self.members.retain(|(owner, _), _| owner != tenant);
        self.since.remove(tenant);
    }

    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    /// The shards a tenant's lie in.
    fn shards(&self, tenant: &TenantId) -> HashSet<usize> {
        let names = self.groups.keys().filter(|name| name.tenant == *tenant);
        names.map(GroupName::shard).collect()
    }

    fn names(&self, tenant: &TenantId) -> Vec<GroupName> {
        let names = self.groups.keys().filter(|name| name.tenant == *tenant);
        names.take(MOVES_MAX).cloned().collect()
    }
}

/// The groups a post is offered to.
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) groups: Vec<Arc<GroupIdentity>>,
    /// Which of them are stranded: its alert waits there to be moved, if it has not been moved already.
    pub(super) waits_in: Range<usize>,
    /// Where it belongs by this instance's configuration, if it waits elsewhere to be moved there.
    pub(super) placed: Vec<Arc<GroupIdentity>>,
}

impl Coordinated {
    /// The groups a post is offered to: an alert that waits in a stranded group starts no other one meanwhile.
    pub(super) fn not_leaving(
        &self,
        tenant: &TenantId,
        alert: &Alert,
        groups: Vec<Arc<GroupIdentity>>,
    ) -> Wanted {
        let stranded = lock(&self.stranded).of(tenant, alert.fingerprint).to_vec();
        if stranded.is_empty() {
            return Wanted {
                groups,
                ..Wanted::default()
            };
        }
        let is_member = |group: &Arc<GroupIdentity>| {
            self.memory
                .has_member(&GroupName::of(group), alert.fingerprint)
        };
        let mut kept: Vec<_> = groups.iter().filter(|g| is_member(g)).cloned().collect();
        let stays = kept.len();
        kept.extend(stranded.iter().map(|name| self.identity_of(name)));
        Wanted {
            waits_in: stays..kept.len(),
            groups: kept,
            placed: groups,
        }
    }

    /// What a stranded group is: as it was configured, or a stand-in where this instance never knew.
    fn identity_of(&self, name: &GroupName) -> Arc<GroupIdentity> {
        let known = self.memory.with(name, |group| Arc::clone(group.identity()));
        known.unwrap_or_else(|| self.stand_in(name))
    }

    /// As what a group is offered an alert that it holds to be moved (`waits`): others may have moved it meanwhile, and then neither
    /// the alert comes back nor the group.
    pub(super) fn offered_as(&self, group: &Arc<GroupIdentity>, waits: bool) -> Arc<GroupIdentity> {
        if waits {
            return self.stand_in(&GroupName::of(group));
        }
        Arc::clone(group)
    }

    /// A group of which nothing but the key is known.
    fn stand_in(&self, name: &GroupName) -> Arc<GroupIdentity> {
        Arc::new(GroupIdentity {
            tenant: name.tenant.clone(),
            key: name.key,
            text: String::new(),
            route: RouteIndex(0),
            labels: Labels::empty(),
            receiver: Arc::new(ReceiverSpec {
                name: Arc::from(""),
                integrations: Vec::new(),
            }),
            group_wait: self.timing.lease,
            group_interval: self.timing.lease,
            repeat_interval: self.timing.grace,
            mute_time_intervals: Vec::new(),
            active_time_intervals: Vec::new(),
        })
    }

    pub(super) async fn reconfigure_shared(
        &self,
        tenant: &TenantId,
        config_hash: &str,
        placement: &Placement<'_>,
        now: Timestamp,
    ) -> Result<(), StateError> {
        {
            // Nobody completes the way back meanwhile.
            let _alone = self.stay_alone().await;
            // What is heard of is placed by the configuration before, and then stranded, or by this one.
            let _nothing_is_heard = self.following.lock().await;
            if self.current_mode() == crate::Mode::Degraded {
                self.reconfigure_alone(tenant, config_hash, placement, now)
                    .await?;
                // On the way back shards may have been compared already.
                for domain in &self.domains {
                    domain.has_moved.store(true, Ordering::Release);
                }
                return Ok(());
            }
            self.strand(tenant, placement);
        }
        let restarted = self
            .attempt(0, || self.shared.restart_grids(tenant, config_hash))
            .await;
        tracing::debug!(%tenant, config_hash, ?restarted, "A configuration is in force on this instance");
        Ok(())
    }

    /// Gives groups their identity under a new configuration, and notes those it has no route for.
    fn strand(&self, tenant: &TenantId, placement: &Placement<'_>) {
        // What was told of groups nothing here routed to was not heard: their shards are read anew before anything is claimed.
        for shard in lock(&self.stranded).shards(tenant) {
            self.view(shard).epoch = None;
        }
        lock(&self.stranded).forget(tenant);
        for shard in 0..domain::limits::SHARDS {
            for group in self.memory.groups_in(shard) {
                let name = GroupName::of(group.identity());
                if name.tenant != *tenant {
                    continue;
                }
                let (mut identity, mut leaving) = (None, Vec::new());
                for alert in group.members() {
                    let groups = placement(alert);
                    match groups.into_iter().find(|g| g.key == name.key) {
                        Some(here) => identity = Some(here),
                        None => leaving.push(alert.fingerprint),
                    }
                }
                if let Some(identity) = identity {
                    self.memory
                        .with(&name, |group| group.set_identity(identity));
                }
                if !leaving.is_empty() {
                    lock(&self.stranded).see_foreign(&name, leaving);
                }
            }
        }
    }

    /// Moves members out of stranded groups, of tenants whose turn it is.
    pub(super) async fn move_stranded(&self) {
        let since: Vec<_> = lock(&self.stranded)
            .since
            .iter()
            .map(|(tenant, since)| (tenant.clone(), *since))
            .collect();
        if since.is_empty() || self.current_mode() == crate::Mode::Degraded {
            return;
        }
        let Some(host) = self.host() else { return };
        let Ok(instances) = self.shared.instances().await else {
            return;
        };
        for (tenant, since) in since {
            let ours = host.config_hash(&tenant);
            let mut hashes = instances
                .iter()
                .flat_map(|instance| &instance.configs)
                .filter(|(owner, _)| *owner == tenant);
            let do_agree = hashes.all(|(_, hash)| *hash == ours);
            let is_overdue = since.elapsed() >= self.timing.foreign_move_after;
            if !do_agree && !is_overdue {
                continue;
            }
            if !do_agree {
                tracing::debug!(%tenant, "Instances have different configurations for this tenant; members are moved by this one's");
            }
            let names = lock(&self.stranded).names(&tenant);
            for name in names {
                if self.move_members(&*host, &name).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Moves the members of one group that belong elsewhere.
    async fn move_members(&self, host: &dyn Host, name: &GroupName) -> Result<(), Alone> {
        let epoch = self.view(name.shard()).epoch.clone();
        let Some(held) = self.directly(self.shared.seize(name).await)? else {
            return self.forget_moved(name, epoch.as_ref()).await;
        };
        // Somebody is flushing it: what becomes of that moves along, later.
        let Ok(claimed) = held else { return Ok(()) };
        let Some(source) = self.directly(self.shared.group(name).await)? else {
            return self.forget_moved(name, epoch.as_ref()).await;
        };
        let mut targets: HashMap<GroupName, (Arc<GroupIdentity>, Vec<Arc<Alert>>)> = HashMap::new();
        let mut leaves = Vec::new();
        for alert in &source.members {
            let groups = host.placement(&name.tenant, alert);
            if groups.iter().any(|group| group.key == name.key) {
                continue;
            }
            leaves.push(Leave {
                fingerprint: alert.fingerprint,
                updated_at: alert.updated_at,
            });
            // It may have ended where this instance heard of it alone, in the group it is moved to.
            let known = self.memory.alert(&name.tenant, alert.fingerprint);
            let is_later = |known: &Arc<Alert>| known.updated_at > alert.updated_at;
            let latest = known.filter(is_later).unwrap_or_else(|| Arc::clone(alert));
            for group in groups {
                let target = targets
                    .entry(GroupName::of(&group))
                    .or_insert_with(|| (group, Vec::new()));
                target.1.push(Arc::clone(&latest));
            }
        }
        if leaves.is_empty() && !source.members.is_empty() {
            lock(&self.stranded).gone(name);
        }
        for (identity, alerts) in targets.into_values() {
            if !self.move_to(host, identity, alerts, &source).await? {
                self.give_back(&claimed, self.timing.behind_delay).await;
                return Ok(());
            }
        }
        let farewell = farewell_to(leaves, &source);
        let finished = self.shared.finish(name, claimed.fence, &farewell).await;
        let _ = self.directly(finished)?;
        tracing::debug!(tenant = %name.tenant, group = %name.key, "Moved members to the groups of the new configuration");
        // The feed says who left; whoever changed meanwhile is still there and moves the next time.
        Ok(())
    }

    /// A stranded group that is not there any more is forgotten, unless its shard lost its data: then what is known here may be all
    /// there is, and is put back. `epoch`: whose data was asked for, as far as was known before.
    async fn forget_moved(&self, name: &GroupName, epoch: Option<&Epoch>) -> Result<(), Alone> {
        // A loss shows in the feed.
        self.follow_from_now().await?;
        let is_same = epoch.is_some() && self.view(name.shard()).epoch.as_ref() == epoch;
        if is_same {
            self.forget(name);
        }
        Ok(())
    }

    /// Moves alerts into one group; false when somebody is flushing it.
    ///
    /// A group that is not there yet is made with all that was told of them, so that whoever flushes it first knows. What was told
    /// in one that is there is merged only by who holds it: two who move members there at once would undo each other's.
    async fn move_to(
        &self,
        host: &dyn Host,
        identity: Arc<GroupIdentity>,
        alerts: Vec<Arc<Alert>>,
        source: &SharedGroup,
    ) -> Result<bool, Alone> {
        let now = self.clock.now();
        let moved = self.movable(alerts, source, now);
        if moved.is_empty() {
            return Ok(true);
        }
        // A group that has ticked ticks soon, and so do those its members move to; one in its group_wait keeps it.
        let soon = now + MADE_PAUSE;
        let first = if source.grid.has_ticked() {
            soon
        } else {
            source.grid.next().max(soon)
        };
        let name = GroupName::of(&identity);
        let grid = Grid::starting(first, identity.group_interval);
        let empty = || Group::restored(Arc::clone(&identity), grid);
        for _ in 0..HOLD_TRIES {
            let Some(held) = self.directly(self.shared.seize(&name).await)? else {
                let made = Merge {
                    is_first: true,
                    ..self.joining(host, empty(), &moved, source).await?
                };
                let is_whole = made.alerts.len() <= MADE_WITH_MAX;
                if self.merged(made).await? == Merged::Done && is_whole {
                    return Ok(true);
                }
                continue;
            };
            let Ok(claimed) = held else {
                return Ok(false);
            };
            let there = self.directly(self.shared.group(&name).await)?;
            let mut group = empty();
            for (integration, told) in there.iter().flat_map(|there| &there.told) {
                group.merge_told(integration, told);
            }
            let joining = self.joining(host, group, &moved, source).await?;
            let _ = self.merged(joining).await?;
            self.give_back(&claimed, std::time::Duration::ZERO).await;
            return Ok(true);
        }
        Ok(false)
    }

    /// What a group becomes with these alerts in it, which come from another one.
    async fn joining(
        &self,
        host: &dyn Host,
        mut group: Group,
        alerts: &[Arc<Alert>],
        source: &SharedGroup,
    ) -> Result<Merge, Alone> {
        let now = self.clock.now();
        let identity = Arc::clone(group.identity());
        let past = self
            .past_of(&GroupName::of(&identity), alerts, source)
            .await?;
        // Whose end was told there already stays out, and what was told of it before says nothing any more.
        let is_over = |alert: &&Arc<Alert>| past.over.contains(&alert.fingerprint);
        let joining = alerts.iter().filter(|alert| !is_over(alert));
        let joining: Vec<_> = joining.cloned().collect();
        for alert in &joining {
            let groups = host.placement(&source.name.tenant, alert);
            let mut told = Cow::Borrowed(&source.told);
            if past.anew.contains(&alert.fingerprint) {
                let told = told.to_mut().iter_mut();
                told.for_each(|(_, told)| told.doubt(alert.fingerprint));
            }
            let left = source.lineage.as_ref();
            group.adopt(Arc::clone(alert), left, &groups, &told, now);
        }
        Ok(Merge {
            alerts: joining,
            told: group.told().to_vec(),
            is_move: true,
            ..Merge::of(identity, group.grid())
        })
    }

    async fn merged(&self, merge: Merge) -> Result<Merged, Alone> {
        let mut answers = self.shared.merge(vec![merge]).await;
        self.directly(answers.pop().unwrap_or(Ok(Merged::Overtaken)))
    }

    /// The members that fire, or whose end is owed.
    fn movable(
        &self,
        alerts: Vec<Arc<Alert>>,
        source: &SharedGroup,
        now: Timestamp,
    ) -> Vec<Arc<Alert>> {
        let grace = State::grace(&self.memory);
        let is_wanted = |alert: &Arc<Alert>| {
            let mut told = source.told.iter();
            let is_believed = told.any(|(_, told)| told.believes_firing(alert.fingerprint));
            !alert.is_resolved(now, grace) || is_believed
        };
        // Known newer than when it may have left there: this is no replay.
        let newer = |alert: Arc<Alert>| {
            Arc::new(Alert {
                updated_at: alert.updated_at + MOVED,
                ..Alert::clone(&alert)
            })
        };
        alerts.into_iter().filter(is_wanted).map(newer).collect()
    }
}

/// Members that are in other groups now leave, and with them what was told of them.
fn farewell_to(leaves: Vec<Leave>, source: &SharedGroup) -> Farewell {
    let leaving: HashSet<_> = leaves.iter().map(|leave| leave.fingerprint).collect();
    let retold = source.told.iter().filter_map(|(integration, told)| {
        let mut told = told.clone();
        let is_about = told.leave_behind(|alert| leaving.contains(&alert));
        is_about.then(|| (integration.clone(), told))
    });
    Farewell {
        retold: retold.collect(),
        leaves,
        is_move: true,
        ..Farewell::default()
    }
}
