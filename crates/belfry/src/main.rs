//! The program: reads what it is told, puts the crates together, and runs them until it is told to stop.
//!
//! Start reading at [`server::start`], which wires everything; [`cli`] has one file per command.

use std::process::ExitCode;

mod build;
mod cli;
mod configuration;
mod demo;
mod inbox;
mod logging;
mod migration;
mod options;
mod reload;
mod server;
mod settings;
mod sharing;
mod signals;
mod templates;
mod web;
mod zone;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Fails only if somebody installed a provider before, which nobody can have.
    let _ = rustls::crypto::ring::default_provider().install_default();
    cli::run(std::env::args_os())
}
