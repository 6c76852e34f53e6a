//! How long each integration takes to compose a message about a large group whose annotations are long:
//! `cargo run --release -p notify --example compose_cost [TYPE]`. Nothing is sent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::alert::Alert;
use domain::annotations::Annotations;
use domain::label::Labels;
use domain::notification::Reason;
use domain::time::Timestamp;
use notify::inbox::{InboxEntry, InboxSink};
use notify::receiver::{Deps, build_receiver};
use notify::{Notification, NotifiedAlert};

/// What a message may take.
const GOAL: Duration = Duration::from_millis(300);

/// Each is composed so often; the quickest counts, since whatever else the machine does only adds.
const ROUNDS: usize = 3;

const ALERTS: usize = 1500;

/// 2026-03-04T05:06:07.089Z.
const STARTED_MS: i64 = 1_772_600_767_089;

const RECEIVER: &str = "route: {receiver: r}
receivers:
- name: r
  webhook_configs: [{url: 'http://a.example.org'}]
  email_configs: [{to: a@example.org, from: b@example.org, smarthost: 'a.example.org:25'}]
  pagerduty_configs: [{routing_key: k}]
  opsgenie_configs: [{api_key: k}]
  slack_configs: [{api_url: 'http://a.example.org', channel: c}]
  victorops_configs: [{api_key: k, routing_key: r}]
  pushover_configs: [{user_key: k, token: t}]
  wechat_configs: [{api_secret: k, corp_id: c}]
  sns_configs: [{sigv4: {region: x, access_key: a, secret_key: s}, topic_arn: 'arn:aws:sns:x:1:y'}]
  telegram_configs: [{bot_token: '1:a', chat_id: 4}]
  discord_configs: [{webhook_url: 'http://a.example.org'}]
  webex_configs: [{room_id: r, http_config: {authorization: {credentials: c}}}]
  msteams_configs: [{webhook_url: 'http://a.example.org'}]
  msteamsv2_configs: [{webhook_url: 'http://a.example.org'}]
  jira_configs: [{api_url: 'http://a.example.org/rest/api/2', project: P, issue_type: B}]
  incidentio_configs: [{url: 'http://a.example.org', alert_source_token: t}]
  rocketchat_configs: [{token: t, token_id: i, channel: c}]
  mattermost_configs: [{webhook_url: 'http://a.example.org'}]
  feishu_configs: [{webhook_url: 'http://a.example.org'}, {webhook_url: 'http://a.example.org', message_type: text}]
  dingtalk_configs: [{webhook_url: 'http://a.example.org'}]
  wecom_bot_configs: [{webhook_url: 'http://a.example.org'}, {webhook_url: 'http://a.example.org', message_type: text}]
  googlechat_configs: [{webhook_url: 'http://a.example.org'}]
  ntfy_configs: [{topic: t}]
  gotify_configs: [{url: 'http://a.example.org', token: t}]
  twilio_configs: [{account_sid: a, auth_token: b, from: '+1', to: ['+2']}]
  aliyun_sms_configs: [{access_key_id: a, access_key_secret: s, sign_name: s, template_code: T, template_params: {a: '{{ .Status }}'}, to: ['1']}]
  cloudevents_configs: [{url: 'http://a.example.org'}]
";

struct Nowhere;

#[async_trait]
impl InboxSink for Nowhere {
    async fn put(&self, _: InboxEntry) -> Result<(), String> {
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let config = config::load(RECEIVER, &config::LoadOptions::default())?;
    let receiver = config.receiver("r").ok_or("the receiver is there")?;
    let built = build_receiver(receiver, &Deps::new("Belfry/cost", Arc::new(Nowhere)))?;
    // Bytes of Han characters become three characters each in an address.
    let texts = [
        ("latin", "/load-is-high-on-this-host".repeat(138)),
        ("Han", "处理手册".repeat(300)),
        ("marks", "<@all>*_[x](y)`&".repeat(225)),
    ];
    println!("| integration | texts | time |\n|---|---|---:|");
    let mut over = 0;
    let only = std::env::args().nth(1).unwrap_or_default();
    for integration in built.iter().filter(|one| one.kind().contains(&only)) {
        for (name, text) in &texts {
            let notification = notification(text);
            let mut best = Duration::MAX;
            let mut note = String::new();
            for _ in 0..ROUNDS {
                let begin = Instant::now();
                match runtime.block_on(integration.compose(&notification)) {
                    Ok(_) => {}
                    Err(error) => note = format!(" ({error})"),
                }
                best = best.min(begin.elapsed());
            }
            over += usize::from(GOAL < best);
            println!(
                "| {} | {name} | {:.1} ms{note} |",
                integration.id(),
                best.as_secs_f64() * 1e3
            );
        }
    }
    println!("\n{over} take longer than {GOAL:?}.");
    Ok(())
}

/// A group whose alerts say this wherever annotations are shown.
fn notification(text: &str) -> Notification {
    let starts_at = Timestamp::from_unix_ms(STARTED_MS);
    let alerts = (0..ALERTS).map(|number| {
        let labels = Labels::from_pairs([
            ("alertname", format!("m{number}").as_str()),
            ("job", "node"),
            ("instance", format!("node-{number}:9100").as_str()),
            ("severity", "critical"),
        ]);
        let runbook = format!("https://wiki.example.org/{text}");
        let summary: String = text.chars().take(200).collect();
        let alert = Alert {
            fingerprint: labels.fingerprint(),
            labels,
            annotations: Annotations::from_pairs([
                ("description", text),
                ("runbook_url", &runbook),
                ("summary", &summary),
            ]),
            generator_url: Arc::from("http://prometheus.example.org/graph?g0.expr=up"),
            starts_at,
            ends_at: Timestamp::from_unix_ms(STARTED_MS + 3_600_000),
            updated_at: starts_at,
            is_timeout: false,
        };
        NotifiedAlert {
            alert: Arc::new(alert),
            is_resolved: false,
        }
    });
    let group_labels = Labels::from_pairs([("job", "node")]);
    Notification {
        receiver: Arc::from("r"),
        instead_of: None,
        group_key: format!("{{}}:{group_labels}"),
        group_labels,
        route_labels: Labels::empty(),
        alerts: alerts.collect(),
        still_firing: 0,
        reason: Reason::FirstNotification,
        receiver_data: domain::group::told::ReceiverData::default(),
        external_url: Arc::from("http://alerts.example.org"),
        idempotency_key: "0123abcd".to_owned(),
        at: Timestamp::from_unix_ms(STARTED_MS + 30_000),
    }
}
