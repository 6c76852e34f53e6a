use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use outbound::{Authentication, HttpOptions, RecordingHttp, Source};

use super::*;
use crate::inbox::InboxEntry;
use crate::samples;

struct NoInbox;

#[async_trait]
impl InboxSink for NoInbox {
    async fn put(&self, _: InboxEntry) -> Result<(), String> {
        Ok(())
    }
}

/// Clients that record, and the options they were asked for.
struct Clients {
    deps: Deps,
    options: Arc<Mutex<Vec<HttpOptions>>>,
    http: Arc<RecordingHttp>,
}

fn clients() -> Clients {
    let options = Arc::new(Mutex::new(Vec::new()));
    let http = Arc::new(RecordingHttp::new());
    let (asked, made) = (Arc::clone(&options), Arc::clone(&http));
    let build = move |options: &HttpOptions| -> Result<Arc<dyn Http>, outbound::BuildError> {
        asked.lock().unwrap().push(options.clone());
        Ok(Arc::clone(&made) as Arc<dyn Http>)
    };
    Clients {
        deps: Deps {
            http: Arc::new(build),
            smtp: Arc::new(|_| Err(outbound::BuildError::Proxy)),
            inbox: Arc::new(NoInbox),
            templates: Arc::default(),
            clock: SystemClock::shared(),
        },
        options,
        http,
    }
}

fn receiver(integrations: &str) -> Receiver {
    let text = format!("route: {{receiver: r}}\nreceivers:\n- name: r\n{integrations}");
    config::load(&text, &config::LoadOptions::default())
        .unwrap()
        .receivers
        .remove(0)
}

#[test]
fn integrations_come_in_order_and_are_numbered_by_type() {
    let receiver = receiver(
        "  inbox_configs: [{}]\n  webhook_configs:\n  - url: http://a.example.org/\n  - url: http://b.example.org/\n    \
         send_resolved: false\n    timeout: 5s\n",
    );
    let built = build_receiver(&receiver, &clients().deps).unwrap();
    let facts: Vec<_> = built
        .iter()
        .map(|i| (i.id().as_str(), i.kind(), i.send_resolved(), i.timeout()))
        .collect();
    assert_eq!(
        facts,
        [
            ("r/webhook[0]", "webhook", true, None),
            (
                "r/webhook[1]",
                "webhook",
                false,
                Some(Duration::from_secs(5))
            ),
            ("r/inbox[0]", "inbox", true, None),
        ]
    );
}

#[tokio::test]
async fn a_built_webhook_sends_as_configured() {
    let receiver = receiver(
        "  webhook_configs:\n  - url: http://a.example.org/hook\n    max_alerts: 1\n    http_config:\n      \
         basic_auth: {username: u, password: p}\n      http_headers: {X-Extra: {values: [one]}}\n",
    );
    let clients = clients();
    let built = build_receiver(&receiver, &clients.deps).unwrap();
    let notification = samples::notification(&[("n1", false), ("n2", false)]);
    built[0]
        .deliver(&notification, Duration::from_secs(1))
        .await
        .unwrap();
    let sent = clients.http.recorded();
    assert_eq!(sent[0].request.url, "http://a.example.org/hook");
    let body: serde_json::Value = serde_json::from_slice(&sent[0].request.body).unwrap();
    assert_eq!(body["truncatedAlerts"], 1);
    let options = clients.options.lock().unwrap()[0].clone();
    let Some(Authentication::Basic(basic)) = &options.authentication else {
        panic!("basic")
    };
    assert_eq!(basic.password, Some(Source::inline("p")));
    assert_eq!(options.headers["X-Extra"].values, ["one"]);
}

#[test]
fn an_impossible_client_is_refused() {
    let built = |more: &str| {
        let receiver = receiver(&format!(
            "  webhook_configs:\n  - url: http://a.example.org/\n    http_config: {{oauth2: {{client_id: a, {more}}}}}\n"
        ));
        let deps = Deps::new("Belfry/0.0.0", Arc::new(NoInbox));
        build_receiver(&receiver, &deps).map(|_| ())
    };
    built("client_secret: b, token_url: 'http://t.example.org/'").unwrap();
    let error = built("client_secret: b, token_url: token").unwrap_err();
    assert!(error.to_string().contains("oauth2: token_url"), "{error}");
    let grant = "'urn:ietf:params:oauth:grant-type:jwt-bearer'";
    let error = built(&format!(
        "client_certificate_key: k, token_url: 'http://t.example.org/', grant_type: {grant}"
    ))
    .unwrap_err();
    assert!(error.to_string().contains("jwt-bearer is not"), "{error}");
}

/// What a client of the mail server is asked for.
fn smtp(settings: &str) -> Result<SmtpOptions, BuildErrorCause> {
    let receiver = receiver(&format!(
        "  email_configs:\n  - to: a@example.org\n    from: b@example.org\n{settings}"
    ));
    match &receiver.integrations[0].integration {
        Configured::Email(config) => smtp_options(config),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_mail_server_is_spoken_with_as_configured() {
    for (settings, expected) in [
        ("    smarthost: h:587\n", (587, Encryption::StartTls)),
        ("    smarthost: h:465\n", (465, Encryption::Implicit)),
        ("    smarthost: h:smtps\n", (465, Encryption::Implicit)),
        (
            "    smarthost: h:465\n    force_implicit_tls: false\n",
            (465, Encryption::StartTls),
        ),
        (
            "    smarthost: h:465\n    force_implicit_tls: false\n    require_tls: false\n",
            (465, Encryption::None),
        ),
        (
            "    smarthost: h:25\n    require_tls: false\n",
            (25, Encryption::None),
        ),
        (
            "    smarthost: h:25\n    require_tls: false\n    force_implicit_tls: true\n",
            (25, Encryption::Implicit),
        ),
    ] {
        let options = smtp(settings).unwrap();
        assert_eq!((options.port, options.encryption), expected, "{settings}");
        assert_eq!(
            (options.host.as_str(), options.hello.as_str()),
            ("h", "localhost")
        );
        assert_eq!(options.credentials, None);
    }
    let full = smtp(
        "    smarthost: '[::1]:25'\n    hello: me.example.org\n    auth_username: u\n    auth_password_file: /p\n    \
         auth_secret: s\n    auth_identity: i\n    tls_config: {ca_file: /ca, server_name: n}\n",
    )
    .unwrap();
    let expected = SmtpOptions {
        host: "::1".to_owned(),
        port: 25,
        hello: "me.example.org".to_owned(),
        encryption: Encryption::StartTls,
        tls: TlsOptions {
            ca: Some(Source::File("/ca".into())),
            server_name: Some("n".to_owned()),
            ..TlsOptions::default()
        },
        credentials: Some(SmtpCredentials {
            username: "u".to_owned(),
            password: Some(Source::File("/p".into())),
            secret: Some(Source::inline("s")),
            identity: "i".to_owned(),
        }),
    };
    assert_eq!(full, expected);
    let error = smtp("    smarthost: h:http\n").unwrap_err().to_string();
    assert!(error.starts_with("smarthost: `http` is neither"), "{error}");
}
