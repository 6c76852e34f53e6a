//! Slack: an incoming webhook, and an app that changes its messages.

use domain::group::told::ReceiverData;
use notify::{Delivered, Notification};
use serde_json::{Value, json};

use super::provider::{Channel, Failed, failed, notification, over};
use super::server::{Received, Reply};
use super::simulator::{Fault, Simulator};

const HOOK: &str = "/services/T0123/B0123/h00k-s3cr3t";
const TOKEN: &str = "xoxb-0123-s3cr3t";
const API: &str = "https://slack.com";
const POST: &str = "POST /api/chat.postMessage";
const UPDATE: &str = "POST /api/chat.update";

/// Most attachments of a message.
const ATTACHMENTS_MAX: usize = 100;

/// A workspace with the channels #ops (C0123) and #old, which is archived.
#[derive(Default)]
struct Workspace {
    messages: Vec<Message>,
    /// How many were posted, those that were deleted included.
    posted: usize,
}

struct Message {
    ts: String,
    body: Value,
}

impl Workspace {
    fn answer(&mut self, request: &Received) -> Reply {
        match request.path.as_str() {
            HOOK => match self.hook(&request.json()) {
                Ok(()) => Reply::plain(200, "ok"),
                Err((status, word)) => Reply::plain(status, word),
            },
            path if path.starts_with("/services/") => Reply::plain(404, "no_service"),
            _ => {
                let said = self.app(request).unwrap_or_else(|error| {
                    // Nobody wants that, but such things happen.
                    let echo = request.header("authorization");
                    json!({"ok": false, "error": error, "response_metadata": {"messages": [echo]}})
                });
                Reply::json(200, &said)
            }
        }
    }

    fn hook(&mut self, body: &Value) -> Result<(), (u16, &'static str)> {
        if !body.is_object() {
            return Err((400, "invalid_payload"));
        }
        if !says_something(body) {
            return Err((400, "no_text"));
        }
        match body["channel"].as_str() {
            None | Some("#ops") => {}
            Some("#old") => return Err((410, "channel_is_archived")),
            Some(_) => return Err((404, "channel_not_found")),
        }
        self.keep(body);
        Ok(())
    }

    fn app(&mut self, request: &Received) -> Result<Value, &'static str> {
        match request.header("authorization") {
            "" => return Err("not_authed"),
            said if said == format!("Bearer {TOKEN}") => {}
            _ => return Err("invalid_auth"),
        }
        let body = request.json();
        if request.method != "POST" || !body.is_object() {
            return Err("invalid_post_type");
        }
        if !says_something(&body) {
            return Err("no_text");
        }
        let channel = body["channel"].as_str();
        let ts = match request.path.as_str() {
            "/api/chat.postMessage" => {
                match channel {
                    Some("#ops" | "C0123") => {}
                    Some("#old") => return Err("is_archived"),
                    _ => return Err("channel_not_found"),
                }
                self.keep(&body)
            }
            "/api/chat.update" => {
                // Here it takes no name.
                if channel != Some("C0123") {
                    return Err("channel_not_found");
                }
                let found = self.messages.iter_mut().find(|m| body["ts"] == *m.ts);
                let found = found.ok_or("message_not_found")?;
                found.body = body;
                found.ts.clone()
            }
            _ => return Err("unknown_method"),
        };
        Ok(json!({"ok": true, "channel": "C0123", "ts": ts}))
    }

    fn keep(&mut self, body: &Value) -> String {
        self.posted += 1;
        let ts = format!("1772600800.{:06}", self.posted);
        self.messages.push(Message {
            ts: ts.clone(),
            body: body.clone(),
        });
        ts
    }

    fn titles(&mut self) -> Vec<String> {
        let title = |m: &Message| {
            m.body["attachments"][0]["title"]
                .as_str()
                .map(str::to_owned)
        };
        self.messages.iter().filter_map(title).collect()
    }
}

/// Whether a message has a text, or attachments that Slack takes.
fn says_something(body: &Value) -> bool {
    let is_said = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let attachments = body["attachments"].as_array();
    let are_shown = attachments.is_some_and(|all| {
        (1..=ATTACHMENTS_MAX).contains(&all.len())
            && all
                .iter()
                .all(|a| is_said(&a["fallback"]) || is_said(&a["text"]))
    });
    is_said(&body["text"]) || are_shown
}

fn workspace() -> Simulator<Workspace> {
    Simulator::new(Workspace::default(), Workspace::answer)
}

fn app(workspace: &Simulator<Workspace>, token: &str, channel: &str) -> Channel {
    let authorization = match token {
        "" => String::new(),
        token => format!(", http_config: {{authorization: {{credentials: {token}}}}}"),
    };
    let settings = format!(
        "api_url: '{API}/api/chat.postMessage', channel: '{channel}', update_message: true, send_resolved: true{authorization}"
    );
    Channel::moved("slack", &settings, API, &workspace.url(""))
}

/// What is told after that.
fn after(delivered: &Delivered, next: Notification) -> Notification {
    let kept = delivered.receiver_data.clone();
    Notification {
        receiver_data: kept.expect("it keeps where the message is"),
        ..next
    }
}

