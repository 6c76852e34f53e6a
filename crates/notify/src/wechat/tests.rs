use std::time::Duration;

use outbound::Answer as Scripted;
use serde_json::Value;

use super::method;
use crate::trial::Trial;
use crate::{FailureReason, samples};

const TOKEN: &str = r#"{"errcode":0,"errmsg":"ok","access_token":"t1t1t1t1","expires_in":7200}"#;
const SECOND: &str = r#"{"errcode":0,"errmsg":"ok","access_token":"t2t2t2t2","expires_in":7200}"#;
const FINE: &str = r#"{"errcode":0,"errmsg":"ok"}"#;

fn stage(settings: &str) -> Trial {
    let own = "api_url: https://wx.example.org/cgi-bin/\napi_secret: s3cr3t s3cr3t\ncorp_id: c&d";
    Trial::of("wechat_configs", &format!("{own}\n{settings}"))
}

/// The methods that were asked, with their queries.
fn asked(stage: &Trial) -> Vec<String> {
    let base = "https://wx.example.org/cgi-bin/";
    let path = |url: &str| url.strip_prefix(base).unwrap_or(url).to_owned();
    stage.take().iter().map(|r| path(&r.request.url)).collect()
}

#[test]
fn a_method_lies_below_the_api() {
    assert_eq!(method("http://h/a/", "m", "q=1"), "http://h/a/m?q=1");
    assert_eq!(
        method("http://h/a/?x=y", "m", "q=1"),
        "http://h/a/m?x=y&q=1"
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_is_kept_for_two_hours() {
    let stage = stage("");
    let notification = samples::notification(&[("n1", false)]);
    let send = async || {
        stage.deliver(&notification).await.unwrap();
        asked(&stage)
    };
    stage.answers(&[TOKEN, FINE, FINE, SECOND, FINE]);
    let fetch = "gettoken?corpid=c%26d&corpsecret=s3cr3t+s3cr3t";
    assert_eq!(send().await, [fetch, "message/send?access_token=t1t1t1t1"]);
    tokio::time::advance(Duration::from_secs(7199)).await;
    assert_eq!(send().await, ["message/send?access_token=t1t1t1t1"]);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(send().await, [fetch, "message/send?access_token=t2t2t2t2"]);
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_share_one_token() {
    let stage = stage("");
    let notification = samples::notification(&[("n1", false)]);
    let slow = Scripted::status(200)
        .with_body(TOKEN)
        .after(Duration::from_secs(5));
    stage.http.answer_next(slow);
    stage
        .http
        .answer_always(Scripted::status(200).with_body(FINE));
    let (one, two) = tokio::join!(stage.deliver(&notification), stage.deliver(&notification));
    assert!(one.is_ok() && two.is_ok());
    assert_eq!(
        asked(&stage)
            .iter()
            .filter(|url| url.starts_with("gettoken"))
            .count(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_token_is_part_of_the_attempt() {
    let stage = stage("");
    let notification = samples::notification(&[("n1", false)]);
    stage.http.answer_next(Scripted::never());
    let late = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stage.http.answer_next(Scripted::never());
        stage.deliver(&notification).await
    };
    let (one, two) = tokio::join!(stage.deliver(&notification), late);
    for failure in [one.unwrap_err(), two.unwrap_err()] {
        assert!(
            failure.retry.is_some() && !failure.is_ambiguous,
            "{failure}"
        );
    }
}

#[tokio::test]
async fn a_stale_token_is_replaced_once() {
    for code in [40014, 42001] {
        let stage = stage("");
        let notification = samples::notification(&[("n1", false)]);
        let stale = format!(r#"{{"errcode":{code},"errmsg":"access_token t1t1t1t1 expired"}}"#);
        stage.answers(&[TOKEN, &stale, SECOND, FINE]);
        stage.deliver(&notification).await.unwrap();
        let urls = asked(&stage);
        assert_eq!(urls.len(), 4, "{urls:?}");
        assert_eq!(urls[3], "message/send?access_token=t2t2t2t2");

        // The second one is no better: the attempt ends there, and the next one starts with a new token.
        let again = stale.replace("t1", "t2");
        stage.answers(&[&*again, TOKEN, &stale]);
        let failure = stage.deliver(&notification).await.unwrap_err();
        assert!(failure.retry.is_some());
        let shown = format!("error {code} from WeChat: access_token <secret> expired");
        assert_eq!(failure.detail, shown);
        assert_eq!(asked(&stage).len(), 3);
        stage.answers(&[TOKEN, FINE]);
        stage.deliver(&notification).await.unwrap();
        assert!(asked(&stage)[0].starts_with("gettoken"));
    }
}

#[tokio::test]
async fn error_codes_decide_about_another_attempt() {
    let notification = samples::notification(&[("n1", false)]);
    for (code, is_retried) in [
        (-1, true),
        (45009, true),
        (81013, false),
        (40056, false),
        (60011, false),
    ] {
        let stage = stage("");
        stage.answer(200, TOKEN);
        let body = format!(r#"{{"errcode":{code},"errmsg":"why, s3cr3t s3cr3t"}}"#);
        let failure = stage.failure(&notification, 200, &body).await;
        // The first answer was the one to the token.
        assert_eq!(
            (failure.retry.is_some(), failure.is_ambiguous),
            (is_retried, false)
        );
        assert_eq!(failure.reason, FailureReason::ClientError);
        assert_eq!(
            failure.detail,
            format!("error {code} from WeChat: why, <secret>")
        );
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_posted() {
    let notification = samples::notification(&[("n1", false)]);
    for (status, body, is_retried, shown) in [
        (
            200,
            r#"{"errcode":40013,"errmsg":"invalid corpid"}"#,
            false,
            "error 40013 from WeChat: invalid corpid",
        ),
        (
            200,
            r#"{"errcode":-1,"errmsg":"busy"}"#,
            true,
            "error -1 from WeChat: busy",
        ),
        (
            200,
            "{}",
            false,
            "WeChat gave no token for the corp_id `c&d`",
        ),
        (200, "<html>", true, "the answer is not understood: <html>"),
        (
            404,
            "no",
            true,
            "unexpected status code 404: https://wx.example.org/…: no",
        ),
    ] {
        let stage = stage("");
        let failure = stage.failure(&notification, status, body).await;
        assert_eq!(
            (failure.retry.is_some(), failure.is_ambiguous),
            (is_retried, false),
            "{body}"
        );
        assert_eq!(failure.detail, shown);
        assert_eq!(asked(&stage).len(), 1);
    }
}

#[tokio::test]
async fn an_unreadable_answer_to_a_message_is_ambiguous() {
    let stage = stage("");
    let notification = samples::notification(&[("n1", false)]);
    stage.answer(200, TOKEN);
    let failure = stage.failure(&notification, 200, "t1t1t1t1?").await;
    assert!(failure.is_ambiguous && failure.retry.is_some());
    assert_eq!(failure.detail, "the answer is not understood: <secret>?");
}

#[tokio::test]
async fn a_failed_template_is_told_of_and_a_failed_address_is_not_guessed() {
    let notification = samples::notification(&[("n1", false)]);
    let broken = stage("message: '{{ .X }}'");
    broken.answers(&[TOKEN, FINE]);
    broken.deliver(&notification).await.unwrap();
    let body: Value = serde_json::from_slice(&broken.take()[1].request.body).unwrap();
    let content = body["text"]["content"].as_str().unwrap();
    assert!(content.contains("HighLoad") && content.contains("[template error] message: "));

    let lost = stage("to_user: '{{ .X }}'");
    let failure = lost.deliver(&notification).await.unwrap_err();
    assert!(failure.detail.starts_with("to_user: ") && failure.retry.is_none());
    assert_eq!(lost.take().len(), 0);
}
