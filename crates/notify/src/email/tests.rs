use std::sync::Mutex;

use domain::label::Labels;

use super::*;
use crate::samples;

const MINUTE: Duration = Duration::from_secs(60);

/// Keeps what it is sent and answers as told.
struct Recording {
    mails: Mutex<Vec<(Mail, Duration)>>,
    answer: Result<String, SmtpError>,
}

#[async_trait]
impl Smtp for Recording {
    async fn send(&self, mail: &Mail, deadline: Duration) -> Result<String, SmtpError> {
        self.mails.lock().unwrap().push((mail.clone(), deadline));
        self.answer.clone()
    }
}

fn config(settings: &str) -> EmailConfig {
    let text = format!(
        "route: {{receiver: r}}\nreceivers:\n- name: r\n  email_configs:\n  - smarthost: mail.example.org:587\n{settings}"
    );
    let loaded = config::load(&text, &config::LoadOptions::default()).unwrap();
    match &loaded.receivers[0].integrations[0].integration {
        config::Integration::Email(config) => (**config).clone(),
        other => panic!("{other:?}"),
    }
}

fn queued() -> Result<String, SmtpError> {
    Ok("250 queued".to_owned())
}

fn delivered() -> Delivered {
    Delivered {
        answer: "250 queued".to_owned(),
        ..Delivered::default()
    }
}

/// The settings most tests begin with.
fn basic(settings: &str) -> EmailConfig {
    let base = "    to: one@example.org\n    from: am@example.org\n";
    config(&format!("{base}{settings}"))
}

struct Sent {
    result: Result<Delivered, DeliveryError>,
    mails: Vec<(Mail, Duration)>,
}

impl Sent {
    /// The only mail.
    #[track_caller]
    fn mail(&self) -> &Mail {
        assert_eq!(self.mails.len(), 1, "{:?}", self.result);
        &self.mails[0].0
    }

    #[track_caller]
    fn text(&self) -> &str {
        std::str::from_utf8(&self.mail().message).unwrap()
    }

    /// The head's lines, folded ones joined.
    #[track_caller]
    fn head(&self) -> Vec<String> {
        let (head, _) = self.text().split_once("\r\n\r\n").unwrap();
        let head = head.replace("\r\n ", " ");
        head.split("\r\n").map(str::to_owned).collect()
    }
}

async fn deliver_to(
    config: &EmailConfig,
    notification: &Notification,
    answer: Result<String, SmtpError>,
) -> Sent {
    let smtp = Arc::new(Recording {
        mails: Mutex::default(),
        answer,
    });
    let id = IntegrationId::new("team.a", "email", 0);
    let own = Arc::clone(&smtp) as Arc<dyn Smtp>;
    let email = Email::new(id, config, own, Arc::default());
    let result = email.deliver(notification, MINUTE).await;
    let mails = std::mem::take(&mut *smtp.mails.lock().unwrap());
    Sent { result, mails }
}

async fn deliver(config: &EmailConfig) -> Sent {
    let notification = samples::notification(&[("n1", false), ("n2", true)]);
    deliver_to(config, &notification, queued()).await
}

/// A message about one alert whose labels and annotations are somebody else's words.
fn about(value: &str) -> Notification {
    let labels = Labels::from_pairs([("alertname", value), ("job", "node")]);
    let mut notification = samples::notification(&[("n1", false)]);
    notification.group_labels = labels.clone();
    notification.alerts = vec![samples::alert(labels, false)];
    notification
}

