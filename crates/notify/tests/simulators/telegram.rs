//! Telegram: messages of a bot, whose markup is read.

use serde_json::{Value, json};

use super::provider::{Channel, Failed, failed};
use super::server::{Received, Reply};
use super::simulator::{Fault, Simulator};

const TOKEN: &str = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw";
const CHAT: &str = "-1001234567890";
/// A chat that the bot was thrown out of.
const LOST_CHAT: &str = "-1001234567891";
const MESSAGE_CHARS_MAX: usize = 4096;

const TAGS: [&str; 16] = [
    "b",
    "strong",
    "i",
    "em",
    "u",
    "ins",
    "s",
    "strike",
    "del",
    "span",
    "tg-spoiler",
    "tg-emoji",
    "a",
    "code",
    "pre",
    "blockquote",
];

#[derive(Default)]
struct Bot {
    /// Texts as they were sent, and in which mode.
    sent: Vec<(String, String)>,
}

impl Bot {
    fn answer(&mut self, request: &Received) -> Reply {
        let Some(path) = request.path.strip_prefix("/bot") else {
            return refused(404, "Not Found");
        };
        let Some((token, method)) = path.split_once('/') else {
            return refused(404, "Not Found");
        };
        // What cannot be a token is no address.
        if !token.contains(':') {
            return refused(404, "Not Found");
        }
        if token != TOKEN {
            return refused(401, &format!("Unauthorized: {token}"));
        }
        if method != "sendMessage" {
            return refused(404, "Not Found: method not found");
        }
        match self.send(&request.json()) {
            Ok(()) => {
                let message = json!({"message_id": self.sent.len(), "date": 1_772_600_800, "chat": {"id": 1}});
                Reply::json(200, &json!({"ok": true, "result": message}))
            }
            Err((status, why)) => refused(status, &why),
        }
    }

    fn send(&mut self, body: &Value) -> Result<(), (u16, String)> {
        let bad = |why: &str| Err((400, format!("Bad Request: {why}")));
        match body["chat_id"].as_str() {
            None | Some("") => return bad("chat_id is empty"),
            Some(CHAT) => {}
            Some(LOST_CHAT) => {
                return Err((
                    403,
                    "Forbidden: bot was kicked from the supergroup chat".to_owned(),
                ));
            }
            Some(_) => return bad("chat not found"),
        }
        if body["message_thread_id"]
            .as_str()
            .is_some_and(|thread| thread != "7")
        {
            return bad("message thread not found");
        }
        let text = body["text"].as_str().unwrap_or("");
        let mode = body["parse_mode"].as_str().unwrap_or("");
        let read = match mode {
            "" => Ok(text.to_owned()),
            "HTML" => html(text),
            "MarkdownV2" => markdown(text),
            _ => Err("unsupported parse_mode".to_owned()),
        };
        match read {
            Err(why) => return bad(&format!("can't parse entities: {why}")),
            Ok(seen) if seen.trim().is_empty() => return bad("message text is empty"),
            Ok(seen) if MESSAGE_CHARS_MAX < seen.chars().count() => {
                return bad("message is too long");
            }
            Ok(_) => {}
        }
        self.sent.push((text.to_owned(), mode.to_owned()));
        Ok(())
    }

    /// The mode and the text of the last message.
    fn last(&mut self) -> (String, String) {
        let (text, mode) = self.sent.last().cloned().unwrap_or_default();
        (mode, text)
    }
}

/// What is seen of a page, or what is wrong with it.
fn html(text: &str) -> Result<String, String> {
    let mut seen = String::new();
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        seen.push_str(before);
        let offset = text.len() - after.len() - 1;
        let (tag, behind) = after
            .split_once('>')
            .ok_or_else(|| format!("Unclosed start tag at byte offset {offset}"))?;
        if let Some(name) = tag.strip_prefix('/') {
            match open.pop() {
                Some(last) if last == name => {}
                Some(last) => {
                    return Err(format!(
                        "Unmatched end tag at byte offset {offset}, expected \"</{last}>\", found \"</{name}>\""
                    ));
                }
                None => return Err(format!("Unexpected end tag at byte offset {offset}")),
            }
        } else {
            let name = tag.split(' ').next().unwrap_or("");
            if !TAGS.contains(&name) {
                return Err(format!(
                    "Unsupported start tag \"{name}\" at byte offset {offset}"
                ));
            }
            open.push(name);
        }
        rest = behind;
    }
    seen.push_str(rest);
    match open.pop() {
        Some(name) => Err(format!(
            "Can't find end tag corresponding to start tag \"{name}\""
        )),
        None => Ok(["&lt;", "&gt;", "&amp;", "&quot;", "&#34;", "&#39;"]
            .iter()
            .fold(seen, |seen, entity| seen.replace(entity, "x"))),
    }
}

/// The same of MarkdownV2, as far as its reserved characters go.
fn markdown(text: &str) -> Result<String, String> {
    let mut seen = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => seen.extend(chars.next()),
            '*' => {}
            c if "_[]()~`>#+-=|{}.!".contains(c) => {
                return Err(format!(
                    "Character '{c}' is reserved and must be escaped with the preceding '\\'"
                ));
            }
            c => seen.push(c),
        }
    }
    Ok(seen)
}

