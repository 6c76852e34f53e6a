//! One flush: from a claimed group to its receivers, and back to the grid.
//!
//! ```text
//! claim → verdict per alert → per integration, side by side: why notify? → begin → intent recorded → gate → send
//!       → told recorded → commit → (all integrations done) finish
//! ```
//!
//! What dying at each await leaves behind is protocol.md §7; the record beside the send is what keeps a message that was
//! accepted from being sent again.

mod elsewhere;
mod inherit;
mod message;
mod out;
mod telling;
mod turn;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::fingerprint::Fingerprint;
use domain::group::told::Told;
use domain::group::{Claim, Finished, IntegrationSpec};
use domain::id::{GroupKey, IntegrationId, TenantId};
use domain::time::Timestamp;
use domain::verdict::Verdict;
use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use state::State;
use store::journal::Record;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::deliver::{Ground, Pace, Sending};
use crate::judge::{judge, judge_time};
use crate::maintenance::group_records;
use crate::settings::Settings;
use crate::tenant::Suppressed;
use crate::{Engine, Tenant};
use out::Out;
use telling::Telling;
use turn::{Busy, UnderWay};

/// How old a flush's snapshot may be when it begins to tell news: a message in flight may have been repeated for minutes
/// before that, and what was true then must not be told as news.
const SNAPSHOT_AGE_MAX: Duration = Duration::from_millis(500);

/// A group's alerts as this flush sees them.
struct Judged {
    /// Unsuppressed alerts that fire, sorted.
    firing: Vec<Fingerprint>,
    /// Unsuppressed alerts that are over, sorted.
    resolved: Vec<Fingerprint>,
}

/// What one flush works with: one configuration from start to end (D5), and one look at the group. Who was held back is told
/// by a later look ([`turn`]).
#[derive(Clone, Copy)]
struct Flush<'a> {
    engine: &'a Engine,
    tenant: &'a Tenant,
    settings: &'a Settings,
    claim: &'a Claim,
    judged: &'a Judged,
    sending: &'a Sending<'a>,
    /// When it was looked.
    looked_at: Instant,
    progress: &'a Progress,
}

/// How far a flush is.
#[derive(Default)]
struct Progress {
    /// Whether news are left to tell that have to be judged anew.
    is_outdated: AtomicBool,
    /// Messages whose requests may be on their way.
    out: Mutex<Vec<Out>>,
    /// Integrations that are being told.
    under_way: UnderWay,
}

/// How often it is looked whether a fallback is needed while the receiver's own integrations are being told.
const FALLBACK_LOOK: Duration = Duration::from_secs(1);

/// Whether the fallback is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Unknown,
    Yes,
    No,
}

/// How much of a fallback's news is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// Everything.
    All,
    /// Only that what it was told is over.
    Ends,
}

/// How the telling of all integrations ended.
#[derive(Clone, Copy, Debug)]
struct AllTold {
    /// Whether nothing is left to tell.
    is_complete: bool,
    /// The group is to be judged anew after this long, before its next tick.
    again: Option<Duration>,
}

impl AllTold {
    const INCOMPLETE: Self = Self {
        is_complete: false,
        again: None,
    };

    /// After how long the group is due again, if that is before its next tick.
    fn comes_back(self, claim: &Claim, now: Timestamp) -> Option<Duration> {
        let next = claim.tick + claim.identity.group_interval;
        self.again.filter(|pause| now + *pause < next)
    }
}

/// A claim, and who knows what became of it.
struct Claimed<'a>(&'a dyn State, &'a Claim);

#[async_trait]
impl Ground for Claimed<'_> {
    async fn stands(&self) -> bool {
        self.0.stands(self.1).await
    }
}

