//! What the conversations have in common: a channel as the program builds it, something to tell, and signatures as the documentation says.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::alert::Alert;
use domain::annotations::Annotations;
use domain::group::told::ReceiverData;
use domain::label::Labels;
use domain::notification::Reason;
use domain::time::Timestamp;
use notify::inbox::{InboxEntry, InboxSink};
use notify::receiver::{Deps, build_receiver};
use notify::{Delivered, DeliveryError, Integration, Notification, NotifiedAlert};
use ring::hmac;

struct NoInbox;

#[async_trait]
impl InboxSink for NoInbox {
    async fn put(&self, _: InboxEntry) -> Result<(), String> {
        Ok(())
    }
}

/// A channel, built with the program's own client and clock.
pub(crate) struct Channel(Arc<dyn Integration>);

impl Channel {
    pub(crate) fn new(name: &str, settings: &str) -> Self {
        let text = format!(
            "route: {{receiver: r}}\nreceivers: [{{name: r, {name}_configs: [{{{settings}}}]}}]\n"
        );
        let config = config::load(&text, &config::LoadOptions::default());
        let config = config.unwrap_or_else(|error| panic!("{error}"));
        let deps = Deps::new("Belfry/test", Arc::new(NoInbox));
        let built = build_receiver(&config.receivers[0], &deps);
        Self(built.unwrap_or_else(|error| panic!("{error}")).remove(0))
    }

    /// Tells of so many alerts that fire, each with this text.
    pub(crate) async fn tell(&self, text: &str, count: usize) -> Result<Delivered, DeliveryError> {
        let deadline = Duration::from_secs(10);
        self.0.deliver(&notification(text, count), deadline).await
    }
}

fn notification(text: &str, count: usize) -> Notification {
    let alerts = (0..count).map(|number| {
        let instance = format!("node-{number}");
        let labels = Labels::from_pairs([("alertname", "HighLoad"), ("instance", &instance)]);
        let at = Timestamp::from_unix_ms(1_772_600_767_089);
        let alert = Alert {
            fingerprint: labels.fingerprint(),
            labels,
            annotations: Annotations::from_pairs([("summary", text)]),
            generator_url: Arc::from("http://prom.example.org/graph"),
            starts_at: at,
            ends_at: at,
            updated_at: at,
            is_timeout: false,
        };
        NotifiedAlert {
            alert: Arc::new(alert),
            is_resolved: false,
        }
    });
    Notification {
        receiver: Arc::from("r"),
        group_key: "{}:{alertname=\"HighLoad\"}".to_owned(),
        group_labels: Labels::from_pairs([("alertname", "HighLoad")]),
        route_labels: Labels::empty(),
        alerts: alerts.collect(),
        reason: Reason::FirstNotification,
        instead_of: None,
        still_firing: 0,
        receiver_data: ReceiverData::default(),
        external_url: Arc::from("http://alerts.example.org"),
        idempotency_key: "k".to_owned(),
        // Long ago: what is signed is the time of the attempt.
        at: Timestamp::from_unix_ms(1_772_600_800_000),
    }
}

pub(crate) fn hmac_sha256(key: &str, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}

/// Whether a time in seconds is within an hour from now, as Feishu and DingTalk ask.
pub(crate) fn is_recent(seconds: Option<i64>) -> bool {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock that is set");
    let now = i64::try_from(now.as_secs()).expect("a time of this age");
    seconds.is_some_and(|seconds| (now - seconds).abs() <= 3600)
}

/// Why a message failed: whether it is repeated, and what is told.
pub(crate) fn why(outcome: Result<Delivered, DeliveryError>) -> (bool, String) {
    let error = outcome.expect_err("it is refused");
    assert!(!error.is_ambiguous, "{error}");
    (error.retry.is_some(), error.detail)
}
