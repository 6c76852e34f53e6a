//! Alerts that come in: fresh posts, and what instances know better.

use std::sync::Arc;
use std::time::Duration;

use domain::alert::{Alert, Grace};
use domain::group::Group;
use domain::group::grid::Grid;
use domain::time::Timestamp;

use super::hole::Hole;
use super::server::{Entry, Request, Server};
use super::{PATIENCE, failed, millis};
use crate::coordinator::{
    CoordinatorError, Event, GroupName, Merge, Merged, Offer, Offered, Outage,
};

/// By how much a state that changed without growing older is made newer than the one before.
const NEWER: Duration = Duration::from_millis(1);

impl Server {
    pub(super) fn ingest(
        &mut self,
        request: &Request,
        offers: &[Offer],
        now: Timestamp,
    ) -> Vec<Result<Offered, CoordinatorError>> {
        // Whoever sent it gave up since: what it says may have been overtaken.
        let age = request.now.since(request.sent);
        if age > PATIENCE && !self.has(Hole::LatePosts) {
            let late = || Err(failed(Outage::Transient, "the request came too late"));
            return offers.iter().map(|_| late()).collect();
        }
        let answers = offers.iter().map(|offer| {
            let name = GroupName::of(&offer.group);
            self.admit(request, name.shard())?;
            Ok(self.offer(request, &name, offer, now))
        });
        answers.collect()
    }

    fn offer(
        &mut self,
        request: &Request,
        name: &GroupName,
        offer: &Offer,
        received_at: Timestamp,
    ) -> Offered {
        let alert = &offer.alert;
        let fingerprint = alert.fingerprint;
        // Whoever knows only the key of a group makes none, joins none and changes none.
        if !offer.group.is_stand_in() {
            self.follow_interval(request, name, offer.group.group_interval);
        }
        let member = self
            .group(name)
            .and_then(|g| g.member(fingerprint).cloned());
        if let Some(member) = member {
            return self.refresh(request, name, &member, offer);
        }
        let is_over = alert.is_resolved(received_at, Grace::NONE);
        // An end that was told already, stated again to an instance that has not heard of that; or a post that was taken in
        // before, and has left since.
        let is_end = is_over && alert.is_explicit_end();
        let may_be_buried = is_end || self.is_replay(offer);
        let is_buried =
            may_be_buried && self.shard(name.shard()).is_buried(name, alert, request.now);
        if offer.group.is_stand_in() || is_buried || (is_over && !offer.is_owed) {
            return Offered {
                alert: Arc::clone(alert),
                is_member: false,
                created: None,
            };
        }
        let mut created = None;
        match self.group(name) {
            Some(group) => group.restore_member(Arc::clone(alert)),
            None => created = Some(self.make(request, name, offer, received_at)),
        }
        let is_queued = !self.has(Hole::JoinWithoutTick);
        self.tell_alert(request, name, alert);
        if created.is_some() {
            self.tell_grid(request, name);
        }
        let shard = self.shard(name.shard());
        if is_queued && !shard.due.contains_key(name) {
            shard.queue(name);
        }
        Offered {
            alert: Arc::clone(alert),
            is_member: true,
            created,
        }
    }

    /// Makes the group an alert creates; answers its first tick.
    fn make(
        &mut self,
        request: &Request,
        name: &GroupName,
        offer: &Offer,
        received_at: Timestamp,
    ) -> Timestamp {
        let mut group = Group::new(
            Arc::clone(&offer.group),
            Arc::clone(&offer.alert),
            received_at,
        );
        // Its wait travels as a duration: the instance's clock is not ours.
        let wait = group.grid().next().since(received_at);
        group.set_grid(Grid::starting(
            request.now + wait,
            offer.group.group_interval,
        ));
        let first = group.grid().first();
        let shard = self.shard(name.shard());
        let born = millis(request.now).max(shard.floor);
        shard.groups.insert(
            name.clone(),
            Entry {
                group,
                fence: 0,
                born,
            },
        );
        first
    }

    /// Whether a post may have been taken in before: what others said since counts.
    fn is_replay(&self, offer: &Offer) -> bool {
        offer.is_again && !self.has(Hole::LatePosts)
    }

    /// A fresh post of a member: the last one wins, and what is known never grows older.
    fn refresh(
        &mut self,
        request: &Request,
        name: &GroupName,
        member: &Arc<Alert>,
        offer: &Offer,
    ) -> Offered {
        let posted = &offer.alert;
        let is_replay = self.has(Hole::PostsAreReplays) || self.is_replay(offer);
        let is_swallowed = is_replay && posted.updated_at <= member.updated_at;
        let mut merged = member.updated_by(Alert::clone(posted));
        if merged.updated_at <= member.updated_at {
            merged.updated_at = member.updated_at;
            if merged != **member {
                // A flush that saw the state before must not let this one go.
                merged.updated_at = member.updated_at + NEWER;
            }
        }
        if merged == **member || is_swallowed {
            return Offered {
                alert: Arc::clone(member),
                is_member: true,
                created: None,
            };
        }
        let merged = Arc::new(merged);
        if let Some(group) = self.group(name) {
            group.restore_member(Arc::clone(&merged));
        }
        self.tell_alert(request, name, &merged);
        Offered {
            alert: merged,
            is_member: true,
            created: None,
        }
    }

