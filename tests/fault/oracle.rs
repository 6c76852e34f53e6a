//! The oracle: judges what the sink got, knowing only what the feeder stated. It never asks Belfry.

mod timing;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::feeder::truth::Statement;
use crate::sink::{Cut, Message, Outcome, Stream};
use crate::tenant;

/// A message may arrive this long after it was judged: a flush is retried within its deadline, and frozen while
/// nobody knows its fate.
const FROZEN: Duration = Duration::from_secs(15);

/// A message arrives within this after it was made up, when nothing is wrong: what is acknowledged in between it does not know.
pub(crate) const MADE_UP: Duration = Duration::from_millis(100);

/// A message that tells an end was judged at most this long before it arrived, when nothing is wrong.
const TELLING: Duration = Duration::from_secs(1);

/// What the streams' routes say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    /// `group_wait`.
    pub(crate) group_wait: Duration,
    /// `group_interval`.
    pub(crate) group_interval: Duration,
    /// `repeat_interval`.
    pub(crate) repeat: Duration,
}

/// What there is to judge by.
pub(crate) struct Evidence<'a> {
    /// What the feeder stated.
    pub(crate) statements: &'a [Statement],
    /// What the sink got, in the order of arrival.
    pub(crate) messages: &'a [Message],
    /// The requests the sink reset. Their senders cannot know what became of them, so what they said is frozen.
    pub(crate) cuts: &'a [Cut],
    /// The integrations that are told of every group of a tenant.
    pub(crate) paths: &'a [&'a str],
    /// Names of alerts somebody silenced: nobody need be told of them.
    pub(crate) exempt: &'a BTreeSet<String>,
    /// The routes' times.
    pub(crate) timing: Timing,
}

impl Evidence<'_> {
    /// The integrations that are told of this group.
    fn paths_of(&self, group: &str) -> impl Iterator<Item = &str> {
        let owner = tenant::of_group(group);
        let paths = self.paths.iter().copied();
        paths.filter(move |path| tenant::of_path(path) == owner)
    }
}

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// **L**. After quiet, an integration believes of an alert something else than the truth: an alert that fires is
    /// not among the firing ones of the stream's last accepted message, or the last word about an alert that ended
    /// is "firing". One that fired and ended unheard is nothing.
    Lost,
    /// **D**. An Idempotency-Key was accepted again although the sink had answered the sender.
    RepeatedKey,
    /// **D**. A message under a new key says exactly what the stream's last accepted message said, and
    /// `repeat_interval` has not passed since.
    SameContent,
    /// **D**, never excused. A message came again under its key with other alerts or statuses, or with another body
    /// although nothing was stated of its alerts in between.
    ChangedRepeat,
    /// **D**, never excused. A message without a key.
    NoKey,
    /// **N**. A message under a new key, other than the last one, without news: each alert it calls firing was among
    /// the firing of the stream's last accepted message, none it calls resolved was, and `repeat_interval` has not passed.
    NoNews,
    /// **F**, never excused. An alert is called resolved though it is acknowledged to fire, and the feeder stated no end
    /// of it that the stream was not told already and that is not older than the stream's last word that it fires.
    FalseEnd,
    /// **F**. The same, but an end was stated a moment ago: somebody speaks who knows it and not the new beginning.
    StaleEnd,
    /// **X**. An alert in a message of a group it does not belong to.
    Foreign,
}

