//! A flush: what is begun, accepted, taken back, and how it ends.

use std::time::Duration;

use domain::fingerprint::Fingerprint;
use domain::group::farewell::Farewell;
use domain::group::numbers::Numbers;
use domain::group::told::{Pending, Told, ToldMessage};
use domain::group::{Finished, LeaseLost};
use domain::id::IntegrationId;
use domain::time::Timestamp;

use super::hole::Hole;
use super::millis;
use super::server::{Request, Server};
use crate::Held;
use crate::coordinator::{Event, EventId, GroupName};

impl Server {
    pub(super) fn begin(
        &mut self,
        request: &Request,
        (name, fence): (&GroupName, u64),
        integration: &IntegrationId,
        message: &Pending,
        numbers: Numbers,
    ) -> Held<Told> {
        let counts_only = self.has(Hole::SeqFromCounterOnly);
        let now = if counts_only {
            Timestamp::from_unix_ms(0)
        } else {
            request.now
        };
        let is_held = self.is_held(request, name, fence);
        let shard = self.shard(name.shard());
        let floor = shard.floor;
        let Some(entry) = shard.groups.get_mut(name).filter(|_| is_held) else {
            return Err(LeaseLost);
        };
        let before = told_of(&entry.group, integration);
        let number = match counts_only {
            true => 0,
            false => numbers.next(before.seq.max(floor), millis(now)),
        };
        entry
            .group
            .begin_numbered(integration, fence, message.clone(), now, number)?;
        let told = told_of(&entry.group, integration);
        if let Some(flight) = shard.in_flight.get_mut(name) {
            flight.is_begun = true;
        }
        if told != before {
            self.tell_told(request, name, integration);
        }
        Ok(told)
    }

    pub(super) fn commit(
        &mut self,
        request: &Request,
        name: &GroupName,
        integration: &IntegrationId,
        message: &Pending,
        sent_at: Timestamp,
    ) -> Told {
        let needs_fence = self.has(Hole::CommitNeedsFence);
        let ignores_birth = self.has(Hole::CommitIgnoresBirth);
        let instance = &request.instance;
        let shard = self.shard(name.shard());
        let flight = shard.in_flight.get(name);
        let is_holder = flight.is_some_and(|flight| flight.instance == *instance);
        let Some(entry) = shard.groups.get_mut(name) else {
            let mut told = Told::default();
            told.accept(message, sent_at);
            return told;
        };
        let before = told_of(&entry.group, integration);
        let pending = before.pending.as_ref();
        let is_awaited = pending.is_some_and(|pending| pending.seq == message.seq);
        // Said by an earlier group of this name: it is no news of this one.
        let is_older = message.seq <= entry.born && !is_awaited && !ignores_birth;
        if is_older || (needs_fence && !is_holder) {
            return before;
        }
        let told = entry.group.commit(integration, message, sent_at).clone();
        if told != before {
            self.tell_told(request, name, integration);
        }
        told
    }

    pub(super) fn refuse(
        &mut self,
        request: &Request,
        name: &GroupName,
        integration: &IntegrationId,
        seq: u64,
    ) -> Told {
        let Some(group) = self.group(name) else {
            return Told::default();
        };
        let before = told_of(group, integration);
        let told = group.refuse(integration, seq).clone();
        if told != before {
            self.tell_told(request, name, integration);
        }
        told
    }

    pub(super) fn settle(
        &mut self,
        request: &Request,
        (name, fence): (&GroupName, u64),
        integration: &IntegrationId,
        seen: &Told,
        message: &ToldMessage,
    ) -> Held<Told> {
        let is_blind = self.has(Hole::SettleBlindly);
        let is_held = is_blind || self.is_held(request, name, fence);
        let now = request.now;
        let floor = self.shard(name.shard()).floor;
        let Some(group) = self.group(name).filter(|_| is_held) else {
            return Err(LeaseLost);
        };
        let before = told_of(group, integration);
        let number = Numbers::SHARED.next(before.seq.max(floor), millis(now));
        if is_blind {
            let settled = Told {
                seq: before.seq + 1,
                last: Some(message.clone()),
                pending: before.pending.clone(),
            };
            group.merge_told(integration, &settled);
        } else {
            group.settle_numbered(integration, fence, seen, message.clone(), now, number)?;
        }
        let told = told_of(group, integration);
        if told != before {
            self.tell_told(request, name, integration);
        }
        Ok(told)
    }

