//! What this instance told while it was alone, and how that becomes one with what others told meanwhile.
//!
//! What counts as told of an integration is one message's word. Instances that could not hear each other each have their own;
//! the later one alone would forget what only the earlier one said. So ends that were told alone are remembered with their
//! times, and on the way back the two are joined alert by alert (`domain::group::apart`).

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::fingerprint::Fingerprint;
use domain::group::Group;
use domain::group::apart::{Apart, Unknown};
use domain::group::numbers::Numbers;
use domain::group::told::{Pending, Told};
use domain::id::IntegrationId;
use domain::time::Timestamp;
use futures::future::try_join_all;
use tokio::time::Instant;

use super::{Alone, Coordinated, lock};
use crate::coordinator::{GroupName, Joined, SharedGroup};

/// Groups that are asked about at a time on the way back.
pub(super) const ASKED_AT_ONCE: usize = 64;

/// Most ends that are remembered; past it, what was told counts as unknown, so some ends are told once more.
const ENDS_MAX: usize = 200_000;

/// What an integration was told.
struct Said {
    /// When that alerts ended; `None` when not all of them were kept.
    ends: Option<HashMap<Fingerprint, Timestamp>>,
    /// The number of the last message, also if its group went and was made anew since.
    number: u64,
    /// The message that was accepted alone although it was begun before that: others still hold it for in flight.
    accepted: Option<u64>,
}

/// What an integration was told alone of a group that is not here when it is shared again.
struct Parted {
    /// That nothing fires any more, if it ended here.
    told: Told,
    ends: Option<HashMap<Fingerprint, Timestamp>>,
    since: Instant,
}

/// Most of those that are remembered; past it none is, and what others told earlier counts.
const PARTED_MAX: usize = 50_000;

/// Integrations this instance told something while it was alone.
#[derive(Default)]
pub(super) struct ToldAlone {
    integrations: Mutex<HashMap<(GroupName, IntegrationId), Said>>,
    count: AtomicUsize,
    /// Others may come back later than this instance, and share what they told earlier.
    parted: Mutex<HashMap<(GroupName, IntegrationId), Parted>>,
}

impl Default for Said {
    fn default() -> Self {
        Self {
            ends: Some(HashMap::new()),
            number: 0,
            accepted: None,
        }
    }
}

impl Said {
    /// What others hold for told, and in flight as long as it is not known here what became of that.
    fn seen_by_others(&self, theirs: &Told) -> Told {
        let mut theirs = theirs.clone();
        theirs.pending = theirs.pending.filter(|p| self.accepted != Some(p.seq));
        theirs
    }
}

impl ToldAlone {
    /// A message is about to be sent; answers its number, which is after `last` and after every one given here.
    pub(super) fn begin(
        &self,
        name: &GroupName,
        integration: &IntegrationId,
        numbers: Numbers,
        last: u64,
        now_ms: u64,
    ) -> u64 {
        let key = (name.clone(), integration.clone());
        let mut integrations = lock(&self.integrations);
        let said = integrations.entry(key).or_default();
        said.number = numbers.next(said.number.max(last), now_ms);
        said.number
    }

    /// A message was accepted.
    pub(super) fn accept(
        &self,
        name: &GroupName,
        integration: &IntegrationId,
        message: &Pending,
        sent_at: Timestamp,
    ) {
        let key = (name.clone(), integration.clone());
        let mut integrations = lock(&self.integrations);
        let said = integrations.entry(key).or_default();
        said.number = said.number.max(message.seq);
        if !Numbers::is_alone(message.seq) {
            said.accepted = Some(message.seq);
        }
        let Some(ends) = &mut said.ends else { return };
        let before = ends.len();
        ends.extend(message.resolved.iter().map(|ended| (*ended, sent_at)));
        let more = ends.len() - before;
        if self.count.fetch_add(more, Ordering::Relaxed) + more > ENDS_MAX {
            self.count.fetch_sub(ends.len(), Ordering::Relaxed);
            said.ends = None;
        }
    }

    /// A configuration puts alerts into other groups: that they ended, as was told alone, is known of those too.
    pub(super) fn carry_over(&self, groups_of: impl Fn(&GroupName, Fingerprint) -> Vec<GroupName>) {
        // Where alerts belong is found out under other locks, whose holders may wait for this one.
        let ends: Vec<_> = {
            let integrations = lock(&self.integrations);
            let said = integrations.iter();
            let ends = said.flat_map(|(key, said)| {
                let ends = said.ends.iter().flatten();
                ends.map(|(ended, at)| (key.clone(), *ended, *at))
            });
            ends.collect()
        };
        let mut carried = Vec::new();
        for ((name, integration), ended, at) in ends {
            let groups = groups_of(&name, ended).into_iter();
            carried.extend(groups.map(|to| ((to, integration.clone()), ended, at)));
        }
        let mut integrations = lock(&self.integrations);
        for (key, ended, at) in carried {
            if let Some(ends) = &mut integrations.entry(key).or_default().ends {
                let known = ends.insert(ended, at);
                ends.insert(ended, known.map_or(at, |known| known.max(at)));
                self.count
                    .fetch_add(usize::from(known.is_none()), Ordering::Relaxed);
            }
        }
    }

