//! What a reader may ask, and what it is shown: everything comes from memory.

use std::sync::Arc;

use domain::alert::Alert;
use domain::fingerprint::Fingerprint;
use domain::group::GroupIdentity;
use domain::label::Labels;
use domain::matcher::Matcher;
use domain::notification::Reason;
use domain::time::Timestamp;
use notify::{Notification, NotifiedAlert};

use crate::settings::Settings;

/// Which alerts a reader wants; the fields are API v2's parameters.
#[derive(Clone, Debug)]
pub struct AlertQuery {
    /// Whether alerts in state active are wanted.
    pub active: bool,
    /// Whether silenced alerts are wanted.
    pub silenced: bool,
    /// Whether inhibited alerts are wanted.
    pub inhibited: bool,
    /// Whether groups muted by a time interval are wanted (groups only).
    pub muted: bool,
    /// All must match.
    pub matchers: Vec<Matcher>,
    /// Some receiver's name must match.
    pub receiver: Option<Matcher>,
    /// All must match the labels of some receiver.
    pub receiver_matchers: Vec<Matcher>,
    /// Only alerts with a greater fingerprint (`cursor` of the previous page); alerts only.
    pub after: Option<Fingerprint>,
    /// At most this many; alerts: alerts, groups: groups.
    pub limit: Option<usize>,
}

impl Default for AlertQuery {
    fn default() -> Self {
        Self {
            active: true,
            silenced: true,
            inhibited: true,
            muted: true,
            matchers: Vec::new(),
            receiver: None,
            receiver_matchers: Vec::new(),
            after: None,
            limit: None,
        }
    }
}

/// One alert as a reader sees it.
#[derive(Clone, Debug)]
pub struct AlertView {
    /// The alert.
    pub alert: Arc<Alert>,
    /// Receivers of its routes, in match order; one may occur twice.
    pub receivers: Arc<[Arc<str>]>,
    /// Ids of the active silences that match it, sorted.
    pub silenced_by: Vec<Arc<str>>,
    /// Alerts that inhibit it.
    pub inhibited_by: Vec<Fingerprint>,
    /// Time intervals that mute its group; empty outside of groups.
    pub muted_by: Vec<Arc<str>>,
}

impl AlertView {
    /// Whether something hides it.
    pub fn is_suppressed(&self) -> bool {
        !(self.silenced_by.is_empty() && self.inhibited_by.is_empty() && self.muted_by.is_empty())
    }
}

/// One page of alerts, in fingerprint order.
#[derive(Clone, Debug)]
pub struct AlertPage {
    /// The alerts.
    pub alerts: Vec<AlertView>,
    /// Where the next page begins; `None` when this is the last.
    pub next: Option<Fingerprint>,
}

/// One group as a reader sees it.
#[derive(Clone, Debug)]
pub struct GroupView {
    /// The group's labels.
    pub labels: Labels,
    /// Its receiver.
    pub receiver: Arc<str>,
    /// The labels of its route, rendered for it.
    pub route_labels: Labels,
    /// Its alerts in Alertmanager's order.
    pub alerts: Vec<AlertView>,
}

/// A group as the mirror finds it.
pub(crate) struct FoundGroup {
    pub(crate) identity: Arc<GroupIdentity>,
    /// All its alerts, when the labels of its route are still to be rendered.
    pub(crate) members: Vec<Arc<Alert>>,
    pub(crate) view: GroupView,
}

impl FoundGroup {
    /// Renders what is still to be rendered.
    pub(crate) fn view(self, settings: &Settings, now: Timestamp) -> GroupView {
        let mut view = self.view;
        if !self.members.is_empty() {
            let firing = self.members.into_iter().map(|alert| NotifiedAlert {
                alert,
                is_resolved: false,
            });
            let message = Notification {
                receiver: Arc::clone(&view.receiver),
                group_key: self.identity.text.clone(),
                group_labels: view.labels.clone(),
                route_labels: Labels::empty(),
                alerts: firing.collect(),
                reason: Reason::FirstNotification,
                external_url: Arc::clone(&settings.external_url),
                instead_of: None,
                still_firing: 0,
                receiver_data: domain::group::told::ReceiverData::default(),
                idempotency_key: String::new(),
                at: now,
            };
            (view.route_labels, _) = settings.route_labels(self.identity.route, &message);
        }
        view
    }
}

/// A receiver as a reader sees it.
#[derive(Clone, Debug)]
pub struct ReceiverView {
    /// Its name.
    pub name: Arc<str>,
    /// Its labels, `name` among them.
    pub labels: Labels,
}
