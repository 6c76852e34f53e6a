//! kill -9 under load, at random and at named moments (G7, D1): nothing acknowledged is lost, nothing recorded as told is told
//! again, no end is made up.
//!
//! The oracle is what the server acknowledged (HTTP 200) and what the webhook sink got. `BELFRY_CRASH_ROUNDS` says how
//! often the server is killed (50 unless set), `BELFRY_CRASH_SEED` repeats a run's choices; the moments themselves
//! depend on the machine.

mod kill;
mod load;
mod oracle;
mod subject;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use harness::random::Random;
use harness::server::{Place, Server};
use harness::sink::{Manner, Sink};
use harness::wait_for;

use crate::kill::{POINTS, Point};
use crate::load::{Hold, Poster, Silencer};
use crate::oracle::Known;
use crate::subject::{Subject, Truth};

const ROUNDS: u64 = 50;

/// Kills of one server on the same files before a new one is set up.
const EPISODE: u64 = 5;

/// Episodes at the same time: they mostly wait.
const LANES: u64 = 4;

/// Longest time after a restart until everybody knows the truth.
const QUIET_AFTER: Duration = Duration::from_secs(15);

/// A little more than a group_interval: who has something to say says it by then.
const WATCH: Duration = Duration::from_millis(1_200);

/// Longest time a server that was asked to stop may take.
const STOPPING: Duration = Duration::from_secs(28);

/// Two ways to group that make the same groups under other keys.
const GROUP_BY: [&str; 2] = ["cluster", "cluster, load"];

const PATHS: [&str; 3] = ["/a0", "/a1", "/b"];

fn config(sink: &Sink, random: &mut Random, group_by: &str) -> String {
    let mut wait = || random.between(100, 300);
    format!(
        "route:\n  receiver: nobody\n  repeat_interval: 1h\n  group_interval: 1s\n  group_by: [{group_by}]\n  routes:\n  \
         - {{matchers: ['load=\"yes\"'], receiver: a, group_wait: {}ms, continue: true}}\n  \
         - {{matchers: ['load=\"yes\"'], receiver: b, group_wait: {}ms}}\n\
         receivers:\n- name: nobody\n- name: a\n  webhook_configs: [{{url: '{}'}}, {{url: '{}'}}]\n\
         - name: b\n  webhook_configs: [{{url: '{}'}}]\n",
        wait(),
        wait(),
        sink.url("/a0"),
        sink.url("/a1"),
        sink.url("/b"),
    )
}

