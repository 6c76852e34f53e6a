use crate::FailureReason;
use crate::own::trial::{NOW_SECONDS, Trial, told};

use super::*;

const OK: &str = r#"{"errcode":0,"errmsg":"ok"}"#;
const URL: &str = "webhook_url: 'https://d.example.org/robot/send?access_token=T0KENabcdef'";

#[tokio::test]
async fn markdown_has_a_heading_and_breaks_that_count() {
    let trial = Trial::new("dingtalk", URL);
    let body = trial.body(&told(&[("n1", false)]), OK).await;
    assert_eq!(body["msgtype"], "markdown");
    assert_eq!(
        body["markdown"]["title"],
        "[FIRING:1] HighLoad node (n1 critical)"
    );
    let text = body["markdown"]["text"].as_str().unwrap();
    let start = "### 🔴 \\[FIRING:1\\] HighLoad node (n1 critical)  \nalertname=HighLoad, instance=n1, job=node, severity=critical  \n[All alerts of the group](http://am.example.org/x/#/alerts?filter=%7Balertname%3D%22HighLoad%22%2C%20job%3D%22node%22%7D) \
                 [Silence the group](http://am.example.org/x/#/silences/new?filter=%7Balertname%3D%22HighLoad%22%2C%20job%3D%22node%22%7D)\n\n**Firing (1)**  \n**HighLoad**  \nload is high  \n[Source](http://prom.example.org/graph?a=1&b=2) [Runbook](https://runbooks.example.org/load) [Silence](";
    assert!(text.starts_with(start), "{text}");
    assert_eq!(body["at"]["isAtAll"], false);
    let body = trial.body(&told(&[("n1", true)]), OK).await;
    assert!(
        body["markdown"]["text"]
            .as_str()
            .unwrap()
            .starts_with("### 🟢 \\[RESOLVED\\]")
    );
}

#[tokio::test]
async fn those_of_the_settings_are_called() {
    let settings = format!("{URL}, at_mobiles: ['13800000000'], at_user_ids: [u1], at_all: true");
    let trial = Trial::new("dingtalk", &settings);
    let body = trial.body(&told(&[("@13900000000", false)]), OK).await;
    let at =
        serde_json::json!({"atMobiles": ["13800000000"], "atUserIds": ["u1"], "isAtAll": true});
    assert_eq!(body["at"], at);
    let text = body["markdown"]["text"].as_str().unwrap();
    assert!(text.ends_with("  \n@13800000000 @u1"), "{text}");
}

#[tokio::test]
async fn an_action_card_has_buttons() {
    let trial = Trial::new("dingtalk", &format!("{URL}, message_type: action_card"));
    let body = trial.body(&told(&[("n1", false)]), OK).await;
    assert_eq!(body["msgtype"], "actionCard");
    let card = &body["actionCard"];
    let titles: Vec<_> = card["btns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|b| &b["title"])
        .collect();
    assert_eq!(titles, ["All alerts", "Silence", "Runbook"]);
    assert_eq!(
        card["btns"][2]["actionURL"],
        "https://runbooks.example.org/load"
    );
    assert_eq!(body.get("at"), None);
}

#[tokio::test]
async fn the_signature_is_in_the_query() {
    let trial = Trial::new("dingtalk", &format!("{URL}, secret: SECdemo-secret"));
    trial.answer(200, OK);
    trial.fire().await.unwrap();
    let (request, _) = trial.sent();
    let timestamp = format!("{NOW_SECONDS}000");
    let sign = signature(&timestamp, "SECdemo-secret");
    let sign = sign
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D");
    assert_eq!(
        request.url,
        format!(
            "https://d.example.org/robot/send?access_token=T0KENabcdef&timestamp={timestamp}&sign={sign}"
        )
    );
}

/// Computed by Python's `hmac`, as DingTalk's example does.
#[test]
fn a_signature_is_that_of_the_documentation() {
    assert_eq!(
        signature("1599360473000", "SECdemo"),
        "tGWkA5eQOQNCNPDgphtxIoNLO+/gD8Lcb705KQoRzeY="
    );
}

#[tokio::test]
async fn codes_are_judged() {
    for (code, reason, after_seconds) in [
        (310_000, FailureReason::AuthError, None),
        (300_001, FailureReason::AuthError, None),
        (400_102, FailureReason::AuthError, None),
        (130_101, FailureReason::RateLimited, Some(60)),
        (410_100, FailureReason::RateLimited, Some(60)),
        (-1, FailureReason::ServerError, Some(0)),
        (430_104, FailureReason::ClientError, None),
        (987_654, FailureReason::ClientError, None),
    ] {
        let trial = Trial::new("dingtalk", &format!("{URL}, secret: SECdemo-secret"));
        let error = trial
            .failure(
                200,
                &format!(r#"{{"errcode":{code},"errmsg":"T0KENabcdef SECdemo-secret"}}"#),
            )
            .await;
        let after = error
            .retry
            .map(|advice| advice.after.map_or(0, |after| after.as_secs()));
        assert_eq!((error.reason, after), (reason, after_seconds), "{code}");
        assert!(
            error.detail.starts_with(&format!(
                "DingTalk refused the message: code {code}: <secret> <secret>"
            )),
            "{}",
            error.detail
        );
    }
}

#[tokio::test]
async fn a_long_message_ends_between_lines() {
    let many: Vec<String> = (0..300).map(|n| format!("node-{n}")).collect();
    let many: Vec<_> = many.iter().map(|n| (n.as_str(), false)).collect();
    let trial = Trial::new("dingtalk", URL);
    let body = trial.body(&told(&many), OK).await;
    assert!(body.to_string().len() < 20_000);
    assert!(body["markdown"]["text"].as_str().unwrap().ends_with("\n…"));
}

#[tokio::test]
async fn a_title_is_never_empty() {
    let trial = Trial::new("dingtalk", &format!("{URL}, title: ''"));
    let body = trial.body(&told(&[("n1", false)]), OK).await;
    assert_eq!(
        body["markdown"]["title"],
        "[FIRING:1] HighLoad node (n1 critical)"
    );
    assert!(!body["markdown"]["text"].as_str().unwrap().contains("###"));
}
