use std::time::Duration;

use outbound::{Answer, SendError};
use serde_json::{Value, json};

use crate::trial::{HOSTILE, Trial, hostile};
use crate::{RetryAdvice, samples};

const NONE: &str = r#"{"issues":[]}"#;
const OPEN: &str =
    r#"{"issues":[{"key":"OPS-1","fields":{"status":{"statusCategory":{"key":"new"}}}}]}"#;
const DONE: &str =
    r#"{"issues":[{"key":"OPS-1","fields":{"status":{"statusCategory":{"key":"done"}}}}]}"#;
const TRANSITIONS: &str =
    r#"{"transitions":[{"id":"11","name":"Done"},{"id":"12","name":"To Do"}]}"#;

fn yaml(more: &str) -> String {
    format!(
        "jira_configs: [{{api_url: 'https://jira.example.org/rest/api/2', project: OPS, issue_type: Bug, \
         resolve_transition: Done, reopen_transition: To Do, reopen_duration: 90m{more}}}]"
    )
}

fn said(body: &str) -> Answer {
    Answer::status(200).with_body(body.to_owned())
}

/// Method and path of each request.
fn asked(trial: &Trial) -> Vec<String> {
    let requests = trial.requests();
    let path = |url: &str| url.replace("https://jira.example.org/rest/api/", "");
    requests
        .iter()
        .map(|r| format!("{} {}", r.method, path(&r.url)))
        .collect()
}

fn fields(trial: &Trial, index: usize) -> Value {
    let body: Value = serde_json::from_slice(&trial.requests()[index].body).unwrap();
    body["fields"].clone()
}

#[tokio::test]
async fn an_issue_is_created_changed_closed_and_opened_again() {
    for (found, resolves, expected) in [
        (NONE, false, vec!["POST 2/search", "POST 2/issue"]),
        (NONE, true, vec!["POST 2/search"]),
        (OPEN, false, vec!["POST 2/search", "PUT 2/issue/OPS-1"]),
        (DONE, true, vec!["POST 2/search", "PUT 2/issue/OPS-1"]),
    ] {
        let trial = Trial::new(&yaml("")).answering([said(found)]);
        let told = if resolves {
            trial.resolve().await
        } else {
            trial.fire().await
        };
        told.unwrap();
        assert_eq!(asked(&trial), expected);
    }
    for (found, resolves, id) in [(OPEN, true, "11"), (DONE, false, "12")] {
        let answers = [said(found), Answer::status(204), said(TRANSITIONS)];
        let trial = Trial::new(&yaml("")).answering(answers);
        let told = if resolves {
            trial.resolve().await
        } else {
            trial.fire().await
        };
        told.unwrap();
        assert_eq!(
            asked(&trial)[2..],
            [
                "GET 2/issue/OPS-1/transitions",
                "POST 2/issue/OPS-1/transitions"
            ]
        );
        assert_eq!(trial.body(), json!({"transition": {"id": id}}));
    }
}

#[tokio::test]
async fn an_issue_that_may_be_there_is_looked_for_before_another_is_created() {
    let reset = SendError::Ambiguous {
        cause: "reset".to_owned(),
    };
    let answers = [said(NONE), Answer::error(reset), said(OPEN)];
    let trial = Trial::new(&yaml("")).answering(answers);
    let error = trial.fire().await.unwrap_err();
    let after_the_index = Some(RetryAdvice {
        after: Some(Duration::from_secs(5)),
    });
    assert_eq!((error.retry, error.is_ambiguous), (after_the_index, true));
    trial.fire().await.unwrap();
    assert_eq!(
        asked(&trial),
        [
            "POST 2/search",
            "POST 2/issue",
            "POST 2/search",
            "PUT 2/issue/OPS-1"
        ]
    );
}

