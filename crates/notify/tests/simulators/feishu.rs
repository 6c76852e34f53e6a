//! A custom bot of Feishu.

use serde_json::{Value, json};

use super::provider::{Channel, hmac_sha256, is_recent, why};
use super::server::{Received, Server};

const HOOK: &str = "/open-apis/bot/v2/hook/3f2504e0-4f89-41d3";
const SECRET: &str = "Zxz4Wm2l0secret";

/// A bot that signs, wants a keyword, and takes so many messages.
struct Bot {
    keyword: &'static str,
    messages_left: u32,
}

impl Bot {
    fn answer(&mut self, request: &Received) -> Value {
        if request.path != HOOK {
            return refused(
                19001,
                "param invalid: incoming webhook access token invalid",
            );
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let is_request = request.method == "POST"
            && request
                .header("content-type")
                .starts_with("application/json");
        if !is_request || body.is_null() || 20 * 1024 < request.body.len() {
            return refused(9499, "Bad Request");
        }
        let timestamp = body["timestamp"].as_str().unwrap_or("");
        let sign = hmac_sha256(&format!("{timestamp}\n{SECRET}"), "");
        if !is_recent(timestamp.parse().ok()) || body["sign"] != sign.as_str() {
            return refused(
                19021,
                "sign match fail or timestamp is not within one hour from current time",
            );
        }
        let is_card = body["msg_type"] == "interactive"
            && body["card"]["header"]["title"]["content"].is_string()
            && body["card"]["elements"][0]["content"].is_string();
        let is_text = body["msg_type"] == "text" && body["content"]["text"].is_string();
        if !is_card && !is_text {
            return refused(19002, "params error, msg_type need");
        }
        if !String::from_utf8_lossy(&request.body).contains(self.keyword) {
            return refused(19024, "Key Words Not Found");
        }
        if self.messages_left == 0 {
            return refused(
                11232,
                "frequency limited psm[lark.oapi.app_platform_runtime]",
            );
        }
        self.messages_left -= 1;
        json!({"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"})
    }
}

fn refused(code: i64, message: &str) -> Value {
    json!({"code": code, "msg": message, "data": {}})
}

fn bot(messages_left: u32) -> Server {
    let mut bot = Bot {
        keyword: "HighLoad",
        messages_left,
    };
    Server::new(move |request| bot.answer(&request).to_string())
}

#[tokio::test]
async fn cards_and_texts_are_accepted_until_there_are_too_many() {
    let server = bot(2);
    let url = server.url(HOOK);
    let card = Channel::new("feishu", &format!("webhook_url: '{url}', secret: {SECRET}"));
    card.tell("<at id=all></at> \"quoted\" 漢字", 500)
        .await
        .unwrap();
    let settings = format!("webhook_url: '{url}', secret: {SECRET}, message_type: text");
    Channel::new("feishu", &settings)
        .tell("load is high", 2)
        .await
        .unwrap();
    let (is_retried, detail) = why(card.tell("load is high", 1).await);
    assert!(is_retried, "{detail}");
    assert!(detail.contains("code 11232: frequency limited"), "{detail}");
}

#[tokio::test]
async fn what_it_refuses_is_told_with_its_code() {
    let server = bot(9);
    for (settings, expected) in [
        (
            format!("webhook_url: '{}'", server.url(HOOK)),
            "code 19021: sign match fail",
        ),
        (
            format!("webhook_url: '{}', secret: other-secret", server.url(HOOK)),
            "code 19021: sign match fail",
        ),
        (
            format!(
                "webhook_url: '{}', secret: {SECRET}",
                server.url("/open-apis/bot/v2/hook/other")
            ),
            "code 19001: param invalid",
        ),
        (
            format!(
                "webhook_url: '{}', secret: {SECRET}, title: x, text: y, message_type: text",
                server.url(HOOK)
            ),
            "code 19024: Key Words Not Found: no keyword of the bot",
        ),
    ] {
        let channel = Channel::new("feishu", &settings);
        let (is_retried, detail) = why(channel.tell("load is high", 1).await);
        assert!(!is_retried && detail.contains(expected), "{detail}");
        assert!(
            !detail.contains("3f2504e0") && !detail.contains(SECRET),
            "{detail}"
        );
    }
}
