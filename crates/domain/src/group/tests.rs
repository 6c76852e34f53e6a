use super::*;
use crate::annotations::Annotations;
use crate::group::numbers::Numbers;
use crate::group::told::{Pending, ReceiverData};
use crate::limits;
use crate::notification::Reason;

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

/// Takes in a member that moved from a group like this one.
fn adopt(group: &mut Group, member: &Arc<Alert>, told: &[(IntegrationId, Told)], now: i64) {
    let identity = Arc::clone(group.identity());
    let (lineage, groups) = (identity.lineage(), [Arc::clone(&identity)]);
    let left = lineage.as_ref();
    group.adopt(Arc::clone(member), left, &groups, told, at(now));
}

#[test]
fn an_adopted_member_carries_what_was_told_about_it() {
    let mut old = Group::new(identity(true), alert("a", 0, 9000, 0), at(0));
    let first = claim(&mut old, 30);
    tell(&mut old, &first, 31);
    let mut new = Group::restored(
        identity(true),
        Grid::starting(at(40), Duration::from_secs(300)),
    );
    let member = old.members().next().unwrap().clone();
    adopt(&mut new, &member, old.told(), 60);
    assert!(new.told()[0].1.believes_firing(member.fingerprint));
}

/// Somebody may have told its end in the group it moves to: what was told before where it comes from says nothing against that.
#[test]
fn an_adopted_member_that_is_doubted_stays_doubted() {
    let mut old = Group::new(identity(true), alert("a", 0, 9000, 0), at(0));
    let first = claim(&mut old, 30);
    tell(&mut old, &first, 31);
    let (integration, told) = old.told()[0].clone();
    let member = old.members().next().unwrap().clone();
    let grid = Grid::starting(at(40), Duration::from_secs(300));
    let mut new = Group::restored(identity(true), grid);
    let mut doubted = told;
    let last = doubted.last.as_mut().unwrap();
    last.hidden = std::mem::take(&mut last.firing);
    new.restore_told(&integration, doubted, at(50));
    adopt(&mut new, &member, old.told(), 60);
    let told = &new.told()[0].1;
    assert!(told.firing().is_empty(), "that it fires is news: {told:?}");
    assert!(told.believes_firing(member.fingerprint), "its end is owed");
}

/// Its end was on the way when the group it comes from was dissolved, and it fires anew.
#[test]
fn an_adopted_member_that_fires_anew_is_not_said_to_be_over() {
    let mut old = Group::new(identity(true), alert("a", 0, 9000, 0), at(0));
    let first = claim(&mut old, 30);
    tell(&mut old, &first, 31);
    let (integration, told) = &old.told()[0];
    let fingerprint = told.firing()[0];
    let mut ended = told.clone();
    ended.pending = Some(Pending {
        seq: ended.seq + Numbers::STEP,
        firing: Vec::new(),
        resolved: vec![fingerprint],
        hidden: Vec::new(),
        tick: at(330),
        reason: Reason::AllResolved,
        receiver_data: ReceiverData::default(),
    });
    let told_there = [(integration.clone(), ended)];
    for (ends_at, is_said) in [(350, true), (9000, false)] {
        let grid = Grid::starting(at(440), Duration::from_secs(300));
        let mut new = Group::restored(identity(true), grid);
        adopt(&mut new, &alert("a", 0, ends_at, 350), &told_there, 400);
        let told = &new.told()[0].1;
        assert_eq!(told.pending.is_some(), is_said, "{told:?}");
        assert!(told.believes_firing(fingerprint), "its end is owed");
        assert_eq!(told.firing().is_empty(), !is_said, "that it fires is news");
    }
}

/// What is said again of it was not sent yet.
#[test]
fn an_adopted_member_that_fires_anew_is_said_to_fire_and_not_to_be_over() {
    let mut old = Group::new(identity(true), alert("a", 0, 9000, 0), at(0));
    let first = claim(&mut old, 30);
    tell(&mut old, &first, 31);
    let (integration, told) = &old.told()[0];
    let fingerprint = told.firing()[0];
    let mut ended = told.clone();
    ended.pending = Some(Pending {
        seq: ended.seq + Numbers::STEP,
        firing: Vec::new(),
        resolved: vec![fingerprint],
        hidden: Vec::new(),
        tick: at(330),
        reason: Reason::AllResolved,
        receiver_data: ReceiverData::default(),
    });
    let told_there = [(integration.clone(), ended)];
    let grid = Grid::starting(at(440), Duration::from_secs(300));
    let mut new = Group::restored(identity(true), grid);
    // Who carried it over did not know yet that it fires anew.
    adopt(&mut new, &alert("a", 0, 350, 350), &told_there, 400);
    adopt(&mut new, &alert("a", 0, 9000, 410), &told_there, 420);
    let told = &new.told()[0].1;
    let said = told.pending.as_ref().expect("it is said again");
    assert_eq!(
        (&said.firing[..], said.resolved.len()),
        (&[fingerprint][..], 0)
    );
    assert!(told.firing().is_empty(), "that it fires is news: {told:?}");
    assert!(told.believes_firing(fingerprint), "its end is owed");
}

