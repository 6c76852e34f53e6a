//! The HTTP surface: all of Alertmanager's API v2, its other endpoints, and Belfry's own few additions.
//!
//! Start reading at [`dispatch`](router), which takes a request from its path to its handler; `v2/` has one file per place
//! of API v2, `ops/` what else there is, and `wire/` is the only home of wire types (L3). [`server`] accepts connections.

pub mod auth;
pub mod context;
pub mod limits;
pub mod server;
pub mod wire;

mod answer;
mod body;
mod cors;
mod dispatch;
mod fresh;
mod negotiate;
mod observe;
mod ops;
mod query;
mod route;
mod v2;

pub use context::{Api, Build, Cluster, Parts, Peer, Reload, Sampler, Web};

/// The whole surface as one service.
///
/// There is a single handler: Alertmanager's own rules for paths and methods (redirects, 404 and 405 texts, preflight
/// requests) leave nothing for a router to decide.
pub fn router(parts: Parts) -> axum::Router {
    axum::Router::new()
        .fallback(dispatch::handle)
        .with_state(Api::new(parts))
}
