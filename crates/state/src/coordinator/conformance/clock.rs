//! The shard clock, when the server's own steps.

use std::sync::Arc;
use std::time::Duration;

use domain::time::Timestamp;

use super::World;
use super::stage::Stage;

async fn shown(stage: &Stage) -> Timestamp {
    stage.one.poll_shard(0).await.now
}

/// The shard clock steps ahead with its server's. When that steps back it goes on, a little slower.
pub async fn time_never_goes_back(world: Arc<dyn World>) {
    const STEP_MS: i64 = 600_000;
    let stage = Stage::new(world).await;
    stage.near(shown(&stage).await, stage.now());
    stage.world.step_clock(STEP_MS).await;
    let ahead = shown(&stage).await;
    stage.near(ahead, stage.now().moved_by_ms(STEP_MS));
    stage.world.step_clock(-STEP_MS).await;
    let (first, began) = (shown(&stage).await, stage.now());
    assert!(ahead <= first, "{first} is before {ahead}");
    stage.pass(100).await;
    let (later, passed) = (shown(&stage).await, stage.now().since(began));
    let went = later.since(first);
    assert!(went < passed * 97 / 100, "{went:?} of {passed:?}");
    assert!(passed * 90 / 100 < went, "{went:?} of {passed:?}");
}

/// Sooner or later it shows the server's time again.
pub async fn a_step_back_is_made_up_for(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let step = stage.unit * 4;
    let step_ms = i64::try_from(step.as_millis()).expect("a short step");
    stage.world.step_clock(step_ms).await;
    shown(&stage).await;
    stage.world.step_clock(-step_ms).await;
    let off = async || {
        let (shown, now) = (shown(&stage).await, stage.now());
        shown.since(now).max(now.since(shown))
    };
    let first = off().await;
    assert!(step * 3 / 4 < first, "{first:?}");
    stage.pass(110).await;
    let left = off().await;
    assert!(
        left <= stage.unit.max(Duration::from_millis(20)),
        "{left:?}"
    );
}