impl Engine {
    /// Flushes a claimed group; the lease counts from `asked_at`, before the claim was asked for (protocol.md §4).
    pub(crate) async fn flush(&self, tenant: &Arc<Tenant>, claim: Claim, asked_at: Instant) {
        let started = Instant::now();
        let timing = self.options.timing;
        self.metrics.dispatcher.flushes.inc();
        self.metrics
            .dispatcher
            .flush_lateness
            .observe(claim.now.since(claim.tick).as_secs_f64());
        let settings = tenant.settings();
        let judged = self.judge(tenant, &settings, &claim);
        let deadline = claim.identity.group_interval.max(timing.flush_deadline_min);
        let rejected = self.metrics.dispatcher.gate_rejected.clone();
        let ground = Claimed(&*self.state, &claim);
        let sending = Sending::new(
            started + deadline,
            asked_at + timing.lease,
            timing,
            &ground,
            rejected,
            Pace {
                rates: &*self.rates,
                tenant: &claim.identity.tenant,
            },
        );
        let progress = Progress::default();
        let flush = Flush {
            engine: self,
            tenant,
            settings: &settings,
            claim: &claim,
            judged: &judged,
            sending: &sending,
            looked_at: started,
            progress: &progress,
        };
        let outcome = tokio::select! {
            told = flush.tell_all() => told,
            () = self.keep_lease(&claim, &sending) => AllTold::INCOMPLETE,
        };
        flush.doubt_what_is_out().await;
        // A configuration that was put in force meanwhile has moves waiting for the end of the flush.
        let may_go_back = Arc::ptr_eq(&settings, &tenant.settings());
        // Who was held back that way is told by a new claim, not at the next tick.
        let fallen = sending.has_fallen().then_some(timing.behind_delay);
        let again = fallen.or(outcome.comes_back(&claim, self.clock.now()));
        match again {
            Some(pause) if may_go_back => {
                self.give_back(&claim, pause).await;
                self.wake.notify_one();
            }
            _ => {
                self.finish(tenant, &settings, &claim, outcome.is_complete)
                    .await
            }
        }
        self.metrics
            .dispatcher
            .flush_duration
            .observe(started.elapsed().as_secs_f64());
    }

    /// Judges every member and notes what is suppressed, and why (D2).
    fn judge(&self, tenant: &Tenant, settings: &Settings, claim: &Claim) -> Judged {
        let now = claim.now;
        let time = judge_time(settings, &claim.identity, now);
        let mut suppressed = BTreeMap::new();
        let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
        let (mut firing, mut resolved) = (Vec::new(), Vec::new());
        {
            let mirror = tenant.mirror();
            for alert in &claim.alerts {
                match judge(&mirror, &time, &alert.labels, now) {
                    Verdict::Notify if claim.is_over(alert) => resolved.push(alert.fingerprint),
                    Verdict::Notify => firing.push(alert.fingerprint),
                    Verdict::Suppress(by) => {
                        *counts.entry(by.metric_reason()).or_default() += 1;
                        suppressed.insert(alert.fingerprint, Suppressed { at: now, by });
                    }
                }
            }
        }
        for (reason, count) in counts {
            self.metrics.notifications.suppressed(reason, count);
        }
        tenant.set_suppressed(claim.identity.key, suppressed);
        firing.sort_unstable();
        resolved.sort_unstable();
        Judged { firing, resolved }
    }

    /// Renews the lease while anything is out; answers only when it was lost.
    async fn keep_lease(&self, claim: &Claim, sending: &Sending<'_>) {
        let timing = self.options.timing;
        loop {
            tokio::time::sleep(timing.lease_renewal).await;
            // The deadline inside this instance counts from before the request that granted it (protocol.md §4).
            let asked_at = Instant::now();
            match self.state.renew(claim, self.clock.now()).await {
                Ok(Ok(_)) => sending.set_lease_until(asked_at + timing.lease),
                Ok(Err(_)) => {
                    tracing::warn!(
                        tenant = %claim.identity.tenant, group = %claim.identity.key,
                        "The lease of a group lapsed while it was being flushed; its sends are cancelled and repeated under the same key"
                    );
                    return;
                }
                // Unreachable state: the lease still stands until it lapses, and the gate watches that.
                Err(error) => tracing::debug!(%error, "A lease could not be renewed"),
            }
        }
    }