    pub(super) fn renew(
        &mut self,
        request: &Request,
        name: &GroupName,
        fence: u64,
    ) -> Held<EventId> {
        if !self.is_held(request, name, fence) {
            return Err(LeaseLost);
        }
        let (lease, now) = (self.timing.lease, request.now);
        let shard = self.shard(name.shard());
        if let Some(flight) = shard.in_flight.get_mut(name) {
            flight.until = now + lease;
        }
        let last = shard.ring.last();
        let group = self.group(name).ok_or(LeaseLost)?;
        group.renew(fence, now, lease)?;
        Ok(last)
    }

    pub(super) fn unclaim(
        &mut self,
        request: &Request,
        name: &GroupName,
        fence: u64,
        delay: Duration,
    ) {
        let shard = self.shard(name.shard());
        let flight = shard.in_flight.get(name);
        let Some(flight) = flight.filter(|flight| flight.fence == fence).cloned() else {
            return;
        };
        shard.in_flight.remove(name);
        if let Some(entry) = shard.groups.get_mut(name) {
            entry.group.release_lease();
        }
        shard.queue(name);
        if !flight.is_seized {
            // It stays due by its grid, and only its place in the queue waits.
            let due = shard.due.get_mut(name);
            due.into_iter().for_each(|at| *at = request.now + delay);
        }
    }

    pub(super) fn finish(
        &mut self,
        request: &Request,
        name: &GroupName,
        fence: u64,
        farewell: &Farewell,
    ) -> Held<Option<Timestamp>> {
        let (now, kept) = (request.now, self.timing.tombstone);
        let ignores_version = self.has(Hole::LeaveWithoutVersion);
        let shard = self.shard(name.shard());
        let flight = shard.in_flight.get(name);
        let flight = flight.filter(|flight| flight.fence == fence).cloned();
        let (Some(flight), Some(entry)) = (flight, shard.groups.get_mut(name)) else {
            return Err(LeaseLost);
        };
        let mut farewell = farewell.clone();
        if ignores_version {
            for leave in &mut farewell.leaves {
                let member = entry.group.member(leave.fingerprint);
                leave.updated_at = member.map_or(leave.updated_at, |member| member.updated_at);
            }
        }
        let grid = entry.group.grid();
        let mut left = farewell.leaves.clone();
        left.retain(|leave| entry.group.may_leave(leave));
        let is_retold = entry.group.is_retold(&farewell);
        left.retain(|leave| entry.group.member(leave.fingerprint).is_some());
        let finished = entry.group.let_go(fence, &farewell, now)?;
        if flight.is_seized {
            entry.group.set_grid(grid);
        }
        shard.in_flight.remove(name);
        for leave in &left {
            shard.bury(
                name,
                leave.fingerprint,
                (leave.updated_at, true),
                (now, kept),
            );
        }
        if !left.is_empty() {
            let event = Event::Left {
                group: name.clone(),
                alerts: left.iter().map(|leave| leave.fingerprint).collect(),
            };
            self.tell(request, name.shard(), event);
        }
        for (integration, _) in farewell.retold.iter().filter(|_| is_retold) {
            self.tell_told(request, name, integration);
        }
        if finished == Finished::Gone && self.unless_evicted(name.shard()).is_err() {
            // It did not end, it was lost.
            self.shard(name.shard()).epoch = None;
            return Err(LeaseLost);
        }
        if finished == Finished::Gone {
            self.delete(request, name);
            return Ok(None);
        }
        let shard = self.shard(name.shard());
        shard.queue(name);
        Ok(shard.due.get(name).copied())
    }

    pub(super) fn departed(
        &mut self,
        request: &Request,
        name: &GroupName,
        since: Timestamp,
        alerts: Vec<Fingerprint>,
    ) -> Vec<Fingerprint> {
        let times = (request.now, self.timing.tombstone);
        let shard = self.shard(name.shard());
        shard.departed(name, since, alerts, times)
    }

    /// Whether the claim with this fence is in force.
    fn is_held(&mut self, request: &Request, name: &GroupName, fence: u64) -> bool {
        let flight = self.shard(name.shard()).in_flight.get(name);
        flight.is_some_and(|flight| flight.fence == fence && request.now < flight.until)
    }
}

/// What an integration was told; nothing by default.
fn told_of(group: &domain::group::Group, integration: &IntegrationId) -> Told {
    let told = group.told().iter().find(|(id, _)| id == integration);
    told.map(|(_, told)| told.clone()).unwrap_or_default()
}
