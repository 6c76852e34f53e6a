//! No value breaks a message, its markup, or calls anybody, in any of our integrations.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::own::trial::{Trial, all_over};

mod bounds;
mod mentions;

/// Each integration with where its texts stand in a body, and the markup they are in.
const INTEGRATIONS: [(&str, &str, &str, Dialect); 10] = [
    (
        "feishu",
        "webhook_url: 'http://f.example.org'",
        "/card/elements/0/content",
        Dialect::Feishu,
    ),
    (
        "feishu",
        "webhook_url: 'http://f.example.org', message_type: text",
        "/content/text",
        Dialect::Plain,
    ),
    (
        "dingtalk",
        "webhook_url: 'http://d.example.org'",
        "/markdown/text",
        Dialect::Dingtalk,
    ),
    (
        "wecom_bot",
        "webhook_url: 'http://w.example.org'",
        "/markdown/content",
        Dialect::Wecom,
    ),
    (
        "wecom_bot",
        "webhook_url: 'http://w.example.org', message_type: text",
        "/text/content",
        Dialect::Plain,
    ),
    ("ntfy", "topic: t", "/message", Dialect::Plain),
    (
        "ntfy",
        "topic: t, markdown: true",
        "/message",
        Dialect::Markdown,
    ),
    (
        "gotify",
        "url: 'http://g.example.org', token: t",
        "/message",
        Dialect::Markdown,
    ),
    (
        "googlechat",
        "webhook_url: 'http://c.example.org'",
        "/cardsV2/0/card/sections/0/widgets/0/textParagraph/text",
        Dialect::Html,
    ),
    (
        "googlechat",
        "webhook_url: 'http://c.example.org', message_type: text",
        "/text",
        Dialect::GoogleChat,
    ),
];

/// What senders might try.
const HOSTILE: [&str; 34] = [
    "<at id=all></at>",
    "<at user_id=\"all\">",
    "<AT id=all>",
    "<@all>",
    "<users/all>",
    "<person id='1'>",
    "@all",
    "@everyone",
    "@13800000000",
    "](http://evil.example.org)",
    "[",
    "]",
    "(",
    ")",
    "**",
    "*",
    "_",
    "~~",
    "`",
    "```",
    "\\",
    "\"",
    "'",
    "}",
    "{{ .Status }}",
    "&lt;",
    "&#60;",
    "</font>",
    "<b>",
    "|",
    "$",
    "\u{202e}",
    "\u{0}",
    "a",
];

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => proptest::sample::select(HOSTILE.to_vec()).prop_map(str::to_owned),
        1 => any::<char>().prop_map(|c| c.to_string()),
        1 => proptest::sample::select(vec!["\n# ", "\n> ", "\r\n- ", "\n1. ", " "]).prop_map(str::to_owned),
    ];
    proptest::collection::vec(piece, 1..6).prop_map(|pieces| format!("x{}", pieces.concat()))
}

static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime")
});

thread_local! {
    /// One of each; tests run on threads of their own, and must not take each other's requests.
    static TRIALS: Vec<Trial> = INTEGRATIONS
        .iter()
        .map(|(name, settings, ..)| {
            let trial = Trial::new(name, settings);
            // One answer that all of them take for a success.
            trial.answer_always(200, r#"{"code":0,"errcode":0}"#);
            trial
        })
        .collect();
}

fn body(trial: &Trial, notification: &crate::Notification) -> Value {
    RUNTIME
        .block_on(trial.deliver(notification))
        .expect("it is accepted");
    let (request, body) = trial.sent();
    assert!(!body.is_null(), "it is JSON: {request:?}");
    body
}

/// What is left of a text when all that its markup takes literally is gone: marks, in order. A hostile value must not add any.
fn skeleton(text: &str, dialect: Dialect) -> String {
    // Addresses of links first: what they hold cannot end them.
    let mut rest = text;
    let mut without = String::new();
    let starts = ["](http", "\"http", "<http"];
    while let Some(at) = starts.iter().filter_map(|start| rest.find(start)).min() {
        let (before, link) = rest.split_at(at);
        let (open, url) = link.split_at(link.find("http").unwrap_or(0));
        without.push_str(before);
        without.push_str(open);
        let end = url
            .find([')', '"', '|', ' ', '\n', '>'])
            .unwrap_or(url.len());
        rest = &url[end..];
    }
    without.push_str(rest);
    let mut out = String::new();
    let mut chars = without.chars().peekable();
    let mut line_is_empty = true;
    while let Some(char) = chars.next() {
        let next = chars.peek().copied();
        let is_mark = match dialect {
            Dialect::Plain => false,
            Dialect::Feishu if char == '&' && next == Some('#') => {
                let _ = chars.by_ref().find(|char| *char == ';');
                false
            }
            Dialect::Feishu => "<>*_~`[]()\\$!#:".contains(char),
            Dialect::Html => "<>\"".contains(char),
            Dialect::Dingtalk | Dialect::Markdown if char == '\\' => {
                chars.next();
                false
            }
            Dialect::Dingtalk => match char {
                '<' => next != Some('\u{200b}'),
                '#' | '>' | '-' | '+' => line_is_empty,
                _ => "*~`[]".contains(char),
            },
            Dialect::Markdown => match char {
                '#' | '>' | '-' | '+' => line_is_empty,
                _ => "<*~`[]&".contains(char),
            },
            Dialect::Wecom | Dialect::GoogleChat => match char {
                '<' | '*' | '~' | ']' => next != Some('\u{200b}'),
                '#' | '-' => line_is_empty,
                _ => char == '`',
            },
        };
        line_is_empty = char == '\n' || (line_is_empty && char == ' ');
        out.extend(is_mark.then_some(char));
    }
    out
}

/// Whether a text calls anybody, as far as any of the providers would understand it.
fn calls(text: &str) -> bool {
    let text = text.to_lowercase();
    ["<at", "<@", "<users/", "<person"]
        .iter()
        .any(|call| text.contains(call))
}

fn each_text(value: &Value, check: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => check(text),
        Value::Array(items) => items.iter().for_each(|item| each_text(item, check)),
        Value::Object(fields) => fields.values().for_each(|value| each_text(value, check)),
        _ => {}
    }
}

