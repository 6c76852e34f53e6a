use std::sync::Arc;
use std::time::Duration;

use domain::alert::{Alert, Grace};
use domain::annotations::Annotations;
use domain::group::numbers::Numbers;
use domain::group::told::{ReceiverData, Told, ToldMessage};
use domain::id::{GroupKey, IntegrationId, TenantId};
use domain::label::Labels;
use domain::notification::Reason;
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

/// An alert that is over since this second, as its sender stated then.
fn ended(second: i64) -> Alert {
    let at = Timestamp::from_unix_ms(second * 1_000);
    let labels = Labels::from_pairs([("alertname", "x")]);
    Alert {
        fingerprint: labels.fingerprint(),
        labels,
        annotations: Annotations::empty(),
        generator_url: Arc::from(""),
        starts_at: at - Duration::from_secs(60),
        ends_at: at,
        updated_at: at,
        is_timeout: false,
    }
}

/// Somebody told alone that it fires, who had not heard of its end yet: that is no reason to bring it back where its end is known.
#[test]
fn an_end_that_was_overtaken_gives_way_to_nobody_who_knows_of_it() {
    let (end, told_at) = (ended(100), Timestamp::from_unix_ms(107_000));
    let said = ToldMessage {
        firing: vec![end.fingerprint],
        hidden: Vec::new(),
        tick: told_at,
        sent_at: told_at,
        reason: Reason::FirstNotification,
        receiver_data: ReceiverData::default(),
    };
    let record = Record::Told {
        tenant: TenantId::default_tenant(),
        key: GroupKey([1; 16]),
        integration: webhook(),
        told: Arc::new(Told {
            seq: 107_000,
            last: Some(said),
            pending: None,
        }),
    };
    let mut recorded = Recorded::default();
    recorded.take(record);
    let tenant = recorded.tenant(TenantId::default_tenant());
    let (now, believed) = (Timestamp::from_unix_ms(200_000), [end.fingerprint].into());
    let grace = Grace {
        since: now,
        until: now + Duration::from_secs(300),
    };
    let (alone, _) = tenant.as_it_counts(Arc::new(end.clone()), &believed, false, grace);
    assert_eq!(*alone, end, "nobody else told anything");
    let (counts, is_own) = tenant.as_it_counts(Arc::new(end.clone()), &believed, true, grace);
    assert!(!is_own && !counts.is_resolved(now, grace), "{counts:?}");
    assert!(counts.is_covered_by(end.ends_at), "it left by that end");
    assert!(counts.updated_at < end.updated_at, "the end is known later");
}
