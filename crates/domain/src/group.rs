//! The group state machine: membership, ticks, claims, and what each integration was told.
//!
//! One machine for every home (memory, Redis, memory with the store as arbiter): each method is one atomic transition of
//! protocol.md §5 on one group, a pure function of the group, its input and `now`.

use std::sync::Arc;
use std::time::Duration;

use crate::alert::{Alert, Grace};
use crate::fingerprint::Fingerprint;
use crate::id::{GroupKey, IntegrationId, TenantId};
use crate::label::Labels;
use crate::route::RouteIndex;
use crate::time::Timestamp;

pub mod apart;
mod claim;
pub mod farewell;
pub mod grid;
pub mod heir;
pub mod inherited;
pub mod key;
mod members;
pub mod numbers;
mod settling;
pub mod severity;
pub mod told;

pub use claim::{Claim, Foreign};
use grid::Grid;
use heir::Lineage;
use members::Members;
use numbers::Numbers;
use severity::Severity;
use told::{Pending, Told};

/// What a group is: fixed while the configuration stands, replaced as a whole when it changes.
#[derive(Clone, Debug)]
pub struct GroupIdentity {
    /// Whose group it is.
    pub tenant: TenantId,
    /// Its key within the tenant.
    pub key: GroupKey,
    /// Alertmanager's group key text, as in webhook bodies.
    pub text: String,
    /// The route its alerts came by.
    pub route: RouteIndex,
    /// The labels its alerts share by group_by.
    pub labels: Labels,
    /// Who is told.
    pub receiver: Arc<ReceiverSpec>,
    /// From creation to the first tick.
    pub group_wait: Duration,
    /// From tick to tick.
    pub group_interval: Duration,
    /// After this long the same is told again.
    pub repeat_interval: Duration,
    /// Names of intervals in which nothing is told.
    pub mute_time_intervals: Vec<Arc<str>>,
    /// Names of intervals outside of which nothing is told.
    pub active_time_intervals: Vec<Arc<str>>,
}

impl GroupIdentity {
    /// Whether nothing but the key is known of it, so that it says nothing about the group.
    pub fn is_stand_in(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether there are times at which nothing is told.
    pub fn may_be_muted(&self) -> bool {
        !self.mute_time_intervals.is_empty() || !self.active_time_intervals.is_empty()
    }
}

/// A receiver as far as telling is concerned.
#[derive(Debug)]
pub struct ReceiverSpec {
    /// Its name.
    pub name: Arc<str>,
    /// Its integrations in the order they are told.
    pub integrations: Vec<IntegrationSpec>,
}

/// An integration as far as telling is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntegrationSpec {
    /// Its identity.
    pub id: IntegrationId,
    /// Whether it wants to hear of ends.
    pub send_resolved: bool,
    /// Whether it is told only when the receiver's own cannot be: it belongs to the fallback receiver.
    pub is_fallback: bool,
}

/// The right to flush a group, until it lapses: what is done under it carries its fence (S2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The number that makes a stale holder harmless.
    pub fence: u64,
    /// When it lapses.
    pub until: Timestamp,
}

/// A group of one tenant: alerts that share a route and its grouping labels.
#[derive(Clone, Debug)]
pub struct Group {
    identity: Arc<GroupIdentity>,
    members: Members,
    told: Vec<(IntegrationId, Told)>,
    grid: Grid,
    fence: u64,
    lease: Option<Lease>,
    /// Not to be claimed before: its tick came, and who had it could not answer it then.
    put_off: Option<Timestamp>,
    severity: Severity,
}

/// What became of a post that was offered to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joined {
    /// The alert was not a member and is one now.
    Added,
    /// The alert was a member; what is known of it was replaced.
    Updated,
    /// It is over and nobody here believes otherwise, so it did not join.
    Ignored,
}

/// The claim no longer holds: its lease lapsed, or another one was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseLost;

/// What happens to a group after a flush.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finished {
    /// It ticks again.
    Again {
        /// When.
        at: Timestamp,
        /// Owed "resolved" messages that were given up (integration, alert).
        given_up: Vec<(IntegrationId, Fingerprint)>,
    },
    /// It has no members left; the next alert makes a new one.
    Gone,
}

impl Group {
    /// Makes the group an alert creates: its first tick comes after group_wait, or at once when the alert is that old already.
    pub fn new(identity: Arc<GroupIdentity>, creator: Arc<Alert>, now: Timestamp) -> Self {
        let is_old = creator.starts_at + identity.group_wait < now;
        let first = if is_old {
            now
        } else {
            now.utc() + identity.group_wait
        };
        let grid = Grid::starting(first, identity.group_interval);
        let severity = Severity::of(&creator.labels);
        let mut members = Members::default();
        members.insert(creator);
        Self {
            identity,
            members,
            told: Vec::new(),
            grid,
            fence: 0,
            lease: None,
            put_off: None,
            severity,
        }
    }

