//! What instances know better.

use std::sync::Arc;

use domain::alert::Alert;
use domain::group::grid::Grid;
use domain::group::told::{Pending, Told};

use super::World;
use super::stage::{Stage, firing, leave, resolved, told, webhook};
use crate::coordinator::{GroupName, HoldFor, Joined, Merge, Merged};

/// A merge about a group, of nothing so far.
fn merge(stage: &Stage, name: &str) -> Merge {
    let group = stage.group(name);
    let grid = Grid::starting(stage.now() + stage.unit * 30, group.group_interval);
    Merge::of(group, grid)
}

fn seq(stage: &Stage) -> u64 {
    u64::try_from(stage.now().unix_ms()).unwrap_or(0)
}

/// A group that is not there is made as it was known: members, ticks, what was told.
pub async fn a_merge_builds_what_is_missing(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let alert = stage.alert("a", 900);
    let known = told(seq(&stage), &alert, stage.now());
    let merge = Merge {
        alerts: vec![Arc::new(alert.clone())],
        told: vec![(webhook(), known.clone())],
        ..merge(&stage, "a")
    };
    let (name, grid) = (GroupName::of(&merge.group), merge.grid);
    stage.one.merge(merge).await;
    let held = stage.two.read(&name).await;
    assert_eq!(*held.members[0], alert);
    assert_eq!(held.told, [(webhook(), known)]);
    stage.near(held.grid.next(), grid.next());
    assert!(
        stage.two.poll().await.is_empty(),
        "a merge makes nothing due"
    );
    stage.pass(31).await;
    assert_eq!(stage.two.poll().await.len(), 1);
}

/// Who makes a group with what was told makes it alone: the next one finds it.
pub async fn of_two_who_make_a_group_one_does(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (first, second) = (stage.alert("a", 900), stage.severe("a", "critical", 900));
    let made = |alert: &Alert| Merge {
        alerts: vec![Arc::new(alert.clone())],
        told: vec![(webhook(), told(seq(&stage), alert, stage.now()))],
        is_first: true,
        ..merge(&stage, "a")
    };
    let (ours, theirs) = (made(&first), made(&second));
    let (name, known) = (GroupName::of(&ours.group), ours.told.clone());
    assert_eq!(stage.one.merge(ours).await, Merged::Done);
    stage.pass(1).await;
    assert_eq!(stage.two.merge(theirs).await, Merged::Overtaken);
    let held = stage.two.read(&name).await;
    assert_eq!(held.members, [Arc::new(first)]);
    assert_eq!(held.told, known);
}

/// What was merged once is no news the second time.
pub async fn a_repeated_merge_changes_nothing(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let alert = stage.alert("a", 900);
    let merge = Merge {
        alerts: vec![Arc::new(alert.clone())],
        told: vec![(webhook(), told(seq(&stage), &alert, stage.now()))],
        ..merge(&stage, "a")
    };
    let name = GroupName::of(&merge.group);
    stage.one.merge(merge.clone()).await;
    let before = stage.one.changes(name.shard()).await.len();
    stage.two.merge(merge).await;
    assert_eq!(stage.one.changes(name.shard()).await.len(), before);
}

/// Of two states of an alert the one that was received later stays, in whichever order they come.
pub async fn of_two_states_of_an_alert_the_later_stays(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let group = stage.group("a");
    let early = stage.one.post(&group, stage.alert("a", 900)).await.alert;
    stage.pass(1).await;
    let late = Arc::new(stage.refreshed(&early));
    for state in [&late, &early] {
        let merge = Merge {
            alerts: vec![Arc::clone(state)],
            ..merge(&stage, "a")
        };
        stage.two.merge(merge).await;
        let held = stage.one.read(&GroupName::of(&group)).await;
        assert_eq!(*held.members[0], *late);
    }
}

/// Of two states of what was told the one with the higher number stays; of one message, its end comes after "in flight".
pub async fn of_two_told_states_the_later_stays(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, alert, claim) = stage.claimed("a").await;
    let begun = stage.one.begin(&claim, &firing(&claim, &alert)).await;
    let send = async |told: Told| {
        let merge = Merge {
            told: vec![(webhook(), told)],
            ..merge(&stage, "a")
        };
        stage.two.merge(merge).await;
        stage.two.told(&claim.group).await
    };
    let accepted = told(begun.seq, &alert, claim.tick);
    assert_eq!(send(accepted.clone()).await, accepted, "it was accepted");
    assert_eq!(send(begun.clone()).await, accepted, "no longer in flight");
    assert_eq!(send(Told::default()).await, accepted);
    let later = told(begun.seq + 5, &stage.alert("b", 900), claim.tick);
    assert_eq!(send(later.clone()).await, later);
}

