//! What parsing and rendering the default texts cost, as tables: `cargo xtask bench --only templates`.
//!
//! In the process itself and on one thread, as a message is rendered: the facts, the dot and the texts are made anew for each.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::alert::Alert;
use domain::annotations::Annotations;
use domain::label::Labels;
use domain::notification::Reason;
use domain::time::Timestamp;
use notify::data::Data;
use notify::template::{Failure, Markup, Rendering, TemplateSet, Text};
use notify::{Notification, NotifiedAlert};

/// How many alerts the groups have.
const GROUPS: [usize; 3] = [1, 100, 10_000];

/// How long one figure is taken, and how often at least.
const PATIENCE: Duration = Duration::from_secs(1);
const ROUNDS_MIN: usize = 5;
const ROUNDS_MAX: usize = 2_000;

/// 2026-03-04T05:06:07.089Z.
const STARTED_MS: i64 = 1_772_600_767_089;

/// The texts of one message, as a configuration that says nothing else has them.
struct Work {
    name: &'static str,
    /// Pages are of HTML, everything else is plain.
    page: Option<&'static str>,
    plain: &'static [&'static str],
}

const WORKS: [Work; 3] = [
    Work {
        name: "mail: subject and page (`email.default.subject`, `email.default.html`)",
        page: Some(r#"{{ template "email.default.html" . }}"#),
        plain: &[r#"{{ template "email.default.subject" . }}"#],
    },
    Work {
        name: "Slack: all eleven `slack.default.*`",
        page: None,
        plain: &[
            r#"{{ template "slack.default.callbackid" . }}"#,
            r#"{{ template "slack.default.color" . }}"#,
            r#"{{ template "slack.default.fallback" . }}"#,
            r#"{{ template "slack.default.footer" . }}"#,
            r#"{{ template "slack.default.iconemoji" . }}"#,
            r#"{{ template "slack.default.iconurl" . }}"#,
            r#"{{ template "slack.default.pretext" . }}"#,
            r#"{{ template "slack.default.text" . }}"#,
            r#"{{ template "slack.default.title" . }}"#,
            r#"{{ template "slack.default.titlelink" . }}"#,
            r#"{{ template "slack.default.username" . }}"#,
        ],
    },
    Work {
        name: "Slack, a text that lists every alert (`__text_alert_list`)",
        page: None,
        plain: &[r#"{{ template "__text_alert_list" .Alerts }}"#],
    },
];

fn main() -> Result<(), Failure> {
    let (defaults, _) = median(|| {
        notify::defaults::parse()
            .map(black_box)
            .map_err(Failure::from)
    })?;
    println!("| parsed once, for all messages | time |\n|---|---:|");
    println!(
        "| the files of the default templates | {} |",
        shown(defaults)
    );
    let set = TemplateSet::default();
    for work in &WORKS {
        let (time, _) = median(|| Ok(texts(&TemplateSet::default(), work)))?;
        println!("| the texts of: {} | {} |", work.name, shown(time));
    }
    println!(
        "\n| rendered for each message | alerts | time | per alert | bytes |\n|---|---:|---:|---:|---:|"
    );
    let works = WORKS.each_ref().map(|work| (work.name, texts(&set, work)));
    let parses = set.parses();
    let mut messages = 0;
    for (name, texts) in &works {
        for alerts in GROUPS {
            let notification = notification(alerts);
            let mut bytes = 0;
            let (time, rounds) = median(|| {
                bytes = render(&set, texts, &notification)?;
                Ok(())
            })?;
            messages += rounds;
            let each = time.div_f64(f64::from(u32::try_from(alerts).unwrap_or(u32::MAX)));
            println!(
                "| {name} | {alerts} | {} | {} | {bytes} |",
                shown(time),
                shown(each)
            );
        }
    }
    println!(
        "\nTexts parsed before the first message: {parses}; after the last of {messages} messages: {}.",
        set.parses()
    );
    Ok(())
}

fn texts(set: &TemplateSet, work: &Work) -> Vec<Text> {
    let page = work
        .page
        .iter()
        .map(|source| set.text(source, Markup::Html));
    let plain = work
        .plain
        .iter()
        .map(|source| set.text(source, Markup::Plain));
    page.chain(plain).collect()
}

/// Renders one message; gives how many bytes it has.
fn render(
    set: &TemplateSet,
    texts: &[Text],
    notification: &Notification,
) -> Result<usize, Failure> {
    let facts = Data::new(notification, &notification.alerts);
    let rendering = Rendering::new(set, &facts, notification.at);
    let mut bytes = 0;
    for text in texts {
        bytes += black_box(rendering.try_text(text)?).len();
    }
    Ok(bytes)
}

/// The median time of a work, and how often it was done.
fn median<T>(mut work: impl FnMut() -> Result<T, Failure>) -> Result<(Duration, usize), Failure> {
    black_box(work()?);
    let begin = Instant::now();
    let mut times = Vec::new();
    while times.len() < ROUNDS_MIN || (begin.elapsed() < PATIENCE && times.len() < ROUNDS_MAX) {
        let round = Instant::now();
        black_box(work()?);
        times.push(round.elapsed());
    }
    times.sort_unstable();
    let middle = times.get(times.len() / 2).copied().unwrap_or_default();
    Ok((middle, times.len() + 1))
}

fn shown(time: Duration) -> String {
    match time.as_secs_f64() {
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 1e-3 => format!("{:.2} ms", s * 1e3),
        s => format!("{:.2} µs", s * 1e6),
    }
}

/// A message about so many alerts with 8 labels and 3 annotations each, every tenth of them resolved.
fn notification(alerts: usize) -> Notification {
    Notification {
        receiver: Arc::from("team-a"),
        group_key: r#"{}:{alertname="HighLoad", job="node"}"#.to_owned(),
        group_labels: Labels::from_pairs([("alertname", "HighLoad"), ("job", "node")]),
        route_labels: Labels::empty(),
        alerts: (0..alerts).map(alert).collect(),
        reason: Reason::FirstNotification,
        external_url: Arc::from("https://alerts.example.org"),
        instead_of: None,
        still_firing: 0,
        receiver_data: domain::group::told::ReceiverData::default(),
        idempotency_key: String::new(),
        at: Timestamp::from_unix_ms(STARTED_MS + 30_000),
    }
}

fn alert(number: usize) -> NotifiedAlert {
    let instance = format!("node-{number:05}.example.org:9100");
    let labels = Labels::from_pairs([
        ("alertname", "HighLoad"),
        ("cluster", "prod-eu"),
        ("env", "production"),
        ("instance", &instance),
        ("job", "node"),
        ("rack", &format!("r{}", number % 40)),
        ("severity", "critical"),
        ("team", "infrastructure"),
    ]);
    let starts_at = Timestamp::from_unix_ms(STARTED_MS);
    let alert = Alert {
        fingerprint: labels.fingerprint(),
        labels,
        annotations: Annotations::from_pairs([
            ("summary", format!("load of {instance} is high").as_str()),
            (
                "description",
                "The load was > 8 for 10 minutes & still rises.",
            ),
            ("runbook_url", "https://runbooks.example.org/high-load"),
        ]),
        generator_url: Arc::from(
            "https://prometheus.example.org/graph?g0.expr=node_load1+%3E+8&g0.tab=1",
        ),
        starts_at,
        ends_at: Timestamp::from_unix_ms(STARTED_MS + 3_600_000),
        updated_at: starts_at,
        is_timeout: false,
    };
    NotifiedAlert {
        alert: Arc::new(alert),
        is_resolved: number % 10 == 9,
    }
}
