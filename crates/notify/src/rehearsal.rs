//! A message to try a receiver with: through its real templates, signatures and connections, about an alert nobody has.

use std::sync::Arc;
use std::time::Duration;

use domain::alert::Alert;
use domain::annotations::Annotations;
use domain::group::told::ReceiverData;
use domain::label::Labels;
use domain::notification::Reason;
use domain::time::Timestamp;
use futures::future::join_all;
use tokio::time::Instant;

use crate::{Delivered, DeliveryError, Integration, Notification, NotifiedAlert};

/// Longest time of one attempt.
const PATIENCE: Duration = Duration::from_secs(30);

/// The name of the alert a rehearsal is about.
pub const ALERT_NAME: &str = "BelfryTest";

/// What a rehearsal is about.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// The receiver's name.
    pub receiver: Arc<str>,
    /// Where people reach this server, without a trailing slash.
    pub external_url: Arc<str>,
    /// Now.
    pub at: Timestamp,
    /// What tells this message from others: letters and digits. What the message is about is the same in every rehearsal of a receiver,
    /// so that one with `is_resolved` ends what another began.
    pub nonce: String,
    /// Whether the alert is over.
    pub is_resolved: bool,
}

/// How an integration answered.
#[derive(Debug)]
pub struct Rehearsed {
    /// `<receiver>/<type>[<index>]`.
    pub integration: String,
    /// How long the attempt took, templates included.
    pub took: Duration,
    /// What was answered, or why it was not accepted.
    pub result: Result<Delivered, DeliveryError>,
}

impl Rehearsal {
    /// The message.
    pub fn notification(&self) -> Notification {
        let labels = Labels::from_pairs([
            ("alertname", ALERT_NAME),
            ("severity", "info"),
            ("test", &*self.receiver),
        ]);
        let annotations = Annotations::from_pairs([
            (
                "summary",
                "This is a test: somebody tries this receiver. Nothing is wrong.",
            ),
            ("description", "Special characters: < > & \" ' * _ ` é 漢"),
        ]);
        let hour = Duration::from_secs(3600);
        let alert = Alert {
            fingerprint: labels.fingerprint(),
            annotations,
            generator_url: Arc::from(format!("{}/", self.external_url)),
            starts_at: self.at - hour,
            ends_at: if self.is_resolved {
                self.at
            } else {
                self.at + hour
            },
            updated_at: self.at,
            is_timeout: false,
            labels,
        };
        let group_labels =
            Labels::from_pairs([("alertname", ALERT_NAME), ("test", &*self.receiver)]);
        let reason = if self.is_resolved {
            Reason::AllResolved
        } else {
            Reason::FirstNotification
        };
        Notification {
            receiver: Arc::clone(&self.receiver),
            instead_of: None,
            group_key: format!("{{}}:{group_labels}"),
            group_labels,
            route_labels: Labels::empty(),
            alerts: vec![NotifiedAlert {
                alert: Arc::new(alert),
                is_resolved: self.is_resolved,
            }],
            still_firing: 0,
            reason,
            external_url: Arc::clone(&self.external_url),
            receiver_data: ReceiverData::default(),
            idempotency_key: format!("test-{}", self.nonce),
            at: self.at,
        }
    }

    /// Makes one attempt over each integration, side by side.
    pub async fn play(&self, integrations: &[&dyn Integration]) -> Vec<Rehearsed> {
        let notification = &self.notification();
        let one = async |integration: &&dyn Integration| {
            let began = Instant::now();
            let patience = integration.timeout().unwrap_or(PATIENCE).min(PATIENCE);
            let attempt = integration.deliver(notification, patience);
            // Composing has no deadline of its own.
            let result = tokio::time::timeout(PATIENCE * 2, attempt).await;
            Rehearsed {
                integration: integration.id().to_string(),
                took: began.elapsed(),
                result: result.unwrap_or_else(|_| {
                    let detail = "the message could not be composed and sent in time".to_owned();
                    Err(crate::classify::rejected(detail))
                }),
            }
        };
        join_all(integrations.iter().map(one)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;
    use outbound::Answer;

    fn rehearsal(is_resolved: bool) -> Rehearsal {
        Rehearsal {
            receiver: "r".into(),
            external_url: "http://am.example.org".into(),
            at: Timestamp::from_unix_ms(1_700_000_000_000),
            nonce: "n1".to_owned(),
            is_resolved,
        }
    }

    #[test]
    fn every_rehearsal_of_a_receiver_is_about_the_same_in_a_message_of_its_own() {
        let (began, mut ended) = (rehearsal(false), rehearsal(true));
        ended.nonce = "n2".to_owned();
        ended.at = ended.at + Duration::from_secs(60);
        let other = Rehearsal {
            receiver: "other".into(),
            ..began.clone()
        };
        let [began, ended, other] = [began, ended, other].map(|one| one.notification());
        assert_eq!(began.group_key, ended.group_key);
        let fingerprint = |told: &Notification| told.alerts[0].alert.fingerprint;
        assert_eq!(fingerprint(&began), fingerprint(&ended));
        assert_ne!(began.idempotency_key, ended.idempotency_key);
        assert_ne!(began.group_key, other.group_key);
        assert_ne!(fingerprint(&began), fingerprint(&other));
    }

    #[tokio::test]
    async fn an_end_ends_the_incident_a_test_before_it_opened() {
        let trial = Trial::new("pagerduty_configs: [{routing_key: k}]");
        rehearsal(false).play(&[trial.integration()]).await;
        let began = trial.body();
        let ended = Rehearsal {
            nonce: "n2".to_owned(),
            ..rehearsal(true)
        };
        ended.play(&[trial.integration()]).await;
        let ended = trial.body();
        assert_eq!(began["dedup_key"], ended["dedup_key"]);
        assert_eq!(
            (&began["event_action"], &ended["event_action"]),
            (&"trigger".into(), &"resolve".into())
        );
    }

    #[tokio::test]
    async fn the_providers_answer_comes_back() {
        let trial = Trial::new("webhook_configs: [{url: 'http://a.example.org/secret-path-1'}]");
        let trial = trial.answering([Answer::status(200), Answer::status(403)]);
        let played = rehearsal(false).play(&[trial.integration()]).await;
        assert_eq!(played[0].integration, "r/webhook[0]");
        let delivered = played[0].result.as_ref().expect("accepted");
        assert_eq!(delivered.answer, "200");
        let refused = rehearsal(true).play(&[trial.integration()]).await;
        let error = refused[0].result.as_ref().expect_err("refused").to_string();
        assert!(
            error.contains("403") && !error.contains("secret-path"),
            "{error}"
        );
        let bodies = trial.requests().into_iter().map(|request| {
            let body = String::from_utf8(request.body.to_vec());
            body.expect("UTF-8")
        });
        let bodies: Vec<String> = bodies.collect();
        assert!(bodies[0].contains("\"status\":\"firing\"") && bodies[0].contains(ALERT_NAME));
        assert!(bodies[1].contains("\"status\":\"resolved\""));
    }
}