    /// Rebuilds a group from what was recorded of it; `members` and `told` follow through [`Group::restore_member`]
    /// and [`Group::restore_told`].
    pub fn restored(identity: Arc<GroupIdentity>, grid: Grid) -> Self {
        let severity = Severity::default();
        Self {
            identity,
            members: Members::default(),
            told: Vec::new(),
            grid,
            fence: 0,
            lease: None,
            put_off: None,
            severity,
        }
    }

    /// Puts a recorded member back.
    pub fn restore_member(&mut self, alert: Arc<Alert>) {
        match self.members.get_mut(alert.fingerprint) {
            Some(member) if member.labels == alert.labels => *member = alert,
            _ => {
                self.severity = self.severity.max(Severity::of(&alert.labels));
                self.members.insert(alert);
            }
        }
    }

    /// Puts back what an integration was told. A message in flight makes the group due, so that it is settled first.
    pub fn restore_told(&mut self, integration: &IntegrationId, told: Told, now: Timestamp) {
        if told.pending.is_some() {
            self.grid.tick_no_later_than(now);
        }
        *self.told_mut(integration) = told;
    }

    /// What the group is.
    pub fn identity(&self) -> &Arc<GroupIdentity> {
        &self.identity
    }

    /// The members in fingerprint order.
    pub fn members(&self) -> impl ExactSizeIterator<Item = &Arc<Alert>> {
        self.members.values()
    }

    /// Whether the alert is a member.
    pub fn contains(&self, fingerprint: Fingerprint) -> bool {
        self.members.get(fingerprint).is_some()
    }

    /// What each integration was told.
    pub fn told(&self) -> &[(IntegrationId, Told)] {
        &self.told
    }

    /// What one integration was told.
    pub fn told_to(&self, integration: &IntegrationId) -> Option<&Told> {
        let mut told = self.told.iter();
        told.find(|(id, _)| id == integration).map(|(_, told)| told)
    }

    /// Its ticks.
    pub fn grid(&self) -> Grid {
        self.grid
    }

    /// When it is due next; `None` while it is being flushed.
    pub fn due(&self) -> Option<Timestamp> {
        match self.lease {
            Some(_) => None,
            None => Some(self.wakes_at()),
        }
    }

    /// Whether somebody is flushing it.
    pub fn is_held(&self, now: Timestamp) -> bool {
        self.lease.is_some_and(|held| now < held.until)
    }

    /// When it has to be looked at again: its next tick, or the end of its lease should nobody finish the flush.
    pub fn wakes_at(&self) -> Timestamp {
        let next = self.grid.next();
        let due = self.put_off.map_or(next, |until| next.max(until));
        self.lease.map_or(due, |held| held.until)
    }

    /// How urgent its most severe member is.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// Offers an alert as now known to the group.
    ///
    /// An ended alert joins only if some integration believes it to be firing; whoever is a member is replaced.
    pub fn put(&mut self, alert: Arc<Alert>, now: Timestamp, grace: Grace) -> Joined {
        let fingerprint = alert.fingerprint;
        if let Some(member) = self.members.get_mut(fingerprint) {
            *member = alert;
            return Joined::Updated;
        }
        if alert.is_resolved(now, grace) && !self.is_owed(fingerprint) {
            return Joined::Ignored;
        }
        self.severity = self.severity.max(Severity::of(&alert.labels));
        self.members.insert(alert);
        Joined::Added
    }

    /// Updates an alert that is a member; one that is none stays out.
    pub fn update_member(&mut self, alert: &Arc<Alert>) {
        if let Some(member) = self.members.get_mut(alert.fingerprint) {
            *member = Arc::clone(alert);
        }
    }

    /// Claims the group for one flush if it is due and nobody else holds it.
    pub fn claim(&mut self, now: Timestamp, lease: Duration, grace: Grace) -> Option<Claim> {
        if self.is_held(now) || self.is_put_off(now) || now < self.grid.next() {
            return None;
        }
        let tick = self.grid.take_tick(now);
        Some(self.claim_as(self.fence + 1, tick, now, lease, grace))
    }

    /// Takes note of a claim that was granted elsewhere, and answers it with what is known here.
    pub fn claim_as(
        &mut self,
        fence: u64,
        tick: Timestamp,
        now: Timestamp,
        lease: Duration,
        grace: Grace,
    ) -> Claim {
        self.fence = self.fence.max(fence);
        let until = now + lease;
        self.lease = Some(Lease { fence, until });
        self.put_off = None;
        Claim {
            identity: Arc::clone(&self.identity),
            fence,
            tick,
            now,
            lease_until: until,
            alerts: self.members.values().cloned().collect(),
            told: self.told.clone(),
            grace,
            foreign: Foreign::default(),
        }
    }