/// Others know the group as it was a moment before, when nothing was in flight.
#[test]
fn an_adopted_member_whose_end_is_in_flight_makes_a_later_state() {
    let mut old = Group::new(identity(true), alert("a", 0, 9000, 0), at(0));
    let first = claim(&mut old, 30);
    tell(&mut old, &first, 31);
    let mut new = Group::new(identity(true), alert("b", 0, 9000, 0), at(0));
    let grid = Grid::starting(at(440), Duration::from_secs(300));
    let mut made = Group::restored(identity(true), grid);
    let claimed = claim(&mut new, 30);
    tell(&mut new, &claimed, 31);
    let stays = new.members().next().unwrap().clone();
    adopt(&mut made, &stays, new.told(), 400);
    let before = made.told()[0].1.clone();
    let (integration, told) = &old.told()[0];
    let mut ended = told.clone();
    ended.pending = Some(Pending {
        seq: ended.seq + Numbers::STEP,
        firing: Vec::new(),
        resolved: told.firing().to_vec(),
        hidden: Vec::new(),
        tick: at(330),
        reason: Reason::AllResolved,
        receiver_data: ReceiverData::default(),
    });
    let told_there = [(integration.clone(), ended)];
    for _ in 0..2 {
        adopt(&mut made, &alert("a", 0, 350, 350), &told_there, 400);
        let after = &made.told()[0].1;
        assert!(after.supersedes(&before) && !before.supersedes(after));
        assert_eq!(after.seq, before.seq + Numbers::STEP);
    }
}

/// A message that was begun before says nothing of it, and is repeated as it is.
#[test]
fn an_adopted_member_is_believed_to_fire_after_the_message_that_was_in_flight() {
    let mut old = Group::new(identity(true), alert("a", 0, 9000, 0), at(0));
    let first = claim(&mut old, 30);
    tell(&mut old, &first, 31);
    let mut new = Group::new(identity(true), alert("b", 0, 9000, 0), at(0));
    let claimed = claim(&mut new, 30);
    let frozen = begin(&mut new, &claimed, 30);
    let moved = old.members().next().unwrap().clone();
    adopt(&mut new, &moved, old.told(), 200);
    let pending = new.told()[0].1.pending.clone().unwrap();
    assert_eq!(pending.firing, frozen.firing);
    assert_eq!(pending.seq, frozen.seq);
    new.commit(&integration(), &pending, at(201));
    assert!(new.is_owed(moved.fingerprint));
}

/// A group `receiver: labels` by way of a route, which tells the integration, as a fallback or not.
fn way(receiver: &str, route: &str, labels: &str, is_fallback: bool) -> Arc<GroupIdentity> {
    let labels = Labels::from_pairs([("alertname", labels)]);
    let spec = IntegrationSpec {
        id: integration(),
        send_resolved: true,
        is_fallback,
    };
    Arc::new(GroupIdentity {
        text: format!("{route}:{labels}"),
        labels,
        receiver: Arc::new(ReceiverSpec {
            name: Arc::from(receiver),
            integrations: vec![spec],
        }),
        ..GroupIdentity::clone(&identity(true))
    })
}

#[test]
fn one_of_those_a_member_moves_to_goes_on_with_what_was_told() {
    let groups = [
        way("r", "{}/{a=\"b\"}", "x", false),
        way("main", "{}/{a=\"b\"}", "x", true),
        way("main", "{}/{c=\"d\"}", "x", true),
        way("other", "{}", "x", true),
    ];
    let heirs = |left: &GroupIdentity, groups: &[Arc<GroupIdentity>]| {
        let left = left.lineage();
        let is_heir =
            |group: &&Arc<GroupIdentity>| group.is_heir(&integration(), left.as_ref(), groups);
        let heirs = groups.iter().filter(is_heir);
        let heirs = heirs.filter_map(|group| group.lineage());
        heirs
            .map(|heir| format!("{} {}", heir.receiver, heir.route_key))
            .collect::<Vec<_>>()
    };
    let (own, main) = ("r {}/{a=\"b\"}", "main {}/{c=\"d\"}");
    let cases: [(_, &[Arc<GroupIdentity>], &[&str]); 6] = [
        (way("r", "{}/{a=\"b\"}", "y", false), &groups, &[own]),
        // By other matchers: whoever tells it in the same place.
        (way("r", "{}", "y", false), &groups, &[own]),
        (way("main", "{}/{c=\"d\"}", "y", true), &groups, &[main]),
        (
            way("other", "{}/{e=\"f\"}", "y", true),
            &groups,
            &["other {}"],
        ),
        // The only one there is left.
        (way("main", "{}", "y", true), &groups[..1], &[own]),
        (
            way("gone", "{}", "y", true),
            &groups[1..2],
            &["main {}/{a=\"b\"}"],
        ),
    ];
    for (left, groups, expected) in cases {
        assert_eq!(heirs(&left, groups), expected, "{left:?}");
    }
    let unknown = GroupIdentity {
        text: String::new(),
        ..GroupIdentity::clone(&groups[0])
    };
    assert_eq!(heirs(&unknown, &groups).len(), 4);
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
