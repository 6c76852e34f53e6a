use super::*;
use crate::annotations::Annotations;
use crate::group::numbers::Numbers;
use crate::group::told::{Pending, ReceiverData};
use crate::limits;
use crate::notification::Reason;

mod adopting;

const T0: i64 = 1_800_000_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_ms(T0 + seconds * 1000)
}

fn alert(name: &str, starts: i64, ends: i64, updated: i64) -> Arc<Alert> {
    let labels = Labels::from_pairs([("alertname", name)]);
    Arc::new(Alert {
        fingerprint: labels.fingerprint(),
        labels,
        annotations: Annotations::empty(),
        generator_url: Arc::from(""),
        starts_at: at(starts),
        ends_at: at(ends),
        updated_at: at(updated),
        is_timeout: false,
    })
}

fn integration() -> IntegrationId {
    IntegrationId::new("r", "webhook", 0)
}

fn identity(send_resolved: bool) -> Arc<GroupIdentity> {
    let receiver = ReceiverSpec {
        name: Arc::from("r"),
        integrations: vec![IntegrationSpec {
            id: integration(),
            send_resolved,
            is_fallback: false,
        }],
    };
    Arc::new(GroupIdentity {
        tenant: TenantId::default_tenant(),
        key: key::stored("{}:{}", "r", 0),
        text: "{}:{}".to_owned(),
        route: RouteIndex(0),
        labels: Labels::empty(),
        receiver: Arc::new(receiver),
        group_wait: Duration::from_secs(30),
        group_interval: Duration::from_secs(300),
        repeat_interval: Duration::from_secs(3600),
        mute_time_intervals: vec![],
        active_time_intervals: vec![],
    })
}

fn claim(group: &mut Group, now: i64) -> Claim {
    group
        .claim(at(now), limits::LEASE, Grace::NONE)
        .expect("due")
}

/// Sends what the claim's alerts call for and has it accepted.
fn tell(group: &mut Group, claim: &Claim, now: i64) -> Pending {
    let begun = begin(group, claim, now);
    group.commit(&integration(), &begun, at(now));
    begun
}

fn begin(group: &mut Group, claim: &Claim, now: i64) -> Pending {
    let over = |a: &&Arc<Alert>| a.is_resolved(claim.now, claim.grace);
    let message = Pending {
        seq: 0,
        firing: claim
            .alerts
            .iter()
            .filter(|a| !over(a))
            .map(|a| a.fingerprint)
            .collect(),
        resolved: claim
            .alerts
            .iter()
            .filter(over)
            .map(|a| a.fingerprint)
            .collect(),
        hidden: vec![],
        tick: claim.tick,
        reason: Reason::FirstNotification,
        receiver_data: ReceiverData::default(),
    };
    group
        .begin(&integration(), claim.fence, message, at(now))
        .unwrap()
}

#[test]
fn the_first_tick_comes_after_group_wait_and_sets_the_grid() {
    let mut group = Group::new(identity(true), alert("a", 0, 900, 0), at(0));
    assert_eq!(group.due(), Some(at(30)));
    assert!(group.claim(at(29), limits::LEASE, Grace::NONE).is_none());
    let claim = claim(&mut group, 30);
    assert_eq!(group.due(), None, "one flush at a time");
    assert_eq!(
        group.finish(&claim, true, at(31)),
        Ok(Finished::Again {
            at: at(330),
            given_up: vec![]
        })
    );
}

#[test]
fn an_old_creator_makes_the_group_tick_at_once_and_later_joiners_do_not() {
    let group = Group::new(identity(true), alert("a", -31, 900, 0), at(0));
    assert_eq!(group.due(), Some(at(0)));
    let mut waiting = Group::new(identity(true), alert("a", 0, 900, 0), at(0));
    assert_eq!(
        waiting.put(alert("b", -100, 900, 1), at(1), Grace::NONE),
        Joined::Added
    );
    assert_eq!(waiting.due(), Some(at(30)));
}

#[test]
fn a_late_flush_is_followed_by_one_tick_and_none_pile_up() {
    let mut group = Group::new(identity(true), alert("a", 0, 9000, 0), at(0));
    let first = claim(&mut group, 30);
    let Ok(Finished::Again { at: next, .. }) = group.finish(&first, true, at(30 + 1000)) else {
        panic!()
    };
    assert!(next <= at(1030), "a tick passed meanwhile");
    let second = claim(&mut group, 1030);
    assert_eq!(second.tick, at(930), "the latest of the missed ticks");
    assert_eq!(
        group.finish(&second, true, at(1031)),
        Ok(Finished::Again {
            at: at(1230),
            given_up: vec![]
        })
    );
}

#[test]
fn an_ended_alert_stays_until_it_is_told_and_then_the_group_is_gone() {
    let mut group = Group::new(identity(true), alert("a", 0, 9000, 0), at(0));
    let first = claim(&mut group, 30);
    tell(&mut group, &first, 31);
    group.finish(&first, true, at(31)).unwrap();
    group.put(alert("a", 0, 100, 100), at(100), Grace::NONE);

    let suppressed = claim(&mut group, 330);
    assert!(
        matches!(
            group.finish(&suppressed, true, at(331)),
            Ok(Finished::Again { .. })
        ),
        "still owed"
    );

    let last = claim(&mut group, 630);
    tell(&mut group, &last, 631);
    assert_eq!(group.finish(&last, true, at(632)), Ok(Finished::Gone));
}

#[test]
fn an_alert_that_fires_and_ends_inside_group_wait_leaves_quietly() {
    let mut group = Group::new(identity(true), alert("a", 0, 9000, 0), at(0));
    group.put(alert("a", 0, 10, 10), at(10), Grace::NONE);
    let only = claim(&mut group, 30);
    assert_eq!(group.finish(&only, true, at(31)), Ok(Finished::Gone));
}

