//! Instances behind a real nginx, configured by `deploy/nginx/belfry.conf` with only its addresses replaced, and what else
//! `deploy/` has that can be tried here.

mod deploy;
mod instance;
mod pace;
mod retry;
mod ring;
mod settings;
mod shared;
