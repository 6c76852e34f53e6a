//! An Alertmanager ran before: each instance takes over what that one told when it begins, whenever that is. What the instances
//! told since counts more.

use domain::group::inherited::{Inherited, label_hash};
use domain::group::told::ReceiverData;
use store::alertmanager::{Found, Left, Notified};

use super::*;

impl World {
    /// What an Alertmanager left that told of these alerts, each in its group, a moment ago.
    fn left(&self, numbers: &[usize]) -> Left {
        let told_at = self.around.clock.now() - Duration::from_secs(60);
        let items = numbers.iter().map(|number| {
            let name = format!("n{number}");
            let hash = label_hash([("alertname", &*name)].into_iter());
            Notified {
                group_key: format!("{{}}:{{alertname=\"{name}\"}}"),
                receiver: "default".to_owned(),
                kind: "webhook".to_owned(),
                index: 0,
                said: Inherited {
                    firing: [hash].into(),
                    told_at,
                    expires_at: told_at + DAY,
                    receiver_data: ReceiverData::default(),
                },
            }
        });
        Left {
            notified: Found {
                items: items.collect(),
                ..Found::default()
            },
            ..Left::default()
        }
    }

    /// An instance begins for the first time, on what was left.
    async fn begin_on(&mut self, slot: usize, left: &Left) {
        self.begin(slot).await;
        let instance = self.instances[slot].as_ref().expect("it runs");
        let tenant = instance.engine.tenant(&TenantId::default_tenant());
        let tenant = tenant.expect("a tenant");
        assert!(!instance.engine.is_imported(&tenant));
        let imported = instance.engine.import(&tenant, left.clone()).await;
        let imported = imported.expect("the journal is written").notified.imported;
        assert_eq!(usize::try_from(imported), Ok(left.notified.items.len()));
    }

    /// An alert that was told of before comes, ends, and is told as over, all by one instance.
    async fn end_of_what_was_told(&self, slot: usize, number: usize) {
        self.post(slot, number, HOUR).await;
        pass(20).await;
        assert_eq!(self.told(number).len(), 0, "it was told before");
        self.end(slot, number).await;
        pass(20).await;
        let told = self.told(number);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].resolved, [number]);
    }

    /// It fires again, and that is told within a minute: once.
    async fn is_told_anew(&self, slot: usize, number: usize, is_as_old: bool) {
        let known = self.told(number).len();
        let now = self.around.clock.now();
        let since = if is_as_old { self.start } else { now };
        self.post_as(slot, number, since, now + HOUR).await;
        pass(60).await;
        let told = self.told(number).split_off(known);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].firing, [number]);
    }
}

/// Whether the sender says that it fires since then, or since now.
const SINCE: [bool; 2] = [true, false];

#[tokio::test(start_paused = true)]
async fn what_ended_before_an_instance_takes_over_what_was_left_is_told_when_it_fires_again() {
    for (is_as_old, is_first_there) in SINCE.into_iter().flat_map(|s| [(s, true), (s, false)]) {
        let mut world = World::still(3);
        let left = world.left(&[1]);
        world.begin_on(0, &left).await;
        world.end_of_what_was_told(0, 1).await;
        world.begin_on(1, &left).await;
        world.begin_on(2, &left).await;
        pass(10).await;
        if !is_first_there {
            world.kill(0);
        }
        world.is_told_anew(1, 1, is_as_old).await;
        // Its end, said to somebody else, is told once, too.
        world.end(2, 1).await;
        pass(60).await;
        assert_eq!(world.told(1).len(), 3, "{:?}", world.told(1));
    }
}

