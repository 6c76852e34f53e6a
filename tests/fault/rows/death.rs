//! Instances die: F03 to F10.

use std::time::{Duration, Instant};

use crate::feeder::Load;
use crate::row::{Allowed, Row, shared};
use crate::scene::{PATHS, QUICK, Scene, W1};
use crate::sink::Manner;

/// 200 streams: 100 groups, two integrations.
const STREAMS_200: Load = Load {
    alerts: 200,
    groups: 100,
    changes_per_10s: 60,
    ..QUICK
};

/// Longest wait for an instance to die at its failpoint: something is due at every tick.
const DYING: Duration = Duration::from_secs(15);

pub(super) fn rows() -> Vec<Row> {
    let point = |id, what, act| Row {
        needs_failpoints: true,
        full: STREAMS_200,
        ..shared(id, what, act)
    };
    vec![
        Row {
            allowed: Allowed::IN_FLIGHT,
            ..shared(
                "F03",
                "SIGKILL of an instance by chance, again and again",
                kills,
            )
        },
        Row {
            allowed: Allowed::IN_FLIGHT,
            has_tenants: true,
            ..shared("F03T", "the same with two tenants", kills)
        },
        Row {
            allowed: Allowed::IN_FLIGHT,
            ..point("F04A", "SIGKILL once half a batch is applied (C4)", |s| {
                at_point(s, "C4")
            })
        },
        Row {
            allowed: Allowed::IN_FLIGHT,
            ..point(
                "F04B",
                "SIGKILL once a poll is applied, unanswered (C5)",
                |s| at_point(s, "C5"),
            )
        },
        point("F04", "SIGKILL after the claim (C6)", |s| at_point(s, "C6")),
        point("F05", "SIGKILL before the last byte is out (C8)", |s| {
            at_point(s, "C8")
        }),
        Row {
            allowed: Allowed::IN_FLIGHT,
            ..point("F06", "SIGKILL once the request is out (C9, C10)", |s| {
                at_point(s, "C9")?;
                at_point(s, "C10")
            })
        },
        Row {
            allowed: Allowed::IN_FLIGHT,
            ..point("F07", "SIGKILL after `sent` is recorded (C11)", |s| {
                at_point(s, "C11")
            })
        },
        Row {
            allowed: Allowed::IN_FLIGHT,
            ..shared("F08", "SIGKILL of all instances at once", kill_all)
        },
        Row {
            full: Load {
                resend: Duration::from_secs(6),
                ..W1
            },
            ..shared("F09", "all down for longer than endsAt", all_down)
        },
        shared("F10", "rolling restarts with SIGTERM", rolling),
        Row {
            allowed: Allowed::IN_FLIGHT,
            ..point("F10A", "SIGKILL amid SIGTERM (C15)", killed_while_stopping)
        },
    ]
}

fn kills(scene: &mut Scene) -> Result<(), String> {
    // Slow receivers, so that the fault often finds messages under way.
    for path in PATHS {
        scene
            .sink
            .set(path, Manner::Delay(Duration::from_millis(150)));
    }
    for _ in 0..scene.times(3, 25) {
        scene.pass(scene.either(2, 14));
        scene.pass_up_to(Duration::from_secs(5));
        let victim = scene.anybody();
        let began = Instant::now();
        scene.cluster.kill(victim);
        scene.fault_since(began);
        scene.pass(scene.either(1, 2));
        scene.cluster.start(victim)?;
    }
    scene.pass(scene.either(2, 10));
    Ok(())
}

/// One instance runs into the failpoint, life after life; the others go on.
fn at_point(scene: &mut Scene, point: &str) -> Result<(), String> {
    let victim = scene.anybody();
    // In peace: this is not yet the death that is looked at.
    scene.cluster.stop(victim)?;
    let plan = format!("{point}:kill");
    scene.cluster.arm(victim, Some(&plan));
    let rounds = scene.times(2, 20);
    let mut deaths = 0;
    for _ in 0..rounds {
        scene.cluster.start(victim)?;
        let is_dead = scene.cluster.await_death(victim, DYING);
        scene.fault_since(Instant::now());
        if !is_dead {
            scene.cluster.stop(victim)?;
        }
        deaths += usize::from(is_dead);
    }
    scene.cluster.arm(victim, None);
    scene.cluster.start(victim)?;
    scene.note(format!("{deaths} deaths at {point}"));
    scene.claim(0 < deaths, format!("nobody died at {point}"));
    if point == "C8" {
        let broken = scene.sink.broken();
        scene.note(format!("{broken} requests broke off"));
    }
    Ok(())
}

/// What was out when it died is told by others.
fn killed_while_stopping(scene: &mut Scene) -> Result<(), String> {
    for path in PATHS {
        scene
            .sink
            .set(path, Manner::Delay(Duration::from_millis(150)));
    }
    for _ in 0..scene.times(2, 20) {
        let victim = scene.anybody();
        scene.cluster.stop(victim)?;
        scene.cluster.arm(victim, Some("C15:kill"));
        scene.cluster.start(victim)?;
        scene.pass(scene.either(2, 10));
        scene.pass_up_to(Duration::from_secs(5));
        let began = Instant::now();
        let ended = scene.cluster.stop(victim);
        scene.fault_since(began);
        scene.claim(ended.is_err(), "it stopped as if nothing had happened");
        scene.cluster.arm(victim, None);
        scene.cluster.start(victim)?;
    }
    Ok(())
}

fn kill_all(scene: &mut Scene) -> Result<(), String> {
    for _ in 0..scene.times(1, 10) {
        scene.pass(scene.either(3, 15));
        scene.pass_up_to(Duration::from_secs(5));
        let began = Instant::now();
        for instance in scene.everybody() {
            scene.cluster.kill(instance);
        }
        scene.fault_since(began);
        scene.pass(Duration::from_secs(5));
        scene.cluster.start_all()?;
    }
    scene.pass(scene.either(2, 10));
    Ok(())
}

/// Nobody can tell the instances that the alerts go on, and yet none may end by that.
fn all_down(scene: &mut Scene) -> Result<(), String> {
    scene.pass(scene.either(3, 20));
    for instance in scene.everybody() {
        scene.cluster.stop(instance)?;
    }
    // endsAt is four resend intervals ahead.
    scene.pass(scene.either(15, 36));
    scene.cluster.start_all()?;
    scene.pass(scene.either(3, 60));
    Ok(())
}

fn rolling(scene: &mut Scene) -> Result<(), String> {
    for _ in 0..scene.times(1, 10) {
        for instance in scene.everybody() {
            scene.cluster.stop(instance)?;
            scene.cluster.start(instance)?;
            scene
                .cluster
                .await_mode(&[instance], "coordinated", Duration::from_secs(20))?;
            scene.pass(scene.either(1, 3));
        }
    }
    Ok(())
}
