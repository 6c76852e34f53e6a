//! What was known before a loss does not count after it, and what is not heard of is read.

use runtime::tasks::TaskGroup;

use super::*;
use crate::coordinator::model::Snapshot;

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_under_a_claim_on_data_that_was_lost() {
    let scene = Scene::started().await;
    scene.post("g", scene.alert("g", "x")).await;
    tokio::time::sleep(MINUTE).await;
    let poll = async || {
        let polled = scene.state.poll(10, scene.clock.now()).await;
        polled.expect("polled").claims
    };
    let claims = poll().await;
    let claim = claims.first().expect("a claim");
    assert!(poll().await.is_empty());
    assert!(scene.state.stands(claim).await);
    scene.model.flush_all();
    assert!(poll().await.is_empty());
    assert!(!scene.state.stands(claim).await);
    // The group is claimed anew once all had the time to put back what they know.
    tokio::time::sleep(MINUTE * 2).await;
    let again = poll().await;
    let again = again.first().expect("a claim");
    assert!(again.fence > claim.fence);
    assert!(scene.state.stands(again).await);
}

/// The server loses its last writes, and keeps its epoch; whoever reads the feed sees no more than that something is missing.
#[tokio::test(start_paused = true)]
async fn a_loss_that_the_feed_shows_first_is_one() {
    let scene = Scene::started().await;
    let before = scene.model.snapshot();
    scene.post("g", scene.alert("g", "x")).await;
    tokio::time::sleep(MINUTE).await;
    let polled = scene.state.poll(10, scene.clock.now()).await;
    let claim = polled.expect("polled").claims.remove(0);
    scene.state.follow().await.expect("the feed is there");
    scene.model.rollback(&before);
    scene.state.follow().await.expect("the feed is there");
    let polled = scene.state.poll(10, scene.clock.now()).await;
    assert!(polled.expect("polled").claims.is_empty());
    assert!(!scene.state.stands(&claim).await, "it was lost");
    assert_eq!(scene.shared("g").await, ["x"], "it is put back");
}

/// Group `g` with `x`, a snapshot, and what came after it: that `x` was told to fire, and a minute later `y`.
async fn told_since_a_snapshot() -> (Scene, Alert, Snapshot) {
    let scene = Scene::started().await;
    let alert = scene.alert("g", "x");
    scene.post("g", alert.clone()).await;
    let before = scene.model.snapshot();
    scene.tell_firing(&alert).await;
    tokio::time::sleep(MINUTE).await;
    scene.post("g", scene.alert("g", "y")).await;
    scene.state.follow().await.expect("the feed is there");
    (scene, alert, before)
}

/// As above, and somebody writes again before it is looked at: what it was told last is not lost with the rest.
#[tokio::test(start_paused = true)]
async fn a_loss_after_which_others_wrote_is_one() {
    let (scene, alert, before) = told_since_a_snapshot().await;
    scene.model.rollback(&before);
    tokio::time::sleep(Duration::from_secs(1)).await;
    scene.offer(scene.alert("g", "z")).await;
    scene.state.follow().await.expect("the feed is there");
    let polled = scene.state.poll(10, scene.clock.now()).await;
    assert!(polled.expect("polled").claims.is_empty());
    assert_eq!(scene.shared("g").await, ["x", "y", "z"]);
    assert_eq!(scene.shared_firing().await, [alert.fingerprint]);
}

/// The server comes back from an outage with older data and the epoch it had: what was told before the outage is put back.
#[tokio::test(start_paused = true)]
async fn a_server_that_comes_back_with_older_data_has_lost_some() {
    let (scene, alert, before) = told_since_a_snapshot().await;
    scene.cut().await;
    scene.model.rollback(&before);
    scene.mend().await;
    assert_eq!(scene.shared("g").await, ["x", "y"], "both are put back");
    assert_eq!(scene.shared_firing().await, [alert.fingerprint]);
}

