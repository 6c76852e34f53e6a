//! The one checker of the conformance vectors: what the real Alertmanager did, and whether Belfry does the same.
//!
//! [`check_folder`] takes any folder in the format of `tests/vectors/README.md`: nothing here knows how many cases there
//! are, and what has an unknown shape is a failure, never a panic. One module under `check/` per file.

mod check;
mod report;
mod sentence;
mod server;
mod shape;
mod sink;

use std::path::{Path, PathBuf};

use anyhow::Context as _;

pub use report::{Failure, Report};

/// The folder in this repository.
pub fn own_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors")
}

/// Checks every file of a folder and of the folders in it, in the order of their names.
///
/// # Errors
/// The folder cannot be read; a file that cannot be read is a failure in its report.
pub fn check_folder(folder: &Path) -> anyhow::Result<Vec<Report>> {
    let mut names = names(folder, "")?;
    names.sort();
    // What the format says is not a case of it.
    names.retain(|name| name != "README.md");
    anyhow::ensure!(
        !names.is_empty(),
        "{} has no vector files",
        folder.display()
    );
    Ok(names.iter().map(|name| check::file(folder, name)).collect())
}

/// Files by their path below the folder; `payloads/` is the only folder the format knows.
fn names(folder: &Path, prefix: &str) -> anyhow::Result<Vec<String>> {
    let here = folder.join(prefix);
    let entries =
        std::fs::read_dir(&here).with_context(|| format!("cannot read {}", here.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot read {}", here.display()))?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if name == "payloads" {
            found.extend(names(folder, "payloads/")?);
        } else {
            found.push(name);
        }
    }
    Ok(found)
}
