use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::id::IntegrationId;
use outbound::{Answer, HttpOptions, Recorded, RecordingHttp};
use runtime::clock::SimClock;

use super::*;
use crate::provider::{HttpIntegration, Setup};
use crate::trial::MINUTE;
use crate::{Delivered, FailureReason, Integration as _, samples};

mod keys;

const FINE: &str =
    "<PublishResponse><PublishResult><MessageId>m-1</MessageId></PublishResult></PublishResponse>";
const OWN: &str = "{region: us-east-2, access_key: AKID, secret_key: s3cr3ts3cr3t}";
const TOPIC: &str = "topic_arn: arn:aws:sns:us-east-2:1:t";

struct Stage {
    http: Arc<RecordingHttp>,
    integration: HttpIntegration<Sns>,
}

impl Stage {
    /// An integration with these settings, in a process with these variables.
    fn new(settings: &str, variables: &[(&str, &str)]) -> Self {
        let settings = settings.replace('\n', "\n    ");
        let text = format!(
            "route: {{receiver: r}}\nreceivers:\n- name: r\n  sns_configs:\n  - {settings}\n"
        );
        let loaded = config::load(&text, &config::LoadOptions::default()).unwrap();
        let config::Integration::Sns(config) = &loaded.receivers[0].integrations[0].integration
        else {
            panic!("it is SNS")
        };
        let pairs = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let variables: BTreeMap<String, String> = pairs.collect();
        let lookup: SharedVariables = Arc::new(move |name| variables.get(name).cloned());
        let clock = SimClock::shared(domain::time::Timestamp::from_unix_ms(samples::STARTED));
        let http = Arc::new(RecordingHttp::new());
        http.answer_always(Answer::status(200).with_body(FINE));
        let setup = Setup {
            id: IntegrationId::new("r", "sns", 0),
            kind: "sns",
            send_resolved: true,
            options: HttpOptions::default(),
            http: Arc::clone(&http) as Arc<dyn outbound::Http>,
            templates: Arc::default(),
            clock: Arc::clone(&clock),
        };
        let sns = Sns::new(config, &TemplateSet::default(), clock, lookup);
        Self {
            http,
            integration: HttpIntegration::new(setup, sns),
        }
    }

    fn answer(&self, status: u16, body: &str) {
        let answer = Answer::status(status).with_body(body.to_owned());
        self.http.answer_next(answer);
    }

    async fn deliver(&self) -> Result<Delivered, DeliveryError> {
        let notification = samples::notification(&[("n1", false)]);
        self.integration.deliver(&notification, MINUTE).await
    }

    async fn failure(&self, status: u16, body: &str) -> DeliveryError {
        self.answer(status, body);
        self.deliver().await.unwrap_err()
    }

    /// The one request that was made.
    async fn sent(&self) -> Recorded {
        self.deliver().await.unwrap();
        let [sent] = self.http.take_recorded().try_into().ok().unwrap();
        sent
    }
}

/// The parameters of a form.
fn form(recorded: &Recorded) -> BTreeMap<String, String> {
    let body = std::str::from_utf8(&recorded.request.body).unwrap();
    let unescaped = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let [first, tail @ ..] = rest {
            rest = tail;
            match (first, tail) {
                (b'%', [a, b, tail @ ..]) => {
                    let digits = String::from_utf8(vec![*a, *b]).unwrap();
                    bytes.push(u8::from_str_radix(&digits, 16).unwrap());
                    rest = tail;
                }
                (b'+', _) => bytes.push(b' '),
                _ => bytes.push(*first),
            }
        }
        String::from_utf8(bytes).unwrap()
    };
    let pairs = body.split('&').map(|pair| pair.split_once('=').unwrap());
    pairs
        .map(|(name, value)| (unescaped(name), unescaped(value)))
        .collect()
}

async fn published(settings: &str) -> BTreeMap<String, String> {
    form(
        &Stage::new(&format!("sigv4: {OWN}\n{settings}"), &[])
            .sent()
            .await,
    )
}

fn error_of(code: &str, said: &str) -> String {
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{said}</Message></Error></ErrorResponse>"
    )
}

#[tokio::test]
async fn a_topic_is_told_by_its_regions_service() {
    for (region, url) in [
        ("us-east-2", "https://sns.us-east-2.amazonaws.com/"),
        ("cn-north-1", "https://sns.cn-north-1.amazonaws.com.cn/"),
        ("us-iso-east-1", "https://sns.us-iso-east-1.c2s.ic.gov/"),
    ] {
        let own = OWN.replace("us-east-2", region);
        let sent = Stage::new(&format!("sigv4: {own}\n{TOPIC}"), &[])
            .sent()
            .await;
        assert_eq!(sent.request.url, url);
        let authorization = sent.request.header("authorization").unwrap();
        let credential = format!("Credential=AKID/20260304/{region}/sns/aws4_request");
        assert!(authorization.contains(&credential), "{authorization}");
        assert_eq!(sent.request.header("x-amz-date"), Some("20260304T050607Z"));
    }
    let other = [("AWS_ENDPOINT_URL_SNS", "https://sns.example.org/x")];
    let sent = Stage::new(&format!("sigv4: {OWN}\n{TOPIC}"), &other)
        .sent()
        .await;
    assert_eq!(sent.request.url, "https://sns.example.org/x");
}

