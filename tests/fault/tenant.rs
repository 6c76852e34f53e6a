//! Two tenants on the same instances, with the same alerts.
//!
//! What belongs to the second is told apart by a prefix: its webhooks' paths, and in the truth its groups and names.
//! The alerts themselves have the same labels in both, and so the same fingerprints; an annotation says whose they are.

/// The second tenant; the first is the default one.
pub(crate) const ACME: &str = "acme";

/// The annotation that says whose an alert is.
pub(crate) const OWNER: &str = "owner";

/// A name or group as the truth knows it.
pub(crate) fn qualified(tenant: Option<&str>, name: &str) -> String {
    match tenant {
        Some(tenant) => format!("{tenant}/{name}"),
        None => name.to_owned(),
    }
}

/// The name within its tenant.
pub(crate) fn bare(qualified: &str) -> &str {
    qualified
        .split_once('/')
        .map_or(qualified, |(_, name)| name)
}

/// Whose a webhook's path is: `/acme/a` or `/a`.
pub(crate) fn of_path(path: &str) -> Option<&str> {
    path.strip_prefix('/')?
        .split_once('/')
        .map(|(tenant, _)| tenant)
}

/// Whose a group is.
pub(crate) fn of_group(group: &str) -> Option<&str> {
    group.split_once('/').map(|(tenant, _)| tenant)
}
