//! Following the feed: what any instance changed becomes part of the replica, and news for the engine.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use domain::alert::Alert;
use domain::fingerprint::Fingerprint;
use domain::group::farewell::Leave;
use domain::group::grid::Grid;
use domain::group::told::Told;
use domain::group::{Group, GroupIdentity};
use domain::id::{IntegrationId, TenantId};
use tokio::time::Instant;

use super::heard::{is_end_before, is_refresh_after, is_same_moment, prolonged};
use super::{Alone, Coordinated, lock};
use crate::StateError;
use crate::coordinator::{CHANGES_MAX, Change, Event, EventId, Feed, GroupName, Merge};
use crate::host::{Host, News};
use crate::memory::TakenIn;

/// Ticks of groups whose first member has not been heard of yet; a bounded number.
#[derive(Default)]
pub(super) struct Orphans {
    grids: HashMap<GroupName, Grid>,
    /// Ends this instance heard of while it was alone, and that others do not know.
    corrections: Vec<Merge>,
    /// Number of the latest read that came to its end.
    completed: u64,
}

/// More orphans than this are groups of configurations we do not have.
const ORPHANS_MAX: usize = 10_000;

impl Coordinated {
    /// Reads what is new in every shard that is shared.
    pub(super) async fn follow(&self) -> Result<(), Alone> {
        let mut orphans = self.following.lock().await;
        self.follow_as(&mut orphans).await
    }

    /// Reads all that was there when this was asked for: a read that somebody else began since then will do.
    pub(super) async fn follow_from_now(&self) -> Result<(), Alone> {
        let asked = self.follows.load(Ordering::Acquire);
        let mut orphans = self.following.lock().await;
        if orphans.completed > asked {
            return Ok(());
        }
        self.follow_as(&mut orphans).await
    }

    /// What a shard's feed keeps after a place.
    pub(super) async fn changes_shared(
        &self,
        shard: usize,
        after: EventId,
    ) -> Result<Feed, StateError> {
        let unavailable = |text: String| StateError::Unavailable(text);
        if self.is_alone(shard) {
            return Err(unavailable("the shard cannot be reached".to_owned()));
        }
        let feed = self.shared.feed(shard, after, &self.memory).await;
        feed.map_err(|error| unavailable(error.to_string()))
    }

    async fn follow_as(&self, orphans: &mut Orphans) -> Result<(), Alone> {
        let number = self.follows.fetch_add(1, Ordering::AcqRel) + 1;
        loop {
            let after: Vec<EventId> = self.views.iter().map(|view| lock(view).seen).collect();
            let asked_at = Instant::now();
            let feeds = self.shared.changes(&after, &self.memory).await;
            let mut is_done = true;
            let (mut news, mut seen) = (Vec::new(), Vec::new());
            let mut outcome = Ok(());
            for (shard, feed) in feeds.into_iter().enumerate() {
                if self.is_alone(shard) {
                    continue;
                }
                match feed {
                    Ok(feed) => {
                        is_done &= self.take_feed(shard, &feed, orphans, &mut news);
                        seen.push((shard, feed.changes));
                    }
                    Err(error) => {
                        self.fail(shard, &error, asked_at);
                        outcome = Err(Alone);
                    }
                }
            }
            if let Some(host) = self.host() {
                if !news.is_empty() {
                    host.heard(news).await;
                }
                for (shard, changes) in seen.iter().filter(|(_, changes)| !changes.is_empty()) {
                    host.saw(*shard, changes);
                }
            }
            if is_done && outcome.is_ok() {
                orphans.completed = number;
                self.correct(orphans).await;
            }
            if is_done || outcome.is_err() {
                return outcome;
            }
        }
    }

    /// Says what this instance knows better than what it heard.
    async fn correct(&self, orphans: &mut Orphans) {
        let corrections = std::mem::take(&mut orphans.corrections);
        if corrections.is_empty() {
            return;
        }
        let merged = self.shared.merge(corrections.clone()).await;
        let outcomes = corrections.into_iter().zip(merged);
        let failed = outcomes.filter(|(_, merged)| merged.is_err());
        orphans.corrections = failed.map(|(correction, _)| correction).collect();
    }

    /// An alert another instance holds for firing may be over, as this one heard while it was alone.
    pub(super) fn end_known_here(&self, tenant: &TenantId, heard: &Alert) -> Option<Arc<Alert>> {
        let known = self.memory.alert(tenant, heard.fingerprint)?;
        is_end_before(&known, heard).then_some(known)
    }

    /// What is to be said of what another instance told, as this one told something later while it was alone.
    fn correction_of(
        &self,
        group: &GroupName,
        integration: &IntegrationId,
        told: &Told,
    ) -> Option<Merge> {
        let joined = self.joined_late(group, integration, told)?;
        let identity = self
            .memory
            .with(group, |known| Arc::clone(known.identity()))?;
        Some(Merge {
            joined: vec![joined],
            ..self.correction(&identity, Vec::new())
        })
    }

