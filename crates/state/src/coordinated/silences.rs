//! Silences: of every instance at once, because a claim waits for the version that was in force when it was made.

use std::collections::HashMap;
use std::sync::Arc;

use domain::id::TenantId;
use domain::silence::Silence;
use domain::time::Timestamp;

use super::{Alone, Coordinated, lock};
use crate::coordinator::{CoordinatorError, SharedSilences};
use crate::host::News;
use crate::{Mode, SilencePut, StateError};

/// Silences belong to no shard; they fail with the first.
const SILENCE_SHARD: usize = 0;

impl Coordinated {
    pub(super) async fn silence_put_shared(
        &self,
        tenant: &TenantId,
        silence: Arc<Silence>,
        seen: Option<Timestamp>,
    ) -> Result<SilencePut, StateError> {
        let asked = self
            .attempt(SILENCE_SHARD, || {
                self.shared.silence_put(tenant, &silence, seen)
            })
            .await;
        match asked {
            Ok(SilencePut::Stored { version }) => {
                // What somebody else changed in between is fetched with the next claims.
                lock(&self.silences_made).insert(tenant.clone(), version);
                Ok(SilencePut::Stored { version })
            }
            Ok(SilencePut::Conflict) => self.conflict(tenant, &silence).await,
            // In force here; the others learn of it when shared state is back.
            Err(Alone) => Ok(SilencePut::Stored { version: 0 }),
        }
    }

    /// Somebody changed the silence since it was read; or we did, and the answer was lost.
    async fn conflict(
        &self,
        tenant: &TenantId,
        silence: &Arc<Silence>,
    ) -> Result<SilencePut, StateError> {
        let shared = self.fetch_silences(tenant).await;
        let Ok(shared) = shared else {
            return Ok(SilencePut::Stored { version: 0 });
        };
        let is_stored = shared.silences.iter().any(|stored| {
            stored.id == silence.id
                && stored.updated_at == silence.updated_at
                && stored.ends_at == silence.ends_at
        });
        if is_stored {
            let version = shared.version;
            return Ok(SilencePut::Stored { version });
        }
        Ok(SilencePut::Conflict)
    }

    /// Fetches the silences of tenants that have other ones than are known here; answers whether all are known now.
    pub(super) async fn silences_caught_up(
        &self,
        tenants: &[TenantId],
        versions: Result<Vec<u64>, CoordinatorError>,
    ) -> bool {
        let Ok(versions) = versions else {
            return self.current_mode() == Mode::Degraded;
        };
        for (tenant, version) in tenants.iter().zip(versions) {
            let seen = self.current_version(tenant).silences;
            let caught_up = if version < seen {
                self.meet_silences_again(tenant, seen).await
            } else if self.known_silences(tenant) < version {
                self.fetch_silences(tenant).await.map(drop)
            } else {
                Ok(())
            };
            if caught_up.is_err() {
                return false;
            }
        }
        true
    }

    /// A version lower than one `seen` before: the answer was overtaken, or what it told of was lost.
    async fn meet_silences_again(&self, tenant: &TenantId, seen: u64) -> Result<(), Alone> {
        let shared = self.fetch_silences(tenant).await?;
        if shared.version < seen {
            // What counts from now on is the number of the data that is there.
            for versions in [&self.silence_versions, &self.silences_made] {
                let mut versions = lock(versions);
                let version = versions.get_mut(tenant).filter(|version| **version <= seen);
                version
                    .into_iter()
                    .for_each(|version| *version = shared.version.min(*version));
            }
        }
        Ok(())
    }

    /// Reads a tenant's silences, makes those that are newer than here known to the engine, and puts back what is not there: a
    /// failover may have lost it.
    pub(super) async fn fetch_silences(&self, tenant: &TenantId) -> Result<SharedSilences, Alone> {
        let shared = self
            .attempt(SILENCE_SHARD, || self.shared.silences(tenant))
            .await?;
        self.take_silences(tenant, &shared).await;
        self.put_back_silences(tenant, &shared).await?;
        // An answer that was on its way for longer than another one says nothing about what is known by now.
        let mut versions = lock(&self.silence_versions);
        let known = versions.entry(tenant.clone()).or_default();
        *known = shared.version.max(*known);
        drop(versions);
        Ok(shared)
    }

    async fn take_silences(&self, tenant: &TenantId, shared: &SharedSilences) {
        if let Some(host) = self.host() {
            let known = host.silences(tenant);
            let known: HashMap<&str, Timestamp> = known
                .iter()
                .map(|silence| (&*silence.id, silence.updated_at))
                .collect();
            let is_news = |silence: &&Arc<Silence>| {
                let known = known.get(&*silence.id);
                known.is_none_or(|updated_at| *updated_at < silence.updated_at)
            };
            let silences: Vec<_> = shared.silences.iter().filter(is_news).cloned().collect();
            if !silences.is_empty() {
                let news = News::Silences {
                    tenant: tenant.clone(),
                    silences,
                    version: shared.version,
                };
                host.heard(vec![news]).await;
            }
        }
    }

    /// Merges in what is known later here than there; that raises the version, so the others fetch it.
    async fn put_back_silences(
        &self,
        tenant: &TenantId,
        shared: &SharedSilences,
    ) -> Result<(), Alone> {
        let Some(host) = self.host() else {
            return Ok(());
        };
        let there: HashMap<&str, Timestamp> = shared
            .silences
            .iter()
            .map(|silence| (&*silence.id, silence.updated_at))
            .collect();
        let now = self.clock.now();
        let mut missing = host.silences(tenant);
        missing.retain(|silence| match there.get(&*silence.id) {
            Some(updated_at) => *updated_at < silence.updated_at,
            // What is over may have been forgotten by others.
            None => now < silence.ends_at,
        });
        if missing.is_empty() {
            return Ok(());
        }
        tracing::debug!(%tenant, count = missing.len(), "Silences that are not shared are put back");
        self.attempt(SILENCE_SHARD, || {
            self.shared.silence_merge(tenant, &missing)
        })
        .await
        .map(drop)
    }

    /// Learns of silences other instances made.
    pub(super) async fn follow_silences(&self) {
        let tenants = self.host().map(|host| host.tenants()).unwrap_or_default();
        let versions = self.shared.silence_versions(&tenants).await;
        self.silences_caught_up(&tenants, versions).await;
    }

    /// Makes every tenant's silences the same here and there: of each the one changed later.
    pub(super) async fn reconcile_silences(&self) -> Result<(), Alone> {
        let Some(host) = self.host() else {
            return Ok(());
        };
        for tenant in host.tenants() {
            let silences = host.silences(&tenant);
            if !silences.is_empty() {
                self.insist(None, || self.shared.silence_merge(&tenant, &silences))
                    .await?;
            }
            let shared = self.insist(None, || self.shared.silences(&tenant)).await?;
            self.take_silences(&tenant, &shared).await;
            // Lower after a loss: what counts from now on is the number of the data that is there.
            lock(&self.silence_versions).insert(tenant.clone(), shared.version);
        }
        Ok(())
    }
}
