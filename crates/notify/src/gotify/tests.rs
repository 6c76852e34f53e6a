use crate::FailureReason;
use crate::own::trial::Trial;

const SETTINGS: &str = "url: 'http://g.example.org/gotify', token: AppT0KEN";

#[tokio::test]
async fn a_message_is_markdown_and_a_tap_opens_the_group() {
    let trial = Trial::new("gotify", SETTINGS);
    trial.answer(200, r#"{"id":1}"#);
    trial.fire().await.unwrap();
    let (request, body) = trial.sent();
    assert_eq!(request.url, "http://g.example.org/gotify/message");
    assert_eq!(request.header("x-gotify-key"), Some("AppT0KEN"));
    assert_eq!(body["priority"], 8);
    assert_eq!(
        body["extras"]["client::display"]["contentType"],
        "text/markdown"
    );
    let click = body["extras"]["client::notification"]["click"]["url"]
        .as_str()
        .unwrap();
    assert!(
        click.starts_with("http://am.example.org/x/#/alerts?filter="),
        "{click}"
    );
    let text = body["message"].as_str().unwrap();
    assert!(
        text.contains("**Firing (1)**  \n**HighLoad** instance=n1  \nload is high  \n[Source]("),
        "{text}"
    );
}

#[tokio::test]
async fn a_priority_that_is_none_is_told() {
    let trial = Trial::new("gotify", &format!("{SETTINGS}, priority: '11'"));
    let delivered = trial.fire().await.unwrap();
    assert!(
        delivered
            .fallback
            .unwrap()
            .contains("no priority from 0 to 10")
    );
    assert_eq!(trial.sent().1["priority"], 5);
}

#[tokio::test]
async fn a_wrong_token_is_final_and_stays_hidden() {
    let trial = Trial::new("gotify", SETTINGS);
    let error = trial
        .failure(401, r#"{"errorDescription":"AppT0KEN is not valid"}"#)
        .await;
    assert_eq!(
        (error.retry, error.reason),
        (None, FailureReason::AuthError)
    );
    assert!(!error.detail.contains("AppT0KEN"), "{}", error.detail);
    assert!(trial.failure(500, "").await.retry.is_some());
}
