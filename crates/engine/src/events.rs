//! The latest changes of every tenant, for those who follow them live (M22).
//!
//! Where state is shared they come from the feeds of the shards, in whose numbers a position is the same on every
//! instance. Where this instance is alone they are its own, under numbers of its own. Whoever follows is told to begin
//! anew ([`Reset`]) when the one takes the place of the other, or when what comes next is not kept any more. The latest
//! are kept here; who left before them, at another instance or before this one was started, reads on in the feeds.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::fingerprint::Fingerprint;
use domain::group::grid::Grid;
use domain::id::{GroupKey, TenantId};
use domain::limits::SHARDS;
use domain::silence::Silence;
pub use state::coordinator::Event as GroupEvent;
pub use state::coordinator::EventId as Place;
use state::coordinator::{Change, Epoch, EventId, GroupName};
use state::{Ingested, Mode, OwedRecord};
use store::journal::Record;
use tokio::sync::{Semaphore, watch};

use crate::{Engine, Tenant};

mod follower;
mod ring;

pub use follower::{Followed, Follower};
use ring::{Era, Origin, Ring};

/// Changes that are kept, of all tenants together: they share what the mirror holds, so they are a few megabytes.
const KEPT_MAX: usize = 20_000;

/// Followers at a time: each is a connection.
const FOLLOWERS_MAX: usize = 1_000;

/// A change of a tenant.
#[derive(Clone, Debug)]
pub enum Event {
    /// Of a group or its members.
    Group(GroupEvent),
    /// A silence was made, changed or ended.
    Silence(Arc<Silence>),
}

/// A place in the changes of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// Where state is shared: the last change of each shard's feed, and the version of the tenant's silences.
    Shared {
        /// Tells one life of the shared data from others: after a loss the same places mean something else.
        data: u64,
        /// By shard.
        streams: Box<[EventId; SHARDS]>,
        /// The version.
        silences: u64,
    },
    /// Where this instance is alone.
    Here {
        /// Tells its numbers from those of other instances and other times.
        era: u64,
        /// How many changes came before.
        number: u64,
    },
}

/// Why a follower has to begin anew: it may have missed changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// What comes next was too long ago.
    Trimmed,
    /// Nobody here knows the position.
    Unknown,
    /// It read too slowly.
    Slow,
    /// State began or ceased to be shared.
    Turned,
    /// Shared state lost changes.
    Lost,
    /// A configuration was put in force.
    Reconfigured,
}

impl Reset {
    /// One word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trimmed => "trimmed",
            Self::Unknown => "unknown",
            Self::Slow => "slow",
            Self::Turned => "mode",
            Self::Lost => "lost",
            Self::Reconfigured => "configuration",
        }
    }
}

/// The changes and who follows them.
pub(crate) struct Events {
    ring: Mutex<Ring>,
    /// Raised by every change.
    news: watch::Sender<()>,
    followers: Arc<Semaphore>,
    /// Held by the follower who reads in the feeds: one at a time, since each read costs the shared home something.
    reading: tokio::sync::Mutex<()>,
    is_closed: AtomicBool,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            ring: Mutex::new(Ring::new(KEPT_MAX)),
            news: watch::Sender::new(()),
            followers: Arc::new(Semaphore::new(FOLLOWERS_MAX)),
            reading: tokio::sync::Mutex::default(),
            is_closed: AtomicBool::new(false),
        }
    }
}

impl Events {
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, events: impl IntoIterator<Item = (TenantId, Origin, Event)>) {
        let mut ring = self.ring();
        for (tenant, origin, event) in events {
            ring.push(tenant, origin, event);
        }
        drop(ring);
        self.news.send_replace(());
    }

    /// Lets every follower go, so that the server can stop.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.news.send_replace(());
    }
}

impl Engine {
    /// Begins a new era when state began or ceased to be shared; answers whether it is shared.
    pub(crate) fn turn_events(&self) -> bool {
        let is_shared = self.state.mode() == Mode::Coordinated;
        let era = self.events.ring().era();
        if era.is_shared != is_shared || era.number == 0 {
            self.restart_events(is_shared, Reset::Turned);
        }
        is_shared
    }

    fn restart_events(&self, is_shared: bool, reason: Reset) {
        let tenants = self.tenants();
        let silences = tenants.iter().map(|tenant| {
            let version = self.state.silence_version(tenant.id());
            (tenant.id().clone(), version)
        });
        let era = Era {
            // 0 is the era before the first.
            number: self.ids.nonce().max(1),
            is_shared,
        };
        self.events.ring().restart(era, reason, silences);
        self.events.news.send_replace(());
    }

    /// A configuration was put in force: groups may be others now.
    pub(crate) fn events_reconfigured(&self) {
        let is_shared = self.turn_events();
        self.restart_events(is_shared, Reset::Reconfigured);
    }