#[tokio::test]
async fn repeats_of_a_message_have_one_invocation() {
    let stage = Stage::new(&format!("sigv4: {OWN}\n{TOPIC}"), &[]);
    let id = async || {
        let sent = stage.sent().await;
        sent.request
            .header("amz-sdk-invocation-id")
            .unwrap()
            .to_owned()
    };
    let (one, two) = (id().await, id().await);
    assert_eq!(one, two);
    let lengths: Vec<usize> = one.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12]);
}

#[tokio::test]
async fn subjects_are_such_as_topics_take() {
    let long = "é".repeat(101);
    let sent = published(&format!("{TOPIC}\nsubject: {long}")).await;
    assert_eq!(sent["Subject"], format!("{}...", "é".repeat(97)));
    let sent = published(&format!("{TOPIC}\nsubject: \"a\\nb\\tc\"")).await;
    assert_eq!(sent["Subject"], "a b c");
    let sent = published(&format!(
        "{TOPIC}\nsubject: '{{{{ .CommonLabels.nothing }}}}'"
    ))
    .await;
    assert!(!sent.contains_key("Subject"));
}

#[tokio::test]
async fn long_messages_are_cut_between_characters_and_say_so() {
    let long = "漢".repeat(534);
    let sent = published(&format!("phone_number: '+1'\nmessage: {long}")).await;
    assert_eq!(sent["Message"], "漢".repeat(533));
    assert_eq!(sent["MessageAttributes.entry.1.Name"], "truncated");
    let long = "x".repeat(256 * 1024 + 1);
    let settings = format!("target_arn: a\nmessage: {long}\nattributes: {{zone: z, area: a}}");
    let sent = published(&settings).await;
    assert_eq!(sent["Message"].len(), 256 * 1024);
    let names = (1..=3).map(|n| &*sent[&format!("MessageAttributes.entry.{n}.Name")]);
    assert_eq!(names.collect::<Vec<_>>(), ["area", "truncated", "zone"]);
}

#[tokio::test]
async fn failed_templates_cost_their_own_part() {
    let settings =
        "message: '{{ .X }}'\nsubject: '{{ .Y }}'\nattributes: {a: '{{ .Z }}', b: '', c: v}";
    let sent = published(&format!("{TOPIC}\n{settings}")).await;
    assert_eq!(sent["Subject"], "[FIRING:1] HighLoad node (n1 critical)");
    assert_eq!(sent["MessageAttributes.entry.1.Name"], "c");
    assert!(!sent.contains_key("MessageAttributes.entry.2.Name"));
    let (text, note) = sent["Message"].split_once("\n\n[template error] ").unwrap();
    assert!(text.contains("alertname = HighLoad"), "{text}");
    for field in ["attributes.a: ", "subject: ", "message: "] {
        assert!(note.contains(field), "{note}");
    }
    let lost = Stage::new(&format!("sigv4: {OWN}\ntopic_arn: '{{{{ .X }}}}'"), &[]);
    let failure = lost.deliver().await.unwrap_err();
    assert!(failure.detail.starts_with("topic_arn: ") && failure.retry.is_none());
}

#[tokio::test]
async fn codes_decide_about_another_attempt() {
    let stage = Stage::new(&format!("sigv4: {OWN}\n{TOPIC}"), &[]);
    for (status, code, is_retried, reason) in [
        (400, "Throttling", true, FailureReason::ClientError),
        (400, "KMSThrottling", true, FailureReason::ClientError),
        (403, "ExpiredToken", true, FailureReason::AuthError),
        (429, "Throttled", true, FailureReason::RateLimited),
        (500, "InternalError", true, FailureReason::ServerError),
        (400, "InvalidParameter", false, FailureReason::ClientError),
        (
            403,
            "SignatureDoesNotMatch",
            false,
            FailureReason::AuthError,
        ),
        (404, "NotFound", false, FailureReason::ClientError),
    ] {
        let failure = stage
            .failure(status, &error_of(code, "why, s3cr3ts3cr3t &lt;"))
            .await;
        assert_eq!(
            (failure.retry.is_some(), failure.reason),
            (is_retried, reason),
            "{code}"
        );
        let shown = format!(
            "unexpected status code {status}: https://sns.us-east-2.amazonaws.com/…: {code}: why, <secret> <"
        );
        assert_eq!(failure.detail, shown);
    }
    let failure = stage.failure(502, "<html>").await;
    assert!(
        failure.retry.is_some() && failure.detail.ends_with(": <html>"),
        "{failure}"
    );
    let failure = stage.failure(200, "<html>").await;
    assert!(failure.retry.is_some() && failure.is_ambiguous);
    assert_eq!(failure.detail, "the answer is not understood: <html>");
}
