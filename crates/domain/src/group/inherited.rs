//! What an Alertmanager that ran here before told its receivers: it knows alerts only by hashes of their labels, so each is
//! handed over to its group when it comes (alertmanager.md §4.6, §4.12).

use std::collections::BTreeSet;
use std::sync::Arc;

use twox_hash::XxHash64;

use super::told::{ReceiverData, Told, ToldMessage, insert};
use crate::alert::Alert;
use crate::fingerprint::Fingerprint;
use crate::notification::Reason;
use crate::time::Timestamp;

/// The hash Alertmanager's notification log knows a label set by: XXH64 over what fingerprints are made of.
pub fn label_hash<'a>(sorted: impl Iterator<Item = (&'a str, &'a str)>) -> u64 {
    let mut bytes = Vec::with_capacity(256);
    for text in sorted.flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0xFF);
    }
    XxHash64::oneshot(0, &bytes)
}

/// The last message an Alertmanager sent to one integration about one group, as far as it still counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inherited {
    /// Hashes of alerts it said are firing that have not come here yet.
    pub firing: BTreeSet<u64>,
    /// When it was sent.
    pub told_at: Timestamp,
    /// From then on it does not count.
    pub expires_at: Timestamp,
    /// What the integration keeps of it.
    pub receiver_data: ReceiverData,
}

/// What becomes of an inherited message when some of its alerts are members of the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// What counts as told from now on; `None` if that is as before.
    pub message: Option<ToldMessage>,
    /// What is still to come.
    pub rest: Inherited,
}

impl Inherited {
    /// Whether nothing is to come of it any more.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.firing.is_empty() || self.expires_at <= now
    }

    /// Takes over what else is known of it, in any order: the later message counts, and of one message what came is gone.
    pub fn merge(&mut self, other: Self) {
        if self.told_at < other.told_at {
            *self = other;
        } else if self.told_at == other.told_at {
            self.firing.retain(|hash| other.firing.contains(hash));
        }
    }

    /// The members it says are firing.
    pub fn come(&self, members: &[Arc<Alert>]) -> Vec<Fingerprint> {
        let come = members.iter().filter(|alert| self.names(alert));
        come.map(|alert| alert.fingerprint).collect()
    }

    fn names(&self, alert: &Alert) -> bool {
        self.firing.contains(&label_hash(alert.labels.pairs()))
    }

    /// Hands over what it says of the group's members; `None` if it says nothing of them.
    ///
    /// Of members that may have left the group since (`departed`) others may have told the end: what it says of them does not
    /// count. Whoever was told of something since by another instance (`is_shared`) may have heard of the end of an alert as
    /// well: then only what is known to have been firing at that time still counts.
    pub fn hand_over(
        &self,
        told: &Told,
        members: &[Arc<Alert>],
        is_shared: bool,
        departed: &[Fingerprint],
    ) -> Option<Handover> {
        let come: Vec<_> = members.iter().filter(|alert| self.names(alert)).collect();
        if come.is_empty() {
            return None;
        }
        let mut message = told.last.clone().unwrap_or_else(|| self.message());
        let is_overtaken = is_shared && message.sent_at > self.told_at;
        let mut rest = self.clone();
        let mut has_counted = false;
        for alert in come {
            rest.firing.remove(&label_hash(alert.labels.pairs()));
            if departed.contains(&alert.fingerprint) {
                continue;
            }
            has_counted = true;
            let counts = !is_overtaken || alert.starts_at <= self.told_at;
            if counts && !message.believes(alert.fingerprint) {
                insert(&mut message.firing, alert.fingerprint);
            }
        }
        if has_counted && message.sent_at < self.told_at {
            message.tick = self.told_at;
            message.sent_at = self.told_at;
            message.receiver_data = self.receiver_data.clone();
        }
        let is_news = !message.firing.is_empty() && told.last.as_ref() != Some(&message);
        Some(Handover {
            message: is_news.then_some(message),
            rest,
        })
    }

    fn message(&self) -> ToldMessage {
        ToldMessage {
            firing: Vec::new(),
            hidden: Vec::new(),
            tick: self.told_at,
            sent_at: self.told_at,
            reason: Reason::FirstNotification,
            receiver_data: self.receiver_data.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
