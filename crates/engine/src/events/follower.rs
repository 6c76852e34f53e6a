//! Somebody who follows a tenant's changes: from now on, or from where it left.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use state::coordinator::EventId;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::ring::{Cursor, Found, Missed};
use super::{Event, Position, Reset, group_of};
use crate::{Engine, Tenant};

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
    Behind(Position),
    /// It has to begin anew, and was not told yet.
    Lost(Reset),
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
            Stand::Behind(position) => Some(position),
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
                Stand::Here(cursor) => {
                    let followed = engine.look(&self.tenant, cursor);
                    if followed.is_none() && self.news.changed().await.is_err() {
                        return Followed::Closed;
                    }
                    followed
                }
                Stand::Behind(position) => {
                    let position = position.clone();
                    self.catch_up(&engine, position).await
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
    async fn catch_up(&mut self, engine: &Engine, position: Position) -> Option<Followed> {
        // Read before the place in the ring and before the silences: what comes in between is seen twice rather than not at all.
        let known_silences = engine.state.silence_version(self.tenant.id());
        let events = match engine.resume(&self.tenant, &position) {
            Ok(cursor) => {
                self.stand = Stand::Here(cursor);
                return None;
            }
            Err(Missed::All(reset)) => Err(reset),
            Err(Missed::Silences) => Ok(self.all_silences(&position, known_silences)),
            Err(Missed::Changes { shard, after }) => {
                self.changes(engine, &position, shard, after).await
            }
        };
        match events {
            Ok((position, events)) => {
                self.stand = Stand::Behind(position);
                (!events.is_empty()).then_some(Followed::Events(events))
            }
            Err(reset) => {
                self.stand = Stand::Lost(reset);
                None
            }
        }
    }

    /// All silences as they are: which of them are news is not kept. The last one comes with the version.
    fn all_silences(&self, position: &Position, version: u64) -> Way {
        let after = position.with_silences(version);
        let silences = self.tenant.silences().into_iter();
        let mut events: Vec<_> = silences
            .map(|silence| (position.clone(), Event::Silence(silence)))
            .collect();
        if let Some((last, _)) = events.last_mut() {
            *last = after.clone();
        }
        (after, events)
    }

    /// A piece of a shard's feed.
    async fn changes(
        &self,
        engine: &Engine,
        position: &Position,
        shard: usize,
        after: EventId,
    ) -> Result<Way, Reset> {
        let _one_at_a_time = engine.events.reading.lock().await;
        let feed = engine.state.changes(shard, after).await;
        let feed = feed.map_err(|_| Reset::Unknown)?;
        if feed.is_lost || feed.is_broken {
            let was_there = !feed.is_lost;
            return Err(if was_there {
                Reset::Trimmed
            } else {
                Reset::Unknown
            });
        }
        if feed.changes.is_empty() {
            return Err(Reset::Unknown);
        }
        let mut position = position.clone();
        let mut events = Vec::new();
        for change in feed.changes {
            if change.is_last {
                position = position.with_stream(shard, change.id);
            }
            if group_of(&change.event).tenant == *self.tenant.id() {
                events.push((position.clone(), Event::Group(change.event)));
            }
        }
        Ok((position, events))
    }
}

/// What is told of a piece of the way to what is kept here, and the position after it.
type Way = (Position, Vec<(Position, Event)>);

impl Position {
    fn with_silences(&self, version: u64) -> Self {
        let mut after = self.clone();
        if let Self::Shared { silences, .. } = &mut after {
            *silences = version;
        }
        after
    }

    fn with_stream(&self, shard: usize, id: EventId) -> Self {
        let mut after = self.clone();
        if let Self::Shared { streams, .. } = &mut after
            && let Some(seen) = streams.get_mut(shard)
        {
            *seen = id;
        }
        after
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
            Some(Ok(position)) => match self.resume(&tenant, &position) {
                Ok(cursor) => Stand::Here(cursor),
                Err(Missed::All(reset)) => Stand::Lost(reset),
                Err(Missed::Silences | Missed::Changes { .. }) => Stand::Behind(position),
            },
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

    fn resume(&self, tenant: &Tenant, position: &Position) -> Result<Cursor, Missed> {
        let now_ms = u64::try_from(self.clock.now().unix_ms()).unwrap_or(0);
        let ring = self.events.ring();
        ring.resume(tenant.id(), position.clone(), now_ms)
    }

    /// What there is now for a follower; `None` when there is nothing.
    fn look(&self, tenant: &Tenant, cursor: &mut Cursor) -> Option<Followed> {
        let silences = self.state.silence_version(tenant.id());
        loop {
            let ring = self.events.ring();
            match ring.read(tenant.id(), cursor) {
                Found::Lost(reset) => {
                    *cursor = ring.now(silences);
                    return Some(Followed::Reset(reset, cursor.position.clone()));
                }
                Found::Events(events) if !events.is_empty() => {
                    return Some(Followed::Events(events));
                }
                Found::Events(_) if ring.is_at_end(cursor) => return None,
                // Many changes of others: let go of the ring before looking on.
                Found::Events(_) => {}
            }
        }
    }
}
