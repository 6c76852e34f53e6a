//! Belfry's domain: what an alert is, which group it belongs to, and when somebody must be told.
//!
//! Everything here is pure (invariant L1): no I/O, no `await`, no clock, no environment, no randomness, and
//! no serialization (L3). Time comes in as an argument called `now`; decisions come out as values with their
//! reason.
//!
//! Start reading at [`group`], the state machine that rings the bell; then [`route`] (which group an alert
//! joins), [`silence`], [`inhibit`] and [`interval`] (the three ways an alert is suppressed).

pub mod alert;
pub mod annotations;
pub mod fingerprint;
pub mod group;
pub mod id;
pub mod inhibit;
pub mod interval;
pub mod label;
pub mod limits;
pub mod matcher;
pub mod notification;
pub mod quote;
pub mod route;
pub mod silence;
pub mod time;
pub mod verdict;
