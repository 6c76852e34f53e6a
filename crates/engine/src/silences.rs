//! Silences: made, changed and ended by people; in force on every instance when the caller hears "yes".

use std::sync::Arc;

use domain::silence::edit::{self, SilenceError, SilencePost};
use domain::silence::{Silence, SilenceState};
use state::SilencePut;
use store::journal::Record;

use crate::{Engine, EngineError, Tenant};

/// Why a silence was not stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PutSilenceError {
    /// The id is unknown (404).
    #[error("silence not found")]
    NotFound,
    /// The post makes no sense or a limit is reached (400); the text is Alertmanager's.
    #[error("{0}")]
    Invalid(String),
    /// Nothing was stored; the same request may be repeated (503).
    #[error("{0}")]
    Unavailable(String),
}

impl Engine {
    /// Makes or changes a silence; answers its id, which is a new one when the change replaced it.
    pub async fn put_silence(
        &self,
        tenant: &Arc<Tenant>,
        post: SilencePost,
    ) -> Result<Arc<str>, PutSilenceError> {
        let _one_at_a_time = tenant.silencing.lock().await;
        let now = self.clock.now();
        let known = post.id.as_deref().and_then(|id| tenant.silence(id));
        let new_id = self.ids.uuid();
        let edit = edit::edit(
            post,
            known.as_deref(),
            &new_id,
            tenant.matcher_mode(),
            now.utc(),
        );
        let edit = edit.map_err(|error| match error {
            SilenceError::NotFound => PutSilenceError::NotFound,
            SilenceError::Invalid(text) => PutSilenceError::Invalid(text),
        })?;
        let is_new = tenant.silence(&edit.put.id).is_none();
        self.check_limits(tenant, &edit.put, is_new)?;
        let id = Arc::clone(&edit.put.id);
        // The new one first: dying in between leaves both in force, and nobody is woken by mistake.
        let changes = [Some(edit.put), edit.expired]
            .into_iter()
            .flatten()
            .map(Arc::new)
            .collect();
        self.store_silences(tenant, changes)
            .await
            .map_err(|e| PutSilenceError::Unavailable(e.to_string()))?;
        if self.options.log_silences {
            tracing::info!(tenant = %tenant.id(), silence = %id, is_new, "Silence stored");
        }
        Ok(id)
    }

    /// Ends a silence now; answers false when the id is unknown. Ending one that is over changes nothing.
    pub async fn delete_silence(
        &self,
        tenant: &Arc<Tenant>,
        id: &str,
    ) -> Result<bool, EngineError> {
        let _one_at_a_time = tenant.silencing.lock().await;
        let now = self.clock.now();
        let Some(known) = tenant.silence(id) else {
            return Ok(false);
        };
        if let Some(expired) = edit::expire(&known, now.utc()) {
            self.store_silences(tenant, vec![Arc::new(expired)]).await?;
            if self.options.log_silences {
                tracing::info!(tenant = %tenant.id(), silence = %id, "Silence expired");
            }
        }
        Ok(true)
    }

    /// How many silences are in each state: active, pending, expired.
    pub fn silence_counts(&self, tenant: &Tenant) -> (usize, usize, usize) {
        let now = self.clock.now();
        let mut counts = (0, 0, 0);
        for silence in tenant.mirror().silences().iter() {
            match silence.state(now) {
                SilenceState::Active => counts.0 += 1,
                SilenceState::Pending => counts.1 += 1,
                SilenceState::Expired => counts.2 += 1,
            }
        }
        counts
    }

    pub(crate) async fn store_silences(
        &self,
        tenant: &Arc<Tenant>,
        changes: Vec<Arc<Silence>>,
    ) -> Result<(), EngineError> {
        let mut version = 0;
        for silence in &changes {
            let seen = tenant.silence(&silence.id).map(|known| known.updated_at);
            let put = self
                .state
                .silence_put(tenant.id(), Arc::clone(silence), seen)
                .await;
            match put {
                Ok(SilencePut::Stored { version: stored }) => version = stored,
                Ok(SilencePut::Conflict) => {
                    return Err(EngineError::Unavailable(
                        "the silence was changed by somebody else meanwhile; read it again"
                            .to_owned(),
                    ));
                }
                Err(error) => return Err(EngineError::Unavailable(error.to_string())),
            }
        }
        let record = |silence: &Arc<Silence>| Record::Silence {
            tenant: tenant.id().clone(),
            silence: Arc::clone(silence),
        };
        let recorded = self
            .journal
            .append(changes.iter().map(record).collect())
            .await;
        // In force even if the record failed: the caller hears 503 and repeats, and quiet is what was asked for.
        {
            let mut mirror = tenant.mirror_mut();
            let put = |silence: &Arc<Silence>| mirror.silences_mut().put(Arc::clone(silence));
            changes.iter().for_each(put);
        }
        let known = self.state.silence_version(tenant.id());
        self.events_of_silences(tenant.id(), &changes, version, known);
        recorded.map_err(|error| EngineError::Unavailable(error.to_string()))
    }

    fn check_limits(
        &self,
        tenant: &Tenant,
        silence: &Silence,
        is_new: bool,
    ) -> Result<(), PutSilenceError> {
        let (count, limit) = (tenant.mirror().silences().len(), self.options.silences_max);
        if is_new && limit > 0 && count >= limit {
            let text = format!("exceeded maximum number of silences: {count} (limit: {limit})");
            return Err(PutSilenceError::Invalid(text));
        }
        let (bytes, limit) = (size_bytes(silence), self.options.silence_bytes_max);
        if limit > 0 && bytes > limit {
            let text =
                format!("silence exceeded maximum size: {bytes} bytes (limit: {limit} bytes)");
            return Err(PutSilenceError::Invalid(text));
        }
        Ok(())
    }
}

/// About what upstream's stored form takes: its texts, and a few bytes for each field.
fn size_bytes(silence: &Silence) -> usize {
    let matchers = silence
        .matchers
        .iter()
        .map(|m| m.name().len() + m.value().len() + 8);
    let annotations = silence
        .annotations
        .pairs()
        .map(|(name, value)| name.len() + value.len() + 6);
    let texts = silence.id.len() + silence.created_by.len() + silence.comment.len();
    // Matchers are stored twice upstream (the old field and the set).
    matchers.sum::<usize>() * 2 + annotations.sum::<usize>() + texts + 60
}