impl Kind {
    /// The column it counts in.
    pub(crate) fn letter(self) -> char {
        match self {
            Self::Lost => 'L',
            Self::RepeatedKey | Self::SameContent | Self::ChangedRepeat | Self::NoKey => 'D',
            Self::NoNews => 'N',
            Self::FalseEnd | Self::StaleEnd => 'F',
            Self::Foreign => 'X',
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone)]
pub(crate) struct Breach {
    /// What.
    pub(crate) kind: Kind,
    /// Where.
    pub(crate) stream: Stream,
    /// The message's number; `None` for what never came.
    pub(crate) number: Option<usize>,
    /// When the message arrived, or when the alert was last stated.
    pub(crate) at: Instant,
    /// When what it repeats arrived.
    pub(crate) earlier: Option<Instant>,
    /// Which alerts, in a few words.
    pub(crate) what: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, stream, .. } = self;
        write!(
            f,
            "{} {kind:?} {} {}",
            kind.letter(),
            stream.path,
            stream.group
        )?;
        if let Some(number) = self.number {
            write!(f, " #{number}")?;
        }
        if let Some(earlier) = self.earlier {
            let gap = self.at.saturating_duration_since(earlier);
            write!(f, " {:.3} s after", gap.as_secs_f64())?;
        }
        write!(f, ": {}", self.what)
    }
}

/// The oracle's word.
#[derive(Debug, Default)]
pub(crate) struct Judgement {
    /// Everything that is wrong.
    pub(crate) breaches: Vec<Breach>,
    /// Messages that came again because the sender had got no answer: permitted.
    pub(crate) unheard_repeats: usize,
    /// **T**: from when a change was due until an integration accepted it, per path, shortest first.
    pub(crate) waits: BTreeMap<String, Vec<Duration>>,
}

impl Judgement {
    /// How many breaches count in a column.
    pub(crate) fn count(&self, letter: char) -> usize {
        let of = |breach: &&Breach| breach.kind.letter() == letter;
        self.breaches.iter().filter(of).count()
    }

    /// All waits, shortest first.
    pub(crate) fn all_waits(&self) -> Vec<Duration> {
        let mut all: Vec<Duration> = self.waits.values().flatten().copied().collect();
        all.sort_unstable();
        all
    }
}

/// When an alert was last called this and that.
#[derive(Clone, Copy, Default)]
struct Word {
    firing: Option<Instant>,
    resolved: Option<Instant>,
}

/// What a stream believes.
#[derive(Default)]
struct Told<'a> {
    /// Firing alerts of the last accepted message.
    firing: BTreeSet<Arc<str>>,
    /// When each alert was last called firing, and when resolved.
    words: BTreeMap<Arc<str>, Word>,
    last: Option<&'a Message>,
}

struct Judge<'a> {
    evidence: &'a Evidence<'a>,
    by_name: BTreeMap<&'a str, Vec<&'a Statement>>,
    told: BTreeMap<&'a Stream, Told<'a>>,
    keys: BTreeMap<(&'a str, &'a str), Vec<&'a Message>>,
    judgement: Judgement,
}

/// Judges.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Judgement {
    let mut by_name: BTreeMap<&str, Vec<&Statement>> = BTreeMap::new();
    for statement in evidence.statements {
        by_name.entry(&statement.name).or_default().push(statement);
    }
    let mut judge = Judge {
        evidence,
        by_name,
        told: BTreeMap::new(),
        keys: BTreeMap::new(),
        judgement: Judgement::default(),
    };
    for message in evidence.messages {
        judge.hear(message);
    }
    judge.lost();
    judge.judgement.waits = timing::waits(evidence);
    judge.judgement
}

/// Names in a few words.
fn shown<'a>(names: impl IntoIterator<Item = &'a Arc<str>>) -> String {
    let names: Vec<&str> = names.into_iter().map(AsRef::as_ref).collect();
    let shown = names.get(..8).unwrap_or(&names).join(" ");
    match names.len() {
        0..=8 => shown,
        many => format!("{shown} … ({many})"),
    }
}

fn says(message: &Message) -> String {
    format!(
        "firing [{}], resolved [{}]",
        shown(&message.firing),
        shown(&message.resolved)
    )
}

/// Where two texts part, with what stands there.
fn difference(one: &str, other: &str) -> String {
    let same = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b);
    let from = same.count().saturating_sub(300);
    let part = |text: &str| {
        let bytes = text.as_bytes().iter().skip(from).take(500);
        String::from_utf8_lossy(&bytes.copied().collect::<Vec<u8>>()).into_owned()
    };
    format!("…{}… then …{}…", part(one), part(other))
}