    async fn finish(
        &self,
        tenant: &Tenant,
        settings: &Arc<Settings>,
        claim: &Claim,
        is_complete: bool,
    ) {
        let group = &claim.identity;
        let finished = self
            .state
            .finish(claim, is_complete, self.clock.now())
            .await;
        let mut records = Vec::new();
        let now_in_force = tenant.settings();
        let left = self.state.take_left(tenant.id());
        if !Arc::ptr_eq(settings, &now_in_force) || !left.is_empty() {
            records = self.moved_on(&now_in_force, claim);
            records.extend(self.left_for_good(tenant.id(), left));
            self.wake.notify_one();
        }
        match finished {
            Ok(Ok(Finished::Gone)) => {
                tenant.forget_group(group.key);
                let gone = Record::GroupGone {
                    tenant: group.tenant.clone(),
                    key: group.key,
                };
                self.events_of_records(std::slice::from_ref(&gone));
                records.push(gone);
            }
            Ok(Ok(Finished::Again { given_up, .. })) => {
                for (integration, fingerprint) in given_up {
                    tracing::warn!(
                        tenant = %group.tenant, group = %group.key, %integration, %fingerprint,
                        "Gave up telling that an alert is resolved: the receiver refused it for too long"
                    );
                }
                let over = claim.alerts.iter().filter(|alert| claim.is_over(alert));
                let over = over.map(|alert| alert.fingerprint).collect();
                self.events_of_leaving(&group.tenant, group.key, over);
                self.wake.notify_one();
            }
            Ok(Err(_)) => tracing::debug!(group = %group.key, "A flush ended after its lease"),
            Err(error) => {
                tracing::warn!(%error, group = %group.key, "A flush could not be finished; it is repeated")
            }
        }
        if !records.is_empty() {
            self.record_later(records).await;
        }
    }

    /// A configuration was put in force while a group was flushed: its members' groups as they are after the moves that
    /// waited for that flush.
    fn moved_on(&self, settings: &Settings, claim: &Claim) -> Vec<Record> {
        let tenant = &claim.identity.tenant;
        let groups = claim.alerts.iter();
        let groups =
            groups.flat_map(|alert| settings.placement(tenant, &alert.labels, &self.interner));
        let mut keys: BTreeSet<GroupKey> = groups.map(|identity| identity.key).collect();
        // Others may have moved to this one.
        keys.insert(claim.identity.key);
        let groups = keys
            .into_iter()
            .filter_map(|key| self.state.group(tenant, key));
        groups.flat_map(|group| group_records(&group)).collect()
    }

    /// Groups whose members have come to the groups they belong to since, as they are: what was told of those is recorded there.
    fn left_for_good(&self, tenant: &TenantId, left: BTreeSet<GroupKey>) -> Vec<Record> {
        let waiting = self.state.groups_left_for_later(tenant);
        let left = left.difference(&waiting);
        let records = left.map(|key| match self.state.group(tenant, *key) {
            Some(group) => group_records(&group),
            None => vec![Record::GroupGone {
                tenant: tenant.clone(),
                key: *key,
            }],
        });
        records.flatten().collect()
    }

    /// Writes what an integration was told, and tells those who follow.
    async fn record_told(&self, records: Vec<Record>) {
        self.events_of_records(&records);
        self.record_later(records).await;
    }

    /// Writes records nobody waits for an answer to. If that fails the journal is restated once it works again.
    pub(crate) async fn record_later(&self, records: Vec<Record>) {
        if let Err(error) = self.journal.append(records).await {
            self.has_unrecorded.store(true, Ordering::Relaxed);
            tracing::error!(%error, "The journal could not be written; what was told is only in memory until it can");
        }
    }
}

