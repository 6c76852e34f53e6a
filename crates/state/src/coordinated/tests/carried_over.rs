//! What an instance carries over that starts with another configuration.

use super::*;
use domain::group::grid::Grid;
use domain::group::numbers::Numbers;
use domain::group::told::Told;

const LATER: Duration = Duration::from_millis(500);

/// Told at that instant that this one fires.
fn told(alert: &Alert, at: Timestamp) -> Told {
    Told {
        seq: Numbers::SHARED.next(0, u64::try_from(at.unix_ms()).expect("a time")),
        last: Some(message(at, alert).accepted(at)),
        pending: None,
    }
}

impl Scene {
    /// Starts with a group as its journal tells: this member, and what was told of it in group `old`.
    async fn start_with(&self, name: &str, alert: &Alert, told: Told) {
        let now = self.clock.now();
        let restored = RestoredGroup {
            identity: group(name),
            first_tick: now,
            known_until: now,
            members: vec![Arc::new(alert.clone())],
            told: vec![(webhook(), told)],
            carried_over: CarriedOver {
                told_to: [webhook()].into(),
                members: vec![(alert.fingerprint, group("old").key)],
            },
        };
        let put = self.state.restore_group(restored, now).await;
        put.expect("restored");
        let (tenant, alert) = (TenantId::default_tenant(), Arc::new(alert.clone()));
        let put = self.state.restore_alert(&tenant, alert, true).await;
        put.expect("restored");
        self.state.start().await;
    }
}

/// All were started anew, and shared state was lost meanwhile: each knows what was told of some.
#[tokio::test(start_paused = true)]
async fn what_each_carries_over_after_a_loss_adds_up() {
    // What was told since may have been that x is over.
    for (is_told_since, is_later, is_news) in [
        (false, false, false),
        (false, true, false),
        (true, false, true),
    ] {
        let scene = Scene::new();
        let (x, y) = (scene.alert("g", "x"), scene.alert("g", "y"));
        let before = scene.clock.now();
        scene.pass().await;
        // The first that starts begins an epoch.
        let first = Scene::over(scene.model.clone(), Arc::clone(&scene.clock));
        first.state.start().await;
        scene.pass().await;
        let at = match is_told_since {
            true => scene.clock.now(),
            false => before,
        };
        let merge = Merge {
            alerts: vec![Arc::new(y.clone())],
            told: vec![(webhook(), told(&y, at))],
            ..Merge::of(group("g"), Grid::starting(before, MINUTE))
        };
        assert_eq!(scene.other.merge(vec![merge]).await, vec![Ok(Merged::Done)]);
        let ours = match is_later {
            true => before + LATER,
            false => before - LATER,
        };
        scene.start_with("g", &x, told(&x, ours)).await;
        let told = scene.told_there("g").await;
        let both = sorted([x.fingerprint, y.fingerprint]);
        let firing = match is_news {
            true => vec![y.fingerprint],
            false => both,
        };
        assert_eq!(told.firing(), firing, "{is_told_since}, {is_later}");
        assert!(told.believes_firing(x.fingerprint), "its end is owed");
        assert_eq!(scene.told(), told);
    }
}

/// Its end came while this instance was dead, and was told in the group it was in then; or others moved it.
#[tokio::test(start_paused = true)]
async fn who_left_a_group_of_before_does_not_come_back_in_another_one() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Fate {
        Stays,
        Ends,
        IsMoved,
        FiresAnew,
    }
    for fate in [Fate::Stays, Fate::Ends, Fate::IsMoved, Fate::FiresAnew] {
        let scene = Scene::new();
        // Others are there, and go on.
        let first = Scene::over(scene.model.clone(), Arc::clone(&scene.clock));
        first.state.start().await;
        let x = scene.alert("g", "x");
        let said = told(&x, scene.clock.now());
        scene.put("old", &[&x], &[&x]).await;
        tokio::time::sleep(MINUTE * 2).await;
        if fate != Fate::Stays {
            scene.see_off("old", &x).await;
        }
        scene.pass().await;
        let anew = scene.alert("g", "x");
        if fate == Fate::IsMoved {
            scene.put("g", &[&anew], &[&anew]).await;
        }
        let known = if fate == Fate::FiresAnew { &anew } else { &x };
        scene.start_with("g", known, said).await;
        let is_over = fate == Fate::Ends;
        let is_moved = matches!(fate, Fate::IsMoved | Fate::FiresAnew);
        let members = scene.shared("g").await.len();
        assert_eq!(members, usize::from(is_moved), "{fate:?}");
        let tenant = TenantId::default_tenant();
        let known = scene.state.memory.alert(&tenant, x.fingerprint);
        assert_eq!(known.is_none(), is_over, "{fate:?}");
        let missed = scene.host.missed.load(Ordering::SeqCst);
        assert_eq!(missed, usize::from(is_over), "{fate:?}");
    }
}