    fn contains(&self, name: &GroupName, integration: &IntegrationId) -> bool {
        lock(&self.integrations).contains_key(&(name.clone(), integration.clone()))
    }

    /// What of this is known: forgotten once all of a fault domain is shared again, but for groups that are not here, of which
    /// `told_last` tells what was told last, if they ended here; that is remembered for as long as it may matter.
    pub(super) fn forget(
        &self,
        is_over: impl Fn(&GroupName) -> bool,
        told_last: impl Fn(&GroupName, &IntegrationId) -> Option<Told>,
        kept: Duration,
    ) {
        let since = Instant::now();
        let mut integrations = lock(&self.integrations);
        let mut parted = lock(&self.parted);
        parted.retain(|_, parted| since.duration_since(parted.since) < kept);
        let over = integrations.extract_if(|(name, _), _| is_over(name));
        for (key, Said { ends, .. }) in over {
            // Of a group that was never here a configuration may have carried ends over.
            let has_said = |told: &Told| told.seq > 0 || ends.iter().any(|ends| !ends.is_empty());
            if let Some(told) = told_last(&key.0, &key.1).filter(has_said)
                && parted.len() < PARTED_MAX
            {
                parted.insert(key, Parted { told, ends, since });
            }
        }
        let ends = integrations.values().filter_map(|said| said.ends.as_ref());
        let left = ends.map(HashMap::len).sum();
        self.count.store(left, Ordering::Relaxed);
    }
}

impl Coordinated {
    /// Whether this instance told an integration something alone that is not joined yet; also before its last start.
    pub(super) fn is_told_alone(
        &self,
        name: &GroupName,
        integration: &IntegrationId,
        told: &Told,
    ) -> bool {
        self.told_alone.contains(name, integration) || Numbers::is_alone(told.seq)
    }

    /// An alert that fires by what was shared last is stated, alone, to have begun after that was told: its end went to another
    /// instance, which may have told it.
    pub(super) fn doubt_told(&self, name: &GroupName, alert: Fingerprint, since: Timestamp) {
        let is_certain =
            |integration: &IntegrationId, told: &Told| self.is_told_alone(name, integration, told);
        self.memory
            .with(name, |group| group.doubt(alert, since, is_certain));
    }

    /// Others may have told since that nothing fires what this instance told alone does: of a group that is gone, or was made anew, it
    /// shows only in who left it. An integration that heard so has to be told anew.
    pub(super) async fn doubt_overtold(
        &self,
        shard: usize,
        here: &mut [Group],
    ) -> Result<(), Alone> {
        let has_told = |group: &Group| !self.told_firing_alone(group).is_empty();
        if !here.iter().any(has_told) {
            return Ok(());
        }
        let (_, there) = self.read_shard(shard).await?;
        // What others told of a group as it is there says what it left out.
        let is_silent = |name: &GroupName, integration: &IntegrationId| {
            let theirs = there.get(name).and_then(|there| there.told_to(integration));
            theirs.is_none_or(|theirs| theirs.last.is_none())
        };
        for groups in here.chunks_mut(ASKED_AT_ONCE) {
            let asked = groups.iter_mut().map(async |group| {
                let name = GroupName::of(group.identity());
                let mut told = self.told_firing_alone(group);
                told.retain(|(integration, _)| is_silent(&name, integration));
                let Some(told_at) = told.iter().map(|(_, told_at)| *told_at).min() else {
                    return Ok(());
                };
                let margin = group.identity().group_interval + self.timing.send_timeout;
                if self.have_others_left(&name, told_at - margin).await? {
                    // The replica hears of it with what is shared: as long as this instance is alone, it is what it told.
                    for (integration, _) in &told {
                        group.doubt_all(integration);
                    }
                }
                Ok(())
            });
            try_join_all(asked).await?;
        }
        Ok(())
    }

    /// Integrations this instance told alone that alerts of a group fire, and when.
    fn told_firing_alone(&self, group: &Group) -> Vec<(IntegrationId, Timestamp)> {
        let name = GroupName::of(group.identity());
        let told = group.told().iter();
        let told = told.filter(|(integration, told)| {
            !told.firing().is_empty() && self.is_told_alone(&name, integration, told)
        });
        told.filter_map(|(id, told)| Some((id.clone(), told.last.as_ref()?.sent_at)))
            .collect()
    }

    /// Whether somebody left a group since an instant whom this instance did not see leave; an end may be told long after it was stated.
    async fn have_others_left(&self, name: &GroupName, since: Timestamp) -> Result<bool, Alone> {
        let asked = || self.shared.left_since(name, since, since);
        let left = self.insist(Some(name.shard()), asked).await?;
        let tombs = lock(&self.tombs);
        let mut left = left.iter();
        Ok(left.any(|(alert, state)| !tombs.has_seen_off(name, *alert, *state)))
    }

