use std::sync::Arc;

use outbound::{Answer, Authentication, BasicAuth, RecordingHttp, SendError, Source};

use super::*;
use crate::{FailureReason, RetryAdvice, samples};

const URL: &str = "https://hook.example.org:8443/services/T0KEN0123456?key=abcdefgh";
const MINUTE: Duration = Duration::from_secs(60);

fn settings() -> Settings {
    Settings {
        address: Address::Url(URL.into()),
        send_resolved: true,
        max_alerts: 0,
        timeout: None,
        payload: None,
    }
}

struct Sent {
    result: Result<Delivered, DeliveryError>,
    requests: Vec<outbound::Recorded>,
}

/// Delivers one message to a receiver that answers as told.
async fn deliver(settings: Settings, answer: Answer) -> Sent {
    let http = Arc::new(RecordingHttp::new());
    http.answer_always(answer);
    let password = Some(Source::inline("swordfish"));
    let basic = BasicAuth {
        username: Some(Source::inline("me")),
        password,
    };
    let options = HttpOptions {
        authentication: Some(Authentication::Basic(basic)),
        ..HttpOptions::default()
    };
    let id = IntegrationId::new("team.a", "webhook", 0);
    let webhook = Webhook::new(
        id,
        settings,
        &options,
        Arc::clone(&http) as Arc<dyn Http>,
        Arc::default(),
    );
    let notification = samples::notification(&[("n1", false), ("n2", true)]);
    let result = webhook.deliver(&notification, MINUTE).await;
    Sent {
        result,
        requests: http.take_recorded(),
    }
}