/// It is in the group of before still, others have the configuration of before, and a new alert makes the other group meanwhile: it
/// moves there like all others, with what was told of it.
#[tokio::test(start_paused = true)]
async fn who_stays_in_a_group_of_before_moves_with_what_was_told() {
    let scene = Scene::new();
    let first = Scene::over(scene.model.clone(), Arc::clone(&scene.clock));
    first.state.start().await;
    let (x, y) = (scene.alert("g", "x"), scene.alert("g", "y"));
    let said = told(&x, scene.clock.now());
    scene.put_shared("old", &[&x], &[&x]).await;
    tokio::time::sleep(MINUTE * 2).await;
    scene.start_with("g", &x, said).await;
    scene.offer(y.clone()).await;
    scene.state.follow().await.expect("the feed is there");
    assert_eq!(scene.shared("g").await, ["y"]);
    scene.state.move_stranded().await;
    scene.state.follow().await.expect("the feed is there");
    assert_eq!(scene.shared("g").await, ["x", "y"]);
    assert_eq!(scene.told_there("g").await.firing(), [x.fingerprint]);
}

/// Alone it told that an alert fires which it put into another group, and others told its end where it was before.
#[tokio::test(start_paused = true)]
async fn who_was_told_alone_to_fire_is_owed_its_end_wherever_it_left() {
    let scene = Scene::new();
    let first = Scene::over(scene.model.clone(), Arc::clone(&scene.clock));
    first.state.start().await;
    let x = scene.alert("g", "x");
    let said = told(&x, scene.clock.now());
    scene.put("old", &[&x], &[&x]).await;
    tokio::time::sleep(MINUTE * 2).await;
    scene.line.is_cut.store(true, Ordering::SeqCst);
    scene.start_with("g", &x, said).await;
    let refreshed = scene.alert("g", "x");
    scene.post("g", refreshed.clone()).await;
    scene.tell_firing(&refreshed).await;
    scene.pass().await;
    scene.see_off("old", &x).await;
    scene.mend().await;
    let told = scene.told_there("g").await;
    assert!(told.believes_firing(x.fingerprint), "{told:?}");
    assert_eq!(scene.members("g").await.len(), 1);
}

/// Others took its alerts to the same group, and told more there.
#[tokio::test(start_paused = true)]
async fn what_is_carried_over_alone_does_not_replace_what_others_know() {
    for is_known_there in [true, false] {
        let scene = Scene::started().await;
        let (x, y) = (scene.alert("old", "x"), scene.alert("old", "y"));
        scene.put("old", &[&x], &[&x]).await;
        scene.state.follow().await.expect("the feed is there");
        scene.cut().await;
        tokio::time::sleep(MINUTE * 2).await;
        let firing: &[&Alert] = if is_known_there { &[&x, &y] } else { &[&y] };
        scene.put("g", &[&x, &y], firing).await;
        scene.pass().await;
        scene.configure_to(&["g"], "b").await;
        scene.mend().await;
        let told = scene.told_there("g").await;
        assert!(told.firing().contains(&y.fingerprint), "{told:?}");
        assert_eq!(told.firing().contains(&x.fingerprint), is_known_there);
        assert!(told.believes_firing(x.fingerprint), "its end is owed");
    }
}

/// Its end was told in the group it was in before, which ended by that; soon after an epoch began, too, under which this instance shared
/// all it knew.
#[tokio::test(start_paused = true)]
async fn what_is_carried_over_alone_is_in_doubt_where_others_have_nothing() {
    for away in [MINUTE / 4, MINUTE * 2] {
        let scene = Scene::started().await;
        let x = scene.alert("old", "x");
        scene.put("old", &[&x], &[&x]).await;
        scene.state.follow().await.expect("the feed is there");
        scene.cut().await;
        tokio::time::sleep(away).await;
        scene.see_off("old", &x).await;
        scene.configure_to(&["g"], "b").await;
        scene.mend().await;
        let told = scene.told_there("g").await;
        assert_eq!(told.firing(), [], "{away:?}: that it fires is news");
    }
}
