//! What requests meet on their way to the server and back.

use std::time::Duration;

use async_trait::async_trait;

/// Decides the fate of each request.
#[async_trait]
pub trait Weather: Send + Sync {
    /// Answers once the instance may go on: one that is stopped or dead neither asks nor hears.
    async fn goes_on(&self) {}

    /// What this request of this instance meets; `request` is the name of the coordinator's method.
    fn meets(&self, instance: &str, request: &'static str) -> Fate;
}

/// The fate of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    /// How long it takes to get there; longer than [`super::PATIENCE`], and it is carried out after its sender gave up.
    pub there: Duration,
    /// How long its answer takes.
    pub back: Duration,
    /// How it ends.
    pub end: End,
    /// Which shards it reaches.
    pub reach: Reach,
}

/// How a request ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// It is carried out and answered.
    #[default]
    Answered,
    /// It never arrives.
    RequestLost,
    /// It is carried out, but its answer never arrives.
    ReplyLost,
    /// The server answers that it cannot work now.
    Refused,
    /// There is no connection.
    Unreachable,
}

/// The shards a request reaches before its connection breaks: those whose bit is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach(pub u16);

impl Reach {
    /// Every shard.
    pub const ALL: Self = Self(u16::MAX);

    /// Whether this shard is reached.
    pub fn includes(self, shard: usize) -> bool {
        self.0 >> (shard % 16) & 1 == 1
    }
}

impl Fate {
    /// Carried out and answered at once.
    pub const FINE: Self = Self {
        there: Duration::ZERO,
        back: Duration::ZERO,
        end: End::Answered,
        reach: Reach::ALL,
    };

    /// One that ends like this, at once.
    pub fn ending(end: End) -> Self {
        Self { end, ..Self::FINE }
    }
}

/// Weather in which nothing happens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Calm;

impl Weather for Calm {
    fn meets(&self, _: &str, _: &'static str) -> Fate {
        Fate::FINE
    }
}
