//! What is not Alertmanager's API v2: pages and endpoints for operators, and Belfry's own additions.

pub(crate) mod deliveries;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod home;
pub(crate) mod inbox;
pub(crate) mod metrics;
pub(crate) mod receivers;
pub(crate) mod sharing;
pub(crate) mod templates;

use domain::time::Timestamp;

/// A time as Alertmanager's API writes them: UTC, milliseconds.
pub(crate) fn written(time: Timestamp) -> String {
    time.utc().rfc3339_millis()
}