    /// Changes of a shard's feed are known here now.
    pub(crate) fn events_of_feed(&self, shard: usize, changes: &[Change]) {
        let is_shared = self.turn_events();
        // Alone in another part, this instance says itself what it does.
        let changes = changes.iter().filter(|change| is_shared || !change.is_ours);
        self.events.push(changes.map(|change| {
            let tenant = group_of(&change.event).tenant.clone();
            let origin = Origin::Feed {
                shard,
                id: change.id,
                is_last: change.is_last,
            };
            (tenant, origin, Event::Group(change.event.clone()))
        }));
    }

    /// A shard's data of this epoch is known up to here, whether or not every change was seen.
    pub(crate) fn events_skipped(&self, shard: usize, last: EventId, epoch: &Epoch) {
        let is_shared = self.turn_events();
        let is_torn = self.events.ring().skip_to(shard, last, epoch);
        if is_torn && is_shared {
            self.restart_events(is_shared, Reset::Lost);
        }
    }

    /// Silences were changed; `version` includes the change, and up to `known` all changes are known here.
    pub(crate) fn events_of_silences(
        &self,
        tenant: &TenantId,
        silences: &[Arc<Silence>],
        version: u64,
        known: u64,
    ) {
        let is_shared = self.turn_events();
        let events = silences.iter().enumerate().map(|(n, silence)| {
            let is_last = n + 1 == silences.len();
            let known = if is_last { known } else { 0 };
            let origin = match is_shared {
                true => Origin::Silences { version, known },
                false => Origin::Here,
            };
            let event = Event::Silence(Arc::clone(silence));
            (tenant.clone(), origin, event)
        });
        self.events.push(events);
    }

    /// This instance did something by itself; where state is shared the feed says so too.
    pub(crate) fn events_here(&self, events: impl IntoIterator<Item = GroupEvent>) {
        if self.turn_events() {
            return;
        }
        self.events.push(events.into_iter().map(|event| {
            let tenant = group_of(&event).tenant.clone();
            (tenant, Origin::Here, Event::Group(event))
        }));
    }

    /// Alerts were taken in: those that are new or known better, and the groups they made.
    pub(crate) fn events_of_ingest(&self, tenant: &Tenant, ingested: &[Ingested]) {
        let has_news = |i: &&Ingested| i.owed != OwedRecord::Nothing;
        if !ingested.iter().any(|i| has_news(&i)) || self.turn_events() {
            return;
        }
        let mut events = Vec::with_capacity(ingested.len());
        let mirror = tenant.mirror();
        for one in ingested.iter().filter(has_news) {
            let known = mirror.known(one.alert.fingerprint);
            for identity in known.iter().flat_map(|known| &known.groups) {
                let group = GroupName::of(identity);
                let made = one
                    .created
                    .iter()
                    .find(|(made, _)| made.key == identity.key);
                if let Some((_, first)) = made {
                    events.push(GroupEvent::Grid {
                        group: group.clone(),
                        grid: Grid::starting(*first, identity.group_interval),
                    });
                }
                events.push(GroupEvent::Alert {
                    group,
                    alert: Arc::clone(&one.alert),
                });
            }
        }
        drop(mirror);
        self.events_here(events);
    }

    /// What is recorded of a group was done.
    pub(crate) fn events_of_records(&self, records: &[Record]) {
        self.events_here(records.iter().filter_map(recorded));
    }

    /// Members that were over are members no more.
    pub(crate) fn events_of_leaving(
        &self,
        tenant: &TenantId,
        key: GroupKey,
        over: Vec<Fingerprint>,
    ) {
        if over.is_empty() || self.turn_events() {
            return;
        }
        let members = self.state.group(tenant, key).map(|group| group.members);
        let members = members.unwrap_or_default();
        let alerts: Vec<_> = over
            .into_iter()
            .filter(|fingerprint| !members.contains(fingerprint))
            .collect();
        if !alerts.is_empty() {
            let group = GroupName {
                tenant: tenant.clone(),
                key,
            };
            self.events_here([GroupEvent::Left { group, alerts }]);
        }
    }
}

fn group_of(event: &GroupEvent) -> &GroupName {
    match event {
        GroupEvent::Alert { group, .. }
        | GroupEvent::Left { group, .. }
        | GroupEvent::Told { group, .. }
        | GroupEvent::Grid { group, .. }
        | GroupEvent::Gone { group } => group,
    }
}

fn recorded(record: &Record) -> Option<GroupEvent> {
    let name = |tenant: &TenantId, key: GroupKey| GroupName {
        tenant: tenant.clone(),
        key,
    };
    match record {
        Record::Told {
            tenant,
            key,
            integration,
            told,
        } => Some(GroupEvent::Told {
            group: name(tenant, *key),
            integration: integration.clone(),
            told: Arc::clone(told),
        }),
        Record::GroupGone { tenant, key } => Some(GroupEvent::Gone {
            group: name(tenant, *key),
        }),
        _ => None,
    }
}
