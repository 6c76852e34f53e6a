//! The shard clock, when the server's own steps.

use std::sync::Arc;
use std::time::Duration;

use domain::time::Timestamp;

use super::World;
use super::stage::Stage;

async fn shown(stage: &Stage) -> Timestamp {
    stage.one.poll_shard(0).await.now
}

/// A reading of the shard clock: made at some moment between asking and hearing the answer.
struct Reading {
    asked: Timestamp,
    shown: Timestamp,
    heard: Timestamp,
}

impl Reading {
    async fn of(stage: &Stage) -> Self {
        let asked = stage.now();
        let shown = shown(stage).await;
        let heard = stage.now();
        Self {
            asked,
            shown,
            heard,
        }
    }

    /// How far it surely was off.
    fn surely_off(&self) -> Duration {
        let ahead = self.shown.since(self.heard);
        ahead.max(self.asked.since(self.shown))
    }
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
    let first = Reading::of(&stage).await;
    assert!(ahead <= first.shown, "{} is before {ahead}", first.shown);
    stage.pass(100).await;
    let later = Reading::of(&stage).await;
    let went = later.shown.since(first.shown);
    let (least, most) = (
        later.asked.since(first.heard),
        later.heard.since(first.asked),
    );
    assert!(went < most * 97 / 100, "{went:?} of {most:?}");
    assert!(least * 90 / 100 < went, "{went:?} of {least:?}");
}

/// Sooner or later it shows the server's time again.
pub async fn a_step_back_is_made_up_for(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let step = stage.unit * 4;
    let step_ms = i64::try_from(step.as_millis()).expect("a short step");
    stage.world.step_clock(step_ms).await;
    shown(&stage).await;
    stage.world.step_clock(-step_ms).await;
    let first = Reading::of(&stage).await;
    let ahead = first.shown.since(first.asked);
    assert!(step * 3 / 4 < ahead, "{ahead:?}");
    stage.pass(110).await;
    let left = Reading::of(&stage).await.surely_off();
    assert!(
        left <= stage.unit.max(Duration::from_millis(20)),
        "{left:?}"
    );
}
