//! Messages that arrive after a later one.

use domain::fingerprint::Fingerprint;
use domain::group::Claim;
use domain::group::grid::Grid;

use super::*;
use crate::coordinator::{HoldFor, Past, SharedGroup};

/// What became of a message whose sender was stopped with it on the way.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    /// It went out before, and only the answer was read late.
    OnlyReadLate,
    /// So did this one, but the data others went by was lost in between.
    LostMeanwhile,
    /// It went out on waking.
    OnWaking,
    /// The same, and the server does not answer at that moment.
    OnWakingAndNobodyAnswers,
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_after_a_later_message_owes_what_that_one_said() {
    for fate in [
        Fate::LostMeanwhile,
        Fate::OnWaking,
        Fate::OnWakingAndNobodyAnswers,
    ] {
        let (x, there) = told_after_a_stop(fate).await;
        let (_, told) = there.told.first().expect("what was told");
        assert!(told.believes_firing(x), "{told:?}");
        let x = there.members.iter().find(|alert| alert.fingerprint == x);
        assert!(x.expect("a member again").is_explicit_end());
    }
}

/// The receiver heard it under the lease of its sender, so before the later one: that one is true.
#[tokio::test(start_paused = true)]
async fn an_answer_that_was_only_read_late_owes_nothing() {
    let (x, there) = told_after_a_stop(Fate::OnlyReadLate).await;
    let (_, told) = there.told.first().expect("what was told");
    assert!(!told.believes_firing(x), "{told:?}");
    assert!(there.members.iter().all(|alert| alert.fingerprint != x));
}

/// An alert whose end others told while who had told its beginning was stopped, and its group when that one is awake again.
async fn told_after_a_stop(fate: Fate) -> (Fingerprint, SharedGroup) {
    let scene = Scene::started().await;
    for name in ["x", "y"] {
        scene.post("g", scene.alert("g", name)).await;
    }
    let (x, y) = (scene.alert("g", "x"), scene.alert("g", "y"));
    tokio::time::sleep(MINUTE).await;
    let polled = scene.state.poll(10, scene.clock.now()).await;
    let claim = polled.expect("polled").claims.remove(0);
    let both = Pending {
        firing: sorted([x.fingerprint, y.fingerprint]),
        ..message(claim.tick, &x)
    };
    let (webhook, began_at) = (webhook(), scene.clock.now());
    let begun = scene.state.begin(&claim, &webhook, both, began_at).await;
    let begun = begun.expect("answered").expect("held");
    // Its lease lapses; another instance repeats what was in flight, and then tells that x ended.
    tokio::time::sleep(MINUTE + MINUTE).await;
    let name = GroupName::of(&group("g"));
    let now = scene.clock.now();
    let repeated = scene.other.commit(&name, &webhook, &begun, now).await;
    repeated.expect("the server answers");
    let ended = Pending {
        seq: begun.seq + 256,
        tick: now,
        firing: vec![y.fingerprint],
        resolved: vec![x.fingerprint],
        ..begun.clone()
    };
    let later = scene.other.commit(&name, &webhook, &ended, now).await;
    later.expect("the server answers");
    let left = Merge {
        leaves: vec![Leave {
            fingerprint: x.fingerprint,
            updated_at: now,
        }],
        ..Merge::of(group("g"), Grid::starting(now, MINUTE))
    };
    let merged = scene.other.merge(vec![left]).await.remove(0);
    merged.expect("merged");
    scene.state.follow().await.expect("the feed is there");
    if fate == Fate::LostMeanwhile {
        let lost = scene.state.view(name.shard()).epoch.clone();
        let opened = scene.other.open_epoch(
            name.shard(),
            lost.as_ref(),
            HoldFor::Reseed,
            Past::Something,
        );
        opened.await.expect("the server answers");
    }
    let nobody_answers = fate == Fate::OnWakingAndNobodyAnswers;
    *lock(&scene.line.failing) = nobody_answers.then_some("group");
    let heard_by = match fate {
        Fate::OnlyReadLate | Fate::LostMeanwhile => began_at + scene.state.timing.send_timeout,
        Fate::OnWaking | Fate::OnWakingAndNobodyAnswers => scene.clock.now(),
    };
    let committed = scene
        .state
        .commit(&claim.identity, &webhook, &begun, heard_by);
    committed.await.expect("told");
    *lock(&scene.line.failing) = None;
    scene.state.own_up_again().await;
    let there = scene.other.group(&name).await.expect("the server answers");
    (x.fingerprint, there.expect("a group"))
}

/// Its answer came when nobody else could be told of it, and more was told since: it is not in flight, whatever is shared says.
#[tokio::test(start_paused = true)]
async fn what_was_accepted_alone_is_not_in_flight_any_more() {
    let scene = Scene::started().await;
    let (x, y) = (scene.alert("g", "x"), scene.alert("g", "y"));
    scene.post("g", x.clone()).await;
    tokio::time::sleep(MINUTE).await;
    let webhook = webhook();
    let claim = scene.next_claim().await;
    let begin = async |claim: &Claim, firing: Vec<Fingerprint>| {
        let one = Pending {
            firing,
            ..message(claim.tick, &x)
        };
        let begun = scene.state.begin(claim, &webhook, one, scene.clock.now());
        begun.await.expect("answered").expect("held")
    };
    let accept = async |claim: &Claim, begun: &Pending| {
        let now = scene.clock.now();
        let told = scene.state.commit(&claim.identity, &webhook, begun, now);
        told.await.expect("told");
        let finished = scene.state.finish(claim, true, now).await;
        finished.expect("answered").expect("held");
    };
    let begun = begin(&claim, vec![x.fingerprint]).await;
    scene.state.follow().await.expect("the feed is there");
    scene.cut().await;
    accept(&claim, &begun).await;
    scene.post("g", y.clone()).await;
    tokio::time::sleep(MINUTE * 5).await;
    let claim = scene.next_claim().await;
    let begun = begin(&claim, sorted([x.fingerprint, y.fingerprint])).await;
    accept(&claim, &begun).await;
    scene.mend().await;
    let there = scene.told_there("g").await;
    assert_eq!(there.pending, None);
    assert!(there.believes_firing(x.fingerprint) && there.believes_firing(y.fingerprint));
}

/// Told through what is shared, just before this instance was cut off; then others told the end, and it began anew.
#[tokio::test(start_paused = true)]
async fn what_was_told_just_before_an_outage_is_not_told_of_what_began_in_it() {
    for before in [Duration::ZERO, Duration::from_secs(1)] {
        let scene = Scene::started().await;
        let x = scene.alert("g", "x");
        scene.post("g", x.clone()).await;
        tokio::time::sleep(MINUTE).await;
        scene.tell_firing(&x).await;
        tokio::time::sleep(before).await;
        scene.state.follow().await.expect("the feed is there");
        scene.cut().await;
        scene.offer(scene.as_over(&x)).await;
        scene.see_off("g", &x).await;
        scene.pass().await;
        scene.offer(scene.alert("g", "x")).await;
        scene.mend().await;
        let last = scene.told_there("g").await.last;
        assert_eq!(last, None, "that is news, {before:?} after");
    }
}
