//! One suite for every backend: what a backend must do, whoever it is.
//!
//! [`conformance!`](crate::conformance!) stamps out one test per function for a factory of fresh backends.

use std::sync::Arc;
use std::time::Duration;

use domain::alert::{Alert, Grace};
use domain::annotations::Annotations;
use domain::group::told::{Pending, ReceiverData, Told, ToldMessage};
use domain::group::{Claim, Finished, GroupIdentity, IntegrationSpec, ReceiverSpec, key};
use domain::id::{IntegrationId, TenantId};
use domain::label::Labels;
use domain::notification::Reason;
use domain::route::RouteIndex;
use domain::silence::Silence;
use domain::time::Timestamp;

use crate::{CarriedOver, OwedRecord, Placed, RestoredGroup, SilencePut, State};

/// Stamps out the suite for one backend; the argument is a closure that makes a fresh, empty one.
#[macro_export]
macro_rules! conformance {
    ($factory:expr) => {
        $crate::conformance!($factory;
            a_new_alert_makes_a_group_that_ticks_after_group_wait,
            a_claim_excludes_others_until_it_is_finished,
            a_claimed_group_can_be_looked_at_again,
            told_survives_from_flush_to_flush,
            a_group_without_members_is_gone_and_starts_anew,
            an_over_alert_makes_a_group_where_its_end_is_owed,
            refreshes_within_a_quarter_of_the_span_need_no_record,
            an_unclaimed_group_is_due_again,
            the_more_severe_goes_first_and_tenants_take_turns,
            tenants_do_not_see_each_other,
            a_silence_changed_meanwhile_is_a_conflict,
            a_reconfiguration_moves_members_with_what_was_told,
            a_restored_group_keeps_its_grid_and_repeats_what_was_in_flight,
            ends_by_time_out_wait_during_grace,
            ended_alerts_are_collected_once_no_group_holds_them,
            the_limit_of_a_poll_leaves_the_rest_due,
        );
    };
    ($factory:expr; $($name:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $name() {
                $crate::conformance::$name(($factory)()).await;
            }
        )*
    };
}

type Backend = Arc<dyn State>;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_ms(1_800_000_000_000 + seconds * 1000)
}

fn tenant() -> TenantId {
    TenantId::default_tenant()
}

fn webhook(receiver: &str) -> IntegrationId {
    IntegrationId::new(receiver, "webhook", 0)
}

fn alert(name: &str, severity: &str, starts: i64, ends: i64, received: i64) -> Alert {
    let labels = Labels::from_pairs([("alertname", name), ("severity", severity)]);
    Alert {
        fingerprint: labels.fingerprint(),
        labels,
        annotations: Annotations::empty(),
        generator_url: Arc::from(""),
        starts_at: at(starts),
        ends_at: at(ends),
        updated_at: at(received),
        is_timeout: false,
    }
}

fn group(tenant: &TenantId, receiver: &str, name: &str) -> Arc<GroupIdentity> {
    let labels = Labels::from_pairs([("alertname", name)]);
    let text = format!("{{}}:{labels}");
    let integrations = vec![IntegrationSpec {
        id: webhook(receiver),
        send_resolved: true,
        is_fallback: false,
    }];
    Arc::new(GroupIdentity {
        tenant: tenant.clone(),
        key: key::stored(&text, receiver, 0),
        text,
        route: RouteIndex(0),
        labels,
        receiver: Arc::new(ReceiverSpec {
            name: Arc::from(receiver),
            integrations,
        }),
        group_wait: Duration::from_secs(10),
        group_interval: Duration::from_secs(60),
        repeat_interval: Duration::from_secs(600),
        mute_time_intervals: vec![],
        active_time_intervals: vec![],
    })
}

async fn post(state: &Backend, alert: Alert, now: i64) -> crate::Ingested {
    let name = alert.labels.get("alertname").unwrap_or("").to_owned();
    post_to(state, alert, vec![group(&tenant(), "r", &name)], now).await
}

