//! Messages about current alerts that nobody is sent: what a preview of templates is about.

use std::sync::Arc;

use domain::alert::Alert;
use domain::label::Labels;
use domain::matcher::Matcher;
use domain::notification::Reason;
use domain::time::Timestamp;
use notify::{Notification, NotifiedAlert};

use crate::Tenant;
use crate::read::AlertQuery;

/// Most alerts a preview is about.
pub const PREVIEW_ALERTS_MAX: usize = 1_000;

/// Which alerts a preview is about.
pub enum About<'a> {
    /// Those of the group with this key's text.
    Group(&'a str),
    /// Those that all of these match, as one message without labels of a group.
    Matching(Vec<Matcher>),
}

impl Tenant {
    /// The message that would be sent about current alerts; `None` when there are none.
    pub fn preview(&self, about: About<'_>, now: Timestamp) -> Option<Notification> {
        match about {
            About::Group(text) => self.preview_group(text, now),
            About::Matching(matchers) => {
                let query = AlertQuery {
                    matchers,
                    limit: Some(PREVIEW_ALERTS_MAX),
                    ..AlertQuery::default()
                };
                let views = self.alerts(&query, now).alerts;
                let receiver = views.first()?.receivers.first().cloned();
                let alerts = views.into_iter().map(|view| view.alert).collect();
                let alerts = crate::judge::sort_by_job_and_instance(alerts, |alert| alert);
                let receiver = receiver.unwrap_or_else(|| Arc::from(""));
                Some(self.message(receiver, String::new(), Labels::empty(), alerts, now))
            }
        }
    }

    fn preview_group(&self, text: &str, now: Timestamp) -> Option<Notification> {
        let (identity, mut alerts) = self.mirror().group_of_key(text, now)?;
        alerts.truncate(PREVIEW_ALERTS_MAX);
        if alerts.is_empty() {
            return None;
        }
        let receiver = Arc::clone(&identity.receiver.name);
        let labels = identity.labels.clone();
        let mut message = self.message(receiver, identity.text.clone(), labels, alerts, now);
        (message.route_labels, _) = self.settings().route_labels(identity.route, &message);
        Some(message)
    }

    fn message(
        &self,
        receiver: Arc<str>,
        group_key: String,
        group_labels: Labels,
        alerts: Vec<Arc<Alert>>,
        now: Timestamp,
    ) -> Notification {
        let alerts = alerts.into_iter().map(|alert| NotifiedAlert {
            alert,
            is_resolved: false,
        });
        Notification {
            receiver,
            group_key,
            group_labels,
            route_labels: Labels::empty(),
            alerts: alerts.collect(),
            reason: Reason::FirstNotification,
            external_url: Arc::clone(&self.settings().external_url),
            instead_of: None,
            still_firing: 0,
            receiver_data: domain::group::told::ReceiverData::default(),
            idempotency_key: String::new(),
            at: now,
        }
    }
}
