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
use outbound::{Http, HttpClient, HttpOptions, Request, Response, SendError};
use ring::hmac;

struct NoInbox;

#[async_trait]
impl InboxSink for NoInbox {
    async fn put(&self, _: InboxEntry) -> Result<(), String> {
        Ok(())
    }
}

const USER_AGENT: &str = "Belfry/test";

fn configured(name: &str, settings: &str) -> config::Config {
    let text = format!(
        "route: {{receiver: r}}\nreceivers: [{{name: r, {name}_configs: [{{{settings}}}]}}]\n"
    );
    let config = config::load(&text, &config::LoadOptions::default());
    config.unwrap_or_else(|error| panic!("{error}"))
}

/// A channel, built with the program's own client and clock.
pub(crate) struct Channel(Arc<dyn Integration>);

impl Channel {
    pub(crate) fn new(name: &str, settings: &str) -> Self {
        let deps = Deps::new(USER_AGENT, Arc::new(NoInbox));
        Self::built(&configured(name, settings), &deps)
    }

    /// The same for a provider at a fixed address, `from`, which is simulated at `to`.
    pub(crate) fn moved(name: &str, settings: &str, from: &'static str, to: &str) -> Self {
        let to = to.to_owned();
        let build = move |options: &HttpOptions| -> Result<Arc<dyn Http>, outbound::BuildError> {
            Ok(Arc::new(Moved {
                client: HttpClient::new(options, USER_AGENT)?,
                from,
                to: to.clone(),
            }))
        };
        let deps = Deps {
            http: Arc::new(build),
            ..Deps::new(USER_AGENT, Arc::new(NoInbox))
        };
        Self::built(&configured(name, settings), &deps)
    }

    fn built(config: &config::Config, deps: &Deps) -> Self {
        let built = build_receiver(&config.receivers[0], deps);
        Self(built.unwrap_or_else(|error| panic!("{error}")).remove(0))
    }

    /// Tells of so many alerts that fire, each with this text.
    pub(crate) async fn tell(&self, text: &str, count: usize) -> Result<Delivered, DeliveryError> {
        self.send(&notification(text, count)).await
    }

    /// Tells that one alert is over.
    pub(crate) async fn resolve(&self, text: &str) -> Result<Delivered, DeliveryError> {
        self.send(&over(notification(text, 1))).await
    }

    pub(crate) async fn send(
        &self,
        notification: &Notification,
    ) -> Result<Delivered, DeliveryError> {
        self.0.deliver(notification, Duration::from_secs(10)).await
    }
}

/// The program's own client in front of a provider whose address is fixed: what goes there goes to a simulator.
struct Moved {
    client: HttpClient,
    from: &'static str,
    to: String,
}

#[async_trait]
impl Http for Moved {
    async fn send(&self, request: Request, deadline: Duration) -> Result<Response, SendError> {
        let path = request.url.strip_prefix(self.from);
        let path = path.unwrap_or_else(|| panic!("{} is elsewhere", request.url));
        let url = format!("{}{path}", self.to);
        self.client.send(Request { url, ..request }, deadline).await
    }
}

/// The same notification when its alerts are over.
pub(crate) fn over(mut notification: Notification) -> Notification {
    for alert in &mut notification.alerts {
        alert.is_resolved = true;
    }
    notification
}

/// A notification of so many alerts that fire, each with this text.
pub(crate) fn notification(text: &str, count: usize) -> Notification {
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

/// How an attempt failed, when all that is asked is what follows: whether it is repeated, after how many seconds if the provider said,
/// and whether it may have arrived.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// It is refused, and stays so.
    ForGood,
    /// It is refused, and repeated.
    ForNow(Option<u64>),
    /// Nobody knows, and it is repeated.
    Unknown(Option<u64>),
}

/// How it failed, and what is told; none of the secrets is in it.
pub(crate) fn failed(
    outcome: Result<Delivered, DeliveryError>,
    secrets: &[&str],
) -> (Failed, String) {
    let error = outcome.expect_err("it fails");
    for secret in secrets {
        assert!(!error.detail.contains(secret), "{error}");
    }
    let after = error
        .retry
        .map(|advice| advice.after.map(|after| after.as_secs()));
    let failed = match (after, error.is_ambiguous) {
        (Some(after), true) => Failed::Unknown(after),
        (Some(after), false) => Failed::ForNow(after),
        (None, false) => Failed::ForGood,
        (None, true) => panic!("of unknown fate and not repeated: {error}"),
    };
    (failed, error.detail)
}