fn check(text: &str) {
    TRIALS.with(|trials| check_all(trials, text));
}

fn check_all(trials: &[Trial], text: &str) {
    let (hostile, benign) = (all_over(text), all_over("x"));
    for ((name, settings, place, dialect), trial) in INTEGRATIONS.iter().zip(trials) {
        let (body, harmless) = (body(trial, &hostile), body(trial, &benign));
        each_text(&body, &mut |said| {
            assert!(!calls(said), "{name} {settings} calls somebody: {said:?}");
        });
        let said = |body: &Value| {
            body.pointer(place)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let (said, meant) = (said(&body).expect(name), said(&harmless).expect(name));
        let (marks, meant_marks) = (skeleton(&said, *dialect), skeleton(&meant, *dialect));
        // What is too long is cut between lines, and says no more than its beginning.
        let is_same = match said.ends_with("\n…") {
            true => meant_marks.starts_with(&marks),
            false => marks == meant_marks,
        };
        assert!(
            is_same,
            "{name} {settings}: {marks} for {meant_marks}\n{said:?}\n{meant:?}"
        );
        let titles = ["/card/header/title/content", "/markdown/title", "/title"];
        for title in titles.iter().filter_map(|place| body.pointer(place)) {
            let title = title.as_str().expect("a text");
            assert!(!title.chars().any(char::is_control), "{name}: {title:?}");
        }
    }
}

#[test]
fn no_value_breaks_a_message_or_calls_anybody() {
    for text in HOSTILE {
        check(&format!("x{text}y{text}"));
    }
    check("x\n# y\n> z\n- 1\n1. 2");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn nor_does_any_other(text in hostile()) {
        check(&text);
    }

    /// A user's own template that escapes nothing does not call anybody either.
    #[test]
    fn nobody_is_called_by_templates_that_escape_nothing(text in hostile()) {
        let own = "{{ range .Alerts }}{{ .Labels }} {{ .Annotations.summary }}{{ end }}";
        for (name, settings) in [
            ("feishu", "webhook_url: 'http://f.example.org'"),
            ("feishu", "webhook_url: 'http://f.example.org', message_type: text"),
            ("wecom_bot", "webhook_url: 'http://w.example.org'"),
            ("googlechat", "webhook_url: 'http://c.example.org', message_type: text"),
        ] {
            let trial = Trial::new(name, &format!("{settings}, text: '{own}', title: '{own}'"));
            trial.answer_always(200, r#"{"code":0,"errcode":0}"#);
            let body = body(&trial, &all_over(&text));
            each_text(&body, &mut |said| assert!(!calls(said), "{name}: {said:?}"));
        }
    }

    /// SMS and machines: the body is well-formed, and says what was said.
    #[test]
    fn machines_read_any_value(text in hostile()) {
        let notification = all_over(&text);
        let sms = "access_key_id: a, access_key_secret: b, sign_name: s, template_code: c, to: ['1'], param_chars_max: 1000, \
                   template_params: {v: '{{ .CommonAnnotations.summary }}'}";
        let trial = Trial::new("aliyun_sms", sms);
        trial.answer(200, r#"{"Code":"OK"}"#);
        RUNTIME.block_on(trial.deliver(&notification)).expect("it is accepted");
        let url = trial.sent().0.url;
        prop_assert!(url.bytes().all(|b| b.is_ascii_graphic()), "{url}");
        let trial = Trial::new("twilio", "account_sid: A, auth_token: t, from: f, to: ['+1']");
        RUNTIME.block_on(trial.deliver(&notification)).expect("it is accepted");
        let form = trial.sent().0.body;
        prop_assert!(form.iter().all(u8::is_ascii_graphic));
        prop_assert_eq!(form.iter().filter(|b| **b == b'&').count(), 2);
        let trial = Trial::new("forward", "url: 'http://am.example.org'");
        let alerts = body(&trial, &notification);
        prop_assert_eq!(&alerts[0]["labels"]["alertname"], text.as_str());
        let trial = Trial::new("cloudevents", "url: 'http://e.example.org'");
        let event = body(&trial, &notification);
        prop_assert_eq!(&event["data"]["alerts"][0]["annotations"]["summary"], text.as_str());
    }
}

/// What is tried when a configuration is loaded has nothing to say about the default texts.
#[test]
fn the_dry_run_finds_nothing_in_the_default_texts() {
    let mut receivers = String::new();
    let sms = [
        (
            "twilio",
            "account_sid: A, auth_token: t, from: f, to: ['+1']",
            "",
            Dialect::Plain,
        ),
        (
            "cloudevents",
            "url: 'http://e.example.org'",
            "",
            Dialect::Plain,
        ),
    ];
    for (index, (name, settings, ..)) in INTEGRATIONS.iter().chain(&sms).enumerate() {
        receivers.push_str(&format!(
            "- {{name: r{index}, {name}_configs: [{{{settings}}}]}}\n"
        ));
    }
    let text = format!("route: {{receiver: r0}}\nreceivers:\n{receivers}");
    let config = config::load(&text, &config::LoadOptions::default()).expect("it loads");
    let at = domain::time::Timestamp::from_unix_ms(0);
    let set = TemplateSet::default();
    let found = crate::template::dry_run::run(&config, &set, "http://am.example.org", at);
    assert_eq!(found, Vec::<String>::new());
    let own = text.replace("topic: t}", "topic: t, click: '{{ .Nope }}'}");
    let config = config::load(&own, &config::LoadOptions::default()).expect("it loads");
    let found = crate::template::dry_run::run(&config, &set, "http://am.example.org", at);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains("ntfy[0]") && found[0].contains("click"),
        "{found:?}"
    );
}

/// The examples of docs/INTEGRATIONS.md can be built, and the dry run finds nothing.
#[test]
fn the_documented_examples_work() {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/INTEGRATIONS.md");
    let docs = std::fs::read_to_string(docs).expect("docs/INTEGRATIONS.md");
    let examples: Vec<&str> = docs.split("```yaml\n").skip(1).collect();
    assert!(INTEGRATIONS.len() <= examples.len(), "each has an example");
    for example in examples {
        let (example, _) = example.split_once("```").expect("an end");
        let name = example
            .split("name: ")
            .nth(1)
            .and_then(|rest| rest.lines().next());
        let text = format!("route: {{receiver: {}}}\n{example}", name.expect("a name"));
        let config = config::load(&text, &config::LoadOptions::default());
        let config = config.unwrap_or_else(|error| panic!("{error}\n{text}"));
        let set = TemplateSet::default();
        let at = domain::time::Timestamp::from_unix_ms(0);
        let found = crate::template::dry_run::run(&config, &set, "http://am.example.org", at);
        assert_eq!(found, Vec::<String>::new(), "{text}");
    }
}

/// Remarks stand above what may be cut, in the markup of their provider.
#[test]
fn remarks_are_told_and_escaped() {
    let mut notification = all_over("x");
    notification.instead_of = Some("team *b* <@all>".into());
    notification.still_firing = 7;
    for (name, settings, place, dialect) in INTEGRATIONS {
        let trial = Trial::new(name, settings);
        trial.answer_always(200, r#"{"code":0,"errcode":0}"#);
        let body = body(&trial, &notification);
        let said = body.pointer(place).and_then(Value::as_str).expect(name);
        assert!(said.contains('7'), "{name} {settings}: {said:?}");
        assert!(
            said.contains(&dialect.escape("team *b* <@all>")),
            "{name}: {said:?}"
        );
    }
}

#[test]
fn a_text_is_cut_by_what_it_takes_in_json() {
    let text = "<>&\n".repeat(100);
    let cut = cut_json(&text, 200);
    assert!(quoted(&cut).len() <= 200);
    assert!(quoted(&cut).len() > 150, "{}", quoted(&cut).len());
    assert_eq!(cut_json("short", 200), "short");
    assert!(quoted(&cut_json(&"\u{1}".repeat(50), 9)).len() <= 20);
}
