//! What an integration was told about a group, and what is on its way to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::numbers::Numbers;
use crate::alert::Alert;
use crate::fingerprint::Fingerprint;
use crate::notification::Reason;
use crate::time::Timestamp;

/// What an integration keeps of its last message, to find that message again (Alertmanager's receiver data): texts by
/// name, few and short.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiverData(Option<Arc<BTreeMap<String, String>>>);

impl ReceiverData {
    /// Most bytes that names and texts have together.
    pub const BYTES_MAX: usize = 4096;

    /// Keeps these texts; `None` if they are longer than [`ReceiverData::BYTES_MAX`].
    pub fn new<N: Into<String>, T: Into<String>>(
        texts: impl IntoIterator<Item = (N, T)>,
    ) -> Option<Self> {
        let texts = texts.into_iter().map(|(n, t)| (n.into(), t.into()));
        let texts: BTreeMap<String, String> = texts.collect();
        let bytes: usize = texts.iter().map(|(n, t)| n.len() + t.len()).sum();
        let kept = (!texts.is_empty()).then(|| Arc::new(texts));
        (bytes <= Self::BYTES_MAX).then_some(Self(kept))
    }

    /// The text of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.as_ref()?.get(name).map(String::as_str)
    }

    /// All texts, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let texts = self.0.iter().flat_map(|texts| texts.iter());
        texts.map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

/// What one integration knows of one group: Alertmanager's notification-log entry, plus what is in flight.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Number of the last message that was begun; raised by each, never used twice (protocol.md §5).
    pub seq: u64,
    /// The last message the integration accepted; `None` before the first.
    pub last: Option<ToldMessage>,
    /// A message that was begun and whose fate is not known yet.
    pub pending: Option<Pending>,
}

/// A message an integration accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldMessage {
    /// The alerts it said are firing, sorted: *the* told set, replaced by each message.
    pub firing: Vec<Fingerprint>,
    /// Alerts it was told of earlier and that were suppressed when this was sent, sorted: it still believes that they fire,
    /// so their end is owed (G1), but telling them again is news.
    pub hidden: Vec<Fingerprint>,
    /// The group's tick it was decided at; repeat_interval counts from here.
    pub tick: Timestamp,
    /// When the integration accepted it.
    pub sent_at: Timestamp,
    /// Why it was sent.
    pub reason: Reason,
    /// What the integration keeps of it.
    pub receiver_data: ReceiverData,
}

/// A message that was begun: frozen, so that a repeat says the same under the same key (G2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Number of the message within its group and integration.
    pub seq: u64,
    /// Alerts it calls firing, sorted.
    pub firing: Vec<Fingerprint>,
    /// Alerts it calls resolved, sorted.
    pub resolved: Vec<Fingerprint>,
    /// Alerts the integration will still believe to be firing although the message does not name them, sorted.
    pub hidden: Vec<Fingerprint>,
    /// The tick it was decided at.
    pub tick: Timestamp,
    /// Why it is sent.
    pub reason: Reason,
    /// What the integration kept of the message before, and of this one once it is accepted.
    pub receiver_data: ReceiverData,
}

impl ToldMessage {
    /// Whether whoever accepted it believes this alert to be firing.
    pub fn believes(&self, fingerprint: Fingerprint) -> bool {
        let has = |set: &[Fingerprint]| set.binary_search(&fingerprint).is_ok();
        has(&self.firing) || has(&self.hidden)
    }
}

impl Pending {
    /// What is told once the message is accepted.
    pub fn accepted(self, sent_at: Timestamp) -> ToldMessage {
        ToldMessage {
            firing: self.firing,
            hidden: self.hidden,
            tick: self.tick,
            sent_at,
            reason: self.reason,
            receiver_data: self.receiver_data,
        }
    }
}

impl Told {
    /// Whether this is what was known later than `other`: records may be read back in any order.
    ///
    /// The number grows with every message; of one message, "in flight" comes before its end.
    pub fn supersedes(&self, other: &Told) -> bool {
        (self.seq, self.pending.is_none()) >= (other.seq, other.pending.is_none())
    }

    /// Whether nothing was told, and nothing is in flight.
    pub fn is_silent(&self) -> bool {
        self.last.is_none() && self.pending.is_none()
    }

    /// Whether its number was given after an instant, as far as the clocks of those who give numbers agree.
    pub fn is_numbered_after(&self, at: Timestamp) -> bool {
        u64::try_from(at.unix_ms()).is_ok_and(|millis| millis + Numbers::STEP < self.seq)
    }

