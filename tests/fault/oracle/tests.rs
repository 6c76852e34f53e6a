//! The oracle on logs made by hand: each kind of breach is caught, and nothing else is.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::feeder::truth::Statement;
use crate::sink::{Cut, Message, Outcome, Stream};

use super::{Evidence, Judgement, Timing, judge};

const PATH: &str = "/a";

/// A log under construction; times are seconds since it began.
struct Log {
    began: Instant,
    statements: Vec<Statement>,
    messages: Vec<Message>,
    cuts: Vec<Cut>,
    exempt: BTreeSet<String>,
}

impl Log {
    fn new() -> Self {
        Self {
            // A day back, so that nothing is close to the clock's own beginning.
            began: Instant::now(),
            statements: Vec::new(),
            messages: Vec::new(),
            cuts: Vec::new(),
            exempt: BTreeSet::new(),
        }
    }

    fn at(&self, seconds: f64) -> Instant {
        self.began + Duration::from_secs_f64(seconds)
    }

    fn stated(mut self, seconds: f64, name: &str, fires: bool) -> Self {
        self.statements.push(Statement {
            name: name.into(),
            group: "g".into(),
            fires,
            posted: self.at(seconds),
            acked: Some(self.at(seconds)),
        });
        self
    }

    /// A message: its key, and alerts with a sign, `+` for firing and `-` for resolved.
    fn told(self, seconds: f64, key: &str, alerts: &str) -> Self {
        self.came(seconds, key, alerts, Outcome::Accepted)
    }

    fn came(mut self, seconds: f64, key: &str, alerts: &str, outcome: Outcome) -> Self {
        let with = |sign: char| {
            let words = alerts.split_whitespace();
            words.filter_map(move |word| word.strip_prefix(sign))
        };
        let names = |sign| with(sign).map(Into::into).collect();
        self.messages.push(Message {
            number: self.messages.len(),
            at: self.at(seconds),
            stream: Stream {
                path: PATH.into(),
                group: "g".into(),
            },
            key: key.to_owned(),
            body: alerts.into(),
            firing: names('+'),
            resolved: names('-'),
            foreign: with('+')
                .filter(|name| name.starts_with('x'))
                .map(Into::into)
                .collect(),
            outcome,
        });
        self
    }

    /// A request under this key is reset before its body has come.
    fn cut(mut self, seconds: f64, key: &str) -> Self {
        self.cuts.push(Cut {
            at: self.at(seconds),
            path: PATH.into(),
            key: key.to_owned(),
        });
        self
    }

    fn judged(&self) -> Judgement {
        judge(&Evidence {
            statements: &self.statements,
            messages: &self.messages,
            cuts: &self.cuts,
            paths: &[PATH],
            exempt: &self.exempt,
            timing: Timing {
                group_wait: Duration::from_secs(1),
                group_interval: Duration::from_secs(5),
                repeat: Duration::from_secs(60),
            },
        })
    }

    #[track_caller]
    fn check(&self, expected: &str) {
        let judged = self.judged();
        let found: Vec<String> = judged
            .breaches
            .iter()
            .map(|breach| format!("{:?}", breach.kind))
            .collect();
        assert_eq!(found.join(" "), expected, "{:?}", judged.breaches);
    }
}

#[test]
fn a_story_without_fault_is_clean() {
    Log::new()
        .stated(0.0, "a", true)
        .stated(0.5, "b", true)
        .told(1.0, "k1", "+a +b")
        .stated(3.0, "a", false)
        .told(6.0, "k2", "-a +b")
        .told(66.0, "k3", "+b")
        .stated(67.0, "b", false)
        .told(71.0, "k4", "-b")
        .check("");
}

#[test]
fn an_alert_nobody_was_told_of_is_lost() {
    let log = Log::new().stated(0.0, "a", true).stated(0.0, "b", true);
    log.told(1.0, "k1", "+a").check("Lost");
}

