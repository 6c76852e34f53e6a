//! The running program in real time: some of Alertmanager's scenarios, misbehaving receivers, its life cycle and its surface.

mod delivery;
mod lifecycle;
mod receivers;
mod scenarios;
mod story;
mod surface;
