//! The webhook over real sockets.

mod delivery;
mod sink;
mod vectors;
