//! A provider that says all it was told in its answer, in whatever spelling: no secret of the settings is shown.
//!
//! The real client sends to it as to a proxy, so it sees every header, of whichever host.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use outbound::{Http, HttpClient, Request, Response, SendError, form};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::built;
use crate::go_json::quoted;
use crate::provider::escape;
use crate::{Integration, samples};

/// What the settings confide. All but those that stand in addresses hold what somebody escapes.
const SECRETS: [&str; 9] = [
    "URL-SECRET-0",
    r#"KEY-"\w&<d+/=SECRET"#,
    r#"HEADER-"\&<SECRET"#,
    "BASIC-SECRET",
    "USER-SECRET",
    "PROXY-SECRET",
    "ID-SECRET",
    "TOPIC-SECRET-node",
    "15550199777",
];

/// Who logs in with one of them.
const LOGINS: [(&str, &str); 4] = [
    ("u", "BASIC-SECRET"),
    ("u", "USER-SECRET"),
    ("p", "PROXY-SECRET"),
    ("AC1", SECRETS[1]),
];

/// An entry for every integration over HTTP; `KEY` is the key, `U` an address.
const CASES: [&str; 32] = [
    "webhook_configs: [{url: 'U/URL-SECRET-0?k=URL-SECRET-0', BASIC}]",
    "webhook_configs: [{url: 'http://u:USER-SECRET@h.example.org/', PROXY}]",
    "pagerduty_configs: [{routing_key: KEY, PROXY}]",
    "pagerduty_configs: [{service_key: KEY, PROXY}]",
    "opsgenie_configs: [{api_key: KEY, api_url: 'http://u:USER-SECRET@h.example.org/', PROXY}]",
    "wechat_configs: [{api_secret: KEY, corp_id: c, PROXY}]",
    "slack_configs: [{api_url: 'U/services/URL-SECRET-0', channel: c, PROXY}]",
    "victorops_configs: [{api_key: KEY, routing_key: r, PROXY}]",
    "pushover_configs: [{user_key: ID-SECRET, token: KEY, PROXY}]",
    "sns_configs: [{api_url: 'U', phone_number: '+15550199777', sigv4: {region: x, access_key: a, secret_key: KEY}, PROXY}]",
    "telegram_configs: [{bot_token: 1:URL-SECRET-0, chat_id: 5, PROXY}]",
    "discord_configs: [{webhook_url: 'U/URL-SECRET-0', BASIC}]",
    "webex_configs: [{room_id: r, http_config: {authorization: {credentials: KEY}, proxy_url: 'P'}}]",
    "msteams_configs: [{webhook_url: 'U/URL-SECRET-0?sig=URL-SECRET-0', PROXY}]",
    "msteamsv2_configs: [{webhook_url: 'U/URL-SECRET-0?sig=URL-SECRET-0', PROXY}]",
    "jira_configs: [{api_url: 'http://u:USER-SECRET@h.example.org/', project: p, issue_type: b, PROXY}]",
    "jira_configs: [{api_url: 'U', project: p, issue_type: b, BASIC}]",
    "incidentio_configs: [{url: 'U/URL-SECRET-0', alert_source_token: KEY, PROXY}]",
    "rocketchat_configs: [{token: KEY, token_id: ID-SECRET, PROXY}]",
    "mattermost_configs: [{webhook_url: 'U/hooks/URL-SECRET-0', PROXY}]",
    "feishu_configs: [{webhook_url: 'U/hook/URL-SECRET-0', secret: KEY, PROXY}]",
    "dingtalk_configs: [{webhook_url: 'U/?access_token=URL-SECRET-0', secret: KEY, at_mobiles: ['15550199777'], PROXY}]",
    "dingtalk_configs: [{webhook_url: 'U/?access_token=URL-SECRET-0', at_mobiles: ['+15550199777'], message_type: markdown, PROXY}]",
    "wecom_bot_configs: [{webhook_url: 'U/?key=URL-SECRET-0', message_type: text, mentioned_mobile_list: ['15550199777', '@all'], PROXY}]",
    "ntfy_configs: [{url: 'http://u:USER-SECRET@h.example.org/', topic: 'TOPIC-SECRET-{{ .CommonLabels.job }}', PROXY}]",
    "ntfy_configs: [{url: 'U/', topic: TOPIC-SECRET-node, token: KEY, PROXY}]",
    "gotify_configs: [{url: 'http://u:USER-SECRET@h.example.org/', token: KEY, PROXY}]",
    "googlechat_configs: [{webhook_url: 'U/?key=URL-SECRET-0&token=URL-SECRET-0', PROXY}]",
    "twilio_configs: [{account_sid: AC1, auth_token: KEY, from: '+15550199777', to: ['+15550199777'], PROXY}]",
    "aliyun_sms_configs: [{access_key_id: i, access_key_secret: KEY, sign_name: s, template_code: c, to: ['15550199777'], PROXY}]",
    "cloudevents_configs: [{url: 'U/URL-SECRET-0', BASIC}]",
    "forward_configs: [{url: 'http://u:USER-SECRET@h.example.org/', PROXY}]",
];