async fn post_to(
    state: &Backend,
    alert: Alert,
    groups: Vec<Arc<GroupIdentity>>,
    now: i64,
) -> crate::Ingested {
    let owner = groups.first().map_or_else(tenant, |g| g.tenant.clone());
    let placed = Placed {
        alert,
        groups,
        is_owed: false,
    };
    let mut ingested = state
        .ingest(&owner, vec![placed], at(now))
        .await
        .expect("available");
    assert_eq!(ingested.len(), 1, "one answer per post");
    ingested.remove(0)
}

async fn claims(state: &Backend, now: i64) -> Vec<Claim> {
    state.poll(100, at(now)).await.expect("available").claims
}

async fn claim(state: &Backend, now: i64) -> Claim {
    let mut all = claims(state, now).await;
    assert_eq!(all.len(), 1, "exactly one group is due at {now}");
    all.remove(0)
}

/// Tells the first integration what the claim holds; answers what was begun.
async fn tell(state: &Backend, claim: &Claim, now: i64) -> Pending {
    let begun = begin(state, claim, now).await;
    let id = &claim.identity.receiver.integrations[0].id;
    state
        .commit(&claim.identity, id, &begun, at(now))
        .await
        .expect("available");
    begun
}

async fn begin(state: &Backend, claim: &Claim, now: i64) -> Pending {
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
    let id = &claim.identity.receiver.integrations[0].id;
    state
        .begin(claim, id, message, at(now))
        .await
        .expect("available")
        .expect("the claim holds")
}

/// A new alert makes its group, durable at once, and the group ticks after group_wait.
pub async fn a_new_alert_makes_a_group_that_ticks_after_group_wait(state: Backend) {
    let ingested = post(&state, alert("a", "info", 0, 900, 0), 0).await;
    assert_eq!(ingested.owed, OwedRecord::Whole);
    assert_eq!(ingested.created.len(), 1);
    assert_eq!(ingested.created[0].1, at(10));
    let polled = state.poll(100, at(9)).await.expect("available");
    assert!(polled.claims.is_empty());
    assert_eq!(polled.next_due, Some(at(10)));
    assert_eq!(claim(&state, 10).await.alerts.len(), 1);
}

/// One flush at a time (D3); a stale finish is refused; a lapsed lease frees the group.
pub async fn a_claim_excludes_others_until_it_is_finished(state: Backend) {
    post(&state, alert("a", "info", 0, 900, 0), 0).await;
    let first = claim(&state, 10).await;
    assert!(claims(&state, 11).await.is_empty());
    let again = state.finish(&first, true, at(12)).await.expect("available");
    assert_eq!(
        again,
        Ok(Finished::Again {
            at: at(70),
            given_up: vec![]
        })
    );
    assert!(
        state
            .finish(&first, true, at(13))
            .await
            .expect("available")
            .is_err()
    );
    assert!(
        state
            .renew(&first, at(13))
            .await
            .expect("available")
            .is_err()
    );
    assert!(claims(&state, 69).await.is_empty());
    assert_eq!(claim(&state, 70).await.tick, at(70));
}

/// What joined a group and was told since it was claimed is seen under the same claim; a lapsed one sees nothing.
pub async fn a_claimed_group_can_be_looked_at_again(state: Backend) {
    post(&state, alert("a", "info", 0, 900, 0), 0).await;
    let first = claim(&state, 10).await;
    tell(&state, &first, 11).await;
    post(&state, alert("a", "page", 12, 900, 12), 12).await;
    let again = state
        .claim_again(&first, at(13))
        .await
        .expect("available")
        .expect("it is held");
    assert_eq!((again.fence, again.tick), (first.fence, first.tick));
    assert_eq!((again.alerts.len(), again.told.len()), (2, 1));
    assert_eq!(again.now, at(13));
    let _ = state.finish(&first, true, at(14)).await;
    let gone = state.claim_again(&first, at(15)).await.expect("available");
    assert!(gone.is_err());
}