#[tokio::test]
async fn a_mail_has_a_head_and_the_page() {
    let sent = deliver(&basic("")).await;
    assert_eq!(sent.result, Ok(delivered()));
    let mail = sent.mail();
    assert_eq!(mail.from, "am@example.org");
    assert_eq!(mail.to, ["one@example.org"]);
    let boundary = sent.text().split_once("boundary=").unwrap().1;
    let boundary = boundary.split_once("\r\n").unwrap().0;
    assert_eq!(boundary.len(), 60);
    let expected = [
        "From: am@example.org",
        "To: one@example.org",
        "Subject: [FIRING:1] HighLoad node (critical)",
        "Message-Id: <0123abcd@example.org>",
        "Date: Wed, 04 Mar 2026 05:06:37 +0000",
        &format!("Content-Type: multipart/alternative;  boundary={boundary}"),
        "MIME-Version: 1.0",
    ];
    assert_eq!(sent.head(), expected);
    let text = sent.text();
    assert!(text.contains("Content-Type: text/html; charset=UTF-8\r\n\r\n<!DOCTYPE html>"));
    assert!(text.contains("load is high"), "{text}");
    assert!(
        text.ends_with(&format!("</html>\r\n\r\n--{boundary}--\r\n")),
        "{text}"
    );
    assert!(!text.contains("text/plain"));
}

#[tokio::test]
async fn a_repeat_is_the_same_mail() {
    let config =
        basic("    text: '{{ .Status }}'\n    threading: {enabled: true, thread_by_date: daily}\n");
    let (first, second) = (deliver(&config).await, deliver(&config).await);
    assert_eq!(first.mail(), second.mail());

    let mut other = samples::notification(&[("n1", false), ("n2", true)]);
    other.idempotency_key = "feed".to_owned();
    let other = deliver_to(&config, &other, queued()).await;
    assert_eq!(other.head()[3], "Message-Id: <feed@example.org>");
}

#[tokio::test]
async fn the_id_of_a_mail_is_one_whatever_the_senders_domain() {
    for (from, expected) in [
        ("am@[127.0.0.1]", "<0123abcd@belfry>"),
        ("am@bücher.example.org", "<0123abcd@belfry>"),
        ("Ä <am@mail.example.org>", "<0123abcd@mail.example.org>"),
    ] {
        let config = config(&format!("    to: a@example.org\n    from: '{from}'\n"));
        let head = deliver(&config).await.head();
        assert!(
            head.contains(&format!("Message-Id: {expected}")),
            "{head:?}"
        );
    }
    let own = basic("    headers: {message-id: <x@y>}\n");
    let head = deliver(&own).await.head();
    let ids: Vec<_> = head
        .iter()
        .filter(|line| line.starts_with("Message-Id"))
        .collect();
    assert_eq!(ids, ["Message-Id: <x@y>"]);
}

#[tokio::test]
async fn texts_of_the_configuration_are_templates() {
    let sent = deliver(&config(
        "    to: '{{ range .Alerts }}{{ .Labels.instance }}@example.org,{{ end }}'\n    \
         from: '{{ .Status }} <{{ .CommonLabels.job }}@example.org>'\n    \
         headers: {subject: 'S {{ .Status }}', x-prio: '{{ len .Alerts }}', to: all}\n    \
         html: '<b>{{ .CommonAnnotations.summary }} {{ \"<i>\" }}</b>'\n    text: 'T {{ .Status }}'\n",
    ))
    .await;
    assert_eq!(sent.result, Ok(delivered()));
    assert_eq!(sent.mail().from, "node@example.org");
    assert_eq!(sent.mail().to, ["n1@example.org", "n2@example.org"]);
    let expected = [
        "From: firing <node@example.org>",
        "To: all",
        "Subject: S firing",
        "X-Prio: 2",
    ];
    assert_eq!(sent.head()[..4], expected);
    let (text, html) = sent.text().split_once("text/html").unwrap();
    assert!(
        text.contains("text/plain; charset=UTF-8\r\n\r\nT firing\r\n--"),
        "{text}"
    );
    assert!(
        html.contains("<b>load is high &lt;i&gt;</b>\r\n--"),
        "{html}"
    );
}

