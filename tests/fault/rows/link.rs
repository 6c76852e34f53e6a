//! The way to Redis is slow, broken or flapping: F23, F24, F27 to F34, F43, F44.

use std::time::{Duration, Instant};

use redis_harness::RedisServer;

use crate::chaos::{Cut, Direction, Flow};
use crate::cluster::scaled;
use crate::feeder::balancer::Balance;
use crate::feeder::truth::percentile;
use crate::redis::{address, must};
use crate::row::{Allowed, Row, shared};
use crate::scene::Scene;

/// Longest wait for a mode.
const PATIENCE: Duration = Duration::from_secs(20);

/// Most memory an instance may hold while Redis is gone.
const RESIDENT_MAX: u64 = 512 * 1024 * 1024;

pub(super) fn rows() -> Vec<Row> {
    let open = |id, what, act| Row {
        allowed: Allowed::FAIL_OPEN,
        ..shared(id, what, act)
    };
    vec![
        open(
            "F23",
            "split brain: one instance with the old master",
            |s| split(s, false),
        ),
        open("F24", "split brain, and the old master dies", |s| {
            split(s, true)
        }),
        Row {
            p99_max: Some(Duration::from_secs(3)),
            ..shared("F27", "Redis answers 500 ms late", late)
        },
        open("F28", "Redis answers 2 s ± 1 s late", very_late),
        open("F29", "no byte to or from Redis, nobody told", blackhole),
        open("F30", "the same for one instance", blackhole_of_one),
        open("F31", "Redis down for long, and back", long_outage),
        open("F32", "Redis up and down again and again", flapping),
        open(
            "F33",
            "Redis down, then SIGKILL of an instance with one-shots",
            degraded_death,
        ),
        Row {
            needs_failpoints: true,
            ..open(
                "F33A",
                "Redis down, and death once so many posts are acknowledged (C16)",
                acknowledged_death,
            )
        },
        open("F34", "Redis down under churn: memory", outage_and_memory),
        shared("F43", "CLIENT KILL of all connections each second", cut_off),
        shared("F44", "answers cut after some bytes", cut_answers),
    ]
}

fn blackout(scene: &mut Scene, flow: Flow, long: Duration) -> Result<(), String> {
    let everybody = scene.everybody();
    let began = Instant::now();
    scene.cluster.flow_of_all(flow)?;
    let degraded = scene.cluster.await_mode(&everybody, "degraded", PATIENCE);
    scene.pass(long.saturating_sub(began.elapsed()));
    scene.cluster.flow_of_all(Flow::Open)?;
    let back = scene
        .cluster
        .await_mode(&everybody, "coordinated", PATIENCE);
    scene.fault_since(began);
    scene.note(format!(
        "degraded after {:.1} s, back after {:.1} s",
        degraded?.as_secs_f64(),
        back?.as_secs_f64()
    ));
    Ok(())
}

/// One instance keeps the old master, the others get a replica that was promoted.
fn split(scene: &mut Scene, dies: bool) -> Result<(), String> {
    let lonely = scene.anybody();
    let old = scene.cluster.redis()?.port();
    let new = RedisServer::start();
    must(&new, &["REPLICAOF", "127.0.0.1", &old.to_string()])?;
    scene.pass(Duration::from_secs(3));
    let began = Instant::now();
    must(&new, &["REPLICAOF", "NO", "ONE"])?;
    for instance in scene.everybody() {
        if instance != lonely {
            scene.cluster.proxy(instance)?.lead_to(address(&new));
        }
    }
    scene.pass(scene.either(4, 20));
    if dies {
        scene.cluster.redis()?.kill();
        scene.pass(scene.either(4, 20));
    }
    // What the old master was told meanwhile is lost, as after a partition heals.
    scene.cluster.proxy(lonely)?.lead_to(address(&new));
    let everybody = scene.everybody();
    scene
        .cluster
        .await_mode(&everybody, "coordinated", PATIENCE)?;
    scene.fault_since(began);
    scene.pass(scene.either(5, 30));
    scene.cluster.replace_redis(new);
    Ok(())
}

fn delay_all(scene: &Scene, latency: Duration, jitter: Duration) -> Result<(), String> {
    for instance in scene.everybody() {
        scene.cluster.proxy(instance)?.delay(latency, jitter);
    }
    Ok(())
}

/// Slow is not down.
fn late(scene: &mut Scene) -> Result<(), String> {
    let before = scene.cluster.metric_of_all("belfry_mode_changes_total");
    delay_all(scene, scaled(Duration::from_millis(500)), Duration::ZERO)?;
    scene.pass(scene.either(12, 600));
    let after = scene.cluster.metric_of_all("belfry_mode_changes_total");
    scene.claim(before == after, format!("{} mode changes", after - before));
    delay_all(scene, Duration::ZERO, Duration::ZERO)
}

