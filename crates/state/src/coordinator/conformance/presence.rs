//! Who is there, and how much waits.

use std::sync::Arc;

use domain::id::TenantId;

use super::World;
use super::stage::Stage;
use crate::coordinator::{ClockReading, InstanceReport};

fn report(stage: &Stage, id: &str) -> InstanceReport {
    InstanceReport {
        id: id.to_owned(),
        address: format!("{id}.example.org:9093"),
        version: "0.0.0".to_owned(),
        mode: "coordinated".to_owned(),
        started_at: Some(stage.now()),
        configs: vec![(TenantId::default_tenant(), "hash".to_owned())],
        files: vec![(TenantId::default_tenant(), "12".to_owned())],
        clock: Some(ClockReading {
            shared: stage.now(),
            ahead_ms: -600_000,
        }),
    }
}

async fn instances(stage: &Stage) -> Vec<InstanceReport> {
    let mut known = stage.two.coordinator.instances().await.expect("reachable");
    known.sort_by(|a, b| a.id.cmp(&b.id));
    known
}

/// An instance counts while it reports, and its last report counts.
pub async fn instances_are_known_while_they_report(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let announce = async |report: &InstanceReport| {
        let announced = stage.one.coordinator.announce(report).await;
        announced.expect("reachable");
    };
    let (one, mut two) = (report(&stage, "one"), report(&stage, "two"));
    announce(&one).await;
    announce(&two).await;
    assert_eq!(instances(&stage).await, [one, two.clone()]);
    stage.pass(7).await;
    two.mode = "degraded".to_owned();
    announce(&two).await;
    stage.pass(5).await;
    assert_eq!(instances(&stage).await, [two]);
}

/// An instance that says that it goes is gone.
pub async fn a_retired_instance_is_gone_at_once(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    for id in ["one", "two"] {
        let announced = stage.one.coordinator.announce(&report(&stage, id)).await;
        announced.expect("reachable");
    }
    for _ in 0..2 {
        stage
            .one
            .coordinator
            .retire("one")
            .await
            .expect("reachable");
    }
    let left = instances(&stage).await;
    assert_eq!(left.iter().map(|i| &*i.id).collect::<Vec<_>>(), ["two"]);
}

/// Queues are as deep as there are groups that wait, or are being flushed.
pub async fn depths_count_what_waits_and_what_is_in_flight(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, _, claim) = stage.claimed("a").await;
    let groups = stage.neighbours(&[&claim.group.tenant, &claim.group.tenant]);
    for group in &groups {
        stage.one.post(group, stage.alert("x", 900)).await;
    }
    let depths = stage.two.coordinator.depths().await.expect("reachable");
    assert_eq!(depths.iter().map(|d| d.due).sum::<u64>(), 2);
    assert_eq!(depths.iter().map(|d| d.in_flight).sum::<u64>(), 1);
    let there = &depths[claim.group.shard()];
    assert_eq!(there.in_flight, 1);
    let (last, _) = stage
        .two
        .coordinator
        .shard(claim.group.shard())
        .await
        .expect("reachable");
    assert_eq!(there.last_event, last);
}

/// Writing works, wherever it is tried, and what answers says what time it is there.
pub async fn every_fault_domain_takes_a_probe(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let domains = stage.one.coordinator.fault_domains();
    assert!((1..=domain::limits::SHARDS).contains(&domains));
    for domain in 0..domains {
        let shown = stage.one.coordinator.probe(domain).await;
        stage.near(shown.expect("written"), stage.now());
    }
}
