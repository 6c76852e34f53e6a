//! Why an instance is alone.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_cause_that_is_shown_is_the_present_one() {
    let scene = Scene::started().await;
    let cause = || scene.state.current_standing().cause;
    assert_eq!(cause(), None);
    scene.cut().await;
    assert_eq!(cause().as_deref(), Some("connection refused"));

    *lock(&scene.line.failing) = Some("probe");
    scene.line.is_cut.store(false, Ordering::SeqCst);
    scene.state.come_back(0).await;
    assert_eq!(cause().as_deref(), Some("no answer: the request was lost"));
}
