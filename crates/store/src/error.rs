//! What can go wrong with a store, by what the reader can do about it.

use std::sync::Arc;

/// Why the store could not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing was written; worth trying again when the cause is gone (a full disk, a failing one, too much at once).
    #[error("`{file}` cannot be written or read now: {cause}")]
    Unavailable {
        /// The database's file.
        file: Arc<str>,
        /// What the database said.
        cause: String,
    },
    /// What is stored cannot be read.
    #[error(
        "`{file}` is damaged: {detail}; restore a copy, or move it and its -wal and -shm files away to start empty"
    )]
    Damaged {
        /// The database's file.
        file: Arc<str>,
        /// Where and how.
        detail: String,
    },
    /// A newer Belfry wrote the file.
    #[error(
        "`{file}` was written by a newer version ({found}, this one knows {known}); start that version again"
    )]
    TooNew {
        /// The database's file.
        file: Arc<str>,
        /// The version found.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// Another process has the file open.
    #[error(
        "`{file}` is in use by {holder}; give each instance its own file, or share a PostgreSQL or MySQL database"
    )]
    InUse {
        /// The database's file.
        file: Arc<str>,
        /// The other process, as far as it is known.
        holder: String,
    },
    /// The URL does not name a store.
    #[error("`{url}` does not name a database: {detail}")]
    Url {
        /// The URL, without credentials.
        url: String,
        /// What is expected.
        detail: &'static str,
    },
    /// A compaction is under way already.
    #[error("the journal is being compacted already")]
    Compacting,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}
