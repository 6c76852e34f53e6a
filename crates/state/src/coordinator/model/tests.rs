//! The model passes the suite, and its weather does what it says.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::time::Timestamp;
use runtime::clock::{SharedClock, SimClock};
use runtime::timing::Timing;

use super::Model;
use crate::coordinator::Coordinator;
use crate::coordinator::conformance::World;

/// The model on paused time.
struct InMemory {
    model: Model,
    clock: SharedClock,
}

#[async_trait]
impl World for InMemory {
    async fn connect(&self, instance: &str) -> Arc<dyn Coordinator> {
        Arc::new(self.model.connect(instance))
    }

    fn timing(&self) -> Timing {
        Timing::default()
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    async fn lose_everything(&self) {
        self.model.flush_all();
    }

    async fn trim_feed(&self, _shard: usize, kept: usize) {
        self.model.trim_feed(kept);
    }
}

async fn world() -> Option<Arc<dyn World>> {
    let clock = SimClock::shared(Timestamp::from_unix_ms(1_800_000_000_000));
    let model = Model::new(Arc::clone(&clock), Timing::default());
    Some(Arc::new(InMemory { model, clock }))
}

crate::coordinator_conformance!(tokio::test(start_paused = true), world);