/// How a provider quotes what it was told.
const SPELLINGS: [fn(&str) -> String; 6] = [
    str::to_owned,
    |said| said.replace("\r\n", " ").replace('"', r#"\""#),
    in_json,
    form::escape,
    escape::html,
    |said| STANDARD.encode(said),
];

/// In an answer in which everybody finds what they look for.
fn in_json(said: &str) -> String {
    let fields = [
        "error",
        "message",
        "description",
        "errmsg",
        "msg",
        "Message",
        "detail",
    ];
    let texts: serde_json::Map<_, _> = fields
        .iter()
        .map(|field| ((*field).to_owned(), json!(said)))
        .collect();
    let mut answer = json!({
        "ok": false, "success": false, "status": 0, "errcode": 7, "code": 7, "Code": "x", "result": "failure",
        "errors": [said], "messages": [said], "issues": said,
    });
    answer.as_object_mut().unwrap().extend(texts);
    answer.to_string()
}

/// What is echoed of a request, each short enough to be quoted whole.
#[derive(Clone, Copy, Debug)]
enum Part {
    Head,
    Beginning,
    End,
}

/// How the provider answers.
#[derive(Clone, Copy)]
struct Manner {
    status: u16,
    part: Part,
    spelling: fn(&str) -> String,
}

impl Manner {
    fn answer(self, head: &str, body: &str) -> (u16, String) {
        // What has to go well before anything can go wrong.
        if head.contains("/gettoken") {
            let token = r#"{"errcode":0,"access_token":"URL-SECRET-0"}"#;
            return (200, token.to_owned());
        }
        if head.contains("/search") && self.status != 200 {
            return (200, r#"{"issues":[]}"#.to_owned());
        }
        let is_edge = |c: char| matches!(c, '"' | '&' | '{');
        let said = match self.part {
            Part::Head => head,
            Part::Beginning => {
                let end = body.floor_char_boundary(250);
                &body[..body[..end].rfind(is_edge).unwrap_or(end)]
            }
            Part::End => {
                let start = body.ceil_char_boundary(body.len().saturating_sub(250));
                &body[start + body[start..].find(is_edge).unwrap_or(0)..]
            }
        };
        (self.status, (self.spelling)(said))
    }
}

/// Serves requests until the test's runtime ends.
async fn serve(listener: TcpListener, manner: Arc<Mutex<Manner>>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let manner = Arc::clone(&manner);
        tokio::spawn(async move {
            while let Some((head, body)) = read(&mut stream).await {
                let (status, said) = manner.lock().unwrap().answer(&head, &body);
                let length = said.len();
                let answer =
                    format!("HTTP/1.1 {status} x\r\nContent-Length: {length}\r\n\r\n{said}");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
    }
}

async fn read(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let lower = head.to_ascii_lowercase();
            let length = lower.split("content-length: ").nth(1);
            let length = length.and_then(|rest| rest.lines().next()?.parse().ok());
            let body = &bytes[end + 4..];
            if length.unwrap_or(0) <= body.len() {
                return Some((head, String::from_utf8_lossy(body).into_owned()));
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// The real client, without TLS.
struct Plain(HttpClient);

#[async_trait]
impl Http for Plain {
    async fn send(&self, request: Request, deadline: Duration) -> Result<Response, SendError> {
        let url = request.url.replacen("https://", "http://", 1);
        self.0.send(Request { url, ..request }, deadline).await
    }
}

fn integration(case: &str, proxy: &str) -> Arc<dyn Integration> {
    let headers = format!("http_headers: {{X-Key: {{secrets: ['{}']}}}}", SECRETS[2]);
    let common = format!("proxy_url: '{proxy}', {headers}");
    let basic = "basic_auth: {username: u, password: BASIC-SECRET}";
    let yaml = case
        .replace("PROXY}", &format!("http_config: {{{common}}}}}"))
        .replace("BASIC}", &format!("http_config: {{{common}, {basic}}}}}"))
        .replace("'P'", &format!("'{proxy}'"))
        .replace("'U", "'http://h.example.org")
        .replace(": KEY", &format!(": '{}'", SECRETS[1]));
    built(&yaml, |options| {
        let client = HttpClient::new(options, "Belfry/0.0.0")?;
        Ok(Arc::new(Plain(client)) as Arc<dyn Http>)
    })
}

/// All spellings in which a secret can be read.
fn readable() -> BTreeSet<String> {
    let logins = LOGINS.map(|(user, password)| format!("{user}:{password}"));
    let secrets = SECRETS.map(str::to_owned).into_iter().chain(logins);
    let spelt = secrets.flat_map(|secret| {
        let (json, page) = (quoted(&secret), escape::html(&secret));
        let coded = STANDARD.encode(&secret);
        let bare = coded.trim_end_matches('=');
        [
            json.trim_matches('"').to_owned(),
            json!(secret).to_string().trim_matches('"').to_owned(),
            page,
            form::escape(&secret),
            escape::component(&secret),
            bare.to_owned(),
            URL_SAFE.encode(&secret),
            secret,
        ]
    });
    spelt.collect()
}

#[tokio::test]
async fn whoever_echoes_a_request_shows_no_secret() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://p:PROXY-SECRET@{}", listener.local_addr().unwrap());
    let manner = Arc::new(Mutex::new(Manner {
        status: 400,
        part: Part::Head,
        spelling: str::to_owned,
    }));
    tokio::spawn(serve(listener, Arc::clone(&manner)));
    let notification = samples::notification(&[("n1", false)]);
    let readable = readable();
    for case in CASES {
        let integration = integration(case, &proxy);
        let mut is_hidden = false;
        for status in [400, 200] {
            for part in [Part::Head, Part::Beginning, Part::End] {
                for (index, spelling) in SPELLINGS.into_iter().enumerate() {
                    *manner.lock().unwrap() = Manner {
                        status,
                        part,
                        spelling,
                    };
                    let told = integration.deliver(&notification, super::MINUTE).await;
                    let shown = match told {
                        Ok(delivered) => format!("{delivered:?} {}", delivered.answer),
                        Err(error) => error.detail,
                    };
                    is_hidden |= shown.contains("<secret>");
                    let leaked = readable.iter().find(|secret| shown.contains(*secret));
                    assert_eq!(leaked, None, "{case} {status} {part:?} {index}: {shown}");
                }
            }
        }
        assert!(is_hidden, "{case}: nothing was echoed");
    }
}

#[test]
fn every_integration_is_tried() {
    let documented = include_str!("../../../../docs/INTEGRATIONS.md");
    let words = documented.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let named = words.filter(|word| word.ends_with("_configs"));
    for name in named.filter(|name| !["email_configs", "inbox_configs"].contains(name)) {
        let entry = format!("{name}:");
        assert!(CASES.iter().any(|case| case.starts_with(&entry)), "{name}");
    }
}