    /// What is to be said of a group some of whose members ended, as this instance heard while it was alone.
    pub(super) fn correction(
        &self,
        identity: &Arc<GroupIdentity>,
        alerts: Vec<Arc<Alert>>,
    ) -> Merge {
        let grid = Grid::starting(self.clock.now(), identity.group_interval);
        Merge {
            alerts,
            ..Merge::of(Arc::clone(identity), grid)
        }
    }

    /// Waits until the replica includes these changes; reads them now if it does not. A shard whose changes cannot be had for
    /// too long is read as a whole.
    pub(super) async fn catch_up(&self, wanted: &[(usize, EventId)]) -> bool {
        let is_behind = |(shard, id): &&(usize, EventId)| self.view(*shard).seen < *id;
        if !wanted.iter().any(|one| is_behind(&one)) {
            return true;
        }
        let followed = self.follow().await;
        let mut is_caught_up = followed.is_ok();
        for (shard, _) in wanted.iter().filter(is_behind) {
            is_caught_up = false;
            let mut view = self.view(*shard);
            let behind = view.behind_since.map(|since| since.elapsed());
            if behind.is_some_and(|behind| behind >= self.timing.behind_max) {
                // The next poll sees a shard it does not know.
                view.epoch = None;
            }
        }
        is_caught_up
    }

    /// Takes a piece of the feed; answers whether there is no more of it.
    fn take_feed(
        &self,
        shard: usize,
        feed: &Feed,
        orphans: &mut Orphans,
        news: &mut Vec<News>,
    ) -> bool {
        self.succeed(shard);
        if feed.is_broken {
            // Read anew as a whole: the next poll sees a shard it does not know.
            self.view(shard).epoch = None;
            return true;
        }
        let Some(last) = feed.changes.last().map(|change| change.id) else {
            return true;
        };
        // A piece that is not full was all there was when it was asked for.
        let is_all = feed.changes.len() < CHANGES_MAX;
        let Some(host) = self.host() else { return true };
        for change in &feed.changes {
            self.take_change(&*host, change, orphans, news);
        }
        self.view(shard).see(last);
        is_all
    }

    fn take_change(
        &self,
        host: &dyn Host,
        change: &Change,
        orphans: &mut Orphans,
        news: &mut Vec<News>,
    ) {
        let is_ours = change.is_ours;
        match &change.event {
            Event::Alert { group, alert } => {
                news.extend(self.take_alert(host, group, alert, is_ours, orphans));
            }
            Event::Left { group, alerts } => self.take_leave(group, alerts),
            Event::Told {
                group,
                integration,
                told,
            } => {
                // Answers to our own requests may have been here before: the later state stays.
                let take = |known: &mut Group| known.merge_told(integration, told);
                let is_unknown = self.memory.with(group, take) == Some(true);
                self.note_teller(group, integration, is_ours);
                if !is_ours {
                    let correction = self.correction_of(group, integration, told);
                    orphans.corrections.extend(correction);
                }
                // What this instance told is in its journal; what it put into a group its members moved to is not.
                if !is_ours || is_unknown {
                    let GroupName { tenant, key } = group.clone();
                    news.push(News::Told {
                        tenant,
                        key,
                        integration: integration.clone(),
                        told: Arc::clone(told),
                    });
                }
            }
            Event::Grid { group, grid } => {
                let is_unknown = self.take_grid(group, *grid, orphans);
                if !is_ours || is_unknown {
                    let lineage = self.memory.see(group, |known| known.identity().lineage());
                    let GroupName { tenant, key } = group.clone();
                    news.push(News::Group {
                        tenant,
                        key,
                        lineage: lineage.flatten(),
                        first_tick: grid.first(),
                    });
                }
            }
            Event::Gone { group } => {
                self.forget(group);
                orphans.grids.remove(group);
                // Also of our own: the answer that said so may have been lost.
                let GroupName { tenant, key } = group.clone();
                news.push(News::GroupGone { tenant, key });
            }
        }
    }

