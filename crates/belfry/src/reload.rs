//! Putting configurations in force: at the start, on SIGHUP and on `POST /-/reload`, one at a time, all tenants or none.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::id::TenantId;
use engine::Engine;
use engine::settings::Settings;
use notify::receiver::Deps;
use runtime::metrics::Metrics;

use crate::build::USER_AGENT;
use crate::configuration::{ReadError, Source, TenantText};
use crate::inbox::{TenantInbox, Watcher};
use crate::settings::{self, Frame, Read};

/// Reads configurations and puts them in force.
pub(crate) struct Reloader {
    engine: Arc<Engine>,
    reading: Arc<Reading>,
    /// One reload at a time.
    turn: tokio::sync::Mutex<()>,
}

/// What reading needs; it blocks on files, so it runs aside.
struct Reading {
    source: Source,
    frame: Frame,
    inbox: Arc<dyn store::Inbox>,
    metrics: Arc<Metrics>,
    watcher: Option<Watcher>,
}

/// Everything read at one go.
struct Loaded {
    settings: BTreeMap<TenantId, Arc<Settings>>,
    file: String,
    hash: u64,
}

impl Reloader {
    pub(crate) fn new(
        engine: Arc<Engine>,
        source: Source,
        frame: Frame,
        watcher: Option<Watcher>,
    ) -> Self {
        let (inbox, metrics) = (engine.inbox(), Arc::clone(engine.metrics()));
        let reading = Arc::new(Reading {
            source,
            frame,
            inbox,
            metrics,
            watcher,
        });
        Self {
            engine,
            reading,
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Reads everything again and puts it in force; on an error what is in force stays.
    ///
    /// # Errors
    /// What is wrong; it was logged.
    pub(crate) async fn load(&self) -> Result<(), ReadError> {
        let _one_at_a_time = self.turn.lock().await;
        let outcome = self.try_load().await;
        if let Err(ReadError { file, message, .. }) = &outcome {
            self.engine.metrics().config.refused();
            tracing::error!(
                component = "configuration",
                file,
                err = message,
                "Loading configuration file failed"
            );
        }
        outcome
    }

    async fn try_load(&self) -> Result<(), ReadError> {
        let reading = Arc::clone(&self.reading);
        let loaded = tokio::task::spawn_blocking(move || reading.read()).await;
        let loaded = loaded.map_err(|_| ReadError {
            file: String::new(),
            message: "reading the configuration panicked; this is a bug in Belfry".to_owned(),
            upstream: None,
        })??;
        let Loaded {
            settings,
            file,
            hash,
        } = loaded;
        let configured = self.engine.configure(settings).await;
        configured.map_err(|error| ReadError {
            file: file.clone(),
            message: error.to_string(),
            upstream: None,
        })?;
        self.engine.note_configuration(hash);
        tracing::info!(
            component = "configuration",
            file,
            "Completed loading of configuration file"
        );
        Ok(())
    }
}

#[async_trait]
impl api::Reload for Reloader {
    async fn reload(&self) -> Result<(), String> {
        let refused = |error: ReadError| error.upstream.unwrap_or(error.message);
        self.load().await.map_err(refused)
    }
}

impl Reading {
    fn read(&self) -> Result<Loaded, ReadError> {
        let texts = self.source.read()?;
        let file = texts.first().map(TenantText::shown).unwrap_or_default();
        let mut settings = BTreeMap::new();
        for text in &texts {
            settings.insert(text.tenant.clone(), self.tenant(text)?);
        }
        let first = texts.first().and_then(|text| settings.get(&text.tenant));
        let hash = first
            .map(|settings: &Arc<Settings>| settings.file_hash())
            .unwrap_or_default();
        Ok(Loaded {
            settings,
            file,
            hash,
        })
    }

    fn tenant(&self, text: &TenantText) -> Result<Arc<Settings>, ReadError> {
        let file = text.shown();
        tracing::info!(component = "configuration", file, tenant = %text.tenant, "Loading configuration file");
        let sink = TenantInbox {
            tenant: text.tenant.clone(),
            inbox: Arc::clone(&self.inbox),
            metrics: Arc::clone(&self.metrics),
            watcher: self.watcher.clone(),
        };
        let read = settings::read(text, &self.frame, &Deps::new(USER_AGENT, Arc::new(sink)));
        let read = read.map_err(|message| ReadError {
            file: file.clone(),
            message,
            upstream: settings::upstream_error(text, self.frame.matcher_mode),
        })?;
        let Read {
            parts,
            warnings,
            not_yet,
            template_findings,
            unused,
        } = read;
        for warning in warnings {
            tracing::warn!(component = "configuration", file, "{warning}");
        }
        for line in not_yet {
            tracing::warn!(component = "configuration", file, "{line}");
        }
        for finding in template_findings {
            tracing::warn!(
                component = "configuration",
                file,
                "A template would fail: {finding}"
            );
        }
        for receiver in unused {
            tracing::info!(
                component = "configuration",
                receiver,
                "Skipping creation of receiver not referenced by any route"
            );
        }
        Ok(Settings::new(parts, &self.metrics))
    }
}
