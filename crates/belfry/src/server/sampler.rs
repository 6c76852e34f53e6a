//! Taking stock for `/metrics`.

use std::sync::Arc;
use std::time::Duration;

use engine::read::AlertQuery;
use engine::{Engine, Standing};
use runtime::metrics::{AlertCounts, ClusterSample, Sample, SharingSample, SilenceCounts};
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
        let standing = self.engine.standing();
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
            cluster: self.cluster(standing.as_ref()),
            sharing: standing.as_ref().map(sharing).unwrap_or_default(),
            mode: self.engine.mode().as_str(),
        }
    }
}

impl StateSampler {
    /// The instances as Alertmanager's cluster metrics show them: those known to live, without asking anybody.
    fn cluster(&self, standing: Option<&Standing>) -> ClusterSample {
        let Some(standing) = standing else {
            return ClusterSample {
                enabled: self.has_cluster,
                ..ClusterSample::default()
            };
        };
        let mut ids = standing.instances.iter().map(|instance| &instance.id);
        ClusterSample {
            enabled: true,
            members: standing.instances.len(),
            position: ids.position(|id| *id == standing.own.id).unwrap_or(0),
            ..ClusterSample::default()
        }
    }
}

fn sharing(standing: &Standing) -> SharingSample {
    let (counts, clocks) = (standing.counts, standing.clocks);
    let seconds = |ms: i64| Duration::from_millis(ms.unsigned_abs()).as_secs_f64();
    let signed = |ms: i64| if ms < 0 { -seconds(ms) } else { seconds(ms) };
    SharingSample {
        mode_changes: counts.mode_changes,
        failures: counts.failures,
        data_losses: counts.data_losses,
        audit_repaired: counts.audit_repaired,
        rereads: counts.rereads,
        lag_seconds: standing.lag.as_secs_f64(),
        clock_offsets_seconds: [clocks.shared_ms, clocks.instance_ms].map(signed),
    }
}
