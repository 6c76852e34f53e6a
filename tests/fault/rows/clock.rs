//! The clock of Redis is wrong: F45.

use std::time::{Duration, Instant};

use crate::redis::must;
use crate::row::{Allowed, Row, shared};
use crate::scene::Scene;

const HOUR_MS: i64 = 3_600_000;

/// Shards keep their clocks by the server's and an offset: they see a step of the server's when that changes. The server itself
/// cannot be shown another time: what does that to programs does not get on with its allocator.
const STEP: &str = "for shard = 0, 15 do local key = string.format('fault:shard:{s%02d}', shard) \
                    redis.call('HINCRBY', key, 'offset', ARGV[1]) \
                    redis.call('HSET', key, 'offset_at', '9000000000000') end return 'stepped'";

pub(super) fn rows() -> Vec<Row> {
    vec![Row {
        // A step ahead lapses leases: what was under way may come again.
        allowed: Allowed::IN_FLIGHT,
        ..shared(
            "F45",
            "clock of Redis steps 1 h ahead, back, 1 h back",
            stepped,
        )
    }]
}

fn stepped(scene: &mut Scene) -> Result<(), String> {
    for by_ms in [HOUR_MS, -HOUR_MS, -HOUR_MS] {
        scene.pass(Duration::from_secs(1));
        let began = Instant::now();
        must(
            scene.cluster.redis()?,
            &["EVAL", STEP, "0", &by_ms.to_string()],
        )?;
        scene.pass(Duration::from_secs(1));
        scene.fault_since(began);
        scene.pass(scene.either(8, 60));
    }
    for instance in scene.everybody() {
        let warned = scene.cluster.log(instance).contains("Clocks differ");
        scene.claim(warned, format!("instance {instance} warns of nothing"));
    }
    Ok(())
}
