//! Taking stock for `/metrics`.

use std::sync::Arc;

use engine::Engine;
use engine::read::AlertQuery;
use runtime::metrics::{AlertCounts, ClusterSample, Sample, SilenceCounts};
use runtime::tasks::TaskGroup;

/// Counts what the engine holds at the moment of a scrape.
pub(super) struct StateSampler {
    pub(super) engine: Arc<Engine>,
    /// The background tasks, for their panics.
    pub(super) tasks: Arc<TaskGroup>,
    /// Whether the instance shows itself as a cluster of one.
    pub(super) has_cluster: bool,
}

impl api::Sampler for StateSampler {
    fn sample(&self) -> Sample {
        let panics = &self.engine.metrics().task_panics;
        panics.inc_by(self.tasks.panics().saturating_sub(panics.get()));
        let now = self.engine.clock().now();
        let tenants = self.engine.tenants();
        let (mut alerts, mut silences) = (AlertCounts::default(), SilenceCounts::default());
        for tenant in &tenants {
            let page = tenant.alerts(&AlertQuery::default(), now);
            let suppressed = page
                .alerts
                .iter()
                .filter(|view| view.is_suppressed())
                .count();
            alerts.suppressed += suppressed;
            alerts.active += page.alerts.len() - suppressed;
            let (active, pending, expired) = self.engine.silence_counts(tenant);
            silences.active += active;
            silences.pending += pending;
            silences.expired += expired;
        }
        Sample {
            alerts: Some(alerts),
            silences,
            groups: self.engine.group_count(),
            alerts_held: tenants.iter().map(|tenant| tenant.alerts_held()).sum(),
            interned_labels: self.engine.interned_count(),
            tenants: tenants.len(),
            cluster: ClusterSample {
                enabled: self.has_cluster,
                ..ClusterSample::default()
            },
            mode: "embedded",
        }
    }
}
