//! Redis, shared by many instances: the only crate that says "redis" (L2).
//!
//! One [`link::Link`] per process carries every command: multiplexed, reconnecting by itself, never replaying a command
//! whose reply was lost. It runs [`script::Script`]s by their hash and loads them where they are missing, so a
//! `SCRIPT FLUSH` stays invisible. [`preflight`] finds out by doing what the server lacks and names it.
//!
//! Nothing here decides what a group or an alert is: that is `domain`'s, and its transitions are `state`'s (L4).
//!
//! Start reading at [`link::Link`].

pub mod cache;
pub mod call;
pub mod coordinator;
pub mod error;
pub mod link;
pub mod lock;
pub mod preflight;
pub mod rate;
mod reply;
pub mod script;
pub mod session;

pub use redis::Value;