    /// What was told alone here and by others there, made one.
    pub(super) fn joined(
        &self,
        name: &GroupName,
        integration: &IntegrationId,
        ours: &Told,
        theirs: &Told,
    ) -> Told {
        let seen_ms = self.view(name.shard()).seen.ms;
        // A message that was begun before this instance was alone may have been accepted since.
        let last = theirs.last.as_ref();
        let sent_at = last.map(|last| self.agreed.shard_at(name.shard(), last.sent_at));
        let sent_ms = sent_at.and_then(|at| u64::try_from(at.unix_ms()).ok());
        let is_theirs_new = theirs.seq.max(sent_ms.unwrap_or(0)) > seen_ms;
        let key = (name.clone(), integration.clone());
        let integrations = lock(&self.told_alone.integrations);
        let said = integrations.get(&key);
        let ends = said.and_then(|said| said.ends.as_ref());
        let theirs = said.map_or_else(|| theirs.clone(), |said| said.seen_by_others(theirs));
        self.made_one(ours, &theirs, ends, is_theirs_new)
    }

    /// By how much the clocks of two instances that are alone may differ: they go by the time all agreed on last.
    pub(super) fn clocks_differ_by(&self) -> Duration {
        self.timing.send_timeout / 10
    }

    fn made_one(
        &self,
        ours: &Told,
        theirs: &Told,
        ends: Option<&HashMap<Fingerprint, Timestamp>>,
        is_theirs_new: bool,
    ) -> Told {
        let ended = |fingerprint: Fingerprint| match ends {
            Some(ends) => Ok(ends.get(&fingerprint).copied()),
            None => Err(Unknown),
        };
        let apart = Apart {
            ended: &ended,
            is_theirs_new,
            doubt: self.timing.send_timeout,
            skew: self.clocks_differ_by(),
        };
        ours.joined(theirs, &apart)
    }

    /// Another instance came back and shared what it told of a group that had ended here: what this one told last of it, alone
    /// too, may be later.
    pub(super) fn joined_late(
        &self,
        name: &GroupName,
        integration: &IntegrationId,
        theirs: &Told,
    ) -> Option<Joined> {
        let key = (name.clone(), integration.clone());
        let parted = lock(&self.told_alone.parted);
        let ours = parted.get(&key)?;
        let told = self.made_one(&ours.told, theirs, ours.ends.as_ref(), true);
        said_over(integration, told, theirs)
    }

    /// What this instance told alone of a group that is not here and that others share: it ended here, or only others made it, of
    /// alerts that a configuration took there.
    pub(super) fn joins_of_unknown(&self, there: &SharedGroup) -> Vec<Joined> {
        let told = there.told.iter();
        let told = told.filter(|(id, _)| self.told_alone.contains(&there.name, id));
        let joined = told.filter_map(|(integration, theirs)| {
            let ours = lock(&self.tombs).told_last(&there.name, integration);
            let ours = ours.unwrap_or_default();
            let told = self.joined(&there.name, integration, &ours, theirs);
            said_over(integration, told, theirs)
        });
        joined.collect()
    }

    /// What is to be merged of what this instance told alone.
    pub(super) fn joins(&self, here: &Group, there: Option<&SharedGroup>) -> Vec<Joined> {
        let name = GroupName::of(here.identity());
        let alone = here.told().iter();
        let alone = alone.filter(|(id, told)| self.is_told_alone(&name, id, told));
        let joined = alone.filter_map(|(integration, ours)| {
            let theirs = there.and_then(|group| group.told_to(integration));
            let theirs = theirs.cloned().unwrap_or_default();
            let told = self.joined(&name, integration, ours, &theirs);
            said_over(integration, told, &theirs)
        });
        joined.collect()
    }

    /// Which numbers are this instance's own, of those it gives alone and of those it gives through what is shared: nobody it has heard
    /// of uses the same.
    pub(super) fn own_slot(&self) -> u64 {
        let own = lock(&self.report).id.clone();
        let mut ids: Vec<String> = lock(&self.instances)
            .iter()
            .map(|report| report.id.clone())
            .chain([own.clone()])
            .collect();
        ids.sort();
        ids.dedup();
        let mut taken: Vec<Numbers> = Vec::new();
        for id in &ids {
            let mut slot = mixed(id);
            while taken.contains(&Numbers::alone(slot)) && taken.len() < ids.len() {
                slot = slot.wrapping_add(1);
            }
            if *id == own {
                return slot;
            }
            taken.push(Numbers::alone(slot));
        }
        mixed(&own)
    }
}

/// What is to be said of what others told, unless it is what they know.
pub(super) fn said_over(integration: &IntegrationId, told: Told, theirs: &Told) -> Option<Joined> {
    (told != *theirs).then(|| Joined {
        integration: integration.clone(),
        told,
        over: theirs.seq,
    })
}

/// A number that differs from id to id (FNV-1a, then its middle bits).
fn mixed(id: &str) -> u64 {
    let sum = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    sum >> 20
}
