//! The webhook body, version 4: field order and spelling are a promise to everybody's receivers.

use domain::time::Timestamp;

use crate::data::{Data, status_word};
use crate::go_json::{push_pairs, push_text};
use crate::{Notification, NotifiedAlert};

/// Writes the body of Alertmanager's webhook, without the final newline.
///
/// `truncated` counts the alerts the message leaves out, `status` is the message's.
pub(crate) fn version_4(
    data: &Data<'_>,
    status: &str,
    group_key: &str,
    truncated: usize,
) -> String {
    written(data, status, group_key, truncated, "4")
}

/// Writes the same body under another version, as other webhooks have it.
pub(crate) fn written(
    data: &Data<'_>,
    status: &str,
    group_key: &str,
    truncated: usize,
    version: &str,
) -> String {
    let mut out = String::with_capacity(512 * (1 + data.alerts.len()));
    out.push_str("{\"receiver\":");
    push_text(&mut out, &data.receiver);
    out.push_str(",\"status\":");
    push_text(&mut out, status);
    out.push_str(",\"alerts\":[");
    for (index, alert) in data.alerts.iter().enumerate() {
        if 0 < index {
            out.push(',');
        }
        push_alert(&mut out, alert);
    }
    out.push_str("],\"notification_reason\":");
    push_text(&mut out, data.reason);
    out.push_str(",\"groupLabels\":");
    push_pairs(&mut out, data.group_labels.pairs());
    out.push_str(",\"commonLabels\":");
    push_pairs(&mut out, data.common_labels.pairs());
    out.push_str(",\"commonAnnotations\":");
    push_pairs(&mut out, data.common_annotations.pairs());
    // Newer than 0.33.1, so it is shown only when there are any.
    if !data.route_labels.is_empty() {
        out.push_str(",\"routeLabels\":");
        push_pairs(&mut out, data.route_labels.pairs());
    }
    out.push_str(",\"externalURL\":");
    push_text(&mut out, data.external_url);
    out.push_str(",\"version\":");
    push_text(&mut out, version);
    out.push_str(",\"groupKey\":");
    push_text(&mut out, group_key);
    out.push_str(&format!(",\"truncatedAlerts\":{truncated}"));
    // Ours: there only when the receiver asks for it in its configuration.
    if 0 < data.still_firing {
        out.push_str(&format!(",\"stillFiring\":{}", data.still_firing));
    }
    if let Some(receiver) = data.instead_of {
        out.push_str(",\"insteadOf\":");
        push_text(&mut out, receiver);
    }
    out.push('}');
    out
}

/// The standard body with a note that it is not what the configuration wants.
pub(crate) fn flagged(mut body: String, fallback: Option<&str>) -> String {
    if let Some(fallback) = fallback {
        body.pop();
        body.push_str(",\"templateError\":");
        push_text(&mut body, fallback);
        body.push('}');
    }
    body
}

fn push_alert(out: &mut String, notified: &NotifiedAlert) {
    let alert = &notified.alert;
    out.push_str("{\"status\":");
    push_text(out, status_word(notified.is_resolved));
    out.push_str(",\"labels\":");
    push_pairs(out, alert.labels.pairs());
    out.push_str(",\"annotations\":");
    push_pairs(out, alert.annotations.pairs());
    out.push_str(",\"startsAt\":");
    push_text(out, &alert.starts_at.rfc3339_nano());
    out.push_str(",\"endsAt\":");
    // Until when a firing alert counts is nobody's business but ours.
    let ends_at = if notified.is_resolved {
        alert.ends_at
    } else {
        Timestamp::ZERO
    };
    push_text(out, &ends_at.rfc3339_nano());
    out.push_str(",\"generatorURL\":");
    push_text(out, &alert.generator_url);
    out.push_str(&format!(",\"fingerprint\":\"{}\"}}", alert.fingerprint));
}

/// Splits a notification's alerts into those listed and the number of those left out; 0 means no limit.
pub(crate) fn cut(notification: &Notification, alerts_max: u64) -> (&[NotifiedAlert], usize) {
    let all = notification.alerts.as_slice();
    let wanted = usize::try_from(alerts_max).unwrap_or(usize::MAX);
    match all.get(..wanted) {
        Some(listed) if 0 < wanted => (listed, all.len() - wanted),
        _ => (all, 0),
    }
}

#[cfg(test)]
mod tests;
