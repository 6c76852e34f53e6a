//! What became of what an Alertmanager left.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::register::Register;
use super::{Pairs, table};

/// What becomes of an entry.
const RESULTS: [&str; 4] = ["imported", "expired", "skipped", "unreadable"];

/// Counters of entries, by kind and result.
#[derive(Clone, Debug)]
pub struct MigrationMetrics(Family<Pairs, Counter>);

impl MigrationMetrics {
    pub(super) fn new(r: &mut Register) -> Self {
        let metrics = Self(r.add(table::BELFRY_MIGRATION_ENTRIES, Family::default()));
        for kind in ["silence", "nflog"] {
            metrics.count(kind, [0; 4]);
        }
        metrics
    }

    /// Counts entries of a kind (`silence`, `nflog`): imported, expired, skipped because they say nothing new, or unreadable.
    pub fn count(&self, kind: &'static str, [imported, expired, skipped, unreadable]: [u64; 4]) {
        let counts = [imported, expired, skipped, unreadable];
        for (result, count) in RESULTS.into_iter().zip(counts) {
            self.add(kind, result, count);
        }
    }

    fn add(&self, kind: &str, result: &str, count: u64) {
        let labels = vec![("kind", kind.to_owned()), ("result", result.to_owned())];
        self.0.get_or_create_owned(&labels).inc_by(count);
    }
}
