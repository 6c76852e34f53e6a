//! Redis and the model, asked the same: whatever is asked, in whatever order, they answer the same.
//!
//! The model does with `domain::group::Group` what the scripts do in Lua, so this is the proof that the scripts follow the
//! domain. The shard clock never goes back, so a clock set far ahead stands still until it is set again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use domain::fingerprint::Fingerprint;
use domain::group::farewell::Leave;
use domain::group::grid::Grid;
use domain::group::told::{Pending, Told};
use domain::id::IntegrationId;
use domain::limits;
use domain::time::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use runtime::clock::Clock;
use runtime::timing::Timing;
use state::coordinator::model::Model;
use state::coordinator::{
    Claimed, Coordinator, Epoch, Event, EventId, GroupName, HoldFor, Joined, Merge, NothingKnown,
    Offer, Past, PollAsk, ShardPoll, SharedGroup,
};
use state_redis::call::Call;
use state_redis::link::Link;

use crate::actors::{ALERTS, GROUPS, alert, group};
use crate::world::Servers;

/// Fails with what both said if that differs.
macro_rules! same {
    ($what:expr, $model:expr, $redis:expr) => {
        let (model, redis) = ($model, $redis);
        prop_assert_eq!(&model, &redis, "{}: left is the model", $what);
    };
}

mod flush;
mod step;

use step::{Step, step};

#[derive(Clone, Default)]
struct Hand(Arc<Mutex<i64>>);

impl Hand {
    fn ms(&self) -> i64 {
        *self.0.lock().expect("nobody panics with it")
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.ms())
    }
}

/// Two instances at the model, and the same two at Redis.
struct Pair {
    clock: Hand,
    link: Link,
    model: Vec<Arc<dyn Coordinator>>,
    redis: Vec<Arc<dyn Coordinator>>,
    model_epochs: Vec<Option<Epoch>>,
    redis_epochs: Vec<Option<Epoch>>,
    nonce: u64,
    claims: Vec<(usize, Claimed)>,
    /// Messages that were begun.
    begun: Vec<(GroupName, IntegrationId, Pending)>,
    told: Vec<Told>,
}

impl Pair {
    async fn new(servers: &Servers) -> Self {
        let clock = Hand(Arc::new(Mutex::new(2_000_000_000_000)));
        let model = Model::new(Arc::new(clock.clone()), Timing::default());
        let mut pair = Self {
            clock,
            link: servers.link(),
            model: Vec::new(),
            redis: Vec::new(),
            model_epochs: vec![None; limits::SHARDS],
            redis_epochs: vec![None; limits::SHARDS],
            nonce: 0,
            claims: Vec::new(),
            begun: Vec::new(),
            told: vec![Told::default()],
        };
        for instance in ["one", "two"] {
            pair.model.push(Arc::new(model.connect(instance)));
            pair.redis.push(Arc::new(servers.coordinator(instance)));
        }
        pair.set_clock().await;
        for shard in 0..limits::SHARDS {
            let opened = pair.model[0]
                .open_epoch(shard, None, HoldFor::Nothing, Past::Nothing)
                .await;
            pair.model_epochs[shard] = Some(opened.expect("open"));
            let opened = pair.redis[0]
                .open_epoch(shard, None, HoldFor::Nothing, Past::Nothing)
                .await;
            pair.redis_epochs[shard] = Some(opened.expect("open"));
        }
        pair
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn set_clock(&self) {
        let calls = (0..limits::SHARDS).map(|shard| {
            let key = self.link.key(&format!("shard:{{s{shard:02}}}"));
            let call = Call::command("HSET").key(key).arg("offset").arg("0");
            call.arg("clock").arg(self.clock.ms())
        });
        for set in self.link.run_all(calls.collect()).await {
            set.expect("set");
        }
    }

    fn claim(&self, number: usize) -> Option<(usize, Claimed)> {
        let count = self.claims.len();
        (count > 0).then(|| self.claims[number % count].clone())
    }

    async fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        self.set_clock().await;
        match step {
            Step::Pass(seconds) => {
                *self.clock.0.lock().expect("nobody panics with it") += i64::from(*seconds) * 1000;
            }
            Step::Post { by, .. } => self.post(*by, step).await?,
            Step::Poll(by) => self.poll(*by).await?,
            Step::Seize(by, index) => {
                let name = GroupName::of(&group(*index));
                let model = self.model[*by].seize(&name).await;
                let redis = self.redis[*by].seize(&name).await;
                if let Ok(Some(Ok(claimed))) = &redis {
                    self.claims.push((*by, claimed.clone()));
                }
                same!("seize", model, redis);
            }
            Step::Restart(hash) => {
                let hash = (hash % 3).to_string();
                let tenant = group(0).tenant.clone();
                let model = self.model[0].restart_grids(&tenant, &hash).await;
                let redis = self.redis[0].restart_grids(&tenant, &hash).await;
                same!("restart", model, redis);
            }
            Step::Merge { .. } => self.merge(step).await?,
            other => self.flush(other).await?,
        }
        self.compare().await
    }

