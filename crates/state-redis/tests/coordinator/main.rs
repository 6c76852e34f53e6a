//! The coordinator on real servers: the suite every coordinator passes, and what only Redis can be asked.

mod cluster;
mod single;
mod world;
