use std::sync::Arc;

use domain::group::numbers::Numbers;
use domain::group::told::Told;
use domain::id::{GroupKey, IntegrationId, TenantId};
use domain::time::Timestamp;
use store::journal::Record;

use super::Recorded;

fn webhook() -> IntegrationId {
    IntegrationId::new("team", "webhook", 0)
}

fn told(seq: u64) -> Record {
    let told = Told {
        seq,
        ..Told::default()
    };
    Record::Told {
        tenant: TenantId::default_tenant(),
        key: GroupKey([1; 16]),
        integration: webhook(),
        told: Arc::new(told),
    }
}

fn gone() -> Record {
    Record::GroupGone {
        tenant: TenantId::default_tenant(),
        key: GroupKey([1; 16]),
    }
}

/// Numbers of what was told alone of the group that is gone, and of what is told of the one there is.
fn known(records: impl IntoIterator<Item = Record>) -> (Option<u64>, Option<u64>) {
    let mut recorded = Recorded::default();
    for record in records {
        recorded.take(record);
    }
    let tenant = recorded.tenant(TenantId::default_tenant());
    let group = tenant.groups.entry(GroupKey([1; 16])).or_default();
    let seq = |told: Option<&Arc<Told>>| told.map(|told| told.seq);
    (
        seq(group.gone_alone.get(&webhook())),
        seq(group.told.get(&webhook())),
    )
}

#[test]
fn what_was_told_alone_of_a_group_that_is_gone_is_known_until_it_is_shared() {
    let alone = Numbers::alone(3).next(0, 5_000);
    let shared = Numbers::SHARED.next(0, 5_000);
    let since = Timestamp::from_unix_ms(4_000);
    let left = || Record::Alone { since: Some(since) };
    let back = || Record::Alone { since: None };

    assert_eq!(known([told(shared), gone()]), (None, None));
    assert_eq!(known([left(), told(alone), gone()]), (Some(alone), None));
    assert_eq!(known([left(), told(alone), gone(), back()]), (None, None));
    // The group came to be anew, as a compaction restates it.
    let anew = Numbers::alone(3).next(alone, 9_000);
    let restated = [left(), told(alone), gone(), told(anew)];
    assert_eq!(known(restated), (Some(alone), Some(anew)));
}
