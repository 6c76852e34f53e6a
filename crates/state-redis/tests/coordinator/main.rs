//! The coordinator on real servers: the suite every coordinator passes, and what only Redis can be asked.

mod actors;
mod clock;
mod cluster;
mod costs;
mod crowds;
mod departures;
mod keys;
mod lockstep;
mod merging;
mod rights;
mod single;
mod versions;
mod world;
