//! What an instance that was alone makes of what others did meanwhile.

use super::*;
use domain::group::grid::Grid;
use domain::group::numbers::Numbers;
use domain::group::told::Told;
use runtime::tasks::TaskGroup;

impl Scene {
    /// Another instance merges alerts into a group.
    pub(super) async fn merge(&self, name: &str, alerts: Vec<Arc<Alert>>) {
        let grid = Grid::starting(self.clock.now(), MINUTE);
        let merge = Merge {
            alerts,
            ..Merge::of(group(name), grid)
        };
        assert_eq!(self.other.merge(vec![merge]).await, vec![Ok(Merged::Done)]);
    }

    /// Another instance sees an alert off.
    pub(super) async fn see_off(&self, name: &str, alert: &Alert) {
        self.see_off_in(self.clock.now(), name, alert).await;
    }

    /// Another instance saw an alert off that ended in this state.
    async fn see_off_in(&self, state: Timestamp, name: &str, alert: &Alert) {
        let grid = Grid::starting(self.clock.now(), MINUTE);
        let left = Merge {
            leaves: vec![Leave {
                fingerprint: alert.fingerprint,
                updated_at: state,
            }],
            ..Merge::of(group(name), grid)
        };
        assert_eq!(self.other.merge(vec![left]).await, vec![Ok(Merged::Done)]);
    }

