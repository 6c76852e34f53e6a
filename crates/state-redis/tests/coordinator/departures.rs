//! Who left longer ago than tombstones live; time does not pass for that here, so what the shard remembers is moved back.

use std::time::Duration;

use domain::time::Timestamp;
use runtime::clock::{Clock, SystemClock};
use state::coordinator::{Coordinator, GroupName};

use crate::actors::{alert, group};
use crate::keys::Instance;
use crate::world::Servers;

#[tokio::test]
async fn who_left_long_ago_may_be_forgotten() {
    let Some(servers) = Servers::single("departures") else {
        return;
    };
    let servers = servers.unscaled();
    let mut instance = Instance::open(&servers).await;
    let (stays, leaves) = (alert(0, 0), alert(0, 1));
    let begun = SystemClock.now();
    let until = begun + Duration::from_secs(300);
    let all = [&stays, &leaves].map(|alert| domain::alert::Alert {
        starts_at: begun - Duration::from_secs(300),
        ends_at: until,
        updated_at: begun,
        ..alert.clone()
    });
    instance.post(0, all.to_vec()).await;
    let claims = instance.poll().await;
    instance.see_off(&claims[0], &[leaves.fingerprint]).await;

    let name = GroupName::of(&group(0));
    let coordinator = servers.coordinator("two");
    let both = [stays.fingerprint, leaves.fingerprint];
    let departed = async |since: Timestamp| {
        let departed = coordinator.departed(&name, since, &both).await;
        departed.expect("reachable")
    };
    let hours = |count: u64| SystemClock.now() - Duration::from_secs(count * 3600);
    assert_eq!(departed(hours(9)).await, [leaves.fingerprint]);

    let key = format!("test:shard:{{s{:02}}}", name.shard());
    let put_back = |field: &str, at: Timestamp| {
        servers.ask(&["HSET", &key, field, &at.unix_ms().to_string()]);
    };
    put_back("first_left", hours(6));
    assert_eq!(
        departed(hours(9)).await,
        both,
        "whoever left up to an hour ago"
    );
    assert_eq!(departed(hours(0)).await, [leaves.fingerprint]);
    put_back("last_left", hours(4));
    assert_eq!(departed(hours(5)).await, both);
    assert_eq!(departed(hours(3)).await, [leaves.fingerprint]);
    put_back("known_since", hours(2));
    assert_eq!(departed(hours(3)).await, both, "something was lost since");
    assert_eq!(departed(hours(1)).await, [leaves.fingerprint]);
    servers.ask(&["HDEL", &key, "known_since"]);
    assert_eq!(departed(hours(1)).await, both, "nobody said so");
}
