//! The server's clock steps (protocol.md §4, G5).

use std::time::Duration;

use state::coordinator::{GroupName, Outage};

use crate::actors::group;
use crate::keys::{Instance, count, firing};
use crate::world::Servers;

/// A step forward ends nothing by time-out: nobody could refresh anything in the time that did not pass.
///
/// The shard clock is the server's and an offset: it steps as the server's does when the offset grows.
#[tokio::test]
async fn a_step_forward_is_a_stall() {
    let Some(servers) = Servers::single("a step of the clock") else {
        return;
    };
    let mut one = Instance::open(&servers).await;
    let shard = format!("test:shard:{{s{:02}}}", GroupName::of(&group(0)).shard());
    let without_grace = || servers.ask(&["HSET", &shard, "grace_until", "0"]);
    let kinds = || {
        [
            count(&servers, "alert:group:firing:*"),
            count(&servers, "alert:group:recovery:*"),
        ]
    };
    one.post(0, vec![firing(0, 0, Duration::from_secs(600))])
        .await;
    without_grace();
    one.poll().await;
    assert_eq!(kinds(), [1, 0]);
    servers.ask(&["HINCRBY", &shard, "offset", "3600000"]);
    one.poll().await;
    one.poll().await;
    assert_eq!(kinds(), [1, 0], "its senders get their time");
    // Then somebody polled all along, until that is over.
    for field in ["offset", "polled"] {
        servers.ask(&["HINCRBY", &shard, field, "12500"]);
    }
    one.poll().await;
    assert_eq!(kinds(), [0, 1], "and no more than that");
}

/// A post that arrives after its sender gave up changes nothing: others may have said something since.
///
/// A server whose clock stepped cannot tell; it says what its clock shows, and the next try counts.
#[tokio::test]
async fn a_post_that_comes_too_late_is_refused() {
    let Some(servers) = Servers::single("a post that comes too late") else {
        return;
    };
    let mut one = Instance::open(&servers).await;
    one.poll().await;
    let shard = format!("test:shard:{{s{:02}}}", GroupName::of(&group(0)).shard());
    servers.ask(&["HINCRBY", &shard, "offset", "3600000"]);
    let members = || count(&servers, "alert:group:firing:*");
    let alert = firing(0, 0, Duration::from_secs(600));
    let late = one.try_post(0, vec![alert.clone()]).await;
    let refused = late[0].as_ref().expect_err("it is too late");
    assert_eq!(refused.outage, Outage::Transient);
    assert_eq!(members(), 0);
    let again = one.try_post(0, vec![alert]).await;
    assert!(again[0].as_ref().is_ok_and(|offered| offered.is_member));
    assert_eq!(members(), 1);
}
