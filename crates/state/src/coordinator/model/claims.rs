//! Claims: who flushes which group, and how they are taken back.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use domain::alert::Grace;
use domain::group::LeaseLost;
use domain::group::grid::Grid;
use domain::group::severity::Severity;
use domain::id::TenantId;
use domain::limits;
use domain::time::Timestamp;

use super::hole::Hole;
use super::millis;
use super::server::{InFlight, Request, Server};
use crate::Held;
use crate::coordinator::{
    Claimed, CoordinatorError, Epoch, GroupName, PollAsk, ShardClaims, ShardPoll,
};

/// While claims are held nobody needs to ask more often.
const HOLD_PAUSE: Duration = Duration::from_millis(250);

/// A group that is due: how severe, since when, which.
type Due = (Severity, Timestamp, GroupName);

impl Server {
    pub(super) fn poll(
        &mut self,
        request: &Request,
        ask: &PollAsk,
    ) -> Vec<Result<ShardPoll, CoordinatorError>> {
        self.data.clock.note_poll(request.server_time);
        let mut shards: Vec<_> = (0..limits::SHARDS)
            .map(|index| self.look(request, ask, index))
            .collect();
        let mut due: Vec<Due> = Vec::new();
        let mut left_until: BTreeMap<usize, Timestamp> = BTreeMap::new();
        for (index, answer) in shards.iter().enumerate() {
            if matches!(answer, Ok(ShardPoll::Well(_))) && self.may_claim(request, ask, index) {
                let (ours, left) = self.due_now(request, index);
                due.extend(ours);
                left_until.extend(left.map(|until| (index, until)));
            }
        }
        let count = |answer: &Result<ShardPoll, _>| match answer {
            Ok(ShardPoll::Well(claims)) => claims.claims.len(),
            _ => 0,
        };
        let given: usize = shards.iter().map(count).sum();
        let takes_turns = !self.has(Hole::NoTurns);
        let order = in_turn(due, takes_turns);
        for name in order.iter().take(ask.limit.saturating_sub(given)) {
            let claimed = self.claim(request, name, Some(ask.nonce));
            if let (Some(claimed), Ok(ShardPoll::Well(well))) = (claimed, &mut shards[name.shard()])
            {
                well.claims.push(claimed);
            }
        }
        for (index, answer) in shards.iter_mut().enumerate() {
            if let Ok(ShardPoll::Well(well)) = answer {
                let shard = self.shard(index);
                shard
                    .nonces
                    .insert(Arc::clone(&request.instance), ask.nonce);
                well.last_event = shard.ring.last();
                let mut next_due = shard.due.values().min().copied();
                if let Some(left) = left_until.get(&index) {
                    let later = shard.due.values().filter(|at| **at > request.now);
                    next_due = later.min().copied().into_iter().chain([*left]).min();
                }
                let is_back = shard.back.until.is_none_or(|until| until <= request.now);
                let pause = (!is_back).then(|| request.now + HOLD_PAUSE);
                well.next_due = next_due.max(shard.hold.until).max(pause);
                well.next_due = well.next_due.filter(|_| !shard.due.is_empty());
            }
        }
        shards
    }

    /// Everything about a shard but new claims: whether it is the one the instance knows, lapsed leases, and the claims a
    /// lost reply has told of.
    fn look(
        &mut self,
        request: &Request,
        ask: &PollAsk,
        index: usize,
    ) -> Result<ShardPoll, CoordinatorError> {
        self.admit(request, index)?;
        let notices = !self.has(Hole::LossUnnoticed);
        let shard = self.shard(index);
        let seen = ask.seen.get(index).copied().unwrap_or_default();
        let known = ask.epochs.get(index).cloned().flatten();
        let is_other = known != shard.epoch || shard.epoch.is_none();
        if is_other && !notices && shard.epoch.is_none() {
            shard.epoch = known.clone();
        }
        let is_strange = is_other || shard.ring.has_lost(seen);
        if is_strange && (notices || known.is_none()) {
            let epoch = shard.epoch.clone();
            return Ok(ShardPoll::Strange { epoch });
        }
        let grace = self.note_poll(request, index);
        self.note_records(request, index);
        self.take_back(request, index);
        let claims = self.given_before(request, ask, index);
        Ok(ShardPoll::Well(ShardClaims {
            now: request.now,
            last_event: self.shard(index).ring.last(),
            next_due: None,
            grace,
            records: self.written(index).unwrap_or_default(),
            claims,
        }))
    }

