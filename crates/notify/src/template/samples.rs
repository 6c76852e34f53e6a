//! Alerts that were never posted, to try templates on.

use std::sync::Arc;

use domain::alert::Alert;
use domain::annotations::Annotations;
use domain::label::Labels;
use domain::notification::Reason;
use domain::time::Timestamp;

use crate::{Notification, NotifiedAlert};

/// A message about made-up alerts.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What kind of group it is about, as `on …` may go on.
    pub name: &'static str,
    /// The message.
    pub notification: Notification,
}

const HOUR_MS: i64 = 3_600_000;

/// One firing group, one that is over, one that is partly over, and one whose alert says next to nothing.
pub fn all(receiver: &str, external_url: &str, at: Timestamp) -> Vec<Sample> {
    let maker = Maker {
        receiver,
        external_url,
        at,
    };
    vec![
        maker.sample(
            "one firing alert",
            vec![maker.alert("n1", false)],
            Reason::FirstNotification,
        ),
        maker.sample(
            "three alerts, one of them resolved",
            vec![
                maker.alert("n1", false),
                maker.alert("n2", false),
                maker.alert("n3", true),
            ],
            Reason::SomeResolved,
        ),
        maker.sample(
            "two resolved alerts",
            vec![maker.alert("n1", true), maker.alert("n2", true)],
            Reason::AllResolved,
        ),
        maker.bare("an alert with no label but its name", false),
        maker.bare("a resolved alert with no label but its name", true),
    ]
}

struct Maker<'a> {
    receiver: &'a str,
    external_url: &'a str,
    at: Timestamp,
}

impl Maker<'_> {
    fn sample(&self, name: &'static str, alerts: Vec<NotifiedAlert>, reason: Reason) -> Sample {
        let group_labels = Labels::from_pairs([("alertname", "HighLoad"), ("job", "node")]);
        Sample {
            name,
            notification: self.notification(group_labels, alerts, reason),
        }
    }

    fn bare(&self, name: &'static str, is_resolved: bool) -> Sample {
        let labels = Labels::from_pairs([("alertname", "Bare")]);
        let alert = self.notified(labels, Annotations::empty(), "", is_resolved);
        let reason = if is_resolved {
            Reason::AllResolved
        } else {
            Reason::FirstNotification
        };
        Sample {
            name,
            notification: self.notification(Labels::empty(), vec![alert], reason),
        }
    }

    fn notification(
        &self,
        group_labels: Labels,
        alerts: Vec<NotifiedAlert>,
        reason: Reason,
    ) -> Notification {
        Notification {
            receiver: Arc::from(self.receiver),
            group_key: format!("{{}}:{group_labels}"),
            group_labels,
            route_labels: Labels::empty(),
            alerts,
            reason,
            external_url: Arc::from(self.external_url),
            instead_of: None,
            still_firing: 0,
            receiver_data: domain::group::told::ReceiverData::default(),
            idempotency_key: String::new(),
            at: self.at,
        }
    }

    fn alert(&self, instance: &str, is_resolved: bool) -> NotifiedAlert {
        let labels = Labels::from_pairs([
            ("alertname", "HighLoad"),
            ("job", "node"),
            ("instance", instance),
            ("severity", "critical"),
        ]);
        let summary = format!("load is high on {instance}");
        let annotations = Annotations::from_pairs([
            ("summary", summary.as_str()),
            ("description", "a < b & \"c\""),
            ("runbook_url", "https://runbooks.example.org/high-load"),
        ]);
        let source = "https://prometheus.example.org/graph?g0.expr=load";
        self.notified(labels, annotations, source, is_resolved)
    }

    fn notified(
        &self,
        labels: Labels,
        annotations: Annotations,
        source: &str,
        is_resolved: bool,
    ) -> NotifiedAlert {
        let before = |ms: i64| Timestamp::from_unix_ms(self.at.unix_ms() - ms);
        let alert = Alert {
            fingerprint: labels.fingerprint(),
            labels,
            annotations,
            generator_url: Arc::from(source),
            starts_at: before(2 * HOUR_MS),
            ends_at: if is_resolved {
                before(HOUR_MS)
            } else {
                Timestamp::from_unix_ms(self.at.unix_ms() + HOUR_MS)
            },
            updated_at: before(0),
            is_timeout: false,
        };
        NotifiedAlert {
            alert: Arc::new(alert),
            is_resolved,
        }
    }
}
