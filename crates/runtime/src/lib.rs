//! The world as parameters: the clock, ids, owned tasks and their shutdown, retry delays, and every metric's name.
//!
//! Nothing above this crate reads a clock, draws a random number or starts a task on its own; it is handed a
//! [`clock::Clock`], an [`ids::IdSource`] or a [`tasks::TaskGroup`], and tests hand it simulated ones.

pub mod backoff;
pub mod clock;
pub mod departure;
pub mod failpoint;
pub mod ids;
pub mod metrics;
pub mod tasks;
pub mod timing;
