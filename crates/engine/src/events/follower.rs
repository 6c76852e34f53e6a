//! Somebody who follows a tenant's changes: from now on, or from where it left.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::silence::Silence;
use state::coordinator::EventId;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::ring::{BATCH_MAX, Cursor, Found, Missed};
use super::{Event, Position, Reset, group_of};
use crate::{Engine, Tenant};

/// Most changes of a feed handed out in one go, or a few more: they are written out together.
const PIECE_MAX: usize = 1_000;

/// Pause before a feed that could not be read is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Somebody who follows a tenant's changes.
pub struct Follower {
    engine: Arc<Engine>,
    tenant: Arc<Tenant>,
    stand: Stand,
    news: watch::Receiver<()>,
    _seat: OwnedSemaphorePermit,
}

/// How a follower stands.
enum Stand {
    /// What comes next for it is kept here, or comes yet.
    Here(Cursor),
    /// It left at a position before what is kept here.
    Behind(Behind),
    /// It has to begin anew, and was not told yet.
    Lost(Reset),
}

/// How far a follower has come that is behind.
#[derive(Clone)]
struct Behind {
    position: Position,
    /// The numbers in use when it came: should others take their place, it has to begin anew as everybody.
    era: u64,
    /// Silences it is still to be told of, before it has reached this version.
    silences: VecDeque<Arc<Silence>>,
    version: u64,
}

/// What a follower is told.
#[derive(Debug)]
pub enum Followed {
    /// Changes in order, each with the position that includes it.
    Events(Vec<(Position, Event)>),
    /// Changes may be missing: read everything anew, and go on from here.
    Reset(Reset, Position),
    /// The server stops.
    Closed,
}

impl Follower {
    /// How far it has come, also past changes of others; `None` before it is told to begin anew.
    pub fn position(&self) -> Option<&Position> {
        match &self.stand {
            Stand::Here(cursor) => Some(&cursor.position),
            Stand::Behind(behind) => Some(&behind.position),
            Stand::Lost(_) => None,
        }
    }

    /// Whose changes it follows.
    pub fn tenant(&self) -> &Arc<Tenant> {
        &self.tenant
    }

    /// Waits for what comes next; may be given up and asked again.
    pub async fn next(&mut self) -> Followed {
        let engine = Arc::clone(&self.engine);
        loop {
            engine.turn_events();
            self.news.mark_unchanged();
            if engine.events.is_closed.load(Ordering::Acquire) {
                return Followed::Closed;
            }
            let followed = match &mut self.stand {
                Stand::Here(cursor) => match engine.look(&self.tenant, cursor) {
                    Ok(Some(events)) => Some(Followed::Events(events)),
                    Ok(None) if self.news.changed().await.is_err() => return Followed::Closed,
                    Ok(None) => None,
                    Err(reset) => {
                        self.stand = Stand::Lost(reset);
                        None
                    }
                },
                Stand::Behind(behind) => {
                    let behind = behind.clone();
                    self.catch_up(&engine, behind).await
                }
                Stand::Lost(reset) => {
                    let reset = *reset;
                    Some(self.begin_anew(&engine, reset))
                }
            };
            if let Some(followed) = followed {
                return followed;
            }
        }
    }

    fn begin_anew(&mut self, engine: &Engine, reset: Reset) -> Followed {
        let cursor = engine.cursor_now(&self.tenant);
        let position = cursor.position.clone();
        self.stand = Stand::Here(cursor);
        Followed::Reset(reset, position)
    }

    /// Comes nearer to what is kept here; `None` when there is nothing to tell of the way.
    async fn catch_up(&mut self, engine: &Engine, mut behind: Behind) -> Option<Followed> {
        if !behind.silences.is_empty() {
            let events = behind.next_silences();
            self.stand = Stand::Behind(behind);
            return Some(Followed::Events(events));
        }
        // Read before the place in the ring and before the silences: what comes in between is seen twice rather than not at all.
        let known_silences = engine.state.silence_version(self.tenant.id());
        let missed = match engine.resume(&self.tenant, &behind) {
            Ok(cursor) => {
                self.stand = Stand::Here(cursor);
                return None;
            }
            Err(missed) => missed,
        };
        let events = match missed {
            Missed::All(reset) => Err(reset),
            Missed::Silences { floor } => {
                // Which of them are news is not kept.
                behind.silences = self.tenant.silences().into();
                behind.version = known_silences.max(floor);
                Ok(behind.next_silences())
            }
            Missed::Changes { shard, after } => {
                self.changes(engine, &mut behind.position, shard, after)
                    .await
            }
        };
        match events {
            Ok(events) => {
                self.stand = Stand::Behind(behind);
                (!events.is_empty()).then_some(Followed::Events(events))
            }
            Err(reset) => {
                self.stand = Stand::Lost(reset);
                None
            }
        }
    }