impl<'a> Judge<'a> {
    fn breach(&mut self, kind: Kind, message: &Message, earlier: Option<Instant>, what: String) {
        self.judgement.breaches.push(Breach {
            kind,
            stream: message.stream.clone(),
            number: Some(message.number),
            at: message.at,
            earlier,
            what,
        });
    }

    fn hear(&mut self, message: &'a Message) {
        if matches!(message.outcome, Outcome::Refused(_)) {
            return;
        }
        let key = (&*message.stream.path, message.key.as_str());
        let earlier = self.keys.entry(key).or_default();
        let before = earlier.clone();
        earlier.push(message);
        let is_accepted = message.outcome.is_accepted();
        if message.key.is_empty() {
            self.breach(Kind::NoKey, message, None, says(message));
        } else if let Some(first) = before.first() {
            self.repeated(first, &before, message);
        }
        if !is_accepted {
            return;
        }
        if !message.foreign.is_empty() {
            self.breach(Kind::Foreign, message, None, shown(&message.foreign));
        }
        if !before.iter().any(|earlier| earlier.outcome.is_accepted()) {
            let tried = self.first_tried(&before, message);
            self.judge_ends(message, tried);
            self.judge_news(message);
        }
        let told = self.told.entry(&message.stream).or_default();
        told.firing.clone_from(&message.firing);
        for name in &message.firing {
            told.words.entry(name.clone()).or_default().firing = Some(message.at);
        }
        for name in &message.resolved {
            told.words.entry(name.clone()).or_default().resolved = Some(message.at);
        }
        told.last = Some(message);
    }

    /// When the message was first sent, whole or not.
    fn first_tried(&self, before: &[&Message], message: &Message) -> Instant {
        let of_key = |cut: &&Cut| (&cut.path, &cut.key) == (&message.stream.path, &message.key);
        let cut = self.evidence.cuts.iter().find(of_key).map(|cut| cut.at);
        let whole = before.first().map_or(message.at, |first| first.at);
        cut.map_or(whole, |cut| cut.min(whole))
    }

    /// A message under a key that was used before.
    fn repeated(&mut self, first: &Message, before: &[&Message], message: &Message) {
        let differs = first.firing != message.firing || first.resolved != message.resolved;
        let is_altered = first.body != message.body && !self.was_stated_between(first, message);
        if differs || is_altered {
            let what = match differs {
                true => format!("other alerts: {} then {}", says(first), says(message)),
                false => format!("another body: {}", difference(&first.body, &message.body)),
            };
            self.breach(Kind::ChangedRepeat, message, Some(first.at), what);
        }
        if !message.outcome.is_accepted() {
            return;
        }
        let mut accepted = before
            .iter()
            .filter(|earlier| earlier.outcome.is_accepted());
        match accepted.next_back() {
            None => {}
            Some(last) if last.outcome == Outcome::AcceptedUnheard => {
                self.judgement.unheard_repeats += 1;
            }
            Some(last) => {
                self.breach(Kind::RepeatedKey, message, Some(last.at), says(message));
            }
        }
    }

    /// Whether something was stated of an alert of the message between its arrivals; its text may tell of it.
    fn was_stated_between(&self, first: &Message, again: &Message) -> bool {
        let from = first.at.checked_sub(TELLING).unwrap_or(first.at);
        let mut names = again.firing.iter().chain(&again.resolved);
        names.any(|name| {
            let stated = self.by_name.get(&**name).into_iter().flatten();
            let mut between = stated.map(|word| word.posted);
            between.any(|posted| from <= posted && posted <= again.at)
        })
    }

    /// `at` is when the message was first tried: what it says is frozen since.
    fn judge_ends(&mut self, message: &Message, at: Instant) {
        let wrong: Vec<(Kind, Arc<str>)> = message
            .resolved
            .iter()
            .filter_map(|name| Some((self.wrong_end(message, name, at)?, name.clone())))
            .collect();
        for (kind, name) in wrong {
            self.breach(kind, message, None, name.to_string());
        }
    }

