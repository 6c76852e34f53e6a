//! What receivers accepted, against what was true: the promises G1 to G5 (protocol.md §0).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::Run;
use crate::plan::{ALERTS, QUIET};
use crate::receiver::{Message, Receiver};
use crate::stage::Absence;
use crate::truth::Truth;

/// The shortest lease: whoever stands still for longer may have lost what it holds.
const LEASE: f64 = 60.0;

/// From tick to tick.
const TICK: f64 = 5.0;

/// How long a change may take to reach whoever decides, in calm weather.
const MOMENT: f64 = 1.5;

/// What happened to instances and the server.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// When instances were dead or stood still.
    pub absences: Vec<Absence>,
    /// When the server lost data.
    pub losses: Vec<f64>,
    /// When the server could not be reached by somebody.
    pub outages: Vec<(f64, f64)>,
    /// When a silence was deleted.
    pub unsilenced_at: Vec<f64>,
    /// Groups that had no place in a queue.
    pub repaired: u64,
    /// How often instances went on alone, or came back.
    pub mode_changes: u64,
    /// Old builds that were shut out because they do not know what is written.
    pub shut_out: usize,
    /// Old builds that shared although they do not.
    pub strangers: usize,
    /// How many groups each instance knows in the end.
    pub groups: Vec<usize>,
    /// How many the server knows in the end.
    pub shared_groups: usize,
    /// Whether alerts are grouped by their name in the end.
    pub is_by_name: bool,
}

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Messages that were accepted.
    pub messages: usize,
    /// Of those, repeats under the same key.
    pub repeats: usize,
    /// Of those, messages that said nothing new under a key of their own.
    pub no_news: usize,
    /// Messages that called an alert resolved that was not over.
    pub false_resolved: usize,
    /// Alerts about which a receiver believes what is not true in the end.
    pub lost: usize,
    /// News that took longer than it may.
    pub late: usize,
    /// Old builds that were shut out.
    pub shut_out: usize,
    /// Broken promises, in words.
    pub violations: Vec<String>,
}

impl Verdict {
    fn blame(&mut self, text: String) {
        self.violations.push(text);
    }

    /// Prints what receivers were offered, and what is wrong.
    pub fn print(&self, receivers: &[Receiver]) {
        for receiver in receivers {
            for message in receiver.offered() {
                println!("{}", line(receiver, &message));
            }
        }
        self.violations
            .iter()
            .for_each(|text| println!("WRONG: {text}"));
    }
}

fn line(receiver: &Receiver, message: &Message) -> String {
    let (slot, life) = message.from;
    let outcome = match (message.is_accepted, message.is_silent) {
        (true, false) => "accepted",
        (true, true) => "accepted in silence",
        (false, _) => "not accepted",
    };
    format!(
        "{:9.3} {} <- i{slot}-{life} {:.6} {} {:?}: firing {:?} resolved {:?}: {outcome}",
        message.at,
        receiver.name(),
        message.key,
        message.group_key,
        message.reason,
        message.firing,
        message.resolved,
    )
}

/// What a receiver believes, from the messages it accepted.
#[derive(Default)]
struct Beliefs {
    /// Told to fire, each message replacing what was told before it of its group.
    firing: BTreeSet<usize>,
    /// Told to fire, and never told to be over since.
    not_over: BTreeSet<usize>,
    keys: BTreeMap<String, Message>,
}

impl Beliefs {
    fn is_news(&self, message: &Message) -> bool {
        let knows = |alert: &usize| self.firing.contains(alert);
        !message.firing.iter().all(knows)
            || message
                .resolved
                .iter()
                .any(|alert| self.not_over.contains(alert))
    }

    fn take(&mut self, message: &Message) {
        // A message replaces what was told about its group: one alertname, or everything this receiver hears of.
        let only = group_alert(&message.group_key);
        self.firing
            .retain(|known| only.is_some_and(|only| only != *known));
        self.not_over
            .retain(|known| !message.resolved.contains(known));
        self.not_over.extend(&message.firing);
        self.firing.extend(&message.firing);
        self.keys.insert(message.key.clone(), message.clone());
    }
}

/// The alert a group is about, if it is about one.
fn group_alert(group_key: &str) -> Option<usize> {
    let (_, rest) = group_key.split_once("alertname=\"n")?;
    let (number, _) = rest.split_once('"')?;
    number.parse().ok()
}

