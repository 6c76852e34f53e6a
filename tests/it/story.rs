//! Stories: a timeline each. Times are seconds; the tiny configuration has group_wait 1s.

mod api;
mod compaction;
mod delivery;
mod events;
mod explain;
mod failure;
mod fallback;
mod inherited;
mod inhibit;
mod interval;
mod limits;
mod moved;
mod reload;
mod repeat;
mod restart;
mod send;
mod silence;
mod stall;
mod templates;
mod tenants;
