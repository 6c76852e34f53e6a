//! What the feeder states, and what of it was acknowledged: the truth the oracle compares with.

use std::sync::Arc;
use std::time::{Duration, Instant};

/// A change of an alert as a sender states it.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    /// The alert's name.
    pub(crate) name: Arc<str>,
    /// Its group.
    pub(crate) group: Arc<str>,
    /// Whether it fires from now on.
    pub(crate) fires: bool,
    /// When the first POST that says so began.
    pub(crate) posted: Instant,
    /// When a POST that says so was acknowledged.
    pub(crate) acked: Option<Instant>,
}

/// One POST.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Post {
    /// When it began.
    pub(crate) at: Instant,
    /// How long it took.
    pub(crate) took: Duration,
    /// The status of the answer; `None` when there was none.
    pub(crate) status: Option<u16>,
    /// Which instance it went to.
    pub(crate) instance: usize,
}

/// Everything that was stated and posted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Truth {
    /// Changes, per alert in the order they were stated.
    pub(crate) statements: Vec<Statement>,
    /// POSTs in the order they ended.
    pub(crate) posts: Vec<Post>,
}

impl Truth {
    /// How long acknowledged POSTs took, shortest first.
    pub(crate) fn ingest_times(&self) -> Vec<Duration> {
        let acked = self.posts.iter().filter(|post| post.status == Some(200));
        let mut times: Vec<Duration> = acked.map(|post| post.took).collect();
        times.sort_unstable();
        times
    }
}

/// The value below which so many of a hundred sorted values lie.
pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(index).copied()
}
