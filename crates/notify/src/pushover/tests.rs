use outbound::{Answer, Request, SendError};

use crate::trial::{HOSTILE, Trial, hostile};

const PLAIN: &str = "pushover_configs: [{user_key: US3RKEY, token: T0KEN}]";

/// The parts of a message by name.
fn part(request: &Request, wanted: &str) -> Option<String> {
    let (_, query) = request.url.split_once('?').unwrap();
    let mut parts = query.split('&').filter_map(|part| part.split_once('='));
    let (_, value) = parts.find(|(name, _)| *name == wanted)?;
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let hex: Vec<u8> = rest.by_ref().take(2).collect();
                u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    Some(String::from_utf8(bytes).unwrap())
}

async fn sent(yaml: &str) -> (Request, Option<String>) {
    let trial = Trial::new(yaml);
    let delivered = trial.fire().await.unwrap();
    (trial.requests().remove(0), delivered.fallback)
}

#[tokio::test]
async fn a_message_is_a_query() {
    let (request, _) = sent(PLAIN).await;
    assert!(request.body.is_empty());
    assert_eq!(request.header("content-type"), Some("text/plain"));
    assert_eq!(part(&request, "user").as_deref(), Some("US3RKEY"));
    assert_eq!(part(&request, "priority").as_deref(), Some("2"));
    assert_eq!(part(&request, "retry").as_deref(), Some("60"));
    assert_eq!(part(&request, "ttl"), None);
}

#[tokio::test]
async fn values_stay_values() {
    let trial = Trial::new(
        "pushover_configs: [{user_key: u, token: t, title: '{{ .CommonLabels.instance }}'}]",
    );
    trial.deliver(&hostile()).await.unwrap();
    assert_eq!(
        part(&trial.requests()[0], "title").as_deref(),
        Some(HOSTILE)
    );
}

#[tokio::test]
async fn values_are_escaped_where_the_message_is_html() {
    let yaml = "pushover_configs: [{user_key: u, token: t, html: true, \
                message: '<b>{{ .CommonLabels.instance }}</b>'}]";
    let trial = Trial::new(yaml);
    trial.deliver(&hostile()).await.unwrap();
    let message = part(&trial.requests()[0], "message").unwrap();
    assert!(message.contains("&lt;b&gt;&amp;amp;"), "{message}");
    assert_eq!(message.matches('<').count(), 2, "{message}");
}

#[tokio::test]
async fn a_failing_template_says_so_in_the_message() {
    let yaml = "pushover_configs: [{user_key: u, token: t, html: true, \
                message: '{{ .Nope }}', priority: '{{ .Nope }}', sound: '{{ .Nope }}'}]";
    let (request, fallback) = sent(yaml).await;
    assert_eq!(part(&request, "priority").as_deref(), Some("2"));
    assert_eq!(part(&request, "sound").as_deref(), Some(""));
    let message = part(&request, "message").unwrap();
    let note = fallback.expect("a note");
    assert!(
        note.contains("<.Nope>") && message.contains("at &lt;.Nope&gt;"),
        "{message}"
    );
}

#[tokio::test]
async fn answers_are_judged_and_the_keys_stay_hidden() {
    let refused = r#"{"status":0,"errors":["US3RKEY is not a user of T0KEN"]}"#;
    for (answer, is_retried, is_ambiguous) in [
        (Answer::status(400).with_body(refused), false, false),
        (Answer::status(200).with_body(refused), false, false),
        (Answer::status(429).with_body(refused), true, false),
        (Answer::status(500).with_body(refused), true, false),
        (
            Answer::error(SendError::Ambiguous {
                cause: "reset".to_owned(),
            }),
            true,
            true,
        ),
    ] {
        let trial = Trial::new(PLAIN).answering([answer]);
        let error = trial.fire().await.unwrap_err();
        assert_eq!(
            (error.retry.is_some(), error.is_ambiguous),
            (is_retried, is_ambiguous)
        );
        assert!(
            !error.detail.contains("US3RKEY") && !error.detail.contains("T0KEN"),
            "{error}"
        );
    }
    let accepted = Answer::status(200).with_body(r#"{"status":1,"request":"r"}"#);
    assert!(Trial::new(PLAIN).answering([accepted]).fire().await.is_ok());
}

#[tokio::test]
async fn keys_may_be_templates_and_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    std::fs::write(&path, "tok-{{ .CommonLabels.job }}\n").unwrap();
    let path = path.display();
    let yaml =
        format!("pushover_configs: [{{user_key: 'u-{{{{ .Status }}}}', token_file: '{path}'}}]");
    let (request, _) = sent(&yaml).await;
    assert_eq!(part(&request, "user").as_deref(), Some("u-firing"));
    assert_eq!(part(&request, "token").as_deref(), Some("tok-node"));
}
