//! Messages to render: alerts of every kind the page must cope with.

use gotmpl::Value;
use gotmpl::data::{Alert, Alerts, Data, Kv};
use gotmpl::time::{Time, Zone};

/// When the first alert began.
const BEGAN_SECONDS: i64 = 1_780_000_000;

fn kv(pairs: &[(&str, &str)]) -> Kv {
    Kv::new(pairs.iter().copied())
}

/// An alert that began some seconds after the first; it has ended if `lasted_seconds` says after how long.
fn alert(
    after_seconds: i64,
    lasted_seconds: Option<i64>,
    labels: &[(&str, &str)],
    annotations: &[(&str, &str)],
    source: &str,
) -> Alert {
    let time = |seconds: i64| Time::new(BEGAN_SECONDS + seconds, 0, Zone::Utc);
    let ended = lasted_seconds.map(|seconds| time(after_seconds + seconds));
    Alert {
        is_resolved: ended.is_some(),
        labels: kv(labels),
        annotations: kv(annotations),
        starts_at: time(after_seconds),
        ends_at: ended.unwrap_or_else(Time::zero),
        generator_url: source.into(),
        fingerprint: "0123456789abcdef".into(),
    }
}

/// A usual alert: the `index`th host with a full disk.
fn usual(index: usize, is_resolved: bool) -> Alert {
    let instance = format!("node-{index}.example.org:9100");
    let summary = format!("Disk sda1 of node-{index} is 97% full");
    alert(
        i64::try_from(index).unwrap_or_default(),
        is_resolved.then_some(5_405),
        &[
            ("alertname", "DiskFull"),
            ("cluster", "eu-1"),
            ("device", "/dev/sda1"),
            ("instance", &instance),
            ("job", "node"),
            (
                "severity",
                if index.is_multiple_of(2) {
                    "critical"
                } else {
                    "warning"
                },
            ),
        ],
        &[
            (
                "description",
                "It fills by 2 GiB an hour.\nAt this rate it is full in 40 minutes.",
            ),
            (
                "runbook_url",
                "https://wiki.example.org/runbooks/disk?kind=full&os=linux",
            ),
            ("summary", &summary),
        ],
        "http://prometheus.example.org/graph?g0.expr=disk_free%20%3C%203&g0.tab=1",
    )
}

fn data(group: &[(&str, &str)], common: &[(&str, &str)], alerts: Vec<Alert>) -> Value {
    Data {
        receiver: "ops".into(),
        alerts: Alerts::new(alerts),
        notification_reason: "new alerts added".into(),
        group_labels: kv(group),
        common_labels: kv(common),
        common_annotations: kv(&[]),
        route_labels: kv(&[]),
        external_url: "https://alerts.example.org/belfry".into(),
    }
    .into_value()
}

/// So many usual alerts, the last of them ended.
pub(crate) fn usual_message(firing: usize, resolved: usize) -> Value {
    let alerts = (0..firing + resolved).map(|index| usual(index, index >= firing));
    let labels = [("alertname", "DiskFull"), ("cluster", "eu-1")];
    data(&labels, &labels, alerts.collect())
}

/// Values that are long, strange or hostile.
pub(crate) fn strange_message() -> Value {
    let long = "x".repeat(400);
    let long_name = "a_label_name_that_goes_on_".repeat(6);
    let long_url = format!("https://wiki.example.org/{}?q={}", "path/".repeat(40), long);
    let labels = [
        (
            "alertname",
            "Überlauf & <b>Füllstand</b> im Lagerhaltungssystemüberwachungsdienst",
        ),
        ("html", "</td></table><script>alert(1)</script>"),
        (&*long_name, &*long),
        (
            "ort",
            "東京都千代田区丸の内一丁目九番一号東京駅構内地下一階南側通路",
        ),
        ("quotes", "it's \"quoted\" \\ back"),
        ("url", "javascript:alert(1)"),
        ("ظرف", "خادم قاعدة البيانات"),
    ];
    let annotations = [
        ("dashboard", &*long_url),
        ("link", "https://example.org/\" onclick=\"alert(1)"),
        ("summary", "🔥🚒 <img src=x onerror=alert(1)>"),
    ];
    let alerts = vec![
        alert(0, None, &labels, &annotations, "javascript:alert(1)"),
        alert(60, None, &[("zone", "z")], &[], ""),
        alert(90, Some(7), &labels, &annotations, &long_url),
    ];
    data(&labels[..1], &[], alerts)
}
