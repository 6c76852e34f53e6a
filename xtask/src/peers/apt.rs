//! Fetches packages of any suite with a private apt state and unpacks them aside.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::sources::{self, Archive};
use crate::workspace;

/// Downloads `packages` of `suite` and unpacks them under `into`, leaving the machine's own packages alone.
pub(super) fn unpack(suite: &str, packages: &[&str], into: &Path) -> Result<()> {
    let archive = sources::debian_archive(Path::new("/etc/apt"))?;
    let work = into.with_extension("apt");
    prepare(&work, suite, &archive)?;
    let options = options(&work);
    run_apt(&work, &options, &["update"])?;
    run_apt(&work, &options, &[&["download"], packages].concat())?;

    let unpacked = into.with_extension("new");
    remove_folder(&unpacked)?;
    for entry in fs::read_dir(&work).context("cannot list the downloaded packages")? {
        let path = entry.context("cannot list the downloaded packages")?.path();
        if path.extension().is_some_and(|ext| ext == "deb") {
            workspace::run(Command::new("dpkg-deb").arg("-x").args([&path, &unpacked]))?;
        }
    }
    // Renamed only when whole: an interrupted fetch is not mistaken for a finished one.
    remove_folder(into)?;
    fs::rename(&unpacked, into)
        .with_context(|| format!("cannot put {} in place", into.display()))?;
    remove_folder(&work)
}

fn prepare(work: &Path, suite: &str, archive: &Archive) -> Result<()> {
    remove_folder(work)?;
    for folder in ["parts", "lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(work.join(folder))
            .with_context(|| format!("cannot make {}", work.join(folder).display()))?;
    }
    let mut stanza = format!(
        "Types: deb\nURIs: {}\nSuites: {suite}\nComponents: main\n",
        archive.uri
    );
    if let Some(key) = &archive.signed_by {
        stanza.push_str(&format!("Signed-By: {key}\n"));
    }
    fs::write(work.join("parts/suite.sources"), stanza).context("cannot write the apt source")
}

/// Points apt at a private list of sources, package lists and cache, and asks for package lists only.
fn options(work: &Path) -> Vec<String> {
    let work = work.display();
    [
        "Dir::Etc::SourceList=/dev/null".to_owned(),
        format!("Dir::Etc::SourceParts={work}/parts"),
        format!("Dir::State::Lists={work}/lists"),
        // Or the machine's own version, which this suite may not have, would count as the wanted one.
        "Dir::State::Status=/dev/null".to_owned(),
        format!("Dir::Cache={work}/cache"),
        "Acquire::Languages=none".to_owned(),
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_owned(),
        "Acquire::Retries=3".to_owned(),
        // The private folders need not be open to apt's own download user.
        "APT::Sandbox::User=root".to_owned(),
    ]
    .into_iter()
    .flat_map(|option| ["-o".to_owned(), option])
    .collect()
}

fn run_apt(work: &Path, options: &[String], args: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.current_dir(work).arg("-q").args(options).args(args);
    let output = command
        .output()
        .context("cannot start apt-get (the peers are Debian packages)")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "apt-get {} ended with {}:\n{}",
            args.join(" "),
            output.status,
            said.trim()
        );
    }
    Ok(())
}

fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}
