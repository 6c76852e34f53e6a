//! What was known before a loss does not count after it.

use super::*;

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
    assert!(scene.state.stands(claim));
    scene.model.flush_all();
    assert!(poll().await.is_empty());
    assert!(!scene.state.stands(claim));
    // The group is claimed anew once all had the time to put back what they know.
    tokio::time::sleep(MINUTE * 2).await;
    let again = poll().await;
    let again = again.first().expect("a claim");
    assert!(again.fence > claim.fence);
    assert!(scene.state.stands(again));
}