    /// The next claim there is.
    pub(super) async fn next_claim(&self) -> domain::group::Claim {
        loop {
            let polled = self.state.poll(10, self.clock.now()).await;
            if let Some(claim) = polled.expect("polled").claims.pop() {
                return claim;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Tells that an alert fires, at the next tick of its group.
    pub(super) async fn tell_firing(&self, alert: &Alert) {
        let claim = self.next_claim().await;
        tell(self, &claim, message(claim.tick, alert)).await;
        let finished = self.state.finish(&claim, true, self.clock.now()).await;
        assert!(matches!(finished, Ok(Ok(Finished::Again { .. }))));
    }

    /// Tells that an alert is over, at the next tick of its group.
    pub(super) async fn tell_over(&self, alert: &Alert) -> Finished {
        let claim = self.next_claim().await;
        let message = Pending {
            firing: Vec::new(),
            resolved: vec![alert.fingerprint],
            ..message(claim.tick, alert)
        };
        tell(self, &claim, message).await;
        let finished = self.state.finish(&claim, true, self.clock.now()).await;
        finished.expect("answered").expect("held")
    }

    /// What counts as told of group `g` here.
    pub(super) fn told(&self) -> Told {
        let name = GroupName::of(&group("g"));
        let told = self.state.memory.with(&name, |group| group.told().to_vec());
        let (_, told) = told.expect("a group").remove(0);
        told
    }
}

/// Two come back at the same moment: one that heard that an alert fires, and this one, which heard that it ended after that.
#[tokio::test(start_paused = true)]
async fn an_end_known_here_ends_what_others_merge_while_it_compares() {
    let scene = Scene::started().await;
    let x = scene.alert("g", "x");
    scene.post("g", scene.alert("g", "y")).await;
    scene.post("g", x.clone()).await;
    scene.state.follow().await.expect("the feed is there");
    // What this instance remembers of that makes it merge, and read anew what came of it.
    scene.see_off("g", &x).await;
    scene.state.follow().await.expect("the feed is there");
    scene.cut().await;
    let anew = Arc::new(scene.alert("g", "x"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let ended = Alert {
        ends_at: scene.clock.now(),
        ..scene.alert("g", "x")
    };
    scene.post("g", ended).await;
    scene.line.is_cut.store(false, Ordering::SeqCst);
    *lock(&scene.line.slow) = Some(("shard", Duration::from_millis(400)));
    let state = Arc::clone(&scene.state);
    let back = tokio::spawn(async move { state.go_back(0).await });
    let shard = GroupName::of(&group("g")).shard();
    while scene.line.asked.load(Ordering::SeqCst) <= shard {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    scene.merge("g", vec![anew]).await;
    assert_eq!(back.await.expect("it ends"), Ok(()));
    let members = scene.members("g").await;
    let x = members.iter().find(|a| a.fingerprint == x.fingerprint);
    assert!(x.expect("its end is owed").is_explicit_end());
}

/// Others have another configuration by now: whoever was moved by it has not ended.
#[tokio::test(start_paused = true)]
async fn what_was_moved_meanwhile_is_not_over() {
    for is_moved in [true, false] {
        let scene = Scene::started().await;
        let x = scene.alert("g", "x");
        scene.post("g", x.clone()).await;
        scene.cut().await;
        scene.tell_firing(&x).await;
        if is_moved {
            let report = InstanceReport {
                id: "b".to_owned(),
                configs: vec![(TenantId::default_tenant(), "b".to_owned())],
                ..InstanceReport::default()
            };
            scene.other.announce(&report).await.expect("announced");
            scene.merge("elsewhere", vec![Arc::new(x.clone())]).await;
        }
        scene.see_off("g", &x).await;
        scene.mend().await;
        let owed = scene.members("g").await;
        assert_eq!(owed.is_empty(), is_moved, "{owed:?}");
        assert!(owed.iter().all(|alert| alert.is_explicit_end()));
    }
}

/// Its end went to another instance, which may have told it.
#[tokio::test(start_paused = true)]
async fn what_is_stated_alone_to_fire_anew_is_news() {
    let second = Duration::from_secs(1);
    for (began_before, is_news) in [(second, true), (Duration::ZERO, false), (MINUTE * 5, false)] {
        let scene = Scene::started().await;
        let x = scene.alert("g", "x");
        scene.post("g", x.clone()).await;
        scene.tell_firing(&x).await;
        scene.cut().await;
        tokio::time::sleep(MINUTE * 2).await;
        // Nobody states a start that is that of the post; one of before the message belongs to the episode it tells of.
        let anew = Alert {
            starts_at: scene.clock.now() - began_before,
            ..scene.alert("g", "x")
        };
        scene.post("g", anew).await;
        assert_eq!(
            scene.told().firing().is_empty(),
            is_news,
            "{began_before:?}"
        );
        assert!(
            scene.told().believes_firing(x.fingerprint),
            "its end is owed"
        );
        scene.mend().await;
        assert!(!scene.told().firing().is_empty(), "nobody told its end");
    }
}

/// Another one was telling something when this one went alone: it does not touch that group for a while.
#[tokio::test(start_paused = true)]
async fn a_group_that_ended_meanwhile_is_forgotten_though_it_was_being_flushed() {
    let scene = Scene::started().await;
    let x = scene.alert("g", "x");
    scene.post("g", x.clone()).await;
    let told = Told {
        seq: 256,
        last: None,
        pending: Some(Pending {
            seq: 256,
            ..message(scene.clock.now(), &x)
        }),
    };
    let grid = Grid::starting(scene.clock.now(), MINUTE);
    let begun = Merge {
        told: vec![(webhook(), told)],
        ..Merge::of(group("g"), grid)
    };
    let begun = scene.other.merge(vec![begun]).await;
    assert_eq!(begun, vec![Ok(Merged::Done)]);
    scene.state.follow().await.expect("the feed is there");
    scene.cut().await;
    scene.see_off("g", &x).await;
    scene.mend().await;
    assert_eq!(scene.state.group_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_cannot_be_read_makes_an_instance_go_on_alone() {
    let scene = Scene::started().await;
    scene.post("g", scene.alert("g", "x")).await;
    *lock(&scene.line.failing) = Some("shard");
    let lost = GroupName::of(&group("g")).shard();
    scene.state.view(lost).epoch = None;
    let began = Instant::now();
    while scene.state.mode() == Mode::Coordinated && began.elapsed() < MINUTE {
        let _ = scene.state.poll(10, scene.clock.now()).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(scene.state.mode(), Mode::Degraded);
}

#[tokio::test(start_paused = true)]
async fn a_shard_is_read_anew_although_most_connections_break() {
    let scene = Scene::started().await;
    scene.post("g", scene.alert("g", "x")).await;
    let lost = GroupName::of(&group("g")).shard();
    scene.state.view(lost).epoch = None;
    scene.line.is_lossy.store(true, Ordering::SeqCst);
    let _ = scene.state.poll(10, scene.clock.now()).await;
    assert!(scene.state.view(lost).epoch.is_some(), "in one go");
    assert_eq!(scene.state.mode(), Mode::Coordinated);
}

/// After one failure nothing else is asked while shards are read, which takes longer than an outage may.
#[tokio::test(start_paused = true)]
async fn a_server_that_answers_while_shards_are_read_is_there() {
    let scene = Scene::started().await;
    let tasks = TaskGroup::new();
    let keeping = Arc::clone(&scene.state);
    tasks.spawn("keep", move |stop| keeping.run_keeper(stop));
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    for shard in 0..limits::SHARDS {
        scene.state.view(shard).epoch = None;
    }
    *lock(&scene.line.slow) = Some(("shard", Duration::from_millis(700)));
    let failure = CoordinatorError {
        outage: Outage::Transient,
        text: "the connection broke".to_owned(),
    };
    scene.state.fail(0, &failure, Instant::now());
    let began = Instant::now();
    let _ = scene.state.poll(10, scene.clock.now()).await;
    assert!(Timing::default().breaker_silence < began.elapsed());
    assert_eq!(scene.state.mode(), Mode::Coordinated);
}

/// While this instance told alone that something fires, others told of the same group that all there was is over: who heard that believes
/// that nothing fires.
#[tokio::test(start_paused = true)]
async fn what_others_left_out_when_they_told_that_all_is_over_is_news() {
    for (left_before, is_news) in [(false, true), (true, false)] {
        let scene = Scene::started().await;
        let y = scene.alert("g", "y");
        scene.cut().await;
        // It left here too, in an earlier state.
        let before = Leave {
            fingerprint: y.fingerprint,
            updated_at: y.updated_at - MINUTE,
        };
        scene.state.bury(&group("g"), &[before]);
        scene.merge("g", vec![Arc::new(y.clone())]).await;
        if left_before {
            scene.see_off("g", &y).await;
            // Longer than it may take until an end is told.
            tokio::time::sleep(MINUTE * 6).await;
        }
        let x = scene.alert("g", "x");
        scene.post("g", x.clone()).await;
        scene.tell_firing(&x).await;
        if !left_before {
            scene.see_off("g", &y).await;
        }
        scene.mend().await;
        assert_eq!(scene.told().firing().is_empty(), is_news, "{left_before}");
        assert!(
            scene.told().believes_firing(x.fingerprint),
            "its end is owed"
        );
    }
}

/// Redis came back with older data, and whoever starts reads that an alert fires; others see it off again. One that was moved is seen off
/// in its old group only.
#[tokio::test(start_paused = true)]
async fn who_is_seen_off_without_an_end_does_not_fire_unless_it_is_elsewhere() {
    for is_moved in [false, true] {
        let scene = Scene::started().await;
        let tenant = TenantId::default_tenant();
        let x = scene.alert("g", "x");
        scene.post("g", x.clone()).await;
        scene.pass().await;
        if is_moved {
            scene.put("h", &[&x], &[]).await;
        }
        scene.see_off("g", &x).await;
        scene.state.follow().await.expect("the feed is there");
        assert_eq!(scene.host.missed.load(Ordering::SeqCst), 0);
        let polled = scene.state.poll(0, scene.clock.now()).await;
        polled.expect("polled");
        let known = scene.state.memory.alert(&tenant, x.fingerprint);
        assert_eq!(known.is_some(), is_moved);
        let missed = scene.host.missed.load(Ordering::SeqCst);
        assert_eq!(missed, usize::from(!is_moved));
    }
}

/// Others heard the end, told it, and saw the alert off: who was away must not show it as firing, or let it inhibit others.
#[tokio::test(start_paused = true)]
async fn who_ended_while_an_instance_was_away_does_not_fire_there() {
    for has_others in [true, false] {
        let scene = Scene::started().await;
        let tenant = TenantId::default_tenant();
        let (x, y) = (scene.alert("g", "x"), scene.alert("g", "y"));
        scene.post("g", x.clone()).await;
        if has_others {
            scene.post("g", y.clone()).await;
        }
        scene.state.follow().await.expect("the feed is there");
        scene.cut().await;
        scene.pass().await;
        scene.see_off("g", &x).await;
        scene.mend().await;
        let known = |alert: &Alert| scene.state.memory.alert(&tenant, alert.fingerprint);
        assert!(known(&x).is_none(), "{has_others}");
        assert_eq!(known(&y).is_some(), has_others);
        assert_eq!(scene.host.missed.load(Ordering::SeqCst), 1);
    }
}

/// An end may be told long after it was stated, as it was silenced: what counts is when its alert left.
#[tokio::test(start_paused = true)]
async fn an_end_that_others_told_long_after_it_was_stated_is_news() {
    for left_before in [false, true] {
        let scene = Scene::started().await;
        let x = scene.alert("g", "x");
        scene.cut().await;
        scene.merge("g", vec![Arc::new(x.clone())]).await;
        scene.pass().await;
        let stated_at = scene.clock.now();
        if left_before {
            scene.see_off_in(stated_at, "g", &x).await;
        }
        tokio::time::sleep(MINUTE * 30).await;
        let anew = scene.alert("g", "x");
        scene.post("g", anew.clone()).await;
        scene.tell_firing(&anew).await;
        if !left_before {
            scene.see_off_in(stated_at, "g", &x).await;
        }
        scene.mend().await;
        let told = scene.told();
        assert_eq!(told.firing().is_empty(), !left_before, "{told:?}");
        assert!(told.believes_firing(x.fingerprint), "its end is owed");
    }
}

/// Others heard and saw off what was told alone here, so there is no group to put that into; and one who comes back at the same moment makes
/// it of something else.
#[tokio::test(start_paused = true)]
async fn what_was_told_alone_is_owed_its_end_although_somebody_else_makes_the_group() {
    for is_made in [false, true] {
        let scene = Scene::started().await;
        scene.cut().await;
        let x = scene.alert("g", "x");
        scene.post("g", x.clone()).await;
        scene.tell_firing(&x).await;
        scene.pass().await;
        scene.see_off("g", &x).await;
        scene.line.is_cut.store(false, Ordering::SeqCst);
        *lock(&scene.line.slow) = Some(("merge", Duration::from_millis(400)));
        let state = Arc::clone(&scene.state);
        let back = tokio::spawn(async move { state.go_back(0).await });
        while scene.line.asked.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // What it knows was merged into nothing, and the answer is on its way.
        tokio::time::sleep(Duration::from_millis(100)).await;
        if is_made {
            let y = Arc::new(scene.alert("g", "y"));
            scene.merge("g", vec![y]).await;
        }
        assert_eq!(back.await.expect("it ends"), Ok(()));
        let told = scene.told_there("g").await;
        assert!(told.believes_firing(x.fingerprint), "{is_made}: {told:?}");
        assert!(scene.shared("g").await.contains(&"x".to_owned()));
    }
}

/// A message was in flight when nobody could hear of the others any more, and was repeated by each: the last to repeat it said so after
/// another one had told that its alert fires anew.
#[tokio::test(start_paused = true)]
async fn what_others_repeated_later_than_this_one_told_the_contrary_is_news() {
    for is_repeated_later in [true, false] {
        let scene = Scene::started().await;
        let x = scene.alert("g", "x");
        scene.post("g", x.clone()).await;
        scene.tell_firing(&x).await;
        scene.post("g", scene.as_over(&x)).await;
        let (claim, webhook) = (scene.next_claim().await, webhook());
        let over = Pending {
            firing: Vec::new(),
            resolved: vec![x.fingerprint],
            ..message(claim.tick, &x)
        };
        let now = scene.clock.now();
        let begun = scene.state.begin(&claim, &webhook, over, now).await;
        let begun = begun.expect("answered").expect("held");
        let unknown = scene.state.finish(&claim, false, now).await;
        unknown.expect("answered").expect("held");
        // All that happened until then is known here, and more.
        scene.pass().await;
        scene.offer(scene.alert("g", "y")).await;
        scene.state.follow().await.expect("the feed is there");
        let repeat = async || {
            let name = GroupName::of(&group("g"));
            let sent_at = scene.clock.now();
            let told = scene.other.commit(&name, &webhook, &begun, sent_at).await;
            told.expect("the server answers");
        };
        scene.cut().await;
        let claim = scene.next_claim().await;
        tell(&scene, &claim, begun.clone()).await;
        scene.post("g", scene.alert("g", "x")).await;
        if !is_repeated_later {
            repeat().await;
        }
        let finished = scene.state.finish(&claim, true, scene.clock.now()).await;
        finished.expect("answered").expect("held");
        scene.tell_firing(&x).await;
        scene.pass().await;
        if is_repeated_later {
            repeat().await;
        }
        scene.mend().await;
        let told = scene.told_there("g").await;
        assert_eq!(told.firing().is_empty(), is_repeated_later, "{told:?}");
        assert!(told.believes_firing(x.fingerprint), "its end is owed");
    }
}

/// That it is over was told alone, and nobody heard of it before the process was started anew.
#[tokio::test(start_paused = true)]
async fn an_end_that_was_told_alone_outlives_a_restart() {
    let scene = Scene::started().await;
    let x = scene.alert("g", "x");
    scene.post("g", x.clone()).await;
    scene.tell_firing(&x).await;
    scene.cut().await;
    let over = Alert {
        ends_at: scene.clock.now(),
        updated_at: scene.clock.now(),
        ..x.clone()
    };
    scene.post("g", over.clone()).await;
    assert_eq!(scene.tell_over(&x).await, Finished::Gone);

    let ended = scene.state.ended_alone();
    assert_eq!(ended.len(), 1);
    let life = Scene::over(scene.model.clone(), Arc::clone(&scene.clock));
    let tenant = TenantId::default_tenant();
    let restored = life.state.restore_alert(&tenant, Arc::new(over), true);
    restored.await.expect("restored");
    for ended in ended {
        life.state.restore_ended(ended);
    }
    life.state.start().await;
    let told = life.told();
    assert!(told.firing().is_empty(), "that it fires anew is news");
    assert!(told.believes_firing(x.fingerprint), "so is its end");
}

/// Alone it was given another configuration while somebody else was flushing the group, so its member was to leave later; that end
/// is never heard of here.
#[tokio::test(start_paused = true)]
async fn what_is_stated_while_a_move_waits_is_known_on_the_way_back() {
    let scene = Scene::started().await;
    let tenant = TenantId::default_tenant();
    let x = scene.alert("g", "x");
    scene.offer(x.clone()).await;
    let name = GroupName::of(&group("g"));
    tokio::time::sleep(MINUTE).await;
    let seized = scene.other.seize(&name).await.expect("answered");
    let claimed = seized.expect("a group").expect("held");
    let begun = message(scene.clock.now(), &x);
    let (fence, webhook) = (claimed.fence, webhook());
    let begun = scene
        .other
        .begin(&name, fence, &webhook, &begun, Numbers::shared(2));
    begun.await.expect("answered").expect("held");
    scene.state.follow().await.expect("the feed is there");
    scene.cut().await;
    let elsewhere = |_: &Alert| vec![group("h")];
    let now = scene.clock.now();
    let configured = scene.state.reconfigure(&tenant, "b", &elsewhere, now).await;
    configured.expect("it is in force");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let ended = Alert {
        ends_at: scene.clock.now(),
        ..scene.alert("g", "x")
    };
    scene.post("h", ended).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let anew = scene.alert("g", "x");
    scene.post("h", anew.clone()).await;
    scene.mend().await;
    let members = scene.members("g").await;
    let (x, count) = (members.first().expect("a member"), members.len());
    assert_eq!(
        (x.updated_at, x.ends_at, count),
        (anew.updated_at, anew.ends_at, 1)
    );
    assert!(lock(&scene.state.stranded).holds(&name), "it has to move");
}

/// Its end was told alone, the group went, and it fires anew; before that is told, state is shared again.
#[tokio::test(start_paused = true)]
async fn what_fires_anew_in_a_group_that_ended_alone_is_not_taken_for_told() {
    let scene = Scene::started().await;
    let alert = scene.alert("g", "x");
    scene.post("g", alert.clone()).await;
    scene.tell_firing(&alert).await;
    scene.cut().await;
    let now = scene.clock.now();
    let ended = Alert {
        ends_at: now,
        updated_at: now,
        ..alert.clone()
    };
    scene.post("g", ended).await;
    assert_eq!(scene.tell_over(&alert).await, Finished::Gone);
    tokio::time::sleep(MINUTE).await;
    scene.post("g", scene.alert("g", "x")).await;
    scene.mend().await;
    assert_eq!(scene.shared("g").await, ["x"]);
    assert!(scene.shared_firing().await.is_empty());
}

/// Others may have heard of an end between; should this instance end now, its journal must not know of the first episode only.
#[tokio::test(start_paused = true)]
async fn what_is_stated_alone_to_begin_later_is_recorded() {
    let scene = Scene::started().await;
    let alert = scene.alert("g", "x");
    scene.post("g", alert.clone()).await;
    scene.cut().await;
    tokio::time::sleep(MINUTE).await;
    let post = async |alert: Alert| {
        let tenant = TenantId::default_tenant();
        let placed = Placed {
            alert,
            groups: vec![group("g")],
            is_owed: false,
        };
        let ingested = scene.state.ingest(&tenant, vec![placed], scene.clock.now());
        let ingested = ingested.await.expect("taken in").remove(0);
        let recorded = std::slice::from_ref(&ingested.alert);
        scene.state.mark_recorded(&tenant, recorded);
        ingested.owed
    };
    let refreshed = |starts_at| Alert {
        starts_at,
        updated_at: scene.clock.now(),
        ..alert.clone()
    };
    let whole = post(refreshed(alert.starts_at)).await;
    assert_eq!(whole, OwedRecord::Whole, "nothing is recorded yet");
    assert_eq!(post(refreshed(alert.starts_at)).await, OwedRecord::Nothing);
    let later = scene.clock.now() - Duration::from_secs(5);
    assert_eq!(post(refreshed(later)).await, OwedRecord::Whole);
}