    /// An alert is known better; answers the news in that, if another instance took it in.
    fn take_alert(
        &self,
        host: &dyn Host,
        group: &GroupName,
        alert: &Arc<Alert>,
        is_ours: bool,
        orphans: &mut Orphans,
    ) -> Option<News> {
        let known = self.memory.see(group, |known| {
            let member = known.member(alert.fingerprint);
            let is_held = member.is_some_and(|member| Arc::ptr_eq(member, alert));
            (Arc::clone(known.identity()), is_held)
        });
        if is_ours && known.as_ref().is_some_and(|(_, is_held)| *is_held) {
            // What this instance took in itself, as the answer said.
            lock(&self.tombs).lift(group, alert);
            return None;
        }
        let known = known.map(|(identity, _)| identity);
        let here = self.memory.alert(&group.tenant, alert.fingerprint);
        let here = here.as_ref();
        let refresh = here.filter(|here| !is_ours && is_refresh_after(here, alert));
        let alert = match refresh {
            Some(refresh) if is_same_moment(refresh, alert) => Arc::new(Alert {
                updated_at: refresh.updated_at,
                ..Alert::clone(alert)
            }),
            _ => prolonged(here, alert),
        };
        let groups = match &known {
            // Its group is known and so is the alert: where it belongs does not have to be found out.
            Some(_) if is_ours => Vec::new(),
            _ => host.placement(&group.tenant, &alert),
        };
        let taken_in = match is_ours {
            true => TakenIn::AsKnown,
            false => TakenIn::Elsewhere,
        };
        let is_taken_over = self.memory.learn_alert(&group.tenant, &alert, taken_in);
        match known.or_else(|| of_key(&groups, group)) {
            Some(identity) => {
                if !is_ours && orphans.corrections.len() < ORPHANS_MAX {
                    let end = here.filter(|here| is_end_before(here, &alert));
                    let later = refresh.filter(|refresh| !is_same_moment(refresh, &alert));
                    let correction = end
                        .or(later)
                        .map(|end| self.correction(&identity, vec![Arc::clone(end)]));
                    orphans.corrections.extend(correction);
                }
                let now = self.clock.now();
                let grid = orphans.grids.remove(group);
                let grid = || grid.unwrap_or_else(|| Grid::starting(now, identity.group_interval));
                self.memory.learn_member(&identity, &alert, grid);
                if of_key(&groups, group).is_some() {
                    lock(&self.stranded).see_own(group);
                } else if !is_ours {
                    // It joined a group that this instance no longer routes to: it waits there with the others.
                    lock(&self.stranded).see_foreign(group, [alert.fingerprint]);
                }
                lock(&self.tombs).lift(group, &alert);
            }
            None => lock(&self.stranded).see_foreign(group, [alert.fingerprint]),
        }
        (!is_ours).then(|| News::Alert {
            tenant: group.tenant.clone(),
            alert,
            groups,
            is_taken_over,
        })
    }

    /// Members left a group.
    fn take_leave(&self, group: &GroupName, alerts: &[Fingerprint]) {
        let mut left = Vec::with_capacity(alerts.len());
        let leave = |known: &mut Group| {
            for fingerprint in alerts {
                left.extend(known.remove(*fingerprint));
            }
            Arc::clone(known.identity())
        };
        if let Some(identity) = self.memory.with(group, leave) {
            let leaves = left.iter().map(|alert| Leave {
                fingerprint: alert.fingerprint,
                updated_at: alert.updated_at,
            });
            self.bury(&identity, &leaves.collect::<Vec<_>>());
            self.note_left(&group.tenant, left);
        }
        lock(&self.stranded).left(group, alerts);
    }

    /// Takes over a group's ticks; answers whether they were other ones here.
    fn take_grid(&self, group: &GroupName, grid: Grid, orphans: &mut Orphans) -> bool {
        let is_news = self.memory.with(group, |known| {
            let is_news = known.grid() != grid;
            known.set_grid(grid);
            is_news
        });
        if is_news.is_none() && orphans.grids.len() < ORPHANS_MAX {
            orphans.grids.insert(group.clone(), grid);
        }
        is_news == Some(true)
    }

    /// Forgets a group and all that is kept beside it.
    pub(super) fn forget(&self, group: &GroupName) {
        lock(&self.told_here).remove(group);
        // Should its end be lost, what was told of it before is not the last that was told.
        if let Some(told) = self.memory.with(group, |known| known.told().to_vec()) {
            lock(&self.tombs).end(group, told);
        }
        self.memory.forget_group(group);
        lock(&self.stranded).gone(group);
    }

    /// Notes who was the last to tell an integration.
    pub(super) fn note_teller(&self, group: &GroupName, integration: &IntegrationId, is_us: bool) {
        let mut told_here = lock(&self.told_here);
        if is_us {
            let told = told_here.entry(group.clone()).or_default();
            told.insert(integration.clone());
        } else if let Some(told) = told_here.get_mut(group) {
            told.remove(integration);
        }
    }
}

/// The identity of a group among those an alert belongs to.
pub(super) fn of_key(
    groups: &[Arc<GroupIdentity>],
    name: &GroupName,
) -> Option<Arc<GroupIdentity>> {
    groups.iter().find(|group| group.key == name.key).cloned()
}
