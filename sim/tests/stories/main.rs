//! Faults told one by one: what a seed would meet rarely.

mod inherited;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use domain::id::TenantId;
use domain::label::Labels;
use domain::silence::edit::{PostMatcher, SilencePost};
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
use state::coordinator::RecordVersions;
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
        Self::with_server_off(count, 0).await
    }

    /// Around a server whose clock is wrong by so many milliseconds.
    async fn with_server_off(count: usize, by_ms: i64) -> Self {
        let mut world = Self::still(count);
        world.around.model.step_clock(by_ms);
        for slot in 0..count {
            world.begin(slot).await;
        }
        world
    }

    /// Before any of them begins.
    fn still(count: usize) -> Self {
        let start = Timestamp::new(1_767_607_200, 0, 0);
        let clock = SimClock::shared(start);
        let receiver = Receiver::new("a", Profile::Calm, 0, Instant::now());
        let around = Surroundings {
            model: Model::new(Arc::clone(&clock), Timing::default()),
            sky: Sky::new(Dice::new(0, "sky"), 0, count),
            receivers: vec![receiver],
            machines: Surroundings::machines(&clock, count),
            builds: vec![RecordVersions::default(); count],
            clock,
        };
        let stores = (0..count).map(|_| Store::memory(Arc::clone(&around.clock)));
        Self {
            stores: stores.collect(),
            around,
            instances: (0..count).map(|_| None).collect(),
            lives: 0,
            start,
        }
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
        let until = self.around.clock.now() + lasts;
        self.post_as(slot, number, self.start, until).await;
    }

    /// Posts that an alert is over, as senders do: since a moment ago.
    async fn end(&self, slot: usize, number: usize) {
        let since = self.around.clock.now() - Duration::from_millis(500);
        self.post_as(slot, number, self.start, since).await;
    }

    /// Posts an alert that fires from then to then.
    async fn post_as(&self, slot: usize, number: usize, since: Timestamp, until: Timestamp) {
        let instance = self.instances[slot].as_ref().expect("it runs");
        let tenant = instance.engine.tenant(&TenantId::default_tenant());
        let name = format!("n{number}");
        let posted = PostedAlert {
            labels: vec![(Cow::Borrowed("alertname"), Cow::Owned(name))],
            starts_at: Some(since),
            ends_at: Some(until),
            ..PostedAlert::default()
        };
        let report = instance
            .engine
            .ingest(&tenant.expect("a tenant"), vec![posted])
            .await;
        assert!(report.expect("acknowledged").invalid.is_empty());
    }

    /// Silences an alert from now on.
    async fn silence(&self, slot: usize, number: usize) {
        let instance = self.instances[slot].as_ref().expect("it runs");
        let tenant = instance.engine.tenant(&TenantId::default_tenant());
        let tenant = tenant.expect("a tenant");
        let start = self.around.clock.now();
        let post = SilencePost {
            id: None,
            matchers: vec![PostMatcher {
                name: "alertname".to_owned(),
                value: format!("n{number}"),
                is_regex: false,
                is_equal: true,
            }],
            starts_at: start,
            ends_at: start + Duration::from_secs(300),
            created_by: "story".to_owned(),
            comment: String::new(),
            annotations: Labels::empty(),
        };
        let put = instance.engine.put_silence(&tenant, post);
        put.await.expect("stored");
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

/// G5: while nobody can coordinate two senders change places, and neither instance hears what the other one does.
#[tokio::test(start_paused = true)]
async fn what_is_heard_elsewhere_since_instances_parted_is_not_over() {
    let world = World::new(2).await;
    let four_minutes = Duration::from_secs(240);
    let state = async |first: usize, minutes| {
        for _ in 0..minutes {
            world.post(first, 1, four_minutes).await;
            world.post(1 - first, 2, four_minutes).await;
            pass(60).await;
        }
    };
    state(0, 2).await;
    world.cut_all().await;
    state(0, 1).await;
    state(1, 30).await;
    world.around.sky.cut_all(false);
    state(1, 3).await;
    for number in [1, 2] {
        let told = world.told(number);
        assert!(told.iter().all(|one| one.resolved.is_empty()), "{told:?}");
    }
    world.end(1, 1).await;
    pass(30).await;
    let told = world.told(1);
    let ends = told.iter().filter(|one| one.resolved == [1]).count();
    assert_eq!(ends, 1, "{told:?}");
}

/// The journal of an instance says that an alert ended; another one heard that it fires anew, and only that one's journal says so.
#[tokio::test(start_paused = true)]
async fn what_fires_anew_elsewhere_is_not_over_after_a_restart_that_begins_alone() {
    let mut world = World::new(2).await;
    world.post(0, 1, HOUR).await;
    pass(10).await;
    world.end(0, 1).await;
    pass(10).await;
    let now = world.around.clock.now();
    world.post_as(1, 1, now, now + HOUR).await;
    pass(20).await;
    let told = world.told(1);
    assert_eq!(told.len(), 3, "{told:?}");
    world.kill(0);
    world.around.sky.cut(0, true);
    world.begin(0).await;
    pass(600).await;
    let told = world.told(1);
    assert_eq!(told.len(), 3, "{told:?}");
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

const TEN_MINUTES_MS: i64 = 600_000;

/// A minute of life, as it is whatever clocks show: three alerts with numbers from this one on.
async fn a_minute_as_usual(world: &World, first: usize, when: &str) {
    let (fires, silenced, held) = (first, first + 1, first + 2);
    let four_minutes = Duration::from_secs(240);
    let slots = world.instances.len();
    let began = world.around.clock.now();
    let passed = || world.around.clock.now().since(began).as_secs();
    world.silence(first % slots, silenced).await;
    // Clocks are compared to some milliseconds.
    tokio::time::sleep(Duration::from_millis(100)).await;
    for round in 0..4 {
        // Whoever takes the refresh in.
        for number in [fires, silenced, held] {
            world
                .post((number + round) % slots, number, four_minutes)
                .await;
        }
        pass(8).await;
        let told = world.told(fires);
        assert_eq!(told.len(), 1, "{when}, after {} s: {told:?}", passed());
        assert_eq!(told[0].firing, [fires], "{when}: {told:?}");
    }
    world.end(first % slots, fires).await;
    pass(8).await;
    let told = world.told(fires);
    assert_eq!(told.len(), 2, "{when}: {told:?}");
    assert_eq!(told[1].resolved, [fires], "{when}: {told:?}");
    let told = world.told(silenced);
    assert_eq!(told.len(), 0, "{when}: silenced at {began}: {told:?}");
    let told = world.told(held);
    assert_eq!(
        told.len(),
        1,
        "{when}: nothing new is told, and no end: {told:?}"
    );
    pass(20).await;
}

/// Whatever the clocks show, time goes on as usual, alone too.
async fn whatever_clocks_show(mut world: World, when: &str) {
    for minute in 0..3 {
        a_minute_as_usual(&world, 10 * minute, when).await;
    }
    world.post(0, 100, HOUR).await;
    pass(10).await;
    world.kill(2);
    world.cut_all().await;
    world.end(0, 100).await;
    world.post(1, 101, HOUR).await;
    pass(10).await;
    assert!(
        world.told(100).iter().any(|told| told.resolved == [100]),
        "{when}, alone"
    );
    assert!(!world.told(101).is_empty(), "{when}, alone");
}

/// protocol.md §4: no single clock decides what time it is.
#[tokio::test(start_paused = true)]
async fn a_server_whose_clock_is_wrong_changes_nothing() {
    for by_ms in [TEN_MINUTES_MS, -TEN_MINUTES_MS] {
        let world = World::with_server_off(3, by_ms).await;
        whatever_clocks_show(world, &format!("the server's clock is off by {by_ms} ms")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_whose_clock_steps_changes_nothing() {
    for by_ms in [TEN_MINUTES_MS, -TEN_MINUTES_MS] {
        let world = World::new(3).await;
        a_minute_as_usual(&world, 200, "before a step").await;
        world.around.model.step_clock(by_ms);
        whatever_clocks_show(world, &format!("the server's clock stepped by {by_ms} ms")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_whose_clock_steps_ahead_for_a_moment_changes_nothing() {
    for ahead_for in [1, 60] {
        let world = World::new(3).await;
        a_minute_as_usual(&world, 200, "before a step").await;
        world.post(1, 300, HOUR).await;
        world.around.model.step_clock(TEN_MINUTES_MS);
        if ahead_for < 60 {
            pass(ahead_for).await;
        } else {
            a_minute_as_usual(&world, 400, "while the server's clock is ahead").await;
        }
        world.around.model.step_clock(-TEN_MINUTES_MS);
        whatever_clocks_show(
            world,
            &format!("the server's clock was ahead for {ahead_for} s"),
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_of_three_instances_whose_clock_is_wrong_changes_nothing() {
    for by_ms in [TEN_MINUTES_MS, -TEN_MINUTES_MS] {
        let world = World::new(3).await;
        a_minute_as_usual(&world, 200, "before a step").await;
        world.around.machines[1].correct(by_ms);
        pass(1).await;
        whatever_clocks_show(world, &format!("one instance is off by {by_ms} ms")).await;
    }
}

/// The times of a configuration are times of everybody's clocks, however the server's goes.
#[tokio::test(start_paused = true)]
async fn waits_and_repeats_take_their_time_whatever_the_server_shows() {
    for steps in [
        &[0_i64][..],
        &[TEN_MINUTES_MS],
        &[-TEN_MINUTES_MS],
        &[TEN_MINUTES_MS, -TEN_MINUTES_MS],
    ] {
        let world = World::new(3).await;
        let yaml = YAML.replace("repeat_interval: 4h", "repeat_interval: 20s");
        let yaml = yaml.replace("group_wait: 1s", "group_wait: 6s");
        for instance in world.instances.iter().flatten() {
            instance.configure(&world.around, &yaml).await;
        }
        for by_ms in steps {
            world.around.model.step_clock(*by_ms);
            pass(2).await;
        }
        pass(10).await;
        let now = world.around.clock.now();
        world.post_as(0, 1, now, now + HOUR).await;
        pass(100).await;
        let told = world.told(1);
        let waited = told[0].at - now.since(world.start).as_secs_f64();
        assert!((5.5..7.5).contains(&waited), "{steps:?}: {waited} s");
        for pair in told.windows(2) {
            let repeated = pair[1].at - pair[0].at;
            assert!((19.5..27.0).contains(&repeated), "{steps:?}: {repeated} s");
        }
        assert!((4..=6).contains(&told.len()), "{steps:?}: {told:?}");
    }
}
