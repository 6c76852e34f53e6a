//! What the demo prints.

use std::fmt::Write as _;
use std::time::Duration;

use notify::inbox::InboxEntry;
use serde_json::Value;

/// The first lines.
pub(super) fn opening(url: &str, has_moved: bool, wanted: &str) -> String {
    let moved = if has_moved {
        format!("{wanted} is taken, so the demo listens elsewhere.\n")
    } else {
        String::new()
    };
    format!(
        "Belfry {} demo: one server, no configuration; alerts go to the built-in inbox.\n{moved}It serves {url} and now \
         sends itself alerts over HTTP. Groups wait 2 s before they are told and 5 s between changes.\n\n",
        crate::build::VERSION
    )
}

/// A line about alerts that were sent.
pub(super) fn sent(what: &str, after: Duration) -> String {
    format!(
        "\n{:5.1}s  ->  POST /api/v2/alerts: {what}\n",
        after.as_secs_f64()
    )
}

/// A notification as the inbox received it.
pub(super) fn message(message: &InboxEntry, after: Duration) -> String {
    let mut text = format!(
        "\n{:5.1}s  <-  inbox: {}\n",
        after.as_secs_f64(),
        message.title
    );
    let body: Value = serde_json::from_str(&message.body).unwrap_or_default();
    let alerts = body.get("alerts").and_then(Value::as_array);
    for alert in alerts.into_iter().flatten() {
        let field = |name: &str| alert.get(name).and_then(Value::as_str).unwrap_or_default();
        let labels = alert.get("labels").and_then(Value::as_object);
        let labels = labels
            .into_iter()
            .flatten()
            .filter(|(name, _)| *name != "alertname");
        let labels: Vec<_> = labels
            .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
            .collect();
        let summary = alert
            .pointer("/annotations/summary")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let _ = writeln!(
            text,
            "            {:<8} {}: {}",
            field("status"),
            printable(&labels.join(" ")),
            printable(summary)
        );
    }
    text
}

/// Text from alerts without anything a terminal would act on.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// What to try next.
pub(super) fn guide(url: &str) -> String {
    let target = url.trim_start_matches("http://");
    format!(
        "\nThat was the demo. The server goes on; what comes in is printed here. Try:\n\n  \
         the page       {url}/\n  \
         the inbox      curl {url}/api/belfry/v1/inbox\n  \
         an alert       curl -H 'Content-Type: application/json' -d '[{{\"labels\":{{\"alertname\":\"Hello\"}}}}]' {url}/api/v2/alerts\n  \
         amtool         amtool --alertmanager.url={url} alert query\n  \
         Prometheus     alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{target}']}}]}}]}}\n\n\
         Ctrl-C ends it; nothing is kept.\n"
    )
}
