//! One process per file: a lock the operating system takes back when its holder dies, however it dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use crate::StoreError;

/// The name of a program may be this long in the lock file; the rest is not read.
const HOLDER_BYTES_MAX: u64 = 256;

/// A held lock; let go when dropped.
pub(super) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Locks `<database>.lock` and writes there who holds it.
    pub(super) fn take(database: &Path, name: &Arc<str>) -> Result<Self, StoreError> {
        let mut path = database.as_os_str().to_owned();
        path.push(".lock");
        let unavailable = |error: std::io::Error| StoreError::Unavailable {
            file: Arc::clone(name),
            cause: format!("its lock file: {error}"),
        };
        // Not truncated when opened: until the lock is ours, what is written there belongs to the holder.
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(unavailable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = holder(&mut file);
                return Err(StoreError::InUse {
                    file: Arc::clone(name),
                    holder,
                });
            }
            Err(TryLockError::Error(error)) => return Err(unavailable(error)),
        }
        let text = format!("process {}\n", std::process::id());
        let noted = file
            .set_len(0)
            .and_then(|()| file.write_all(text.as_bytes()));
        if let Err(error) = noted {
            // The lock holds without the note; only the other side's message would be vaguer.
            tracing::warn!(%error, file = %name, "the lock file could not be written");
        }
        Ok(Self { _file: file })
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file
        .seek(SeekFrom::Start(0))
        .and_then(|_| file.take(HOLDER_BYTES_MAX).read_to_string(&mut text));
    let text = text.trim();
    if read.is_err() || text.is_empty() {
        "another process".to_owned()
    } else {
        text.to_owned()
    }
}
