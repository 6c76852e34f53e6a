//! Silences.

use std::sync::Arc;

use domain::id::TenantId;
use domain::label::Labels;
use domain::matcher::{MatchOp, Matcher};
use domain::silence::Silence;
use domain::time::Timestamp;

use super::World;
use super::stage::{PollAskOf, Stage};
use crate::SilencePut;

fn tenant() -> TenantId {
    TenantId::default_tenant()
}

/// A silence in the state it has after this many units.
pub(super) fn silence(stage: &Stage, id: &str, start: Timestamp, units: u32) -> Arc<Silence> {
    let matcher = Matcher::new(MatchOp::Equal, "alertname", "a");
    Arc::new(Silence {
        id: Arc::from(id),
        matchers: vec![matcher.expect("a valid matcher")],
        starts_at: start,
        ends_at: start + stage.unit * 500,
        updated_at: start + stage.unit * units,
        created_by: "somebody".to_owned(),
        comment: format!("after {units}"),
        annotations: Labels::empty(),
    })
}

async fn put(stage: &Stage, silence: &Arc<Silence>, seen: Option<Timestamp>) -> SilencePut {
    let tenant = tenant();
    let put = stage.one.coordinator.silence_put(&tenant, silence, seen);
    put.await.expect("reachable")
}

#[track_caller]
fn stored(put: SilencePut) -> u64 {
    match put {
        SilencePut::Stored { version } => version,
        SilencePut::Conflict => panic!("it should be stored"),
    }
}

/// A silence is changed only by someone who has seen its last state; tenants have their own.
pub async fn a_silence_changed_meanwhile_is_a_conflict(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let start = stage.now();
    let [first, second, third] = [1, 2, 3].map(|units| silence(&stage, "s", start, units));
    let one = stored(put(&stage, &first, None).await);
    assert_eq!(put(&stage, &second, None).await, SilencePut::Conflict);
    let two = stored(put(&stage, &second, Some(first.updated_at)).await);
    assert!(one < two);
    let late = put(&stage, &third, Some(first.updated_at)).await;
    assert_eq!(late, SilencePut::Conflict);
    let held = stage.two.coordinator.silences(&tenant()).await;
    let held = held.expect("reachable");
    assert_eq!((held.version, held.silences.len()), (two, 1));
    let (is, was) = (&held.silences[0], &second);
    assert_eq!(is.comment, was.comment);
    assert_eq!(
        (is.starts_at, is.ends_at, is.updated_at),
        (was.starts_at, was.ends_at, was.updated_at)
    );
    assert!(is.matches(&Labels::from_pairs([("alertname", "a")])));
    let other: TenantId = "other".parse().expect("a valid tenant");
    let theirs = stage.two.coordinator.silences(&other).await;
    assert!(theirs.expect("reachable").silences.is_empty());
}

/// The answer to a put was lost: asked again it was stored, once.
pub async fn a_repeated_put_is_stored(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let start = stage.now();
    let [first, second] = [1, 2].map(|units| silence(&stage, "s", start, units));
    let one = stored(put(&stage, &first, None).await);
    assert_eq!(stored(put(&stage, &first, None).await), one);
    let two = stored(put(&stage, &second, Some(first.updated_at)).await);
    let again = put(&stage, &second, Some(first.updated_at)).await;
    assert_eq!(stored(again), two);
}

/// Of two states of a silence the one changed later stays; what is no news raises no version.
pub async fn merged_silences_keep_the_later_state(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let start = stage.now();
    let [first, second] = [1, 2].map(|units| silence(&stage, "s", start, units));
    let other = silence(&stage, "t", start, 1);
    let merge = async |silences: &[Arc<Silence>]| {
        let tenant = tenant();
        let merged = stage.two.coordinator.silence_merge(&tenant, silences);
        merged.await.expect("reachable")
    };
    let one = merge(&[Arc::clone(&second), other]).await;
    assert_eq!(merge(&[first]).await, one, "older, so no news");
    let held = stage.one.coordinator.silences(&tenant()).await;
    let held = held.expect("reachable");
    assert_eq!((held.version, held.silences.len()), (one, 2));
    let found = held.silences.iter().find(|silence| *silence.id == *"s");
    assert_eq!(found.map(|s| s.updated_at), Some(second.updated_at));
    let third = silence(&stage, "s", start, 3);
    assert!(one < merge(&[third]).await);
}

/// Whoever waits for a version is never satisfied by one that was given out before a loss.
pub async fn versions_grow_whatever_is_lost(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let start = stage.now();
    let mut last = stored(put(&stage, &silence(&stage, "s", start, 1), None).await);
    for number in 0..3 {
        let id = format!("s{number}");
        let next = stored(put(&stage, &silence(&stage, &id, start, 1), None).await);
        assert!(last < next);
        last = next;
    }
    stage.pass(1).await;
    stage.world.lose_everything().await;
    let merged = [silence(&stage, "s", start, 1)];
    let merged = stage
        .one
        .coordinator
        .silence_merge(&tenant(), &merged)
        .await;
    assert!(last < merged.expect("reachable"));
}

/// A poll tells which silences its claims have to be judged by.
pub async fn a_poll_tells_the_versions(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let other: TenantId = "other".parse().expect("a valid tenant");
    let version = stored(put(&stage, &silence(&stage, "s", stage.now(), 1), None).await);
    let ask = PollAskOf {
        tenants: vec![other, tenant()],
        ..PollAskOf::default()
    };
    let answer = stage.two.ask(ask).await;
    assert_eq!(answer.silences, Ok(vec![0, version]));
}

/// A silence whose retention is over is forgotten; it may be made again.
pub async fn a_forgotten_silence_is_gone(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let start = stage.now();
    put(&stage, &silence(&stage, "s", start, 1), None).await;
    put(&stage, &silence(&stage, "t", start, 1), None).await;
    let ids = [Arc::from("s"), Arc::from("unknown")];
    let forgotten = stage.two.coordinator.silence_forget(&tenant(), &ids).await;
    forgotten.expect("reachable");
    let held = stage.one.coordinator.silences(&tenant()).await;
    let held = held.expect("reachable").silences;
    assert_eq!(held.len(), 1);
    assert_eq!(*held[0].id, *"t");
    stored(put(&stage, &silence(&stage, "s", start, 2), None).await);
}
