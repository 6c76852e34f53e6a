//! Negative controls: with a rule of the protocol broken in the model, the oracle notices within some runs. Holes that chance
//! meets rarely have a story (`stories`), those the oracle cannot see are noticed by the suite every coordinator passes (`state::coordinator::model::tests::holes`).

use sim::Run;
use sim::profile::Profile;
use state::coordinator::model::hole::Hole;

/// Most runs until a hole has to be noticed: the rarest is noticed by four runs of a hundred. It begins with a seed that notices
/// it; the order in which tasks run is not quite the seed's own.
const SEEDS: u64 = 200;

#[track_caller]
fn is_noticed(hole: Hole, profile: Profile, first: u64) {
    are_noticed(&[hole], profile, first);
}

#[track_caller]
fn are_noticed(holes: &[Hole], profile: Profile, first: u64) {
    let noticed = (first..first + SEEDS).any(|seed| {
        let run = Run {
            holes: holes.to_vec(),
            ..Run::new(profile, seed)
        };
        !run.play().violations.is_empty()
    });
    assert!(noticed, "{holes:?} was not noticed");
}

#[test]
fn numbers_that_are_reused_mean_two_messages() {
    is_noticed(Hole::SeqFromCounterOnly, Profile::Calm, 0);
}

#[test]
fn a_group_without_a_tick_tells_nothing() {
    is_noticed(Hole::JoinWithoutTick, Profile::Calm, 0);
    is_noticed(Hole::MergeWithoutTick, Profile::Loss, 0);
}

#[test]
fn a_second_claim_during_a_flush_tells_twice() {
    is_noticed(Hole::SecondClaim, Profile::Receivers, 0);
}

#[test]
fn without_grace_a_stall_resolves_what_still_fires() {
    // Claims that wait for those who are away keep this one shut too.
    let holes = [Hole::NoGrace, Hole::NoHoldAfterOutage];
    are_noticed(&holes, Profile::Kills, 15);
}

#[test]
fn an_old_build_that_is_let_in_shares_what_it_cannot_read() {
    is_noticed(Hole::AnyBuild, Profile::Upgrade, 0);
}