/// Judges a run.
pub fn judge(run: &Run, truth: &Truth, receivers: &[Receiver], evidence: &Evidence) -> Verdict {
    let mut verdict = Verdict::default();
    for receiver in receivers {
        let mut accepted = receiver.offered();
        accepted.retain(|message| message.is_accepted);
        accepted.sort_by(|a, b| a.at.total_cmp(&b.at));
        verdict.messages += accepted.len();
        let mut judge = Judge {
            run,
            truth,
            receiver,
            evidence,
            verdict: &mut verdict,
        };
        judge.keys_mean_one_message();
        judge.every_message(&accepted);
        judge.the_end(&accepted);
        judge.news_comes_soon(&accepted);
    }
    if evidence.repaired > 0 {
        verdict.blame(format!(
            "{} groups had no place in a queue",
            evidence.repaired
        ));
    }
    if evidence.strangers > 0 {
        verdict.blame("an old build shares records it does not know".to_owned());
    }
    verdict.shut_out = evidence.shut_out;
    judge_groups(truth, evidence, &mut verdict);
    verdict
}

/// In the end there are as many groups as there is reason for, everywhere.
fn judge_groups(truth: &Truth, evidence: &Evidence, verdict: &mut Verdict) {
    let firing = truth.firing();
    let is_team = |alert: &&usize| **alert + 2 >= ALERTS;
    let others = firing.iter().filter(|alert| !is_team(alert)).count();
    let team = firing.len() - others;
    let wanted = match evidence.is_by_name {
        true => firing.len(),
        false => usize::from(others > 0) + usize::from(team > 0),
    };
    // An inhibited alert that is over is forgotten only once its inhibitor is.
    if firing.contains(&0) {
        return;
    }
    let is_wrong = |count: &usize| *count != wanted;
    if is_wrong(&evidence.shared_groups) || evidence.groups.iter().any(is_wrong) {
        verdict.blame(format!(
            "{wanted} groups should be left; shared: {}, instances: {:?}",
            evidence.shared_groups, evidence.groups
        ));
    }
}

struct Judge<'a> {
    run: &'a Run,
    truth: &'a Truth,
    receiver: &'a Receiver,
    evidence: &'a Evidence,
    verdict: &'a mut Verdict,
}