    pub(super) fn merge(
        &mut self,
        request: &Request,
        merges: &[Merge],
    ) -> Vec<Result<Merged, CoordinatorError>> {
        let answers = merges.iter().map(|merge| {
            let name = GroupName::of(&merge.group);
            self.admit(request, name.shard())?;
            if merge.is_first && self.group(&name).is_some() {
                return Ok(Merged::Overtaken);
            }
            self.merge_grid(request, &name, merge);
            self.merge_leaves(request, &name, merge);
            self.merge_alerts(request, &name, merge);
            self.merge_told(request, &name, merge);
            let merged = self.merge_joined(request, &name, merge);
            let is_empty = self.group(&name).is_some_and(|g| g.members().len() == 0);
            // One in flight goes when its flush ends.
            if is_empty && !self.shard(name.shard()).in_flight.contains_key(&name) {
                self.delete(request, &name);
            }
            Ok(merged)
        });
        answers.collect()
    }

    /// Who was away went on with the ticks: coming back makes nothing due (protocol.md §9).
    fn merge_grid(&mut self, request: &Request, name: &GroupName, merge: &Merge) {
        let shard = self.shard(name.shard());
        let is_in_flight = shard.in_flight.contains_key(name);
        let Some(entry) = shard.groups.get_mut(name).filter(|_| !is_in_flight) else {
            return;
        };
        let mut grid = entry.group.grid();
        if !merge.grid.has_ticked() || !grid.skip_to(merge.grid.next(), request.now) {
            return;
        }
        entry.group.set_grid(grid);
        shard.queue(name);
        self.tell_grid(request, name);
    }

    fn merge_alerts(&mut self, request: &Request, name: &GroupName, merge: &Merge) {
        let ignores_tombs = self.has(Hole::MergeIgnoresTombstones);
        let mut has_joined = false;
        for alert in &merge.alerts {
            let (fingerprint, updated_at) = (alert.fingerprint, alert.updated_at);
            let member = self
                .group(name)
                .and_then(|g| g.member(fingerprint).cloned());
            if member.is_some_and(|member| updated_at <= member.updated_at) {
                continue;
            }
            let shard = self.shard(name.shard());
            // An end that is owed moves back as it was; what fires is known newer than when it moved away.
            let moves_back = merge.is_move && alert.is_explicit_end();
            let is_buried = shard.is_buried(name, alert, request.now);
            if is_buried && !ignores_tombs && !moves_back {
                continue;
            }
            let is_new = !shard.groups.contains_key(name);
            let entry = shard.groups.entry(name.clone()).or_insert_with(|| Entry {
                group: Group::restored(Arc::clone(&merge.group), merge.grid),
                fence: 0,
                born: 0,
            });
            entry.group.restore_member(Arc::clone(alert));
            self.tell_alert(request, name, alert);
            if is_new {
                self.tell_grid(request, name);
            }
            has_joined = true;
        }
        let is_queued = !self.has(Hole::MergeWithoutTick);
        let shard = self.shard(name.shard());
        if has_joined && is_queued && !shard.due.contains_key(name) {
            shard.queue(name);
        }
    }

    fn merge_told(&mut self, request: &Request, name: &GroupName, merge: &Merge) {
        let replaces = self.has(Hole::MergeReplacesTold);
        for (integration, told) in &merge.told {
            let Some(group) = self.group(name) else {
                return;
            };
            let before = group.told().to_vec();
            if replaces {
                group.restore_told(integration, told.clone(), Timestamp::MAX);
            } else {
                group.merge_told(integration, told);
            }
            if group.told() != before {
                self.tell_told(request, name, integration);
            }
        }
    }

    fn merge_joined(&mut self, request: &Request, name: &GroupName, merge: &Merge) -> Merged {
        let overwrites = self.has(Hole::JoinOverwrites);
        let mut merged = Merged::Done;
        for joined in &merge.joined {
            let Some(group) = self.group(name) else {
                return merged;
            };
            let mut told = group.told().iter();
            let known = told.find(|(id, _)| *id == joined.integration);
            if known.map_or(0, |(_, told)| told.seq) != joined.over && !overwrites {
                merged = Merged::Overtaken;
                continue;
            }
            group.restore_told(&joined.integration, joined.told.clone(), Timestamp::MAX);
            self.tell_told(request, name, &joined.integration);
        }
        merged
    }

    fn merge_leaves(&mut self, request: &Request, name: &GroupName, merge: &Merge) {
        let kept = (request.now, self.timing.tombstone);
        let mut left = Vec::new();
        for leave in &merge.leaves {
            let fingerprint = leave.fingerprint;
            let shard = self.shard(name.shard());
            let group = shard.groups.get_mut(name).map(|entry| &mut entry.group);
            let member = group.and_then(|group| {
                let known = group.member(fingerprint)?.updated_at;
                Some((known, group))
            });
            let was_member = member.is_some();
            if let Some((known, group)) = member {
                if leave.updated_at < known {
                    continue;
                }
                group.remove(fingerprint);
                left.push(fingerprint);
            }
            shard.bury(name, fingerprint, (leave.updated_at, was_member), kept);
        }
        if left.is_empty() {
            return;
        }
        let event = Event::Left {
            group: name.clone(),
            alerts: left,
        };
        self.tell(request, name.shard(), event);
    }

    fn tell_alert(&mut self, request: &Request, name: &GroupName, alert: &Arc<Alert>) {
        let event = Event::Alert {
            group: name.clone(),
            alert: Arc::clone(alert),
        };
        self.tell(request, name.shard(), event);
    }

    /// Takes over the group_interval posts come with: a configuration may have changed it.
    fn follow_interval(&mut self, request: &Request, name: &GroupName, interval: Duration) {
        let Some(group) = self.group(name) else {
            return;
        };
        let grid = group.grid();
        if grid.interval() == interval {
            return;
        }
        let known = Grid::known(grid.first(), grid.next(), interval, grid.has_ticked());
        group.set_grid(known);
        self.tell_grid(request, name);
    }
}
