//! How urgent a group is among groups that are due at the same time (protocol.md §3).

use crate::label::Labels;

/// critical > error = high > warning > info = none; anything else counts as warning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// `info` or `none`.
    #[default]
    Info,
    /// `warning`, no severity, or one nobody knows.
    Warning,
    /// `error` or `high`.
    Error,
    /// `critical`.
    Critical,
}

impl Severity {
    /// Reads the `severity` label.
    pub fn of(labels: &Labels) -> Self {
        let text = labels.get("severity").unwrap_or("warning");
        let is = |name: &str| text.eq_ignore_ascii_case(name);
        if is("critical") {
            Self::Critical
        } else if is("error") || is("high") {
            Self::Error
        } else if is("info") || is("none") {
            Self::Info
        } else {
            Self::Warning
        }
    }
}
