use crate::FailureReason;
use crate::own::trial::{Trial, told, with_texts};

const URL: &str =
    "webhook_url: 'https://c.example.org/v1/spaces/A/messages?key=T0KENabcdef&token=t0kenabcdef'";

#[tokio::test]
async fn a_group_is_one_thread() {
    let trial = Trial::new("googlechat", URL);
    trial.answer(200, "{}");
    trial.fire().await.unwrap();
    let (request, body) = trial.sent();
    assert!(
        request.url.ends_with(
            "&token=t0kenabcdef&messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD"
        )
    );
    assert_eq!(
        request.header("content-type"),
        Some("application/json; charset=UTF-8")
    );
    let key = body["thread"]["threadKey"].clone();
    assert_eq!(key.as_str().unwrap().len(), 64);
    let mut other = told(&[("n1", true)]);
    assert_eq!(trial.body(&other, "{}").await["thread"]["threadKey"], key);
    other.group_key.push('x');
    assert_ne!(trial.body(&other, "{}").await["thread"]["threadKey"], key);
    let trial = Trial::new("googlechat", &format!("{URL}, threads: false"));
    trial.answer(200, "{}");
    trial.fire().await.unwrap();
    let (request, body) = trial.sent();
    assert!(request.url.ends_with("t0kenabcdef") && body.get("thread").is_none());
}

#[tokio::test]
async fn a_card_has_a_colour_and_buttons() {
    let trial = Trial::new("googlechat", URL);
    let body = trial
        .body(&with_texts(&[("n1", false)], "a <b>", ""), "{}")
        .await;
    let card = &body["cardsV2"][0]["card"];
    assert_eq!(
        card["header"]["title"],
        "[FIRING:1] HighLoad node (n1 critical)"
    );
    let widgets = &card["sections"][0]["widgets"];
    let text = widgets[0]["textParagraph"]["text"].as_str().unwrap();
    assert!(
        text.starts_with("<font color=\"#d93025\"><b>Firing</b></font>\nalertname=HighLoad"),
        "{text}"
    );
    assert!(text.contains("<b>HighLoad</b>\na &lt;b&gt;\n<a href=\"http://prom.example.org/graph?a=1&amp;b=2\">Source</a>"), "{text}");
    let buttons = widgets[1]["buttonList"]["buttons"].as_array().unwrap();
    assert_eq!((buttons.len(), &buttons[1]["text"]), (2, &"Silence".into()));
    assert!(
        buttons[1]["onClick"]["openLink"]["url"]
            .as_str()
            .unwrap()
            .contains("/#/silences/new?filter=")
    );
    let body = trial.body(&told(&[("n1", true)]), "{}").await;
    assert!(body.to_string().contains("#188038"));
}

#[tokio::test]
async fn a_text_calls_nobody() {
    let trial = Trial::new("googlechat", &format!("{URL}, message_type: text"));
    let body = trial.body(&told(&[("<users/all>", false)]), "{}").await;
    let text = body["text"].as_str().unwrap();
    assert!(
        text.starts_with("*[FIRING:1]\u{200b} HighLoad node ("),
        "{text}"
    );
    assert!(!text.contains("<users/"), "{text}");
    assert!(
        text.contains("<http://prom.example.org/graph?a=1&b=2|Source>"),
        "{text}"
    );
}

#[tokio::test]
async fn answers_are_judged_by_status() {
    for (status, is_retried, reason) in [
        (429, true, FailureReason::RateLimited),
        (503, true, FailureReason::ServerError),
        (404, false, FailureReason::ClientError),
        (403, false, FailureReason::AuthError),
    ] {
        let trial = Trial::new("googlechat", URL);
        let error = trial
            .failure(status, r#"{"error":{"message":"T0KENabcdef"}}"#)
            .await;
        assert_eq!(
            (error.retry.is_some(), error.reason),
            (is_retried, reason),
            "{status}"
        );
        assert!(!error.detail.contains("T0KEN"), "{}", error.detail);
    }
}

#[tokio::test]
async fn a_message_stays_below_32000_bytes() {
    let many: Vec<String> = (0..400).map(|n| format!("<node>-{n}")).collect();
    let many: Vec<_> = many.iter().map(|n| (n.as_str(), false)).collect();
    for settings in [URL.to_owned(), format!("{URL}, message_type: text")] {
        let trial = Trial::new("googlechat", &settings);
        let body = trial.body(&told(&many), "{}").await.to_string();
        assert!((20_000..32_000).contains(&body.len()), "{}", body.len());
        assert!(body.contains('…'));
    }
}