    /// Notes a sign of life; after a time without any, or without one of an instance, ends by time-out wait: its senders may
    /// not have been heard.
    fn note_poll(&mut self, request: &Request, index: usize) -> Grace {
        let (timing, now) = (self.timing, request.now);
        let gives_grace = !self.has(Hole::NoGrace);
        let shard = self.shard(index);
        let before = shard.last_poll.replace(now);
        shard.note_return(&request.instance, before, now, &timing);
        let others = shard.seen.iter().filter(|(id, _)| **id != request.instance);
        let fell_silent = others.into_iter().any(|(_, seen)| {
            let silent_at = *seen + timing.stall;
            before.is_some_and(|before| before < silent_at) && silent_at <= now
        });
        shard.seen.insert(Arc::clone(&request.instance), now);
        let is_stall = before.is_none_or(|before| now.since(before) >= timing.stall);
        if gives_grace && (is_stall || fell_silent) {
            shard.grace = Some(Grace {
                since: now,
                until: now + timing.grace,
            });
        }
        shard.grace.unwrap_or(Grace::NONE)
    }

    /// Takes back leases that lapsed, and claims nobody began while their instance showed no sign.
    fn take_back(&mut self, request: &Request, index: usize) {
        if self.has(Hole::LeasesNeverLapse) {
            return;
        }
        let (patience, now) = (self.timing.unbegun_claim, request.now);
        let shard = self.shard(index);
        let is_lost = |flight: &InFlight| {
            let seen = shard.seen.get(&flight.instance).copied();
            let sign = seen.unwrap_or(flight.claimed_at).max(flight.claimed_at);
            flight.until <= now || (!flight.is_begun && now.since(sign) >= patience)
        };
        let flights = shard.in_flight.iter();
        let lost = flights.filter(|(_, flight)| is_lost(flight));
        let lost: Vec<_> = lost.map(|(name, _)| name.clone()).collect();
        for name in lost {
            shard.in_flight.remove(&name);
            if let Some(entry) = shard.groups.get_mut(&name) {
                entry.group.release_lease();
            }
            shard.queue(&name);
        }
    }

    /// What this instance was given by the same poll before.
    fn given_before(&mut self, request: &Request, ask: &PollAsk, index: usize) -> Vec<Claimed> {
        if self.has(Hole::PollWithoutNonce) {
            return Vec::new();
        }
        let shard = self.shard(index);
        let flights = shard.in_flight.iter();
        let given = flights.filter(|(_, flight)| {
            flight.instance == request.instance
                && flight.nonce == Some(ask.nonce)
                && !flight.is_begun
        });
        let claimed = given.filter_map(|(name, flight)| {
            let entry = shard.groups.get(name)?;
            Some(Claimed {
                group: name.clone(),
                fence: flight.fence,
                tick: flight.tick,
                members: entry.group.members().len(),
            })
        });
        claimed.collect()
    }

    /// Whether new claims may be made in a shard: not by a poll that was answered before, not while it recovers.
    fn may_claim(&mut self, request: &Request, ask: &PollAsk, index: usize) -> bool {
        let shard = self.shard(index);
        let is_repeat = shard.nonces.get(&request.instance) == Some(&ask.nonce);
        !is_repeat && !self.is_on_hold(request, index)
    }

    fn is_on_hold(&mut self, request: &Request, index: usize) -> bool {
        let hold = self.shard(index).hold;
        let epoch = self.shard(index).epoch.as_ref();
        // That somebody has merged in what it knows may have been lost: nobody waits for ever.
        let span = hold.until.zip(epoch.and_then(Epoch::began_at));
        let awaited_until = span.map(|(until, began)| until + until.since(began));
        let awaits_reseed =
            hold.awaits_reseed && awaited_until.is_some_and(|until| request.now < until);
        let is_away = self.shard(index).back.until;
        let is_away = is_away.is_some_and(|until| request.now < until);
        let waits = is_away && !self.has(Hole::NoHoldAfterOutage);
        waits || awaits_reseed || hold.until.is_some_and(|until| request.now < until)
    }

    /// What is due and not left to somebody else for the moment, and until when something is.
    fn due_now(&mut self, request: &Request, index: usize) -> (Vec<Due>, Option<Timestamp>) {
        let (patience, courtesy) = (self.timing.unbegun_claim, self.timing.courtesy);
        let claims_twice = self.has(Hole::SecondClaim);
        let shard = self.shard(index);
        let waiting = shard.due.iter();
        let due = waiting.filter(|(_, at)| **at <= request.now);
        let mut names: Vec<_> = due.map(|(name, _)| name.clone()).collect();
        if claims_twice {
            names.extend(shard.in_flight.keys().cloned());
        }
        let seen = shard.seen.iter();
        let living = seen.filter(|(_, seen)| request.now < **seen + patience);
        let living: BTreeSet<&Arc<str>> = living.map(|(id, _)| id).collect();
        let living: Vec<&Arc<str>> = living.into_iter().collect();
        let (mut due, mut left_until) = (Vec::new(), None::<Timestamp>);
        for name in names {
            let Some(group) = shard.groups.get(&name).map(|entry| &entry.group) else {
                continue;
            };
            let until = group.grid().next() + courtesy;
            let is_ours = living.len() < 2
                || until <= request.now
                || *living[turn(&name, group.grid(), living.len())] == request.instance;
            if is_ours {
                due.push((group.severity(), group.grid().next(), name));
            } else {
                left_until = left_until.into_iter().chain([until]).min();
            }
        }
        (due, left_until)
    }