/// What an integration accepted is known at the next flush.
pub async fn told_survives_from_flush_to_flush(state: Backend) {
    let posted = post(&state, alert("a", "info", 0, 900, 0), 0).await;
    let first = claim(&state, 10).await;
    let begun = tell(&state, &first, 11).await;
    assert_eq!(begun.firing, [posted.alert.fingerprint]);
    let _ = state.finish(&first, true, at(12)).await;
    let second = claim(&state, 70).await;
    assert_eq!(second.told[0].1.firing(), [posted.alert.fingerprint]);
    let repeat = begin(&state, &second, 71).await;
    assert!(repeat.seq > begun.seq);
    let id = webhook("r");
    let told = state
        .refuse(&second.identity, &id, repeat.seq)
        .await
        .expect("available");
    assert!(told.pending.is_none());
}

/// After everything ended and was told the group is gone; the same alert then makes a new one with a new group_wait.
pub async fn a_group_without_members_is_gone_and_starts_anew(state: Backend) {
    post(&state, alert("a", "info", 0, 900, 0), 0).await;
    let first = claim(&state, 10).await;
    tell(&state, &first, 10).await;
    let _ = state.finish(&first, true, at(10)).await;
    post(&state, alert("a", "info", 0, 30, 30), 30).await;
    let last = claim(&state, 70).await;
    tell(&state, &last, 70).await;
    assert_eq!(
        state.finish(&last, true, at(70)).await.expect("available"),
        Ok(Finished::Gone)
    );
    assert_eq!(state.group_count(), 0);
    let anew = post(&state, alert("a", "info", 100, 900, 100), 100).await;
    assert_eq!(anew.created[0].1, at(110));
}

/// An alert that is over is nothing to a group that does not know it, unless whoever posts it knows that somebody is owed its
/// end; then what was told before is settled and the end is told.
pub async fn an_over_alert_makes_a_group_where_its_end_is_owed(state: Backend) {
    let over = || alert("a", "info", 0, 30, 30);
    assert!(post(&state, over(), 30).await.created.is_empty());
    assert_eq!(state.group_count(), 0);
    let placed = Placed {
        alert: over(),
        groups: vec![group(&tenant(), "r", "a")],
        is_owed: true,
    };
    let ingested = state.ingest(&tenant(), vec![placed], at(30)).await;
    assert_eq!(ingested.expect("available")[0].created.len(), 1);
    let due = claim(&state, 40).await;
    let fingerprint = due.alerts[0].fingerprint;
    let message = ToldMessage {
        firing: vec![fingerprint],
        hidden: vec![],
        tick: at(1),
        sent_at: at(1),
        reason: Reason::FirstNotification,
        receiver_data: ReceiverData::default(),
    };
    let id = webhook("r");
    let nothing = Told::default();
    let told = state.settle(&due, &id, &nothing, message, at(40));
    let told = told.await.expect("available").expect("the claim holds");
    assert_eq!(told.firing(), [fingerprint]);
    tell(&state, &due, 40).await;
    assert_eq!(
        state.finish(&due, true, at(40)).await.expect("available"),
        Ok(Finished::Gone)
    );
}

/// An unchanged refresh needs a record only when its end moved by a quarter of the recorded span.
pub async fn refreshes_within_a_quarter_of_the_span_need_no_record(state: Backend) {
    let post =
        async |ends, received| post(&state, alert("a", "info", 0, ends, received), received).await;
    let first = post(400, 0).await;
    assert_eq!(
        post(400, 0).await.owed,
        OwedRecord::Whole,
        "not durable yet"
    );
    state.mark_recorded(&tenant(), &[first.alert]);
    assert_eq!(post(499, 99).await.owed, OwedRecord::Nothing);
    let second = post(500, 100).await;
    assert_eq!(second.owed, OwedRecord::End);
    state.mark_recorded(&tenant(), &[second.alert]);
    assert_eq!(post(501, 101).await.owed, OwedRecord::Nothing);
    assert_eq!(post(200, 200).await.owed, OwedRecord::Whole, "an end");
    assert_eq!(
        post(900, 201).await.owed,
        OwedRecord::Whole,
        "the end was not recorded"
    );
}

