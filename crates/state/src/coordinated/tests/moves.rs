//! Members that move to the groups of another configuration, with several instances.

use super::*;
use crate::coordinator::Claimed;

impl Scene {
    /// This instance is given a configuration that takes everybody to these groups.
    pub(super) async fn take_all_to(&self, names: &[&'static str]) {
        // An epoch that began may hold claims for a while.
        tokio::time::sleep(MINUTE).await;
        self.state.follow().await.expect("the feed is there");
        self.configure_to(names, "a").await;
        // Shards of groups nothing here routed to are read anew.
        let polled = self.state.poll(0, self.clock.now()).await;
        polled.expect("polled");
    }

    /// The same at this very moment, by a configuration of this hash.
    pub(super) async fn configure_to(&self, names: &[&'static str], hash: &str) {
        *lock(&self.host.of_all) = names.to_vec();
        let (tenant, now) = (TenantId::default_tenant(), self.clock.now());
        let elsewhere = |alert: &Alert| self.host.placement(&tenant, alert);
        let configured = self.state.reconfigure(&tenant, hash, &elsewhere, now).await;
        configured.expect("it is in force");
    }

    /// Begins to move everybody to one group, and is held up once that is made: the answers to what is merged come late.
    async fn begin_to_move_to(&self, name: &'static str) -> tokio::task::JoinHandle<()> {
        self.take_all_to(&[name]).await;
        *lock(&self.line.slow) = Some(("merge", MINUTE));
        let state = Arc::clone(&self.state);
        let moving = tokio::spawn(async move { state.move_stranded().await });
        self.pass().await;
        moving
    }

    /// Somebody else holds a group, as if it were flushed.
    async fn hold(&self, name: &str) -> Claimed {
        let seized = self.other.seize(&GroupName::of(&group(name))).await;
        let held = seized.expect("answered").expect("a group");
        held.expect("held")
    }

    async fn let_go(&self, claimed: &Claimed) {
        let given = self
            .other
            .unclaim(&claimed.group, claimed.fence, Duration::ZERO);
        given.await.expect("given back");
    }
}

/// Somebody else moved it, which was not heard of yet: where it was before there is no group any more, and none comes back.
#[tokio::test(start_paused = true)]
async fn a_post_does_not_bring_back_the_group_its_alert_was_moved_from() {
    let scene = Scene::started().await;
    let (x, y) = (scene.alert("old", "x"), scene.alert("old", "y"));
    for is_empty in [false, true] {
        lock(&scene.host.of_all).clear();
        scene.put("old", &[&x, &y], &[&x, &y]).await;
        scene.take_all_to(&["g"]).await;
        scene.pass().await;
        scene.put("g", &[&x], &[&x]).await;
        scene.see_off("old", &x).await;
        if is_empty {
            scene.see_off("old", &y).await;
        }
        scene.pass().await;
        let again = scene.alert("old", "x");
        scene.post("g", again.clone()).await;
        let left: &[&str] = if is_empty { &[] } else { &["y"] };
        assert_eq!(scene.shared("old").await, left);
        let there = scene.members("g").await;
        assert_eq!(there.first().map(|x| x.updated_at), Some(again.updated_at));
        scene.pass().await;
    }
}

/// Who moves members is held up after their new group was made, until that is due.
#[tokio::test(start_paused = true)]
async fn a_group_that_is_made_by_a_move_knows_what_was_told_from_the_beginning() {
    let scene = Scene::started().await;
    let x = scene.alert("old", "x");
    scene.put("old", &[&x], &[&x]).await;
    let moving = scene.begin_to_move_to("g").await;
    assert_eq!(scene.shared("g").await, ["x"]);
    assert_eq!(scene.told_there("g").await.firing(), [x.fingerprint]);
    moving.abort();
}

/// Who moves it is held up after its new group was made; there its end is told, and where it was the end is stated once more.
#[tokio::test(start_paused = true)]
async fn an_end_that_was_stated_again_while_it_moved_is_told_once() {
    let scene = Scene::started().await;
    let (x, y) = (scene.alert("old", "x"), scene.alert("old", "y"));
    scene.put("old", &[&x, &y], &[&x, &y]).await;
    scene.pass().await;
    let over = scene.as_over(&x);
    scene.merge("old", vec![Arc::new(over.clone())]).await;
    let moving = scene.begin_to_move_to("g").await;
    let there = scene.members("g").await;
    let moved = there.iter().find(|a| a.fingerprint == x.fingerprint);
    scene.put("g", &[], &[&y]).await;
    scene.see_off("g", moved.expect("a member")).await;
    let again = Alert {
        updated_at: scene.clock.now(),
        ..over
    };
    scene.merge("old", vec![Arc::new(again)]).await;
    moving.await.expect("it ends");
    assert!(scene.members("old").await.is_empty(), "they moved");
    assert_eq!(scene.shared("g").await, ["y"]);
    assert!(!scene.told_there("g").await.believes_firing(x.fingerprint));
}

/// If all are started anew, and what they shared is lost, the journal of who moved an alert may be the only one that has it.
#[tokio::test(start_paused = true)]
async fn who_moves_members_writes_down_what_was_told_of_them() {
    let scene = Scene::started().await;
    let x = scene.alert("g", "x");
    scene.put_shared("g", &[&x], &[&x]).await;
    scene.take_all_to(&["h"]).await;
    scene.state.move_stranded().await;
    scene.state.follow().await.expect("the feed is there");
    assert_eq!(scene.shared("h").await, ["x"]);
    let told = lock(&scene.host.told).clone();
    assert!(told.contains(&group("h").key), "{told:?}");
    // What it tells itself the engine has written down before.
    lock(&scene.host.told).clear();
    scene.tell_firing(&x).await;
    scene.state.follow().await.expect("the feed is there");
    assert_eq!(*lock(&scene.host.told), []);
}

/// A configuration takes members to two groups, one of which somebody is flushing: they move when that is over, or what was told of
/// them would count in the other one and where they are.
#[tokio::test(start_paused = true)]
async fn members_move_to_all_their_groups_or_to_none() {
    let scene = Scene::started().await;
    let (x, y) = (scene.alert("old", "x"), scene.alert("h", "y"));
    scene.put("old", &[&x], &[&x]).await;
    scene.put("h", &[&y], &[&y]).await;
    scene.take_all_to(&["g", "h"]).await;
    let claimed = scene.hold("h").await;
    scene.state.move_stranded().await;
    assert!(scene.members("g").await.is_empty());
    assert_eq!(scene.told_there("old").await.firing(), [x.fingerprint]);
    scene.let_go(&claimed).await;
    scene.pass().await;
    scene.state.move_stranded().await;
    assert_eq!(scene.shared("old").await, [""; 0]);
    assert_eq!(scene.shared("h").await, ["x", "y"]);
    assert!(scene.shared("g").await.contains(&"x".to_owned()));
}

/// An alert changed while it moved, and is to follow in its latest state, but somebody is flushing its new group by then: what was
/// told of it counts there alone all the same.
#[tokio::test(start_paused = true)]
async fn who_cannot_follow_for_now_counts_as_told_in_its_new_group() {
    let scene = Scene::started().await;
    let x = scene.alert("old", "x");
    scene.put("old", &[&x], &[&x]).await;
    let moving = scene.begin_to_move_to("g").await;
    scene.hold("g").await;
    let again = scene.alert("old", "x");
    scene.merge("old", vec![Arc::new(again)]).await;
    moving.await.expect("it ends");
    assert_eq!(scene.shared("old").await, ["x"]);
    assert!(scene.told_there("old").await.firing().is_empty());
    assert_eq!(scene.told_there("g").await.firing(), [x.fingerprint]);
}

/// An alert ends while it moves, where it was: the group it moved to hears of it, be it that somebody is flushing that group just
/// then.
#[tokio::test(start_paused = true)]
async fn an_end_that_comes_while_its_alert_moves_follows_it() {
    for is_flushed in [false, true] {
        let scene = Scene::started().await;
        let x = scene.alert("old", "x");
        scene.put("old", &[&x], &[&x]).await;
        let moving = scene.begin_to_move_to("g").await;
        assert_eq!(scene.shared("g").await, ["x"], "it fires there");
        let mut claimed = None;
        if is_flushed {
            claimed = Some(scene.hold("g").await);
        }
        let over = scene.as_over(&x);
        scene.merge("old", vec![Arc::new(over)]).await;
        moving.await.expect("it ends");
        assert_eq!(scene.members("old").await.len(), usize::from(is_flushed));
        if let Some(claimed) = claimed {
            scene.let_go(&claimed).await;
            *lock(&scene.line.slow) = None;
            scene.state.follow().await.expect("the feed is there");
            scene.state.move_stranded().await;
            assert!(scene.members("old").await.is_empty(), "it moved");
        }
        let there = scene.members("g").await;
        let ends: Vec<_> = there.iter().map(|x| x.is_explicit_end()).collect();
        assert_eq!(ends, [true], "and is owed");
        assert!(scene.told_there("g").await.believes_firing(x.fingerprint));
    }
}

/// A configuration splits a group, and somebody is flushing one of the new ones, whose receiver may be dead: only who belongs there
/// waits.
#[tokio::test(start_paused = true)]
async fn a_group_that_is_flushed_keeps_nobody_from_another_one() {
    let scene = Scene::started().await;
    let (x, y) = (scene.alert("old", "x"), scene.alert("old", "y"));
    let z = scene.alert("y", "z");
    scene.put("old", &[&x, &y], &[&x, &y]).await;
    scene.put("y", &[&z], &[&z]).await;
    scene.take_all_to(&["alertname"]).await;
    scene.hold("y").await;
    scene.state.move_stranded().await;
    assert_eq!(scene.shared("x").await, ["x"]);
    assert_eq!(scene.told_there("x").await.firing(), [x.fingerprint]);
    assert_eq!(scene.shared("old").await, ["y"]);
    assert_eq!(scene.told_there("old").await.firing(), [y.fingerprint]);
    assert_eq!(scene.shared("y").await, ["z"]);
}

/// What was stated last of an alert was kept back here, and others moved the alert, which was not heard of yet: it is written where
/// they moved it to, once it is.
#[tokio::test(start_paused = true)]
async fn a_refresh_kept_back_follows_its_alert() {
    let (scene, x) = losses::kept_back().await;
    let stated = scene.known(&x).ends_at;
    let shared = scene.members("g").await;
    scene.take_all_to(&["h"]).await;
    scene.put("h", &[&shared[0]], &[&x]).await;
    scene.see_off("g", &shared[0]).await;
    let left = shared[0].ends_at.since(scene.clock.now());
    tokio::time::sleep(left - Duration::from_secs(3)).await;
    scene.state.write_kept_back().await;
    assert_eq!(scene.shared("g").await, [""; 0]);
    assert!(scene.members("h").await[0].ends_at < stated, "not heard of");
    scene.state.follow().await.expect("the feed is there");
    scene.state.write_kept_back().await;
    assert_eq!(scene.members("h").await[0].ends_at, stated);
}

/// Its new group had it already, in the same state: it is known newer there all the same, or it would be taken for a replay where it
/// left, should the configuration go back.
#[tokio::test(start_paused = true)]
async fn who_left_is_known_newer_than_when_it_did() {
    let scene = Scene::started().await;
    let x = scene.alert("old", "x");
    scene.put("old", &[&x], &[]).await;
    scene.put("g", &[&x], &[]).await;
    scene.take_all_to(&["g"]).await;
    scene.state.move_stranded().await;
    assert!(scene.members("old").await.is_empty(), "it moved");
    assert!(x.updated_at < scene.members("g").await[0].updated_at);
}

/// More groups have to move than have their turn at a time, and the first of them cannot.
#[test]
fn every_stranded_group_has_its_turn() {
    let mut stranded = Stranded::default();
    let names: Vec<_> = (0..450)
        .map(|n| GroupName::of(&group(&n.to_string())))
        .collect();
    for name in &names {
        stranded.see_foreign(name, []);
    }
    let tenant = TenantId::default_tenant();
    let mut seen: Vec<_> = (0..3).flat_map(|_| stranded.next(&tenant)).collect();
    assert_eq!(seen.len(), 600);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), names.len());
    names.iter().for_each(|name| stranded.gone(name));
    assert!(stranded.next(&tenant).is_empty());
}