#[test]
fn a_failed_flush_keeps_ended_alerts() {
    let mut group = Group::new(identity(true), alert("a", 0, 10, 10), at(0));
    let failed = claim(&mut group, 30);
    assert!(matches!(
        group.finish(&failed, false, at(31)),
        Ok(Finished::Again { .. })
    ));
}

#[test]
fn an_alert_that_changed_during_the_flush_stays() {
    let mut group = Group::new(identity(true), alert("a", 0, 10, 10), at(0));
    let flush = claim(&mut group, 30);
    group.put(alert("a", 20, 9000, 30), at(30), Grace::NONE);
    assert!(matches!(
        group.finish(&flush, true, at(31)),
        Ok(Finished::Again { .. })
    ));
}

#[test]
fn a_pending_message_is_repeated_as_it_was() {
    let mut group = Group::new(identity(true), alert("a", 0, 9000, 0), at(0));
    let first = claim(&mut group, 30);
    let message = Pending {
        seq: 0,
        firing: vec![Fingerprint(1)],
        resolved: vec![],
        hidden: vec![],
        tick: first.tick,
        reason: Reason::FirstNotification,
        receiver_data: ReceiverData::default(),
    };
    let begun = group
        .begin(&integration(), first.fence, message.clone(), at(30))
        .unwrap();
    group.finish(&first, false, at(40)).unwrap();

    let second = claim(&mut group, 330);
    let other = Pending {
        firing: vec![Fingerprint(1), Fingerprint(2)],
        ..message
    };
    assert_eq!(
        group
            .begin(&integration(), second.fence, other.clone(), at(330))
            .unwrap(),
        begun
    );
    group.refuse(&integration(), begun.seq);
    let fresh = group
        .begin(&integration(), second.fence, other, at(330))
        .unwrap();
    assert!(fresh.seq > begun.seq, "a number is never used twice");
    assert_eq!(fresh.firing.len(), 2);
}

#[test]
fn a_stale_fence_begins_nothing_but_a_late_commit_still_counts() {
    let mut group = Group::new(identity(true), alert("a", 0, 9000, 0), at(0));
    let stale = claim(&mut group, 30);
    let message = Pending {
        seq: 0,
        firing: vec![Fingerprint(1)],
        resolved: vec![],
        hidden: vec![],
        tick: stale.tick,
        reason: Reason::FirstNotification,
        receiver_data: ReceiverData::default(),
    };
    let begun = group
        .begin(&integration(), stale.fence, message.clone(), at(30))
        .unwrap();
    let current = claim(&mut group, 400);
    assert_eq!(
        group.begin(&integration(), stale.fence, message, at(401)),
        Err(LeaseLost)
    );
    assert_eq!(
        group.renew(stale.fence, at(401), limits::LEASE),
        Err(LeaseLost)
    );
    let told = group.commit(&integration(), &begun, at(402)).clone();
    assert_eq!(told.firing(), &[Fingerprint(1)]);
    assert!(group.renew(current.fence, at(402), limits::LEASE).is_ok());
}

#[test]
fn an_owed_end_is_given_up_after_a_day() {
    let mut group = Group::new(identity(true), alert("a", 0, 900_000, 0), at(0));
    let first = claim(&mut group, 30);
    tell(&mut group, &first, 31);
    group.finish(&first, true, at(31)).unwrap();
    group.put(alert("a", 0, 100, 100), at(100), Grace::NONE);
    let late = claim(&mut group, 100 + 86_400);
    assert_eq!(
        group.finish(&late, false, at(100 + 86_400)),
        Ok(Finished::Gone)
    );
}

#[test]
fn a_reload_ticks_at_once_and_restarts_the_grid_but_keeps_group_wait() {
    let mut ticked = Group::new(identity(true), alert("a", 0, 9000, 0), at(0));
    let first = claim(&mut ticked, 30);
    tell(&mut ticked, &first, 30);
    ticked.finish(&first, true, at(30)).unwrap();
    ticked.reconfigure(identity(true), at(100));
    assert_eq!(ticked.due(), Some(at(100)));
    let again = claim(&mut ticked, 100);
    assert_eq!(again.told.len(), 1, "what was told is kept");
    assert!(
        matches!(ticked.finish(&again, true, at(100)), Ok(Finished::Again { at: next, .. }) if next == at(400))
    );

    let mut fresh = Group::new(identity(true), alert("a", 0, 9000, 0), at(0));
    fresh.reconfigure(identity(true), at(10));
    assert_eq!(fresh.due(), Some(at(30)));
}

#[test]
fn after_an_absence_only_missed_ticks_are_due() {
    let interval = Duration::from_secs(300);
    assert_eq!(Grid::resumed(at(0), interval, at(10)).next(), at(300));
    assert_eq!(Grid::resumed(at(0), interval, at(310)).next(), at(600));
    assert_eq!(Grid::resumed(at(50), interval, at(10)).next(), at(50));
}

/// What was told of who is elsewhere says nothing any more; a message in flight is repeated as it was.
#[test]
fn who_leaves_takes_along_what_was_told_of_it() {
    let mut group = Group::new(identity(true), alert("a", 0, 9000, 0), at(0));
    assert_eq!(
        group.put(alert("b", 0, 9000, 1), at(1), Grace::NONE),
        Joined::Added
    );
    let first = claim(&mut group, 30);
    tell(&mut group, &first, 31);
    let [leaves, stays] = [0, 1].map(|at| group.told()[0].1.firing()[at]);
    let released = group.release(|member| member == stays);
    assert_eq!(released.len(), 1);
    let told = &group.told()[0].1;
    assert!(!told.believes_firing(leaves) && told.believes_firing(stays));
}
