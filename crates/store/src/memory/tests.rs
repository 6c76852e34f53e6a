use async_trait::async_trait;

use super::*;
use crate::Store;
use crate::conformance::{self, Backend};

struct Memory;

#[async_trait]
impl Backend for Memory {
    async fn fresh(&self, clock: SharedClock) -> Store {
        Store::memory(clock)
    }
}

#[tokio::test]
async fn memory_conforms() {
    conformance::run(&Memory).await;
}
