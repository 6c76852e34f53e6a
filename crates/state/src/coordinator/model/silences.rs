//! Silences: changed by whoever has seen their last version, merged by age.

use std::sync::Arc;

use domain::id::TenantId;
use domain::silence::Silence;
use domain::time::Timestamp;

use super::millis;
use super::server::{Request, Server};
use crate::SilencePut;
use crate::coordinator::SharedSilences;

impl Server {
    pub(super) fn silence_put(
        &mut self,
        request: &Request,
        tenant: &TenantId,
        silence: &Arc<Silence>,
        seen: Option<Timestamp>,
    ) -> SilencePut {
        let known = self.data.silences.entry(tenant.clone()).or_default();
        let current = known.silences.iter_mut().find(|s| s.id == silence.id);
        if current
            .as_ref()
            .is_some_and(|current| is_same(current, silence))
        {
            // The answer to the first request was lost.
            let version = known.version;
            return SilencePut::Stored { version };
        }
        if current.as_ref().map(|current| current.updated_at) != seen {
            return SilencePut::Conflict;
        }
        match current {
            Some(current) => *current = Arc::clone(silence),
            None => known.silences.push(Arc::clone(silence)),
        }
        let version = raise(known, request);
        self.news += 1;
        SilencePut::Stored { version }
    }

    pub(super) fn silence_merge(
        &mut self,
        request: &Request,
        tenant: &TenantId,
        silences: &[Arc<Silence>],
    ) -> u64 {
        let known = self.data.silences.entry(tenant.clone()).or_default();
        let mut has_changed = false;
        for silence in silences {
            match known.silences.iter_mut().find(|s| s.id == silence.id) {
                Some(current) if silence.updated_at <= current.updated_at => continue,
                Some(current) => *current = Arc::clone(silence),
                None => known.silences.push(Arc::clone(silence)),
            }
            has_changed = true;
        }
        if has_changed {
            raise(known, request);
            self.news += 1;
        }
        self.data
            .silences
            .get(tenant)
            .map_or(0, |known| known.version)
    }

    pub(super) fn silence_forget(&mut self, tenant: &TenantId, ids: &[Arc<str>]) {
        if let Some(known) = self.data.silences.get_mut(tenant) {
            known.silences.retain(|silence| !ids.contains(&silence.id));
        }
    }

    pub(super) fn silences_of(&self, tenant: &TenantId) -> SharedSilences {
        let known = self.data.silences.get(tenant);
        known.cloned().unwrap_or_default()
    }

    pub(super) fn silence_versions(&self, tenants: &[TenantId]) -> Vec<u64> {
        let version = |tenant| self.data.silences.get(tenant).map_or(0, |s| s.version);
        tenants.iter().map(version).collect()
    }
}

/// Raises a version above every one there ever was, also before a loss.
fn raise(known: &mut SharedSilences, request: &Request) -> u64 {
    known.version = (known.version + 1).max(millis(request.now));
    known.version
}

fn is_same(a: &Silence, b: &Silence) -> bool {
    a.updated_at == b.updated_at
        && a.starts_at == b.starts_at
        && a.ends_at == b.ends_at
        && a.created_by == b.created_by
        && a.comment == b.comment
}