    /// Leaves the group alone until `until`: somebody else may be flushing it.
    pub fn hold(&mut self, until: Timestamp) {
        self.fence += 1;
        self.lease = Some(Lease {
            fence: self.fence,
            until,
        });
    }

    /// Goes on under the lease of the group as it was known before.
    pub fn keep_lease_of(&mut self, before: &Self) {
        self.fence = self.fence.max(before.fence);
        self.lease = before.lease;
    }

    /// Whether the claim with this fence is the one in force.
    pub fn is_held_by(&self, fence: u64) -> bool {
        self.lease.is_some_and(|held| held.fence == fence)
    }

    /// Lets go of a lease without a flush.
    pub fn release_lease(&mut self) {
        self.lease = None;
    }

    /// Replaces the ticks.
    pub fn set_grid(&mut self, grid: Grid) {
        self.grid = grid;
    }

    /// Takes a member out.
    pub fn remove(&mut self, fingerprint: Fingerprint) -> Option<Arc<Alert>> {
        self.members.remove(fingerprint)
    }

    /// A member.
    pub fn member(&self, fingerprint: Fingerprint) -> Option<&Arc<Alert>> {
        self.members.get(fingerprint)
    }

    /// Takes over what an integration is known to have been told, if that is the later state; answers whether it says something else.
    pub fn merge_told(&mut self, integration: &IntegrationId, told: &Told) -> bool {
        let here = self.told_mut(integration);
        let is_news = told.supersedes(here) && here != told;
        if is_news {
            *here = told.clone();
        }
        is_news
    }

