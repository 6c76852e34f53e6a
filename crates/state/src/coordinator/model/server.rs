//! What the server holds, and what every transition does with it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use domain::alert::{Alert, Grace};
use domain::fingerprint::Fingerprint;
use domain::group::Group;
use domain::id::{IntegrationId, TenantId};
use domain::limits;
use domain::time::Timestamp;
use runtime::timing::Timing;

use super::clock::ShardClock;
use super::feed::Ring;
use super::hole::Hole;
use super::presence::Presence;
use super::weather::Reach;
use crate::coordinator::{Epoch, Event, GroupName, RecordVersions, SharedGroup, SharedSilences};

/// Who asks, when, and what of it arrives.
pub(super) struct Request {
    /// The instance.
    pub(super) instance: Arc<str>,
    /// The forms of records it knows.
    pub(super) knows: RecordVersions,
    /// The server's own clock.
    pub(super) server_time: Timestamp,
    /// The shard clock.
    pub(super) now: Timestamp,
    /// When it was sent, by the shard clock.
    pub(super) sent: Timestamp,
    /// The shards that are reached.
    pub(super) reach: Reach,
}

/// Everything.
pub(super) struct Server {
    pub(super) data: Snapshot,
    pub(super) timing: Timing,
    pub(super) holes: BTreeSet<Hole>,
    /// How much it threw away since it started.
    pub(super) evicted: u64,
    /// Never lost: makes each epoch's name its own, as random numbers do in Redis.
    pub(super) epochs_made: u64,
    /// Raised by whatever others may want to hear of.
    pub(super) news: u64,
    /// By how many milliseconds its clock is wrong.
    pub(super) clock_off_ms: i64,
    feed_max: usize,
}

/// What can be lost.
#[derive(Clone)]
pub struct Snapshot {
    pub(super) shards: Vec<Shard>,
    pub(super) silences: HashMap<TenantId, SharedSilences>,
    pub(super) presence: Presence,
    pub(super) clock: ShardClock,
}

/// One shard.
#[derive(Clone, Default)]
pub(super) struct Shard {
    pub(super) groups: BTreeMap<GroupName, Entry>,
    /// When groups tick.
    pub(super) due: BTreeMap<GroupName, Timestamp>,
    /// Groups that are being flushed.
    pub(super) in_flight: BTreeMap<GroupName, InFlight>,
    /// Members that left, with the state they left in, and until when that is remembered.
    pub(super) tombs: HashMap<(GroupName, Fingerprint), Tomb>,
    pub(super) departures: Departures,
    pub(super) ring: Ring,
    pub(super) epoch: Option<Epoch>,
    /// Whether something was thrown away since the epoch began.
    pub(super) has_evicted: bool,
    pub(super) hold: Hold,
    pub(super) back: Return,
    pub(super) grace: Option<Grace>,
    pub(super) last_poll: Option<Timestamp>,
    /// When each instance polled last.
    pub(super) seen: HashMap<Arc<str>, Timestamp>,
    /// The nonce of each instance's last poll.
    pub(super) nonces: HashMap<Arc<str>, u64>,
    /// The newest form of records each instance knows.
    pub(super) newest: HashMap<Arc<str>, u32>,
    /// The form in which records are written, once an epoch began.
    pub(super) records: Option<u32>,
    /// The configuration each tenant's grids were restarted for last.
    pub(super) configs: HashMap<TenantId, String>,
    /// At least every number a deleted group used.
    pub(super) floor: u64,
}

/// Who left a group.
#[derive(Clone, Copy)]
pub(super) struct Tomb {
    /// In which state.
    state: Timestamp,
    left_at: Timestamp,
    /// How long that is remembered.
    until: Timestamp,
}

/// Whom tombstones name.
#[derive(Clone, Copy, Default)]
pub(super) struct Departures {
    /// Everybody who left after this, but for those who left longer ago than tombstones live; `None` before the first epoch.
    pub(super) known_since: Option<Timestamp>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Departures {
    pub(super) fn since(known_since: Timestamp) -> Self {
        Self {
            known_since: Some(known_since),
            ..Self::default()
        }
    }

    /// Who left up to then may be forgotten. `kept` is how long tombstones live, less what clocks may differ.
    fn forgotten_until(self, now: Timestamp, kept: Duration) -> Timestamp {
        let Some(known_since) = self.known_since else {
            return now;
        };
        match (self.first, self.last) {
            (Some(first), Some(last)) if first + kept <= now => {
                known_since.max(last.min(now - kept))
            }
            _ => known_since,
        }
    }
}

/// Whether claims wait after a loss.
#[derive(Clone, Copy, Default)]
pub(super) struct Hold {
    /// No claims before this.
    pub(super) until: Option<Timestamp>,
    /// No claims before an instance has merged in what it knows.
    pub(super) awaits_reseed: bool,
}

/// Whether claims wait until everybody who was out of reach is back.
#[derive(Clone, Default)]
pub(super) struct Return {
    /// No claims before this, unless nobody is awaited any more.
    pub(super) until: Option<Timestamp>,
    /// Who polled before nobody did.
    pub(super) awaited: BTreeSet<Arc<str>>,
}

/// A group.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) group: Group,
    /// The highest fence of its claims.
    pub(super) fence: u64,
    /// The number it was made at by a post; commits of lower numbers speak of another group of that name. Zero for one that
    /// was merged in.
    pub(super) born: u64,
}

