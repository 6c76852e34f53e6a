//! Messages that were accepted late: a later one of somebody else had been accepted by then, or their group is gone.
//!
//! Whoever sent one was stopped past its lease, or its claim was lost with the data, while the request was on its way. It is the
//! last the receiver heard, so what it says against the later one is owed anew. Unless it went out before the stop: then the receiver
//! heard it while the lease was in force, and whoever told the later one knew that it was in flight.

use std::collections::VecDeque;
use std::sync::Arc;

use domain::group::GroupIdentity;
use domain::group::apart::Apart;
use domain::group::grid::Grid;
use domain::group::numbers::Numbers;
use domain::group::told::{Pending, Told};
use domain::id::IntegrationId;
use domain::time::Timestamp;

use super::reconcile::ROUNDS_MAX;
use super::{Alone, Coordinated, lock};
use crate::coordinator::{GroupName, Joined, Merge, Merged};

/// Most that are remembered until shared state answers; past it the oldest is forgotten.
const LATE_MAX: usize = 1_000;

/// Most that are tried again at a time.
const TRIED_AT_ONCE: usize = 20;

/// Those of which shared state could not be told yet.
#[derive(Default)]
pub(super) struct Late(VecDeque<LateMessage>);

struct LateMessage {
    group: GroupIdentity,
    integration: IntegrationId,
    message: Pending,
    /// When the receiver had heard it, at the latest.
    sent_at: Timestamp,
}

impl Late {
    fn remember(&mut self, late: LateMessage) {
        if self.0.len() >= LATE_MAX {
            self.0.pop_front();
        }
        self.0.push_back(late);
    }
}

impl Coordinated {
    /// A message was accepted late, or may have been: what it says against what was told since is owed; if shared state does not
    /// answer, as soon as it does.
    pub(super) async fn own_up_late(
        &self,
        group: &GroupIdentity,
        integration: &IntegrationId,
        message: &Pending,
        sent_at: Timestamp,
    ) {
        let late = LateMessage {
            group: group.clone(),
            integration: integration.clone(),
            message: message.clone(),
            sent_at,
        };
        self.own_up_or_remember(late).await;
    }

    /// Tells shared state of late messages it did not hear of when they were accepted.
    pub(super) async fn own_up_again(&self) {
        let count = lock(&self.late).0.len();
        for _ in 0..count.min(TRIED_AT_ONCE) {
            let Some(late) = lock(&self.late).0.pop_front() else {
                return;
            };
            self.own_up_or_remember(late).await;
        }
    }

    async fn own_up_or_remember(&self, late: LateMessage) {
        let shard = GroupName::of(&late.group).shard();
        if self.is_alone(shard) || self.own_up_to(&late).await.is_err() {
            lock(&self.late).remember(late);
        }
    }

    async fn own_up_to(&self, late: &LateMessage) -> Result<(), Alone> {
        let LateMessage {
            group,
            integration,
            message,
            sent_at,
        } = late;
        let name = GroupName::of(group);
        let ours = Told {
            seq: message.seq,
            last: Some(message.clone().accepted(*sent_at)),
            pending: None,
        };
        let has_ended = |fingerprint| message.resolved.contains(&fingerprint);
        let ended = |fingerprint| Ok(has_ended(fingerprint).then_some(*sent_at));
        for _ in 0..ROUNDS_MAX {
            let there = self
                .insist(Some(name.shard()), || self.shared.group(&name))
                .await?;
            let theirs = there.as_ref().and_then(|group| group.told_to(integration));
            let theirs = theirs.cloned().unwrap_or_default();
            if there.is_some() && theirs.seq <= message.seq {
                // Nothing was told since: a repeat says the same.
                return Ok(());
            }
            if there.is_some() && self.is_heard_before_others(late, &theirs).await? {
                return Ok(());
            }
            let apart = Apart {
                ended: &ended,
                is_theirs_new: true,
                doubt: self.timing.send_timeout,
                skew: self.clocks_differ_by(),
            };
            let told = ours.joined(&theirs, &apart);
            if told == theirs {
                return Ok(());
            }
            let grid = Grid::starting(self.clock.now(), group.group_interval);
            let mut merge = Merge::of(Arc::new(group.clone()), grid);
            merge.alerts = self.missing(&name, &told, there.as_ref());
            merge.is_move = true;
            let owed = self.without_moved(vec![merge.clone()]).await?;
            merge.alerts = owed.into_iter().flat_map(|owed| owed.alerts).collect();
            if there.is_some() {
                merge.joined.push(Joined {
                    integration: integration.clone(),
                    told,
                    over: theirs.seq,
                });
            } else if !merge.alerts.is_empty() {
                merge.told.push((integration.clone(), told));
            }
            if self.merge_in(vec![merge]).await? == Merged::Done {
                return Ok(());
            }
        }
        Err(Alone)
    }

    /// Whether a late message was heard before anybody else could say something, who knew of it: it was in flight then, under a lease
    /// that is over by now, in data of which nothing was lost since.
    async fn is_heard_before_others(
        &self,
        late: &LateMessage,
        theirs: &Told,
    ) -> Result<bool, Alone> {
        let (message, skew) = (&late.message, self.clocks_differ_by());
        let is_alone = Numbers::is_alone(message.seq) || Numbers::is_alone(theirs.seq);
        if is_alone || message.tick + self.timing.lease < late.sent_at + skew {
            return Ok(false);
        }
        let shard = GroupName::of(&late.group).shard();
        let known = self.view(shard).epoch.clone();
        let in_force = self.open_epoch(shard, None).await?;
        let began = self.agreed.began_at(shard, &in_force);
        let is_older = began.is_some_and(|began| began + skew < message.tick);
        Ok(is_older && known == Some(in_force))
    }
}
