//! The journal of a world: the store's twin in memory, which can fail, be slow, and ask for compaction.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::label::Interner;
use store::StoreError;
use store::journal::{Commit, CompactionMark, Journal, Record, Replayed};

use super::hook::{live, lock};

/// What a story does to the journal; it outlives the instances that write it.
pub(crate) struct WorldJournal {
    inner: Arc<dyn Journal>,
    faults: Arc<Faults>,
}

#[derive(Default)]
struct Faults {
    is_failing: AtomicBool,
    wants_compaction: AtomicBool,
    append_delay: Mutex<Duration>,
    appended: AtomicU64,
    compactions: AtomicU64,
}

impl WorldJournal {
    pub(super) fn new(inner: Arc<dyn Journal>) -> Self {
        Self {
            inner,
            faults: Arc::default(),
        }
    }

    /// The same journal, as long as the instance lives.
    pub(super) fn of_instance(&self, is_alive: &Arc<AtomicBool>) -> InstanceJournal {
        InstanceJournal {
            inner: Arc::clone(&self.inner),
            faults: Arc::clone(&self.faults),
            is_alive: Arc::clone(is_alive),
        }
    }

    /// From now on nothing can be written, or everything can again.
    pub(crate) fn set_failing(&self, is_failing: bool) {
        self.faults.is_failing.store(is_failing, Ordering::SeqCst);
    }

    /// From now on a write takes so long.
    pub(crate) fn set_delay(&self, delay: Duration) {
        *lock(&self.faults.append_delay) = delay;
    }

    /// From now on it asks for compaction whenever it is asked, or only when it must.
    pub(crate) fn set_wants_compaction(&self, wants: bool) {
        self.faults.wants_compaction.store(wants, Ordering::SeqCst);
    }

    /// How many records were written.
    pub(crate) fn appended(&self) -> u64 {
        self.faults.appended.load(Ordering::SeqCst)
    }

    /// How many compactions were finished.
    pub(crate) fn compactions(&self) -> u64 {
        self.faults.compactions.load(Ordering::SeqCst)
    }
}

/// The journal as one instance sees it.
pub(super) struct InstanceJournal {
    inner: Arc<dyn Journal>,
    faults: Arc<Faults>,
    is_alive: Arc<AtomicBool>,
}

impl InstanceJournal {
    fn check(&self) -> Result<(), StoreError> {
        if self.faults.is_failing.load(Ordering::SeqCst) {
            let cause = "the story broke it".to_owned();
            return Err(StoreError::Unavailable {
                file: "world".into(),
                cause,
            });
        }
        Ok(())
    }
}

#[async_trait]
impl Journal for InstanceJournal {
    async fn append(&self, records: Vec<Record>) -> Result<(), StoreError> {
        live(&self.is_alive).await;
        let delay = *lock(&self.faults.append_delay);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
            live(&self.is_alive).await;
        }
        self.check()?;
        let count = records.len() as u64;
        self.inner.append(records).await?;
        self.faults.appended.fetch_add(count, Ordering::SeqCst);
        Ok(())
    }

    fn submit(&self, records: Vec<Record>) -> Commit {
        self.inner.submit(records)
    }

    async fn replay(
        &self,
        interner: &Interner,
        visit: &mut (dyn FnMut(Record) + Send),
    ) -> Result<Replayed, StoreError> {
        self.inner.replay(interner, visit).await
    }

    fn wants_compaction(&self) -> bool {
        self.faults.wants_compaction.load(Ordering::SeqCst) || self.inner.wants_compaction()
    }

    async fn begin_compaction(&self) -> Result<CompactionMark, StoreError> {
        live(&self.is_alive).await;
        self.check()?;
        self.inner.begin_compaction().await
    }

    async fn finish_compaction(&self, mark: CompactionMark) -> Result<(), StoreError> {
        live(&self.is_alive).await;
        self.check()?;
        self.inner.finish_compaction(mark).await?;
        self.faults.compactions.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