    /// Whether nothing was begun, accepted, taken back or settled since it was like this.
    pub fn is_still(&self, seen: &Told) -> bool {
        let in_flight = |told: &Told| told.pending.as_ref().map(|pending| pending.seq);
        (self.seq, in_flight(self)) == (seen.seq, in_flight(seen))
    }

    /// Takes note that a message was accepted, by its number.
    ///
    /// Also of one that is not in flight here: a number higher than any seen is a truth that came late, after what was
    /// known of it was lost (protocol.md §5).
    pub fn accept(&mut self, message: &Pending, sent_at: Timestamp) {
        let is_awaited = self.pending.take_if(|p| p.seq <= message.seq).is_some();
        if is_awaited || message.seq > self.seq {
            self.seq = self.seq.max(message.seq);
            self.last = Some(message.clone().accepted(sent_at));
        }
    }

    /// What counts as told after a message of unknown fate was repeated and refused: it may have been accepted before.
    ///
    /// Of whom it said something new nobody knows what is believed: the end is owed, and that the alert fires is news.
    pub fn in_doubt(&self, refused: &Pending, now: Timestamp) -> ToldMessage {
        let mut last = self.last.clone().unwrap_or_else(|| ToldMessage {
            firing: Vec::new(),
            hidden: Vec::new(),
            tick: refused.tick,
            sent_at: now,
            reason: refused.reason,
            receiver_data: ReceiverData::default(),
        });
        let told_to_fire =
            |fingerprint: &&Fingerprint| last.firing.binary_search(fingerprint).is_ok();
        let new = refused.firing.iter().filter(|f| !told_to_fire(f));
        let ended = refused.resolved.iter().filter(told_to_fire);
        let in_doubt: Vec<_> = new.chain(ended).copied().collect();
        last.firing.retain(|known| !in_doubt.contains(known));
        for fingerprint in in_doubt {
            insert(&mut last.hidden, fingerprint);
        }
        last
    }

    /// Whether the integration believes this alert to be firing, or may (a message saying so is in flight).
    pub fn believes_firing(&self, fingerprint: Fingerprint) -> bool {
        let has = |set: &[Fingerprint]| set.binary_search(&fingerprint).is_ok();
        self.last.as_ref().is_some_and(|m| m.believes(fingerprint))
            || self
                .pending
                .as_ref()
                .is_some_and(|p| has(&p.firing) || has(&p.hidden))
    }

    /// Whether a message in flight names this alert.
    pub fn has_in_flight(&self, fingerprint: Fingerprint) -> bool {
        let has = |set: &[Fingerprint]| set.binary_search(&fingerprint).is_ok();
        self.pending
            .as_ref()
            .is_some_and(|p| has(&p.firing) || has(&p.resolved))
    }

    /// The alerts the last accepted message called firing.
    pub fn firing(&self) -> &[Fingerprint] {
        self.last.as_ref().map_or(&[], |m| &m.firing)
    }

    /// What the integration keeps of the last message it accepted.
    pub fn receiver_data(&self) -> ReceiverData {
        let last = self.last.as_ref();
        last.map(|last| last.receiver_data.clone())
            .unwrap_or_default()
    }

    /// Takes over what was told about an alert in another group; safe to repeat. What comes of it is numbered as of `now`.
    ///
    /// What is in flight there may have arrived, or not: it is said again here, under a key of its own. But for the end of an
    /// alert that fires anew: that it fires is news, whichever of both is believed.
    pub fn take_over(&mut self, there: &Told, alert: &Alert, now: Timestamp) {
        let (fingerprint, is_over) = (alert.fingerprint, alert.is_explicit_end());
        let has = |set: &[Fingerprint]| set.binary_search(&fingerprint).is_ok();
        let last = there
            .last
            .as_ref()
            .filter(|last| last.believes(fingerprint));
        let may_be_told = there.pending.as_ref().filter(|flight| has(&flight.firing));
        let ends = there
            .pending
            .as_ref()
            .filter(|flight| has(&flight.resolved));
        let may_be_over = ends.filter(|_| is_over);
        // What is said again and was not sent yet has a number ahead of the last one begun.
        let is_open = self
            .pending
            .as_ref()
            .is_none_or(|pending| pending.seq > self.seq);
        let uncertain = match (last, may_be_told, may_be_over) {
            (Some(_), _, flight) => flight,
            (None, Some(flight), _) => Some(flight),
            (None, None, _) => return,
        };
        // Later than everything said there, and here before this group was last gone.
        let millis = u64::try_from(now.unix_ms()).unwrap_or(0);
        let before = self.seq;
        self.seq = Numbers::SHARED.next(self.seq.saturating_sub(1).max(there.seq), millis);
        if let Some(flight) = uncertain.filter(|_| !is_open) {
            // What is in flight from here stays as it is. That it fires is news then, and its end is owed.
            let like = last.cloned();
            let like = like.unwrap_or_else(|| flight.clone().accepted(now));
            self.believe(fingerprint, &like, true);
            self.hide_in_flight(fingerprint);
            return;
        }
        if let Some(last) = last {
            self.believe(fingerprint, last, has(&last.hidden));
            if ends.is_some() && !is_over {
                self.doubt(fingerprint);
            }
        }
        if let (None, Some(like)) = (&self.pending, uncertain) {
            self.say_again(like, before);
        }
        if let Some(pending) = self.pending.as_mut().filter(|_| is_open) {
            pending.seq = Numbers::SHARED.next(self.seq, 0);
            if may_be_over.is_some() {
                insert(&mut pending.resolved, fingerprint);
                pending.firing.retain(|known| *known != fingerprint);
            } else {
                insert(&mut pending.firing, fingerprint);
                pending.resolved.retain(|known| *known != fingerprint);
            }
        } else {
            self.hide_in_flight(fingerprint);
        }
    }

