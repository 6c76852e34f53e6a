//! The version of records in the hash of a shard: what an operator sees, and what is there from before there were versions.

use std::sync::Arc;
use std::time::Duration;

use domain::limits;
use runtime::clock::{Clock, SystemClock};
use runtime::tasks::Shutdown;
use state::coordinated::Coordinated;
use state::coordinator::conformance::World;
use state::coordinator::{Coordinator, InstanceReport, PollAsk, RecordVersions, ShardPoll};
use state::{Mode, State};

use crate::actors::group;
use crate::keys::{Instance, count, firing};
use crate::world::Servers;

const NEW: RecordVersions = RecordVersions {
    oldest: 1,
    newest: 2,
};

/// What every shard says of a field.
fn field(servers: &Servers, name: &str) -> Vec<String> {
    let shards = 0..limits::SHARDS;
    let ask = |shard| servers.ask(&["HGET", &format!("test:shard:{{s{shard:02}}}"), name]);
    shards.map(ask).collect()
}

/// An epoch that says nothing of it, and instances that do not, are of the first version.
#[tokio::test]
async fn what_is_there_from_before_is_of_the_first_version() {
    let Some(servers) = Servers::single("what is there from before") else {
        return;
    };
    let mut old = Instance::open(&servers).await;
    old.post(0, vec![firing(0, 0, Duration::from_secs(3600))])
        .await;
    old.poll().await;
    assert!(field(&servers, "records").iter().all(|v| v == "1"));
    assert!(field(&servers, "newest:one").iter().all(|v| v == "1"));
    for shard in 0..limits::SHARDS {
        let key = format!("test:shard:{{s{shard:02}}}");
        servers.ask(&["HDEL", &key, "records", "newest:one"]);
    }
    tokio::time::sleep(servers.timing().stall).await;

    let new = servers.coordinator("two").knowing(NEW);
    new.preflight().await.expect("it knows the first");
    let epochs = field(&servers, "epoch").into_iter();
    let ask = || PollAsk {
        epochs: epochs
            .clone()
            .map(|epoch| Some(state::coordinator::Epoch(epoch.into())))
            .collect(),
        ..PollAsk::default()
    };
    for shard in new.poll(ask()).await.shards {
        let ShardPoll::Well(well) = shard.expect("reachable") else {
            panic!("strange");
        };
        assert_eq!(well.records, 1, "the old one polled a moment ago");
    }
    assert_eq!(
        old.read(&state::coordinator::GroupName::of(&group(0)))
            .await
            .members
            .len(),
        1
    );
    new.retire("one").await.expect("reachable");
    new.poll(ask()).await;
    assert!(field(&servers, "records").iter().all(|v| v == "2"));
    assert!(
        field(&servers, "newest:one")
            .iter()
            .all(|v| !v.contains('1'))
    );
    assert_eq!(
        count(&servers, "*newest*") + count(&servers, "*records*"),
        0
    );
}

/// An instance of an old build that comes too late works alone, says why, and is let in once it is upgraded.
#[tokio::test]
async fn an_old_build_that_comes_too_late_works_alone_and_says_why() {
    let Some(servers) = Servers::single("an old build that comes too late") else {
        return;
    };
    let begin = async |id: &str, knows: RecordVersions| {
        let shared = servers.coordinator(id).knowing(knows);
        let report = InstanceReport {
            id: id.to_owned(),
            ..InstanceReport::default()
        };
        let clock = SystemClock::shared();
        let state = Coordinated::new(Arc::new(shared), report, clock, servers.timing());
        state.start().await;
        state
    };
    let new = begin("new", NEW).await;
    assert_eq!(new.mode(), Mode::Coordinated);
    tokio::time::sleep(servers.timing().stall).await;
    let polled = new.poll(0, SystemClock.now()).await;
    polled.expect("reachable");
    assert!(field(&servers, "records").iter().all(|v| v == "2"));

    let old = begin("old", RecordVersions::default()).await;
    let stopper = Shutdown::new();
    let keeper = tokio::spawn(Arc::clone(&old).run_keeper(stopper.listener()));
    tokio::time::sleep(servers.timing().permission_retry * 2).await;
    assert_eq!(old.mode(), Mode::Degraded);
    let cause = old.standing().and_then(|standing| standing.cause);
    let wanted = "the records in Redis are of version 2, this Belfry knows 1: upgrade it; it works alone until then";
    assert_eq!(cause.as_deref(), Some(wanted));
    assert_eq!(old.mode_changes(), 1, "it said so once");
    stopper.stop();
    keeper.await.expect("it ends");
    assert!(field(&servers, "seen:old").iter().all(|v| !v.contains('1')));

    let upgraded = begin("upgraded", NEW).await;
    assert_eq!(upgraded.mode(), Mode::Coordinated);
}