fn refused(status: u16, description: &str) -> Reply {
    let said = json!({"ok": false, "error_code": status, "description": description});
    Reply::json(status, &said)
}

fn bot() -> Simulator<Bot> {
    Simulator::new(Bot::default(), Bot::answer)
}

fn channel(bot: &Simulator<Bot>, token: &str, chat: &str, more: &str) -> Channel {
    let url = bot.url("");
    let settings = format!("api_url: '{url}', bot_token: '{token}', chat_id: {chat}{more}");
    Channel::new("telegram", &settings)
}

#[tokio::test]
async fn the_page_is_read_whatever_alerts_say() {
    let bot = bot();
    let ops = channel(&bot, TOKEN, CHAT, ", message_thread_id: 7");
    for text in ["</b> <i> & \"quoted\" <script>", "&lt;b", "漢字 <", ""] {
        let delivered = ops.tell(text, 2).await.unwrap();
        assert_eq!(delivered.fallback, None);
        assert_eq!(bot.with(Bot::last).0, "HTML");
        ops.resolve(text).await.unwrap();
    }
    assert_eq!(bot.with(|bot| bot.sent.len()), 8);
}

#[tokio::test]
async fn what_is_too_long_is_told_all_the_same() {
    let bot = bot();
    let more = ", message: '<b>{{ .CommonAnnotations.summary }}</b>'";
    channel(&bot, TOKEN, CHAT, more)
        .tell(&"<>".repeat(4096), 1)
        .await
        .unwrap();
    let (mode, text) = bot.with(Bot::last);
    assert_eq!(mode, "HTML");
    assert!(
        text.contains("message length exceeds Telegram limits"),
        "{text}"
    );
    let more = ", parse_mode: '', message: '{{ .CommonAnnotations.summary }}'";
    channel(&bot, TOKEN, CHAT, more)
        .tell(&"漢".repeat(5000), 1)
        .await
        .unwrap();
    assert_eq!(bot.with(Bot::last).1.chars().count(), MESSAGE_CHARS_MAX);
}

#[tokio::test]
async fn markup_it_cannot_read_is_sent_as_plain_text() {
    let bot = bot();
    for (more, expected) in [
        (
            ", message: '<b>{{ .CommonAnnotations.summary }}'",
            "<b>load is high.",
        ),
        (", message: '<b><i>x</b></i>'", "<b><i>x</b></i>"),
        (", message: '<h1>x</h1>'", "<h1>x</h1>"),
        (
            ", parse_mode: MarkdownV2, message: '*{{ .CommonAnnotations.summary }}*'",
            "*load is high.*",
        ),
    ] {
        let delivered = channel(&bot, TOKEN, CHAT, more)
            .tell("load is high.", 1)
            .await;
        let note = delivered.unwrap().fallback.expect("it says so");
        assert!(note.contains("sent as plain text"), "{note}");
        assert_eq!(bot.with(Bot::last), (String::new(), expected.to_owned()));
    }
    assert_eq!(bot.with(|bot| bot.sent.len()), 4);
}

#[tokio::test]
async fn what_it_refuses_is_told_without_the_token_and_tried_again() {
    let bot = bot();
    let other = "110201543:BBHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw";
    for (token, chat, more, expected) in [
        (other, CHAT, "", "Unauthorized"),
        ("n0-t0ken-at-all", CHAT, "", "Not Found"),
        (
            TOKEN,
            LOST_CHAT,
            "",
            "bot was kicked from the supergroup chat",
        ),
        (TOKEN, "-5", "", "chat not found"),
        (
            TOKEN,
            CHAT,
            ", message_thread_id: 8",
            "message thread not found",
        ),
    ] {
        let outcome = channel(&bot, token, chat, more)
            .tell("load is high", 1)
            .await;
        let (how, detail) = failed(outcome, &[TOKEN, other, "n0-t0ken-at-all"]);
        assert_eq!(how, Failed::ForNow(None));
        assert!(detail.contains(expected), "{detail}");
    }
    assert_eq!(bot.with(|bot| bot.sent.len()), 0);
}

#[tokio::test]
async fn it_is_left_alone_as_long_as_it_asks_for() {
    let bot = bot();
    let ops = channel(&bot, TOKEN, CHAT, "");
    let limited = json!({
        "ok": false, "error_code": 429, "description": "Too Many Requests: retry after 35",
        "parameters": {"retry_after": 35},
    });
    for (fault, expected) in [
        (
            Fault::Answered(Reply::json(429, &limited)),
            Failed::ForNow(Some(35)),
        ),
        (
            Fault::Answered(Reply::plain(502, "Bad Gateway")),
            Failed::ForNow(None),
        ),
        (Fault::Lost, Failed::Unknown(None)),
    ] {
        bot.happen(&format!("POST /bot{TOKEN}/sendMessage"), fault);
        let outcome = ops.tell("load is high", 1).await;
        assert_eq!(failed(outcome, &[TOKEN]).0, expected);
    }
    assert_eq!(bot.with(|bot| bot.sent.len()), 1);
}