#[tokio::test(start_paused = true)]
async fn what_ended_hours_before_an_instance_takes_over_what_was_left_is_told_when_it_fires_again()
{
    for is_as_old in SINCE {
        let mut world = World::still(2);
        let left = world.left(&[1]);
        world.begin_on(0, &left).await;
        world.end_of_what_was_told(0, 1).await;
        pass(4_000).await;
        world.begin_on(1, &left).await;
        world.kill(0);
        world.is_told_anew(1, 1, is_as_old).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_ended_while_an_instance_was_down_is_told_when_it_fires_again() {
    for (seconds, is_as_old) in [(100, true), (100, false), (4_000, true)] {
        let mut world = World::still(2);
        let left = world.left(&[1]);
        world.begin_on(0, &left).await;
        world.begin_on(1, &left).await;
        pass(10).await;
        world.kill(1);
        world.end_of_what_was_told(0, 1).await;
        pass(seconds).await;
        world.begin(1).await;
        world.kill(0);
        pass(60).await;
        world.is_told_anew(1, 1, is_as_old).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_ended_is_told_when_it_fires_again_after_the_server_lost_everything() {
    let mut world = World::still(2);
    let left = world.left(&[1]);
    world.begin_on(0, &left).await;
    world.end_of_what_was_told(0, 1).await;
    pass(4_000).await;
    world.begin_on(1, &left).await;
    pass(60).await;
    world.kill(0);
    world.around.model.flush_all();
    pass(60).await;
    world.is_told_anew(1, 1, true).await;
}

#[tokio::test(start_paused = true)]
async fn what_ended_is_told_when_it_fires_again_to_an_instance_that_is_alone() {
    let mut world = World::still(2);
    let left = world.left(&[1]);
    world.begin_on(0, &left).await;
    world.end_of_what_was_told(0, 1).await;
    world.begin_on(1, &left).await;
    pass(60).await;
    world.cut_all().await;
    world.kill(0);
    world.is_told_anew(1, 1, true).await;
}

#[tokio::test(start_paused = true)]
async fn who_never_shared_anything_tells_of_an_end_and_what_fires_again() {
    let mut world = World::still(1);
    world.around.sky.cut_all(true);
    let left = world.left(&[1, 2]);
    world.begin_on(0, &left).await;
    pass(60).await;
    world.end_of_what_was_told(0, 1).await;
    world.is_told_anew(0, 1, true).await;
    // The server comes later; what was not told of yet counts as told still.
    world.around.sky.cut_all(false);
    pass(60).await;
    world.post(0, 2, HOUR).await;
    pass(60).await;
    assert_eq!(world.told(2).len(), 0, "{:?}", world.told(2));
}

#[tokio::test(start_paused = true)]
async fn instances_that_begin_together_tell_nobody_again_whoever_is_asked() {
    let mut world = World::still(3);
    let left = world.left(&[1, 2, 3, 4]);
    world.begin_on(0, &left).await;
    world.post(0, 1, HOUR).await;
    pass(2).await;
    world.begin_on(1, &left).await;
    world.post(1, 2, HOUR).await;
    pass(20).await;
    // One ends before the last one begins.
    world.end(0, 1).await;
    pass(20).await;
    world.begin_on(2, &left).await;
    world.post(2, 3, HOUR).await;
    pass(600).await;
    world.kill(0);
    world.kill(1);
    world.post(2, 4, HOUR).await;
    pass(60).await;
    for number in 2..=4 {
        assert_eq!(world.told(number).len(), 0, "n{number}");
        world.end(2, number).await;
    }
    pass(60).await;
    for number in 1..=4 {
        let told = world.told(number);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].resolved, [number]);
    }
    for number in 1..=4 {
        world.is_told_anew(2, number, true).await;
    }
}

#[tokio::test(start_paused = true)]
async fn while_nobody_left_what_was_told_is_waited_for() {
    let mut world = World::still(2);
    let left = world.left(&[1]);
    world.begin_on(0, &left).await;
    world.begin_on(1, &left).await;
    pass(7_000).await;
    world.post(1, 1, HOUR).await;
    pass(60).await;
    assert_eq!(world.told(1).len(), 0, "{:?}", world.told(1));
}

#[tokio::test(start_paused = true)]
async fn what_was_told_after_a_trial_on_the_same_server_counts() {
    let mut world = World::still(2);
    world.begin(0).await;
    world.post(0, 1, HOUR).await;
    pass(20).await;
    world.end(0, 1).await;
    pass(60).await;
    assert_eq!(world.told(1).len(), 2);
    world.kill(0);
    pass(7_000).await;
    let left = world.left(&[1]);
    world.begin_on(1, &left).await;
    world.post(1, 1, HOUR).await;
    pass(60).await;
    assert_eq!(world.told(1).len(), 2, "{:?}", world.told(1));
}
