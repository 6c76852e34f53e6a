//! The suite on a cluster of three masters.

use std::sync::Arc;

use state::coordinator::conformance::World;

use crate::world::Servers;

async fn world() -> Option<Arc<dyn World>> {
    let servers = Servers::cluster("coordinator in a cluster")?;
    Some(Arc::new(servers))
}

state::coordinator_conformance!(tokio::test(flavor = "current_thread"), world);
