use crate::FailureReason;
use crate::own::trial::{NOW_SECONDS, Trial, told};

use super::*;

const OK: &str = r#"{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}"#;
const URL: &str = "webhook_url: 'https://f.example.org/open-apis/bot/v2/hook/T0KEN-abcdef'";

#[tokio::test]
async fn a_card_says_what_fires_and_where_to_go() {
    let trial = Trial::new("feishu", URL);
    let body = trial.body(&told(&[("n1", false), ("n2", true)]), OK).await;
    assert_eq!(body["msg_type"], "interactive");
    assert_eq!(body.get("sign"), None);
    let card = &body["card"];
    assert_eq!(card["header"]["template"], "red");
    assert_eq!(
        card["header"]["title"]["content"],
        "[FIRING:1] HighLoad node (critical)"
    );
    assert_eq!(card["elements"][0]["tag"], "markdown");
    let filter = "%7Balertname%3D%22HighLoad%22%2C%20instance%3D%22n1%22%2C%20job%3D%22node%22%2C%20severity%3D%22critical%22%7D";
    let text = card["elements"][0]["content"].as_str().unwrap();
    let links = format!(
        "[Source](http://prom.example.org/graph?a=1&b=2) [Runbook](https://runbooks.example.org/load) \
         [Silence](http://am.example.org/x/#/silences/new?filter={filter}) [Alert](http://am.example.org/x/#/alerts?filter={filter}) \
         [Explain](http://am.example.org/x/api/belfry/v1/explain?fingerprint=38a8db2efa35916d)"
    );
    assert_eq!(
        text,
        format!(
            "alertname=HighLoad, job=node, severity=critical\n\n**Firing (1)**\n**HighLoad** instance=n1\nload is high\n{links}\n\n"
        ) + &format!(
            "**Resolved (1)**\n**HighLoad** instance=n2\nload is high\n\
                 [Source](http://prom.example.org/graph?a=1&b=2) [Runbook](https://runbooks.example.org/load) \
                 [Alert](http://am.example.org/x/#/alerts?filter={}) \
                 [Explain](http://am.example.org/x/api/belfry/v1/explain?fingerprint=bd11f430331a1784)",
            filter.replace("n1", "n2")
        )
    );
    let buttons = card["elements"][1]["actions"].as_array().unwrap();
    let labels: Vec<_> = buttons
        .iter()
        .map(|b| b["text"]["content"].as_str())
        .collect();
    assert_eq!(
        labels,
        [Some("All alerts"), Some("Silence"), Some("Runbook")]
    );
    assert_eq!(
        buttons[0]["url"],
        "http://am.example.org/x/#/alerts?filter=%7Balertname%3D%22HighLoad%22%2C%20job%3D%22node%22%7D"
    );
}

#[tokio::test]
async fn what_is_over_is_green_and_cannot_be_silenced() {
    let trial = Trial::new("feishu", URL);
    let body = trial.body(&told(&[("n1", true)]), OK).await;
    assert_eq!(body["card"]["header"]["template"], "green");
    assert!(!body.to_string().contains("silences/new"));
}

#[tokio::test]
async fn a_text_calls_those_of_the_settings_alone() {
    let settings = format!("{URL}, message_type: text, at_all: true, at_user_ids: [ou_1]");
    let trial = Trial::new("feishu", &settings);
    let body = trial
        .body(&told(&[("<at user_id=\"all\">x</at>", false)]), OK)
        .await;
    assert_eq!(body["msg_type"], "text");
    let text = body["content"]["text"].as_str().unwrap();
    assert!(text.starts_with("[FIRING:1] HighLoad node ("), "{text}");
    assert!(text.ends_with("\n<at user_id=\"all\"></at> <at user_id=\"ou_1\"></at>"));
    assert_eq!(text.matches("<at").count(), 2, "{text}");
}

#[tokio::test]
async fn requests_are_signed_with_the_time_of_the_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "shhh-secret\n").unwrap();
    let trial = Trial::new(
        "feishu",
        &format!("{URL}, secret_file: '{}'", file.display()),
    );
    let body = trial.body(&told(&[("n1", false)]), OK).await;
    let timestamp = NOW_SECONDS.to_string();
    assert_eq!(body["timestamp"], timestamp.as_str());
    assert_eq!(body["sign"], signature(&timestamp, "shhh-secret").as_str());
}

/// Computed by Python's `hmac.new(b"1599360473\ndemo", b"", sha256)`, which is what Feishu's guide does.
#[test]
fn a_signature_is_that_of_the_guide() {
    assert_eq!(
        signature("1599360473", "demo"),
        "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8="
    );
}

