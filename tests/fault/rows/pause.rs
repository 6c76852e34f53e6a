//! Instances are stopped and go on later: F11 to F14.

use std::time::{Duration, Instant};

use crate::cluster::lease;
use crate::row::{Allowed, Row, shared};
use crate::scene::{PATHS, Scene};
use crate::sink::Manner;

/// Longest wait for a mode.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn rows() -> Vec<Row> {
    vec![
        shared("F11", "SIGSTOP for less than the lease", briefly),
        Row {
            needs_failpoints: true,
            ..shared(
                "F12",
                "SIGSTOP past the lease, before the gate (C13)",
                at_the_gate,
            )
        },
        Row {
            allowed: Allowed::AFTER_LOSS,
            ..shared("F13", "SIGSTOP past the lease, any moment", past_the_lease)
        },
        Row {
            allowed: Allowed::FAIL_OPEN,
            ..shared(
                "F13A",
                "SIGSTOP while Redis is down, until the others share again",
                while_alone,
            )
        },
        Row {
            allowed: Allowed::IN_FLIGHT,
            ..shared("F14", "SIGSTOP of all for longer than endsAt", everybody)
        },
    ]
}

fn frozen(scene: &mut Scene, instances: &[usize], long: Duration) {
    let began = Instant::now();
    for instance in instances {
        scene.cluster.freeze(*instance, true);
    }
    scene.pass(long);
    for instance in instances {
        scene.cluster.freeze(*instance, false);
    }
    scene.fault_since(began);
}

fn briefly(scene: &mut Scene) -> Result<(), String> {
    for _ in 0..scene.times(3, 50) {
        scene.pass(Duration::from_secs(1));
        scene.pass_up_to(Duration::from_secs(4));
        let victim = scene.anybody();
        frozen(scene, &[victim], Duration::from_millis(2_500));
    }
    Ok(())
}

fn at_the_gate(scene: &mut Scene) -> Result<(), String> {
    let victim = scene.anybody();
    let mut stops = 0;
    let mut rejected = 0.0;
    for _ in 0..scene.times(2, 20) {
        scene.cluster.stop(victim)?;
        scene.cluster.arm(victim, Some("C13:stop@1"));
        scene.cluster.start(victim)?;
        let began = Instant::now();
        if scene.cluster.await_frozen(victim, Duration::from_secs(15)) {
            stops += 1;
            scene.pass(lease() + Duration::from_secs(2));
            scene.cluster.freeze(victim, false);
            scene.fault_since(began);
            scene.pass(Duration::from_secs(2));
            rejected += scene.cluster.metric(victim, "belfry_gate_rejected_total");
        }
    }
    scene.cluster.arm(victim, None);
    // It is stopped at the first send that comes to the gate after its start, and no other goes past meanwhile. Those whose lapsed
    // lease is noticed first are given up before they come there.
    scene.note(format!(
        "{stops} stops, {rejected} sends refused by the gate"
    ));
    scene.claim(0 < stops, "nobody stopped at C13");
    scene.claim(
        f64::from(stops) <= rejected,
        format!("{rejected} sends were refused after {stops} stops: the gate lets sends pass"),
    );
    Ok(())
}

fn past_the_lease(scene: &mut Scene) -> Result<(), String> {
    // Slow receivers, so that the fault often finds messages under way.
    for path in PATHS {
        scene
            .sink
            .set(path, Manner::Delay(Duration::from_millis(150)));
    }
    for _ in 0..scene.times(2, 30) {
        scene.pass(Duration::from_secs(1));
        scene.pass_up_to(Duration::from_secs(4));
        let victim = scene.anybody();
        frozen(scene, &[victim], lease().mul_f64(1.5));
    }
    Ok(())
}

/// It wakes alone, beside others that are not: what it was about to say they have said, and what it reads then its senders have said to
/// them since.
fn while_alone(scene: &mut Scene) -> Result<(), String> {
    let everybody = scene.everybody();
    for _ in 0..scene.times(1, 10) {
        scene.pass_up_to(Duration::from_secs(4));
        let began = Instant::now();
        scene.cluster.redis()?.kill();
        scene.cluster.await_mode(&everybody, "degraded", PATIENCE)?;
        scene.pass_up_to(Duration::from_secs(5));
        let victim = scene.anybody();
        scene.cluster.freeze(victim, true);
        scene.cluster.redis()?.restart();
        let others = everybody.iter().copied().filter(|n| *n != victim);
        let others: Vec<usize> = others.collect();
        let back = scene.cluster.await_mode(&others, "coordinated", PATIENCE);
        // endsAt is four resend intervals ahead: what waits for it is read after that.
        scene.pass(scene.either(15, 30));
        scene.cluster.freeze(victim, false);
        back?;
        let back = scene
            .cluster
            .await_mode(&[victim], "coordinated", PATIENCE)?;
        scene.fault_since(began);
        let refused = scene.cluster.metric(victim, "belfry_gate_rejected_total");
        scene.note(format!(
            "back {:.1} s after waking, {refused} sends refused by the gate",
            back.as_secs_f64()
        ));
    }
    Ok(())
}

fn everybody(scene: &mut Scene) -> Result<(), String> {
    for _ in 0..scene.times(1, 5) {
        scene.pass(scene.either(2, 10));
        scene.pass_up_to(Duration::from_secs(4));
        let all = scene.everybody();
        // endsAt is four resend intervals ahead.
        let long = scene.either(15, 30);
        frozen(scene, &all, long);
        scene.pass(scene.either(3, 20));
    }
    Ok(())
}