/// A replay of what ended and left is no news; a fresh post of the same alert is.
pub async fn a_replay_does_not_revive_what_left_but_a_fresh_post_does(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (group, alert, claim) = stage.claimed("a").await;
    let over = stage.one.post(&group, stage.ended(&alert)).await.alert;
    stage.retire(&claim, &over).await;
    for state in [&alert, &over] {
        let merge = Merge {
            alerts: vec![Arc::clone(state)],
            ..merge(&stage, "a")
        };
        stage.two.merge(merge).await;
        assert!(stage.two.try_read(&claim.group).await.is_none());
    }
    let fresh = Alert {
        ends_at: stage.now() + stage.unit * 900,
        ..Alert::clone(&alert)
    };
    assert!(
        stage.two.post(&group, fresh).await.is_member,
        "whatever its clock"
    );
}

/// Senders state an end for a quarter of an hour: a later receipt of it is no later state.
pub async fn an_end_that_was_stated_again_is_the_same_end(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (group, alert, claim) = stage.claimed("a").await;
    let over = stage.one.post(&group, stage.ended(&alert)).await.alert;
    stage.retire(&claim, &over).await;
    stage.pass(2).await;
    let again = Alert {
        updated_at: stage.now(),
        ..Alert::clone(&over)
    };
    let merge = Merge {
        alerts: vec![Arc::new(again)],
        ..merge(&stage, "a")
    };
    stage.two.merge(merge).await;
    assert!(stage.two.try_read(&claim.group).await.is_none());
}

/// An alert that fired again where only one instance heard it comes back by a merge.
pub async fn a_later_state_joins_although_an_earlier_one_left(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, alert, claim) = stage.claimed("a").await;
    stage.retire(&claim, &alert).await;
    stage.pass(1).await;
    let again = Arc::new(stage.alert("a", 900));
    let merge = Merge {
        alerts: vec![Arc::clone(&again)],
        ..merge(&stage, "a")
    };
    stage.two.merge(merge).await;
    let held = stage.one.read(&claim.group).await;
    assert_eq!(*held.members[0], *again);
}

/// A member that a configuration moved away, and another one moves back as it was, did not end here.
pub async fn who_moved_away_and_comes_back_is_no_replay(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (group, alert, claim) = stage.claimed("a").await;
    let over = stage.one.post(&group, stage.ended(&alert)).await.alert;
    stage.retire(&claim, &over).await;
    let back = Merge {
        alerts: vec![Arc::clone(&over)],
        is_move: true,
        ..merge(&stage, "a")
    };
    stage.two.merge(back).await;
    let held = stage.one.read(&claim.group).await;
    assert_eq!(*held.members[0], *over);
}

/// Who moves a member here has not heard that it ended here meanwhile.
pub async fn a_move_does_not_bring_back_what_ended_here(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (group, alert, claim) = stage.claimed("a").await;
    let before = Alert {
        updated_at: alert.updated_at + stage.unit,
        ..Alert::clone(&alert)
    };
    stage.pass(3).await;
    let over = stage.one.post(&group, stage.ended(&alert)).await.alert;
    stage.retire(&claim, &over).await;
    let moved = Merge {
        alerts: vec![Arc::new(before)],
        is_move: true,
        ..merge(&stage, "a")
    };
    stage.two.merge(moved).await;
    assert!(stage.two.try_read(&claim.group).await.is_none());
}

/// An instance saw members off while it was alone: they leave here too, unless they are known better.
pub async fn members_seen_off_leave_unless_known_better(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let group = stage.group("a");
    let first = stage.one.post(&group, stage.alert("a", 900)).await.alert;
    let second = stage.one.post(&group, stage.alert("b", 900)).await.alert;
    stage.pass(1).await;
    let fresh = stage.one.post(&group, stage.refreshed(&second)).await.alert;
    let off = |alert: &Alert| leave(alert.fingerprint, alert.updated_at);
    let leaving = |leaves| Merge {
        leaves,
        ..merge(&stage, "a")
    };
    stage
        .two
        .merge(leaving(vec![off(&first), off(&second)]))
        .await;
    let name = GroupName::of(&group);
    let held = stage.two.read(&name).await;
    assert_eq!(held.members.len(), 1);
    assert_eq!(*held.members[0], *fresh);
    stage.two.merge(leaving(vec![off(&fresh)])).await;
    assert!(stage.two.try_read(&name).await.is_none(), "empty, so gone");
    assert!(stage.two.poll().await.is_empty());
}

