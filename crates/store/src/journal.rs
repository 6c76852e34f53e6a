//! The journal: everything the engine must find again after a crash, in the order it happened.
//!
//! The engine restates all living objects now and then ([`Journal::begin_compaction`]), after which the older part is
//! dropped. Replaying from the beginning and letting later records win gives the last acknowledged state.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use async_trait::async_trait;
use domain::alert::Alert;
use domain::fingerprint::Fingerprint;
use domain::group::heir::Lineage;
use domain::group::inherited::Inherited;
use domain::group::told::Told;
use domain::id::{GroupKey, IntegrationId, TenantId};
use domain::label::Interner;
use domain::silence::Silence;
use domain::time::Timestamp;
use tokio::sync::oneshot;

use crate::StoreError;

/// The journal asks for compaction once it holds twice what was left by the last one, plus this many bytes.
pub const COMPACTION_SLACK_BYTES: u64 = 8 * 1024 * 1024;

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Record {
    /// An alert as it now stands.
    Alert {
        /// Whose.
        tenant: TenantId,
        /// The alert.
        alert: Arc<Alert>,
        /// Whether this instance took in the last post of it, rather than hearing of it from another one.
        is_own: bool,
    },
    /// Another instance took in an alert that was recorded as taken in here.
    Heard {
        /// Whose.
        tenant: TenantId,
        /// Which.
        fingerprint: Fingerprint,
        /// When it was received there.
        updated_at: Timestamp,
    },
    /// An alert recorded before was refreshed: only its end moved.
    Refresh {
        /// Whose.
        tenant: TenantId,
        /// Which.
        fingerprint: Fingerprint,
        /// Its end as now stated.
        ends_at: Timestamp,
        /// When the refresh was received.
        updated_at: Timestamp,
    },
    /// This instance goes on alone, or shares its state again.
    Alone {
        /// All it took in before this was shared; `None`: it shares its state.
        since: Option<Timestamp>,
    },
    /// A group came to be.
    Group {
        /// Whose.
        tenant: TenantId,
        /// Which.
        key: GroupKey,
        /// What stays of it however alerts are grouped, if that is known.
        lineage: Option<Lineage>,
        /// Its first tick, from which all others follow.
        first_tick: Timestamp,
    },
    /// A group is no more.
    GroupGone {
        /// Whose.
        tenant: TenantId,
        /// Which.
        key: GroupKey,
    },
    /// What an integration knows of a group, as it now stands.
    Told {
        /// Whose.
        tenant: TenantId,
        /// The group.
        key: GroupKey,
        /// The integration.
        integration: IntegrationId,
        /// What it knows.
        told: Arc<Told>,
    },
    /// The message an integration accepted last was not what the configuration's templates say.
    Fallback {
        /// Whose.
        tenant: TenantId,
        /// The group.
        key: GroupKey,
        /// The integration.
        integration: IntegrationId,
        /// When the message was accepted, as the record of what was told has it.
        sent_at: Timestamp,
        /// Which templates failed and why.
        failure: Arc<str>,
    },
    /// A silence as it now stands.
    Silence {
        /// Whose.
        tenant: TenantId,
        /// The silence.
        silence: Arc<Silence>,
    },
    /// A silence is forgotten.
    SilenceGone {
        /// Whose.
        tenant: TenantId,
        /// Its id.
        id: Arc<str>,
    },
    /// What is still to come of a message that the Alertmanager before us sent.
    Inherited {
        /// Whose.
        tenant: TenantId,
        /// The group.
        key: GroupKey,
        /// The integration.
        integration: IntegrationId,
        /// What it said.
        inherited: Arc<Inherited>,
    },
    /// What the Alertmanager before us left was taken over: that is done once.
    Imported {
        /// Whose.
        tenant: TenantId,
        /// When.
        at: Timestamp,
    },
}

/// What a replay found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// When the last row was written: since then nobody listened.
    pub last_written_at: Option<Timestamp>,
    /// Records handed over.
    pub records: u64,
    /// Rows left out because they are damaged; more than 0 only when the store was told to leave them out.
    pub damaged_rows: u64,
}

/// The position before which everything will have been restated.
///
/// Dropping it without finishing gives the compaction up; nothing is lost by that.
#[derive(Debug)]
pub struct CompactionMark {
    pub(crate) before: i64,
    _running: Running,
}

impl CompactionMark {
    pub(crate) fn new(before: i64, running: Running) -> Self {
        Self {
            before,
            _running: running,
        }
    }
}

/// That a compaction runs; over when dropped.
#[derive(Debug)]
pub(crate) struct Running(Arc<AtomicBool>);

impl Running {
    /// Claims the one compaction there can be.
    pub(crate) fn claim(flag: &Arc<AtomicBool>) -> Result<Self, StoreError> {
        if flag.swap(true, Ordering::AcqRel) {
            return Err(StoreError::Compacting);
        }
        Ok(Self(Arc::clone(flag)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// A submitted change; resolves when it is durable, or when it is certain not to be acknowledged.
///
/// Dropping it does not take the change back.
#[derive(Debug)]
#[must_use = "the change is durable only once this has resolved"]
pub struct Commit(CommitState);

#[derive(Debug)]
enum CommitState {
    Done(Option<Result<(), StoreError>>),
    Waiting(oneshot::Receiver<Result<(), StoreError>>),
}

impl Commit {
    pub(crate) fn done(result: Result<(), StoreError>) -> Self {
        Self(CommitState::Done(Some(result)))
    }

    pub(crate) fn waiting(receiver: oneshot::Receiver<Result<(), StoreError>>) -> Self {
        Self(CommitState::Waiting(receiver))
    }
}

impl Future for Commit {
    type Output = Result<(), StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            CommitState::Done(result) => {
                Poll::Ready(result.take().unwrap_or(Err(StoreError::Closed)))
            }
            CommitState::Waiting(receiver) => Pin::new(receiver)
                .poll(cx)
                .map(|answer| answer.unwrap_or(Err(StoreError::Closed))),
        }
    }
}

/// Where records go, and come back from after a restart.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Writes the records: durable when it answers, all of them or none. Waits while too much is queued.
    async fn append(&self, records: Vec<Record>) -> Result<(), StoreError>;

    /// Queues the records without waiting; the order of these calls is the order in the journal, so a caller that
    /// changes an object under a lock submits under the same lock and waits for the [`Commit`] outside it.
    ///
    /// Refused (in the commit's answer) only when far more is queued than [`Journal::append`] would let in.
    fn submit(&self, records: Vec<Record>) -> Commit;

    /// Hands everything to `visit`, from the beginning and in order, in bounded memory.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] or [`StoreError::TooNew`] when a row cannot be read; what came before was visited.
    async fn replay(
        &self,
        interner: &Interner,
        visit: &mut (dyn FnMut(Record) + Send),
    ) -> Result<Replayed, StoreError>;

    /// Whether so much is outdated that a compaction pays; false while one runs.
    fn wants_compaction(&self) -> bool;

    /// Starts a compaction: restate every living object with [`Journal::append`], then finish.
    ///
    /// What is restated must include everything submitted before this answers: so apply a change to memory no later
    /// than it is submitted.
    ///
    /// # Errors
    /// [`StoreError::Compacting`] while another mark is held.
    async fn begin_compaction(&self) -> Result<CompactionMark, StoreError>;

    /// Drops everything before the mark, in bounded steps between which appends go on.
    async fn finish_compaction(&self, mark: CompactionMark) -> Result<(), StoreError>;

    /// Writes what is queued and lets go; later appends answer [`StoreError::Closed`].
    async fn close(&self);
}
