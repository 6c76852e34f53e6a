use crate::FailureReason;
use crate::own::trial::{Trial, told};

const OK: &str = r#"{"errcode":0,"errmsg":"ok"}"#;
const URL: &str = "webhook_url: 'https://w.example.org/cgi-bin/webhook/send?key=T0KEN-abcdef'";

#[tokio::test]
async fn markdown_is_coloured() {
    let trial = Trial::new("wecom_bot", URL);
    let body = trial.body(&told(&[("n1", false)]), OK).await;
    assert_eq!(body["msgtype"], "markdown");
    let text = body["markdown"]["content"].as_str().unwrap();
    let start = "### <font color=\"warning\">[FIRING:1]\u{200b} HighLoad node (n1 critical)</font>\nalertname=HighLoad, instance=n1";
    assert!(text.starts_with(start), "{text}");
    let body = trial.body(&told(&[("n1", true)]), OK).await;
    let text = body["markdown"]["content"].as_str().unwrap();
    assert!(
        text.starts_with("### <font color=\"info\">[RESOLVED]"),
        "{text}"
    );
}

#[tokio::test]
async fn those_of_the_settings_are_called() {
    let trial = Trial::new("wecom_bot", &format!("{URL}, mentioned_list: [u1, '@all']"));
    let body = trial.body(&told(&[("<@u2>", false)]), OK).await;
    let text = body["markdown"]["content"].as_str().unwrap();
    assert!(text.ends_with("\n<@u1><@all>"), "{text}");
    assert_eq!(text.matches("<@").count(), 2, "{text}");
    let settings =
        format!("{URL}, message_type: text, mentioned_mobile_list: ['13800001111', '@all']");
    let trial = Trial::new("wecom_bot", &settings);
    let body = trial.body(&told(&[("n1", false)]), OK).await;
    let expected = serde_json::json!(["13800001111", "@all"]);
    assert_eq!(body["text"]["mentioned_mobile_list"], expected);
    assert_eq!(body["text"].get("mentioned_list"), None);
    let text = body["text"]["content"].as_str().unwrap();
    assert!(
        text.starts_with("[FIRING:1] HighLoad node (n1 critical)\nalertname=HighLoad"),
        "{text}"
    );
}

#[tokio::test]
async fn the_limits_of_both_forms_are_kept() {
    let many: Vec<String> = (0..200).map(|n| format!("节点-{n}")).collect();
    let many: Vec<_> = many.iter().map(|n| (n.as_str(), false)).collect();
    let settings = format!("{URL}, mentioned_list: [u1]");
    let trial = Trial::new("wecom_bot", &settings);
    let body = trial.body(&told(&many), OK).await;
    let text = body["markdown"]["content"].as_str().unwrap();
    assert!((3500..=4096).contains(&text.len()), "{}", text.len());
    assert!(text.ends_with("\n…\n<@u1>"), "{text}");
    let trial = Trial::new("wecom_bot", &format!("{URL}, message_type: text"));
    let body = trial.body(&told(&many), OK).await;
    let text = body["text"]["content"].as_str().unwrap();
    assert!((1500..=2048).contains(&text.len()), "{}", text.len());
    assert!(text.ends_with("\n…"));
}

#[tokio::test]
async fn codes_are_judged() {
    for (code, reason, is_retried) in [
        (93_000, FailureReason::AuthError, false),
        (45_009, FailureReason::RateLimited, true),
        (45_033, FailureReason::RateLimited, true),
        (-1, FailureReason::ServerError, true),
        (40_058, FailureReason::ClientError, false),
    ] {
        let trial = Trial::new("wecom_bot", URL);
        let answer =
            format!(r#"{{"errcode":{code},"errmsg":"invalid webhook url, hint: T0KEN-abcdef"}}"#);
        let error = trial.failure(200, &answer).await;
        assert_eq!(
            (error.reason, error.retry.is_some()),
            (reason, is_retried),
            "{code}"
        );
        assert!(!error.detail.contains("T0KEN"), "{}", error.detail);
    }
}