/// A claim that is given back is as if it had not been made.
pub async fn an_unclaimed_group_is_due_again(state: Backend) {
    post(&state, alert("a", "info", 0, 900, 0), 0).await;
    let first = claim(&state, 10).await;
    state
        .unclaim(&first, at(10), Duration::from_secs(2))
        .await
        .expect("available");
    assert!(claims(&state, 11).await.is_empty());
    let second = claim(&state, 12).await;
    assert!(second.fence > first.fence);
    assert_eq!(
        second.tick, first.tick,
        "repeats count from ticks of the grid"
    );
}

/// Among groups that are due the more severe goes first, and within a severity tenants alternate.
pub async fn the_more_severe_goes_first_and_tenants_take_turns(state: Backend) {
    let other: TenantId = "other".parse().expect("a valid tenant");
    for name in ["n1", "n2", "n3"] {
        post(&state, alert(name, "warning", 0, 900, 0), 0).await;
    }
    post(&state, alert("c", "critical", 0, 900, 0), 0).await;
    post_to(
        &state,
        alert("q", "warning", 0, 900, 0),
        vec![group(&other, "r", "q")],
        0,
    )
    .await;
    let order: Vec<_> = claims(&state, 20)
        .await
        .into_iter()
        .map(|c| c.identity)
        .collect();
    assert_eq!(order[0].labels.get("alertname"), Some("c"));
    let quiet = order
        .iter()
        .position(|g| g.tenant == other)
        .expect("claimed");
    assert!(
        quiet <= 2,
        "the quiet tenant does not wait behind the noisy one"
    );
}

/// The same alert in two tenants is two alerts in two groups.
pub async fn tenants_do_not_see_each_other(state: Backend) {
    let other: TenantId = "other".parse().expect("a valid tenant");
    post(&state, alert("a", "info", 0, 900, 0), 0).await;
    let ended = alert("a", "info", 0, 5, 5);
    post_to(&state, ended, vec![group(&other, "r", "a")], 5).await;
    let only = claim(&state, 10).await;
    assert_eq!(only.identity.tenant, tenant());
    assert_eq!(only.alerts[0].ends_at, at(900));
    assert!(state.group(&other, only.identity.key).is_none());
}

/// A silence is changed only by someone who has seen its last version.
pub async fn a_silence_changed_meanwhile_is_a_conflict(state: Backend) {
    let silence = |updated: i64| {
        Arc::new(Silence {
            id: Arc::from("s"),
            matchers: vec![],
            starts_at: at(0),
            ends_at: at(100),
            updated_at: at(updated),
            created_by: String::new(),
            comment: String::new(),
            annotations: Labels::empty(),
        })
    };
    let put = async |s, seen| {
        state
            .silence_put(&tenant(), s, seen)
            .await
            .expect("available")
    };
    assert_eq!(
        put(silence(1), None).await,
        SilencePut::Stored { version: 1 }
    );
    assert_eq!(put(silence(2), None).await, SilencePut::Conflict);
    assert_eq!(
        put(silence(2), Some(at(1))).await,
        SilencePut::Stored { version: 2 }
    );
    state
        .silence_forget(&tenant(), &[Arc::from("s")])
        .await
        .expect("available");
    assert_eq!(
        put(silence(3), None).await,
        SilencePut::Stored { version: 3 }
    );
}

/// A configuration that groups differently moves members, and what was told about them goes along.
pub async fn a_reconfiguration_moves_members_with_what_was_told(state: Backend) {
    let posted = post(&state, alert("a", "info", 0, 900, 0), 0).await;
    let first = claim(&state, 10).await;
    tell(&state, &first, 10).await;
    let _ = state.finish(&first, true, at(10)).await;
    let all_in_one = |_: &Alert| vec![group(&tenant(), "r", "everything")];
    for _ in 0..2 {
        state
            .reconfigure(&tenant(), "", &all_in_one, at(20))
            .await
            .expect("available");
    }
    assert_eq!(state.group_count(), 1);
    let moved = claim(&state, 70).await;
    assert_eq!(moved.identity.labels.get("alertname"), Some("everything"));
    assert_eq!(moved.told[0].1.firing(), [posted.alert.fingerprint]);
}

