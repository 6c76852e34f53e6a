//! An integration built from a piece of configuration, in front of a receiver that answers by script; for tests.

mod echo;
mod scripted;
mod values;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use outbound::{Answer, Http, HttpOptions, RecordingHttp, Request};
use serde_json::Value;

use crate::inbox::{InboxEntry, InboxSink};
use crate::receiver::{Deps, build_receiver};
use crate::{Delivered, DeliveryError, Integration, Notification, samples};

/// How long an attempt may take.
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

struct NoInbox;

#[async_trait]
impl InboxSink for NoInbox {
    async fn put(&self, _: InboxEntry) -> Result<(), String> {
        Ok(())
    }
}

/// An integration and what it sent.
pub(crate) struct Trial {
    integration: Arc<dyn Integration>,
    pub(crate) http: Arc<RecordingHttp>,
}

/// The only integration of a receiver, over such clients.
fn built(
    yaml: &str,
    http: impl Fn(&HttpOptions) -> Result<Arc<dyn Http>, outbound::BuildError> + Send + Sync + 'static,
) -> Arc<dyn Integration> {
    let yaml = yaml.trim().replace('\n', "\n  ");
    let text = format!("route: {{receiver: r}}\nreceivers:\n- name: r\n  {yaml}\n");
    let config = config::load(&text, &config::LoadOptions::default()).unwrap();
    let deps = Deps {
        http: Arc::new(http),
        smtp: Arc::new(|_| Err(outbound::BuildError::Proxy)),
        inbox: Arc::new(NoInbox),
        templates: Arc::default(),
        clock: runtime::clock::SystemClock::shared(),
    };
    let mut built = build_receiver(&config.receivers[0], &deps).unwrap();
    assert_eq!(built.len(), 1);
    built.remove(0)
}

impl Trial {
    /// The only integration of a receiver, `type_configs` and all.
    pub(crate) fn new(yaml: &str) -> Self {
        let http = Arc::new(RecordingHttp::new());
        let made = Arc::clone(&http);
        let integration = built(yaml, move |_| Ok(Arc::clone(&made) as Arc<dyn Http>));
        Self { integration, http }
    }

    /// The answers to its next requests; all others are an empty 200.
    pub(crate) fn answering(self, answers: impl IntoIterator<Item = Answer>) -> Self {
        answers
            .into_iter()
            .for_each(|answer| self.http.answer_next(answer));
        self
    }

    /// Tells it of two alerts, one of which fires.
    pub(crate) async fn fire(&self) -> Result<Delivered, DeliveryError> {
        let notification = samples::notification(&[("n1", false), ("n2", true)]);
        self.deliver(&notification).await
    }

    /// Tells it of an alert that is over.
    pub(crate) async fn resolve(&self) -> Result<Delivered, DeliveryError> {
        self.deliver(&samples::notification(&[("n1", true)])).await
    }

    pub(crate) async fn deliver(
        &self,
        notification: &Notification,
    ) -> Result<Delivered, DeliveryError> {
        self.integration.deliver(notification, MINUTE).await
    }

    /// The integration itself.
    pub(crate) fn integration(&self) -> &dyn Integration {
        &*self.integration
    }

    /// What was sent so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        let recorded = self.http.recorded();
        recorded.into_iter().map(|sent| sent.request).collect()
    }

    /// The body of the last request.
    pub(crate) fn body(&self) -> Value {
        let requests = self.requests();
        serde_json::from_slice(&requests.last().expect("a request").body).expect("JSON")
    }
}

/// Label values that break what does not quote them.
pub(crate) const HOSTILE: &str = "\"}],\\n'<b>&amp;</b> @everyone @here <!channel> *_`~[x](y)\r\n\u{0}{{ .Status }} \u{2028}漢🙂";

/// A notification about an alert that says such a thing wherever it can.
pub(crate) fn hostile() -> Notification {
    let mut notification = samples::notification(&[(HOSTILE, false)]);
    let labels = notification.alerts[0].alert.labels.clone();
    let mut alert = (*notification.alerts[0].alert).clone();
    alert.annotations = domain::annotations::Annotations::from_pairs([("summary", HOSTILE)]);
    alert.labels = labels;
    notification.alerts[0].alert = Arc::new(alert);
    notification
}
