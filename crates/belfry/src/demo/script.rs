//! The alerts the demo sends, over the public API as anybody would.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use outbound::Request;
use runtime::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{client, show};
use crate::cli::print;

/// How long one request may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// One alert of the story.
struct Scene {
    labels: &'static [(&'static str, &'static str)],
    summary: &'static str,
}

const LATENCY: [Scene; 3] = [
    Scene {
        labels: &[
            ("alertname", "HighLatency"),
            ("instance", "api-1"),
            ("service", "checkout"),
            ("severity", "warning"),
        ],
        summary: "p99 is 1.4 s, the goal is 0.5 s",
    },
    Scene {
        labels: &[
            ("alertname", "HighLatency"),
            ("instance", "api-2"),
            ("service", "checkout"),
            ("severity", "warning"),
        ],
        summary: "p99 is 1.1 s, the goal is 0.5 s",
    },
    Scene {
        labels: &[
            ("alertname", "HighLatency"),
            ("instance", "api-3"),
            ("service", "checkout"),
            ("severity", "warning"),
        ],
        summary: "p99 is 2.0 s, the goal is 0.5 s",
    },
];

const DISK: Scene = Scene {
    labels: &[
        ("alertname", "DiskAlmostFull"),
        ("instance", "db-1"),
        ("mountpoint", "/var"),
        ("severity", "critical"),
    ],
    summary: "3 % left, full in about 2 hours",
};

const CERTIFICATE: Scene = Scene {
    labels: &[
        ("alertname", "证书即将过期"),
        ("host", "shop.example.org"),
        ("severity", "info"),
    ],
    summary: "证书还有 6 天过期",
};

/// Sends the story: two latencies, a disk and a certificate; then a third latency while the disk recovers; then the
/// latencies recover.
pub(super) async fn run(url: &str, began: Instant) -> anyhow::Result<()> {
    let [first, second, third] = &LATENCY;
    let starts_at = SystemClock.now().rfc3339_millis();
    let at = |seconds: f64| began + Duration::from_secs_f64(seconds);
    send(
        url,
        began,
        "4 alerts fire",
        &[first, second, &DISK, &CERTIFICATE],
        &starts_at,
        false,
    )
    .await?;
    tokio::time::sleep_until(at(3.5)).await;
    send(
        url,
        began,
        "1 more alert fires",
        &[third],
        &starts_at,
        false,
    )
    .await?;
    send(url, began, "1 alert is over", &[&DISK], &starts_at, true).await?;
    tokio::time::sleep_until(at(8.0)).await;
    send(
        url,
        began,
        "3 alerts are over",
        &[first, second, third],
        &starts_at,
        true,
    )
    .await
}

async fn send(
    url: &str,
    began: Instant,
    what: &str,
    scenes: &[&Scene],
    starts_at: &str,
    is_over: bool,
) -> anyhow::Result<()> {
    let ends_at = SystemClock.now().rfc3339_millis();
    let alerts: Vec<Value> = scenes
        .iter()
        .map(|scene| {
            let labels: serde_json::Map<_, _> = scene
                .labels
                .iter()
                .map(|(name, value)| ((*name).to_owned(), json!(value)))
                .collect();
            let mut alert = json!({
                "labels": labels,
                "annotations": {"summary": scene.summary},
                "startsAt": starts_at,
            });
            if is_over && let Some(alert) = alert.as_object_mut() {
                alert.insert("endsAt".to_owned(), json!(ends_at));
            }
            alert
        })
        .collect();
    print(&show::sent(what, began.elapsed()));
    let body = Value::Array(alerts).to_string();
    let request = Request::post_json(format!("{url}/api/v2/alerts"), body);
    let answer = client()?
        .send(request, DEADLINE)
        .await
        .context("POST /api/v2/alerts")?;
    ensure!(
        answer.status == 200,
        "POST /api/v2/alerts was answered with {}",
        answer.status
    );
    Ok(())
}
