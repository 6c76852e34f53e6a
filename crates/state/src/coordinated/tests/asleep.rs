//! Posts that waited while the process was stopped.

use super::*;
use crate::StateError;

impl Scene {
    /// The process is stopped for a minute; answers when that began.
    async fn sleep_for_a_minute(&self) -> Timestamp {
        let now = self.clock.now();
        lock(&self.state.pulse).beat(tokio::time::Instant::now());
        tokio::time::sleep(MINUTE).await;
        now
    }

    /// What becomes of a post of an alert of group `g`.
    async fn posted(&self, alert: Alert) -> Result<(), StateError> {
        let placed = Placed {
            alert: Alert {
                updated_at: self.clock.now(),
                ..alert
            },
            groups: vec![group("g")],
            is_owed: false,
        };
        let (tenant, now) = (TenantId::default_tenant(), self.clock.now());
        let ingested = self.state.ingest(&tenant, vec![placed], now).await;
        ingested.map(|_| ())
    }

    /// The same alert, over now.
    fn ended(&self, alert: &Alert) -> Alert {
        let now = self.clock.now();
        Alert {
            ends_at: now,
            updated_at: now,
            ..alert.clone()
        }
    }

    /// The same alert, as it fires now.
    fn refreshed(&self, alert: &Alert) -> Alert {
        Alert {
            updated_at: self.clock.now(),
            ..alert.clone()
        }
    }

