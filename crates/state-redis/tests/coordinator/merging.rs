//! Two observations of an alert become one in Lua as they do in Rust, to the nanosecond and to the offset they were
//! stated with.

use std::sync::Arc;
use std::time::Duration;

use domain::alert::Alert;
use domain::annotations::Annotations;
use domain::time::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use state::coordinator::{Coordinator, Offer};

use crate::actors::{alert, group};
use crate::world::Servers;

/// Few different instants, so that many are equal or next to each other.
fn time() -> impl Strategy<Value = Timestamp> {
    let nanos = prop_oneof![Just(0_u32), Just(1), Just(999_999_999)];
    let offset = prop_oneof![Just(0_i16), Just(330), Just(-60)];
    (0..5_i64, nanos, offset)
        .prop_map(|(seconds, nanos, offset)| Timestamp::new(1_700_000_000 + seconds, nanos, offset))
}

/// Start, end, receipt, whether the end is a guess.
fn observation() -> impl Strategy<Value = (Timestamp, Timestamp, Timestamp, bool)> {
    (time(), time(), time(), any::<bool>())
}

fn observed(which: usize, text: &str, facts: &(Timestamp, Timestamp, Timestamp, bool)) -> Alert {
    Alert {
        annotations: Annotations::from_pairs([("summary", text)]),
        starts_at: facts.0,
        ends_at: facts.1,
        updated_at: facts.2.utc(),
        is_timeout: facts.3,
        ..alert(0, which)
    }
}

/// What the member is then: `updated_by`, but what is known never grows older, and what changed is newer.
fn expected(known: &Alert, posted: &Alert) -> Alert {
    let mut merged = known.updated_by(posted.clone());
    if merged.updated_at <= known.updated_at {
        merged.updated_at = known.updated_at;
        if merged == *known {
            return known.clone();
        }
        merged.updated_at = known.updated_at + Duration::from_millis(1);
    }
    merged
}

/// Everything, offsets included.
fn stated(alert: &Alert) -> (Alert, i16, i16) {
    let offsets = (
        alert.starts_at.offset_minutes(),
        alert.ends_at.offset_minutes(),
    );
    (alert.clone(), offsets.0, offsets.1)
}

#[test]
fn alerts_merge_in_lua_as_in_rust() {
    let Some(servers) = Servers::single("merging").map(Servers::unscaled) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().expect("a runtime");
    let coordinator = runtime.block_on(async { servers.coordinator("one") });
    let now = Timestamp::from_unix_ms(1_700_000_002_000);
    let ingest = |alerts: Vec<Alert>| {
        let offers = alerts.into_iter().map(|alert| Offer {
            group: group(0),
            alert: Arc::new(alert),
            is_owed: true,
            is_again: false,
        });
        let answers = runtime.block_on(coordinator.ingest(offers.collect(), now));
        let held = answers.into_iter().map(|a| a.expect("reachable").alert);
        held.collect::<Vec<_>>()
    };
    let config = Config {
        cases: 40,
        max_shrink_iters: 500,
        failure_persistence: None,
        ..Config::default()
    };
    let pairs = prop::collection::vec((observation(), observation()), 1..200);
    let outcome = TestRunner::new(config).run(&pairs, |pairs| {
        assert_eq!(servers.ask(&["FLUSHALL"]), "OK");
        let numbered = || pairs.iter().enumerate();
        let known: Vec<_> = numbered()
            .map(|(n, p)| observed(n, "known", &p.0))
            .collect();
        let posted: Vec<_> = numbered()
            .map(|(n, p)| observed(n, "posted", &p.1))
            .collect();
        ingest(known.clone());
        let held = ingest(posted.clone());
        prop_assert_eq!(held.len(), pairs.len());
        for ((known, posted), held) in known.iter().zip(&posted).zip(held) {
            let wanted = expected(known, posted);
            prop_assert_eq!(
                stated(&held),
                stated(&wanted),
                "{:?} and {:?}",
                known,
                posted
            );
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
