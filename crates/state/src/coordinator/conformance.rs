//! One suite for every coordinator: what it must do, whoever it is.
//!
//! [`coordinator_conformance!`](crate::coordinator_conformance!) stamps out one test per function for a factory of fresh
//! worlds. Times are multiples of the world's own [`Timing`], so that one in which time really passes may be scaled.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::time::Timestamp;
use runtime::timing::Timing;

use super::{Coordinator, GroupName, RecordVersions};

pub mod claims;
pub mod clock;
pub mod departures;
pub mod epochs;
pub mod evictions;
pub mod feed;
pub mod leases;
pub mod merges;
pub mod posts;
pub mod presence;
pub mod records;
pub mod silences;
mod stage;
pub mod telling;

/// Where a coordinator is tested: a server, empty at first, and the means to vex it.
#[async_trait]
pub trait World: Send + Sync {
    /// A connection for an instance of a build that knows these forms of records.
    async fn connect_as(&self, instance: &str, knows: RecordVersions) -> Arc<dyn Coordinator>;

    /// A connection for an instance of this build.
    async fn connect(&self, instance: &str) -> Arc<dyn Coordinator> {
        self.connect_as(instance, RecordVersions::default()).await
    }

    /// The times of the protocol in this world.
    fn timing(&self) -> Timing;

    /// The clock of the instances.
    fn now(&self) -> Timestamp;

    /// Lets time pass.
    async fn pass(&self, time: Duration);

    /// Loses everything the server holds.
    async fn lose_everything(&self);

    /// Forgets all but the latest changes of a shard's feed.
    async fn trim_feed(&self, shard: usize, kept: usize);

    /// Steps the server's own clock by so many milliseconds, ahead or back.
    async fn step_clock(&self, by_ms: i64);

    /// Throws the members of a group away, as a server that is short of memory does; `false` when it cannot be made to.
    async fn evict(&self, group: &GroupName) -> bool;
}

