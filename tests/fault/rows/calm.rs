//! Nothing fails: F01, F02.

use std::time::Duration;

use crate::row::{Row, alone, shared};
use crate::scene::Scene;

/// What an instance has sent.
const SENT: &str = "alertmanager_notifications_total";

pub(super) fn rows() -> Vec<Row> {
    let p99_max = Some(Duration::from_millis(250));
    vec![
        Row {
            p99_max,
            ..alone("F01", "no fault, one instance", calm)
        },
        Row {
            p99_max,
            ..shared("F02", "no fault, three instances", spread)
        },
        Row {
            has_tenants: true,
            ..alone("F01T", "no fault, one instance, two tenants", calm)
        },
    ]
}

fn calm(scene: &mut Scene) -> Result<(), String> {
    scene.pass(scene.either(15, 600));
    Ok(())
}

/// The instances share the work: each sends 20 to 45 of a hundred messages. Small runs only print it.
fn spread(scene: &mut Scene) -> Result<(), String> {
    scene.pass(scene.either(15, 600));
    let sent: Vec<f64> = scene
        .everybody()
        .iter()
        .map(|n| scene.cluster.metric(*n, SENT))
        .collect();
    let all = sent.iter().sum::<f64>().max(1.0);
    let parts: Vec<f64> = sent.iter().map(|part| 100.0 * part / all).collect();
    let shown: Vec<String> = parts.iter().map(|part| format!("{part:.0} %")).collect();
    scene.note(format!("sent {}", shown.join(", ")));
    let is_even = parts.iter().all(|part| (20.0..=45.0).contains(part));
    let is_full = scene.is_full;
    scene.claim(is_even || !is_full, format!("uneven: {shown:?}"));
    Ok(())
}
