//! What an Alertmanager leaves in its `--storage.path`: `silences` and `nflog`, protocol buffers with their lengths between
//! (alertmanager.md §4.12). They are only read, so that it can run on them again.
//!
//! A record that makes no sense is left out; where the framing is broken nothing behind can be read. Both are reported and
//! neither keeps the rest from being taken over.

mod nflog;
mod silences;
mod wire;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use domain::group::inherited::Inherited;
use domain::silence::Silence;

/// Most bytes of one record: the memory that reading needs. An entry about a million alerts has 20 MB.
pub const RECORD_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Most problems of a file that are described; all are counted.
pub const PROBLEMS_MAX: usize = 10;

/// What the last message to one integration about one group said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notified {
    /// The group's key text.
    pub group_key: String,
    /// The receiver's name.
    pub receiver: String,
    /// The integration's type, as in integrations' identities.
    pub kind: String,
    /// Its place among those of its type.
    pub index: usize,
    /// What it said.
    pub said: Inherited,
}

/// What was found in a file.
#[derive(Clone, Debug)]
pub struct Found<T> {
    /// What could be read.
    pub items: Vec<T>,
    /// Records that could not; of a file that is broken off the rest counts as one.
    pub unreadable: u64,
    /// What is wrong, each with the place in the file: the first few.
    pub problems: Vec<String>,
}

impl<T> Default for Found<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            unreadable: 0,
            problems: Vec::new(),
        }
    }
}

/// What an Alertmanager left.
#[derive(Clone, Debug, Default)]
pub struct Left {
    /// Its silences, also those that are over. One of several matcher sets, of which any hides, is here once for each.
    pub silences: Found<Silence>,
    /// What it told.
    pub notified: Found<Notified>,
}

/// Reads what an Alertmanager left in a folder; `None` if there is none of its files.
///
/// # Errors
/// A file is there and cannot be opened.
pub fn read(folder: &Path) -> io::Result<Option<Left>> {
    let silences = read_file(&folder.join("silences"), silences::read)?;
    let notified = read_file(&folder.join("nflog"), nflog::read)?;
    if silences.is_none() && notified.is_none() {
        return Ok(None);
    }
    Ok(Some(Left {
        silences: silences.unwrap_or_default(),
        notified: notified.unwrap_or_default(),
    }))
}

fn read_file<T>(
    path: &Path,
    decode: fn(&[u8]) -> Result<Vec<T>, wire::Malformed>,
) -> io::Result<Option<Found<T>>> {
    match File::open(path) {
        Ok(file) => Ok(Some(read_records(path, BufReader::new(file), decode))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io::Error::new(
            error.kind(),
            format!("{}: {error}", path.display()),
        )),
    }
}

/// Reads record by record.
fn read_records<T>(
    path: &Path,
    mut from: impl Read,
    decode: fn(&[u8]) -> Result<Vec<T>, wire::Malformed>,
) -> Found<T> {
    let mut found = Found::default();
    let mut offset = 0;
    let mut record = Vec::new();
    loop {
        match wire::next_record(&mut from, &mut record) {
            Ok(None) => return found,
            Ok(Some(bytes)) => {
                match decode(&record) {
                    Ok(items) => found.items.extend(items),
                    Err(malformed) => found.report(path, offset, &malformed.to_string()),
                }
                offset += bytes;
            }
            Err(error) => {
                let text = format!("{error}; nothing behind it can be read");
                found.report(path, offset, &text);
                return found;
            }
        }
    }
}

impl<T> Found<T> {
    fn report(&mut self, path: &Path, offset: u64, text: &str) {
        self.unreadable += 1;
        if self.problems.len() < PROBLEMS_MAX {
            let place = format!("{}, record at byte {offset}", path.display());
            self.problems.push(format!("{place}: {text}"));
        }
    }
}

#[cfg(test)]
mod tests;
