//! What integrations believe of alerts, although whoever told them last did not know of all.

use super::*;
use domain::group::grid::Grid;
use domain::group::numbers::Numbers;
use domain::group::told::{Told, ToldMessage};

impl Scene {
    /// Another instance merges what it knows of a group: its members, and that these were told to fire just now.
    pub(super) async fn put(&self, name: &str, alerts: &[&Alert], firing: &[&Alert]) {
        let now = self.clock.now();
        let seq = u64::try_from(now.unix_ms()).expect("a time");
        self.put_numbered(name, alerts, firing, seq).await;
    }

    /// The same, told while state was shared.
    pub(super) async fn put_shared(&self, name: &str, alerts: &[&Alert], firing: &[&Alert]) {
        let now_ms = u64::try_from(self.clock.now().unix_ms()).expect("a time");
        let seq = Numbers::SHARED.next(0, now_ms);
        self.put_numbered(name, alerts, firing, seq).await;
    }

    async fn put_numbered(&self, name: &str, alerts: &[&Alert], firing: &[&Alert], seq: u64) {
        let now = self.clock.now();
        let mut prints: Vec<_> = firing.iter().map(|alert| alert.fingerprint).collect();
        prints.sort();
        let last = firing.first().map(|first| ToldMessage {
            firing: prints,
            ..message(now, first).accepted(now)
        });
        let told = Told {
            seq,
            last,
            pending: None,
        };
        let merge = Merge {
            alerts: alerts.iter().map(|a| Arc::new(Alert::clone(a))).collect(),
            told: vec![(webhook(), told)],
            ..Merge::of(group(name), Grid::starting(now, MINUTE))
        };
        assert_eq!(self.other.merge(vec![merge]).await, vec![Ok(Merged::Done)]);
    }

    /// What counts as told of a group as it is shared.
    pub(super) async fn told_there(&self, name: &str) -> Told {
        let there = self.other.group(&GroupName::of(&group(name))).await;
        let there = there.expect("the server answers").expect("a group");
        there.told_to(&webhook()).cloned().unwrap_or_default()
    }

    /// The alert as over from now on.
    pub(super) fn as_over(&self, alert: &Alert) -> Alert {
        let now = self.clock.now();
        Alert {
            ends_at: now,
            updated_at: now,
            ..alert.clone()
        }
    }