    async fn post(&self, by: usize, step: &Step) -> Result<(), TestCaseError> {
        let Step::Post {
            group: index,
            alert: which,
            began_ago,
            lasts,
            behind,
            is_timeout,
            is_owed,
            is_again,
            ..
        } = step
        else {
            return Ok(());
        };
        let ms = self.clock.ms();
        let at = |seconds: i64| Timestamp::from_unix_ms(ms + seconds * 1000);
        let posted = domain::alert::Alert {
            starts_at: at(-began_ago),
            ends_at: at(*lasts),
            updated_at: at(-behind),
            is_timeout: *is_timeout,
            ..alert(*index, *which)
        };
        let offer = Offer {
            group: group(*index),
            alert: Arc::new(posted),
            is_owed: *is_owed,
            is_again: *is_again,
        };
        let model = self.model[by].ingest(vec![offer.clone()], self.now()).await;
        let mut redis = self.redis[by].ingest(vec![offer.clone()], self.now()).await;
        if redis[0].is_err() {
            // Its clock steps here, so that a post looks late; it says so, and the next one does not.
            redis = self.redis[by].ingest(vec![offer], self.now()).await;
        }
        let facts = |mut answers: Vec<Result<state::coordinator::Offered, _>>| {
            let answer: Result<_, state::coordinator::CoordinatorError> = answers.remove(0);
            answer.map(|offered| (offered.alert, offered.is_member, offered.created))
        };
        same!("ingest", facts(model), facts(redis));
        Ok(())
    }

    async fn poll(&mut self, by: usize) -> Result<(), TestCaseError> {
        self.nonce += 1;
        let ask = |epochs: &Vec<Option<Epoch>>| PollAsk {
            nonce: self.nonce,
            limit: 100,
            epochs: epochs.clone(),
            seen: vec![EventId::default(); limits::SHARDS],
            tenants: vec![group(0).tenant.clone()],
            ..PollAsk::default()
        };
        let model = self.model[by].poll(ask(&self.model_epochs)).await;
        let redis = self.redis[by].poll(ask(&self.redis_epochs)).await;
        // The answer to the first question was lost. A poll lets the clock go on, so it is set again.
        self.set_clock().await;
        let again = self.redis[by].poll(ask(&self.redis_epochs)).await;
        let facts = |answer: state::coordinator::PollAnswer| {
            let shards = answer.shards.into_iter().map(|shard| match shard {
                Ok(ShardPoll::Well(mut well)) => {
                    well.claims.sort_by(|a, b| a.group.cmp(&b.group));
                    Some((well.now, well.next_due, well.grace, well.claims))
                }
                _ => None,
            });
            (shards.collect::<Vec<_>>(), answer.silences)
        };
        let (model, redis, again) = (facts(model), facts(redis), facts(again));
        for (_, _, _, claims) in redis.0.iter().flatten() {
            self.claims
                .extend(claims.iter().map(|claim| (by, claim.clone())));
        }
        same!("asked again", &redis.0, &again.0);
        same!("poll", model, redis);
        Ok(())
    }

    async fn merge(&self, step: &Step) -> Result<(), TestCaseError> {
        let Step::Merge {
            group: index,
            alerts,
            age,
            told,
            leaves,
        } = step
        else {
            return Ok(());
        };
        let ms = self.clock.ms();
        let at = |seconds: i64| Timestamp::from_unix_ms(ms + seconds * 1000);
        let has = |set: u8, which: usize| set >> which & 1 == 1;
        let states = (0..ALERTS).filter(|which| has(*alerts, *which));
        let states = states.map(|which| {
            Arc::new(domain::alert::Alert {
                starts_at: at(-200),
                ends_at: at(if has(*alerts, which + 3) { -*age } else { 100 }),
                updated_at: at(-*age),
                ..alert(*index, which)
            })
        });
        let off = (0..ALERTS).filter(|which| has(*leaves, *which));
        let off = off.map(|which| Leave {
            fingerprint: alert(*index, which).fingerprint,
            updated_at: at(-*age + i64::from(leaves >> 5)),
        });
        let identity = group(*index);
        let known = self.told[self.told.len().saturating_sub(1 + told) % self.told.len()].clone();
        let grid = Grid::known(at(-60), at(*age), identity.group_interval, has(*leaves, 7));
        let integration = IntegrationId::new("r", "webhook", told % 2);
        // Half of them were worked out from what is known now, or was once.
        let joined = has(*leaves, 5).then(|| Joined {
            integration: integration.clone(),
            over: if has(*alerts, 7) { known.seq } else { 0 },
            told: Told {
                seq: known.seq + 1,
                ..known.clone()
            },
        });
        let merge = Merge {
            alerts: states.collect(),
            told: vec![(integration, known)],
            joined: joined.into_iter().collect(),
            leaves: off.collect(),
            is_move: has(*leaves, 6),
            is_first: has(*alerts, 6) && has(*leaves, 2),
            ..Merge::of(identity, grid)
        };
        let model = self.model[1].merge(vec![merge.clone()]).await;
        let redis = self.redis[1].merge(vec![merge]).await;
        same!("merge", model, redis);
        Ok(())
    }

