//! The HTTP surface: Alertmanager's API v2 and our own few additions.

pub mod limits;
pub mod wire;