fn accepted() -> Delivered {
    Delivered {
        answer: "200".to_owned(),
        ..Delivered::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_is_one_post() {
    let sent = deliver(settings(), Answer::status(200)).await;
    assert_eq!(sent.result, Ok(accepted()));
    let [recorded] = sent.requests.as_slice() else {
        panic!("one request")
    };
    let request = &recorded.request;
    assert_eq!(
        (request.method.as_str(), request.url.as_str()),
        ("POST", URL)
    );
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("idempotency-key"), Some("0123abcd"));
    assert_eq!(request.headers.len(), 2);
    assert_eq!(recorded.deadline, MINUTE);
    let body = std::str::from_utf8(&request.body).unwrap();
    assert!(
        body.starts_with(
            r#"{"receiver":"team\\.a","status":"firing","alerts":[{"status":"firing","#
        )
    );
    assert!(body.ends_with("\"truncatedAlerts\":0}\n"));
}

#[tokio::test(start_paused = true)]
async fn its_own_timeout_bounds_the_attempt() {
    let mut own = settings();
    own.timeout = Some(Duration::from_secs(5));
    let sent = deliver(own.clone(), Answer::status(200)).await;
    assert_eq!(sent.requests[0].deadline, Duration::from_secs(5));
    own.timeout = Some(Duration::from_secs(500));
    let sent = deliver(own, Answer::status(200)).await;
    assert_eq!(sent.requests[0].deadline, MINUTE);
}

#[tokio::test]
async fn max_alerts_cuts_the_body() {
    let mut cut = settings();
    cut.max_alerts = 1;
    let sent = deliver(cut, Answer::status(200)).await;
    let body: serde_json::Value = serde_json::from_slice(&sent.requests[0].request.body).unwrap();
    assert_eq!(
        (
            &body["truncatedAlerts"],
            body["alerts"].as_array().unwrap().len()
        ),
        (&1.into(), 1)
    );
}

#[tokio::test]
async fn a_payload_replaces_the_body() {
    let mut custom = settings();
    custom.payload = Some(Value::from_yaml("{b: '007', a: <x>}").unwrap());
    let sent = deliver(custom, Answer::status(200)).await;
    assert_eq!(
        sent.requests[0].request.body,
        "{\"a\":\"\\u003cx\\u003e\",\"b\":7}\n"
    );
}

#[tokio::test]
async fn templates_make_the_url_and_the_payload() {
    let mut custom = settings();
    custom.address = Address::Url(
        "https://hook.example.org/{{ .GroupLabels.alertname | urlquery }}?n={{ len .Alerts }}"
            .into(),
    );
    custom.payload = Some(Value::from_yaml("{text: '{{ .Status | toUpper }}'}").unwrap());
    let sent = deliver(custom, Answer::status(200)).await;
    assert_eq!(sent.result, Ok(accepted()));
    let request = &sent.requests[0].request;
    assert_eq!(request.url, "https://hook.example.org/HighLoad?n=2");
    assert_eq!(request.body, "{\"text\":\"FIRING\"}\n");
    assert_eq!(request.header(TEMPLATE_ERROR), None);
}

/// The body and the note of a message one of whose templates failed.
async fn fallen_back(settings: Settings) -> (outbound::Request, serde_json::Value, String) {
    let sent = deliver(settings, Answer::status(200)).await;
    let fallback = sent.result.unwrap().fallback.expect("a note");
    let request = sent.requests[0].request.clone();
    let body = serde_json::from_slice(&request.body).unwrap();
    (request, body, fallback)
}

#[tokio::test]
async fn a_payload_that_fails_becomes_the_standard_body_which_says_so() {
    for (payload, complaint) in [
        (
            "{a: '{{ .Nope }}'}",
            "payload: template: :1:3: executing \"\" at <.Nope>",
        ),
        ("{a: '{{ template \"nope\" . }}'}", "nope"),
        ("{a: '{{ if }}'}", "missing value for if"),
        (".nan", "number that JSON cannot write"),
    ] {
        let mut custom = settings();
        custom.payload = Some(Value::from_yaml(payload).unwrap());
        let (request, body, fallback) = fallen_back(custom).await;
        assert!(fallback.contains(complaint), "{fallback}");
        assert_eq!(body["templateError"], fallback.as_str());
        assert_eq!(body["version"], "4");
        assert_eq!(body["alerts"].as_array().map(Vec::len), Some(2));
        assert_eq!(request.header(TEMPLATE_ERROR), Some(fallback.as_str()));
    }
}

#[tokio::test]
async fn a_url_that_fails_ends_before_its_first_template_and_stays_a_secret() {
    let mut custom = settings();
    let url = "https://hook.example.org/T0KEN0123456/{{ index .Alerts 7 \"hunter2hunter2\" }}";
    custom.address = Address::Url(url.into());
    let (request, _, fallback) = fallen_back(custom.clone()).await;
    assert_eq!(request.url, "https://hook.example.org/T0KEN0123456/");
    assert!(
        fallback.starts_with("url: template: :1:41: error calling index: "),
        "{fallback}"
    );
    assert!(
        !fallback.contains("hunter2") && !fallback.contains("T0KEN"),
        "{fallback}"
    );

    custom.address = Address::Url("{{ .Nope }}".into());
    let sent = deliver(custom, Answer::status(200)).await;
    let error = sent.result.unwrap_err();
    assert!(
        error.retry.is_none() && error.detail.contains("template of the url"),
        "{error}"
    );
    assert!(sent.requests.is_empty());
}

#[tokio::test]
async fn texts_are_parsed_once_and_not_for_every_message() {
    let mut custom = settings();
    custom.address = Address::Url("https://hook.example.org/{{ .Status }}".into());
    custom.payload =
        Some(Value::from_yaml("{a: '{{ .Status }}', b: '{{ .Nope }}', c: d}").unwrap());
    let set = Arc::new(TemplateSet::default());
    let http = Arc::new(RecordingHttp::new());
    http.answer_always(Answer::status(200));
    let id = IntegrationId::new("team", "webhook", 0);
    let own = Arc::clone(&http) as Arc<dyn Http>;
    let options = HttpOptions::default();
    let webhook = Webhook::new(id, custom, &options, own, Arc::clone(&set));
    assert_eq!(set.parses(), 3);
    for _ in 0..5 {
        let message = samples::notification(&[("n1", false)]);
        assert!(webhook.deliver(&message, MINUTE).await.is_ok());
    }
    assert_eq!((set.parses(), http.recorded().len()), (3, 5));
}

#[tokio::test]
async fn an_error_names_the_host_and_hides_the_rest() {
    let echo = format!("you called {URL} as me:swordfish (Basic bWU6c3dvcmRmaXNo)");
    let sent = deliver(settings(), Answer::status(500).with_body(echo)).await;
    let error = sent.result.unwrap_err();
    assert_eq!(
        error.detail,
        "unexpected status code 500: https://hook.example.org:8443/…: \
         you called <secret> as me:<secret> (Basic <secret>)",
    );
    assert_eq!(error.reason, FailureReason::ServerError);
}

#[tokio::test]
async fn an_empty_answer_makes_a_short_error() {
    let error = deliver(settings(), Answer::status(404))
        .await
        .result
        .unwrap_err();
    assert_eq!(
        error.detail,
        "unexpected status code 404: https://hook.example.org:8443/…"
    );
    assert_eq!(error.retry, None);
}

#[tokio::test]
async fn a_secret_across_the_cut_is_hidden_too() {
    let echo = format!("{}swordfish", "x".repeat(1020));
    let error = deliver(settings(), Answer::status(400).with_body(echo))
        .await
        .result
        .unwrap_err();
    assert!(!error.detail.contains("swo"), "{}", error.detail);
}

#[tokio::test]
async fn slow_down_is_heard() {
    let answer = Answer::status(429).with_header("Retry-After", "7");
    let error = deliver(settings(), answer).await.result.unwrap_err();
    assert_eq!(
        error.retry,
        Some(RetryAdvice {
            after: Some(Duration::from_secs(7))
        })
    );
    assert_eq!(error.reason, FailureReason::RateLimited);
}

#[tokio::test(start_paused = true)]
async fn silence_is_ambiguous_and_refusal_is_not() {
    let error = deliver(settings(), Answer::never())
        .await
        .result
        .unwrap_err();
    assert!(error.is_ambiguous && error.retry.is_some());
    let cause = "hook.example.org: connection refused".to_owned();
    let refused = Answer::error(SendError::NotSent {
        cause: cause.clone(),
    });
    let error = deliver(settings(), refused).await.result.unwrap_err();
    assert!(!error.is_ambiguous && error.retry.is_some());
    assert_eq!(error.detail, cause);
}

#[tokio::test]
async fn a_url_file_is_read_for_every_message() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("url");
    let mut from_file = settings();
    from_file.address = Address::File(path.clone());

    let error = deliver(from_file.clone(), Answer::status(200))
        .await
        .result
        .unwrap_err();
    assert_eq!(error.retry, None);
    assert!(error.detail.starts_with("url_file `"), "{}", error.detail);

    for url in ["http://one.example.org/a", "http://two.example.org/b"] {
        std::fs::write(&path, format!("  {url}\n")).unwrap();
        let sent = deliver(from_file.clone(), Answer::status(200)).await;
        assert_eq!(sent.requests[0].request.url, url);
    }

    std::fs::write(&path, "http://x.example.org/{{ .Status }}").unwrap();
    let sent = deliver(from_file.clone(), Answer::status(200)).await;
    assert_eq!(sent.requests[0].request.url, "http://x.example.org/firing");

    std::fs::write(&path, " \n").unwrap();
    let sent = deliver(from_file, Answer::status(200)).await;
    let error = sent.result.unwrap_err();
    assert!(
        error.detail.contains("empty") && error.retry.is_none(),
        "{error}"
    );
    assert!(sent.requests.is_empty());
}