/// A configuration takes a group's members elsewhere; before they move the data is lost, and whoever wants to move them is the first
/// to ask.
#[tokio::test(start_paused = true)]
async fn a_group_whose_members_have_to_move_is_not_forgotten_with_the_data() {
    let scene = Scene::started().await;
    let tenant = TenantId::default_tenant();
    scene.offer(scene.alert("g", "x")).await;
    scene.state.follow().await.expect("the feed is there");
    let elsewhere = |_: &Alert| vec![group("h")];
    let now = scene.clock.now();
    let configured = scene.state.reconfigure(&tenant, "b", &elsewhere, now).await;
    configured.expect("it is in force");
    scene.model.flush_all();
    scene.state.move_stranded().await;
    assert_eq!(scene.members("g").await.len(), 0, "it was lost");
    let polled = scene.state.poll(10, scene.clock.now()).await;
    polled.expect("polled");
    assert_eq!(scene.shared("g").await, ["x"], "it is put back");
}

/// It told an end alone, and others told later that the alert fires, of which they heard before: the end is owed anew. What it saw off
/// alone does not keep that from coming back after a loss.
#[tokio::test(start_paused = true)]
async fn an_end_that_is_owed_anew_survives_a_loss() {
    let scene = Scene::started().await;
    let x = scene.alert("g", "x");
    scene.put_shared("g", &[&x], &[&x]).await;
    scene.state.follow().await.expect("the feed is there");
    scene.cut().await;
    scene.pass().await;
    scene.post("g", scene.as_over(&x)).await;
    assert_eq!(scene.tell_over(&x).await, Finished::Gone);
    // Longer than it may take until a message is accepted.
    tokio::time::sleep(MINUTE).await;
    scene.put_shared("g", &[&x], &[&x]).await;
    scene.mend().await;
    for is_lost in [false, true] {
        if is_lost {
            scene.model.flush_all();
            let polled = scene.state.poll(10, scene.clock.now()).await;
            polled.expect("polled");
        }
        let told = scene.told_there("g").await;
        assert!(told.believes_firing(x.fingerprint), "{is_lost}: {told:?}");
        assert!(scene.members("g").await[0].is_explicit_end(), "{is_lost}");
    }
}

impl Scene {
    /// Moves members now, and for half a minute: an epoch that began may hold claims for a while.
    async fn move_all(&self) {
        self.state.move_stranded().await;
        for _ in 0..30 {
            let polled = self.state.poll(0, self.clock.now()).await;
            polled.expect("polled");
            self.pass().await;
            self.state.move_stranded().await;
        }
    }
}

/// Data was lost, and the group members leave is there again by a post alone: they wait, or what was told of them would be forgotten.
#[tokio::test(start_paused = true)]
async fn nobody_moves_from_a_group_that_was_lost_before_it_is_put_back() {
    let scene = Scene::started().await;
    let x = scene.alert("g", "x");
    scene.put_shared("g", &[&x], &[&x]).await;
    scene.take_all_to(&["h"]).await;
    scene.model.flush_all();
    scene.merge("g", vec![Arc::new(scene.as_over(&x))]).await;
    scene.move_all().await;
    assert_eq!(scene.shared("h").await, ["x"], "its end is owed");
    let told = scene.told_there("h").await;
    assert!(told.believes_firing(x.fingerprint), "{told:?}");
}

