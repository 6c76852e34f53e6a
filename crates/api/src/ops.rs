//! What is not Alertmanager's API v2: pages and endpoints for operators, and Belfry's own additions.

pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod home;
pub(crate) mod inbox;
pub(crate) mod metrics;
pub(crate) mod sharing;
pub(crate) mod templates;