/// Stamps out the suite: the attribute of a test, and an `async fn() -> Option<Arc<dyn World>>` that makes a fresh world;
/// `None` skips the test, and the factory says so.
#[macro_export]
macro_rules! coordinator_conformance {
    ($test:meta, $factory:expr) => {
        $crate::coordinator_conformance!($test, $factory, posts:
            a_post_makes_a_group_that_waits,
            an_old_alert_makes_a_group_that_is_due_at_once,
            a_second_alert_joins_and_moves_no_tick,
            a_fresh_post_merges_with_what_the_group_holds,
            the_last_post_wins_and_nothing_grows_older,
            a_repeated_batch_changes_nothing,
            a_post_offered_again_is_no_fresh_one,
            an_over_alert_joins_only_when_somebody_is_owed,
            an_end_that_was_told_does_not_come_back,
            an_end_replaces_a_member,
            answers_come_in_order_whatever_their_shard,
            the_same_alert_of_two_tenants_is_two,
            a_group_follows_the_interval_of_its_posts,
            a_group_known_by_its_key_only_is_neither_made_nor_changed,
        );
        $crate::coordinator_conformance!($test, $factory, claims:
            a_claim_excludes_everybody,
            the_same_nonce_gets_the_same_claims,
            another_instance_claims_what_one_took_in,
            the_more_severe_goes_first_and_tenants_take_turns,
            a_limit_leaves_the_rest_due,
            a_given_back_claim_is_due_after_its_delay,
            ticks_follow_a_grid,
            a_seized_group_keeps_its_ticks,
            a_seizure_whose_answer_was_lost_is_had_again,
            nothing_is_seized_that_is_held_or_missing,
            a_flush_is_never_joined_by_a_second,
        );
        $crate::coordinator_conformance!($test, $factory, clock:
            time_never_goes_back,
            a_step_back_is_made_up_for,
        );
        $crate::coordinator_conformance!($test, $factory, leases:
            a_lapsed_lease_frees_the_group,
            a_renewal_answers_the_last_change,
            a_renewed_lease_lasts_longer_and_a_lapsed_one_is_not_revived,
            a_claim_nobody_began_is_retaken_once_its_instance_is_silent,
            a_begun_message_waits_for_the_lease,
            a_fence_is_higher_after_the_group_was_made_anew,
            nothing_is_claimed_until_all_who_were_away_are_back,
            who_went_in_peace_is_not_awaited,
        );
        $crate::coordinator_conformance!($test, $factory, telling:
            a_begun_message_is_frozen,
            a_begin_needs_the_fence_in_force,
            a_commit_counts_whoever_reports_it,
            a_repeated_commit_answers_the_same,
            a_commit_for_a_group_that_is_gone_does_not_fail,
            a_late_commit_does_not_speak_for_a_group_made_later,
            a_refused_message_is_taken_back,
            what_is_settled_counts_as_told,
            what_is_settled_takes_back_what_was_in_flight,
            what_is_settled_after_the_lease_changes_nothing,
            what_was_told_meanwhile_is_not_settled_away,
            an_end_between_claim_and_finish_stays,
            a_member_known_worse_than_the_flush_saw_leaves,
            what_left_is_gone_and_so_is_an_empty_group,
            a_finish_is_heard_once,
            what_is_given_up_is_told_no_more,
            who_stays_counts_as_told_as_before,
            what_moved_counts_as_told_where_it_moved_to,
            numbers_are_not_reused_after_the_group_was_made_anew,
            numbers_are_not_reused_after_a_loss,
        );
        $crate::coordinator_conformance!($test, $factory, merges:
            a_merge_builds_what_is_missing,
            of_two_who_make_a_group_one_does,
            a_repeated_merge_changes_nothing,
            of_two_states_of_an_alert_the_later_stays,
            of_two_told_states_the_later_stays,
            a_replay_does_not_revive_what_left_but_a_fresh_post_does,
            a_later_state_joins_although_an_earlier_one_left,
            an_end_that_was_stated_again_is_the_same_end,
            who_moved_away_and_comes_back_is_no_replay,
            a_move_does_not_bring_back_what_ended_here,
            members_seen_off_leave_unless_known_better,
            a_member_seen_off_elsewhere_does_not_come_back,
            a_merged_alert_gets_its_group_a_tick,
            a_message_in_flight_is_merged_and_repeated,
            coming_back_makes_nothing_due,
            what_is_joined_counts_while_nobody_told_anything_since,
        );
        $crate::coordinator_conformance!($test, $factory, departures:
            who_left_is_known_and_who_did_not_too,
            who_left_since_an_instant_is_remembered,
            who_left_before_a_loss_may_be_forgotten,
        );
        $crate::coordinator_conformance!($test, $factory, epochs:
            an_empty_shard_is_strange,
            two_who_open_an_epoch_agree,
            a_loss_is_noticed_and_holds_claims,
            a_hold_lasts_its_time_even_if_reseeded_at_once,
            what_was_opened_in_ignorance_is_held_for_who_knows_better,
            a_change_from_the_future_is_strange,
            a_change_that_never_was_is_strange,
            a_change_that_was_trimmed_is_not_strange,
            ends_wait_after_a_start_and_after_a_stall,
            ends_wait_after_an_instance_fell_silent,
            grids_restart_once_per_configuration,
            a_grid_restarted_in_mid_flush_ticks_after_it,
            an_audit_finds_nothing,
        );
        $crate::coordinator_conformance!($test, $factory, evictions:
            a_server_that_throws_nothing_away_says_nothing,
            a_group_that_lost_its_members_did_not_end,
            what_is_incomplete_is_not_handed_out,
            a_shard_that_starts_over_begins_empty,
            evictions_are_counted_until_every_shard_started_over,
        );
        $crate::coordinator_conformance!($test, $factory, feed:
            changes_come_in_order_with_their_author,
            a_flush_is_told_step_by_step,
            a_shard_is_read_with_its_last_change,
            a_trimmed_feed_says_so,
            a_lost_feed_says_so,
            a_feed_that_lost_its_last_changes_says_so,
            a_change_wakes_who_waits,
        );
        $crate::coordinator_conformance!($test, $factory, silences:
            a_silence_changed_meanwhile_is_a_conflict,
            a_repeated_put_is_stored,
            merged_silences_keep_the_later_state,
            versions_grow_whatever_is_lost,
            a_poll_tells_the_versions,
            a_forgotten_silence_is_gone,
        );
        $crate::coordinator_conformance!($test, $factory, records:
            what_is_written_is_what_all_can_read,
            a_newer_form_is_written_once_the_last_old_build_went,
            a_newer_form_is_written_once_the_last_old_build_is_forgotten,
            a_loss_does_not_shut_out_who_shares,
            what_was_written_before_a_loss_is_written_after_it,
            who_does_not_know_what_is_written_is_refused,
            who_cannot_read_the_old_form_waits_for_the_newer_one,
        );
        $crate::coordinator_conformance!($test, $factory, presence:
            instances_are_known_while_they_report,
            a_retired_instance_is_gone_at_once,
            depths_count_what_waits_and_what_is_in_flight,
            every_fault_domain_takes_a_probe,
        );
    };
    ($test:meta, $factory:expr, $module:ident: $($name:ident),* $(,)?) => {
        mod $module {
            use super::*;
            $(
                #[$test]
                async fn $name() {
                    let made: Option<std::sync::Arc<dyn $crate::coordinator::conformance::World>> =
                        ($factory)().await;
                    if let Some(world) = made {
                        $crate::coordinator::conformance::$module::$name(world).await;
                    }
                }
            )*
        }
    };
}