    /// Whether the only member of group `g` fires, as it is shared.
    async fn fires(&self) -> bool {
        let members = self.members("g").await;
        assert_eq!(members.len(), 1, "{members:?}");
        members.iter().all(|alert| self.clock.now() < alert.ends_at)
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_that_waited_does_not_end_what_began_since() {
    let scene = Scene::started().await;
    let first = scene.alert("g", "x");
    scene.post("g", first.clone()).await;
    tokio::time::sleep(MINUTE).await;
    let ended = scene.ended(&first);
    scene.posted(ended.clone()).await.expect("taken in");
    scene.sleep_for_a_minute().await;
    // Meanwhile it fires anew, as another instance hears.
    scene.offer(scene.alert("g", "x")).await;
    // The sender had said the end once more, to the one that slept; it gave up waiting long ago.
    let refused = scene.posted(ended).await.expect_err("others know better");
    assert!(refused.to_string().contains("stopped"), "{refused}");
    assert!(scene.fires().await);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_waited_is_refused_where_it_is_known_that_others_heard_more() {
    let scene = Scene::started().await;
    let alert = scene.alert("g", "x");
    scene.post("g", alert.clone()).await;
    scene.sleep_for_a_minute().await;
    let ended = scene.ended(&alert);
    tokio::time::sleep(MINUTE).await;
    scene.offer(scene.refreshed(&alert)).await;
    // The feed is followed before the post is read.
    scene.state.follow().await.expect("the feed is there");
    scene.posted(ended).await.expect_err("it fires since");
    assert!(scene.fires().await);
}

#[tokio::test(start_paused = true)]
async fn a_promise_to_fire_that_ran_out_while_it_waited_ends_nothing() {
    let scene = Scene::started().await;
    let first = scene.alert("g", "x");
    scene.post("g", first.clone()).await;
    let began = scene.sleep_for_a_minute().await;
    // Others refreshed it a little after this was said; that refresh is kept back there.
    let refreshed = Alert {
        updated_at: began + MINUTE / 6,
        ends_at: began + MINUTE * 4,
        ..first.clone()
    };
    scene.offer(refreshed).await;
    let old = Alert {
        ends_at: began + MINUTE / 2,
        ..first
    };
    scene
        .posted(old)
        .await
        .expect_err("it may be a promise as well");
    assert!(scene.fires().await);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_waited_does_not_revive_what_ended_since() {
    let scene = Scene::started().await;
    let alert = scene.alert("g", "x");
    scene.post("g", alert.clone()).await;
    scene.sleep_for_a_minute().await;
    scene.offer(scene.ended(&alert)).await;
    // What this instance knows covers the refresh; it is kept back, and written when it was kept back for long.
    let _ = scene.posted(alert.clone()).await;
    assert!(!scene.fires().await);
    scene.state.follow().await.expect("the feed is there");
    let known = scene.known(&alert);
    assert!(
        known.is_explicit_end(),
        "the end is heard all the same: {known:?}"
    );
    // Where the end is known, the sender hears that it waited too long.
    let refused = scene.posted(alert).await;
    refused.expect_err("others know better");
    assert!(!scene.fires().await);
}

/// Another instance heard a refresh meanwhile; the next one came to the one that slept. Nobody says that the alert is over, and nobody
/// may think so when its time runs out there.
#[tokio::test(start_paused = true)]
async fn a_refresh_that_waited_prolongs_what_others_heard() {
    for is_followed in [true, false] {
        let scene = Scene::started().await;
        let alert = scene.alert("g", "x");
        scene.post("g", alert.clone()).await;
        let slept_at = scene.sleep_for_a_minute().await;
        let refreshed = Alert {
            updated_at: slept_at + MINUTE / 2,
            ends_at: alert.ends_at + MINUTE / 2,
            ..alert.clone()
        };
        scene.offer(refreshed.clone()).await;
        if is_followed {
            scene.state.follow().await.expect("the feed is there");
        }
        let ends_at = refreshed.ends_at + MINUTE;
        let last = Alert { ends_at, ..alert };
        scene.posted(last.clone()).await.expect("it fires");
        // A refresh that is covered for now is kept back until that matters.
        let covered = refreshed.ends_at.since(scene.clock.now());
        tokio::time::sleep(covered - Duration::from_secs(1)).await;
        scene.state.write_kept_back().await;
        let members = scene.members("g").await;
        let member = members.first().expect("a member");
        assert_eq!(member.ends_at, ends_at, "{is_followed}");
        assert!(refreshed.updated_at < member.updated_at);
        // An end that is stated afterwards holds.
        scene.offer(scene.ended(&last)).await;
        assert!(!scene.fires().await);
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_denies_is_taken_in_after_a_sleep() {
    let scene = Scene::started().await;
    scene.sleep_for_a_minute().await;
    let new = scene.posted(scene.alert("g", "x"));
    new.await.expect("it is new");
    let again = scene.posted(scene.alert("g", "x"));
    again.await.expect("it fires");
    assert!(scene.fires().await);
}

#[tokio::test(start_paused = true)]
async fn soon_after_waking_every_post_counts_again() {
    let scene = Scene::started().await;
    let alert = scene.alert("g", "x");
    scene.post("g", alert.clone()).await;
    scene.sleep_for_a_minute().await;
    scene.offer(scene.alert("g", "x")).await;
    let ended = scene.ended(&alert);
    scene.posted(ended).await.expect_err("it may have waited");
    lock(&scene.state.pulse).beat(tokio::time::Instant::now());
    tokio::time::sleep(Duration::from_secs(1)).await;
    lock(&scene.state.pulse).beat(tokio::time::Instant::now());
    let ended = scene.ended(&alert);
    scene.posted(ended).await.expect("it is said now");
    assert!(!scene.fires().await);
}

#[tokio::test(start_paused = true)]
async fn who_is_alone_takes_in_what_waited() {
    let scene = Scene::started().await;
    scene.cut().await;
    scene.sleep_for_a_minute().await;
    let alert = scene.alert("g", "x");
    scene
        .posted(alert.clone())
        .await
        .expect("nobody else is there");
    assert_eq!(scene.known(&alert).updated_at, scene.clock.now());
}

/// A promise to fire that was read after its time looks like an end; and an end may have been followed by another beginning.
#[tokio::test(start_paused = true)]
async fn who_is_alone_beside_others_refuses_what_may_have_waited() {
    let scene = Scene::started().await;
    scene.meet_another().await;
    let alert = scene.alert("g", "x");
    scene.post("g", alert.clone()).await;
    scene.cut().await;
    scene.sleep_for_a_minute().await;
    let promise = Alert {
        ends_at: scene.clock.now() - MINUTE / 2,
        ..alert.clone()
    };
    for waited in [promise, scene.ended(&alert), scene.alert("g", "y")] {
        let refused = scene.posted(waited).await;
        refused.expect_err("others may know better");
    }
    assert!(scene.clock.now() < scene.known(&alert).ends_at);
    lock(&scene.state.pulse).beat(tokio::time::Instant::now());
    tokio::time::sleep(Duration::from_secs(1)).await;
    lock(&scene.state.pulse).beat(tokio::time::Instant::now());
    let ended = scene.ended(&alert);
    scene.posted(ended).await.expect("it is said now");
}

/// Whether a claim made alone stands after this process stood still for a minute.
async fn stands_after_sleep(is_shared_again: bool) -> bool {
    let scene = Scene::started().await;
    scene.post("g", scene.alert("g", "x")).await;
    scene.cut().await;
    let claim = scene.next_claim().await;
    assert!(scene.state.stands(&claim).await);
    scene.sleep_for_a_minute().await;
    scene.line.is_cut.store(!is_shared_again, Ordering::SeqCst);
    let stop = runtime::tasks::Stop::never();
    let wakes = async {
        // The rest of this process wakes a little later than what sends.
        tokio::time::sleep(Duration::from_millis(100)).await;
        tokio::join!(scene.state.run_pulse(&stop), async {
            for _ in 0..20 {
                scene.state.come_back(0).await;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        })
    };
    let asked_at = tokio::time::Instant::now();
    let stands = tokio::select! {
        stands = scene.state.stands(&claim) => stands,
        _ = wakes => panic!("it is known by then"),
    };
    assert!(asked_at.elapsed() < Duration::from_secs(2));
    stands
}

/// The others share state again, and have told what it was about to.
#[tokio::test(start_paused = true)]
async fn who_stood_still_while_alone_tells_nothing_once_the_server_answers() {
    assert!(!stands_after_sleep(true).await);
}

#[tokio::test(start_paused = true)]
async fn who_stood_still_while_alone_goes_on_alone_once_the_server_was_asked_in_vain() {
    assert!(stands_after_sleep(false).await);
}

/// A request that was on its way when the process was stopped says nothing of what came to pass meanwhile.
#[tokio::test(start_paused = true)]
async fn only_who_is_asked_after_waking_settles_a_doubt() {
    let scene = Scene::started().await;
    scene.cut().await;
    let part = &scene.state.domains[0];
    let before = tokio::time::Instant::now();
    scene.sleep_for_a_minute().await;
    let woke_at = tokio::time::Instant::now();
    *lock(&part.refused_until) = Some(woke_at + MINUTE);
    part.doubt_being_alone(woke_at);
    part.settle_doubt(before);
    assert_eq!(*lock(&part.doubted_at), Some(woke_at));
    assert!(lock(&part.refused_until).is_none(), "it is asked at once");
    scene.state.come_back(0).await;
    assert_eq!(*lock(&part.doubted_at), None, "it was asked in vain");
}

/// Nobody answers at all: what is to be told waits for seconds once, and not before each attempt.
#[tokio::test(start_paused = true)]
async fn a_doubt_that_nobody_settles_holds_nothing_up_for_long() {
    let scene = Scene::started().await;
    scene.post("g", scene.alert("g", "x")).await;
    scene.cut().await;
    let claim = scene.next_claim().await;
    scene.sleep_for_a_minute().await;
    let woke_at = tokio::time::Instant::now();
    let stop = runtime::tasks::Stop::never();
    let attempts = async {
        for _ in 0..3 {
            assert!(scene.state.stands(&claim).await);
        }
    };
    tokio::select! {
        () = attempts => {}
        () = scene.state.run_pulse(&stop) => panic!("it runs on"),
    }
    let waited = woke_at.elapsed();
    assert!(waited < Duration::from_secs(6), "{waited:?}");
}

/// Its flush outlasts the way back: from then on others may tell what it was about to.
#[tokio::test(start_paused = true)]
async fn what_was_claimed_alone_is_not_told_under_that_claim_once_state_is_shared() {
    let scene = Scene::started().await;
    scene.post("g", scene.alert("g", "x")).await;
    scene.cut().await;
    let claim = scene.next_claim().await;
    assert!(scene.state.stands(&claim).await);
    scene.mend().await;
    assert!(!scene.state.stands(&claim).await);
}