fn from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text} is no number")),
    )
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_recorded_is_told_again() {
    let rounds = from_environment("BELFRY_CRASH_ROUNDS").unwrap_or(ROUNDS);
    let by_clock = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| d.as_secs())
    };
    let seed = from_environment("BELFRY_CRASH_SEED").unwrap_or_else(by_clock);
    println!("crash: {rounds} rounds, BELFRY_CRASH_SEED={seed}");
    harness::server::binary();
    let episodes = rounds.div_ceil(EPISODE);
    let next = AtomicU64::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..LANES.min(episodes) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= episodes {
                        return;
                    }
                    let kills = EPISODE.min(rounds - number * EPISODE);
                    let found = Episode::new(number, Random::seeded(seed).part(number)).run(kills);
                    if let Err(found) = found {
                        failures.lock().expect("no lane panics with it").push(found);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no lane panicked with it");
    assert!(
        failures.is_empty(),
        "{} of {episodes} episodes failed (BELFRY_CRASH_SEED={seed}):\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// One server on the same files through several kills.
struct Episode {
    number: u64,
    random: Random,
    sink: Sink,
    place: Place,
    posters: Vec<Poster>,
    silencer: Silencer,
    /// Alerts posted just before a kill.
    last_words: Vec<Subject>,
    kills: Vec<Instant>,
    group_by: &'static str,
}

impl Episode {
    fn new(number: u64, mut random: Random) -> Self {
        let sink = Sink::start();
        let place = Place::new(&config(&sink, &mut random, GROUP_BY[0]));
        let posters = (0..2)
            .map(|n| Poster::new(n, random.part(10 + n as u64)))
            .collect();
        let silencer = Silencer::new(random.part(20));
        Self {
            number,
            random,
            sink,
            place,
            posters,
            silencer,
            last_words: Vec::new(),
            kills: Vec::new(),
            group_by: GROUP_BY[0],
        }
    }

    fn start(&self) -> Server {
        self.place.start(&["--log.level=debug"])
    }

    fn run(mut self, kills: u64) -> Result<(), String> {
        let mut server = self.start();
        for round in 0..kills {
            // Every named moment comes up once in twelve rounds.
            let turn = (self.number * EPISODE + round) % POINTS.len() as u64;
            let point = POINTS[usize::try_from(turn).expect("an index")];
            let began = Instant::now();
            server = self.round(point, round, server);
            let mut wrong = self.verdict(&server);
            if wrong.is_empty() && point == Point::Reload {
                server = self.regroup(server);
                wrong = self.verdict(&server);
            }
            println!(
                "crash: episode {} round {round} {point:?}: {} messages, {} s{}",
                self.number,
                self.sink.told().len(),
                began.elapsed().as_secs_f32(),
                if wrong.is_empty() { "" } else { ", FAILED" }
            );
            if !wrong.is_empty() {
                return Err(self.report(point, &wrong, &server));
            }
        }
        let took = self.known().recording_took(&self.sink.told());
        println!(
            "crash: episode {}: {} accepted messages came again after a kill; answered at most {:?} before it",
            self.number,
            took.len(),
            took.iter().max().copied().unwrap_or_default()
        );
        Ok(())
    }

    /// Load, the kill, the restart; what was not acknowledged is posted again.
    fn round(&mut self, point: Point, round: u64, mut server: Server) -> Server {
        let stop = AtomicBool::new(false);
        let address = server.address().to_owned();
        point.prepare(&self.sink, &PATHS, &mut self.random);
        let name = format!("last{round}");
        std::thread::scope(|scope| {
            for poster in &mut self.posters {
                scope.spawn(|| poster.run(&address, &stop));
            }
            scope.spawn(|| self.silencer.run(&address, &stop, point.silencer_pause()));
            let last = point.await_moment(&server, &self.sink, &PATHS, &mut self.random, &name);
            if point == Point::Reload {
                let config = config(&self.sink, &mut self.random, self.group_by);
                self.place.configure(&config);
                server.program.signal("HUP");
                std::thread::sleep(Duration::from_micros(self.random.below(40_000)));
            }
            if point == Point::Stop {
                server.program.signal("TERM");
                let code = server.program.wait(STOPPING).code();
                assert_eq!(code, Some(0), "{}", server.program.stderr.text());
            } else {
                server.program.kill();
                self.kills.push(Instant::now());
            }
            stop.store(true, Ordering::Relaxed);
            self.last_words.extend(last);
        });
        for path in PATHS {
            self.sink.set(path, Manner::Accept);
        }
        if point == Point::Restore {
            self.kill_while_restoring();
        }
        let server = self.start();
        self.post_again(&server);
        server
    }

    /// All is quiet and every group gets another key by a reload: what was told moves along, so nothing is said.
    fn regroup(&mut self, mut server: Server) -> Server {
        let other = GROUP_BY.iter().find(|by| **by != self.group_by);
        self.group_by = other.copied().unwrap_or(self.group_by);
        let config = config(&self.sink, &mut self.random, self.group_by);
        self.place.configure(&config);
        server.program.signal("HUP");
        std::thread::sleep(Duration::from_micros(self.random.below(60_000)));
        server.program.kill();
        self.kills.push(Instant::now());
        self.start()
    }

    fn kill_while_restoring(&mut self) {
        for _ in 0..self.random.between(1, 3) {
            let mut again = harness::program::Program::start(&mut self.place.command(&[]));
            let long = self.random.between(5, 250);
            std::thread::sleep(Duration::from_millis(long));
            again.kill();
            self.kills.push(Instant::now());
        }
    }

    /// What senders do with what was not acknowledged.
    fn post_again(&mut self, server: &Server) {
        let address = server.address();
        let silenced = self.silencer.silences.iter_mut();
        for silenced in silenced {
            if silenced.hold == Hold::Deleting {
                assert!(silenced.delete(address), "a silence is not deleted");
            }
        }
        let all = self
            .posters
            .iter_mut()
            .flat_map(|poster| &mut poster.subjects);
        let all = all.chain(&mut self.last_words);
        let all = all.chain(
            self.silencer
                .silences
                .iter_mut()
                .map(|silenced| &mut silenced.subject),
        );
        for subject in all {
            let Some((_, alert)) = &subject.unsure else {
                continue;
            };
            assert!(
                load::post(address, std::slice::from_ref(alert)),
                "{alert:?} is not accepted after the restart"
            );
            subject.acknowledged();
        }
    }

    fn known(&self) -> Known<'_> {
        let subjects = self.posters.iter().flat_map(|poster| &poster.subjects);
        Known {
            subjects: subjects.chain(&self.last_words).collect(),
            silences: &self.silencer.silences,
            kills: &self.kills,
        }
    }

    /// Waits until all is quiet and judges; empty when all is well.
    fn verdict(&self, server: &Server) -> Vec<String> {
        let known = self.known();
        let is_settled = || {
            known
                .distance(&self.sink.told(), &PATHS)
                .is_empty()
                .then_some(())
        };
        let mut wrong = Vec::new();
        if wait_for(QUIET_AFTER, is_settled).is_none() {
            wrong = known.distance(&self.sink.told(), &PATHS);
        }
        let before = self.sink.told().len();
        std::thread::sleep(WATCH);
        let after = self.sink.told();
        if after.len() != before {
            // A repeat under the same key may be among them; the other checks say so.
            wrong.extend(known.distance(&after, &PATHS));
        }
        wrong.extend(known.breaches(&after));
        wrong.extend(self.silence_breaches(server));
        wrong.extend(self.listing_breaches(server));
        wrong
    }

    fn silence_breaches(&self, server: &Server) -> Vec<String> {
        let listed = server.json("/api/v2/silences");
        let listed = listed.as_array().cloned().unwrap_or_default();
        let mut wrong = Vec::new();
        for silenced in &self.silencer.silences {
            let expected = match silenced.hold {
                Hold::Holds => "active",
                Hold::Deleting => continue,
                Hold::Deleted => "expired",
            };
            let found = listed
                .iter()
                .find(|silence| silence["id"] == silenced.id.as_str());
            let state = found.and_then(|silence| silence["status"]["state"].as_str());
            if state != Some(expected) {
                wrong.push(format!(
                    "silence {} is {state:?}, not {expected}",
                    silenced.id
                ));
            }
        }
        wrong
    }

    fn listing_breaches(&self, server: &Server) -> Vec<String> {
        let listed = server.json("/api/v2/alerts?filter=load%3D%22yes%22");
        let listed = listed.as_array().cloned().unwrap_or_default();
        let names: Vec<&str> = listed
            .iter()
            .filter_map(|a| a["labels"]["alertname"].as_str())
            .collect();
        let known = self.known();
        let silenced = self
            .silencer
            .silences
            .iter()
            .map(|silenced| &silenced.subject);
        let mut wrong = Vec::new();
        for subject in known.subjects.iter().copied().chain(silenced) {
            let is_listed = names.contains(&subject.name.as_str());
            if is_listed != (subject.truth == Truth::Firing) && !subject.is_brief {
                wrong.push(format!(
                    "{} is {:?}, listed: {is_listed}",
                    subject.name, subject.truth
                ));
            }
        }
        wrong
    }

    fn report(&self, point: Point, wrong: &[String], server: &Server) -> String {
        let log = server.program.stderr.text();
        let tail: Vec<&str> = log.lines().rev().take(30).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        let kills: Vec<_> = self.kills.iter().map(|kill| kill.elapsed()).collect();
        let mut story = String::new();
        for told in self.sink.told().iter().rev().take(25).rev() {
            story.push_str(&format!(
                "  {:?} ago {}\n",
                told.at.elapsed(),
                oracle::shown(told)
            ));
        }
        format!(
            "episode {} at {point:?}, killed {kills:?} ago:\n  {}\nthe last messages:\n{story}the log's end:\n  {}\n",
            self.number,
            wrong.join("\n  "),
            tail.join("\n  ")
        )
    }
}
