//! What people want to know of the sharing: counters, and who is there.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Coordinated, lock};
use crate::Mode;
use crate::coordinator::{CoordinatorError, InstanceReport, ShardDepth};

/// What happened since the start.
#[derive(Debug, Default)]
pub struct SharingCounters {
    /// Requests that shared state did not answer.
    pub failures: AtomicU64,
    /// Times this instance went on alone, or came back.
    pub mode_changes: AtomicU64,
    /// Shards found to have lost data.
    pub data_losses: AtomicU64,
    /// Groups without a place in a queue that were repaired; must stay 0.
    pub audit_repaired: AtomicU64,
    /// Groups that were read anew because the replica differed.
    pub rereads: AtomicU64,
}

/// How the sharing stands.
#[derive(Clone, Debug, Default)]
pub struct SharingStatus {
    /// Every instance that lives.
    pub instances: Vec<InstanceReport>,
    /// Each shard's queues.
    pub depths: Vec<ShardDepth>,
    /// By how many milliseconds the replica of each shard is behind.
    pub lags_ms: Vec<u64>,
    /// Groups that wait to be moved.
    pub stranded: usize,
}

impl Coordinated {
    /// How the sharing stands now.
    pub async fn status(&self) -> Result<SharingStatus, CoordinatorError> {
        let instances = self.shared.instances().await?;
        let depths = self.shared.depths().await?;
        let lags = depths.iter().zip(&self.views).map(|(depth, view)| {
            let seen = lock(view).seen;
            depth.last_event.ms.saturating_sub(seen.ms)
        });
        Ok(SharingStatus {
            lags_ms: lags.collect(),
            instances,
            depths,
            stranded: lock(&self.stranded).len(),
        })
    }

    /// What this instance says of itself now.
    pub fn report(&self) -> InstanceReport {
        let mut report = lock(&self.report).clone();
        report.mode = self.current_mode().as_str().to_owned();
        if let Some(host) = self.host() {
            let tenants = host.tenants().into_iter();
            let configs = tenants.map(|tenant| {
                let hash = host.config_hash(&tenant);
                (tenant, hash)
            });
            report.configs = configs.collect();
        }
        report
    }

    /// Says where this instance listens, once it does.
    pub fn set_address(&self, address: String) {
        lock(&self.report).address = address;
    }

    /// Whether it is alone in any part.
    pub fn is_degraded(&self) -> bool {
        self.current_mode() == Mode::Degraded
    }

    /// The changes of the mode so far.
    pub fn mode_changes(&self) -> u64 {
        self.counters.mode_changes.load(Ordering::Relaxed)
    }
}