    /// Extends an unexpired lease; a lapsed one is not revived.
    pub fn renew(
        &mut self,
        fence: u64,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Timestamp, LeaseLost> {
        self.check_lease(fence, now)?;
        let until = now + lease;
        self.lease = Some(Lease { fence, until });
        Ok(until)
    }

    /// Freezes a message before it is sent; answers its sequence number, never used twice.
    ///
    /// A message that is still pending is repeated as it was: its own number is answered and `message` is not taken.
    pub fn begin(
        &mut self,
        integration: &IntegrationId,
        fence: u64,
        message: Pending,
        now: Timestamp,
    ) -> Result<Pending, LeaseLost> {
        let least = self.next_number(integration, now);
        self.begin_numbered(integration, fence, message, now, least)
    }

    /// The next number of what an integration is told, where nobody shares the group.
    fn next_number(&mut self, integration: &IntegrationId, now: Timestamp) -> u64 {
        let millis = u64::try_from(now.unix_ms()).unwrap_or(0);
        Numbers::ANYBODY.next(self.told_mut(integration).seq, millis)
    }

    /// Numbers a message that was taken over from another group and not sent yet under this one's key. Two who are alone may each have
    /// taken one over at the same moment.
    pub fn number_unsent(&mut self, integration: &IntegrationId, number: u64) {
        let told = self.told_mut(integration);
        let unsent = told
            .pending
            .as_mut()
            .filter(|pending| told.seq < pending.seq);
        if let Some(pending) = unsent.filter(|_| told.seq < number) {
            pending.seq = number;
        }
    }

    /// As [`Group::begin`], with a number that is at least this one.
    pub fn begin_numbered(
        &mut self,
        integration: &IntegrationId,
        fence: u64,
        message: Pending,
        now: Timestamp,
        least: u64,
    ) -> Result<Pending, LeaseLost> {
        self.check_lease(fence, now)?;
        let told = self.told_mut(integration);
        if let Some(pending) = &told.pending {
            told.seq = told.seq.max(pending.seq);
            return Ok(pending.clone());
        }
        let seq = least.max(told.seq + 1);
        told.seq = seq;
        let pending = Pending { seq, ..message };
        told.pending = Some(pending.clone());
        Ok(pending)
    }

    /// Records that a message was accepted; by sequence number, whoever reports it. Answers what is told now.
    pub fn commit(
        &mut self,
        integration: &IntegrationId,
        message: &Pending,
        sent_at: Timestamp,
    ) -> &Told {
        let told = self.told_mut(integration);
        told.accept(message, sent_at);
        told
    }

    /// Takes back a message that was surely not accepted. Answers what is told now.
    pub fn refuse(&mut self, integration: &IntegrationId, seq: u64) -> &Told {
        let told = self.told_mut(integration);
        let _ = told.pending.take_if(|p| p.seq == seq);
        told
    }

    /// Ends a flush: gives the lease back, drops ended members nobody is owed, and goes on to the next grid tick.
    ///
    /// `claim` is what the flush decided on; a member that changed since stays. With `is_complete` false some integration
    /// failed, and every ended member stays for the next tick.
    pub fn finish(
        &mut self,
        claim: &Claim,
        is_complete: bool,
        now: Timestamp,
    ) -> Result<Finished, LeaseLost> {
        let farewell = self.farewell(claim, is_complete);
        self.let_go(claim.fence, &farewell, now)
    }

    /// Gives a claim back as if it had not been made; the group is due again after `delay`, for the same tick: repeats are
    /// counted from tick to tick.
    pub fn unclaim(
        &mut self,
        fence: u64,
        now: Timestamp,
        delay: Duration,
    ) -> Result<(), LeaseLost> {
        if self.lease.is_none_or(|held| held.fence != fence) {
            return Err(LeaseLost);
        }
        self.lease = None;
        self.put_off = Some(now.utc() + delay);
        Ok(())
    }

    /// Takes over a new configuration: keeps members and what was told, ticks at once, and restarts the grid there.
    ///
    /// A group that never ticked keeps its group_wait. What was told to integrations that are gone is kept: they may come back.
    pub fn reconfigure(&mut self, identity: Arc<GroupIdentity>, now: Timestamp) {
        self.replace_identity(identity);
        self.grid.restart(now, self.identity.group_interval);
        self.put_off = None;
    }

    /// Takes over a new configuration without touching the ticks; where the grid is shared, it is restarted there.
    pub fn set_identity(&mut self, identity: Arc<GroupIdentity>) {
        let grid = self.grid;
        let interval = identity.group_interval;
        self.grid = Grid::known(grid.first(), grid.next(), interval, grid.has_ticked());
        self.replace_identity(identity);
    }

    /// Forgets what was told to a fallback that is none any more: it hears of no end, so nothing counts as told should it become one
    /// again.
    fn replace_identity(&mut self, identity: Arc<GroupIdentity>) {
        let before = std::mem::replace(&mut self.identity, identity);
        let has = |identity: &GroupIdentity, id: &IntegrationId| {
            identity.spec(id).is_some_and(|spec| spec.is_fallback)
        };
        let now = &self.identity;
        self.told
            .retain(|(id, _)| !has(&before, id) || has(now, id));
    }

    /// Lets go of the members that belong elsewhere under a new configuration. What was told of them goes along: should one come
    /// back when it fires anew, that is news.
    pub fn release(&mut self, belongs: impl Fn(Fingerprint) -> bool) -> Vec<Arc<Alert>> {
        let released = self.members.take_out(|alert| !belongs(alert.fingerprint));
        let is_released = |f: Fingerprint| {
            let found = released.binary_search_by_key(&f, |alert| alert.fingerprint);
            found.is_ok()
        };
        for (_, told) in &mut self.told {
            told.leave_behind(is_released);
        }
        released
    }

    /// Takes in a member that another route used to own, with what was told about it there.
    ///
    /// Only what this group is an heir of is carried over ([`GroupIdentity::is_heir`]): `left` is what is known of the group the
    /// member was in, `groups` are those it belongs to now. Safe to repeat.
    pub fn adopt(
        &mut self,
        alert: Arc<Alert>,
        left: Option<&Lineage>,
        groups: &[Arc<GroupIdentity>],
        told_there: &[(IntegrationId, Told)],
        now: Timestamp,
    ) {
        let identity = Arc::clone(&self.identity);
        for (integration, there) in told_there {
            if identity.is_heir(integration, left, groups) {
                self.told_mut(integration).take_over(there, &alert, now);
            }
        }
        self.restore_member(alert);
    }

    /// Whether some integration that wants to hear of ends believes this alert to be firing.
    pub fn is_owed(&self, fingerprint: Fingerprint) -> bool {
        self.identity
            .receiver
            .integrations
            .iter()
            .filter(|spec| spec.send_resolved)
            .filter_map(|spec| self.told_to(&spec.id))
            .any(|told| told.believes_firing(fingerprint))
    }

    /// Whether a message in flight names this alert.
    pub fn has_in_flight(&self, fingerprint: Fingerprint) -> bool {
        let mut told = self.told.iter();
        told.any(|(_, told)| told.has_in_flight(fingerprint))
    }

    fn check_lease(&self, fence: u64, now: Timestamp) -> Result<(), LeaseLost> {
        match self.lease {
            Some(held) if held.fence == fence && now < held.until => Ok(()),
            _ => Err(LeaseLost),
        }
    }

    fn told_mut(&mut self, integration: &IntegrationId) -> &mut Told {
        let found = self.told.iter().position(|(id, _)| id == integration);
        let index = found.unwrap_or_else(|| {
            self.told.push((integration.clone(), Told::default()));
            self.told.len() - 1
        });
        &mut self.told[index].1
    }
}

#[cfg(test)]
mod tests;
