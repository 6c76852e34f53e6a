//! Redis answers, but refuses: F35 to F38, F42.

use std::time::{Duration, Instant};

use crate::cluster::Home;
use crate::redis::{self, must};
use crate::row::{Allowed, DURABLE, Excuse, Row, shared};
use crate::scene::Scene;

/// Longest wait for a mode.
const PATIENCE: Duration = Duration::from_secs(20);

/// Redis as a cache: it throws keys away once it has a limit and reaches it.
const EVICTING: Home = Home::Redis(&["--maxmemory-policy", "allkeys-lru"]);

/// How much of the memory is free when the fault begins, in bytes.
const ROOM_BYTES: u64 = 2 << 20;

/// Redis that writes dumps and refuses writes when one fails.
const DUMPING: Home = Home::Redis(&["--save", "1", "1"]);

pub(super) fn rows() -> Vec<Row> {
    let open = |id, what, redis, act| Row {
        allowed: Allowed::FAIL_OPEN,
        home: redis,
        ..shared(id, what, act)
    };
    vec![
        open("F35", "out of memory (OOM)", DURABLE, out_of_memory),
        Row {
            allowed: Allowed {
                duplicates: Excuse::Any,
                no_news: Excuse::Any,
                stale_ends: Excuse::Any,
            },
            ..open(
                "F36",
                "an evicting policy and little memory",
                EVICTING,
                evicting,
            )
        },
        open("F37", "dumps fail (MISCONF)", DUMPING, dumps_fail),
        open(
            "F38",
            "the master becomes a replica (READONLY)",
            DURABLE,
            read_only,
        ),
        shared("F42", "SCRIPT FLUSH each second", script_flush),
    ]
}

fn back(scene: &mut Scene, began: Instant) -> Result<(), String> {
    let everybody = scene.everybody();
    let back = scene
        .cluster
        .await_mode(&everybody, "coordinated", PATIENCE)?;
    scene.fault_since(began);
    scene.note(format!("back after {:.1} s", back.as_secs_f64()));
    scene.pass(scene.either(3, 10));
    Ok(())
}

fn out_of_memory(scene: &mut Scene) -> Result<(), String> {
    scene.pass(scene.either(2, 10));
    let began = Instant::now();
    let redis = scene.cluster.redis()?;
    must(redis, &["CONFIG", "SET", "maxmemory", "1mb"])?;
    let came = scene.sink.count();
    scene.pass(scene.either(10, 60));
    let more = scene.sink.count() - came;
    scene.note(format!("{more} messages meanwhile"));
    scene.claim(0 < more, "notifications stopped");
    let redis = scene.cluster.redis()?;
    must(redis, &["CONFIG", "SET", "maxmemory", "0"])?;
    back(scene, began)
}

fn evicting(scene: &mut Scene) -> Result<(), String> {
    let began = Instant::now();
    let redis = scene.cluster.redis()?;
    let limit = (redis::used_bytes(redis)? + ROOM_BYTES).to_string();
    must(redis, &["CONFIG", "SET", "maxmemory", &limit])?;
    // Foreign data fills the memory, so that groups are thrown away.
    let filler = "x".repeat(16 * 1024);
    for n in 0..scene.times(600, 6_000) {
        let key = format!("filler:{n}");
        must(scene.cluster.redis()?, &["SET", &key, &filler])?;
        scene.pass(Duration::from_millis(20));
    }
    scene.fault_since(began);
    let warned = scene.everybody().iter().any(|n| {
        let log = scene.cluster.log(*n);
        log.contains("maxmemory-policy") || log.contains("evict")
    });
    scene.claim(warned, "no warning names the evicting policy");
    let figures = [
        "belfry_audit_repaired_total",
        "belfry_redis_data_loss_total",
    ];
    let found = figures.map(|name| scene.cluster.metric_of_all(name));
    scene.note(format!("{} repairs, {} losses noticed", found[0], found[1]));
    scene.claim(0.0 < found.iter().sum(), "nothing was noticed or repaired");
    for n in 0..6_000 {
        let key = format!("filler:{n}");
        must(scene.cluster.redis()?, &["DEL", &key])?;
    }
    let redis = scene.cluster.redis()?;
    must(redis, &["CONFIG", "SET", "maxmemory", "0"])?;
    back(scene, began)
}

fn dumps_fail(scene: &mut Scene) -> Result<(), String> {
    scene.pass(scene.either(2, 10));
    let began = Instant::now();
    // A dump is renamed to this name at its end, which fails while a folder has it.
    let redis = scene.cluster.redis()?;
    let dump = redis.folder().join("dump.rdb");
    let _ = std::fs::remove_file(&dump);
    let made = std::fs::create_dir(&dump).and_then(|()| std::fs::write(dump.join("full"), ""));
    made.map_err(|error| format!("no folder in the dump's place: {error}"))?;
    let everybody = scene.everybody();
    let degraded = scene.cluster.await_mode(&everybody, "degraded", PATIENCE);
    scene.pass(scene.either(6, 60));
    std::fs::remove_dir_all(&dump).map_err(|error| error.to_string())?;
    degraded?;
    back(scene, began)
}

/// A replica's refusal must never look like an acknowledgement.
fn read_only(scene: &mut Scene) -> Result<(), String> {
    scene.pass(scene.either(2, 10));
    let began = Instant::now();
    let redis = scene.cluster.redis()?;
    // A master that is not there: it keeps its data and refuses writes.
    must(redis, &["REPLICAOF", "127.0.0.1", "1"])?;
    scene.pass(scene.either(8, 60));
    let redis = scene.cluster.redis()?;
    must(redis, &["REPLICAOF", "NO", "ONE"])?;
    back(scene, began)
}

fn script_flush(scene: &mut Scene) -> Result<(), String> {
    for _ in 0..scene.times(12, 120) {
        must(scene.cluster.redis()?, &["SCRIPT", "FLUSH"])?;
        scene.pass(Duration::from_secs(1));
    }
    Ok(())
}
