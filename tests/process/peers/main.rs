//! Real programs of other projects as Belfry's clients: Prometheus and amtool, with Alertmanager itself as the measure; and a mail server
//! that it sends to.
//!
//! Each test that lacks its program says so on standard error (`skipped: …`), or fails when `BELFRY_REQUIRE_PEERS=1`.

mod amtool;
mod mail;
mod moving;
mod prometheus;
mod templates;
mod transcript;