fn very_late(scene: &mut Scene) -> Result<(), String> {
    let before = scene.cluster.metric_of_all("belfry_mode_changes_total");
    let began = Instant::now();
    delay_all(
        scene,
        scaled(Duration::from_secs(2)),
        scaled(Duration::from_secs(1)),
    )?;
    scene.pass(scene.either(12, 300));
    let changes = scene.cluster.metric_of_all("belfry_mode_changes_total") - before;
    delay_all(scene, Duration::ZERO, Duration::ZERO)?;
    let minutes = began.elapsed().as_secs_f64() / scaled(Duration::from_secs(60)).as_secs_f64();
    scene.fault_since(began);
    let instances = 3.0;
    scene.note(format!(
        "{changes} mode changes in {minutes:.0} scaled minutes"
    ));
    scene.claim(
        changes <= instances * (minutes + 1.0),
        format!("{changes} mode changes in {minutes:.1} scaled minutes"),
    );
    Ok(())
}

fn blackhole(scene: &mut Scene) -> Result<(), String> {
    scene.pass(scene.either(2, 10));
    let began = Instant::now();
    blackout(scene, Flow::Blackhole, scene.either(8, 60))?;
    let posts = scene.feeder.truth().posts;
    let meanwhile = posts
        .iter()
        .filter(|p| began <= p.at && p.status == Some(200));
    let mut times: Vec<Duration> = meanwhile.map(|post| post.took).collect();
    times.sort_unstable();
    let p99 = percentile(&times, 99).unwrap_or_default();
    scene.note(format!("ingest p99 meanwhile {} ms", p99.as_millis()));
    scene.claim(!times.is_empty(), "no POST was acknowledged meanwhile");
    Ok(())
}

/// The others go on as ever; a balancer that asks for `/-/coordinated` leaves it out.
fn blackhole_of_one(scene: &mut Scene) -> Result<(), String> {
    scene.feeder.balance(Balance::Coordinated);
    scene.pass(scene.either(2, 10));
    let victim = scene.anybody();
    let began = Instant::now();
    scene.cluster.proxy(victim)?.flow(Flow::Blackhole);
    let degraded = scene.cluster.await_mode(&[victim], "degraded", PATIENCE)?;
    let answer = scene.cluster.ask(victim, "GET", "/-/coordinated", "");
    let status = answer.map(|answer| answer.status());
    scene.claim(status == Some(503), format!("/-/coordinated: {status:?}"));
    let ready = scene.cluster.ask(victim, "GET", "/-/ready", "");
    let status = ready.map(|answer| answer.status());
    scene.claim(status == Some(200), format!("/-/ready: {status:?}"));
    // The balancer has noticed as well.
    scene.pass(Duration::from_secs(3));
    let noticed = Instant::now();
    scene.pass(scene.either(6, 30));
    let posts = scene.feeder.truth().posts;
    let astray = posts
        .iter()
        .filter(|p| noticed <= p.at && p.instance == victim);
    let astray = astray.count();
    scene.claim(
        astray == 0,
        format!("{astray} POSTs went to the degraded instance"),
    );
    scene.cluster.proxy(victim)?.flow(Flow::Open);
    scene
        .cluster
        .await_mode(&[victim], "coordinated", PATIENCE)?;
    scene.fault_since(began);
    scene.note(format!("degraded after {:.1} s", degraded.as_secs_f64()));
    scene.pass(scene.either(3, 10));
    Ok(())
}

/// Redis is gone: SIGKILL, and back with its files after a while.
fn outage(scene: &mut Scene, long: Duration) -> Result<(), String> {
    let everybody = scene.everybody();
    let began = Instant::now();
    scene.cluster.redis()?.kill();
    scene.cluster.await_mode(&everybody, "degraded", PATIENCE)?;
    scene.pass(long.saturating_sub(began.elapsed()));
    scene.cluster.redis()?.restart();
    let back = scene
        .cluster
        .await_mode(&everybody, "coordinated", PATIENCE)?;
    scene.fault_since(began);
    scene.note(format!("back after {:.1} s", back.as_secs_f64()));
    Ok(())
}

/// Returning makes nothing due.
fn long_outage(scene: &mut Scene) -> Result<(), String> {
    scene.pass(scene.either(2, 10));
    outage(scene, scene.either(15, 180))?;
    scene.feeder.churn(false);
    // What was stated before is told within an interval; after that every message is one too many.
    let said = scene.feeder.wait_said(PATIENCE);
    scene.claim(said, "the last changes are not acknowledged");
    scene.pass(Duration::from_secs(7));
    let quiet = Instant::now();
    scene.pass(Duration::from_secs(10));
    let storm = scene.messages_since(quiet).len();
    let streams = scene.streams();
    scene.note(format!("{storm} messages in ten quiet seconds after"));
    scene.claim(
        storm * 5 <= streams,
        format!("{storm} messages on {streams} streams after the return"),
    );
    Ok(())
}

