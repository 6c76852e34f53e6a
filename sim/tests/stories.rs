//! Faults told one by one: what a seed would meet rarely.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use domain::id::TenantId;
use domain::time::Timestamp;
use engine::PostedAlert;
use runtime::clock::SimClock;
use runtime::timing::Timing;
use sim::dice::Dice;
use sim::instance::{Instance, Surroundings};
use sim::profile::Profile;
use sim::receiver::{Message, Receiver};
use sim::sky::Sky;
use state::Mode;
use state::coordinator::model::Model;
use state::coordinator::model::hole::Hole;
use store::Store;
use tokio::time::Instant;

const YAML: &str = "
route: {receiver: default, group_by: [alertname], group_wait: 1s, group_interval: 5s, repeat_interval: 4h}
receivers: [{name: default, webhook_configs: [{url: 'http://a'}]}]
";

/// Instances around one model, in fine weather, with a receiver that accepts everything.
struct World {
    around: Surroundings,
    stores: Vec<Store>,
    instances: Vec<Option<Instance>>,
    lives: usize,
    start: Timestamp,
}

impl World {
    async fn new(count: usize) -> Self {
        let start = Timestamp::new(1_767_607_200, 0, 0);
        let clock = SimClock::shared(start);
        let receiver = Receiver::new("a", Profile::Calm, 0, Instant::now());
        let around = Surroundings {
            model: Model::new(Arc::clone(&clock), Timing::default()),
            sky: Sky::new(Dice::new(0, "sky"), 0, count),
            receivers: vec![receiver],
            clock,
        };
        let stores = (0..count).map(|_| Store::memory(Arc::clone(&around.clock)));
        let mut world = Self {
            stores: stores.collect(),
            around,
            instances: (0..count).map(|_| None).collect(),
            lives: 0,
            start,
        };
        for slot in 0..count {
            world.begin(slot).await;
        }
        world
    }

    async fn begin(&mut self, slot: usize) {
        self.lives += 1;
        let from = (slot, self.lives);
        let instance = Instance::start(&self.around, from, &self.stores[slot], YAML).await;
        self.instances[slot] = Some(instance);
    }

    fn kill(&mut self, slot: usize) {
        let instance = self.instances[slot].take();
        instance.expect("it runs").kill();
    }

