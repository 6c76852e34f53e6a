//! Reads where this machine gets its Debian packages, so that other suites come from the same place.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// An archive that the machine's own apt trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Archive {
    /// The address of the archive, as written there.
    pub(super) uri: String,
    /// The key file the machine checks it with, when one is named.
    pub(super) signed_by: Option<String>,
}

/// Finds the Debian archive among the machine's apt sources.
pub(super) fn debian_archive(apt: &Path) -> Result<Archive> {
    let mut found = Vec::new();
    if let Ok(text) = fs::read_to_string(apt.join("sources.list")) {
        found.extend(one_line(&text));
    }
    if let Ok(entries) = fs::read_dir(apt.join("sources.list.d")) {
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let text = fs::read_to_string(&path).unwrap_or_default();
            match path.extension().and_then(|ext| ext.to_str()) {
                Some("list") => found.extend(one_line(&text)),
                Some("sources") => found.extend(deb822(&text)),
                _ => {}
            }
        }
    }
    found
        .into_iter()
        .find(|archive| archive.uri.trim_end_matches('/').ends_with("/debian"))
        .with_context(|| {
            format!(
                "no Debian archive in {} (is this a Debian machine?)",
                apt.display()
            )
        })
}

/// Reads the one-line form: `deb [signed-by=KEY] URI SUITE COMPONENT…`.
pub(super) fn one_line(text: &str) -> Vec<Archive> {
    let mut found = Vec::new();
    for line in text.lines() {
        let Some(mut rest) = line.trim().strip_prefix("deb ").map(str::trim_start) else {
            continue;
        };
        let mut signed_by = None;
        if let Some((options, after)) = rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
            signed_by = options
                .split_whitespace()
                .find_map(|option| option.strip_prefix("signed-by="))
                .map(str::to_owned);
            rest = after;
        }
        if let Some(uri) = rest.split_whitespace().next() {
            found.push(Archive {
                uri: uri.to_owned(),
                signed_by,
            });
        }
    }
    found
}

/// Reads the form of stanzas with `Types:`, `URIs:` and `Signed-By:` fields.
pub(super) fn deb822(text: &str) -> Vec<Archive> {
    let mut found = Vec::new();
    for stanza in text.split("\n\n") {
        let field = |name: &str| {
            stanza
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
                .map(|(_, value)| value.trim())
        };
        let binary =
            field("Types").is_some_and(|types| types.split_whitespace().any(|t| t == "deb"));
        let disabled = field("Enabled").is_some_and(|value| value.eq_ignore_ascii_case("no"));
        if !binary || disabled {
            continue;
        }
        let signed_by = field("Signed-By").filter(|key| key.starts_with('/'));
        for uri in field("URIs").unwrap_or_default().split_whitespace() {
            found.push(Archive {
                uri: uri.to_owned(),
                signed_by: signed_by.map(str::to_owned),
            });
        }
    }
    found
}
