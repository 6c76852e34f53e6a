//! The model passes the suite, and its weather does what it says.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::time::Timestamp;
use runtime::clock::{SharedClock, SimClock};
use runtime::timing::Timing;

use super::Model;
use crate::coordinator::conformance::{self, World};
use crate::coordinator::{Coordinator, GroupName, RecordVersions};

/// The model on paused time.
struct InMemory {
    model: Model,
    clock: SharedClock,
}

#[async_trait]
impl World for InMemory {
    async fn connect_as(&self, instance: &str, knows: RecordVersions) -> Arc<dyn Coordinator> {
        Arc::new(self.model.connect(instance).knowing(knows))
    }

    fn timing(&self) -> Timing {
        Timing::default()
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    async fn lose_everything(&self) {
        self.model.flush_all();
    }

    async fn trim_feed(&self, _shard: usize, kept: usize) {
        self.model.trim_feed(kept);
    }

    async fn step_clock(&self, by_ms: i64) {
        self.model.step_clock(by_ms);
    }

    async fn evict(&self, group: &GroupName) -> bool {
        self.model.evict(group);
        true
    }
}

async fn world() -> Option<Arc<dyn World>> {
    let clock = SimClock::shared(Timestamp::from_unix_ms(1_800_000_000_000));
    let model = Model::new(Arc::clone(&clock), Timing::default());
    Some(Arc::new(InMemory { model, clock }))
}

crate::coordinator_conformance!(tokio::test(start_paused = true), world);

/// Who is quickest does not do all the work.
#[tokio::test(start_paused = true)]
async fn instances_take_turns_and_leave_no_group_lying() {
    let world = world().await.expect("a world");
    conformance::claims::instances_take_turns(world).await;
}

/// Where time passes by itself, tombstones live too long for a test.
#[tokio::test(start_paused = true)]
async fn who_left_long_ago_is_forgotten() {
    let world = world().await.expect("a world");
    conformance::departures::who_left_long_ago_is_forgotten(world).await;
}

/// The suite notices every hole: the test that names it fails with it open.
mod holes {
    use super::*;
    use crate::coordinator::conformance::{
        claims, epochs, leases, merges, posts, records, telling,
    };
    use crate::coordinator::model::hole::Hole;

    async fn with(hole: Hole) -> Arc<dyn World> {
        let clock = SimClock::shared(Timestamp::from_unix_ms(1_800_000_000_000));
        let model = Model::new(Arc::clone(&clock), Timing::default());
        model.open(hole);
        Arc::new(InMemory { model, clock })
    }

    macro_rules! noticed {
        ($($name:ident: $hole:ident, $test:path;)*) => {
            $(
                #[tokio::test(start_paused = true)]
                #[should_panic]
                async fn $name() {
                    $test(with(Hole::$hole).await).await;
                }
            )*
        };
    }

    noticed! {
        joins_that_overwrite: JoinOverwrites, merges::what_is_joined_counts_while_nobody_told_anything_since;
        claims_by_the_first_one_back: NoHoldAfterOutage, leases::nothing_is_claimed_until_all_who_were_away_are_back;
        a_claim_whose_reply_was_lost: PollWithoutNonce, claims::the_same_nonce_gets_the_same_claims;
        a_late_commit_thrown_away: CommitNeedsFence, telling::a_commit_counts_whoever_reports_it;
        numbers_reused: SeqFromCounterOnly, telling::numbers_are_not_reused_after_the_group_was_made_anew;
        a_stale_mirror_revives: MergeIgnoresTombstones, merges::a_replay_does_not_revive_what_left_but_a_fresh_post_does;
        a_post_without_a_tick: JoinWithoutTick, posts::an_old_alert_makes_a_group_that_is_due_at_once;
        a_merge_without_a_tick: MergeWithoutTick, merges::a_merge_builds_what_is_missing;
        a_second_claim_during_a_flush: SecondClaim, claims::a_flush_is_never_joined_by_a_second;
        an_end_between_claim_and_finish: LeaveWithoutVersion, telling::an_end_between_claim_and_finish_stays;
        a_fresh_post_swallowed_as_a_replay: PostsAreReplays, posts::the_last_post_wins_and_nothing_grows_older;
        a_replay_as_a_fresh_post: LatePosts, posts::a_post_offered_again_is_no_fresh_one;
        a_loss_unnoticed: LossUnnoticed, epochs::a_loss_is_noticed_and_holds_claims;
        claims_at_once_after_a_loss: NoHoldAfterLoss, epochs::a_hold_lasts_its_time_even_if_reseeded_at_once;
        a_noisy_tenant_starves_others: NoTurns, claims::the_more_severe_goes_first_and_tenants_take_turns;
        told_rolled_back_by_a_merge: MergeReplacesTold, merges::of_two_told_states_the_later_stays;
        a_configuration_edit_restarts_again: RestartAlways, epochs::grids_restart_once_per_configuration;
        a_late_commit_of_an_earlier_group: CommitIgnoresBirth, telling::a_late_commit_does_not_speak_for_a_group_made_later;
        a_dead_holder_keeps_its_lease: LeasesNeverLapse, leases::a_lapsed_lease_frees_the_group;
        a_settlement_after_the_lease: SettleBlindly, telling::what_is_settled_after_the_lease_changes_nothing;
        a_settlement_of_what_was_told_meanwhile: SettleBlindly, telling::what_was_told_meanwhile_is_not_settled_away;
        any_build_shares: AnyBuild, records::who_does_not_know_what_is_written_is_refused;
        a_form_nobody_else_can_read: RaiseBlindly, records::what_is_written_is_what_all_can_read;
        ends_at_once_after_a_stall: NoGrace, epochs::ends_wait_after_a_start_and_after_a_stall;
    }
}