    /// Cuts everybody off, and waits until all of them go on alone.
    async fn cut_all(&self) {
        self.around.sky.cut_all(true);
        let is_shared = |one: &Instance| one.engine.mode() == Mode::Coordinated;
        while self.instances.iter().flatten().any(is_shared) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Posts an alert that fires from now on, for so long; 0 ends it.
    async fn post(&self, slot: usize, number: usize, lasts: Duration) {
        let instance = self.instances[slot].as_ref().expect("it runs");
        let tenant = instance.engine.tenant(&TenantId::default_tenant());
        let name = format!("n{number}");
        let posted = PostedAlert {
            labels: vec![(Cow::Borrowed("alertname"), Cow::Owned(name))],
            starts_at: Some(self.start),
            ends_at: Some(self.around.clock.now() + lasts),
            ..PostedAlert::default()
        };
        let report = instance
            .engine
            .ingest(&tenant.expect("a tenant"), vec![posted])
            .await;
        assert!(report.expect("acknowledged").invalid.is_empty());
    }

    /// What the receiver accepted about an alert so far.
    fn told(&self, number: usize) -> Vec<Message> {
        let mut told = self.around.receivers[0].offered();
        told.retain(|message| {
            message.firing.contains(&number) || message.resolved.contains(&number)
        });
        told
    }
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

const HOUR: Duration = Duration::from_secs(3600);

/// protocol.md §5, claim: asked again with the same nonce, the server gives the same claims.
#[tokio::test(start_paused = true)]
async fn a_claim_whose_reply_was_lost_delays_no_news() {
    for (hole, is_in_time) in [(None, true), (Some(Hole::PollWithoutNonce), false)] {
        let world = World::new(1).await;
        pass(20).await;
        hole.into_iter()
            .for_each(|hole| world.around.model.open(hole));
        // Its group is due at once; the instance does not give up on the server that soon.
        world.around.sky.lose_replies_to(Some("poll"));
        world.post(0, 1, HOUR).await;
        tokio::time::sleep(Duration::from_millis(600)).await;
        world.around.sky.lose_replies_to(None);
        pass(15).await;
        assert_eq!(world.told(1).len() == 1, is_in_time, "{hole:?}");
    }
}

/// protocol.md §7, last row.
#[tokio::test(start_paused = true)]
async fn what_was_acknowledged_alone_is_told_after_a_restart_that_begins_alone() {
    let mut world = World::new(2).await;
    world.cut_all().await;
    world.post(0, 1, HOUR).await;
    world.kill(0);
    assert_eq!(world.told(1).len(), 0);
    world.begin(0).await;
    pass(30).await;
    assert_eq!(world.told(1).len(), 1, "{:?}", world.told(1));
}

#[tokio::test(start_paused = true)]
async fn what_another_instance_took_in_since_is_not_ended_after_a_restart_that_begins_alone() {
    let mut world = World::new(2).await;
    world.post(0, 1, Duration::from_secs(60)).await;
    pass(20).await;
    assert_eq!(world.told(1).len(), 1);
    // From here on its sender turns to the other one.
    world.post(1, 1, HOUR).await;
    pass(1).await;
    world.cut_all().await;
    world.kill(0);
    world.begin(0).await;
    pass(600).await;
    let told = world.told(1);
    assert!(
        told.iter().all(|message| message.resolved.is_empty()),
        "{told:?}"
    );
}

/// protocol.md §5, move: whatever was heard of while the configuration changed is told in its new group.
#[tokio::test(start_paused = true)]
async fn what_is_heard_of_during_a_reload_is_told_in_its_new_group() {
    let mut world = World::new(2).await;
    let yaml = YAML.replace("[alertname]", "[]");
    let one = world.instances[0].take().expect("it runs");
    let posts = async {
        for number in 0..60 {
            world.post(1, number, HOUR).await;
            tokio::time::sleep(Duration::from_micros(100)).await;
        }
    };
    let reload = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        one.configure(&world.around, &yaml).await;
    };
    tokio::join!(posts, reload);
    world.kill(1);
    pass(120).await;
    for number in 0..60 {
        let told = world.told(number);
        let is_moved = told.iter().any(|message| message.group_key == "{}:{}");
        assert!(is_moved, "n{number}: {told:?}");
    }
}

/// protocol.md §8: an instance that knows of nothing is the first to look after a loss.
#[tokio::test(start_paused = true)]
async fn after_a_loss_a_new_instance_tells_nothing_before_others_put_back_what_they_know() {
    let mut world = World::new(2).await;
    world.kill(1);
    world.stores[1] = Store::memory(Arc::clone(&world.around.clock));
    world.post(0, 1, HOUR).await;
    pass(60).await;
    assert_eq!(world.told(1).len(), 1);
    // The other one looks as late as it may.
    let gate = world.instances[0].as_ref().expect("it runs").gate.clone();
    gate.freeze(true);
    world.around.model.flush_all();
    world.begin(1).await;
    world.post(1, 1, HOUR).await;
    tokio::time::sleep(Duration::from_millis(900)).await;
    gate.freeze(false);
    pass(60).await;
    let told = world.told(1);
    assert_eq!(told.len(), 1, "{told:?}");
}

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Tombstones live for an hour.
#[tokio::test(start_paused = true)]
async fn what_ended_while_an_instance_was_down_for_hours_does_not_come_back() {
    let mut world = World::new(2).await;
    pass(60).await;
    world.post(1, 1, DAY).await;
    pass(60).await;
    world.kill(1);
    world.post(0, 1, Duration::ZERO).await;
    pass(4_000).await;
    assert_eq!(world.told(1).len(), 2);
    world.begin(1).await;
    pass(600).await;
    let told = world.told(1);
    assert_eq!(told.len(), 2, "{told:?}");
    // Not even when it begins alone the next time.
    world.kill(1);
    world.around.sky.cut(1, true);
    world.begin(1).await;
    pass(600).await;
    let told = world.told(1);
    assert_eq!(told.len(), 2, "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn what_ended_while_an_instance_was_cut_off_for_hours_does_not_come_back() {
    let world = World::new(2).await;
    pass(60).await;
    world.post(0, 1, DAY).await;
    pass(60).await;
    world.around.sky.cut(1, true);
    pass(10).await;
    world.post(0, 1, Duration::ZERO).await;
    pass(4_000).await;
    world.around.sky.cut(1, false);
    pass(600).await;
    let told = world.told(1);
    assert_eq!(told.len(), 2, "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_acknowledged_alone_is_told_even_by_an_instance_that_was_down_for_hours() {
    let mut world = World::new(2).await;
    world.around.sky.cut(1, true);
    pass(30).await;
    world.post(1, 1, DAY).await;
    world.kill(1);
    world.around.sky.cut(1, false);
    pass(4_000).await;
    assert_eq!(world.told(1).len(), 0);
    world.begin(1).await;
    pass(60).await;
    assert_eq!(world.told(1).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_all_instances_knew_comes_back_after_hours_although_the_server_is_empty() {
    let mut world = World::new(1).await;
    world.post(0, 1, DAY).await;
    pass(60).await;
    world.kill(0);
    pass(4_000).await;
    world.around.model.flush_all();
    world.begin(0).await;
    pass(60).await;
    world.post(0, 1, Duration::ZERO).await;
    pass(60).await;
    let told = world.told(1);
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[1].resolved, [1]);
}
