//! Instances that go on with different configurations: one warning once that has lasted (protocol.md §5, move).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::id::TenantId;
use tokio::time::Instant;

use super::{Coordinated, lock};
use crate::coordinator::InstanceReport;

/// Tenants whose configurations differ.
#[derive(Default)]
pub(super) struct Differing(BTreeMap<TenantId, Since>);

struct Since {
    at: Instant,
    /// What was warned of last.
    warned: BTreeSet<String>,
}

impl Differing {
    /// Notes the hashes a tenant's configuration has; answers whether people should hear of it now.
    fn see(&mut self, tenant: &TenantId, hashes: BTreeSet<String>, patience: Duration) -> bool {
        if hashes.len() < 2 {
            self.0.remove(tenant);
            return false;
        }
        let since = self.0.entry(tenant.clone()).or_insert_with(|| Since {
            at: Instant::now(),
            warned: BTreeSet::new(),
        });
        let is_due = since.at.elapsed() >= patience && since.warned != hashes;
        if is_due {
            since.warned = hashes;
        }
        is_due
    }
}

impl Coordinated {
    /// Compares this instance's configurations with the others', as they were last read.
    pub(super) fn compare_configs(&self, own: &InstanceReport) {
        let others = lock(&self.instances).clone();
        let others = others.iter().filter(|other| other.id != own.id);
        let others: Vec<_> = others.flat_map(|other| &other.files).collect();
        for (tenant, hash) in &own.files {
            let theirs = others.iter().filter(|(owner, _)| owner == tenant);
            let mut hashes: BTreeSet<String> = theirs.map(|(_, hash)| hash.clone()).collect();
            hashes.insert(hash.clone());
            let count = hashes.len();
            let patience = self.timing.foreign_move_after;
            if lock(&self.differing).see(tenant, hashes, patience) {
                tracing::warn!(
                    %tenant,
                    own = hash,
                    count,
                    "Instances have different configurations for this tenant: who is told depends on which of them tells"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_difference_that_lasts_is_said_once_per_change() {
        let mut differing = Differing::default();
        let tenant = TenantId::default_tenant();
        let minute = Duration::from_secs(60);
        let mut see = |hashes: &[&str]| {
            let hashes = hashes.iter().map(|hash| (*hash).to_owned());
            differing.see(&tenant, hashes.collect(), minute)
        };
        assert!(!see(&["a"]) && !see(&["a", "b"]));
        tokio::time::advance(minute / 2).await;
        assert!(!see(&["a", "b"]), "a reload goes from one to the next");
        tokio::time::advance(minute / 2).await;
        assert!(see(&["a", "b"]));
        assert!(!see(&["a", "b"]), "once");
        assert!(see(&["a", "c"]), "and once when it changes");
        assert!(!see(&["c"]) && !see(&["c", "d"]), "they agreed meanwhile");
        tokio::time::advance(minute).await;
        assert!(see(&["c", "d"]));
    }
}
