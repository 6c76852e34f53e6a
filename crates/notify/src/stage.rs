//! An integration on a stage for tests: built from its configuration, its requests recorded, its answers scripted.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use outbound::{Answer, Http, HttpOptions, Recorded, RecordingHttp};

use crate::inbox::{InboxEntry, InboxSink};
use crate::receiver::{Deps, build_receiver};
use crate::{Delivered, DeliveryError, Integration, Notification};

/// How long one attempt may take there.
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

pub(crate) struct Stage {
    pub(crate) http: Arc<RecordingHttp>,
    integration: Arc<dyn Integration>,
}

struct NoInbox;

#[async_trait]
impl InboxSink for NoInbox {
    async fn put(&self, _: InboxEntry) -> Result<(), String> {
        Ok(())
    }
}

impl Stage {
    /// The integration of one entry, `discord_configs`, given its settings in YAML's `{…}` form.
    pub(crate) fn new(entry: &str, settings: &str) -> Self {
        let text = format!(
            "route: {{receiver: r}}\nreceivers:\n- name: r\n  {entry}:\n  - {}\n",
            settings.trim().replace('\n', "\n    ")
        );
        let loaded = config::load(&text, &config::LoadOptions::default()).unwrap();
        let http = Arc::new(RecordingHttp::new());
        let made = Arc::clone(&http);
        let build = move |_: &HttpOptions| -> Result<Arc<dyn Http>, outbound::BuildError> {
            Ok(Arc::clone(&made) as Arc<dyn Http>)
        };
        let deps = Deps {
            http: Arc::new(build),
            ..Deps::new("Belfry/test", Arc::new(NoInbox))
        };
        let mut built = build_receiver(&loaded.receivers[0], &deps).unwrap();
        Self {
            http,
            integration: built.remove(0),
        }
    }

    /// Answers the next request so.
    pub(crate) fn answer(&self, status: u16, body: &str) {
        self.http
            .answer_next(Answer::status(status).with_body(body.to_owned()));
    }

    /// Answers the next requests with 200 and these bodies.
    pub(crate) fn answers(&self, bodies: &[&str]) {
        bodies.iter().for_each(|body| self.answer(200, body));
    }

    pub(crate) async fn deliver(
        &self,
        notification: &Notification,
    ) -> Result<Delivered, DeliveryError> {
        self.integration.deliver(notification, MINUTE).await
    }

    /// What was sent since this was last asked.
    pub(crate) fn take(&self) -> Vec<Recorded> {
        self.http.take_recorded()
    }

    /// Delivers to a receiver that answers so, and gives the one body that was sent.
    pub(crate) async fn body(&self, notification: &Notification, answer: &str) -> String {
        self.answer(200, answer);
        self.deliver(notification).await.unwrap();
        let sent = self.take();
        assert_eq!(sent.len(), 1);
        String::from_utf8(sent[0].request.body.to_vec()).unwrap()
    }

    /// Delivers to a receiver that answers so, and gives the failure.
    pub(crate) async fn failure(
        &self,
        notification: &Notification,
        status: u16,
        body: &str,
    ) -> DeliveryError {
        self.answer(status, body);
        self.deliver(notification).await.unwrap_err()
    }
}
