//! The store: what must outlive the process.
//!
//! Three ports, each with two homes that pass one suite ([`conformance`]): the [`journal`] (alerts, groups, silences and
//! what was told, durable before anybody is answered), the [`inbox`] (the built-in receiver's messages) and the
//! [`deliveries`] (every attempt at a message). The homes are SQLite ([`Store::open`]) and memory ([`Store::memory`]).
//!
//! Beside them, [`alertmanager`] reads what an Alertmanager left on the same disk.
//!
//! Nothing above this crate sees SQL or the stored form ([`record`] keeps that promise).

pub mod alertmanager;
pub mod conformance;
pub mod deliveries;
mod error;
pub mod inbox;
pub mod journal;
mod memory;
mod record;
mod sqlite;

use std::sync::Arc;

use runtime::clock::SharedClock;
use runtime::metrics::JournalMetrics;

pub use deliveries::{Attempt, AttemptOutcome, Deliveries, DeliveryQuery, LoggedAttempt};
pub use error::StoreError;
pub use inbox::{Inbox, InboxMessage, NewMessage};
pub use journal::{Commit, CompactionMark, Journal, Record, Replayed};

/// How hard a commit is pressed onto the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// A commit outlives a power cut (`synchronous=FULL`).
    #[default]
    Full,
    /// A commit outlives the end of the process, but the last ones may be lost in a power cut (`synchronous=NORMAL`).
    Process,
}

/// How a store is opened.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How hard a commit is pressed onto the disk.
    pub durability: Durability,
    /// Leave out journal rows that are damaged, and count them, instead of refusing to start.
    pub skip_damaged: bool,
    /// Most pages the file may have; `None` for as many as the disk holds.
    pub pages_max: Option<u32>,
}

/// An open store.
#[derive(Clone)]
pub struct Store {
    /// The journal.
    pub journal: Arc<dyn Journal>,
    /// The inbox.
    pub inbox: Arc<dyn Inbox>,
    /// The delivery log.
    pub deliveries: Arc<dyn Deliveries>,
}

impl Store {
    /// Opens the store a URL names: `sqlite://path/to/file.db` (made when missing), or `sqlite::memory:`.
    ///
    /// # Errors
    /// [`StoreError::Url`] for anything else, [`StoreError::InUse`] when another process has the file open,
    /// [`StoreError::TooNew`] when a newer Belfry wrote it, [`StoreError::Unavailable`] when it cannot be opened.
    pub async fn open(
        url: &str,
        options: &Options,
        clock: SharedClock,
        metrics: JournalMetrics,
    ) -> Result<Self, StoreError> {
        match sqlite::parse_url(url)? {
            sqlite::Place::Memory => Ok(Self::memory(clock)),
            sqlite::Place::File(path) => sqlite::open(&path, options, clock, metrics).await,
        }
    }

    /// A store that forgets everything with the process.
    pub fn memory(clock: SharedClock) -> Self {
        Self {
            journal: Arc::new(memory::MemoryJournal::new(clock)),
            inbox: Arc::new(memory::MemoryInbox::default()),
            deliveries: Arc::new(memory::MemoryDeliveries::default()),
        }
    }

    /// Waits until everything accepted is written, and lets go of the file.
    pub async fn close(&self) {
        self.journal.close().await;
    }
}