#[tokio::test]
async fn codes_are_judged() {
    for (code, msg, reason, is_retried) in [
        (9499, "Bad Request", FailureReason::ClientError, false),
        (9499, "Too many request", FailureReason::RateLimited, true),
        (
            19001,
            "param invalid: incoming webhook access token invalid",
            FailureReason::AuthError,
            false,
        ),
        (
            19002,
            "params error, msg_type need",
            FailureReason::ClientError,
            false,
        ),
        (
            19021,
            "sign match fail or timestamp is not within one hour from current time",
            FailureReason::AuthError,
            false,
        ),
        (19022, "Ip Not Allowed", FailureReason::AuthError, false),
        (
            19024,
            "Key Words Not Found",
            FailureReason::ClientError,
            false,
        ),
        (
            11232,
            "frequency limited psm[lark.oapi.app_platform_runtime]",
            FailureReason::RateLimited,
            true,
        ),
        (424242, "who knows", FailureReason::ClientError, false),
    ] {
        let trial = Trial::new("feishu", URL);
        let answer = format!(r#"{{"code":{code},"data":{{}},"msg":"{msg}"}}"#);
        let error = trial.failure(200, &answer).await;
        assert_eq!(
            (error.reason, error.retry.is_some()),
            (reason, is_retried),
            "{code}"
        );
        let start = format!("Feishu refused the message: code {code}: {msg}");
        assert!(error.detail.starts_with(&start), "{}", error.detail);
        assert!(!error.is_ambiguous);
    }
}

#[tokio::test]
async fn a_success_without_a_code_is_none() {
    let trial = Trial::new("feishu", URL);
    for body in ["", "<html>log in</html>", r#"{"code":"#] {
        let error = trial.failure(200, body).await;
        assert!(error.retry.is_some() && error.is_ambiguous, "{body}");
        let detail = format!("the answer is not understood: {body}");
        assert_eq!(error.detail, detail);
    }
    for body in ["{}", "[]", r#"{"code":"0"}"#] {
        let error = trial.failure(200, body).await;
        assert!(error.retry.is_none() && !error.is_ambiguous, "{body}");
        assert!(
            error.detail.contains("without a code of Feishu"),
            "{}",
            error.detail
        );
    }
    // What older bots answer.
    trial.answer(200, r#"{"StatusCode":0,"StatusMessage":"success"}"#);
    trial.fire().await.unwrap();
    // A code does not make a success of a fault, and an unknown one is judged by the status.
    assert!(trial.failure(502, r#"{"code":0}"#).await.retry.is_some());
    assert!(trial.failure(500, r#"{"code":77}"#).await.retry.is_some());
    assert!(trial.failure(503, "").await.retry.is_some());
}

#[tokio::test]
async fn no_error_shows_the_address_or_the_secret() {
    let trial = Trial::new("feishu", &format!("{URL}, secret: shhh-secret"));
    let echo = r#"{"code":19001,"msg":"bad hook T0KEN-abcdef with shhh-secret"}"#;
    let error = trial.failure(200, echo).await;
    assert!(!error.detail.contains("T0KEN-abcdef"), "{}", error.detail);
    assert!(!error.detail.contains("shhh-secret"), "{}", error.detail);
}

#[tokio::test]
async fn a_template_that_fails_is_replaced_and_told() {
    let settings = format!("{URL}, text: '{{{{ .Nope }}}}', title: 'own {{{{ .Status }}}}'");
    let trial = Trial::new("feishu", &settings);
    trial.answer(200, OK);
    let delivered = trial.fire().await.unwrap();
    assert!(delivered.fallback.unwrap().starts_with("text: "));
    let (_, body) = trial.sent();
    assert_eq!(body["card"]["header"]["title"]["content"], "own firing");
    let text = body["card"]["elements"][0]["content"].as_str().unwrap();
    assert!(
        text.contains("**Firing (1)**") && text.contains("template error"),
        "{text}"
    );
}

#[tokio::test]
async fn a_request_stays_below_20_kilobytes() {
    let many: Vec<String> = (0..300).map(|n| format!("<node>-{n}-漢字")).collect();
    let many: Vec<_> = many.iter().map(|n| (n.as_str(), false)).collect();
    for settings in [URL.to_owned(), format!("{URL}, message_type: text")] {
        let trial = Trial::new("feishu", &settings);
        trial.answer(200, OK);
        trial.deliver(&told(&many)).await.unwrap();
        let (request, body) = trial.sent();
        assert!(request.body.len() < 20_000, "{}", request.body.len());
        assert!(12_000 < request.body.len());
        assert!(body.to_string().contains('…'));
    }
}