    /// Begins a message like one that is in flight in another group; `before`: the number of what was told here until now.
    fn say_again(&mut self, like: &Pending, before: u64) {
        // Under the same number what is in flight counts as earlier than its end.
        if self.seq == before {
            self.seq = Numbers::SHARED.next(self.seq, 0);
        }
        let hidden = self.last.as_ref().map(|last| last.hidden.clone());
        self.pending = Some(Pending {
            firing: self.firing().to_vec(),
            resolved: Vec::new(),
            hidden: hidden.unwrap_or_default(),
            receiver_data: self.receiver_data(),
            ..like.clone()
        });
    }

    /// Once a message in flight that does not name an alert is accepted, what was told of that elsewhere is believed still.
    fn hide_in_flight(&mut self, fingerprint: Fingerprint) {
        if !self.has_in_flight(fingerprint)
            && let Some(frozen) = &mut self.pending
        {
            insert(&mut frozen.hidden, fingerprint);
        }
    }

    /// Believes that an alert fires, as a message to another group said. What is believed of it here stays: that it fires may be news
    /// although it was told there.
    fn believe(&mut self, fingerprint: Fingerprint, there: &ToldMessage, is_hidden: bool) {
        let empty = || ToldMessage {
            firing: Vec::new(),
            hidden: Vec::new(),
            // The message it belongs to is that group's.
            receiver_data: ReceiverData::default(),
            ..there.clone()
        };
        let here = self.last.get_or_insert_with(empty);
        if here.believes(fingerprint) {
            return;
        }
        let set = match is_hidden {
            true => &mut here.hidden,
            false => &mut here.firing,
        };
        insert(set, fingerprint);
    }

    /// That an alert fires, as was told last, may have been told to be over since: it is news, and its end stays owed.
    pub fn doubt(&mut self, fingerprint: Fingerprint) {
        let Some(last) = &mut self.last else { return };
        if let Ok(at) = last.firing.binary_search(&fingerprint) {
            last.firing.remove(at);
            insert(&mut last.hidden, fingerprint);
        }
    }

    /// Stops believing what was told last of alerts that belong elsewhere now; answers whether that said anything of one. What is
    /// in flight is repeated as it was.
    pub fn leave_behind(&mut self, is_elsewhere: impl Fn(Fingerprint) -> bool) -> bool {
        let Some(last) = &mut self.last else {
            return false;
        };
        let before = last.firing.len() + last.hidden.len();
        last.firing.retain(|known| !is_elsewhere(*known));
        last.hidden.retain(|known| !is_elsewhere(*known));
        last.firing.len() + last.hidden.len() < before
    }

    /// Stops believing that an alert fires, without a message.
    pub fn forget(&mut self, fingerprint: Fingerprint) {
        self.leave_behind(|known| known == fingerprint);
        if let Some(pending) = &mut self.pending {
            pending.firing.retain(|f| *f != fingerprint);
            pending.resolved.retain(|f| *f != fingerprint);
            pending.hidden.retain(|f| *f != fingerprint);
        }
    }
}

pub(super) fn insert(set: &mut Vec<Fingerprint>, fingerprint: Fingerprint) {
    if let Err(at) = set.binary_search(&fingerprint) {
        set.insert(at, fingerprint);
    }
}
