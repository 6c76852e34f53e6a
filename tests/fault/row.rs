//! What a row of the fault matrix is, what it allows, and how its run is told.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::cluster::Home;
use crate::feeder::Load;
use crate::feeder::truth::Truth;
use crate::oracle::{Breach, Judgement, Kind};
use crate::scene::{QUICK, Scene, TIMING, W1};
use crate::sink::Stream;

/// A message under way when a fault struck may come again; it was accepted at most this long before (spec F03).
const IN_FLIGHT: Duration = Duration::from_secs(2);

/// A fault that is over lives on in leases and retries for so long.
const AFTERMATH: Duration = Duration::from_secs(8);

/// When a fault was in force.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// From.
    pub(crate) from: Instant,
    /// To.
    pub(crate) to: Instant,
}

impl Fault {
    fn holds(&self, at: Instant, before: Duration, after: Duration) -> bool {
        let from = self.from.checked_sub(before).unwrap_or(self.from);
        from <= at && at <= self.to + after
    }
}

/// Which superfluous messages are permitted (columns D and N).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Excuse {
    /// None.
    Nothing,
    /// One in each stream for each fault, and what it repeats was accepted from two seconds before the fault to its end.
    InFlight,
    /// As many in each stream as there were news in it around faults, times this: each instance sends on its own.
    PerNews(usize),
    /// Any number: the row promises only the other columns.
    Any,
}

/// Breaches nothing excuses: lost alerts, ends nobody stated, foreign alerts, repeats with other content.
pub(crate) const NEVER: [Kind; 5] = [
    Kind::Lost,
    Kind::FalseEnd,
    Kind::Foreign,
    Kind::ChangedRepeat,
    Kind::NoKey,
];

/// What a row allows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowed {
    /// Column D.
    pub(crate) duplicates: Excuse,
    /// Column N.
    pub(crate) no_news: Excuse,
    /// Column F, as far as the end was true once.
    pub(crate) stale_ends: Excuse,
}

impl Allowed {
    /// I0: nothing.
    pub(crate) const NOTHING: Self = Self {
        duplicates: Excuse::Nothing,
        no_news: Excuse::Nothing,
        stale_ends: Excuse::Nothing,
    };

    /// What was in flight may come again.
    pub(crate) const IN_FLIGHT: Self = Self {
        duplicates: Excuse::InFlight,
        ..Self::NOTHING
    };

    /// Redis lost its data, or a process was stopped past its gates: one more message in each stream that had one in flight.
    pub(crate) const AFTER_LOSS: Self = Self {
        duplicates: Excuse::InFlight,
        no_news: Excuse::InFlight,
        ..Self::NOTHING
    };

    /// Three instances without anyone to arbitrate: each may tell each news, as far as it knows.
    pub(crate) const FAIL_OPEN: Self = Self {
        duplicates: Excuse::PerNews(3),
        no_news: Excuse::PerNews(3),
        stale_ends: Excuse::PerNews(3),
    };

    /// Complaints about what is not allowed.
    pub(crate) fn judge(&self, found: &Judgement, faults: &[Fault], truth: &Truth) -> Vec<String> {
        let mut complaints = Vec::new();
        for kind in NEVER {
            let count = found.breaches.iter().filter(|b| b.kind == kind).count();
            if count > 0 {
                complaints.push(format!("{} {kind:?}: {count}", kind.letter()));
            }
        }
        let columns = [
            ('D', self.duplicates),
            ('N', self.no_news),
            ('F', self.stale_ends),
        ];
        for (letter, excuse) in columns {
            let all = found.breaches.iter();
            let of = all.filter(|b| b.kind.letter() == letter && !NEVER.contains(&b.kind));
            let unexcused = excuse.unexcused(&of.collect::<Vec<_>>(), faults, truth);
            if unexcused > 0 {
                complaints.push(format!("{letter}: {unexcused} not excused ({excuse:?})"));
            }
        }
        complaints
    }
}

impl Excuse {
    fn unexcused(self, breaches: &[&Breach], faults: &[Fault], truth: &Truth) -> usize {
        match self {
            Self::Nothing => breaches.len(),
            Self::Any => 0,
            Self::InFlight => in_flight(breaches, faults),
            Self::PerNews(times) => beyond_news(breaches, faults, truth, times),
        }
    }
}

/// How many are not the one that a fault excuses in a stream.
fn in_flight(breaches: &[&Breach], faults: &[Fault]) -> usize {
    let mut used: BTreeMap<(&Stream, usize), usize> = BTreeMap::new();
    let mut unexcused = 0;
    for breach in breaches {
        let at = breach.earlier.unwrap_or(breach.at);
        let all = faults.iter().enumerate();
        let near = all.filter(|(_, fault)| fault.holds(at, IN_FLIGHT, Duration::from_secs(1)));
        // Of faults in close succession any that excused nothing here yet.
        let free = near
            .map(|(n, _)| n)
            .find(|n| !used.contains_key(&(&breach.stream, *n)));
        match free {
            Some(n) => *used.entry((&breach.stream, n)).or_default() += 1,
            None => unexcused += 1,
        }
    }
    unexcused
}

