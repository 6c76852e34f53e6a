//! The moments at which the server is killed.

use std::time::{Duration, Instant};

use harness::random::Random;
use harness::server::Server;
use harness::sink::{Manner, Outcome, Sink};

use crate::load;
use crate::subject::{Change, Subject};

/// Longest wait for the moment of a kill.
const ARMING: Duration = Duration::from_secs(4);

/// When the server dies (spec: crash rows; what cannot be told apart from outside is one point here).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// Any moment under load.
    Random,
    /// A webhook's request is out, its answer is withheld.
    RequestOut,
    /// A webhook has just accepted; the record of that may not be written.
    Accepted,
    /// The 200 for a POST was just read.
    Acknowledged,
    /// All webhooks answer slowly, so several sends are out.
    SlowSends,
    /// A webhook takes messages and drops its answers.
    LostReplies,
    /// A webhook refuses.
    Refusals,
    /// While silences are set and deleted as fast as it goes.
    Silences,
    /// While the journal is compacted.
    Compaction,
    /// While the restart after a kill restores, once or more.
    Restore,
    /// Right after a SIGHUP with a changed configuration.
    Reload,
    /// SIGTERM instead of a kill: what is out is finished, so nothing at all may be repeated.
    Stop,
}

pub(crate) const POINTS: [Point; 12] = [
    Point::Random,
    Point::RequestOut,
    Point::Accepted,
    Point::Acknowledged,
    Point::SlowSends,
    Point::LostReplies,
    Point::Refusals,
    Point::Silences,
    Point::Compaction,
    Point::Restore,
    Point::Reload,
    Point::Stop,
];

impl Point {
    /// Pause between two steps of the silencer.
    pub(crate) fn silencer_pause(self) -> Duration {
        Duration::from_millis(if self == Self::Silences { 1 } else { 120 })
    }

    /// Puts the sink into the manner this point needs.
    pub(crate) fn prepare(self, sink: &Sink, paths: &[&str], random: &mut Random) {
        let one = *random.pick(paths);
        match self {
            Self::SlowSends => {
                for path in paths {
                    let long = Duration::from_millis(random.between(20, 400));
                    sink.set(path, Manner::Delay(long));
                }
            }
            Self::LostReplies => sink.set(one, Manner::DropReply),
            Self::Refusals => sink.set(one, Manner::Refuse(*random.pick(&[500, 503, 404]))),
            _ => {}
        }
    }

    /// Waits for the moment; the caller kills at once after. Answers alerts that were posted on the way.
    pub(crate) fn await_moment(
        self,
        server: &Server,
        sink: &Sink,
        paths: &[&str],
        random: &mut Random,
        name: &str,
    ) -> Option<Subject> {
        std::thread::sleep(Duration::from_millis(random.between(50, 900)));
        let one = *random.pick(paths);
        match self {
            Self::RequestOut => {
                sink.set(one, Manner::Hang);
                let is_out =
                    |told: &harness::sink::Told| told.path == one && told.outcome == Outcome::Open;
                let _ = sink.wait(ARMING, is_out);
                std::thread::sleep(Duration::from_millis(random.below(30)));
            }
            Self::Accepted => {
                let armed = Instant::now();
                let is_new = |told: &harness::sink::Told| {
                    told.path == one
                        && matches!(told.outcome, Outcome::Answered(200, at) if at > armed)
                };
                let _ = sink.wait(ARMING, is_new);
                std::thread::sleep(Duration::from_micros(random.below(4_000)));
            }
            Self::Acknowledged => {
                let mut subject =
                    Subject::new(name.to_owned(), random.below(crate::subject::CLUSTERS));
                subject.is_brief = random.percent(50);
                let alert = subject.change(Change::Fire);
                if load::post(server.address(), &[alert]) {
                    subject.acknowledged();
                }
                return Some(subject);
            }
            Self::Compaction => compaction(server, random),
            _ => {}
        }
        None
    }
}

/// Fills the journal with what is outdated at once and waits until it is compacted.
fn compaction(server: &Server, random: &mut Random) {
    let text = "x".repeat(32 * 1024);
    let filler = |n: u64, round: u64| {
        let alert = harness::alert::Alert::named(&format!("filler{n}")).lasting();
        alert.annotation("text", &format!("{round}{text}"))
    };
    for round in 0..24 {
        let all: Vec<_> = (0..16).map(|n| filler(n, round)).collect();
        if !load::post(server.address(), &all) {
            return;
        }
    }
    let found = server.program.stderr.wait(Duration::from_secs(7), |log| {
        log.contains("Compacting the journal").then_some(())
    });
    if found.is_none() {
        eprintln!("no compaction was seen");
    }
    // Most of the journal is small: a compaction takes a few milliseconds.
    let longest = *random.pick(&[3_000, 30_000]);
    std::thread::sleep(Duration::from_micros(random.below(longest)));
}