#[tokio::test]
async fn threads_are_named_after_group_and_day() {
    // sha256 of the group key's text.
    let hash: String = sha256_hex(&samples::notification(&[]).group_key)
        .chars()
        .take(16)
        .collect();
    for (by, day) in [("none", ""), ("daily", "2026-03-04")] {
        let settings = format!("    threading: {{enabled: true, thread_by_date: {by}}}\n");
        let head = deliver(&basic(&settings)).await.head();
        let root = format!("<alert-{hash}-{day}@alertmanager>");
        assert_eq!(
            head[4..6],
            [
                format!("References: {root}"),
                format!("In-Reply-To: {root}")
            ]
        );
    }
}

#[tokio::test]
async fn headers_that_are_ours_or_none_are_left_out() {
    let sent = deliver(&basic(
        "    headers: {content-type: text/x, mime-version: '7', date: now, content-transfer-encoding: x, 'A: b': c, ok: d}\n",
    ))
    .await;
    let note = sent.result.clone().unwrap().fallback.unwrap();
    assert_eq!(note, "headers.A: b: this is not a header's name");
    let head = sent.head();
    assert_eq!(head.len(), 8, "{head:?}");
    assert_eq!(head[3], "Ok: d");
}

#[tokio::test]
async fn hostile_labels_stay_words() {
    for value in [
        "x\r\nBcc: evil@example.org\r\n\r\n<script>",
        "x\nTo: evil@example.org",
        "=?utf-8?q?x=0D=0ABcc:_evil@example.org?=",
        "é\r\n\r\n--boundary",
        "<script>alert(1)</script>",
        "\r\n.\r\nMAIL FROM:<evil@example.org>",
    ] {
        let config = basic(
            "    headers: {x-name: '{{ .CommonLabels.alertname }}'}\n    text: '{{ .CommonLabels.alertname }}'\n",
        );
        let plain = deliver_to(&config, &about("x"), queued()).await;
        let sent = deliver_to(&config, &about(value), queued()).await;
        assert_eq!(sent.mail().to, ["one@example.org"]);
        let names = |sent: &Sent| -> Vec<String> {
            let names = sent.head();
            let name = |line: &String| line.split(':').next().unwrap().to_owned();
            names.iter().map(name).collect()
        };
        assert_eq!(names(&sent), names(&plain), "{value:?}");
        let text = sent.text();
        let html = text.split_once("text/html").unwrap().1;
        assert!(!html.contains("<script>"), "{html}");
        let parts = text.matches("Content-Transfer-Encoding: ").count();
        assert_eq!(parts, 2);
        assert!(text.split("\r\n").all(|line| line.len() <= 998));
        assert!(text.is_ascii());
    }
}

#[tokio::test]
async fn a_label_adds_no_recipient_and_no_command() {
    let templated =
        config("    to: '{{ .CommonLabels.alertname }}@example.org'\n    from: am@example.org\n");
    for value in [
        "a@example.org>\r\nRCPT TO:<evil",
        "a@example.org\r\nevil",
        "\"a\r\nb\"",
        "a\0",
        "a b",
        "",
    ] {
        let sent = deliver_to(&templated, &about(value), queued()).await;
        let error = sent.result.unwrap_err();
        assert!(sent.mails.is_empty(), "{value:?}");
        assert!(error.retry.is_none() && !error.is_ambiguous, "{error:?}");
        assert!(error.detail.starts_with("to \""), "{error}");
    }
    let sent = deliver_to(&templated, &about("\"a> b\""), queued()).await;
    // The door itself refuses what would end the command it stands in.
    assert_eq!(sent.mail().to, ["\"a> b\"@example.org"]);
}