/// After a restart a group ticks when it always would have; a message in flight is settled at once, as it was, and what its last
/// tick should have told is told at once too.
pub async fn a_restored_group_keeps_its_grid_and_repeats_what_was_in_flight(state: Backend) {
    let member = Arc::new(alert("a", "info", 0, 900, 0));
    let restored = |told: Option<domain::group::told::Told>| RestoredGroup {
        identity: group(&tenant(), "r", "a"),
        first_tick: at(10),
        known_until: at(75),
        members: vec![Arc::clone(&member)],
        told: told.map(|told| (webhook("r"), told)).into_iter().collect(),
        carried_over: CarriedOver::default(),
    };
    let pending = Pending {
        seq: 7,
        firing: vec![member.fingerprint],
        resolved: vec![],
        hidden: vec![],
        tick: at(70),
        reason: Reason::FirstNotification,
        receiver_data: ReceiverData::default(),
    };
    let told = domain::group::told::Told {
        seq: 7,
        last: Some(pending.clone().accepted(at(71))),
        pending: None,
    };
    let in_flight = domain::group::told::Told {
        seq: 7,
        last: None,
        pending: Some(pending.clone()),
    };
    state
        .restore_alert(&tenant(), Arc::clone(&member), true)
        .await
        .expect("available");
    for (told, due) in [(Some(told), at(130)), (None, at(80))] {
        let restored = state.restore_group(restored(told), at(80));
        restored.await.expect("available");
        // Asked at a time when none is due, so that none is claimed.
        let polled = state.poll(1, at(79)).await.expect("available");
        assert_eq!(polled.next_due, Some(due));
    }
    let restored = state.restore_group(restored(Some(in_flight)), at(80));
    restored.await.expect("available");
    let due = claim(&state, 80).await;
    assert_eq!(begin(&state, &due, 80).await, pending);
}

/// During grace an alert nobody could refresh is not ended by time-out, but an explicit end counts.
pub async fn ends_by_time_out_wait_during_grace(state: Backend) {
    post(&state, alert("a", "info", 0, 5, 0), 0).await;
    state.set_grace(Grace {
        since: at(5),
        until: at(305),
    });
    let during = claim(&state, 10).await;
    assert!(!during.alerts[0].is_resolved(during.now, during.grace));
    let _ = state.finish(&during, true, at(10)).await;
    post(&state, alert("a", "info", 0, 20, 20), 20).await;
    let after = claim(&state, 70).await;
    assert!(after.alerts[0].is_resolved(after.now, after.grace));
}

/// An ended alert is forgotten only when no group holds it.
pub async fn ended_alerts_are_collected_once_no_group_holds_them(state: Backend) {
    let posted = post(&state, alert("a", "info", 0, 5, 0), 0).await;
    assert!(
        state
            .collect(&tenant(), at(100))
            .await
            .expect("available")
            .is_empty()
    );
    let only = claim(&state, 110).await;
    assert_eq!(
        state.finish(&only, true, at(110)).await.expect("available"),
        Ok(Finished::Gone)
    );
    let forgotten = state.collect(&tenant(), at(120)).await.expect("available");
    assert_eq!(forgotten, [posted.alert.fingerprint]);
}

/// A poll never answers more than it was asked for, and forgets none.
pub async fn the_limit_of_a_poll_leaves_the_rest_due(state: Backend) {
    for name in ["a", "b", "c"] {
        post(&state, alert(name, "info", 0, 900, 0), 0).await;
    }
    let first = state.poll(2, at(10)).await.expect("available");
    assert_eq!(first.claims.len(), 2);
    assert_eq!(first.next_due, Some(at(10)));
    assert_eq!(
        state.poll(2, at(10)).await.expect("available").claims.len(),
        1
    );
}
