//! Taking over what an Alertmanager left, once: its silences, and what it told, so that nobody is told again.

use std::sync::Arc;

use domain::group::inherited::Inherited;
use domain::group::key;
use domain::id::{GroupKey, IntegrationId};
use domain::silence::Silence;
use store::alertmanager::{Left, Notified};
use store::journal::Record;

use crate::settings::Settings;
use crate::{Engine, EngineError, Tenant, inheritance};

/// Silences stored, or records written, at a time.
const CHUNK: usize = 1_000;

/// What became of entries of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Taken over.
    pub imported: u64,
    /// Too old to count.
    pub expired: u64,
    /// They say nothing that is not known: a silence that is here already, a message after which nothing was firing.
    pub skipped: u64,
    /// Not to be read.
    pub unreadable: u64,
}

/// What became of all that was left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Silences.
    pub silences: Counts,
    /// Messages to one integration about one group.
    pub notified: Counts,
}

impl Counts {
    fn all(self) -> [u64; 4] {
        [self.imported, self.expired, self.skipped, self.unreadable]
    }
}

impl Engine {
    /// Whether what an Alertmanager left was taken over already.
    pub fn is_imported(&self, tenant: &Tenant) -> bool {
        tenant.inheritance().imported_at().is_some()
    }

    /// Takes over what an Alertmanager left; durable when it answers. Called after [`Engine::restore`], before anything is told:
    /// what is known here already counts where it is later.
    ///
    /// # Errors
    /// The journal could not be written. What was taken over until then is in force, and the next start does it again.
    pub async fn import(&self, tenant: &Arc<Tenant>, left: Left) -> Result<Imported, EngineError> {
        let imported = Imported {
            silences: self.import_silences(tenant, &left).await?,
            notified: self.import_notified(tenant, left).await?,
        };
        self.metrics
            .migration
            .count("silence", imported.silences.all());
        self.metrics
            .migration
            .count("nflog", imported.notified.all());
        Ok(imported)
    }

    async fn import_silences(
        &self,
        tenant: &Arc<Tenant>,
        left: &Left,
    ) -> Result<Counts, EngineError> {
        let _one_at_a_time = tenant.silencing.lock().await;
        let now = self.clock.now();
        let mut counts = Counts {
            unreadable: left.silences.unreadable,
            ..Counts::default()
        };
        let mut news: Vec<Arc<Silence>> = Vec::new();
        for silence in &left.silences.items {
            let known = tenant.silence(&silence.id);
            if silence.is_forgotten(now, self.options.retention) {
                counts.expired += 1;
            } else if known.is_some_and(|known| known.updated_at >= silence.updated_at) {
                counts.skipped += 1;
            } else {
                counts.imported += 1;
                news.push(Arc::new(silence.clone()));
            }
        }
        for chunk in news.chunks(CHUNK) {
            self.store_silences(tenant, chunk.to_vec()).await?;
        }
        Ok(counts)
    }

    /// Notes what was told; the last record says that all of it is there.
    async fn import_notified(
        &self,
        tenant: &Arc<Tenant>,
        left: Left,
    ) -> Result<Counts, EngineError> {
        let now = self.clock.now();
        let settings = tenant.settings();
        let mut counts = Counts {
            unreadable: left.notified.unreadable,
            ..Counts::default()
        };
        let mut records = Vec::new();
        for Notified {
            group_key,
            receiver,
            kind,
            index,
            said,
        } in left.notified.items
        {
            if said.expires_at <= now {
                counts.expired += 1;
                continue;
            }
            if said.firing.is_empty() {
                counts.skipped += 1;
                continue;
            }
            counts.imported += 1;
            let integration = IntegrationId::new(&receiver, &kind, index);
            let said: Arc<Inherited> = Arc::new(said);
            for key in keys(&settings, &group_key, &receiver) {
                let said = tenant
                    .inheritance()
                    .take(key, &integration, Arc::clone(&said));
                records.push(inheritance::record(tenant.id(), key, &integration, &said));
            }
        }
        tenant.inheritance().set_imported(now);
        records.push(Record::Imported {
            tenant: tenant.id().clone(),
            at: now,
        });
        for chunk in records.chunks(CHUNK) {
            let written = self.journal.append(chunk.to_vec()).await;
            written.map_err(|error| EngineError::Unavailable(error.to_string()))?;
        }
        Ok(counts)
    }
}

/// The groups that a key of Alertmanager's names: routes that are otherwise equal share it there and are told apart here.
fn keys(settings: &Settings, text: &str, receiver: &str) -> Vec<GroupKey> {
    let is_of = |route: &&domain::route::Route| {
        let labels = text.strip_prefix(&*route.key);
        *route.receiver == *receiver && labels.is_some_and(|labels| labels.starts_with(":{"))
    };
    let routes = settings.tree.routes().iter().filter(is_of);
    let mut ordinals: Vec<u32> = routes.map(|route| route.ordinal).collect();
    // A route that is not there now may come back with the next configuration.
    ordinals.push(0);
    ordinals.sort_unstable();
    ordinals.dedup();
    let stored = |ordinal| key::stored(text, receiver, ordinal);
    ordinals.into_iter().map(stored).collect()
}