/// How many are more than the news around faults allow in their stream.
fn beyond_news(breaches: &[&Breach], faults: &[Fault], truth: &Truth, times: usize) -> usize {
    let around = TIMING.group_interval + AFTERMATH;
    let mut by_stream: BTreeMap<&Stream, usize> = BTreeMap::new();
    let mut unexcused = 0;
    for breach in breaches {
        match faults
            .iter()
            .any(|fault| fault.holds(breach.at, Duration::ZERO, around))
        {
            true => *by_stream.entry(&breach.stream).or_default() += 1,
            false => unexcused += 1,
        }
    }
    for (stream, count) in by_stream {
        let is_news = |posted: Instant| faults.iter().any(|f| f.holds(posted, around, around));
        let of_group = truth.statements.iter().filter(|s| s.group == stream.group);
        let news = of_group.filter(|s| is_news(s.posted)).count();
        unexcused += count.saturating_sub(times * news);
    }
    unexcused
}

/// A row of the fault matrix.
pub(crate) struct Row {
    /// Its number there.
    pub(crate) id: &'static str,
    /// What happens, in a few words.
    pub(crate) what: &'static str,
    /// How many instances run.
    pub(crate) instances: usize,
    /// What they share.
    pub(crate) home: Home,
    /// Whether a second tenant sends the same alerts.
    pub(crate) has_tenants: bool,
    /// Longest time until everybody knows the truth once the fault is over.
    pub(crate) settling: Duration,
    /// Whether Belfry has to be built with failpoints.
    pub(crate) needs_failpoints: bool,
    /// The load of a quick run.
    pub(crate) quick: Load,
    /// The load of a full run.
    pub(crate) full: Load,
    /// What is allowed.
    pub(crate) allowed: Allowed,
    /// T's p99; ten times this fails a full run.
    pub(crate) p99_max: Option<Duration>,
    /// The fault.
    pub(crate) act: fn(&mut Scene) -> Result<(), String>,
}

/// Redis as operators are told to run it.
pub(crate) const DURABLE: Home = Home::Redis(&["--appendonly", "yes"]);

/// Redis without any file.
pub(crate) const FORGETFUL: Home = Home::Redis(&[]);

/// A row on three instances with a durable Redis that allows nothing.
pub(crate) const fn shared(
    id: &'static str,
    what: &'static str,
    act: fn(&mut Scene) -> Result<(), String>,
) -> Row {
    Row {
        id,
        what,
        instances: 3,
        home: DURABLE,
        has_tenants: false,
        settling: Duration::from_secs(60),
        needs_failpoints: false,
        quick: QUICK,
        full: W1,
        allowed: Allowed::NOTHING,
        p99_max: None,
        act,
    }
}

/// A row on one instance without Redis that allows nothing.
pub(crate) const fn alone(
    id: &'static str,
    what: &'static str,
    act: fn(&mut Scene) -> Result<(), String>,
) -> Row {
    Row {
        instances: 1,
        home: Home::Alone,
        ..shared(id, what, act)
    }
}

/// How a run of a row ended.
#[derive(Debug, Clone)]
pub(crate) struct Verdict {
    /// The row.
    pub(crate) id: &'static str,
    /// What happened.
    pub(crate) what: &'static str,
    /// L, D, N, F, X, permitted ones included.
    pub(crate) counts: [usize; 5],
    /// Half the changes were told within this after they were due.
    pub(crate) p50: Duration,
    /// 99 of a hundred.
    pub(crate) p99: Duration,
    /// How long the run took.
    pub(crate) seconds: u64,
    /// What repeats the run's choices.
    pub(crate) seed: u64,
    /// Why it failed; empty when it passed.
    pub(crate) complaints: Vec<String>,
    /// Figures worth a word.
    pub(crate) notes: Vec<String>,
    /// What happened, for those who look into it.
    pub(crate) story: String,
}

impl Verdict {
    /// Of a row whose stage could not be set.
    pub(crate) fn unplayed(row: &Row, seed: u64, began: Instant, error: String) -> Self {
        Self {
            id: row.id,
            what: row.what,
            counts: [0; 5],
            p50: Duration::ZERO,
            p99: Duration::ZERO,
            seconds: began.elapsed().as_secs(),
            seed,
            complaints: vec![error],
            notes: Vec::new(),
            story: String::new(),
        }
    }

    /// Whether everything held.
    pub(crate) fn has_passed(&self) -> bool {
        self.complaints.is_empty()
    }

    /// The row of the table.
    pub(crate) fn markdown(&self) -> String {
        let mut line = format!("| {} {} |", self.id, self.what);
        for count in self.counts {
            let _ = write!(line, " {count} |");
        }
        let word = if self.has_passed() {
            "holds"
        } else {
            "**FAILS**"
        };
        let _ = write!(
            line,
            " {} / {} ms | {word} | {} | {} |",
            self.p50.as_millis(),
            self.p99.as_millis(),
            self.seconds,
            self.notes.join("; ")
        );
        line
    }

    /// Why it failed, and how to repeat it.
    pub(crate) fn failure(&self) -> String {
        format!(
            "{} {} fails (BELFRY_FAULT_SEED={}):\n  {}\n{}",
            self.id,
            self.what,
            self.seed,
            self.complaints.join("\n  "),
            self.story
        )
    }
}

/// The head of the table.
pub(crate) const HEAD: &str = "| row | L | D | N | F | X | T p50 / p99 | verdict | s | notes |\n\
                               |---|--:|--:|--:|--:|--:|--:|---|--:|---|";
