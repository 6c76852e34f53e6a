//! Notifications for tests.

use std::sync::Arc;

use domain::alert::Alert;
use domain::annotations::Annotations;
use domain::label::Labels;
use domain::notification::Reason;
use domain::time::Timestamp;

use crate::{Notification, NotifiedAlert};

/// 2026-03-04T05:06:07.089Z.
pub(crate) const STARTED: i64 = 1_772_600_767_089;

/// One alert with these labels.
pub(crate) fn alert(labels: Labels, is_resolved: bool) -> NotifiedAlert {
    let starts_at = Timestamp::from_unix_ms(STARTED);
    let alert = Alert {
        fingerprint: labels.fingerprint(),
        labels,
        annotations: Annotations::from_pairs([("summary", "load is high")]),
        generator_url: Arc::from("http://prom.example.org/graph?a=1&b=2"),
        starts_at,
        ends_at: Timestamp::from_unix_ms(STARTED + 3_600_000),
        updated_at: starts_at,
        is_timeout: false,
    };
    NotifiedAlert {
        alert: Arc::new(alert),
        is_resolved,
    }
}

/// A notification about `HighLoad` on some instances, each with whether it is resolved.
pub(crate) fn notification(instances: &[(&str, bool)]) -> Notification {
    let alerts = instances.iter().map(|(instance, is_resolved)| {
        let labels = [
            ("alertname", "HighLoad"),
            ("job", "node"),
            ("instance", *instance),
        ];
        alert(
            Labels::from_pairs(labels.into_iter().chain([("severity", "critical")])),
            *is_resolved,
        )
    });
    Notification {
        receiver: Arc::from("team.a"),
        group_key: r#"{}:{alertname="HighLoad", job="node"}"#.to_owned(),
        group_labels: Labels::from_pairs([("alertname", "HighLoad"), ("job", "node")]),
        route_labels: Labels::empty(),
        alerts: alerts.collect(),
        reason: Reason::FirstNotification,
        external_url: Arc::from("http://am.example.org/x"),
        instead_of: None,
        still_firing: 0,
        receiver_data: domain::group::told::ReceiverData::default(),
        idempotency_key: "0123abcd".to_owned(),
        at: Timestamp::from_unix_ms(STARTED + 30_000),
    }
}