    async fn compare(&self) -> Result<(), TestCaseError> {
        for index in 0..GROUPS {
            let name = GroupName::of(&group(index));
            let model = self.model[0].group(&name).await.expect("reachable");
            let redis = self.redis[0].group(&name).await.expect("reachable");
            same!(format!("group {index}"), model.map(facts), redis.map(facts));
            let all: Vec<_> = (0..ALERTS)
                .map(|which| alert(index, which).fingerprint)
                .collect();
            let since = Timestamp::from_unix_ms(1);
            let model = self.model[0].departed(&name, since, &all).await;
            let redis = self.redis[0].departed(&name, since, &all).await;
            same!(format!("who left group {index}"), model, redis);
        }
        let depths = |mut depths: Vec<state::coordinator::ShardDepth>| {
            for depth in &mut depths {
                depth.last_event = EventId::default();
            }
            depths
        };
        let model = self.model[0].depths().await.map(depths);
        same!("depths", model, self.redis[0].depths().await.map(depths));
        Ok(())
    }

    /// Whoever follows the feed knows what there is.
    async fn compare_feeds(&self) -> Result<(), TestCaseError> {
        let all = vec![EventId::default(); limits::SHARDS];
        let mut followed: BTreeMap<GroupName, BTreeMap<Fingerprint, Arc<domain::alert::Alert>>> =
            BTreeMap::new();
        let mut told: BTreeMap<(GroupName, IntegrationId), Told> = BTreeMap::new();
        for feed in self.redis[0].changes(&all, &NothingKnown).await {
            for change in feed.expect("reachable").changes {
                match change.event {
                    Event::Alert { group, alert } => {
                        let members = followed.entry(group).or_default();
                        members.insert(alert.fingerprint, alert);
                    }
                    Event::Left { group, alerts } => {
                        let members = followed.entry(group).or_default();
                        alerts.iter().for_each(|left| drop(members.remove(left)));
                    }
                    Event::Told {
                        group,
                        integration,
                        told: now,
                    } => drop(told.insert((group, integration), Told::clone(&now))),
                    Event::Gone { group } => {
                        followed.remove(&group);
                        told.retain(|(of, _), _| *of != group);
                    }
                    Event::Grid { .. } => {}
                }
            }
        }
        for index in 0..GROUPS {
            let name = GroupName::of(&group(index));
            let held = self.redis[0].group(&name).await.expect("reachable");
            let Some(held) = held else {
                prop_assert!(!followed.contains_key(&name));
                continue;
            };
            let members = followed.remove(&name).unwrap_or_default();
            let members: Vec<_> = members.into_values().collect();
            prop_assert_eq!(&members, &held.members);
            for (id, is) in held.told {
                let known = told.remove(&(name.clone(), id)).unwrap_or_default();
                prop_assert_eq!(known, is);
            }
        }
        Ok(())
    }
}

/// What of a group must be equal.
fn facts(group: SharedGroup) -> impl PartialEq + std::fmt::Debug {
    let grid = group.grid;
    let grid = (
        grid.first(),
        grid.next(),
        grid.has_ticked(),
        grid.interval(),
    );
    let told = group.told.into_iter();
    let told = told.filter(|(_, told)| *told != Told::default());
    (grid, group.members, told.collect::<BTreeMap<_, _>>())
}

#[test]
fn redis_answers_as_the_model_does() {
    let Some(servers) = Servers::single("lockstep").map(Servers::unscaled) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().expect("a runtime");
    let config = Config {
        cases: 64,
        max_shrink_iters: 2000,
        failure_persistence: None,
        ..Config::default()
    };
    let steps = prop::collection::vec(step(), 1..60);
    let outcome = TestRunner::new(config).run(&steps, |steps| {
        runtime.block_on(async {
            assert_eq!(servers.ask(&["FLUSHALL"]), "OK");
            let mut pair = Pair::new(&servers).await;
            for (number, step) in steps.iter().enumerate() {
                if number % 16 == 5 {
                    // Nobody notices.
                    assert_eq!(servers.ask(&["SCRIPT", "FLUSH"]), "OK");
                }
                pair.take(step).await?;
            }
            pair.compare_feeds().await
        })
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