/// What one instance saw off does not come back with the older state another one still has.
pub async fn a_member_seen_off_elsewhere_does_not_come_back(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let alert = stage.alert("a", 900);
    let off = Merge {
        leaves: vec![leave(alert.fingerprint, alert.updated_at)],
        ..merge(&stage, "a")
    };
    let name = GroupName::of(&off.group);
    stage.one.merge(off).await;
    let stale = Merge {
        alerts: vec![Arc::new(alert)],
        ..merge(&stage, "a")
    };
    stage.two.merge(stale).await;
    assert!(stage.two.try_read(&name).await.is_none());
}

/// Whatever path an alert takes into a group, the group has a tick.
pub async fn a_merged_alert_gets_its_group_a_tick(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, alert, claim) = stage.claimed("a").await;
    stage.one.tell(&claim, &alert).await;
    let join = Merge {
        alerts: vec![Arc::new(stage.alert("b", 900))],
        ..merge(&stage, "a")
    };
    stage.two.merge(join).await;
    assert!(stage.two.poll().await.is_empty(), "it is being flushed");
    stage.one.finish(&claim, &[]).await;
    assert_eq!(stage.next_claim().await.members, 2);
}

/// What was in flight when everything was lost comes back as it was, and is repeated under its number.
pub async fn a_message_in_flight_is_merged_and_repeated(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (_, alert, claim) = stage.claimed("a").await;
    let begun = stage.one.begin(&claim, &firing(&claim, &alert)).await;
    stage.world.lose_everything().await;
    stage.one.join(HoldFor::Nothing).await;
    let known = Merge {
        alerts: vec![Arc::clone(&alert)],
        told: vec![(webhook(), begun.clone())],
        grid: Grid::known(claim.tick, stage.now(), stage.unit * 60, true),
        ..merge(&stage, "a")
    };
    stage.one.merge(known).await;
    stage.pass(1).await;
    let second = stage.one.claim().await;
    let repeated = stage.one.begin(&second, &resolved(&second, &alert)).await;
    assert_eq!(repeated.pending, begun.pending);
    let message: Pending = repeated.pending.expect("still in flight");
    let told = stage.one.commit(&second.group, &message).await;
    assert_eq!(told.firing(), [alert.fingerprint]);
}

/// What was worked out from what integrations were told counts only while nobody was told anything since.
pub async fn what_is_joined_counts_while_nobody_told_anything_since(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (group, alert, claim) = stage.claimed("a").await;
    let first = stage.one.tell(&claim, &alert).await;
    let joined = |over: u64, seq: u64| Merge {
        joined: vec![Joined {
            integration: webhook(),
            told: told(seq, &stage.alert("b", 900), stage.now()),
            over,
        }],
        ..Merge::of(
            Arc::clone(&group),
            Grid::starting(stage.now(), group.group_interval),
        )
    };
    let name = GroupName::of(&group);
    let merge = async |merge: Merge| {
        let mut answers = stage.two.coordinator.merge(vec![merge]).await;
        answers.remove(0).expect("reachable")
    };
    let late = joined(first.seq - 1, first.seq + 5);
    assert_eq!(merge(late).await, Merged::Overtaken);
    assert_eq!(stage.two.told(&name).await.firing(), [alert.fingerprint]);
    let in_time = joined(first.seq, first.seq + 7);
    assert_eq!(merge(in_time.clone()).await, Merged::Done);
    let now = stage.two.told(&name).await;
    assert_eq!(now.seq, first.seq + 7);
    assert_eq!(now.firing(), [stage.alert("b", 900).fingerprint]);
    assert_eq!(merge(in_time).await, Merged::Overtaken, "that was then");
    assert_eq!(stage.two.told(&name).await, now);
}

/// Who was away went on with the ticks: a tick that was missed here is not made up for.
pub async fn coming_back_makes_nothing_due(world: Arc<dyn World>) {
    let stage = Stage::new(world).await;
    let (group, _, first) = stage.claimed("a").await;
    let missed = stage
        .one
        .finish(&first, &[])
        .await
        .expect("it has a member");
    stage.pass(70).await;
    let next = missed + group.group_interval;
    let grid = Grid::known(first.tick, next, group.group_interval, true);
    stage.two.merge(Merge::of(Arc::clone(&group), grid)).await;
    for _ in 0..2 {
        assert!(stage.one.poll().await.is_empty(), "nothing is due");
        assert!(stage.two.poll().await.is_empty(), "nothing is due");
        stage.pass(2).await;
    }
    let there = stage.two.read(&first.group).await;
    stage.near(there.grid.next(), next);
}
