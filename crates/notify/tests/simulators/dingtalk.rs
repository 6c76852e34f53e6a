//! A custom robot of DingTalk.

use serde_json::{Value, json};

use super::provider::{Channel, hmac_sha256, is_recent, why};
use super::server::{Received, Server};

const TOKEN: &str = "566cc69da782ec33";
const SECRET: &str = "SEC1f2e3d4c5b6a";

/// A robot that signs and takes so many messages.
struct Robot {
    messages_left: u32,
}

impl Robot {
    fn answer(&mut self, request: &Received) -> Value {
        let query = |name: &str| request.query.get(name).map_or("", String::as_str);
        if request.path != "/robot/send" || query("access_token") != TOKEN {
            return refused(300_001, "token is not exist");
        }
        let timestamp = query("timestamp");
        let seconds = timestamp.parse::<i64>().ok().map(|ms| ms / 1000);
        if !is_recent(seconds) {
            return refused(310_000, "invalid timestamp");
        }
        if query("sign") != hmac_sha256(SECRET, &format!("{timestamp}\n{SECRET}")) {
            return refused(310_000, "sign not match");
        }
        if !request
            .header("content-type")
            .starts_with("application/json")
        {
            return refused(43004, "invalid content type");
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let is_said = |field: &str| {
            let says = |name: &str| {
                body[field][name]
                    .as_str()
                    .is_some_and(|text| !text.is_empty())
            };
            says("title") && says("text")
        };
        let is_message = match body["msgtype"].as_str() {
            Some("markdown") => is_said("markdown"),
            Some("actionCard") => {
                let buttons = body["actionCard"]["btns"].as_array();
                is_said("actionCard") && buttons.is_some_and(|buttons| !buttons.is_empty())
            }
            _ => false,
        };
        if !is_message || 20_000 < request.body.len() {
            return refused(40035, "missing parameter json");
        }
        if self.messages_left == 0 {
            return json!({
                "status": 1111, "punish": "deny", "wait": 5, "source": "x5",
                "errcode": 130_101, "errmsg": "send too fast, exceed 20 times per minute",
            });
        }
        self.messages_left -= 1;
        json!({"errcode": 0, "errmsg": "ok"})
    }
}

fn refused(code: i64, message: &str) -> Value {
    json!({"errcode": code, "errmsg": message})
}

fn robot(messages_left: u32) -> Server {
    let mut robot = Robot { messages_left };
    Server::new(move |request| robot.answer(&request).to_string())
}

#[tokio::test]
async fn both_forms_are_accepted_until_there_are_too_many() {
    let server = robot(2);
    let url = server.url(&format!("/robot/send?access_token={TOKEN}"));
    let settings = format!("webhook_url: '{url}', secret: {SECRET}");
    let markdown = Channel::new(
        "dingtalk",
        &format!("{settings}, at_mobiles: ['13800000000']"),
    );
    markdown.tell("<font> \"quoted\" 漢字", 500).await.unwrap();
    let card = Channel::new(
        "dingtalk",
        &format!("{settings}, message_type: action_card"),
    );
    card.tell("load is high", 2).await.unwrap();
    let (is_retried, detail) = why(markdown.tell("load is high", 1).await);
    assert!(is_retried, "{detail}");
    assert!(detail.contains("code 130101: send too fast"), "{detail}");
}

#[tokio::test]
async fn what_it_refuses_is_told_with_its_code() {
    let server = robot(9);
    let url = server.url(&format!("/robot/send?access_token={TOKEN}"));
    let wrong = server.url("/robot/send?access_token=0123456789");
    for (settings, expected) in [
        (
            format!("webhook_url: '{url}'"),
            "code 310000: invalid timestamp",
        ),
        (
            format!("webhook_url: '{url}', secret: SECother"),
            "code 310000: sign not match: the robot's security settings",
        ),
        (
            format!("webhook_url: '{wrong}', secret: {SECRET}"),
            "code 300001: token is not exist",
        ),
    ] {
        let channel = Channel::new("dingtalk", &settings);
        let (is_retried, detail) = why(channel.tell("load is high", 1).await);
        assert!(!is_retried && detail.contains(expected), "{detail}");
        assert!(
            !detail.contains(TOKEN) && !detail.contains(SECRET),
            "{detail}"
        );
    }
}