#[tokio::test]
async fn addresses_that_cannot_be_read_are_not_tried_again() {
    for (to, from, expected) in [
        (
            "nobody",
            "a@example.org",
            "to \"nobody\": expected an address at the end",
        ),
        (
            "a@example.org",
            "x",
            "from \"x\": expected an address at the end",
        ),
        (
            "a@example.org",
            "a@example.org, b@example.org",
            "from: must be exactly one address (got: 2)",
        ),
        ("{{ .Nope }}", "a@example.org", "to: "),
        ("a@example.org", "{{ .Nope }}", "from: "),
    ] {
        let sent = deliver(&config(&format!("    to: '{to}'\n    from: '{from}'\n"))).await;
        let error = sent.result.unwrap_err();
        assert!(error.detail.starts_with(expected), "{error}");
        assert_eq!((error.retry, error.is_ambiguous), (None, false));
        assert!(sent.mails.is_empty());
    }
}

#[tokio::test]
async fn a_failed_template_is_replaced_and_said() {
    let sent = deliver(&basic(
        "    headers: {subject: '{{ .Nope }}', x-a: '{{ .Nope }}', to: '{{ .Nope }}'}\n    text: '{{ .Nope }}'\n    \
         html: '<a href={{ .Nope }}>'\n",
    ))
    .await;
    let note = sent.result.clone().unwrap().fallback.unwrap();
    for field in [
        "headers.Subject: ",
        "headers.X-A: ",
        "headers.To: ",
        "text: ",
        "html: ",
    ] {
        assert!(note.contains(field), "{field} in {note}");
    }
    let head = sent.head();
    assert_eq!(
        head[..4],
        [
            "From: am@example.org",
            "To: one@example.org",
            "Subject: [FIRING:1] HighLoad node (critical)",
            "X-A: ",
        ]
    );
    let (text, html) = sent.text().split_once("text/html").unwrap();
    assert!(
        text.contains("[FIRING:1] HighLoad node (critical)\r\n\r\n[template error]"),
        "{text}"
    );
    assert!(
        html.contains("<!DOCTYPE html>") && html.contains("<p>[template error]"),
        "{html}"
    );
}

#[tokio::test]
async fn what_the_server_says_decides() {
    let cause = || "mail.example.org:587: x".to_owned();
    let refused = |code| SmtpError::Refused {
        code,
        cause: cause(),
    };
    for (error, is_retried, is_ambiguous, reason) in [
        (
            SmtpError::NotSent { cause: cause() },
            true,
            false,
            FailureReason::Other,
        ),
        (
            SmtpError::Ambiguous { cause: cause() },
            true,
            true,
            FailureReason::Other,
        ),
        (
            SmtpError::Invalid { cause: cause() },
            false,
            false,
            FailureReason::Other,
        ),
        (refused(421), true, false, FailureReason::ServerError),
        (refused(454), true, false, FailureReason::ServerError),
        (refused(550), false, false, FailureReason::ClientError),
        (refused(535), false, false, FailureReason::AuthError),
    ] {
        let notification = samples::notification(&[("n1", false)]);
        let sent = deliver_to(&basic(""), &notification, Err(error)).await;
        assert_eq!(sent.mails.len(), 1);
        let expected = DeliveryError {
            retry: is_retried.then_some(RetryAdvice { after: None }),
            is_ambiguous,
            reason,
            detail: cause(),
        };
        assert_eq!(sent.result, Err(expected));
    }
}

#[tokio::test]
async fn every_attempt_sends_the_same_within_its_deadline() {
    let smtp = Arc::new(Recording {
        mails: Mutex::default(),
        answer: queued(),
    });
    let own = Arc::clone(&smtp) as Arc<dyn Smtp>;
    let id = IntegrationId::new("team.a", "email", 0);
    let email = Email::new(id, &basic(""), own, Arc::default());
    let notification = samples::notification(&[("n1", false)]);
    let composed = email.compose(&notification).await.unwrap();
    composed.send(MINUTE).await.unwrap();
    composed.send(MINUTE / 2).await.unwrap();
    let mails = smtp.mails.lock().unwrap().clone();
    assert_eq!(mails[0].0, mails[1].0);
    assert_eq!((mails[0].1, mails[1].1), (MINUTE, MINUTE / 2));
}
