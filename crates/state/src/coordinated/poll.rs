//! Polling: claims come from the coordinator, and are judged on a replica that has seen all it has.

use std::sync::atomic::Ordering;

use domain::alert::Grace;
use domain::group::Claim;
use domain::limits;
use domain::time::Timestamp;
use tokio::time::Instant;

use super::{Coordinated, lock};
use crate::Polled;
use crate::coordinator::{
    Claimed, CoordinatorError, EventId, GroupName, PollAnswer, PollAsk, ShardClaims, ShardPoll,
};

/// How long a group waits that this instance may not flush, because its configuration does not know it.
const FOREIGN_PAUSE: std::time::Duration = std::time::Duration::from_millis(500);

/// Least pause before asking again for what could not be had.
const SOON: std::time::Duration = std::time::Duration::from_millis(20);

/// What came of asking.
#[derive(Default)]
struct Asked {
    claims: Vec<(Claimed, Timestamp, Grace)>,
    /// How far the replica must have come.
    wanted: Vec<(usize, EventId)>,
    next_due: Option<Timestamp>,
    /// Shards whose data is not what we knew.
    strange: Vec<usize>,
    is_partial: bool,
    /// The oldest version of records that is written in any shard that answered.
    records: Option<u32>,
}

impl Coordinated {
    pub(super) async fn poll_all(&self, limit: usize, now: Timestamp) -> Polled {
        let mut polled = self.poll_alone(limit, now);
        if (0..limits::SHARDS).all(|shard| self.is_alone(shard)) {
            return polled;
        }
        let tenants = self.host().map(|host| host.tenants()).unwrap_or_default();
        let ask = PollAsk {
            nonce: self.nonce.load(Ordering::Relaxed),
            limit: limit.saturating_sub(polled.claims.len()),
            epochs: self.views.iter().map(|v| lock(v).epoch.clone()).collect(),
            seen: self.views.iter().map(|v| lock(v).seen).collect(),
            tenants: tenants.clone(),
            ..PollAsk::default()
        };
        let asked_at = Instant::now();
        let PollAnswer { shards, silences } = self.shared.poll(ask).await;
        let asked = self.take_shards(shards, self.clock.now(), asked_at);
        if !asked.is_partial {
            // Asked for again under the same number, claims whose answer was lost come again.
            self.nonce.fetch_add(1, Ordering::Relaxed);
        }
        if !asked.is_partial {
            self.note_records(asked.records);
        }
        polled.next_due = [polled.next_due, asked.next_due]
            .into_iter()
            .flatten()
            .min();
        let soon = now.utc() + SOON;
        if asked.is_partial || !asked.strange.is_empty() {
            polled.next_due = Some(soon);
        } else if asked.claims.is_empty() {
            // What is due and was not claimed is somebody else's, or held: asking at once again would not help.
            polled.next_due = polled.next_due.map(|due| due.max(soon));
        }
        for (shard, last) in &asked.wanted {
            self.view(*shard).hear_of(*last);
        }
        for shard in asked.strange {
            self.meet_again(shard).await;
        }
        let is_current =
            self.silences_caught_up(&tenants, silences).await && self.catch_up(&asked.wanted).await;
        if is_current {
            self.tell_left().await;
        }
        for (claimed, at, grace) in asked.claims {
            if !is_current {
                self.give_back(&claimed, self.timing.behind_delay).await;
                continue;
            }
            polled.claims.extend(self.claim(claimed, at, grace).await);
        }
        polled
    }

    fn take_shards(
        &self,
        shards: Vec<Result<ShardPoll, CoordinatorError>>,
        now: Timestamp,
        asked_at: Instant,
    ) -> Asked {
        let mut asked = Asked::default();
        let mut grace: Option<Grace> = None;
        for (shard, answer) in shards.into_iter().enumerate() {
            if self.is_alone(shard) {
                continue;
            }
            match answer {
                Ok(ShardPoll::Strange { .. }) => {
                    self.succeed(shard);
                    asked.strange.push(shard);
                }
                Ok(ShardPoll::Well(well)) => {
                    self.succeed(shard);
                    grace = later(grace, well.grace);
                    asked.take(shard, well, now);
                }
                Err(error) => {
                    self.fail(shard, &error, asked_at);
                    asked.is_partial = true;
                }
            }
        }
        if let Some(grace) = grace
            && self.current_mode() == crate::Mode::Coordinated
            && grace != crate::State::grace(&self.memory)
        {
            self.judge_by(grace);
        }
        asked
    }

    /// Says when another version of records is written than before: the last build that did not know it is gone.
    fn note_records(&self, records: Option<u32>) {
        let Some(records) = records else { return };
        let before = self.records.swap(records, Ordering::Relaxed);
        if before != 0 && before != records {
            tracing::info!(
                "The records in {} are of version {records} from now on, as every instance that shares them knows it",
                self.shared.name()
            );
        }
    }

    /// Turns a claim into what a flush works with; gives it back when this instance cannot flush the group.
    async fn claim(&self, claimed: Claimed, now: Timestamp, grace: Grace) -> Option<Claim> {
        let name = &claimed.group;
        if lock(&self.active).get(name) == Some(&claimed.fence) {
            // Answered before: it is being flushed.
            return None;
        }
        let is_exact = |members: usize| members == claimed.members;
        let known = self.memory.with(name, |group| group.members().len());
        if !known.is_some_and(is_exact) && !self.read_again(name).await {
            self.give_back(&claimed, FOREIGN_PAUSE).await;
            return None;
        }
        if lock(&self.stranded).holds(name) {
            self.give_back(&claimed, FOREIGN_PAUSE).await;
            return None;
        }
        let lease = self.timing.lease;
        let claim = self.memory.with(name, |group| {
            group.claim_as(claimed.fence, claimed.tick, now, lease, grace)
        })?;
        lock(&self.active).insert(name.clone(), claimed.fence);
        Some(claim)
    }

    /// Gives a claim back that was not flushed.
    pub(super) async fn give_back(&self, claimed: &Claimed, delay: std::time::Duration) {
        let given = self
            .shared
            .unclaim(&claimed.group, claimed.fence, delay)
            .await;
        if let Err(error) = given {
            tracing::debug!(%error, group = %claimed.group.key, "A claim could not be given back; it lapses");
        }
    }

    /// Reads one group anew; answers whether this instance knows it now.
    async fn read_again(&self, name: &GroupName) -> bool {
        self.counters.rereads.fetch_add(1, Ordering::Relaxed);
        let shard = name.shard();
        let _nothing_is_heard_meanwhile = self.following.lock().await;
        match self.attempt(shard, || self.shared.group(name)).await {
            Ok(Some(group)) => self.adopt(group).await,
            Ok(None) => {
                self.forget(name);
                false
            }
            Err(_) => false,
        }
    }
}

impl Asked {
    fn take(&mut self, shard: usize, well: ShardClaims, now: Timestamp) {
        self.records = [self.records, Some(well.records)]
            .into_iter()
            .flatten()
            .min();
        self.wanted.push((shard, well.last_event));
        // What counts is how long it is until then.
        let next_due = well.next_due.map(|due| now.utc() + due.since(well.now));
        self.next_due = [self.next_due, next_due].into_iter().flatten().min();
        let claims = well.claims.into_iter();
        self.claims
            .extend(claims.map(|claim| (claim, well.now, well.grace)));
    }
}

/// The grace that lasts longer.
fn later(a: Option<Grace>, b: Grace) -> Option<Grace> {
    Some(a.filter(|a| a.until >= b.until).unwrap_or(b))
}
