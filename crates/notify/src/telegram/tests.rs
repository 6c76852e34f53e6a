use std::time::Duration;

use outbound::{Answer, SendError};
use serde_json::{Value, json};

use crate::trial::{HOSTILE, Trial, hostile};
use crate::{FailureReason, RetryAdvice, samples};

fn yaml(more: &str) -> String {
    format!(
        "telegram_configs: [{{bot_token: '1234:B0TT0KEN', chat_id: -100, api_url: 'https://tg.example.org'{more}}}]"
    )
}

/// Telegram accepts whatever no test answers otherwise.
fn accepting(yaml: &str) -> Trial {
    let trial = Trial::new(yaml);
    let accepted = Answer::status(200).with_body(r#"{"ok":true}"#);
    trial.http.answer_always(accepted);
    trial
}

#[tokio::test]
async fn the_token_is_in_the_path_and_in_no_error() {
    let said = r#"{"ok":false,"error_code":401,"description":"Unauthorized: 1234:B0TT0KEN"}"#;
    let trial = accepting(&yaml("")).answering([Answer::status(401).with_body(said)]);
    let error = trial.fire().await.unwrap_err();
    assert_eq!(
        trial.requests()[0].url,
        "https://tg.example.org/bot1234:B0TT0KEN/sendMessage"
    );
    assert!(
        error.detail.contains("https://tg.example.org/…: "),
        "{error}"
    );
    assert!(error.detail.contains("Unauthorized: <secret>"), "{error}");
    assert!(!error.detail.contains("B0TT0KEN"), "{error}");
    assert_eq!(error.reason, FailureReason::AuthError);
    assert!(error.retry.is_some());
}

#[tokio::test]
async fn every_error_is_worth_another_attempt() {
    let flood = r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 35","parameters":{"retry_after":35}}"#;
    let refused = r#"{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}"#;
    let soon = Some(RetryAdvice { after: None });
    let later = Some(RetryAdvice {
        after: Some(Duration::from_secs(35)),
    });
    let invalid = SendError::Invalid {
        cause: "no URL".to_owned(),
    };
    let reset = SendError::Ambiguous {
        cause: "reset".to_owned(),
    };
    for (answer, retry, is_ambiguous) in [
        (Answer::status(429).with_body(flood), later, false),
        (Answer::status(400).with_body(refused), soon, false),
        (Answer::status(200).with_body(refused), soon, false),
        (Answer::status(502), soon, false),
        // Whatever Telegram says is JSON.
        (Answer::status(200), soon, true),
        (Answer::status(204), soon, true),
        (Answer::status(206).with_body("{\"ok\":tr"), soon, true),
        (Answer::error(invalid), soon, false),
        (Answer::error(reset), soon, true),
    ] {
        let trial = accepting(&yaml("")).answering([answer]);
        let error = trial.fire().await.unwrap_err();
        assert_eq!(
            (error.retry, error.is_ambiguous),
            (retry, is_ambiguous),
            "{error}"
        );
    }
    let accepted = Answer::status(200).with_body(r#"{"ok":true,"result":{}}"#);
    assert!(
        accepting(&yaml(""))
            .answering([accepted])
            .fire()
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn markup_that_cannot_be_read_is_sent_as_plain_text() {
    let said = r#"{"ok":false,"error_code":400,"description":"Bad Request: can't parse entities: Unsupported start tag"}"#;
    let trial = accepting(&yaml("")).answering([Answer::status(400).with_body(said)]);
    let note = trial.fire().await.unwrap().fallback.expect("a note");
    assert!(note.contains("as HTML"), "{note}");
    let bodies: Vec<Value> = trial
        .requests()
        .iter()
        .map(|r| serde_json::from_slice(&r.body).unwrap())
        .collect();
    assert_eq!(bodies[0]["parse_mode"], "HTML");
    assert_eq!(
        (&bodies[1]["parse_mode"], &bodies[1]["text"]),
        (&Value::Null, &bodies[0]["text"])
    );
    assert_eq!(bodies.len(), 2);
}

#[tokio::test]
async fn labels_are_no_markup_in_a_page() {
    let trial = accepting(&yaml(", message: '<b>{{ .CommonLabels.instance }}</b>'"));
    trial.deliver(&hostile()).await.unwrap();
    let text = trial.body()["text"].as_str().unwrap().to_owned();
    assert_eq!(text.matches('<').count(), 2, "{text}");
    let trial = accepting(&yaml(
        ", parse_mode: '', message: '{{ .CommonLabels.instance }}'",
    ));
    trial.deliver(&hostile()).await.unwrap();
    assert_eq!(trial.body()["text"], HOSTILE);
}

#[tokio::test]
async fn a_failing_template_becomes_a_message_that_telegram_can_read() {
    for (mode, kept) in [
        ("HTML", json!("HTML")),
        ("MarkdownV2", Value::Null),
        ("", Value::Null),
    ] {
        let trial = accepting(&yaml(&format!(
            ", parse_mode: '{mode}', message: 'x {{{{ .Nope }}}}'"
        )));
        let note = trial.fire().await.unwrap().fallback.expect("a note");
        let body = trial.body();
        assert_eq!(body["parse_mode"], kept);
        let text = body["text"].as_str().unwrap();
        assert!(text.contains("Alerts Firing:"), "{text}");
        assert_eq!(text.contains(&note), mode != "HTML", "{text}");
        assert!(text.contains("[template error] message: "), "{text}");
    }
}

#[tokio::test]
async fn a_message_is_never_empty() {
    let trial = accepting(&yaml(", message: ' '"));
    trial
        .deliver(&samples::notification(&[("<n1>", false)]))
        .await
        .unwrap();
    let text = trial.body()["text"].as_str().unwrap().to_owned();
    assert!(
        text.starts_with("[FIRING:1] HighLoad") && text.contains("&lt;n1&gt;"),
        "{text}"
    );
}

#[tokio::test]
async fn token_and_chat_are_read_for_every_message() {
    let dir = tempfile::tempdir().unwrap();
    let (token, chat) = (dir.path().join("token"), dir.path().join("chat"));
    let trial = accepting(&format!(
        "telegram_configs: [{{bot_token_file: '{}', chat_id_file: '{}'}}]",
        token.display(),
        chat.display()
    ));
    let error = trial.fire().await.unwrap_err();
    assert!(
        error.detail.starts_with("bot_token_file `") && error.retry.is_some(),
        "{error}"
    );
    std::fs::write(&token, "1:first\n").unwrap();
    std::fs::write(&chat, "none\n").unwrap();
    let error = trial.fire().await.unwrap_err();
    assert!(error.detail.contains("does not hold a number"), "{error}");
    assert!(trial.requests().is_empty());
    for (new, id) in [("1:first", "-7"), ("1:second", "42")] {
        std::fs::write(&token, new).unwrap();
        std::fs::write(&chat, format!("{id}\n")).unwrap();
        trial.fire().await.unwrap();
        assert_eq!(trial.body()["chat_id"], id);
        let url = trial.requests().pop().unwrap().url;
        assert!(url.ends_with(&format!("/bot{new}/sendMessage")));
    }
}