impl Flush<'_> {
    /// Tells every integration side by side; the fallback's where the receiver's own cannot be told.
    async fn tell_all(&self) -> AllTold {
        let receiver = &self.claim.identity.receiver;
        let (fallback, own): (Vec<_>, Vec<_>) = receiver
            .integrations
            .iter()
            .partition(|spec| spec.is_fallback);
        let (need, needed) = watch::channel(Need::Unknown);
        let own = self.tell_own(&own, &need, !fallback.is_empty());
        let under_way = &self.progress.under_way;
        let instead = fallback
            .iter()
            .map(|spec| self.tell_instead(spec, needed.clone(), under_way.enter()));
        let (own, instead) = futures::future::join(own, join_all(instead)).await;
        let all = own.iter().chain(&instead);
        let held = all.clone().filter_map(|telling| telling.held_until());
        let held = held
            .min()
            .map(|until| until.saturating_duration_since(Instant::now()));
        AllTold {
            is_complete: all.clone().all(|telling| telling.is_done()),
            again: match self.progress.is_outdated.load(Ordering::Relaxed) {
                true => Some(Duration::ZERO),
                false => held,
            },
        }
    }

    /// Tells the receiver's own integrations, and says meanwhile whether the fallback is needed.
    async fn tell_own(
        &self,
        own: &[&IntegrationSpec],
        need: &watch::Sender<Need>,
        has_fallback: bool,
    ) -> Vec<Telling> {
        let under_way = &self.progress.under_way;
        let telling = own
            .iter()
            .map(|spec| self.tell_in_turn(spec, Scope::All, under_way.enter()));
        let mut under_way: FuturesUnordered<_> = telling.collect();
        let mut told = Vec::with_capacity(own.len());
        let look = |told: &[Telling]| {
            let is_needed = told.contains(&Telling::Refused) || self.is_failing(own);
            if has_fallback && is_needed {
                need.send_replace(Need::Yes);
            }
        };
        loop {
            look(&told);
            tokio::select! {
                biased;
                next = under_way.next() => match next {
                    Some(telling) => told.push(telling),
                    None => break,
                },
                () = tokio::time::sleep(FALLBACK_LOOK), if has_fallback => {}
            }
        }
        need.send_if_modified(|need| {
            let is_open = *need == Need::Unknown;
            if is_open {
                *need = Need::No;
            }
            is_open
        });
        told
    }

    /// Tells a fallback's integration what it is owed, and everything once it is needed.
    async fn tell_instead(
        &self,
        spec: &IntegrationSpec,
        mut needed: watch::Receiver<Need>,
        busy: Busy<'_>,
    ) -> Telling {
        let is_needed = *needed.borrow_and_update() == Need::Yes;
        let telling = match is_needed {
            true => self.tell_late(spec, false, busy).await,
            false => self.tell_in_turn(spec, Scope::Ends, busy).await,
        };
        // One that was told an end just now hears the rest too, once that is decided.
        if is_needed || !matches!(telling, Telling::Nothing | Telling::Told) {
            return telling;
        }
        let decided = needed.wait_for(|need| *need != Need::Unknown).await;
        match decided.map(|need| *need) {
            Ok(Need::Yes) => {
                let busy = self.progress.under_way.enter();
                let is_told = telling == Telling::Told;
                self.tell_late(spec, is_told, busy).await
            }
            _ => {
                if let Some(channel) = self.settings.channel(&spec.id) {
                    channel.is_quiet(self.claim.identity.key);
                }
                telling
            }
        }
    }

    /// Whether some of the receiver's own integrations have failed for too long.
    fn is_failing(&self, own: &[&IntegrationSpec]) -> bool {
        let group = &self.claim.identity;
        let Some(after) = self.fallback_after() else {
            return false;
        };
        let fresh = self.failures_count_for();
        let mut channels = own
            .iter()
            .filter_map(|spec| self.settings.channel(&spec.id));
        channels.any(|channel| channel.is_failing(group.key, after, fresh))
    }

    fn fallback_after(&self) -> Option<Duration> {
        let receiver = &self.claim.identity.receiver.name;
        self.settings.receiver(receiver)?.fallback_after
    }

    /// An attempt at each tick is to be expected; what was not tried for longer than this may work again.
    fn failures_count_for(&self) -> Duration {
        let after = self.fallback_after().unwrap_or_default();
        after + self.claim.identity.group_interval * 2
    }

    fn record(&self, integration: &IntegrationId, told: Told) -> Record {
        let group = &self.claim.identity;
        Record::Told {
            tenant: group.tenant.clone(),
            key: group.key,
            integration: integration.clone(),
            told: Arc::new(told),
        }
    }
}
