//! The twins that forget: the same records in the same form, kept in memory.
//!
//! For tests and for `sqlite::memory:`. Every call is done when it answers, so they work under paused time.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::id::TenantId;
use domain::label::Interner;
use domain::time::Timestamp;
use runtime::clock::SharedClock;

use crate::StoreError;
use crate::deliveries::{
    ATTEMPTS_MAX, ATTEMPTS_PAGE_MAX, Attempt, Deliveries, DeliveryQuery, LoggedAttempt, cut,
};
use crate::inbox::{Inbox, InboxMessage, NewMessage, PAGE_MAX, Rings};
use crate::journal::{
    COMPACTION_SLACK_BYTES, Commit, CompactionMark, Journal, Record, Replayed, Running,
};
use crate::record::{Decoder, Frame, encode};

/// The name errors give to what has no file.
const FILE: &str = "memory";

pub(crate) struct MemoryJournal {
    clock: SharedClock,
    rows: Mutex<Rows>,
    is_compacting: Arc<AtomicBool>,
}

#[derive(Default)]
struct Rows {
    rows: Vec<Row>,
    next_seq: i64,
    bytes: u64,
    baseline_bytes: u64,
    is_closed: bool,
}

#[derive(Clone)]
struct Row {
    seq: i64,
    written_at: Timestamp,
    body: Arc<[u8]>,
}

impl MemoryJournal {
    pub(crate) fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            rows: Mutex::default(),
            is_compacting: Arc::default(),
        }
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, records: &[Record]) -> Result<(), StoreError> {
        let frames = encode(records).map_err(|bad| StoreError::Unavailable {
            file: FILE.into(),
            cause: bad.to_string(),
        })?;
        let written_at = self.clock.now();
        let mut rows = self.rows();
        if rows.is_closed {
            return Err(StoreError::Closed);
        }
        for Frame { body, .. } in frames {
            rows.next_seq += 1;
            rows.bytes += body_bytes(&body);
            let row = Row {
                seq: rows.next_seq,
                written_at,
                body: body.into(),
            };
            rows.rows.push(row);
        }
        Ok(())
    }
}

fn body_bytes(body: &[u8]) -> u64 {
    u64::try_from(body.len()).unwrap_or(u64::MAX)
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn append(&self, records: Vec<Record>) -> Result<(), StoreError> {
        self.write(&records)
    }

    fn submit(&self, records: Vec<Record>) -> Commit {
        Commit::done(self.write(&records))
    }

    async fn replay(
        &self,
        interner: &Interner,
        visit: &mut (dyn FnMut(Record) + Send),
    ) -> Result<Replayed, StoreError> {
        let rows = self.rows().rows.clone();
        let mut decoder = Decoder::new(interner);
        let mut replayed = Replayed::default();
        for row in rows {
            let records = decoder
                .decode(&row.body, visit)
                .map_err(|bad| StoreError::Damaged {
                    file: FILE.into(),
                    detail: format!("row {}: {bad}", row.seq),
                })?;
            replayed.records += u64::from(records);
            replayed.last_written_at = Some(row.written_at);
        }
        Ok(replayed)
    }

    fn wants_compaction(&self) -> bool {
        let rows = self.rows();
        let is_running = self
            .is_compacting
            .load(std::sync::atomic::Ordering::Acquire);
        !is_running && rows.bytes > 2 * rows.baseline_bytes + COMPACTION_SLACK_BYTES
    }

    async fn begin_compaction(&self) -> Result<CompactionMark, StoreError> {
        let running = Running::claim(&self.is_compacting)?;
        Ok(CompactionMark::new(self.rows().next_seq + 1, running))
    }

    async fn finish_compaction(&self, mark: CompactionMark) -> Result<(), StoreError> {
        let mut rows = self.rows();
        rows.rows.retain(|row| row.seq >= mark.before);
        rows.bytes = rows.rows.iter().map(|row| body_bytes(&row.body)).sum();
        rows.baseline_bytes = rows.bytes;
        Ok(())
    }

    async fn close(&self) {
        self.rows().is_closed = true;
    }
}

#[derive(Default)]
pub(crate) struct MemoryInbox {
    state: Mutex<InboxState>,
}

#[derive(Default)]
struct InboxState {
    rings: Rings,
    last_id: u64,
    ids: HashMap<(TenantId, String), u64>,
    keys: HashMap<u64, (TenantId, String)>,
}

#[async_trait]
impl Inbox for MemoryInbox {
    async fn append(&self, message: NewMessage) -> Result<u64, StoreError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (message.tenant.clone(), message.idempotency_key.clone());
        if let Some(id) = state.ids.get(&key) {
            return Ok(*id);
        }
        state.last_id += 1;
        let id = state.last_id;
        let message = Arc::new(InboxMessage::numbered(id, message));
        state.ids.insert(key.clone(), id);
        state.keys.insert(id, key);
        for forgotten in state.rings.push(message, usize::MAX) {
            if let Some(key) = state.keys.remove(&forgotten) {
                state.ids.remove(&key);
            }
        }
        Ok(id)
    }

    async fn list(
        &self,
        tenant: &TenantId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Arc<InboxMessage>>, StoreError> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(state
            .rings
            .page(tenant, before, limit.min(PAGE_MAX))
            .messages)
    }
}

#[derive(Default)]
pub(crate) struct MemoryDeliveries {
    log: Mutex<DeliveryLog>,
}

/// Attempts of each tenant, oldest first.
#[derive(Default)]
struct DeliveryLog {
    tenants: HashMap<TenantId, VecDeque<LoggedAttempt>>,
    last_id: u64,
}

#[async_trait]
impl Deliveries for MemoryDeliveries {
    fn note(&self, mut attempt: Attempt) {
        attempt.answer = cut(attempt.answer);
        attempt.fallback = cut(attempt.fallback);
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.last_id += 1;
        let id = log.last_id;
        let of_tenant = log.tenants.entry(attempt.tenant.clone()).or_default();
        of_tenant.push_back(LoggedAttempt { id, attempt });
        if of_tenant.len() > ATTEMPTS_MAX {
            of_tenant.pop_front();
        }
    }

    async fn list(
        &self,
        tenant: &TenantId,
        query: &DeliveryQuery,
        limit: usize,
    ) -> Result<Vec<LoggedAttempt>, StoreError> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let of_tenant = log.tenants.get(tenant).into_iter().flatten().rev();
        let wanted = of_tenant.filter(|logged| query.wants(logged));
        Ok(wanted.take(limit.min(ATTEMPTS_PAGE_MAX)).cloned().collect())
    }
}

#[cfg(test)]
mod tests;
