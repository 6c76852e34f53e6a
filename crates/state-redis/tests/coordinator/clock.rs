//! The server's clock steps (protocol.md §4, G5).

use std::time::Duration;

use domain::alert::Alert;
use state::coordinator::conformance::World as _;
use state::coordinator::{GroupName, Outage};

use crate::actors::group;
use crate::keys::{Instance, count, firing};
use crate::world::{Servers, firing_key};

fn kinds(servers: &Servers) -> [usize; 2] {
    ["alert:group:firing:*", "alert:group:recovery:*"].map(|kind| count(servers, kind))
}

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
    let kinds = || kinds(&servers);
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

/// What alerts state is by another clock than the shard's, and is compared with that one.
#[tokio::test]
async fn stated_times_are_compared_with_the_clock_they_are_stated_by() {
    for ahead_ms in [600_000, -600_000] {
        let Some(servers) = Servers::single("stated times") else {
            return;
        };
        servers.step_clock(ahead_ms).await;
        let mut one = Instance::open(&servers).await;
        one.ahead_ms = ahead_ms;
        // Senders get time since the epoch began: who was heard before that, and not since, is not over.
        let brief = Duration::from_millis(200);
        let unheard = firing(0, 0, brief);
        let unheard = Alert {
            updated_at: unheard.updated_at - Duration::from_secs(60),
            ..unheard
        };
        one.post(0, vec![unheard]).await;
        one.post(1, vec![firing(1, 0, brief)]).await;
        one.post(2, vec![firing(2, 0, Duration::from_secs(600))])
            .await;
        tokio::time::sleep(brief * 2).await;
        one.poll().await;
        one.poll().await;
        assert_eq!(kinds(&servers), [2, 1], "{ahead_ms}");
        for (index, is_there) in [(0, "1"), (1, "0"), (2, "1")] {
            let there = servers.ask(&["EXISTS", &firing_key(&GroupName::of(&group(index)))]);
            assert!(there.contains(is_there), "{ahead_ms}, {index}: {there}");
        }
        // A step ahead brings no end closer that is stated.
        servers.step_clock(3_600_000).await;
        one.ahead_ms += 3_600_000;
        one.poll().await;
        // Then somebody polled all along, until the time senders get is over.
        let shard = GroupName::of(&group(2)).shard();
        servers.step_clock(12_500).await;
        one.ahead_ms += 12_500;
        servers.ask(&[
            "HINCRBY",
            &format!("test:shard:{{s{shard:02}}}"),
            "polled",
            "12500",
        ]);
        one.poll().await;
        let lasting = firing_key(&GroupName::of(&group(2)));
        assert!(
            servers.ask(&["EXISTS", &lasting]).contains('1'),
            "{ahead_ms}"
        );
    }
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
