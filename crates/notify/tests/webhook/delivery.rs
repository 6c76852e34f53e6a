//! Webhooks over real sockets: what a failure there means.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::sink::{Mode, Sink};
use domain::alert::Alert;
use domain::id::IntegrationId;
use domain::label::Labels;
use domain::notification::Reason;
use domain::time::Timestamp;
use notify::webhook::{Address, Settings, Webhook};
use notify::{Delivered, DeliveryError, Integration, Notification, NotifiedAlert};
use outbound::{HttpClient, HttpOptions};

fn notification() -> Notification {
    let labels = Labels::from_pairs([("alertname", "HighLoad")]);
    let starts_at = Timestamp::from_unix_ms(1_772_600_767_089);
    let alert = Alert {
        fingerprint: labels.fingerprint(),
        labels: labels.clone(),
        annotations: domain::annotations::Annotations::empty(),
        generator_url: Arc::from(""),
        starts_at,
        ends_at: starts_at + Duration::from_secs(300),
        updated_at: starts_at,
        is_timeout: true,
    };
    Notification {
        receiver: Arc::from("team"),
        group_key: "{}:{}".to_owned(),
        group_labels: labels,
        route_labels: Labels::empty(),
        alerts: vec![NotifiedAlert {
            alert: Arc::new(alert),
            is_resolved: false,
        }],
        reason: Reason::FirstNotification,
        external_url: Arc::from("http://am.example.org"),
        instead_of: None,
        still_firing: 0,
        receiver_data: domain::group::told::ReceiverData::default(),
        idempotency_key: "0123abcd".to_owned(),
        at: starts_at,
    }
}

async fn deliver(url: String, timeout: Option<Duration>) -> Result<Delivered, DeliveryError> {
    let options = HttpOptions::default();
    let http = HttpClient::new(&options, "Belfry/0.0.0").unwrap();
    let address = Address::Url(url.into());
    let settings = Settings {
        address,
        send_resolved: true,
        max_alerts: 0,
        timeout,
        payload: None,
    };
    let id = IntegrationId::new("team", "webhook", 0);
    let webhook = Webhook::new(id, settings, &options, Arc::new(http), Arc::default());
    webhook
        .deliver(&notification(), Duration::from_secs(10))
        .await
}

async fn deliver_to(sink: &Sink, timeout: Option<Duration>) -> Result<Delivered, DeliveryError> {
    deliver(
        format!("http://{}/hook?token=abcdefghij", sink.address),
        timeout,
    )
    .await
}

#[tokio::test]
async fn a_slow_receiver_within_the_time_is_fine() {
    let sink = Sink::start(Mode::Slow(Duration::from_millis(200))).await;
    let delivered = deliver_to(&sink, None).await.expect("accepted");
    assert!(delivered.answer.starts_with("200"), "{delivered:?}");
    assert_eq!(sink.received().len(), 1);
}

#[tokio::test]
async fn a_timeout_after_the_request_went_out_is_ambiguous() {
    for mode in [Mode::Silent, Mode::Slow(Duration::from_secs(30))] {
        let sink = Sink::start(mode).await;
        let begin = Instant::now();
        let error = deliver_to(&sink, Some(Duration::from_millis(300)))
            .await
            .unwrap_err();
        assert!(
            begin.elapsed() < Duration::from_secs(5),
            "the timeout ends the attempt"
        );
        assert!(error.is_ambiguous && error.retry.is_some(), "{error:?}");
        assert!(!error.detail.contains("abcdefghij"), "{error:?}");
        assert_eq!(sink.received().len(), 1);
    }
}

#[tokio::test]
async fn a_connection_lost_after_the_request_is_ambiguous() {
    for mode in [Mode::Close, Mode::Reset] {
        let sink = Sink::start(mode).await;
        let error = deliver_to(&sink, None).await.unwrap_err();
        assert!(
            error.is_ambiguous && error.retry.is_some(),
            "{mode:?}: {error:?}"
        );
        assert!(!error.detail.contains("abcdefghij"), "{error:?}");
        assert_eq!(sink.received().len(), 1, "one attempt is one request");
    }
}

#[tokio::test]
async fn nobody_listening_is_not_ambiguous() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let error = deliver(format!("http://{address}/hook"), None)
        .await
        .unwrap_err();
    assert!(!error.is_ambiguous && error.retry.is_some(), "{error:?}");
}

#[tokio::test]
async fn statuses_come_through() {
    let sink = Sink::start(Mode::Answer("429 Too Many Requests\r\nRetry-After: 3")).await;
    let error = deliver_to(&sink, None).await.unwrap_err();
    assert_eq!(error.retry.unwrap().after, Some(Duration::from_secs(3)));

    let sink = Sink::start(Mode::Answer("503 Service Unavailable")).await;
    let error = deliver_to(&sink, None).await.unwrap_err();
    assert_eq!(
        error.detail,
        format!("unexpected status code 503: http://{}/…", sink.address)
    );

    let sink = Sink::start(Mode::Answer("304 Not Modified")).await;
    assert_eq!(deliver_to(&sink, None).await.unwrap_err().retry, None);
}