/// A claim in force.
#[derive(Clone)]
pub(super) struct InFlight {
    pub(super) until: Timestamp,
    pub(super) fence: u64,
    pub(super) tick: Timestamp,
    pub(super) instance: Arc<str>,
    pub(super) nonce: Option<u64>,
    pub(super) claimed_at: Timestamp,
    pub(super) is_begun: bool,
    /// Claimed out of turn: its ticks are left alone.
    pub(super) is_seized: bool,
}

impl Server {
    pub(super) fn new(timing: Timing, feed_max: usize) -> Self {
        Self {
            data: Snapshot::empty(),
            timing,
            holes: BTreeSet::new(),
            evicted: 0,
            epochs_made: 0,
            news: 0,
            clock_off_ms: 0,
            feed_max,
        }
    }

    /// A request comes in: when it was really sent, and what the time really is.
    pub(super) fn hear(
        &self,
        (instance, knows): (Arc<str>, RecordVersions),
        (sent, at): (Timestamp, Timestamp),
        reach: Reach,
    ) -> Request {
        let server_time = at.moved_by_ms(self.clock_off_ms);
        let now = self.data.clock.at(server_time);
        Request {
            instance,
            knows,
            server_time,
            sent: now - at.since(sent),
            now,
            reach,
        }
    }

    pub(super) fn flush_all(&mut self) {
        self.data = Snapshot::empty();
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.data.clone()
    }

    pub(super) fn rollback(&mut self, snapshot: &Snapshot) {
        self.data = snapshot.clone();
    }

    pub(super) fn open(&mut self, hole: Hole) {
        self.holes.insert(hole);
    }

    pub(super) fn has(&self, hole: Hole) -> bool {
        self.holes.contains(&hole)
    }

    pub(super) fn trim_feed(&mut self, feed_max: usize) {
        self.feed_max = feed_max;
        let shards = self.data.shards.iter_mut();
        shards.for_each(|shard| shard.ring.trim(feed_max));
    }

    pub(super) fn shard(&mut self, index: usize) -> &mut Shard {
        &mut self.data.shards[index % limits::SHARDS]
    }

    pub(super) fn group(&mut self, name: &GroupName) -> Option<&mut Group> {
        let entry = self.shard(name.shard()).groups.get_mut(name);
        entry.map(|entry| &mut entry.group)
    }

    /// Adds to the feed of changes.
    pub(super) fn tell(&mut self, request: &Request, shard: usize, event: Event) {
        self.news += 1;
        let feed_max = self.feed_max;
        let ring = &mut self.shard(shard).ring;
        ring.push(request.now, Arc::clone(&request.instance), event);
        ring.trim(feed_max);
    }

    /// Adds what an integration was told to the feed.
    pub(super) fn tell_told(
        &mut self,
        request: &Request,
        name: &GroupName,
        integration: &IntegrationId,
    ) {
        let Some(group) = self.group(name) else {
            return;
        };
        let told = group.told().iter().find(|(id, _)| id == integration);
        if let Some((_, told)) = told.cloned() {
            let event = Event::Told {
                group: name.clone(),
                integration: integration.clone(),
                told: Arc::new(told),
            };
            self.tell(request, name.shard(), event);
        }
    }

    /// Adds a group's ticks to the feed.
    pub(super) fn tell_grid(&mut self, request: &Request, name: &GroupName) {
        if let Some(grid) = self.group(name).map(|group| group.grid()) {
            let event = Event::Grid {
                group: name.clone(),
                grid,
            };
            self.tell(request, name.shard(), event);
        }
    }