#[tokio::test]
async fn a_webhook_takes_messages_and_refuses_with_a_word() {
    let workspace = workspace();
    let hook = |path: &str, channel: &str| {
        let url = workspace.url(path);
        let settings = format!(
            "api_url: '{url}', channel: '{channel}', text: '{{{{ .CommonAnnotations.summary }}}}'"
        );
        Channel::new("slack", &settings)
    };
    let ops = hook(HOOK, "#ops");
    ops.tell("<!channel> \"quoted\" 漢字\n", 500).await.unwrap();
    ops.resolve("load is high").await.unwrap();
    assert_eq!(workspace.with(|w| w.titles().len()), 2);
    for (path, channel, expected) in [
        (HOOK, "#nowhere", "404: "),
        (HOOK, "#nowhere", "channel_not_found"),
        (HOOK, "#old", "channel_is_archived"),
        ("/services/T0123/B0123/0ther-s3cr3t", "#ops", "no_service"),
    ] {
        let outcome = hook(path, channel).tell("load is high", 1).await;
        let (how, detail) = failed(outcome, &["h00k-s3cr3t", "0ther-s3cr3t"]);
        assert_eq!(how, Failed::ForGood);
        assert!(detail.contains(expected), "{detail}");
    }
    for (fault, expected) in [
        (
            Fault::Answered(Reply::plain(429, "rate_limited").with_header("Retry-After", "30")),
            Failed::ForNow(Some(30)),
        ),
        (
            Fault::Answered(Reply::plain(500, "rollup_error")),
            Failed::ForNow(None),
        ),
        (Fault::Lost, Failed::Unknown(None)),
    ] {
        workspace.happen(&format!("POST {HOOK}"), fault);
        let outcome = ops.tell("load is high", 1).await;
        assert_eq!(failed(outcome, &["h00k-s3cr3t"]).0, expected);
    }
    assert_eq!(workspace.with(|w| w.posted), 3);
}

#[tokio::test]
async fn an_app_changes_its_message_and_posts_it_anew_when_it_is_gone() {
    let workspace = workspace();
    let channel = app(&workspace, TOKEN, "#ops");
    let first = channel.tell("load is high", 1).await.unwrap();
    let data = first.receiver_data.clone().unwrap();
    let ts = workspace.with(|w| w.messages[0].ts.clone());
    assert_eq!(
        (data.get("channelId"), data.get("threadTs")),
        (Some("C0123"), Some(&*ts))
    );
    let second = after(&first, notification("load is high", 2));
    let second = channel.send(&second).await.unwrap();
    let third = after(&second, over(notification("load is high", 2)));
    let third = channel.send(&third).await.unwrap();
    let titles = workspace.with(Workspace::titles);
    assert_eq!(titles, ["[RESOLVED] HighLoad "]);
    workspace.with(|w| w.messages.clear());
    let fourth = after(&third, notification("load is high", 1));
    let fourth = channel.send(&fourth).await.unwrap();
    let (posted, ts) = workspace.with(|w| (w.posted, w.messages[0].ts.clone()));
    assert_eq!(posted, 2);
    let data = fourth.receiver_data.unwrap();
    assert_eq!(data.get("threadTs"), Some(&*ts));
}

#[tokio::test]
async fn what_is_wrong_with_an_app_is_told_with_slacks_word() {
    let workspace = workspace();
    for (token, channel, expected) in [
        ("", "#ops", "not_authed"),
        ("xoxb-0ther-s3cr3t", "#ops", "invalid_auth"),
        (TOKEN, "#nowhere", "channel_not_found"),
        (TOKEN, "#old", "is_archived"),
    ] {
        let outcome = app(&workspace, token, channel)
            .tell("load is high", 1)
            .await;
        let (how, detail) = failed(outcome, &[TOKEN, "xoxb-0ther-s3cr3t"]);
        assert_eq!(how, Failed::ForGood);
        let expected = format!("channel `{channel}`: error response from Slack: {expected}");
        assert_eq!(detail, expected);
    }
    assert_eq!(workspace.with(|w| w.posted), 0);
}

#[tokio::test]
async fn an_app_comes_back_when_slack_asks_for_it() {
    let workspace = workspace();
    let channel = app(&workspace, TOKEN, "#ops");
    let limited = || {
        let body = json!({"ok": false, "error": "ratelimited"});
        Reply::json(429, &body).with_header("Retry-After", "7")
    };
    let passing = |error: &str| Reply::json(200, &json!({"ok": false, "error": error}));
    let known = ReceiverData::new([("channelId", "C0123"), ("threadTs", "1.2")]).unwrap();
    let change = Notification {
        receiver_data: known,
        ..notification("load is high", 1)
    };
    for (fault, expected) in [
        (Fault::Answered(limited()), Failed::ForNow(Some(7))),
        (
            Fault::Answered(passing("ratelimited")),
            Failed::ForNow(None),
        ),
        (
            Fault::Answered(passing("service_unavailable")),
            Failed::ForNow(None),
        ),
        (
            Fault::Answered(passing("internal_error")),
            Failed::Unknown(None),
        ),
        (
            Fault::Answered(Reply::plain(503, "down")),
            Failed::ForNow(None),
        ),
        (
            Fault::Answered(Reply::plain(200, "{\"ok\"")),
            Failed::Unknown(None),
        ),
    ] {
        workspace.happen(UPDATE, fault);
        assert_eq!(failed(channel.send(&change).await, &[TOKEN]).0, expected);
    }
    // Nothing was posted in place of a change that may still succeed.
    assert_eq!(workspace.with(|w| w.posted), 0);
    workspace.happen(POST, Fault::Lost);
    let outcome = channel.tell("load is high", 1).await;
    assert_eq!(failed(outcome, &[TOKEN]).0, Failed::Unknown(None));
    assert_eq!(workspace.with(|w| w.posted), 1);
}
