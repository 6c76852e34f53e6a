//! One of our integrations in front of a provider that answers by script; for tests.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::annotations::Annotations;
use domain::label::Labels;
use domain::time::Timestamp;
use outbound::{Answer, Http, HttpOptions, RecordingHttp, Request};
use runtime::clock::Clock;
use serde_json::Value;

use crate::inbox::{InboxEntry, InboxSink};
use crate::receiver::{Deps, build_receiver};
use crate::template::TemplateSet;
use crate::{Delivered, DeliveryError, Integration, Notification, samples};

/// What time it is in trials: 2026-03-04T05:10:00Z.
pub(crate) const NOW_SECONDS: i64 = 1_772_601_000;

const MINUTE: Duration = Duration::from_secs(60);

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::new(NOW_SECONDS, 0, 0)
    }
}

struct NoInbox;

#[async_trait]
impl InboxSink for NoInbox {
    async fn put(&self, _: InboxEntry) -> Result<(), String> {
        Ok(())
    }
}

pub(crate) struct Trial {
    pub(crate) integration: Arc<dyn Integration>,
    http: Arc<RecordingHttp>,
}

impl Trial {
    /// The integration of one entry, its settings in YAML's `{…}` form without the braces.
    pub(crate) fn new(name: &str, settings: &str) -> Self {
        Self::with_templates(name, settings, "")
    }

    /// The same with a file of templates.
    pub(crate) fn with_templates(name: &str, settings: &str, templates: &str) -> Self {
        let text = format!(
            "route: {{receiver: r}}\nreceivers: [{{name: r, {name}_configs: [{{{settings}}}]}}]\n"
        );
        let config = config::load(&text, &config::LoadOptions::default());
        let config = config.unwrap_or_else(|error| panic!("{error}: {text}"));
        let http = Arc::new(RecordingHttp::new());
        let made = Arc::clone(&http);
        let build = move |_: &HttpOptions| -> Result<Arc<dyn Http>, outbound::BuildError> {
            Ok(Arc::clone(&made) as Arc<dyn Http>)
        };
        let set = TemplateSet::parse(
            [("own.tmpl", templates)],
            gotmpl::time::Zone::Utc,
            crate::template::Origin::Operator,
        );
        let deps = Deps {
            http: Arc::new(build),
            clock: Arc::new(Still),
            ..Deps::new("Belfry/test", Arc::new(NoInbox))
        };
        let deps = deps.with_templates(Arc::new(set.expect("the templates parse")));
        let built = build_receiver(&config.receivers[0], &deps);
        let mut built = built.unwrap_or_else(|error| panic!("{error}"));
        Self {
            integration: built.remove(0),
            http,
        }
    }

    /// Answers the next request so; without this an empty 200 is the answer.
    pub(crate) fn answer(&self, status: u16, body: &str) -> &Self {
        let answer = Answer::status(status).with_body(body.to_owned());
        self.http.answer_next(answer);
        self
    }

    /// Does not answer the next request.
    pub(crate) fn fail(&self, error: outbound::SendError) -> &Self {
        self.http.answer_next(Answer::error(error));
        self
    }

    /// Answers all further requests so.
    pub(crate) fn answer_always(&self, status: u16, body: &str) -> &Self {
        let answer = Answer::status(status).with_body(body.to_owned());
        self.http.answer_always(answer);
        self
    }

    pub(crate) async fn deliver(
        &self,
        notification: &Notification,
    ) -> Result<Delivered, DeliveryError> {
        self.integration.deliver(notification, MINUTE).await
    }

    /// Tells it of two alerts, one of which is over.
    pub(crate) async fn fire(&self) -> Result<Delivered, DeliveryError> {
        self.deliver(&told(&[("n1", false), ("n2", true)])).await
    }

    /// What was sent since this was last asked.
    pub(crate) fn requests(&self) -> Vec<Request> {
        let recorded = self.http.take_recorded();
        recorded.into_iter().map(|sent| sent.request).collect()
    }

    /// The one request that was sent, and its body.
    pub(crate) fn sent(&self) -> (Request, Value) {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "one request");
        let request = requests.remove(0);
        let body = serde_json::from_slice(&request.body).unwrap_or_default();
        (request, body)
    }

    /// The body of a message that is accepted with such an answer.
    pub(crate) async fn body(&self, notification: &Notification, answer: &str) -> Value {
        self.answer(200, answer);
        self.deliver(notification).await.expect("it is accepted");
        self.sent().1
    }

    /// Why a message with this answer fails.
    pub(crate) async fn failure(&self, status: u16, body: &str) -> DeliveryError {
        self.answer(status, body);
        self.fire().await.expect_err("it fails")
    }
}

/// A notification with the annotations people use.
pub(crate) fn told(instances: &[(&str, bool)]) -> Notification {
    with_texts(
        instances,
        "load is high",
        "https://runbooks.example.org/load",
    )
}

/// The same that says something else.
pub(crate) fn with_texts(instances: &[(&str, bool)], summary: &str, runbook: &str) -> Notification {
    let mut notification = samples::notification(instances);
    for notified in &mut notification.alerts {
        let mut alert = (*notified.alert).clone();
        alert.annotations =
            Annotations::from_pairs([("summary", summary), ("runbook_url", runbook)]);
        notified.alert = Arc::new(alert);
    }
    notification
}

/// A notification whose alerts have these labels too.
pub(crate) fn labelled(mut notification: Notification, labels: &[(&str, &str)]) -> Notification {
    for notified in &mut notification.alerts {
        let mut alert = (*notified.alert).clone();
        let known = alert.labels.clone();
        alert.labels = Labels::from_pairs(known.pairs().chain(labels.iter().copied()));
        notified.alert = Arc::new(alert);
    }
    notification
}

/// A notification that says a text wherever a sender can say something.
pub(crate) fn all_over(text: &str) -> Notification {
    saying(text, &[(text, false), ("n2", true)])
}

/// The same of these instances.
pub(crate) fn saying(text: &str, instances: &[(&str, bool)]) -> Notification {
    let mut notification = with_texts(instances, text, "");
    let pairs = [("alertname", text), ("job", text)];
    notification.group_labels = Labels::from_pairs(pairs);
    for notified in &mut notification.alerts {
        let alert = &notified.alert;
        let instance = alert.labels.get("instance").unwrap_or_default().to_owned();
        let name = format!("{text}name");
        let own = [
            ("instance", instance.as_str()),
            ("severity", text),
            (name.as_str(), text),
        ];
        let labels = Labels::from_pairs(pairs.into_iter().chain(own));
        let url = format!("http://g.example.org/{text}");
        let mut alert = (**alert).clone();
        alert.annotations = Annotations::from_pairs([
            ("description", text),
            ("message", text),
            ("runbook_url", url.as_str()),
            ("summary", text),
        ]);
        alert.labels = labels;
        alert.generator_url = url.as_str().into();
        notified.alert = Arc::new(alert);
    }
    notification
}
