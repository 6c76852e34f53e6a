//! Messages that arrive after a later one.

use super::*;

/// Also if the server does not answer at that moment.
#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_after_a_later_message_owes_what_that_one_said() {
    for is_lost in [false, true] {
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
        let (webhook, now) = (webhook(), scene.clock.now());
        let begun = scene.state.begin(&claim, &webhook, both, now).await;
        let begun = begun.expect("answered").expect("held");
        // This instance is stopped with its request on the way; another one repeats it, and then tells that x ended.
        let name = GroupName::of(&group("g"));
        let repeated = scene.other.commit(&name, &webhook, &begun, now).await;
        repeated.expect("the server answers");
        let ended = Pending {
            seq: begun.seq + 256,
            firing: vec![y.fingerprint],
            resolved: vec![x.fingerprint],
            ..begun.clone()
        };
        let later = scene.other.commit(&name, &webhook, &ended, now).await;
        later.expect("the server answers");
        let grid = domain::group::grid::Grid::starting(now, MINUTE);
        let left = Merge {
            leaves: vec![Leave {
                fingerprint: x.fingerprint,
                updated_at: scene.clock.now(),
            }],
            ..Merge::of(group("g"), grid)
        };
        scene
            .other
            .merge(vec![left])
            .await
            .remove(0)
            .expect("merged");
        scene.state.follow().await.expect("the feed is there");
        *lock(&scene.line.failing) = is_lost.then_some("group");
        let committed = scene
            .state
            .commit(&claim.identity, &webhook, &begun, scene.clock.now());
        committed.await.expect("told");
        *lock(&scene.line.failing) = None;
        scene.state.own_up_again().await;
        let there = scene.other.group(&name).await.expect("the server answers");
        let there = there.expect("a group");
        let (_, told) = there.told.first().expect("what was told");
        assert!(told.believes_firing(x.fingerprint), "{told:?}");
        let x = there
            .members
            .iter()
            .find(|alert| alert.fingerprint == x.fingerprint);
        assert!(x.expect("a member again").is_explicit_end());
    }
}
