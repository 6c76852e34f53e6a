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

/// One firing group, one that is over, one that is partly over, one whose alert says next to nothing, and after these ([`PLAIN`])
/// others whose alerts are many, less severe, or not annotated.
pub fn all(receiver: &str, external_url: &str, at: Timestamp) -> Vec<Sample> {
    let maker = Maker {
        receiver,
        external_url,
        at,
    };
    vec![
        maker.sample(
            "one firing alert",
            vec![maker.alert("n1", "critical", false)],
            Reason::FirstNotification,
        ),
        maker.sample(
            "three alerts, one of them resolved",
            vec![
                maker.alert("n1", "critical", false),
                maker.alert("n2", "critical", false),
                maker.alert("n3", "critical", true),
            ],
            Reason::SomeResolved,
        ),
        maker.sample(
            "two resolved alerts",
            vec![
                maker.alert("n1", "critical", true),
                maker.alert("n2", "critical", true),
            ],
            Reason::AllResolved,
        ),
        maker.bare("an alert with no label but its name", false),
        maker.bare("a resolved alert with no label but its name", true),
        maker.sample(
            "one alert of severity warning",
            vec![maker.alert("n1", "warning", false)],
            Reason::FirstNotification,
        ),
        maker.sample(
            "a firing and a resolved alert of severity info",
            vec![
                maker.alert("n1", "info", false),
                maker.alert("n2", "info", true),
            ],
            Reason::SomeResolved,
        ),
        maker.sample(
            "two alerts without annotations",
            vec![maker.unannotated("n1"), maker.unannotated("n2")],
            Reason::FirstNotification,
        ),
        maker.many("forty alerts of all severities", |_| false),
        maker.many("forty alerts, half of them resolved", |n| n % 2 == 1),
    ]
}

/// How many samples come before those that are more of the same.
pub const PLAIN: usize = 5;

/// Alerts of a large group.
const MANY: usize = 40;

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

    fn many(&self, name: &'static str, is_resolved: fn(usize) -> bool) -> Sample {
        let severities = ["critical", "warning", "info"].iter().cycle();
        let alerts = (0..MANY).zip(severities).map(|(n, severity)| {
            let instance = format!("n{n}");
            self.alert(&instance, severity, is_resolved(n))
        });
        self.sample(name, alerts.collect(), Reason::NewAlerts)
    }

    fn labels(instance: &str, severity: &str) -> Labels {
        Labels::from_pairs([
            ("alertname", "HighLoad"),
            ("job", "node"),
            ("instance", instance),
            ("severity", severity),
        ])
    }

    fn unannotated(&self, instance: &str) -> NotifiedAlert {
        let labels = Self::labels(instance, "critical");
        self.notified(labels, Annotations::empty(), "", false)
    }

    fn alert(&self, instance: &str, severity: &str, is_resolved: bool) -> NotifiedAlert {
        let labels = Self::labels(instance, severity);
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
