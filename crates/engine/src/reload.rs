//! Putting a configuration in force: whole, while alerts keep coming, without telling anything twice (D5).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, MutexGuard, PoisonError};

use domain::alert::Alert;
use domain::group::GroupIdentity;
use domain::group::told::Told;
use domain::id::{GroupKey, IntegrationId, TenantId};
use store::journal::Record;

use crate::maintenance::{group_record, group_records};
use crate::settings::Settings;
use crate::{Engine, EngineError, Tenant};

/// That an integration was told something of a group, by the number of the last message.
pub(crate) struct ToldTo {
    pub(crate) group: Arc<GroupIdentity>,
    pub(crate) integration: IntegrationId,
    pub(crate) seq: u64,
}

impl Engine {
    /// Puts configurations in force: tenants that are new begin empty, those that are missing stop being served until they
    /// are named again.
    ///
    /// Groups keep what was told, members whose routes changed move with it, and every group that ticked before ticks at
    /// once (protocol.md §1). Sends under way are not cut.
    pub async fn configure(
        &self,
        wanted: BTreeMap<TenantId, Arc<Settings>>,
    ) -> Result<(), EngineError> {
        let mut known = BTreeMap::clone(&self.tenants.load());
        known.extend(self.retired().clone());
        let mut tenants = BTreeMap::new();
        for (id, settings) in wanted {
            let tenant = match known.remove(&id) {
                Some(tenant) => {
                    self.reconfigure(&tenant, settings).await?;
                    tenant
                }
                None => Arc::new(Tenant::new(id.clone(), settings)),
            };
            tenants.insert(id, tenant);
        }
        self.tenants.store(Arc::new(tenants));
        *self.retired() = known;
        self.events_reconfigured();
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

    fn retired(&self) -> MutexGuard<'_, BTreeMap<TenantId, Arc<Tenant>>> {
        self.retired.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn reconfigure(
        &self,
        tenant: &Arc<Tenant>,
        settings: Arc<Settings>,
    ) -> Result<(), EngineError> {
        let _nothing_is_placed = tenant.placing.write().await;
        let now = self.clock.now();
        let id = tenant.id().clone();
        let (before, mut fallbacks) = self.groups_before(&id);
        let placement = |alert: &Alert| settings.placement(&id, &alert.labels, &self.interner);
        let hash = settings.config_hash();
        // What is heard of from others meanwhile is placed by it already.
        tenant.set_coming(Some(Arc::clone(&settings)));
        let moved = self.state.reconfigure(&id, hash, &placement, now).await;
        if moved.is_ok() {
            let rules = settings.inhibit_rules.clone();
            tenant.mirror_mut().regroup(rules, placement);
            settings.go_on_from(&tenant.settings());
            tenant.set_settings(Arc::clone(&settings));
        }
        tenant.set_coming(None);
        moved.map_err(|error| EngineError::Unavailable(error.to_string()))?;
        // Grids restarted and members moved: the journal learns of it before the reload is reported done.
        self.record_groups(&id, before).await?;
        // A group that is no more takes along what it told.
        fallbacks.retain(|told| {
            let group = self.state.group(&id, told.group.key);
            group.is_some_and(|group| group.told.iter().all(|(id, _)| *id != told.integration))
        });
        self.record_forgotten(fallbacks).await
    }

    /// Records that what former fallbacks were told counts no more: it would again, should they become fallbacks again.
    pub(crate) async fn record_forgotten(&self, told: Vec<ToldTo>) -> Result<(), EngineError> {
        let records = told.into_iter().map(|told| Record::Told {
            tenant: told.group.tenant.clone(),
            key: told.group.key,
            integration: told.integration,
            told: Arc::new(Told {
                seq: told.seq,
                ..Told::default()
            }),
        });
        let written = self.journal.append(records.collect()).await;
        written.map_err(|error| EngineError::Unavailable(error.to_string()))
    }

    /// The groups of a tenant, and what integrations of fallbacks were told in them.
    fn groups_before(&self, tenant: &TenantId) -> (BTreeSet<GroupKey>, Vec<ToldTo>) {
        let (mut keys, mut fallbacks) = (BTreeSet::new(), Vec::new());
        self.state.visit_groups(&mut |group| {
            let identity = &group.identity;
            if identity.tenant != *tenant {
                return;
            }
            keys.insert(identity.key);
            let specs = identity.receiver.integrations.iter();
            let specs = specs.filter(|spec| spec.is_fallback);
            fallbacks.extend(specs.filter_map(|spec| {
                let (_, told) = group.told.iter().find(|(id, _)| *id == spec.id)?;
                Some(ToldTo {
                    group: Arc::clone(identity),
                    integration: spec.id.clone(),
                    seq: told.seq,
                })
            }));
        });
        (keys, fallbacks)
    }

    /// Records every group of a tenant as it is now, and that those of `before` that are no more are gone.
    pub(crate) async fn record_groups(
        &self,
        tenant: &TenantId,
        mut before: BTreeSet<GroupKey>,
    ) -> Result<(), EngineError> {
        let mut records = Vec::new();
        // What was told of their members is in no other group yet: what is recorded of them stays until it is.
        let waiting = self.state.groups_left_for_later(tenant);
        self.state.visit_groups(&mut |group| {
            if group.identity.tenant != *tenant {
                return;
            }
            before.remove(&group.identity.key);
            match waiting.contains(&group.identity.key) {
                true => records.push(group_record(&group)),
                false => records.extend(group_records(&group)),
            }
        });
        // What a dissolved group was told is in the groups its members moved to; left behind, it would be carried over
        // again at every start.
        let gone = before.into_iter().filter(|key| !waiting.contains(key));
        records.extend(gone.map(|key| Record::GroupGone {
            tenant: tenant.clone(),
            key,
        }));
        let written = self.journal.append(records).await;
        written.map_err(|error| EngineError::Unavailable(error.to_string()))
    }
}
