//! Redis dies or loses what it knew: F15 to F19, F22.

use std::time::{Duration, Instant};

use redis_harness::holds_within;

use crate::cluster::Home;
use crate::redis::must;
use crate::row::{Allowed, DURABLE, FORGETFUL, Row, shared};
use crate::scene::Scene;

/// Counts what instances noticed of lost data.
const LOSSES: &str = "belfry_redis_data_loss_total";

pub(super) fn rows() -> Vec<Row> {
    let lossy = |id, what, act| Row {
        allowed: Allowed::AFTER_LOSS,
        home: FORGETFUL,
        ..shared(id, what, act)
    };
    vec![
        Row {
            home: DURABLE,
            ..shared("F15", "SIGKILL of Redis, restarted with its AOF", restarts)
        },
        lossy("F16", "SIGKILL of Redis, restarted empty", empty_restarts),
        lossy("F17", "FLUSHALL again and again", flushes),
        Row {
            has_tenants: true,
            ..lossy("F17T", "the same with two tenants", flushes)
        },
        lossy(
            "F18",
            "FLUSHALL and SIGKILL of an instance at once",
            flush_and_kill,
        ),
        lossy(
            "F19",
            "FLUSHALL and SIGKILL of all instances",
            flush_and_kill_all,
        ),
        Row {
            allowed: Allowed::FAIL_OPEN,
            home: Home::Sentinels,
            ..shared("F22", "Sentinel: SIGKILL of the master", failover)
        },
    ]
}

fn restarts(scene: &mut Scene) -> Result<(), String> {
    for _ in 0..scene.times(2, 20) {
        scene.pass(scene.either(5, 30));
        bounce(scene)?;
    }
    scene.pass(scene.either(3, 10));
    Ok(())
}

/// SIGKILL and at once a restart.
fn bounce(scene: &mut Scene) -> Result<(), String> {
    let began = Instant::now();
    let redis = scene.cluster.redis()?;
    redis.kill();
    redis.restart();
    scene.fault_since(began);
    Ok(())
}

fn empty_restarts(scene: &mut Scene) -> Result<(), String> {
    for _ in 0..scene.times(2, 20) {
        scene.pass(scene.either(4, 25));
        scene.pass_up_to(Duration::from_secs(5));
        bounce(scene)?;
    }
    scene.pass(scene.either(5, 10));
    noticed(scene);
    Ok(())
}

fn noticed(scene: &mut Scene) {
    let losses = scene.cluster.metric_of_all(LOSSES);
    scene.note(format!("{losses} losses noticed"));
    scene.claim(0.0 < losses, "nobody noticed the loss");
}

fn flush(scene: &mut Scene) -> Result<(), String> {
    must(scene.cluster.redis()?, &["FLUSHALL"]).map(|_| ())
}

fn flushes(scene: &mut Scene) -> Result<(), String> {
    for _ in 0..scene.times(3, 60) {
        scene.pass(scene.either(3, 6));
        scene.pass_up_to(Duration::from_secs(4));
        let began = Instant::now();
        flush(scene)?;
        scene.fault_since(began);
    }
    scene.pass(scene.either(5, 10));
    noticed(scene);
    Ok(())
}

fn flush_and_kill(scene: &mut Scene) -> Result<(), String> {
    for _ in 0..scene.times(2, 20) {
        scene.pass(scene.either(3, 10));
        scene.pass_up_to(Duration::from_secs(5));
        let victim = scene.anybody();
        let began = Instant::now();
        flush(scene)?;
        scene.cluster.kill(victim);
        scene.fault_since(began);
        scene.pass(Duration::from_secs(2));
        scene.cluster.start(victim)?;
    }
    scene.pass(scene.either(3, 10));
    Ok(())
}

/// Redis is empty and nobody remembers anything but the disks.
fn flush_and_kill_all(scene: &mut Scene) -> Result<(), String> {
    for _ in 0..scene.times(1, 10) {
        scene.pass(scene.either(4, 15));
        scene.pass_up_to(Duration::from_secs(5));
        let began = Instant::now();
        for instance in scene.everybody() {
            scene.cluster.kill(instance);
        }
        flush(scene)?;
        scene.fault_since(began);
        scene.pass(Duration::from_secs(1));
        scene.cluster.start_all()?;
    }
    scene.pass(scene.either(5, 20));
    Ok(())
}

/// The instances find the new master by themselves.
fn failover(scene: &mut Scene) -> Result<(), String> {
    scene.pass(scene.either(5, 60));
    let began = Instant::now();
    let sentinels = scene.cluster.sentinels.as_mut();
    let sentinels = sentinels.ok_or("this row has no Sentinels")?;
    let before = sentinels.master();
    let before = before.ok_or("there is no master")?;
    sentinels.servers[before].kill();
    let is_elected = holds_within(Duration::from_secs(30), || sentinels.master().is_some());
    let elected = began.elapsed();
    let everybody = scene.everybody();
    let patience = Duration::from_secs(30);
    let back = scene
        .cluster
        .await_mode(&everybody, "coordinated", patience)?;
    scene.fault_since(began);
    scene.claim(is_elected, "no new master was elected");
    scene.note(format!(
        "new master after {:.1} s, coordinated {:.1} s later",
        elected.as_secs_f64(),
        back.as_secs_f64()
    ));
    scene.pass(scene.either(5, 60));
    Ok(())
}
