//! Members that come from another group, with what was told of them there.

use super::*;

/// Takes in a member that moved from a group like this one.
fn adopt(group: &mut Group, member: &Arc<Alert>, told: &[(IntegrationId, Told)], now: i64) {
    let identity = Arc::clone(group.identity());
    let (lineage, groups) = (identity.lineage(), [Arc::clone(&identity)]);
    let left = lineage.as_ref();
    group.adopt(Arc::clone(member), left, &groups, told, at(now));
}

/// What a group told, and that the end of all that is on its way.
fn with_end_in_flight(group: &Group) -> (IntegrationId, Told) {
    let (integration, told) = &group.told()[0];
    let mut ended = told.clone();
    ended.pending = Some(Pending {
        seq: told.seq + Numbers::STEP,
        firing: Vec::new(),
        resolved: told.firing().to_vec(),
        hidden: Vec::new(),
        tick: at(330),
        reason: Reason::AllResolved,
        receiver_data: ReceiverData::default(),
    });
    (integration.clone(), ended)
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
    let told_there = [with_end_in_flight(&old)];
    let fingerprint = told_there[0].1.firing()[0];
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
    let told_there = [with_end_in_flight(&old)];
    let fingerprint = told_there[0].1.firing()[0];
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
    let told_there = [with_end_in_flight(&old)];
    for _ in 0..2 {
        adopt(&mut made, &alert("a", 0, 350, 350), &told_there, 400);
        let after = &made.told()[0].1;
        assert!(after.supersedes(&before) && !before.supersedes(after));
        assert_eq!(after.seq, before.seq + Numbers::STEP);
    }
}

/// Two who were alone may have taken different ones over at the same moment.
#[test]
fn a_message_that_was_taken_over_is_numbered_by_who_sends_it_first() {
    let mut old = Group::new(identity(true), alert("a", 0, 9000, 0), at(0));
    let first = claim(&mut old, 30);
    begin(&mut old, &first, 30);
    let member = old.members().next().unwrap().clone();
    let grid = Grid::starting(at(440), Duration::from_secs(300));
    let mut new = Group::restored(identity(true), grid);
    adopt(&mut new, &member, old.told(), 400);
    let claimed = claim(&mut new, 441);
    let told = new.told()[0].1.clone();
    let number = Numbers::alone(7).next(told.seq, 0);
    assert!(number < told.pending.expect("it is said again").seq);
    new.number_unsent(&integration(), number);
    assert_eq!(begin(&mut new, &claimed, 441).seq, number);
    new.number_unsent(&integration(), number + 1_000);
    let again = begin(&mut new, &claimed, 442);
    assert_eq!(again.seq, number, "from then on it is repeated as it was");
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