    fn wrong_end(&self, message: &Message, name: &str, at: Instant) -> Option<Kind> {
        let stated = self.by_name.get(name).map_or(&[][..], Vec::as_slice);
        // A beginning counts once it is acknowledged, in time for the message; an end from when it may be known.
        let is_known = |word: &&&Statement| match word.fires {
            true => word.acked.is_some_and(|acked| acked + MADE_UP <= at),
            false => word.posted <= at,
        };
        let known = stated.iter().filter(is_known);
        if known.clone().next_back().is_some_and(|last| !last.fires) {
            return None;
        }
        let told = self.told.get(&message.stream);
        let word = told.and_then(|told| told.words.get(name)).copied();
        let Word { firing, resolved } = word.unwrap_or_default();
        let ends = known.filter(|word| !word.fires).map(|word| word.posted);
        let last_end = ends.max();
        let is_after = |mark: Option<Instant>, slack| {
            let mark = mark.and_then(|mark| mark.checked_sub(slack));
            last_end.is_some_and(|end| mark.is_none_or(|mark| mark <= end))
        };
        if is_after(firing, FROZEN) && is_after(resolved, TELLING) {
            return None;
        }
        let is_recent = last_end.is_some_and(|end| at <= end + FROZEN);
        Some(if is_recent {
            Kind::StaleEnd
        } else {
            Kind::FalseEnd
        })
    }

    fn judge_news(&mut self, message: &Message) {
        let nothing = Told::default();
        let told = self.told.get(&message.stream).unwrap_or(&nothing);
        let Some(last) = told.last else {
            if message.firing.is_empty() {
                self.breach(Kind::NoNews, message, None, says(message));
            }
            return;
        };
        // From tick to tick it is a whole number of intervals; arrivals stray from their ticks.
        let repeat = self.evidence.timing.repeat - self.evidence.timing.group_interval;
        // The last message need not have named it: it was suppressed by then, or was told of in another group.
        let is_believed = |name: &_| {
            let word = told.words.get(name);
            word.is_some_and(|word| word.resolved < word.firing)
        };
        let is_news = !message.firing.is_subset(&told.firing)
            || message.resolved.iter().any(is_believed)
            || last.at + repeat <= message.at;
        if is_news {
            return;
        }
        let is_same = last.firing == message.firing && last.resolved == message.resolved;
        let kind = if is_same {
            Kind::SameContent
        } else {
            Kind::NoNews
        };
        let what = format!("{} after #{} {}", says(message), last.number, says(last));
        self.breach(kind, message, Some(last.at), what);
    }

    fn lost(&mut self) {
        let nothing = Told::default();
        let mut lost = Vec::new();
        for (name, statements) in &self.by_name {
            let Some(last) = statements.last() else {
                continue;
            };
            if self.evidence.exempt.contains(*name) {
                continue;
            }
            for path in self.evidence.paths_of(&last.group) {
                let stream = Stream {
                    path: path.into(),
                    group: last.group.clone(),
                };
                let told = self.told.get(&stream).unwrap_or(&nothing);
                let word = told
                    .words
                    .get(*name)
                    .map(|word| word.firing <= word.resolved);
                let is_lost = match last.fires {
                    true => !told.firing.contains(*name),
                    false => word == Some(false),
                };
                if is_lost {
                    let truth = if last.fires { "fires" } else { "ended" };
                    let believed = match word {
                        None => "never told",
                        Some(false) => "told firing",
                        Some(true) => "told resolved",
                    };
                    let ago = last.posted.elapsed().as_secs_f64();
                    lost.push(Breach {
                        kind: Kind::Lost,
                        stream,
                        number: None,
                        at: last.posted,
                        earlier: None,
                        what: format!("{name} {truth} (stated {ago:.1} s ago), {believed}"),
                    });
                }
            }
        }
        self.judgement.breaches.extend(lost);
    }
}

#[cfg(test)]
mod tests;
