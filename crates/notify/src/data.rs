//! What a message says about a set of alerts as a whole: Alertmanager's notification data.

use domain::annotations::Annotations;
use domain::label::{Label, Labels};

use crate::{Notification, NotifiedAlert};

/// Most characters of a title; it is one line of a list.
pub(crate) const TITLE_CHARS_MAX: usize = 300;

/// The facts of a message; `alerts` may be fewer than the group has, and everything is computed on those.
#[derive(Clone, Debug)]
pub struct Data<'a> {
    /// The receiver's name with the characters that mean something in a regular expression escaped.
    pub receiver: String,
    /// The alerts the message lists.
    pub alerts: &'a [NotifiedAlert],
    /// The labels the group's alerts share by group_by.
    pub group_labels: &'a Labels,
    /// The labels all listed alerts share.
    pub common_labels: Labels,
    /// The annotations all listed alerts share.
    pub common_annotations: Annotations,
    /// The labels of the group's route.
    pub route_labels: &'a Labels,
    /// Where people reach this server.
    pub external_url: &'a str,
    /// Why the message is sent, in Alertmanager's words.
    pub reason: &'static str,
    /// How many alerts fire beside those listed, because they were told before.
    pub still_firing: usize,
    /// The receiver that could not be told, when this one is told in its place.
    pub instead_of: Option<&'a str>,
}

impl<'a> Data<'a> {
    /// Computes the facts for some alerts of a notification.
    pub fn new(notification: &'a Notification, alerts: &'a [NotifiedAlert]) -> Self {
        Self {
            receiver: quote_meta(&notification.receiver),
            alerts,
            group_labels: &notification.group_labels,
            common_labels: common(alerts.iter().map(|a| &a.alert.labels)),
            common_annotations: common_annotations(alerts.iter().map(|a| &a.alert.annotations)),
            route_labels: &notification.route_labels,
            external_url: &notification.external_url,
            reason: notification.reason.as_str(),
            still_firing: notification.still_firing,
            instead_of: notification.instead_of.as_deref(),
        }
    }

    /// `firing` when any alert fires, listed or not, `resolved` otherwise.
    pub fn status(&self) -> &'static str {
        status_word(self.still_firing == 0 && self.alerts.iter().all(|a| a.is_resolved))
    }

    /// What people should know beside the alerts, a line each: whom this is told in place of, and what goes on firing.
    pub fn remarks(&self) -> Vec<String> {
        let instead = self.instead_of.map(|receiver| {
            format!("Receiver {receiver} could not be told; this comes to you in its place.")
        });
        let still = match self.still_firing {
            0 => None,
            1 => Some("1 alert that was told before is still firing.".to_owned()),
            more => Some(format!(
                "{more} alerts that were told before are still firing."
            )),
        };
        instead.into_iter().chain(still).collect()
    }

    /// How many listed alerts fire.
    pub fn firing_count(&self) -> usize {
        self.alerts.iter().filter(|a| !a.is_resolved).count()
    }
}

/// The word for a state.
pub(crate) fn status_word(is_resolved: bool) -> &'static str {
    if is_resolved { "resolved" } else { "firing" }
}

/// The pairs every set agrees on; a missing name counts as an empty value, as in Go.
fn common<'a>(mut sets: impl Iterator<Item = &'a Labels>) -> Labels {
    let Some(first) = sets.next() else {
        return Labels::empty();
    };
    let mut shared: Vec<&Label> = first.iter().collect();
    for set in sets {
        if shared.is_empty() {
            break;
        }
        shared.retain(|label| set.get(label.name()).unwrap_or("") == label.value());
    }
    if shared.len() == first.len() {
        return first.clone();
    }
    Labels::new(shared.into_iter().cloned().collect())
}

/// The same for annotations.
fn common_annotations<'a>(mut sets: impl Iterator<Item = &'a Annotations>) -> Annotations {
    let Some(first) = sets.next() else {
        return Annotations::empty();
    };
    let mut shared: Vec<(&str, &str)> = first.pairs().collect();
    for set in sets {
        if shared.is_empty() {
            break;
        }
        shared.retain(|(name, value)| set.get(name).unwrap_or("") == *value);
    }
    Annotations::from_pairs(shared)
}

/// The values in the order messages show them: that of `alertname` first, then by name.
pub fn shown_values(labels: &Labels) -> impl Iterator<Item = &str> {
    let rest = labels.pairs().filter(|(name, _)| *name != "alertname");
    labels
        .get("alertname")
        .into_iter()
        .chain(rest.map(|(_, value)| value))
}

/// `[FIRING:2] HighLoad node (critical)`: the group's values, then those common beyond them.
pub fn title(data: &Data<'_>) -> String {
    let mut line = match data.firing_count() {
        0 => "[RESOLVED]".to_owned(),
        count => format!("[FIRING:{count}]"),
    };
    for value in shown_values(data.group_labels) {
        line.push(' ');
        line.push_str(value);
    }
    let mut beyond: Vec<_> = data.common_labels.iter().cloned().collect();
    beyond.retain(|label| data.group_labels.get(label.name()).is_none());
    let beyond = Labels::new(beyond);
    if !beyond.is_empty() {
        line.push_str(" (");
        line.push_str(&shown_values(&beyond).collect::<Vec<_>>().join(" "));
        line.push(')');
    }
    one_line(&line)
}

fn one_line(text: &str) -> String {
    let mut chars = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut line: String = chars.by_ref().take(TITLE_CHARS_MAX).collect();
    if chars.next().is_some() {
        line.push('…');
    }
    line
}

/// Go's `regexp.QuoteMeta`.
pub fn quote_meta(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests;
