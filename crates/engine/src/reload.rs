//! Putting a configuration in force: whole, while alerts keep coming, without telling anything twice (D5).

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::alert::Alert;
use domain::id::TenantId;

use crate::settings::Settings;
use crate::{Engine, EngineError, Tenant};

impl Engine {
    /// Puts configurations in force: tenants that are new begin empty, those that are missing stop being served.
    ///
    /// Groups keep what was told, members whose routes changed move with it, and every group that ticked before ticks at
    /// once (protocol.md §1). Sends under way are not cut.
    pub async fn configure(
        &self,
        wanted: BTreeMap<TenantId, Arc<Settings>>,
    ) -> Result<(), EngineError> {
        let known = self.tenants.load_full();
        let mut tenants = BTreeMap::new();
        for (id, settings) in wanted {
            let tenant = match known.get(&id) {
                Some(tenant) => {
                    self.reconfigure(tenant, settings).await?;
                    Arc::clone(tenant)
                }
                None => Arc::new(Tenant::new(id.clone(), settings)),
            };
            tenants.insert(id, tenant);
        }
        self.tenants.store(Arc::new(tenants));
        self.wake.notify_one();
        Ok(())
    }

    /// Notes in the metrics what is in force; `hash` is Alertmanager's number of the default tenant's file.
    pub fn note_configuration(&self, hash: u64) {
        let mut counts = runtime::metrics::ConfigCounts::default();
        for tenant in self.tenants() {
            let settings = tenant.settings();
            let (receivers, integrations) = settings.used_counts();
            counts.receivers += receivers;
            counts.integrations += integrations;
            counts.inhibition_rules += settings.inhibit_rules.len();
        }
        self.metrics.config.loaded(hash, counts, self.clock.now());
    }

    async fn reconfigure(
        &self,
        tenant: &Arc<Tenant>,
        settings: Arc<Settings>,
    ) -> Result<(), EngineError> {
        let _nothing_is_placed = tenant.placing.write().await;
        let now = self.clock.now();
        let id = tenant.id().clone();
        let placement = |alert: &Alert| settings.placement(&id, &alert.labels, &self.interner);
        let moved = self.state.reconfigure(&id, &placement, now).await;
        moved.map_err(|error| EngineError::Unavailable(error.to_string()))?;
        tenant
            .mirror_mut()
            .regroup(settings.inhibit_rules.clone(), placement);
        tenant.set_settings(Arc::clone(&settings));
        // Grids restarted and members moved: the journal learns of it before the reload is reported done.
        self.record_groups(&id).await
    }

    /// Records every group of a tenant as it is now.
    pub(crate) async fn record_groups(&self, tenant: &TenantId) -> Result<(), EngineError> {
        let mut records = Vec::new();
        self.state.visit_groups(&mut |group| {
            if group.identity.tenant == *tenant {
                records.extend(crate::maintenance::group_records(&group));
            }
        });
        let written = self.journal.append(records).await;
        written.map_err(|error| EngineError::Unavailable(error.to_string()))
    }
}