    /// Deletes a group; what it counted to is never used again.
    pub(super) fn delete(&mut self, request: &Request, name: &GroupName) {
        let shard = self.shard(name.shard());
        shard.due.remove(name);
        shard.in_flight.remove(name);
        let Some(entry) = shard.groups.remove(name) else {
            return;
        };
        let used = entry.group.told().iter().map(|(_, told)| told.seq).max();
        shard.floor = shard.floor.max(used.unwrap_or(0)).max(entry.fence);
        let event = Event::Gone {
            group: name.clone(),
        };
        self.tell(request, name.shard(), event);
    }
}

impl Snapshot {
    fn empty() -> Self {
        Self {
            shards: vec![Shard::default(); limits::SHARDS],
            silences: HashMap::new(),
            presence: Presence::default(),
            clock: ShardClock::default(),
        }
    }
}

impl Shard {
    /// When nobody polled for so long that everybody may have gone on alone, whoever polled before is awaited.
    pub(super) fn note_return(
        &mut self,
        instance: &Arc<str>,
        before: Option<Timestamp>,
        now: Timestamp,
        timing: &Timing,
    ) {
        let away = before.filter(|before| *before + timing.breaker_silence <= now);
        if let Some(before) = away {
            let seen = self.seen.iter();
            let others =
                seen.filter(|(id, seen)| *id != instance && before < **seen + timing.stall);
            let others: BTreeSet<_> = others.map(|(id, _)| Arc::clone(id)).collect();
            if !others.is_empty() {
                self.back = Return {
                    until: Some(now + timing.hold_after_outage),
                    awaited: others,
                };
            }
        } else {
            self.back.awaited.remove(instance);
            if self.back.awaited.is_empty() {
                self.back.until = None;
            }
        }
    }

    /// Queues a group at its next tick, unless it is being flushed.
    pub(super) fn queue(&mut self, name: &GroupName) {
        if self.in_flight.contains_key(name) {
            return;
        }
        if let Some(entry) = self.groups.get(name) {
            self.due.insert(name.clone(), entry.group.grid().next());
        }
    }

    /// Remembers that a member left in this state.
    pub(super) fn bury(
        &mut self,
        name: &GroupName,
        fingerprint: Fingerprint,
        (updated_at, was_member): (Timestamp, bool),
        (now, kept): (Timestamp, Duration),
    ) {
        self.tombs.retain(|_, tomb| now < tomb.until);
        let known = self.tombs.entry((name.clone(), fingerprint));
        let tomb = known.or_insert(Tomb {
            state: updated_at,
            left_at: now,
            until: now,
        });
        // Who says again what is known says nothing of when that was.
        if was_member || tomb.state < updated_at {
            tomb.left_at = now;
        }
        tomb.state = tomb.state.max(updated_at);
        tomb.until = now + kept;
        self.departures.first.get_or_insert(now);
        self.departures.last = Some(now);
    }

    /// Which of these may have left after an instant.
    pub(super) fn departed(
        &self,
        name: &GroupName,
        since: Timestamp,
        mut alerts: Vec<Fingerprint>,
        (now, kept): (Timestamp, Duration),
    ) -> Vec<Fingerprint> {
        let is_known = self.departures.forgotten_until(now, kept - kept / 10) < since;
        let has_left = |fingerprint: &Fingerprint| {
            let tomb = self.tombs.get(&(name.clone(), *fingerprint));
            tomb.is_some_and(|tomb| now < tomb.until)
        };
        alerts.retain(|fingerprint| !is_known || has_left(fingerprint));
        alerts
    }

    /// Who left in this state or a later one, or at this time or later, and in which state.
    pub(super) fn left_since(
        &self,
        name: &GroupName,
        state: Timestamp,
        at: Timestamp,
        now: Timestamp,
    ) -> Vec<(Fingerprint, Timestamp)> {
        let tombs = self.tombs.iter();
        let left = tombs.filter(|((group, _), tomb)| {
            let is_asked_for = state <= tomb.state || at <= tomb.left_at;
            group == name && is_asked_for && now < tomb.until
        });
        let left = left.map(|((_, fingerprint), tomb)| (*fingerprint, tomb.state));
        left.collect()
    }

    /// Whether a member left in this state or a later one.
    pub(super) fn is_buried(&self, name: &GroupName, alert: &Alert, now: Timestamp) -> bool {
        let tomb = self.tombs.get(&(name.clone(), alert.fingerprint));
        tomb.is_some_and(|tomb| now < tomb.until && alert.is_covered_by(tomb.state))
    }
}

/// A group as it is handed out.
pub(super) fn shared(name: &GroupName, group: &Group) -> SharedGroup {
    SharedGroup {
        name: name.clone(),
        lineage: group.identity().lineage(),
        grid: group.grid(),
        members: group.members().cloned().collect(),
        told: group.told().to_vec(),
    }
}
