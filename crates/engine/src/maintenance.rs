//! House-keeping: forgetting what is over, and keeping the journal small.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::alert::Alert;
use domain::group::GroupIdentity;
use domain::group::told::Told;
use domain::id::{IntegrationId, TenantId};
use runtime::tasks::Stop;
use state::{EndedGroup, GroupSnapshot};
use store::journal::Record;
use tokio::time::Instant;

use crate::{Engine, Tenant};

/// How often the journal is asked whether it wants compaction.
const COMPACTION_CHECK: Duration = Duration::from_secs(5);

/// Objects restated in one append.
const CHUNK: usize = 1_000;

impl Engine {
    /// Runs maintenance until told to stop.
    pub async fn maintain(self: Arc<Self>, stop: Stop) {
        let mut alerts_at = Instant::now() + self.options.alerts_gc_interval;
        let mut silences_at = Instant::now() + self.options.maintenance_interval;
        loop {
            tokio::select! {
                () = tokio::time::sleep(COMPACTION_CHECK) => {}
                () = stop.stopped() => {
                    self.events.close();
                    return;
                }
            }
            if alerts_at <= Instant::now() {
                alerts_at = Instant::now() + self.options.alerts_gc_interval;
                self.collect_alerts().await;
            }
            if silences_at <= Instant::now() {
                silences_at = Instant::now() + self.options.maintenance_interval;
                self.collect_silences().await;
            }
            self.compact_if_wanted().await;
        }
    }

    /// Forgets alerts that have been over for a collection interval and that nobody is owed.
    pub async fn collect_alerts(&self) {
        let before = self.clock.now();
        for tenant in self.tenants() {
            // Nothing is placed meanwhile: an alert that fires again must not be forgotten under its poster's hands.
            let _nothing_is_placed = tenant.placing.write().await;
            match self.state.collect(tenant.id(), before).await {
                Ok(gone) => tenant.mirror_mut().forget(&gone),
                Err(error) => {
                    tracing::warn!(%error, tenant = %tenant.id(), "Ended alerts could not be collected")
                }
            }
        }
        self.interner.sweep();
    }

    /// Forgets silences whose retention is over.
    pub async fn collect_silences(&self) {
        let now = self.clock.now();
        self.metrics.silences.maintenance.inc();
        self.metrics.nflog.maintenance.inc();
        for tenant in self.tenants() {
            tenant.inheritance().sweep(now);
            let gone = tenant
                .mirror_mut()
                .silences_mut()
                .collect(now, self.options.retention);
            if gone.is_empty() {
                continue;
            }
            if let Err(error) = self.state.silence_forget(tenant.id(), &gone).await {
                tracing::warn!(%error, tenant = %tenant.id(), "Expired silences could not be forgotten");
            }
            let record = |id: Arc<str>| Record::SilenceGone {
                tenant: tenant.id().clone(),
                id,
            };
            self.record_later(gone.into_iter().map(record).collect())
                .await;
        }
    }

    /// Restates everything that lives, if the journal is mostly outdated or a record is missing from it.
    pub async fn compact_if_wanted(&self) {
        if !self.journal.wants_compaction() && !self.has_unrecorded.load(Ordering::Relaxed) {
            return;
        }
        self.has_unrecorded.store(false, Ordering::Relaxed);
        tracing::debug!("Compacting the journal");
        match self.compact().await {
            Ok(()) => tracing::debug!("The journal is compacted"),
            Err(error) => {
                self.has_unrecorded.store(true, Ordering::Relaxed);
                tracing::warn!(%error, "The journal could not be compacted; it is tried again");
            }
        }
    }

    async fn compact(&self) -> Result<(), store::StoreError> {
        let mark = {
            let _nothing_between_record_and_commit = self.recording.write().await;
            self.journal.begin_compaction().await?
        };
        let alone = self
            .known_alone_since()
            .map(|since| Record::Alone { since });
        self.journal.append(alone.into_iter().collect()).await?;
        for tenant in self.tenants() {
            self.restate_tenant(&tenant).await?;
        }
        // Groups that came to be anew are restated behind the end of what they were.
        let ended = self.state.ended_alone();
        self.restate(ended.iter().flat_map(ended_records).collect())
            .await?;
        let mut groups = Vec::new();
        self.state
            .visit_groups(&mut |group| groups.extend(group_records(&group)));
        self.restate(groups).await?;
        self.journal.finish_compaction(mark).await
    }

    async fn restate(&self, mut records: Vec<Record>) -> Result<(), store::StoreError> {
        while !records.is_empty() {
            let rest = records.split_off(records.len().min(CHUNK));
            self.journal
                .append(std::mem::replace(&mut records, rest))
                .await?;
        }
        Ok(())
    }

    async fn restate_tenant(&self, tenant: &Arc<Tenant>) -> Result<(), store::StoreError> {
        let id = tenant.id();
        let silences = tenant.silences();
        for chunk in silences.chunks(CHUNK) {
            let record = |s: &Arc<_>| Record::Silence {
                tenant: id.clone(),
                silence: Arc::clone(s),
            };
            self.journal
                .append(chunk.iter().map(record).collect())
                .await?;
        }
        // A list of pointers: reading it chunk by chunk would have to survive changes in between.
        let alerts: Vec<_> = tenant.mirror().all().cloned().collect();
        for chunk in alerts.chunks(CHUNK) {
            self.journal
                .append(chunk.iter().map(|a| self.alert_record(id, a)).collect())
                .await?;
        }
        let fallbacks = tenant.fallbacks().records(id).into_iter();
        let rest: Vec<_> = fallbacks.chain(tenant.inheritance().records(id)).collect();
        for chunk in rest.chunks(CHUNK) {
            self.journal.append(chunk.to_vec()).await?;
        }
        Ok(())
    }

    fn alert_record(&self, tenant: &TenantId, alert: &Arc<Alert>) -> Record {
        Record::Alert {
            tenant: tenant.clone(),
            alert: Arc::clone(alert),
            is_own: self.state.has_own_record(tenant, alert.fingerprint),
        }
    }
}

/// What the journal keeps of a group that ended while this instance was alone: what was told last, and that it is no more.
fn ended_records(ended: &EndedGroup) -> Vec<Record> {
    let (tenant, key) = (&ended.identity.tenant, ended.identity.key);
    let gone = Record::GroupGone {
        tenant: tenant.clone(),
        key,
    };
    let mut records = told_records(&ended.identity, &ended.told);
    records.push(gone);
    records
}

/// Everything the journal keeps of a group.
pub(crate) fn group_records(group: &GroupSnapshot) -> Vec<Record> {
    let told = told_records(&group.identity, &group.told);
    std::iter::once(group_record(group)).chain(told).collect()
}

/// What the journal keeps of a group but for what was told.
pub(crate) fn group_record(group: &GroupSnapshot) -> Record {
    Record::Group {
        tenant: group.identity.tenant.clone(),
        key: group.identity.key,
        lineage: group.identity.lineage(),
        first_tick: group.first_tick,
    }
}

fn told_records(group: &GroupIdentity, told: &[(IntegrationId, Told)]) -> Vec<Record> {
    let record = |(integration, told): &(IntegrationId, Told)| Record::Told {
        tenant: group.tenant.clone(),
        key: group.key,
        integration: integration.clone(),
        told: Arc::new(told.clone()),
    };
    told.iter().map(record).collect()
}