#[test]
fn an_end_nobody_was_told_of_is_lost() {
    let log = Log::new().stated(0.0, "a", true).told(1.0, "k1", "+a");
    log.stated(2.0, "a", false).check("Lost");
}

#[test]
fn an_alert_the_last_message_leaves_out_is_lost() {
    let log = Log::new().stated(0.0, "a", true).stated(0.0, "b", true);
    let log = log.told(1.0, "k1", "+a +b").stated(2.0, "c", true);
    log.told(6.0, "k2", "+a +c").check("Lost");
}

#[test]
fn what_fired_and_ended_unheard_is_not_lost() {
    let log = Log::new().stated(0.0, "a", true);
    log.stated(0.5, "a", false).check("");
}

#[test]
fn silenced_alerts_are_not_lost() {
    let mut log = Log::new().stated(0.0, "a", true);
    log.exempt.insert("a".to_owned());
    log.check("");
}

#[test]
fn refused_and_dropped_messages_told_nobody() {
    let log = Log::new().stated(0.0, "a", true);
    let log = log.came(1.0, "k1", "+a", Outcome::Refused(500));
    let log = log.came(2.0, "k1", "+a", Outcome::Dropped);
    log.check("Lost");
    log.told(3.0, "k1", "+a").check("");
}

#[test]
fn a_key_accepted_twice_is_a_duplicate() {
    let log = Log::new().stated(0.0, "a", true).told(1.0, "k1", "+a");
    log.told(2.0, "k1", "+a").check("RepeatedKey");
}

#[test]
fn a_repeat_after_an_answer_that_never_came_is_permitted() {
    let log = Log::new().stated(0.0, "a", true);
    let log = log.came(1.0, "k1", "+a", Outcome::AcceptedUnheard);
    let log = log.told(2.0, "k1", "+a");
    log.check("");
    assert_eq!(log.judged().unheard_repeats, 1);
}

#[test]
fn a_repeat_must_say_the_same() {
    let log = Log::new().stated(0.0, "a", true).stated(0.0, "b", true);
    let log = log.came(1.0, "k1", "+a", Outcome::AcceptedUnheard);
    log.told(2.0, "k1", "+a +b").check("ChangedRepeat");
}

#[test]
fn a_repeat_has_the_same_body_unless_its_alerts_changed() {
    let log = Log::new().stated(0.0, "a", true);
    let mut log = log.came(4.0, "k1", "+a", Outcome::AcceptedUnheard);
    log = log.told(6.0, "k1", "+a");
    log.messages[1].body = "another".into();
    log.check("ChangedRepeat");
    let log = log.stated(5.0, "a", false).stated(5.5, "a", true);
    log.check("");
}

#[test]
fn a_message_needs_a_key() {
    let log = Log::new().stated(0.0, "a", true);
    log.told(1.0, "", "+a").check("NoKey");
}

#[test]
fn the_same_words_under_another_key_are_a_duplicate() {
    let log = Log::new().stated(0.0, "a", true).told(1.0, "k1", "+a");
    log.told(6.0, "k2", "+a").check("SameContent");
}

#[test]
fn a_message_that_leaves_something_out_has_no_news() {
    let log = Log::new().stated(0.0, "a", true).stated(0.0, "b", true);
    let log = log.told(1.0, "k1", "+a +b").told(6.0, "k2", "+a");
    log.told(11.0, "k3", "+a +b").check("NoNews");
}

#[test]
fn ends_alone_are_no_news_to_those_who_were_told_nothing() {
    let log = Log::new().stated(0.0, "a", true).stated(0.5, "a", false);
    log.told(1.0, "k1", "-a").check("NoNews");
}

/// A configuration splits a group: what comes is told of in a group of its own first.
#[test]
fn an_end_is_news_although_the_last_message_was_about_others() {
    let log = Log::new().stated(0.0, "a", true).told(1.0, "k1", "+a");
    let log = log.stated(1.5, "b", true).told(2.0, "k2", "+b");
    let log = log.stated(2.5, "a", false).told(3.0, "k3", "+b -a");
    log.check("");
}