/// Data was lost, and the group members move to is not put back yet: they wait, or what was told of that would be forgotten.
#[tokio::test(start_paused = true)]
async fn nobody_moves_to_a_group_that_was_lost_before_it_is_put_back() {
    let scene = Scene::started().await;
    let (x, y) = (scene.alert("g", "x"), scene.alert("h", "y"));
    scene.put_shared("h", &[&y], &[&y]).await;
    scene.put_shared("g", &[&x], &[&x]).await;
    scene.take_all_to(&["h"]).await;
    scene.model.flush_all();
    scene.put_shared("g", &[&x], &[&x]).await;
    scene.move_all().await;
    assert_eq!(scene.shared("h").await, ["x", "y"]);
    let told = scene.told_there("h").await;
    for alert in [&x, &y] {
        assert!(told.believes_firing(alert.fingerprint), "{told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stranded_group_that_is_gone_is_forgotten() {
    let scene = Scene::started().await;
    let tenant = TenantId::default_tenant();
    let x = scene.alert("g", "x");
    scene.offer(x.clone()).await;
    scene.state.follow().await.expect("the feed is there");
    let polled = scene.state.poll(10, scene.clock.now()).await;
    polled.expect("polled");
    let elsewhere = |_: &Alert| vec![group("h")];
    let now = scene.clock.now();
    let configured = scene.state.reconfigure(&tenant, "b", &elsewhere, now).await;
    configured.expect("it is in force");
    let name = GroupName::of(&group("never"));
    lock(&scene.state.stranded).see_foreign(&name, [x.fingerprint]);
    scene.state.move_stranded().await;
    assert!(!lock(&scene.state.stranded).holds(&name));
}

#[tokio::test(start_paused = true)]
async fn a_shard_whose_changes_cannot_be_had_is_read_as_a_whole() {
    let scene = Scene::started().await;
    let _ = scene.state.poll(10, scene.clock.now()).await;
    *lock(&scene.line.failing) = Some("changes");
    let old = Alert {
        starts_at: scene.clock.now() - MINUTE * 10,
        ..scene.alert("g", "x")
    };
    scene.offer(old).await;
    let began = Instant::now();
    loop {
        let polled = scene.state.poll(10, scene.clock.now()).await;
        if !polled.expect("polled").claims.is_empty() {
            break;
        }
        assert!(began.elapsed() < MINUTE / 6, "it is flushed all the same");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    assert_eq!(scene.state.mode(), Mode::Coordinated);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_overtaken_lowers_no_version() {
    let scene = Scene::started().await;
    let tenant = TenantId::default_tenant();
    let put = async |id: &str| {
        let silence = silence(&scene, id);
        let put = scene.other.silence_put(&tenant, &silence, None).await;
        put.expect("the server answers");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    put("1").await;
    *lock(&scene.line.slow) = Some(("silences", Duration::from_millis(300)));
    let (state, owner) = (Arc::clone(&scene.state), tenant.clone());
    let slow = tokio::spawn(async move { state.fetch_silences(&owner).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    *lock(&scene.line.slow) = None;
    put("2").await;
    scene.state.follow_silences().await;
    let known = scene.state.known_silences(&tenant);
    let overtaken = slow.await.expect("it ends").expect("answered");
    assert!(overtaken.version < known);
    assert_eq!(scene.state.known_silences(&tenant), known);
}

#[tokio::test(start_paused = true)]
async fn an_alert_is_not_offered_in_vain_to_a_group_nothing_is_known_of() {
    let scene = Scene::started().await;
    // By another configuration it belongs to a group this instance has no route for.
    let x = scene.alert("g", "x");
    let offer = crate::coordinator::Offer {
        group: group("elsewhere"),
        alert: Arc::new(x.clone()),
        is_owed: false,
        is_again: false,
    };
    let offered = scene.other.ingest(vec![offer], scene.clock.now()).await;
    assert!(offered.iter().all(Result::is_ok));
    scene.state.follow().await.expect("the feed is there");
    scene.post("g", scene.alert("g", "x")).await;
    assert!(scene.shared("g").await.is_empty(), "it waits there");
    // That group ends, and this instance has not heard of that yet.
    let grid = domain::group::grid::Grid::starting(scene.clock.now(), MINUTE);
    let left = Merge {
        leaves: vec![Leave {
            fingerprint: x.fingerprint,
            updated_at: scene.clock.now(),
        }],
        ..Merge::of(group("elsewhere"), grid)
    };
    let merged = scene.other.merge(vec![left]).await;
    assert!(merged.iter().all(Result::is_ok));
    scene.post("g", scene.alert("g", "x")).await;
    assert_eq!(scene.shared("g").await, ["x"]);
    assert!(scene.shared("elsewhere").await.is_empty());
}

/// An instance that shares an alert, and has just taken in a refresh that what is shared covers.
pub(super) async fn kept_back() -> (Scene, Alert) {
    let scene = Scene::started().await;
    let x = scene.alert("g", "x");
    scene.post("g", x.clone()).await;
    scene.state.follow().await.expect("the feed is there");
    let recorded = scene.known(&x);
    let tenant = TenantId::default_tenant();
    scene.state.mark_recorded(&tenant, &[recorded]);
    tokio::time::sleep(MINUTE / 2).await;
    let refresh = Alert {
        starts_at: x.starts_at,
        ..scene.alert("g", "x")
    };
    scene.post("g", refresh).await;
    (scene, x)
}

/// Since when an alert fires is what is shared, whatever was kept back.
#[tokio::test(start_paused = true)]
async fn a_refresh_kept_back_does_not_hide_an_earlier_start() {
    let (scene, x) = kept_back().await;
    let refreshed = scene.known(&x);
    let earlier = Alert {
        starts_at: x.starts_at - MINUTE,
        updated_at: scene.clock.now() - Duration::from_millis(5),
        ..x.clone()
    };
    scene.offer(earlier.clone()).await;
    scene.state.follow().await.expect("the feed is there");
    let known = scene.known(&x);
    assert_eq!(known.starts_at, earlier.starts_at);
    assert_eq!(known.ends_at, refreshed.ends_at);
    assert_eq!(scene.members("g").await[0].starts_at, earlier.starts_at);
}

/// What fires anew does not go together with what ended, though the end was not heard of yet.
#[tokio::test(start_paused = true)]
async fn what_fires_anew_begins_when_it_is_said_to() {
    let scene = Scene::started().await;
    let x = scene.alert("g", "x");
    scene.post("g", x.clone()).await;
    tokio::time::sleep(MINUTE / 2).await;
    let at = scene.clock.now();
    let ended = Alert {
        ends_at: at,
        updated_at: at,
        ..x.clone()
    };
    scene.offer(ended).await;
    tokio::time::sleep(Duration::from_millis(5)).await;
    let anew = scene.alert("g", "x");
    scene.post("g", anew.clone()).await;
    assert_eq!(scene.known(&x).starts_at, anew.starts_at);
    scene.state.follow().await.expect("the feed is there");
    assert_eq!(scene.known(&x).starts_at, anew.starts_at);
    assert_eq!(scene.members("g").await[0].starts_at, anew.starts_at);
}

/// A refresh that what is shared covers stays here; an end that another instance took in at about that time is heard all the same.
#[tokio::test(start_paused = true)]
async fn a_refresh_kept_back_does_not_hide_an_end_of_the_same_moment() {
    for (behind, is_over) in [(Duration::from_millis(5), true), (MINUTE / 6, false)] {
        let (scene, x) = kept_back().await;
        let at = scene.clock.now();
        let ended = Alert {
            ends_at: at - behind,
            updated_at: at - behind,
            ..x.clone()
        };
        scene.offer(ended).await;
        scene.state.follow().await.expect("the feed is there");
        scene.state.follow().await.expect("the feed is there");
        assert_eq!(scene.known(&x).is_explicit_end(), is_over, "{behind:?}");
        let there = scene.members("g").await;
        assert_eq!(there[0].is_explicit_end(), is_over, "{behind:?}");
    }
}

/// Its senders stopped: what is shared ends when the last of them said it would, not a quarter of the span before.
#[tokio::test(start_paused = true)]
async fn a_refresh_kept_back_is_written_before_what_is_shared_ends() {
    let (scene, x) = kept_back().await;
    let stated = scene.known(&x).ends_at;
    assert!(scene.members("g").await[0].ends_at < stated, "kept back");
    scene.state.write_kept_back().await;
    assert!(scene.members("g").await[0].ends_at < stated, "it has time");
    let left = scene.members("g").await[0].ends_at.since(scene.clock.now());
    tokio::time::sleep(left - Duration::from_secs(3)).await;
    scene.state.write_kept_back().await;
    assert_eq!(scene.members("g").await[0].ends_at, stated);
    *lock(&scene.line.slow) = Some(("ingest", Duration::ZERO));
    scene.state.write_kept_back().await;
    assert_eq!(scene.line.asked.load(Ordering::SeqCst), 0, "once");
}

fn silence(scene: &Scene, id: &str) -> Arc<Silence> {
    Arc::new(Silence {
        id: Arc::from(id),
        matchers: Vec::new(),
        starts_at: scene.clock.now(),
        ends_at: scene.clock.now() + MINUTE * 10,
        updated_at: scene.clock.now(),
        created_by: String::new(),
        comment: String::new(),
        annotations: Labels::empty(),
    })
}

/// A quick failover lost the last silence, and nothing else that anybody would notice. It is put back whether or not its version
/// was read since, and also when another one was made meanwhile.
#[tokio::test(start_paused = true)]
async fn a_silence_that_alone_was_lost_is_put_back() {
    for (is_read, is_overtaken) in [(true, false), (false, false), (true, true), (false, true)] {
        let scene = Scene::started().await;
        let tenant = TenantId::default_tenant();
        let there = async || {
            let shared = scene.other.silences(&tenant).await;
            let shared = shared.expect("the server answers").silences;
            let mut ids: Vec<_> = shared.iter().map(|s| s.id.to_string()).collect();
            ids.sort();
            ids
        };
        let others = async |id| {
            let silence = silence(&scene, id);
            let put = scene.other.silence_put(&tenant, &silence, None).await;
            put.expect("the server answers");
            tokio::time::sleep(Duration::from_secs(1)).await;
        };
        others("theirs").await;
        let _ = scene.state.poll(10, scene.clock.now()).await;
        let before = scene.model.snapshot();
        let ours = silence(&scene, "ours");
        let put = scene.state.silence_put(&tenant, Arc::clone(&ours), None);
        put.await.expect("acknowledged");
        lock(&scene.host.silences).push(ours);
        if is_read {
            let _ = scene.state.poll(10, scene.clock.now()).await;
        }
        scene.model.rollback(&before);
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(there().await, ["theirs"]);
        if is_overtaken {
            others("theirs too").await;
        }
        let _ = scene.state.poll(10, scene.clock.now()).await;
        let found = there().await;
        assert!(
            found.contains(&"ours".to_owned()),
            "{is_read} {is_overtaken} {found:?}"
        );
        // All is the same now: nothing is asked for again.
        let _ = scene.state.poll(10, scene.clock.now()).await;
        *lock(&scene.line.failing) = Some("silences");
        let versions = scene
            .other
            .silence_versions(std::slice::from_ref(&tenant))
            .await;
        let tenants = std::slice::from_ref(&tenant);
        assert!(scene.state.silences_caught_up(tenants, versions).await);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_server_threw_away_is_put_back_once_it_throws_nothing_away() {
    let scene = Scene::started().await;
    for name in ["one", "two"] {
        scene.post("g", scene.alert("g", name)).await;
    }
    let stopper = runtime::tasks::Shutdown::new();
    let keeper = tokio::spawn(Arc::clone(&scene.state).run_keeper(stopper.listener()));
    let pass = async |seconds| tokio::time::sleep(Duration::from_secs(seconds)).await;
    let name = GroupName::of(&group("g"));
    scene.model.evict(&name);
    pass(3).await;
    assert_eq!(scene.state.mode(), Mode::Degraded);
    let losses = || scene.state.counters.data_losses.load(Ordering::Relaxed);
    let all = u64::try_from(limits::SHARDS).expect("a few");
    assert_eq!(losses(), all);
    pass(20).await;
    scene.model.evict(&name);
    pass(20).await;
    assert_eq!(scene.state.mode(), Mode::Degraded, "it goes on");
    pass(20).await;
    assert_eq!(scene.state.mode(), Mode::Coordinated);
    assert_eq!(scene.shared("g").await, ["one", "two"]);
    assert_eq!(losses(), all, "once");
    stopper.stop();
    keeper.await.expect("it stops");
}

#[tokio::test(start_paused = true)]
async fn while_nothing_is_answered_a_post_waits_for_three_seconds() {
    let scene = Scene::started().await;
    let tasks = TaskGroup::new();
    let keeping = Arc::clone(&scene.state);
    tasks.spawn("keep", move |stop| keeping.run_keeper(stop));
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    scene.line.is_silent.store(true, Ordering::SeqCst);
    let asked_at = Instant::now();
    scene.post("g", scene.alert("g", "x")).await;
    let waited = asked_at.elapsed();
    assert!(waited <= Duration::from_secs(3), "{waited:?}");
    assert_eq!(scene.state.mode(), Mode::Degraded);
}

/// It tells others what it knows of an alert that another one took in: whether that fires still only the other one hears.
#[tokio::test(start_paused = true)]
async fn who_passes_on_what_others_took_in_does_not_answer_for_it() {
    let scene = Scene::started().await;
    let (own, heard) = (scene.alert("g", "own"), scene.alert("g", "heard"));
    scene.post("g", own.clone()).await;
    scene.offer(heard.clone()).await;
    scene.state.follow().await.expect("the feed is there");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let grid = domain::group::grid::Grid::starting(scene.clock.now(), MINUTE);
    let passed_on = Merge {
        alerts: vec![Arc::new(scene.alert("g", "heard"))],
        ..Merge::of(group("g"), grid)
    };
    let merged = scene.state.merge_in(vec![passed_on]).await;
    assert!(matches!(merged, Ok(Merged::Done)));
    scene.state.follow().await.expect("the feed is there");
    scene.cut().await;
    let claim = scene.next_claim().await;
    assert!(claim.foreign.has(heard.fingerprint));
    assert!(!claim.foreign.has(own.fingerprint));
}

impl Scene {
    /// Who fires in what was told of group `g`, as it is shared.
    pub(super) async fn shared_firing(&self) -> Vec<Fingerprint> {
        let there = self.other.group(&GroupName::of(&group("g"))).await;
        let there = there.expect("answered").expect("it is there");
        let told = there.told_to(&webhook());
        told.map(|told| told.firing().to_vec()).unwrap_or_default()
    }
}

/// Whether, in a claim of an instance that is alone, an alert it took in itself is over half an hour after its time ran out.
async fn is_over_long_after(scene: &Scene) -> bool {
    let mut alert = scene.alert("g", "x");
    alert.ends_at = scene.clock.now() + MINUTE * 4;
    alert.is_timeout = true;
    let fingerprint = alert.fingerprint;
    scene.post("g", alert).await;
    scene.cut().await;
    tokio::time::sleep(MINUTE * 34).await;
    let claim = scene.next_claim().await;
    assert!(!claim.foreign.has(fingerprint), "it was taken in here");
    let mut alerts = claim.alerts.iter();
    let alert = alerts.find(|alert| alert.fingerprint == fingerprint);
    claim.is_over(alert.expect("a member"))
}

/// A balancer may send what one instance took in to another one from now on, and while nobody can coordinate neither hears of it.
#[tokio::test(start_paused = true)]
async fn beside_others_no_time_runs_out_of_an_alert_that_may_be_heard_there() {
    let scene = Scene::started().await;
    scene.meet_another().await;
    // It may come back where nobody hears of it.
    scene.other.retire("b").await.expect("retired");
    scene.state.look_around().await;
    assert!(!is_over_long_after(&scene).await);
}

/// Nobody was told that the time of the first episode ran out.
#[tokio::test(start_paused = true)]
async fn what_fires_anew_after_its_time_ran_out_beside_others_is_told() {
    for begins_anew in [true, false] {
        let scene = Scene::started().await;
        let first = Alert {
            ends_at: scene.clock.now() + MINUTE * 4,
            is_timeout: true,
            ..scene.alert("g", "x")
        };
        scene.post("g", first.clone()).await;
        scene.tell_firing(&first).await;
        scene.cut().await;
        tokio::time::sleep(MINUTE * 20).await;
        let mut again = scene.alert("g", "x");
        if !begins_anew {
            again.starts_at = first.starts_at;
        }
        scene.post("g", again).await;
        let told = scene.told();
        assert_eq!(told.firing().is_empty(), begins_anew, "{told:?}");
        assert!(told.believes_firing(first.fingerprint), "its end is owed");
    }
}

/// Nobody else is there to hear of it.
#[tokio::test(start_paused = true)]
async fn an_instance_that_shares_with_nobody_ends_what_ran_out_of_time() {
    let scene = Scene::started().await;
    assert!(is_over_long_after(&scene).await);
}

/// It shared its state in an earlier life, with whom it has not heard.
#[tokio::test(start_paused = true)]
async fn a_life_that_began_alone_reckons_with_those_an_earlier_one_shared_with() {
    for (has_shared, is_over) in [(true, false), (false, true)] {
        let scene = Scene::new();
        if has_shared {
            scene.state.restore_sharing(scene.clock.now(), false);
        }
        scene.line.is_cut.store(true, Ordering::SeqCst);
        scene.state.start().await;
        assert_eq!(scene.state.mode(), Mode::Degraded);
        assert_eq!(is_over_long_after(&scene).await, is_over, "{has_shared}");
    }
}
