//! Messages that could not say what the configuration wants: kept beside what was told, in memory and in the journal.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::group::GroupIdentity;
use domain::group::told::ToldMessage;
use domain::id::{GroupKey, IntegrationId, TenantId};
use domain::time::Timestamp;
use runtime::metrics::IntegrationMetrics;
use store::journal::Record;

/// An accepted message that said something else in place of templates that failed.
#[derive(Clone, Debug)]
pub(crate) struct Fallback {
    /// When it was accepted, which tells it from the messages before and after it.
    pub(crate) sent_at: Timestamp,
    /// Which templates failed and why.
    pub(crate) failure: Arc<str>,
}

impl Fallback {
    /// One of a message that was accepted then.
    pub(crate) fn new(sent_at: Timestamp, failure: String) -> Self {
        let failure = failure.into();
        Self { sent_at, failure }
    }
}

/// The last such message of each group's integrations.
#[derive(Default)]
pub(crate) struct Fallbacks(Mutex<HashMap<GroupKey, BTreeMap<IntegrationId, Fallback>>>);

impl Fallbacks {
    fn lock(&self) -> MutexGuard<'_, HashMap<GroupKey, BTreeMap<IntegrationId, Fallback>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What failed in the last message an integration accepted about a group.
    pub(crate) fn failure(
        &self,
        group: GroupKey,
        integration: &IntegrationId,
        last: Option<&ToldMessage>,
    ) -> Option<Arc<str>> {
        let all = self.lock();
        let fallback = all.get(&group)?.get(integration)?;
        // Another instance may have sent a later message, and what is shared is told in milliseconds.
        let is_last = last?.sent_at.unix_ms() == fallback.sent_at.unix_ms();
        is_last.then(|| Arc::clone(&fallback.failure))
    }

    /// Notes how a message was that was just accepted; `None`: it said what it should. One that did not is logged and counted, and
    /// its record belongs beside that of what was told.
    pub(crate) fn note(
        &self,
        group: &GroupIdentity,
        integration: &IntegrationId,
        metrics: &IntegrationMetrics,
        fallback: Option<Fallback>,
    ) -> Option<Record> {
        if let Some(Fallback { failure, .. }) = &fallback {
            metrics.fell_back();
            tracing::warn!(
                tenant = %group.tenant, group = %group.key, %integration, %failure,
                "A template failed; the message says the default in its place"
            );
        }
        self.set(group.key, integration, fallback.clone());
        let fallback = fallback?;
        Some(record(&group.tenant, group.key, integration, fallback))
    }

    /// Puts back what the journal holds.
    pub(crate) fn restore(&self, group: GroupKey, all: &BTreeMap<IntegrationId, Fallback>) {
        for (integration, fallback) in all {
            self.set(group, integration, Some(fallback.clone()));
        }
    }

    fn set(&self, group: GroupKey, integration: &IntegrationId, fallback: Option<Fallback>) {
        let mut all = self.lock();
        if let Some(fallback) = fallback {
            let of_group = all.entry(group).or_default();
            of_group.insert(integration.clone(), fallback);
        } else if let Some(of_group) = all.get_mut(&group) {
            of_group.remove(integration);
            if of_group.is_empty() {
                all.remove(&group);
            }
        }
    }

    /// Forgets a group that is no more.
    pub(crate) fn forget(&self, group: GroupKey) {
        self.lock().remove(&group);
    }

    /// Everything the journal keeps of them.
    pub(crate) fn records(&self, tenant: &TenantId) -> Vec<Record> {
        let all = self.lock();
        let each = all.iter().flat_map(|(key, of_group)| {
            let integrations = of_group.iter();
            integrations
                .map(|(integration, fallback)| record(tenant, *key, integration, fallback.clone()))
        });
        each.collect()
    }
}

/// What the journal keeps of one.
fn record(
    tenant: &TenantId,
    key: GroupKey,
    integration: &IntegrationId,
    fallback: Fallback,
) -> Record {
    Record::Fallback {
        tenant: tenant.clone(),
        key,
        integration: integration.clone(),
        sent_at: fallback.sent_at,
        failure: fallback.failure,
    }
}