    /// A piece of a shard's feed; nothing while that does not answer.
    async fn changes(
        &self,
        engine: &Engine,
        position: &mut Position,
        shard: usize,
        after: EventId,
    ) -> Result<Vec<(Position, Event)>, Reset> {
        let feed = {
            let _one_at_a_time = engine.events.reading.lock().await;
            engine.state.changes(shard, after).await
        };
        let Ok(feed) = feed else {
            tokio::time::sleep(RETRY_PAUSE).await;
            return Ok(Vec::new());
        };
        if feed.is_lost || (feed.changes.is_empty() && !feed.is_broken) {
            return Err(Reset::Unknown);
        }
        if feed.is_broken {
            return Err(Reset::Trimmed);
        }
        let mut events = Vec::new();
        for change in feed.changes {
            if events.len() >= PIECE_MAX {
                // The rest is read again.
                break;
            }
            let is_own = group_of(&change.event).tenant == *self.tenant.id();
            if change.is_last {
                position.pass(shard, change.id);
            }
            if is_own {
                events.push((position.clone(), Event::Group(change.event)));
            }
        }
        Ok(events)
    }
}

impl Behind {
    /// The next silences, the last of all with the version.
    fn next_silences(&mut self) -> Vec<(Position, Event)> {
        let count = self.silences.len().min(BATCH_MAX);
        let mut events = Vec::with_capacity(count);
        for silence in self.silences.drain(..count) {
            events.push((self.position.clone(), Event::Silence(silence)));
        }
        if self.silences.is_empty() {
            self.position.reach_silences(self.version);
            if let Some((last, _)) = events.last_mut() {
                *last = self.position.clone();
            }
        }
        events
    }
}

impl Position {
    fn reach_silences(&mut self, version: u64) {
        if let Self::Shared { silences, .. } = self {
            *silences = version;
        }
    }

    fn pass(&mut self, shard: usize, id: EventId) {
        if let Self::Shared { streams, .. } = self
            && let Some(seen) = streams.get_mut(shard)
        {
            *seen = id;
        }
    }
}

impl Engine {
    /// Follows a tenant's changes, from now on or from where somebody left; `Err` is a position that cannot be read.
    /// `None` when too many follow already.
    pub fn follow(
        self: &Arc<Self>,
        tenant: Arc<Tenant>,
        after: Option<Result<Position, Reset>>,
    ) -> Option<Follower> {
        let seat = Arc::clone(&self.events.followers)
            .try_acquire_owned()
            .ok()?;
        self.turn_events();
        let news = self.events.news.subscribe();
        let stand = match after {
            None => Stand::Here(self.cursor_now(&tenant)),
            Some(Err(reset)) => Stand::Lost(reset),
            Some(Ok(position)) => Stand::Behind(Behind {
                position,
                era: self.events.ring().era().number,
                silences: VecDeque::new(),
                version: 0,
            }),
        };
        Some(Follower {
            engine: Arc::clone(self),
            tenant,
            stand,
            news,
            _seat: seat,
        })
    }

    fn cursor_now(&self, tenant: &Tenant) -> Cursor {
        // Read before the place in the ring: what comes in between is seen twice rather than not at all.
        let silences = self.state.silence_version(tenant.id());
        self.events.ring().now(silences)
    }

    fn resume(&self, tenant: &Tenant, behind: &Behind) -> Result<Cursor, Missed> {
        let now_ms = u64::try_from(self.clock.now().unix_ms()).unwrap_or(0);
        let ring = self.events.ring();
        if let Some(reset) = ring.ended(behind.era) {
            return Err(Missed::All(reset));
        }
        ring.resume(tenant.id(), behind.position.clone(), now_ms)
    }

    /// What there is now for a follower; `None` when there is nothing, `Err` when it has to begin anew.
    fn look(
        &self,
        tenant: &Tenant,
        cursor: &mut Cursor,
    ) -> Result<Option<Vec<(Position, Event)>>, Reset> {
        loop {
            let ring = self.events.ring();
            match ring.read(tenant.id(), cursor) {
                Found::Lost(reset) => return Err(reset),
                Found::Events(events) if !events.is_empty() => return Ok(Some(events)),
                Found::Events(_) if ring.is_at_end(cursor) => return Ok(None),
                // Many changes of others: let go of the ring before looking on.
                Found::Events(_) => {}
            }
        }
    }
}
