//! More groups that are due than a poll looks at.

use std::time::Duration;

use state::coordinator::GroupName;

use crate::actors::group;
use crate::keys::{Instance, firing};
use crate::world::Servers;

/// Whatever waits in front, a severe group is claimed when it becomes due.
#[tokio::test]
async fn a_severe_group_is_claimed_before_a_crowd_that_is_overdue() {
    let Some(servers) = Servers::single("crowds") else {
        return;
    };
    let mut one = Instance::open(&servers).await;
    let hour = Duration::from_secs(3600);
    let shard = GroupName::of(&group(0)).shard();
    let is_here = |index: &usize| GroupName::of(&group(*index)).shard() == shard;
    // Those of info, by their number.
    let crowd = (2..).step_by(4).filter(is_here).take(1_300);
    for index in crowd {
        one.post(index, vec![firing(index, 0, hour)]).await;
    }
    tokio::time::sleep(Duration::from_millis(5)).await;
    one.post(0, vec![firing(0, 0, hour)]).await;
    let claims = one.poll().await;
    let critical = GroupName::of(&group(0));
    assert_eq!(claims.first().map(|claim| &claim.group), Some(&critical));
    assert_eq!(claims.len(), 100);
}
