//! What the Alertmanager before us told, kept until its alerts have come or it does not count any more.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::group::GroupIdentity;
use domain::group::inherited::Inherited;
use domain::id::{GroupKey, IntegrationId, TenantId};
use domain::time::Timestamp;
use store::journal::Record;

type Messages = HashMap<GroupKey, BTreeMap<IntegrationId, Arc<Inherited>>>;

/// A tenant's inheritance.
#[derive(Default)]
pub(crate) struct Inheritance {
    messages: Mutex<Messages>,
    /// Whether there is any: asked for every post and flush.
    has_any: AtomicBool,
    imported_at: Mutex<Option<Timestamp>>,
}

impl Inheritance {
    fn lock(&self) -> MutexGuard<'_, Messages> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When it was taken over; `None` if it was not.
    pub(crate) fn imported_at(&self) -> Option<Timestamp> {
        let at = self.imported_at.lock();
        *at.unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that it was taken over.
    pub(crate) fn set_imported(&self, at: Timestamp) {
        let imported_at = self.imported_at.lock();
        *imported_at.unwrap_or_else(PoisonError::into_inner) = Some(at);
    }

    /// Whether nothing is to come.
    pub(crate) fn is_empty(&self) -> bool {
        !self.has_any.load(Ordering::Acquire)
    }

    /// What is to come of the last message to an integration about a group.
    pub(crate) fn get(
        &self,
        group: GroupKey,
        integration: &IntegrationId,
        now: Timestamp,
    ) -> Option<Arc<Inherited>> {
        if self.is_empty() {
            return None;
        }
        let inherited = self.lock().get(&group)?.get(integration).cloned();
        inherited.filter(|inherited| !inherited.is_over(now))
    }

    /// Whether some integration of these groups was told that an alert of this hash fires.
    pub(crate) fn names(&self, groups: &[Arc<GroupIdentity>], hash: u64, now: Timestamp) -> bool {
        let messages = self.lock();
        let of_groups = groups.iter().filter_map(|group| messages.get(&group.key));
        of_groups
            .flat_map(BTreeMap::values)
            .any(|inherited| !inherited.is_over(now) && inherited.firing.contains(&hash))
    }

    /// Takes in what is known of a message, in any order. Answers what is known of it now.
    pub(crate) fn take(
        &self,
        group: GroupKey,
        integration: &IntegrationId,
        inherited: Arc<Inherited>,
    ) -> Arc<Inherited> {
        let mut messages = self.lock();
        let of_group = messages.entry(group).or_default();
        let known = of_group
            .entry(integration.clone())
            .or_insert_with(|| Arc::clone(&inherited));
        Arc::make_mut(known).merge(Inherited::clone(&inherited));
        self.has_any.store(true, Ordering::Release);
        Arc::clone(known)
    }

    /// Forgets what does not count any more.
    pub(crate) fn sweep(&self, now: Timestamp) {
        let mut messages = self.lock();
        messages.retain(|_, of_group| {
            of_group.retain(|_, inherited| !inherited.is_over(now));
            !of_group.is_empty()
        });
        self.has_any.store(!messages.is_empty(), Ordering::Release);
    }

    /// Everything the journal keeps of it.
    pub(crate) fn records(&self, tenant: &TenantId) -> Vec<Record> {
        let at = self.imported_at();
        let imported = at.map(|at| Record::Imported {
            tenant: tenant.clone(),
            at,
        });
        let messages = self.lock();
        let each = messages.iter().flat_map(|(group, of_group)| {
            let integrations = of_group.iter();
            integrations.map(|(integration, said)| record(tenant, *group, integration, said))
        });
        imported.into_iter().chain(each).collect()
    }
}

/// The record of what is to come of a message.
pub(crate) fn record(
    tenant: &TenantId,
    key: GroupKey,
    integration: &IntegrationId,
    inherited: &Arc<Inherited>,
) -> Record {
    Record::Inherited {
        tenant: tenant.clone(),
        key,
        integration: integration.clone(),
        inherited: Arc::clone(inherited),
    }
}
