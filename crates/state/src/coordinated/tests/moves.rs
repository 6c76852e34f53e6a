//! Members that move to the groups of another configuration, with several instances.

use super::*;

impl Scene {
    /// This instance is given a configuration that takes everybody to one group.
    async fn take_all_to(&self, name: &'static str) {
        // An epoch that began may hold claims for a while.
        tokio::time::sleep(MINUTE).await;
        self.state.follow().await.expect("the feed is there");
        *lock(&self.host.of_all) = Some(name);
        let elsewhere = move |_: &Alert| vec![group(name)];
        let (tenant, now) = (TenantId::default_tenant(), self.clock.now());
        let configured = self.state.reconfigure(&tenant, "a", &elsewhere, now).await;
        configured.expect("it is in force");
    }

    /// Begins to move; the answers to what is merged come late.
    fn move_slowly(&self, delay: Duration) -> tokio::task::JoinHandle<()> {
        *lock(&self.line.slow) = Some(("merge", delay));
        let state = Arc::clone(&self.state);
        tokio::spawn(async move { state.move_stranded().await })
    }
}

/// Somebody else moved it, which was not heard of yet: where it was before there is no group any more, and none comes back.
#[tokio::test(start_paused = true)]
async fn a_post_does_not_bring_back_the_group_its_alert_was_moved_from() {
    let scene = Scene::started().await;
    let (x, y) = (scene.alert("old", "x"), scene.alert("old", "y"));
    for is_empty in [false, true] {
        *lock(&scene.host.of_all) = None;
        scene.put("old", &[&x, &y], &[&x, &y]).await;
        scene.take_all_to("g").await;
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
    scene.take_all_to("g").await;
    let moving = scene.move_slowly(MINUTE);
    scene.pass().await;
    assert_eq!(scene.shared("g").await, ["x"]);
    assert_eq!(scene.told_there("g").await.firing(), [x.fingerprint]);
    moving.abort();
}

/// While it moves it is stated once more that an alert is over, so it stays; where it moved to its end is told meanwhile.
#[tokio::test(start_paused = true)]
async fn an_end_that_was_stated_again_while_it_moved_is_told_once() {
    let scene = Scene::started().await;
    let (x, y) = (scene.alert("old", "x"), scene.alert("old", "y"));
    scene.put("old", &[&x, &y], &[&x, &y]).await;
    scene.pass().await;
    let over = scene.as_over(&x);
    scene.merge("old", vec![Arc::new(over.clone())]).await;
    scene.take_all_to("g").await;
    let moving = scene.move_slowly(MINUTE);
    scene.pass().await;
    let again = Alert {
        updated_at: scene.clock.now(),
        ..over.clone()
    };
    scene.merge("old", vec![Arc::new(again)]).await;
    moving.await.expect("it ends");
    assert_eq!(scene.shared("old").await, ["x"], "it stays for now");
    assert!(scene.told_there("old").await.firing().is_empty());
    // It is told.
    let there = scene.members("g").await;
    let moved = there.iter().find(|a| a.fingerprint == x.fingerprint);
    scene.put("g", &[], &[&y]).await;
    scene.see_off("g", moved.expect("a member")).await;
    scene.pass().await;
    scene.state.follow().await.expect("the feed is there");
    scene.state.move_stranded().await;
    assert!(scene.members("old").await.is_empty(), "it moved");
    assert_eq!(scene.shared("g").await, ["y"]);
    assert!(!scene.told_there("g").await.believes_firing(x.fingerprint));
}
