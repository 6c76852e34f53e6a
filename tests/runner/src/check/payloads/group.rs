//! The group a variant's alerts join, and what is told of it in each phase.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use api::limits::Limits;
use domain::alert::Alert;
use domain::annotations::Annotations;
use domain::fingerprint::Fingerprint;
use domain::group::key;
use domain::label::{Interner, Labels};
use domain::notification::Reason;
use domain::route::{RouteIndex, RouteTree};
use domain::time::Timestamp;
use notify::{Notification, NotifiedAlert};
use runtime::clock::SystemClock;
use serde_json::Value;

use crate::check::groups;
use crate::report::Difference;
use crate::shape::Shape as _;

/// A configuration with just this receiver.
pub(super) fn receiver_text(name: &str, yaml: &str) -> String {
    let name = Value::from(name);
    let yaml = yaml.replace('\n', "\n  ");
    format!("route: {{receiver: {name}}}\nreceivers:\n- name: {name}\n  {yaml}\n")
}

/// A group of one variant.
pub(super) struct Group {
    receiver: Arc<str>,
    tree: RouteTree,
    send_resolved: bool,
    external_url: Arc<str>,
    /// As last posted, in the order of the first post.
    alerts: Vec<Arc<Alert>>,
    /// What was told to fire.
    told: BTreeSet<Fingerprint>,
}

impl Group {
    pub(super) fn new(file: &Value, variant: &Value) -> Result<Self, Difference> {
        let name = variant.text("name")?;
        let route = serde_json::json!({
            "receiver": "root",
            "group_by": file.list_or_empty("group_by")?,
            "routes": [{"receiver": name, "matchers": [variant.text("matchers")?], "continue": true}],
        });
        // JSON is YAML.
        let text = format!(
            "route: {route}\nreceivers: [{{name: root}}, {{name: {}}}]\n",
            Value::from(name)
        );
        let receiver = groups::load(&receiver_text(name, variant.text("receiver_yaml")?))?;
        let integrations = receiver
            .receivers
            .iter()
            .flat_map(|receiver| receiver.integrations.iter());
        Ok(Self {
            receiver: Arc::from(name),
            tree: RouteTree::new(&groups::load(&text)?.route),
            send_resolved: integrations
                .clone()
                .any(|item| item.integration.send_resolved()),
            external_url: Arc::from(file.text("external_url")?.trim_end_matches('/')),
            alerts: Vec::new(),
            told: BTreeSet::new(),
        })
    }

    /// Takes what is posted in a phase; answers what is told then, if anything is.
    pub(super) fn post(
        &mut self,
        posted: &Value,
        phase: &str,
    ) -> Result<Option<Notification>, Difference> {
        let body = posted[phase].to_string();
        let now = SystemClock::shared().now();
        let refused = |error: &dyn std::fmt::Debug| {
            Difference::format(format!("alerts at `posted.{phase}`"), format!("{error:?}"))
        };
        let parsed =
            api::wire::alert::parse(&body, &Limits::drop_in()).map_err(|error| refused(&error))?;
        let mut has_news = false;
        for posted in &parsed.alerts {
            let alert = alert(posted, now);
            if !self.tree.matches(&alert.labels).contains(&RouteIndex(1)) {
                continue;
            }
            has_news = true;
            match self
                .alerts
                .iter_mut()
                .find(|known| known.fingerprint == alert.fingerprint)
            {
                Some(known) => *known = Arc::new(alert),
                None => self.alerts.push(Arc::new(alert)),
            }
        }
        Ok(if has_news { self.tell(now) } else { None })
    }

    fn tell(&mut self, now: Timestamp) -> Option<Notification> {
        let alerts = self.alerts.iter().map(|alert| NotifiedAlert {
            alert: Arc::clone(alert),
            is_resolved: alert.ends_at <= now,
        });
        let (firing, over): (Vec<_>, Vec<_>) = alerts.clone().partition(|alert| !alert.is_resolved);
        let firing: BTreeSet<_> = firing.iter().map(|alert| alert.alert.fingerprint).collect();
        let reason = if self.told.is_empty() {
            Reason::FirstNotification
        } else if !firing.is_subset(&self.told) {
            Reason::NewAlerts
        } else if firing.is_empty() {
            Reason::AllResolved
        } else if over.is_empty() {
            return None;
        } else {
            Reason::SomeResolved
        };
        let alerts: Vec<_> = alerts
            .filter(|alert| self.send_resolved || !alert.is_resolved)
            .collect();
        let route = self.tree.route(RouteIndex(1))?;
        let group_labels = route.group_labels(&alerts.first()?.alert.labels, &Interner::default());
        self.told = firing;
        Some(Notification {
            receiver: Arc::clone(&self.receiver),
            group_key: key::text(route, &group_labels),
            group_labels,
            route_labels: Labels::empty(),
            alerts,
            reason,
            external_url: Arc::clone(&self.external_url),
            instead_of: None,
            still_firing: 0,
            receiver_data: domain::group::told::ReceiverData::default(),
            idempotency_key: super::KEY.to_owned(),
            at: now,
        })
    }
}

fn alert(posted: &engine::PostedAlert<'_>, now: Timestamp) -> Alert {
    type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);
    fn texts<'a>((name, value): &'a Pair<'_>) -> (&'a str, &'a str) {
        (name, value)
    }
    let labels = Labels::from_pairs(posted.labels.iter().map(texts));
    Alert {
        fingerprint: labels.fingerprint(),
        labels,
        annotations: Annotations::from_pairs(posted.annotations.iter().map(texts)),
        generator_url: Arc::from(&*posted.generator_url),
        starts_at: posted.starts_at.unwrap_or(now),
        ends_at: posted.ends_at.unwrap_or(Timestamp::MAX),
        updated_at: now,
        is_timeout: false,
    }
}
