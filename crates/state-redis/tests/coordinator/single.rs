//! The suite on one server.

use std::sync::Arc;

use state::coordinator::conformance::World;

use crate::world::Servers;

async fn world() -> Option<Arc<dyn World>> {
    let servers = Servers::single("coordinator")?;
    Some(Arc::new(servers))
}

state::coordinator_conformance!(tokio::test(flavor = "current_thread"), world);