#[test]
fn an_end_nobody_stated_is_false() {
    let log = Log::new().stated(0.0, "a", true).told(1.0, "k1", "+a");
    let log = log.told(6.0, "k2", "-a").told(11.0, "k3", "+a");
    log.check("FalseEnd");
}

#[test]
fn an_end_stated_before_the_last_word_is_false() {
    let log = Log::new().stated(0.0, "a", true).told(1.0, "k1", "+a");
    let log = log.stated(2.0, "a", false).told(6.0, "k2", "-a");
    let log = log.stated(7.0, "a", true).told(11.0, "k3", "+a");
    log.told(31.0, "k4", "-a")
        .told(36.0, "k5", "+a")
        .check("FalseEnd");
}

#[test]
fn an_end_told_again_after_a_new_beginning_is_stale() {
    let log = Log::new().stated(0.0, "a", true).told(1.0, "k1", "+a");
    let log = log.stated(4.0, "a", false).told(6.0, "k2", "-a");
    let log = log.stated(8.0, "a", true).told(11.0, "k3", "-a");
    log.told(11.1, "k4", "+a").check("StaleEnd SameContent");
}

#[test]
fn a_beginning_counts_once_a_message_can_know_of_it() {
    let told = || {
        let log = Log::new().stated(0.0, "a", true).told(1.0, "k1", "+a");
        let log = log.stated(4.0, "a", false).told(8.0, "k2", "-a");
        log.stated(9.0, "a", true).stated(9.0, "b", true)
    };
    let then = |log: Log, at| log.told(at, "k3", "+b -a").told(14.0, "k4", "+a +b");
    then(told(), 9.05).check("");
    then(told(), 10.0).check("StaleEnd");
}

#[test]
fn a_frozen_message_is_judged_when_it_was_first_tried() {
    let log = Log::new().stated(0.0, "a", true).told(1.0, "k1", "+a");
    let log = log.stated(5.0, "a", false);
    let log = log.came(6.0, "k2", "-a", Outcome::Dropped);
    let log = log.stated(7.0, "a", true).told(36.0, "k2", "-a");
    log.told(41.0, "k3", "+a").check("");
}

#[test]
fn a_message_that_was_reset_is_frozen_since() {
    let told = || {
        let log = Log::new().stated(0.0, "a", true).told(1.0, "k1", "+a");
        let log = log.stated(4.0, "a", false).told(6.0, "k2", "-a");
        let log = log.stated(6.5, "b", true);
        log.cut(7.0, "k9")
    };
    let again = |log: Log| {
        let log = log.stated(9.0, "a", true).told(11.0, "k3", "+b -a");
        log.told(16.0, "k4", "+a +b")
    };
    again(told()).check("StaleEnd");
    again(told().cut(8.0, "k3")).check("");
}

#[test]
fn an_end_that_is_told_late_is_not_false() {
    let log = Log::new().stated(0.0, "a", true).told(1.0, "k1", "+a");
    let log = log.stated(5.9, "a", false).stated(6.1, "a", true);
    log.told(6.2, "k2", "-a").told(11.0, "k3", "+a").check("");
}

#[test]
fn an_alert_of_another_group_is_foreign() {
    let log = Log::new().stated(0.0, "a", true);
    log.told(1.0, "k1", "+a +x").check("Foreign");
}

#[test]
fn waits_count_from_the_tick() {
    let log = Log::new()
        .stated(0.0, "a", true)
        .told(1.25, "k1", "+a")
        .stated(2.0, "b", true)
        .told(6.5, "k2", "+a +b")
        .stated(7.0, "a", false)
        .stated(7.0, "b", false)
        .told(11.0, "k3", "-a -b")
        .stated(20.0, "a", true)
        .told(21.0, "k4", "+a");
    log.check("");
    let waits = log.judged().all_waits();
    let millis: Vec<u128> = waits.iter().map(Duration::as_millis).collect();
    assert_eq!(millis, [0, 0, 0, 250, 500]);
}
