//! A group robot of WeCom.

use serde_json::{Value, json};

use super::provider::{Channel, why};
use super::server::{Received, Server};

const KEY: &str = "693a91f6-7aoc-4bc4";

struct Robot {
    messages_left: u32,
}

impl Robot {
    fn answer(&mut self, request: &Received) -> Value {
        let key = request.query.get("key").map_or("", String::as_str);
        if request.path != "/cgi-bin/webhook/send" || key != KEY {
            return refused(93_000, "invalid webhook url, hint: [1662999424625]");
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let kind = body["msgtype"].as_str().unwrap_or("");
        let bytes_max = match kind {
            "markdown" => 4096,
            "text" => 2048,
            _ => return refused(40_008, "invalid message type"),
        };
        match body[kind]["content"].as_str() {
            None | Some("") => return refused(44_004, "empty content"),
            Some(text) if bytes_max < text.len() => {
                return refused(40_058, "content exceed max length");
            }
            Some(_) => {}
        }
        if self.messages_left == 0 {
            return refused(45_009, "api freq out of limit");
        }
        self.messages_left -= 1;
        json!({"errcode": 0, "errmsg": "ok"})
    }
}

fn refused(code: i64, message: &str) -> Value {
    json!({"errcode": code, "errmsg": message})
}

#[tokio::test]
async fn both_forms_are_accepted_until_there_are_too_many() {
    let mut robot = Robot { messages_left: 2 };
    let server = Server::new(move |request| robot.answer(&request).to_string());
    let url = server.url(&format!("/cgi-bin/webhook/send?key={KEY}"));
    let markdown = Channel::new(
        "wecom_bot",
        &format!("webhook_url: '{url}', mentioned_list: [u1]"),
    );
    markdown.tell("<@all> \"quoted\" 漢字", 500).await.unwrap();
    let settings =
        format!("webhook_url: '{url}', message_type: text, mentioned_mobile_list: ['@all']");
    let text = Channel::new("wecom_bot", &settings);
    text.tell("負荷が高い", 500).await.unwrap();
    let (is_retried, detail) = why(text.tell("load is high", 1).await);
    assert!(is_retried, "{detail}");
    assert!(
        detail.contains("code 45009: api freq out of limit"),
        "{detail}"
    );
}

#[tokio::test]
async fn what_it_refuses_is_told_with_its_code() {
    let mut robot = Robot { messages_left: 9 };
    let server = Server::new(move |request| robot.answer(&request).to_string());
    let good = server.url(&format!("/cgi-bin/webhook/send?key={KEY}"));
    let wrong = server.url("/cgi-bin/webhook/send?key=0123456789");
    for (settings, expected) in [
        (
            format!("webhook_url: '{wrong}'"),
            "code 93000: invalid webhook url",
        ),
        (
            format!("webhook_url: '{good}', title: '', text: '', message_type: text"),
            "code 44004: empty content",
        ),
    ] {
        let channel = Channel::new("wecom_bot", &settings);
        let (is_retried, detail) = why(channel.tell("load is high", 1).await);
        assert!(!is_retried && detail.contains(expected), "{detail}");
        assert!(
            !detail.contains("0123456789") && !detail.contains(KEY),
            "{detail}"
        );
    }
}
