use std::sync::Arc;
use std::time::Duration;

use domain::alert::{Alert, Grace};
use domain::annotations::Annotations;
use domain::fingerprint::Fingerprint;
use domain::group::farewell::Leave;
use domain::group::numbers::Numbers;
use domain::group::told::{ReceiverData, Told, ToldMessage};
use domain::group::{GroupIdentity, ReceiverSpec};
use domain::id::{GroupKey, IntegrationId, TenantId};
use domain::label::Labels;
use domain::notification::Reason;
use domain::route::RouteIndex;
use domain::time::Timestamp;
use state::{CarriedOver, RestoredGroup};
use store::journal::Record;

use super::{Recorded, RecordedGroup};

fn webhook() -> IntegrationId {
    IntegrationId::new("team", "webhook", 0)
}

fn group() -> Arc<GroupIdentity> {
    let hour = Duration::from_secs(3_600);
    Arc::new(GroupIdentity {
        tenant: TenantId::default_tenant(),
        key: GroupKey([1; 16]),
        text: "{}:{}".to_owned(),
        route: RouteIndex(0),
        labels: Labels::from_pairs([]),
        receiver: Arc::new(ReceiverSpec {
            name: Arc::from("team"),
            integrations: Vec::new(),
        }),
        group_wait: hour,
        group_interval: hour,
        repeat_interval: hour,
        mute_time_intervals: Vec::new(),
        active_time_intervals: Vec::new(),
    })
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

/// Somebody told alone that it fires, who had not heard of its end yet: that is no reason to bring it back where its end is known. It
/// is the same where the last message left it out because it was suppressed.
#[test]
fn an_end_that_was_overtaken_gives_way_to_nobody_who_knows_of_it() {
    let (end, told_at) = (ended(100), Timestamp::from_unix_ms(107_000));
    let named = vec![end.fingerprint];
    for (firing, hidden) in [(named.clone(), Vec::new()), (Vec::new(), named)] {
        let said = ToldMessage {
            firing,
            hidden,
            tick: told_at,
            sent_at: told_at,
            reason: Reason::FirstNotification,
            receiver_data: ReceiverData::default(),
        };
        gives_way_to_nobody_who_knows_of_it(&end, said);
    }
}

fn gives_way_to_nobody_who_knows_of_it(end: &Alert, said: ToldMessage) {
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
    assert_eq!(*alone, *end, "nobody else told anything");
    let (counts, is_own) = tenant.as_it_counts(Arc::new(end.clone()), &believed, true, grace);
    assert!(!is_own && !counts.is_resolved(now, grace), "{counts:?}");
    assert!(counts.is_covered_by(end.ends_at), "it left by that end");
    assert!(counts.updated_at < end.updated_at, "the end is known later");
}

/// A group ended alone, and one of its alerts fires anew before that is told: as it was before, it left.
#[test]
fn who_fires_anew_in_a_group_that_ended_alone_left_it_before() {
    let told_at = Timestamp::from_unix_ms(107_000);
    let said = ToldMessage {
        firing: Vec::new(),
        hidden: Vec::new(),
        tick: told_at,
        sent_at: told_at,
        reason: Reason::FirstNotification,
        receiver_data: ReceiverData::default(),
    };
    let alone = Told {
        seq: Numbers::alone(3).next(0, 107_000),
        last: Some(said),
        pending: None,
    };
    let mut recorded = RecordedGroup::default();
    recorded.take_told(webhook(), Arc::new(alone.clone()));
    recorded.go();
    let again = Arc::new(Alert {
        starts_at: told_at + Duration::from_secs(5),
        ends_at: told_at + Duration::from_secs(500),
        ..ended(120)
    });
    let stayed = Alert {
        fingerprint: Fingerprint(1),
        starts_at: told_at - Duration::from_secs(5),
        ..Alert::clone(&again)
    };
    let now = RestoredGroup {
        identity: group(),
        first_tick: told_at,
        known_until: told_at,
        members: vec![Arc::clone(&again), Arc::new(stayed)],
        told: Vec::new(),
        carried_over: CarriedOver::default(),
    };
    let ended = recorded.ended_alone(&now, Vec::new()).expect("it ended");
    let left = Leave {
        fingerprint: again.fingerprint,
        updated_at: told_at,
    };
    assert_eq!(ended.leaves, [left]);
    assert_eq!(ended.told, [(webhook(), alone)]);
}