impl Judge<'_> {
    fn blame(&mut self, text: impl AsRef<str>) {
        let name = self.receiver.name();
        self.verdict.blame(format!("{name}: {}", text.as_ref()));
    }

    /// The same idempotency key means the same alerts with the same statuses (G2).
    fn keys_mean_one_message(&mut self) {
        let mut known: BTreeMap<String, Message> = BTreeMap::new();
        for message in self.receiver.offered() {
            let first = known
                .entry(message.key.clone())
                .or_insert_with(|| message.clone());
            if first.firing != message.firing || first.resolved != message.resolved {
                let (then, now) = (first.at, message.at);
                self.blame(format!("one key, two messages, at {then:.3} and {now:.3}"));
            }
        }
    }

    fn every_message(&mut self, accepted: &[Message]) {
        let wants_ends = self.receiver.name() != "b";
        let mut beliefs = Beliefs::default();
        let mut extra: BTreeMap<String, usize> = BTreeMap::new();
        for message in accepted {
            let before = beliefs.keys.get(&message.key).cloned();
            if let Some(before) = before {
                self.verdict.repeats += 1;
                *extra.entry(message.group_key.clone()).or_default() += 1;
                self.repeat(&before, message);
            } else if !beliefs.is_news(message) && wants_ends {
                self.verdict.no_news += 1;
                *extra.entry(message.group_key.clone()).or_default() += 1;
                self.no_news(message);
            }
            beliefs.take(message);
            self.resolved(message);
            self.silenced(message);
        }
        self.no_storm(&extra);
    }

    /// A repeat needs an excuse: nobody could know whether the first one was accepted (G2).
    fn repeat(&mut self, before: &Message, message: &Message) {
        let (slot, life) = before.from;
        let was_away = self.evidence.absences.iter().any(|absence| {
            let is_it = absence.slot == slot && absence.life == life;
            let is_dead = self.run.profile.has_kills();
            let is_long = absence.until - absence.from >= LEASE - 1.0;
            // Its message was on its way, or accepted, when it went.
            is_it
                && before.at - 25.0 <= absence.until
                && absence.from <= message.at
                && (is_dead || is_long)
        });
        if before.is_silent || was_away || self.is_troubled(before.at, message.at) {
            return;
        }
        let (then, now) = (before.at, message.at);
        self.blame(format!(
            "told at {then:.3} and again at {now:.3}, without an excuse"
        ));
    }

    fn no_news(&mut self, message: &Message) {
        // Whoever may have accepted a message without an answer is owed the end of what it said, and is told anew that what it
        // called over fires: nobody knows which of both is believed.
        let offered = self.receiver.offered();
        let unanswered = offered
            .iter()
            .filter(|m| !m.is_accepted && !m.is_refused && m.at < message.at);
        let speaks_of =
            |now: &[usize], then: &[usize]| now.iter().any(|alert| then.contains(alert));
        let is_against = |then: &Message| {
            speaks_of(&message.resolved, &then.firing) || speaks_of(&message.firing, &then.resolved)
        };
        let is_owed = unanswered.into_iter().any(is_against);
        let is_excused =
            is_owed || (self.run.profile.has_silence() && self.run.profile.has_refusals());
        if is_excused || self.is_troubled(message.at - LEASE, message.at) {
            return;
        }
        // Whoever slept through the lease with a message on its way comes late, and what it says is old; or it does not know when
        // that message was heard, and what speaks against it is said again, by anybody.
        let is_late = self.evidence.absences.iter().any(|absence| {
            let who = (absence.slot, absence.life);
            // It was accepted while its sender stood still, or just before, and said again by the next tick after that woke.
            let may_be_heard_late = |then: &&Message| {
                let is_amid = (absence.from - MOMENT..=absence.until).contains(&then.at);
                let is_soon = (absence.until..=absence.until + LEASE + TICK).contains(&message.at);
                absence.is_sleep && then.from == who && is_amid && is_soon
            };
            let mut late = offered.iter().filter(may_be_heard_late);
            absence.until - absence.from >= LEASE - 1.0
                && (who == message.from || late.any(is_against))
        });
        if !is_late {
            let at = message.at;
            self.blame(format!("no news at {at:.3}"));
        }
    }

    /// After a loss at most one extra message per group and loss; alone, at most one per instance and news (G3, G4).
    fn no_storm(&mut self, extra: &BTreeMap<String, usize>) {
        if self.run.profile == crate::profile::Profile::All {
            return;
        }
        let instances = self.evidence.groups.len();
        for (group, count) in extra {
            let outages = self.evidence.outages.iter();
            let news = outages.map(|outage| self.news_amid(group, *outage).max(1));
            let allowed = self.evidence.losses.len() + news.sum::<usize>() * instances;
            if self.run.profile.keeps_data() || *count <= allowed {
                continue;
            }
            self.blame(format!(
                "{count} extra messages of {group}, at most {allowed} allowed"
            ));
        }
    }

    /// How many changes of alerts of a group were told while the server was out, or just before.
    fn news_amid(&self, group: &str, (began, ended): (f64, f64)) -> usize {
        let alerts = match group_alert(group) {
            Some(alert) => alert..alert + 1,
            None => self.ours(),
        };
        let changes = alerts.flat_map(|alert| self.truth.history(alert));
        changes
            .filter(|change| began - TICK <= change.at && change.at <= ended)
            .count()
    }

    /// The alerts this receiver hears of.
    fn ours(&self) -> Range<usize> {
        if self.receiver.name() == "c" {
            ALERTS - 2..ALERTS
        } else {
            0..ALERTS - 2
        }
    }

    /// Whether the server was not what it should be between two moments, or counted as such.
    fn is_troubled(&self, from: f64, until: f64) -> bool {
        let is_near = |at: &f64| *at <= until && from - 1.0 <= *at + LEASE + 10.0;
        let outages = self.evidence.outages.iter();
        let was_out = outages.map(|(began, ended)| (*began, *ended + LEASE + 30.0));
        let was_out = was_out
            .into_iter()
            .any(|(began, ended)| began <= until && from <= ended);
        let had_flap = self.run.profile.weather_permille() > 0 && self.evidence.mode_changes > 0;
        self.evidence.losses.iter().any(is_near) || was_out || had_flap
    }

    /// Nobody is told that an alert is over that is not (G5).
    fn resolved(&mut self, message: &Message) {
        let offered = self.receiver.offered();
        let same = offered.iter().filter(|other| other.key == message.key);
        let first = same.map(|other| other.at).fold(message.at, f64::min);
        // Decided when it was claimed, at most a flush before it was first offered. Whoever stood still between its gate and its
        // request decided before that: nobody can take such a request back (RELIABILITY.md, F13).
        let absences = self.evidence.absences.iter();
        let stood_still = absences.filter(|absence| {
            let is_sender = (absence.slot, absence.life) == message.from;
            is_sender && absence.from <= first && first <= absence.until + MOMENT
        });
        let decided = stood_still
            .map(|absence| absence.from)
            .fold(first, f64::min);
        let since = self.known_since(decided - LEASE);
        for alert in &message.resolved {
            if !self.truth.was_over(*alert, since, message.at) {
                self.verdict.false_resolved += 1;
                let at = message.at;
                self.blame(format!("n{alert} resolved at {at:.3}, and it was not over"));
            }
        }
    }

    /// What was true then was known to everybody; later than that it may not have been, while the server was out and until all were
    /// back: an end that was true once meanwhile may be told although whoever heard that the alert fires anew is still alone.
    fn known_since(&self, from: f64) -> f64 {
        let outages = self.evidence.outages.iter();
        let amid = outages.filter(|(began, ended)| *began <= from && from <= *ended);
        amid.map(|(began, _)| began - TICK).fold(from, f64::min)
    }

    /// In calm weather a silence holds on every instance at once.
    fn silenced(&mut self, message: &Message) {
        if self.run.profile != crate::profile::Profile::Calm {
            return;
        }
        let at = message.at;
        for alert in &message.firing {
            let silences = self.truth.silences(*alert);
            let deleted = &self.evidence.unsilenced_at;
            let held = silences.iter().any(|(from, until)| {
                let is_deleted = deleted.iter().any(|gone| from <= gone && *gone <= at);
                from + MOMENT < at && at < *until && !is_deleted
            });
            if held {
                self.blame(format!(
                    "n{alert} was told at {at:.3} although it was silenced"
                ));
            }
        }
    }

    /// After quiet, what the receiver was told is the truth (G1).
    fn the_end(&mut self, accepted: &[Message]) {
        let wants_ends = self.receiver.name() != "b";
        let mut beliefs = Beliefs::default();
        accepted.iter().for_each(|message| beliefs.take(message));
        let firing = self.truth.firing();
        let has_moved = self.run.profile.has_reloads();
        let is_inhibiting = firing.contains(&0);
        for alert in self.ours() {
            let is_hidden = is_inhibiting && alert == 1;
            let is_believed = beliefs.firing.contains(&alert);
            // A message of a group that was dissolved meanwhile replaces nothing that others told.
            let is_known = is_believed || (has_moved && beliefs.not_over.contains(&alert));
            let is_wrong = match firing.contains(&alert) {
                true => !is_known && !is_hidden,
                false => beliefs.not_over.contains(&alert) && wants_ends && !is_hidden,
            };
            if is_wrong {
                self.verdict.lost += 1;
                let fires = firing.contains(&alert);
                self.blame(format!(
                    "in the end n{alert} fires: {fires}, believed: {is_believed}"
                ));
            }
        }
    }

    /// What fires, and is neither silenced nor inhibited, is told within a bound.
    fn news_comes_soon(&mut self, accepted: &[Message]) {
        let Some(within) = self.run.profile.news_within() else {
            return;
        };
        let has_flapped = self.run.profile.weather_permille() > 0 && self.evidence.mode_changes > 0;
        let ours = if self.receiver.name() == "c" {
            ALERTS - 2..ALERTS
        } else {
            2..ALERTS - 2
        };
        for alert in ours.filter(|_| !has_flapped) {
            let history = self.truth.history(alert);
            let is_silenced = !self.truth.silences(alert).is_empty();
            for (index, state) in history.iter().enumerate() {
                let next = history.get(index + 1).map_or(QUIET, |next| next.at);
                let Some(from) = state.acknowledged_at.filter(|from| from + within < next) else {
                    continue;
                };
                if is_silenced || !state.is_firing {
                    continue;
                }
                let names = |m: &&Message| m.firing.contains(&alert);
                let told = accepted.iter().filter(names);
                let mut told = told.map(|message| message.at);
                // Told of it before, and not of its end: it need not be told again.
                let is_believed = accepted.iter().rfind(|m| {
                    m.at < state.at && (m.firing.contains(&alert) || m.resolved.contains(&alert))
                });
                let is_believed = is_believed.is_some_and(|m| m.firing.contains(&alert));
                if !is_believed && !told.any(|at| state.at <= at && at <= from + within) {
                    self.verdict.late += 1;
                    self.blame(format!(
                        "n{alert} fired at {from:.3} and was not told within {within} s"
                    ));
                }
            }
        }
    }
}