    /// Claims a group for whoever asks.
    fn claim(
        &mut self,
        request: &Request,
        name: &GroupName,
        nonce: Option<u64>,
    ) -> Option<Claimed> {
        let (lease, now) = (self.timing.lease, request.now);
        let is_seized = nonce.is_none();
        let shard = self.shard(name.shard());
        let floor = shard.floor;
        let entry = shard.groups.get_mut(name)?;
        let group = &mut entry.group;
        let mut grid = group.grid();
        let is_first = !is_seized && !grid.has_ticked();
        let tick = if is_seized { now } else { grid.take_tick(now) };
        group.set_grid(grid);
        // Higher than every claim of this name, also of one that was deleted, and of one that was lost.
        let fence = (entry.fence + 1).max(floor + 1).max(millis(now));
        entry.fence = fence;
        let _ = group.claim_as(fence, tick, now, lease, Grace::NONE);
        let members = group.members().len();
        shard.due.remove(name);
        let flight = InFlight {
            until: now + lease,
            fence,
            tick,
            instance: Arc::clone(&request.instance),
            nonce,
            claimed_at: now,
            is_begun: false,
            is_seized,
        };
        shard.in_flight.insert(name.clone(), flight);
        if is_first {
            self.tell_grid(request, name);
        }
        Some(Claimed {
            group: name.clone(),
            fence,
            tick,
            members,
        })
    }

    pub(super) fn seize(
        &mut self,
        request: &Request,
        name: &GroupName,
    ) -> Result<Option<Held<Claimed>>, CoordinatorError> {
        self.admit(request, name.shard())?;
        if self.group(name).is_none() {
            return Ok(None);
        }
        if self.is_on_hold(request, name.shard()) {
            return Ok(Some(Err(LeaseLost)));
        }
        let lease = self.timing.lease;
        let flight = self.shard(name.shard()).in_flight.get_mut(name);
        let Some(flight) = flight.filter(|flight| request.now < flight.until) else {
            // One that has not polled yet lives all the same.
            let (id, shard) = (&request.instance, self.shard(name.shard()));
            shard.seen.entry(Arc::clone(id)).or_insert(request.now);
            shard.newest.insert(Arc::clone(id), request.knows.newest);
            return Ok(self.claim(request, name, None).map(Ok));
        };
        if flight.instance != request.instance || !flight.is_seized || flight.is_begun {
            return Ok(Some(Err(LeaseLost)));
        }
        flight.until = request.now + lease;
        let fence = flight.fence;
        let group = self.group(name);
        Ok(group.map(|group| {
            let _ = group.renew(fence, request.now, lease);
            Ok(Claimed {
                group: name.clone(),
                fence,
                tick: request.now,
                members: group.members().len(),
            })
        }))
    }
}

/// Whose turn a group is: another one's at each of its ticks.
fn turn(name: &GroupName, grid: Grid, living: usize) -> usize {
    let key = name.key.to_string();
    let mixed = key.get(key.len().saturating_sub(8)..).unwrap_or_default();
    let mixed = u64::from_str_radix(mixed, 16).unwrap_or_default();
    let ticks = millis(grid.next()) / millis(Timestamp::from_unix_ms(0) + grid.interval()).max(1);
    usize::try_from((mixed + ticks) % u64::try_from(living).unwrap_or(1)).unwrap_or_default()
}

/// The more severe first, then the longer due, tenants taking turns.
fn in_turn(mut due: Vec<Due>, takes_turns: bool) -> Vec<GroupName> {
    if !takes_turns {
        due.sort_by(|a, b| (a.1, &a.2).cmp(&(b.1, &b.2)));
        return due.into_iter().map(|(_, _, name)| name).collect();
    }
    due.sort_by(|a, b| (Reverse(a.0), a.1, &a.2).cmp(&(Reverse(b.0), b.1, &b.2)));
    let mut ordered = Vec::with_capacity(due.len());
    for class in due.chunk_by(|a, b| a.0 == b.0) {
        let mut queues: BTreeMap<&TenantId, VecDeque<&GroupName>> = BTreeMap::new();
        for (_, _, name) in class {
            queues.entry(&name.tenant).or_default().push_back(name);
        }
        while !queues.is_empty() {
            queues.retain(|_, queue| {
                ordered.extend(queue.pop_front().cloned());
                !queue.is_empty()
            });
        }
    }
    ordered
}