#[tokio::test]
async fn without_an_answer_to_the_search_nothing_is_created() {
    let reset = SendError::Ambiguous {
        cause: "reset".to_owned(),
    };
    for (answer, is_retried) in [
        (said("<html>please log in</html>"), true),
        (said(r#"{"issues":[{"key""#), true),
        (said(r#"{"errorMessages":["x"]}"#), false),
        (Answer::status(400), false),
        (Answer::status(401), false),
        (Answer::status(429), true),
        (Answer::status(503), true),
        (Answer::error(reset), true),
    ] {
        let trial = Trial::new(&yaml("")).answering([answer]);
        let error = trial.fire().await.unwrap_err();
        assert_eq!(
            (error.retry.is_some(), error.is_ambiguous),
            (is_retried, false),
            "{error}"
        );
        assert_eq!(asked(&trial), ["POST 2/search"]);
    }
}

#[tokio::test]
async fn what_fails_behind_the_update_leaves_the_message_half_way() {
    let refused = || {
        Answer::error(SendError::NotSent {
            cause: "refused".to_owned(),
        })
    };
    for (answers, is_retried) in [
        (vec![Answer::status(503)], true),
        (vec![refused()], true),
        (vec![said(TRANSITIONS), Answer::status(500)], true),
        (vec![said(TRANSITIONS), Answer::status(400)], false),
        (vec![said(r#"{"transitions":[]}"#)], false),
        (vec![said(r#"{"transitions":[{"id"#)], true),
    ] {
        let before = [said(OPEN), Answer::status(204)];
        let trial = Trial::new(&yaml("")).answering(before.into_iter().chain(answers));
        let error = trial.resolve().await.unwrap_err();
        // For good: the message is taken back, so that the next one is not held up by it.
        assert_eq!(
            (error.retry.is_some(), error.is_ambiguous),
            (is_retried, is_retried),
            "{error}"
        );
    }
    let refused = [
        said(OPEN),
        Answer::status(400).with_body("no such priority"),
    ];
    let trial = Trial::new(&yaml("")).answering(refused);
    let error = trial.fire().await.unwrap_err();
    assert!(error.retry.is_none() && !error.is_ambiguous);
    assert!(error.detail.contains("no such priority"), "{error}");
}

#[tokio::test]
async fn the_search_depends_on_the_kind_of_jira() {
    for (url, kind, expected) in [
        (
            "https://x.atlassian.net/rest/api/2/",
            "auto",
            "https://x.atlassian.net/rest/api/3/search/jql",
        ),
        (
            "https://x.atlassian.net/rest/api/2",
            "datacenter",
            "https://x.atlassian.net/rest/api/2/search",
        ),
        (
            "https://j2.example.org/2/rest/api/2",
            "cloud",
            "https://j2.example.org/2/rest/api/3/search/jql",
        ),
        (
            "https://j.example.org/rest/api/3?os=x",
            "auto",
            "https://j.example.org/rest/api/3/search?os=x",
        ),
    ] {
        let trial = Trial::new(&format!(
            "jira_configs: [{{api_url: '{url}', api_type: {kind}, project: P, issue_type: T}}]"
        ));
        trial.resolve().await.unwrap_err();
        assert_eq!(trial.requests()[0].url, expected);
    }
}

#[tokio::test]
async fn no_value_gets_out_of_the_query() {
    let yaml = "jira_configs: [{api_url: 'https://jira.example.org', project: '{{ .CommonLabels.instance }}', issue_type: T}]";
    let trial = Trial::new(yaml).answering([said(NONE)]);
    let notification = samples::notification(&[("x\" or project != \"\\\n", false)]);
    trial.deliver(&notification).await.unwrap();
    let body: Value = serde_json::from_slice(&trial.requests()[0].body).unwrap();
    let jql = body["jql"].as_str().unwrap();
    assert!(
        jql.contains(r#"and project="x\" or project != \"\\\n" and labels="ALERT{"#),
        "{jql}"
    );
}

#[tokio::test]
async fn values_stay_values_and_a_summary_is_one_line() {
    let trial = Trial::new(&yaml(
        ", summary: \"a\\r\\nb\\n\", fields: {f: '{{ .CommonLabels.instance }}'}",
    ))
    .answering([said(NONE)]);
    trial.deliver(&hostile()).await.unwrap();
    let fields = fields(&trial, 1);
    assert_eq!(
        (&fields["summary"], &fields["f"]),
        (&json!("a  b"), &json!(HOSTILE))
    );
}

#[tokio::test]
async fn fields_are_templates_and_cannot_take_the_label_away() {
    let more = ", labels: [z, '{{ .Nope }}'], fields: {labels: [mine], priority: {id: '{{ .Status }}'}, bad: ['{{ .Nope }}']}";
    let trial = Trial::new(&yaml(more)).answering([said(NONE)]);
    let note = trial.fire().await.unwrap().fallback.expect("a note");
    assert!(
        note.contains("labels[1]: ") && note.contains("fields.bad: "),
        "{note}"
    );
    let fields = fields(&trial, 1);
    let labels = fields["labels"].as_array().unwrap();
    assert!(labels[0].as_str().unwrap().starts_with("ALERT{") && labels[1] == "z");
    assert_eq!(labels.len(), 2);
    assert_eq!(fields["priority"], json!({"id": "firing"}));
    assert_eq!(fields.get("bad"), None);
    let description = fields["description"].as_str().unwrap();
    assert!(
        description.ends_with(&format!("[template error] {note}")),
        "{description}"
    );
}

#[tokio::test]
async fn texts_that_are_not_updated_are_created_all_the_same() {
    let more = ", summary: {template: s, enable_update: false}, description: {template: d, enable_update: false}";
    for (found, expected) in [
        (NONE, [json!("s"), json!("d")]),
        (OPEN, [Value::Null, Value::Null]),
    ] {
        let trial = Trial::new(&yaml(more)).answering([said(found)]);
        trial.fire().await.unwrap();
        let fields = fields(&trial, 1);
        assert_eq!(
            [&fields["summary"], &fields["description"]],
            [&expected[0], &expected[1]]
        );
    }
}

/// The description in version 3 of the API as it is sent.
async fn described(description: &str) -> String {
    let yaml = format!(
        "jira_configs: [{{api_url: 'https://jira.example.org/rest/api/3/', project: P, issue_type: T, description: {description}}}]"
    );
    let trial = Trial::new(&yaml).answering([said(NONE)]);
    trial.fire().await.unwrap();
    let requests = trial.requests();
    let body = std::str::from_utf8(&requests[1].body).unwrap();
    let (_, rest) = body.split_once(r#""description":"#).unwrap();
    let (description, _) = rest.split_once(r#","issuetype""#).unwrap();
    description.to_owned()
}

#[tokio::test]
async fn documents_stand_as_they_are_written_and_texts_become_documents() {
    let own = r#"'{ "type": "doc", "b": "< \" x", "a": [1.50, null] }'"#;
    assert_eq!(
        described(own).await,
        r#"{"type":"doc","b":"\u003c \" x","a":[1.50,null]}"#
    );
    let paragraph = |content: &str| {
        format!(
            r#"{{"type":"doc","version":1,"content":[{{"type":"paragraph","content":[{content}]}}]}}"#
        )
    };
    let line = r#"{"type":"text","text":"a"},{"type":"hardBreak"},{"type":"hardBreak"},{"type":"text","text":"b"}"#;
    assert_eq!(described("\"a\\n\\nb\\n\"").await, paragraph(line));
    assert_eq!(
        described("'12'").await,
        paragraph(r#"{"type":"text","text":"12"}"#)
    );
    assert_eq!(described("''").await, paragraph(""));
    let failed = described("'{{ .Nope }}'").await;
    assert!(failed.contains("# Alerts Firing:") && failed.contains("[template error] description"));
}
