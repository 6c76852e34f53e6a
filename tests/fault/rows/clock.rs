//! The clock of Redis is wrong: F45.

use std::time::{Duration, Instant};

use crate::cluster::Home;
use crate::row::{Allowed, Row, shared};
use crate::scene::Scene;

const HOUR_S: i64 = 3_600;

pub(super) fn rows() -> Vec<Row> {
    vec![Row {
        home: Home::RedisWithClock(&["--appendonly", "yes"]),
        // A step ahead lapses leases: what was under way may come again.
        allowed: Allowed::IN_FLIGHT,
        ..shared("F45", "clock of Redis 1 h ahead, back, 1 h behind", stepped)
    }]
}

fn stepped(scene: &mut Scene) -> Result<(), String> {
    for ahead_s in [HOUR_S, 0, -HOUR_S, 0] {
        scene.pass(Duration::from_secs(1));
        let began = Instant::now();
        scene.cluster.redis()?.set_clock(ahead_s);
        scene.pass(scene.either(1, 1));
        scene.fault_since(began);
        scene.pass(scene.either(8, 60));
        let offset_s = scene.cluster.metric(0, "belfry_clock_offset_seconds");
        scene.note(format!("{ahead_s:+} s: {offset_s:.0} s in all"));
    }
    for instance in scene.everybody() {
        let warned = scene.cluster.log(instance).contains("Clocks differ");
        scene.claim(warned, format!("instance {instance} warns of nothing"));
    }
    Ok(())
}