    pub(super) async fn pass(&self) {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Nobody knows whether what it began to send alone arrived; others told nothing of the alert, and saw it off.
#[tokio::test(start_paused = true)]
async fn what_may_have_been_told_alone_is_owed_its_end() {
    let scene = Scene::started().await;
    let x = scene.alert("g", "x");
    scene.cut().await;
    scene.post("g", x.clone()).await;
    let claim = scene.next_claim().await;
    let now = scene.clock.now();
    let first = message(claim.tick, &x);
    let webhook = webhook();
    let begun = scene.state.begin(&claim, &webhook, first, now);
    begun.await.expect("answered").expect("held");
    let unknown = scene.state.finish(&claim, false, now).await;
    unknown.expect("answered").expect("held");
    let again = scene.alert("g", "x");
    scene.offer(again.clone()).await;
    scene.pass().await;
    scene.offer(scene.as_over(&again)).await;
    scene.pass().await;
    scene.see_off("g", &x).await;
    scene.mend().await;
    let members = scene.members("g").await;
    assert!(members.first().expect("a member").is_explicit_end());
    assert!(scene.told_there("g").await.believes_firing(x.fingerprint));
}

/// A message in flight says that an alert is over of which nobody was told that it fires.
#[tokio::test(start_paused = true)]
async fn whoever_a_message_in_flight_names_is_put_back() {
    let scene = Scene::started().await;
    // Nothing was lost lately.
    tokio::time::sleep(MINUTE * 2).await;
    let (x, y) = (scene.alert("g", "x"), scene.alert("g", "y"));
    scene.cut().await;
    scene.post("g", x.clone()).await;
    scene.post("g", y.clone()).await;
    scene.pass().await;
    scene.post("g", scene.as_over(&y)).await;
    let claim = scene.next_claim().await;
    let names_both = Pending {
        resolved: vec![y.fingerprint],
        ..message(claim.tick, &x)
    };
    let (now, webhook) = (scene.clock.now(), webhook());
    let begun = scene.state.begin(&claim, &webhook, names_both, now);
    begun.await.expect("answered").expect("held");
    let unknown = scene.state.finish(&claim, false, now).await;
    unknown.expect("answered").expect("held");
    scene.mend().await;
    assert_eq!(scene.shared("g").await, ["x", "y"]);
    assert!(scene.told_there("g").await.pending.is_some());
}

/// Alone it told that an alert is over; then a configuration took the rest of the group elsewhere. Others know that the alert
/// fires anew, and moved it themselves, or did not yet.
#[tokio::test(start_paused = true)]
async fn an_end_told_alone_is_known_where_a_configuration_takes_the_alert() {
    for have_moved in [true, false] {
        let scene = Scene::started().await;
        let tenant = TenantId::default_tenant();
        let (x, y) = (scene.alert("g", "x"), scene.alert("g", "y"));
        scene.put("g", &[&x, &y], &[&x, &y]).await;
        scene.state.follow().await.expect("the feed is there");
        scene.cut().await;
        scene.pass().await;
        scene.post("g", scene.as_over(&x)).await;
        let claim = scene.next_claim().await;
        let over = Pending {
            resolved: vec![x.fingerprint],
            ..message(claim.tick, &y)
        };
        tell(&scene, &claim, over).await;
        let finished = scene.state.finish(&claim, true, scene.clock.now()).await;
        finished.expect("answered").expect("held");
        let elsewhere = |_: &Alert| vec![group("h")];
        let now = scene.clock.now();
        let configured = scene.state.reconfigure(&tenant, "b", &elsewhere, now).await;
        configured.expect("it is in force");
        scene.pass().await;
        let anew = scene.alert("g", "x");
        let name = if have_moved { "h" } else { "g" };
        if have_moved {
            scene.put("h", &[&anew, &y], &[&x, &y]).await;
        } else {
            scene.offer(anew).await;
        }
        scene.mend().await;
        let told = scene.told_there(name).await;
        assert_eq!(told.firing(), [y.fingerprint], "{have_moved}: {told:?}");
    }
}

/// Alone it told that an alert is over, and then a configuration took the alert, which it knew no more, to another group. Others
/// know neither, and make that group of what they know.
#[tokio::test(start_paused = true)]
async fn an_end_told_alone_is_known_in_a_group_that_only_others_make() {
    for is_back_first in [true, false] {
        let scene = Scene::started().await;
        let x = scene.alert("g", "x");
        scene.put("g", &[&x], &[&x]).await;
        let before = scene.told_there("g").await;
        scene.state.follow().await.expect("the feed is there");
        scene.cut().await;
        scene.pass().await;
        scene.post("g", scene.as_over(&x)).await;
        assert_eq!(scene.tell_over(&x).await, Finished::Gone);
        scene.configure_to(&["h"], "b").await;
        scene.pass().await;
        if is_back_first {
            scene.mend().await;
        }
        let moved = Told {
            seq: u64::try_from(scene.clock.now().unix_ms()).expect("a time"),
            ..before
        };
        let moved = Merge {
            alerts: vec![Arc::new(x.clone())],
            told: vec![(webhook(), moved)],
            ..Merge::of(group("h"), Grid::starting(scene.clock.now(), MINUTE))
        };
        assert_eq!(scene.other.merge(vec![moved]).await, vec![Ok(Merged::Done)]);
        if is_back_first {
            scene.state.follow().await.expect("the feed is there");
        } else {
            scene.mend().await;
        }
        let members = scene.members("h").await;
        assert!(members[0].is_explicit_end(), "{is_back_first}");
        let told = scene.told_there("h").await;
        assert!(
            told.firing().is_empty(),
            "that it fires anew is news: {told:?}"
        );
    }
}

/// A configuration is in force, and the alert had not moved yet when this instance came to be alone: it told the end in the group of
/// before, later than others told, in the group it belongs to, that it fires anew.
#[tokio::test(start_paused = true)]
async fn an_end_told_alone_before_its_alert_moved_is_known_where_it_moves() {
    for is_end_last in [true, false] {
        let scene = Scene::started().await;
        let x = scene.alert("g", "x");
        scene.put("g", &[&x], &[&x]).await;
        scene.state.follow().await.expect("the feed is there");
        scene.configure_to(&["h"], "b").await;
        scene.cut().await;
        scene.pass().await;
        let over = scene.as_over(&x);
        scene.pass().await;
        let anew = scene.alert("g", "x");
        if is_end_last {
            scene.put("h", &[&anew], &[&anew]).await;
        }
        scene.pass().await;
        scene.post("g", over).await;
        assert_eq!(scene.tell_over(&x).await, Finished::Gone);
        if !is_end_last {
            // Longer than it may take until a message is accepted.
            tokio::time::sleep(MINUTE).await;
            scene.put("h", &[&anew], &[&anew]).await;
        }
        scene.mend().await;
        let told = scene.told_there("h").await;
        assert_eq!(told.firing().is_empty(), is_end_last, "{told:?}");
    }
}

/// What it told alone of one group says nothing of another one the alert belongs to as well: that goes on as others left it.
#[tokio::test(start_paused = true)]
async fn an_end_told_alone_in_one_of_two_groups_is_none_of_the_other_one() {
    let scene = Scene::started().await;
    *lock(&scene.host.of_all) = vec!["g", "h"];
    let (x, z) = (scene.alert("g", "x"), scene.alert("g", "z"));
    scene.put_shared("g", &[&x], &[&x]).await;
    scene.put_shared("h", &[&x, &z], &[&x, &z]).await;
    scene.state.follow().await.expect("the feed is there");
    scene.cut().await;
    scene.pass().await;
    scene.post("g", scene.as_over(&x)).await;
    assert_eq!(scene.tell_over(&x).await, Finished::Gone);
    scene.put_shared("h", &[], &[&x]).await;
    scene.see_off("h", &z).await;
    scene.mend().await;
    assert_eq!(scene.shared("h").await, ["x"], "what is over was told");
    assert_eq!(scene.told_there("h").await.firing(), [x.fingerprint]);
}

/// Its group ended with that while this instance was alone.
#[tokio::test(start_paused = true)]
async fn an_end_that_was_told_alone_last_is_what_is_believed() {
    let scene = Scene::started().await;
    let x = scene.alert("g", "x");
    scene.put("g", &[&x], &[&x]).await;
    scene.state.follow().await.expect("the feed is there");
    scene.cut().await;
    scene.pass().await;
    scene.post("g", scene.as_over(&x)).await;
    assert_eq!(scene.tell_over(&x).await, Finished::Gone);
    let over = scene.clock.now();
    scene.pass().await;
    // Others go on with the group.
    scene
        .merge("g", vec![Arc::new(scene.alert("g", "y"))])
        .await;
    scene.mend().await;
    let told = scene.told_there("g").await;
    let last = told.last.as_ref().expect("a message");
    assert!(!told.believes_firing(x.fingerprint), "{told:?}");
    assert!(over <= last.sent_at + Duration::from_secs(1), "{told:?}");
}

/// Alone it told that an alert fires, and then a configuration took it to another group, which others made as well, and told other
/// integrations of.
#[tokio::test(start_paused = true)]
async fn what_was_told_alone_is_owed_its_end_where_a_configuration_takes_it() {
    let scene = Scene::started().await;
    let x = scene.alert("g", "x");
    scene.put("g", &[&x], &[]).await;
    scene.state.follow().await.expect("the feed is there");
    scene.cut().await;
    scene.pass().await;
    let fires = scene.alert("g", "x");
    scene.post("g", fires.clone()).await;
    scene.tell_firing(&fires).await;
    scene.configure_to(&["h"], "b").await;
    scene.pass().await;
    let over = Arc::new(scene.as_over(&fires));
    scene.merge("h", vec![over]).await;
    scene.mend().await;
    let told = scene.told_there("h").await;
    assert!(told.believes_firing(x.fingerprint), "{told:?}");
    assert!(scene.members("h").await[0].is_explicit_end());
}

/// The same, and the configuration came into force while it was telling: the alert moved when that was over.
#[tokio::test(start_paused = true)]
async fn what_was_told_alone_amid_a_reload_is_owed_its_end() {
    let scene = Scene::started().await;
    let x = scene.alert("g", "x");
    scene.put("g", &[&x], &[]).await;
    scene.state.follow().await.expect("the feed is there");
    scene.cut().await;
    scene.pass().await;
    let fires = scene.alert("g", "x");
    scene.post("g", fires.clone()).await;
    let claim = scene.next_claim().await;
    scene.configure_to(&["h"], "b").await;
    tell(&scene, &claim, message(claim.tick, &fires)).await;
    let finished = scene.state.finish(&claim, true, scene.clock.now()).await;
    finished.expect("answered").expect("held");
    scene.pass().await;
    scene.mend().await;
    let told = scene.told_there("h").await;
    assert!(told.believes_firing(x.fingerprint), "{told:?}");
}

/// Its end was told where it was before, and it fires anew in a group that others made and told nothing of yet.
#[tokio::test(start_paused = true)]
async fn what_was_carried_over_alone_makes_nobody_deaf_to_what_fires_anew() {
    let scene = Scene::started().await;
    let x = scene.alert("g", "x");
    scene.put("g", &[&x], &[&x]).await;
    scene.state.follow().await.expect("the feed is there");
    scene.cut().await;
    tokio::time::sleep(MINUTE).await;
    scene.configure_to(&["h"], "b").await;
    scene.see_off("g", &x).await;
    scene.pass().await;
    scene
        .merge("h", vec![Arc::new(scene.alert("g", "x"))])
        .await;
    scene.mend().await;
    let told = scene.told_there("h").await;
    assert!(told.firing().is_empty(), "that it fires is news: {told:?}");
}

/// A configuration put an alert into two groups; in the one it belongs to its end was told, and then it moves there. Where it comes as
/// over its end may be told once more; should it fire before that, it is news.
#[tokio::test(start_paused = true)]
async fn what_an_alert_moves_to_may_have_told_its_end() {
    enum Moves {
        Unchanged,
        Over,
        Anew,
    }
    for moves in [Moves::Unchanged, Moves::Over, Moves::Anew] {
        let scene = Scene::started().await;
        let (x, y) = (scene.alert("g", "x"), scene.alert("g", "y"));
        scene.put("old", &[&x], &[&x]).await;
        scene.pass().await;
        scene.put("g", &[&x, &y], &[&y]).await;
        scene.pass().await;
        let ended = scene.as_over(&x);
        let as_left = if let Moves::Over = moves { &ended } else { &x };
        scene.see_off("g", as_left).await;
        scene.pass().await;
        let (moves, is_believed) = match moves {
            Moves::Unchanged => (x, false),
            Moves::Over => (ended, true),
            Moves::Anew => (scene.alert("g", "x"), true),
        };
        scene.merge("old", vec![Arc::new(moves.clone())]).await;
        scene.state.follow().await.expect("the feed is there");
        scene.state.move_stranded().await;
        assert!(scene.members("old").await.is_empty(), "it moved");
        let told = scene.told_there("g").await;
        assert_eq!(told.firing(), [y.fingerprint], "{told:?}");
        assert_eq!(told.believes_firing(moves.fingerprint), is_believed);
        let members = scene.shared("g").await;
        assert_eq!(members.len(), 1 + usize::from(is_believed));
    }
}

/// The group ended, which others told, and began anew, while the process was down: what it told before is not what was told last.
#[tokio::test(start_paused = true)]
async fn what_an_earlier_life_told_does_not_count_for_a_group_that_began_anew() {
    let scene = Scene::started().await;
    let x = scene.alert("g", "x");
    scene.post("g", x.clone()).await;
    scene.tell_firing(&x).await;
    tokio::time::sleep(MINUTE / 4).await;
    let (told, reached_at) = (scene.told(), scene.clock.now());
    scene.pass().await;
    scene.see_off("g", &x).await;
    scene.pass().await;
    scene.offer(scene.alert("g", "x")).await;

    let life = Scene::over(scene.model.clone(), Arc::clone(&scene.clock));
    let tenant = TenantId::default_tenant();
    life.state.restore_sharing(reached_at, false);
    let member = Arc::new(x);
    let restored = life.state.restore_alert(&tenant, Arc::clone(&member), true);
    restored.await.expect("restored");
    let restored = RestoredGroup {
        identity: group("g"),
        first_tick: reached_at,
        known_until: reached_at,
        members: vec![member],
        told: vec![(webhook(), told)],
        carried_over: CarriedOver::default(),
    };
    let restored = life.state.restore_group(restored, scene.clock.now()).await;
    restored.expect("restored");
    life.state.start().await;
    assert_eq!(life.told_there("g").await, Told::default(), "it is news");
}