fn flapping(scene: &mut Scene) -> Result<(), String> {
    let began = Instant::now();
    for _ in 0..scene.times(8, 60) {
        scene.cluster.flow_of_all(Flow::Refuse)?;
        scene.pass(Duration::from_secs(1));
        scene.cluster.flow_of_all(Flow::Open)?;
        scene.pass(Duration::from_secs(1));
    }
    let everybody = scene.everybody();
    scene
        .cluster
        .await_mode(&everybody, "coordinated", PATIENCE)?;
    scene.fault_since(began);
    Ok(())
}

/// What a degraded instance acknowledged is in its journal: senders that never repeat lose nothing.
fn degraded_death(scene: &mut Scene) -> Result<(), String> {
    let everybody = scene.everybody();
    let began = Instant::now();
    scene.cluster.redis()?.kill();
    scene.cluster.await_mode(&everybody, "degraded", PATIENCE)?;
    let victim = scene.anybody();
    scene.feeder.balance(Balance::Fixed(victim));
    for n in 0..scene.times(60, 500) {
        scene
            .feeder
            .one_shot(&format!("once{n}"), &format!("once-g{}", n % 10));
    }
    let said = scene.feeder.wait_said(PATIENCE);
    scene.claim(said, "the one-shots were not acknowledged");
    scene.cluster.kill(victim);
    scene.feeder.balance(Balance::Ready);
    scene.pass(Duration::from_secs(2));
    scene.cluster.start(victim)?;
    scene.pass(scene.either(2, 10));
    scene.cluster.redis()?.restart();
    scene
        .cluster
        .await_mode(&everybody, "coordinated", PATIENCE)?;
    scene.fault_since(began);
    Ok(())
}

/// As above; the instance dies by itself right after an answer.
fn acknowledged_death(scene: &mut Scene) -> Result<(), String> {
    let everybody = scene.everybody();
    let victim = scene.anybody();
    scene.cluster.stop(victim)?;
    let posts = scene.times(60, 500);
    let plan = format!("C16:kill@{posts}");
    scene.cluster.arm(victim, Some(&plan));
    scene.cluster.start(victim)?;
    scene
        .cluster
        .await_mode(&everybody, "coordinated", PATIENCE)?;
    let began = Instant::now();
    scene.cluster.redis()?.kill();
    scene.cluster.await_mode(&everybody, "degraded", PATIENCE)?;
    scene.feeder.balance(Balance::Fixed(victim));
    for n in 0..posts {
        scene
            .feeder
            .one_shot(&format!("once{n}"), &format!("once-g{}", n % 10));
    }
    let is_dead = scene.cluster.await_death(victim, PATIENCE);
    scene.claim(is_dead, "nobody died at C16");
    scene.feeder.balance(Balance::Ready);
    scene.cluster.arm(victim, None);
    scene.pass(Duration::from_secs(2));
    scene.cluster.start(victim)?;
    let said = scene.feeder.wait_said(PATIENCE);
    scene.claim(said, "the one-shots were not acknowledged");
    scene.pass(scene.either(2, 10));
    scene.cluster.redis()?.restart();
    scene
        .cluster
        .await_mode(&everybody, "coordinated", PATIENCE)?;
    scene.fault_since(began);
    Ok(())
}

fn outage_and_memory(scene: &mut Scene) -> Result<(), String> {
    outage(scene, scene.either(10, 120))?;
    let held = scene.everybody();
    let held = held.iter().filter_map(|n| scene.cluster.resident_max(*n));
    let most = held.max().unwrap_or(0);
    scene.note(format!("at most {} MiB held", most / 1024 / 1024));
    scene.claim(most < RESIDENT_MAX, format!("{most} bytes held"));
    Ok(())
}

fn cut_off(scene: &mut Scene) -> Result<(), String> {
    let began = Instant::now();
    for _ in 0..scene.times(12, 120) {
        for kind in ["normal", "pubsub"] {
            must(scene.cluster.redis()?, &["CLIENT", "KILL", "TYPE", kind])?;
        }
        scene.pass(Duration::from_secs(1));
    }
    scene.fault_since(began);
    Ok(())
}

fn cut_answers(scene: &mut Scene) -> Result<(), String> {
    let began = Instant::now();
    let cut = Cut {
        direction: Direction::Answers,
        bytes_max: 64 * 1024,
    };
    for instance in scene.everybody() {
        scene.cluster.proxy(instance)?.cut(Some(cut));
    }
    scene.pass(scene.either(12, 120));
    for instance in scene.everybody() {
        scene.cluster.proxy(instance)?.cut(None);
    }
    scene.fault_since(began);
    Ok(())
}
