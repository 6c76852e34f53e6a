//! Taking alerts in: offered to their groups where those are shared, or to the replica where this instance is alone.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::alert::Alert;
use domain::group::GroupIdentity;
use domain::group::grid::Grid;
use domain::id::TenantId;
use domain::time::Timestamp;
use tokio::time::Instant;

use super::stranded::Wanted;
use super::{Coordinated, lock};
use crate::coordinator::{GroupName, Offer, Offered};
use crate::memory::{TakenIn, has_same_content};
use crate::{Ingested, OwedRecord, Placed, State, StateError};

/// While it is held nobody completes the way back to sharing.
pub(super) type StaysAlone<'a> = Vec<tokio::sync::RwLockReadGuard<'a, ()>>;

/// Why a post is refused that waited too long.
const OVERTAKEN: &str = "this instance was stopped for a while, and others may have heard something else of an alert since; say again what holds";

/// The least by which a state of an alert is later than another one.
const JUST_AFTER: Duration = Duration::from_millis(1);

/// A post that others overtake more often, in each of its groups, is refused.
const PROLONGED_MAX: usize = 3;

/// A post on its way.
struct Post {
    /// As posted, merged with what is known here.
    alert: Arc<Alert>,
    /// When it began, as posted: what is shared may hold an end this instance has not heard of yet.
    stated_start: Timestamp,
    owed: OwedRecord,
    groups: Vec<Arc<GroupIdentity>>,
    /// Which of them it waits in to be moved: they hold it already or are offered nothing.
    waits_in: Range<usize>,
    /// Where it belongs by this instance's configuration, if it waits elsewhere to be moved there.
    placed: Vec<Arc<GroupIdentity>>,
    /// As the groups that answered hold it; the latest of them.
    held: Option<Arc<Alert>>,
    created: Vec<(Arc<GroupIdentity>, Timestamp)>,
    /// Groups that are still to be offered it.
    open: Vec<usize>,
    /// Groups that hold it.
    holding: Vec<usize>,
    /// Whether it joins although it is over.
    is_owed: bool,
    /// Whether what others said since counts: an offer of it went without an answer, or it may have waited for this process.
    is_again: bool,
    /// Whether it says that the alert fires.
    fires: bool,
    /// Whether it may have waited while this process did not run, so that its sender may have said something else since.
    may_have_waited: bool,
    /// As posted, if it may have waited: for whom others said nothing since, it counts from when it was read.
    as_read: Option<Alert>,
    /// Whether it may have waited, and what is known is the opposite.
    is_overtaken: bool,
    /// How often it was offered anew because a group held less than it promises.
    prolonged: usize,
}

/// When a post that may have waited counts as said if what is known fires too, but for a shorter time: just after that. Neither
/// contradicts the other, and a promise to fire holds once it is acknowledged.
fn said_after(known: &Alert, posted: &Alert, now: Timestamp) -> Option<Timestamp> {
    let fires = !known.is_explicit_end() && now < known.ends_at;
    (fires && known.ends_at < posted.ends_at).then(|| known.updated_at + JUST_AFTER)
}

impl Coordinated {
    pub(super) async fn ingest_batch(
        &self,
        tenant: &TenantId,
        batch: Vec<Placed>,
        now: Timestamp,
    ) -> Result<Vec<Ingested>, StateError> {
        let said_at = self.said_at();
        let mut posts: Vec<Post> = batch
            .into_iter()
            .map(|placed| self.prepare(tenant, placed, now, said_at))
            .collect();
        let since = Instant::now();
        loop {
            if posts.iter().any(|post| self.is_refused(post)) {
                return Err(StateError::Unavailable(OVERTAKEN.to_owned()));
            }
            let offers = self.open_offers(&posts);
            if !offers.is_empty() {
                self.offer(&mut posts, offers, now, since).await;
                continue;
            }
            // Nobody goes back to sharing while these are held; who is alone stays so.
            let _alone = self.stay_alone().await;
            if !self.open_offers(&posts).is_empty() {
                continue;
            }
            let mut ingested = Vec::with_capacity(posts.len());
            for post in posts {
                ingested.push(self.conclude(tenant, post, now).await?);
            }
            return Ok(ingested);
        }
    }

    /// Whether others may have heard from the sender of a post since, and say the opposite. Alone nobody knows whether they do.
    fn is_refused(&self, post: &Post) -> bool {
        let is_unknown = post.may_have_waited && self.may_have_others();
        let mut shards = post.groups.iter().map(|g| GroupName::of(g).shard());
        shards.any(|shard| match self.is_alone(shard) {
            true => is_unknown,
            false => post.is_overtaken,
        })
    }

    /// Keeps the way back to sharing from completing.
    pub(super) async fn stay_alone(&self) -> StaysAlone<'_> {
        let mut locks = Vec::with_capacity(self.domains.len());
        for domain in &self.domains {
            locks.push(domain.alone.read().await);
        }
        locks
    }

    /// Notes a group that was changed by this instance alone while it is on its way back.
    pub(super) fn touch(&self, name: GroupName) {
        let domain = self.domain(name.shard());
        if domain.is_returning.load(Ordering::Acquire) {
            lock(&domain.touched).entry(name).or_default();
        }
    }

    /// Notes that an alert was put into a group by this instance alone while it is on its way back.
    fn touch_by(&self, group: &Arc<GroupIdentity>, alert: &Alert) {
        let name = GroupName::of(group);
        let domain = self.domain(name.shard());
        if domain.is_returning.load(Ordering::Acquire) {
            let mut touched = lock(&domain.touched);
            let joined = touched.entry(name).or_default();
            joined.insert(alert.fingerprint, Arc::clone(group));
        }
    }

    /// Merges a post with what is known and finds the groups that have to hear of it.
    ///
    /// `said_at`: since when it may have waited for this process.
    fn prepare(
        &self,
        tenant: &TenantId,
        mut placed: Placed,
        now: Timestamp,
        said_at: Option<Timestamp>,
    ) -> Post {
        let (stated_start, is_owed) = (placed.alert.starts_at, placed.is_owed);
        let fires = now < placed.alert.ends_at;
        let as_read = said_at.map(|said_at| {
            let as_read = placed.alert.clone();
            let known = self.memory.alert(tenant, as_read.fingerprint);
            let after = known.and_then(|known| said_after(&known, &as_read, now));
            placed.alert.updated_at = after.map_or(said_at, |after| after.max(said_at));
            as_read
        });
        let (alert, owed) = self.memory.peek(tenant, placed.alert);
        let Wanted {
            groups,
            waits_in,
            placed,
        } = self.not_leaving(tenant, &alert, placed.groups);
        // A refresh that what is shared covers costs no request (protocol.md §5, coalescing).
        let is_held = |group: &Arc<GroupIdentity>| {
            self.memory
                .has_member(&GroupName::of(group), alert.fingerprint)
        };
        // Only of the same episode: where this instance slept through an end, what fires anew is no refresh.
        let is_same = stated_start <= alert.starts_at;
        let is_covered = owed == OwedRecord::Nothing && is_same && groups.iter().all(is_held);
        let all = (0..groups.len()).collect();
        let (open, holding) = if is_covered {
            (Vec::new(), all)
        } else {
            (all, Vec::new())
        };
        // What ended by its own time while it waited may be an end or an old promise to fire: if it fires here, it is refused too.
        let is_overtaken = as_read.is_some() && fires != (now < alert.ends_at);
        Post {
            alert,
            stated_start,
            fires,
            owed,
            groups,
            waits_in,
            placed,
            held: None,
            created: Vec::new(),
            open,
            holding,
            is_owed,
            is_again: as_read.is_some(),
            may_have_waited: as_read.is_some(),
            as_read,
            is_overtaken,
            prolonged: 0,
        }
    }

    /// What is still to be asked of the coordinator: (post, group) pairs in shards that are shared.
    fn open_offers(&self, posts: &[Post]) -> Vec<(usize, usize)> {
        let mut offers = Vec::new();
        for (p, post) in posts.iter().enumerate() {
            for g in &post.open {
                let shard = post
                    .groups
                    .get(*g)
                    .map(|group| GroupName::of(group).shard());
                if shard.is_some_and(|shard| !self.is_alone(shard)) {
                    offers.push((p, *g));
                }
            }
        }
        offers
    }

    fn as_offer(&self, post: &Post, index: usize, group: &Arc<GroupIdentity>) -> Offer {
        let fingerprint = post.alert.fingerprint;
        let known = self.memory.see(&GroupName::of(group), |known| {
            (known.contains(fingerprint), known.is_owed(fingerprint))
        });
        let (is_member, is_owed) = known.unwrap_or_default();
        Offer {
            group: self.offered_as(group, post.waits_in.contains(&index)),
            alert: post.as_offered(is_member),
            is_owed: is_owed || post.is_owed,
            is_again: post.is_again,
        }
    }

    /// One round: shards that fail leave their offers open, to be repeated or taken in alone.
    async fn offer(
        &self,
        posts: &mut [Post],
        offers: Vec<(usize, usize)>,
        now: Timestamp,
        since: Instant,
    ) {
        // The process may have been stopped since they were prepared.
        if self.said_at().is_some() {
            for post in posts.iter_mut() {
                post.is_again = true;
                post.may_have_waited = true;
            }
        }
        let mut asked = Vec::with_capacity(offers.len());
        let mut places = Vec::with_capacity(offers.len());
        for (p, g) in offers {
            let Some((post, group)) = posts
                .get(p)
                .and_then(|post| Some((post, post.groups.get(g)?)))
            else {
                continue;
            };
            places.push((p, g, GroupName::of(group).shard()));
            asked.push(self.as_offer(post, g, group));
        }
        let asked_at = Instant::now();
        let answers = tokio::select! {
            answers = self.shared.ingest(asked, now) => answers,
            () = self.goes_alone() => {
                // What came of it nobody knows; what is shared still is asked again.
                for (p, ..) in places {
                    if let Some(post) = posts.get_mut(p) {
                        post.is_again = true;
                    }
                }
                return;
            }
        };
        let mut failed = HashMap::new();
        for ((p, g, shard), answer) in places.into_iter().zip(answers) {
            match answer {
                Ok(offered) => {
                    if let Some(post) = posts.get_mut(p) {
                        post.take(g, offered, now);
                    }
                    self.succeed(shard);
                }
                Err(error) => {
                    if let Some(post) = posts.get_mut(p) {
                        post.is_again = true;
                    }
                    failed.entry(shard % self.domains.len()).or_insert(error);
                }
            }
        }
        if failed.is_empty() {
            return;
        }
        for (shard, error) in failed {
            self.fail_since(since, shard, error, asked_at);
        }
        tokio::time::sleep(super::RETRY_PAUSE).await;
    }

    /// Whether the time of the episode known here had run out by the start a post states. Alone beside others nobody was told of that, so
    /// what was told speaks of that episode.
    fn begins_anew(&self, tenant: &TenantId, post: &Post) -> bool {
        let known = self.memory.alert(tenant, post.alert.fingerprint);
        known.is_some_and(|known| !known.is_explicit_end() && known.ends_at < post.stated_start)
    }

    /// Brings the replica up to date, and takes in what nobody shares.
    async fn conclude(
        &self,
        tenant: &TenantId,
        mut post: Post,
        now: Timestamp,
    ) -> Result<Ingested, StateError> {
        post.place_where_known();
        if !post.open.is_empty()
            && post.held.is_none()
            && let Some(as_read) = post.as_read.take()
        {
            (post.alert, post.owed) = self.memory.peek(tenant, as_read);
        }
        let mut owed = post.owed;
        let mut created = post.created.clone();
        let alert = post.held.clone().unwrap_or_else(|| Arc::clone(&post.alert));
        if !has_same_content(&alert, &post.alert) {
            owed = OwedRecord::Whole;
        }
        let begins_anew = !post.open.is_empty() && self.begins_anew(tenant, &post);
        self.memory.learn_alert(tenant, &alert, TakenIn::Here);
        for group in post.holding.iter().filter_map(|g| post.groups.get(*g)) {
            let first = created.iter().find(|(made, _)| made.key == group.key);
            let first = first.map(|(_, first)| *first);
            let is_known = self.memory.see(&GroupName::of(group), |_| ()).is_some();
            if is_known || first.is_some() {
                let grid = || Grid::starting(first.unwrap_or(now), group.group_interval);
                self.memory.learn_member(group, &alert, grid);
            }
        }
        let alone = post.open.iter().filter_map(|g| post.groups.get(*g));
        let alone: Vec<_> = alone.cloned().collect();
        if !alone.is_empty() {
            for group in &alone {
                self.touch_by(group, &alert);
                let name = GroupName::of(group);
                if begins_anew {
                    let since = post.stated_start;
                    self.memory.with(&name, |known| {
                        known.doubt(alert.fingerprint, since, |_, _| false);
                    });
                } else if post.may_fire_anew() {
                    self.doubt_told(&name, alert.fingerprint, post.stated_start);
                }
            }
            if begins_anew || post.may_fire_anew() {
                // What fires since an end that others heard of must not be taken for what that ended, should this life end here.
                owed = OwedRecord::Whole;
            }
            let placed = Placed {
                alert: Alert::clone(&alert),
                groups: alone,
                is_owed: post.is_owed,
            };
            for one in self.memory.ingest(tenant, vec![placed], now).await? {
                owed = owed.max(one.owed);
                created.extend(one.created);
            }
        }
        if !created.is_empty() {
            owed = OwedRecord::Whole;
        }
        Ok(Ingested {
            alert,
            created,
            owed,
        })
    }
}

impl Post {
    /// As a group is offered it: with which episode of its it goes together, whoever holds it there decides.
    fn as_offered(&self, is_member: bool) -> Arc<Alert> {
        if !is_member || self.stated_start == self.alert.starts_at {
            return Arc::clone(&self.alert);
        }
        Arc::new(Alert {
            starts_at: self.stated_start,
            ..Alert::clone(&self.alert)
        })
    }

    /// Whether it states a later start than what it was joined with: it may belong to another episode, whose beginning comes after
    /// an end that was not heard of here. A start that nobody stated is that of the post.
    fn may_fire_anew(&self) -> bool {
        let (alert, start) = (&self.alert, self.stated_start);
        alert.starts_at < start && start < alert.updated_at && !alert.is_explicit_end()
    }

    /// What is to be taken in alone goes where this instance's configuration says: of a group of which only the key is known
    /// nobody would be told.
    fn place_where_known(&mut self) {
        let is_unknown = |g: &usize| self.groups.get(*g).is_some_and(|g| g.is_stand_in());
        let (unknown, open): (Vec<_>, Vec<_>) = self.open.iter().partition(|g| is_unknown(g));
        self.open = open;
        if !unknown.is_empty() {
            self.place_anew();
        }
    }

    /// Whether a group holds the opposite of a post that may have waited.
    fn is_denied_by(&self, group: usize, offered: &Offered, now: Timestamp) -> bool {
        let has_moved = self.waits_in.contains(&group) && !offered.is_member;
        if !self.may_have_waited || has_moved {
            return false;
        }
        self.fires != (offered.is_member && now < offered.alert.ends_at)
    }

    /// Whether it is offered to a group once more, which ignored what it promises: others said since when it may have been said that the
    /// alert fires, for a shorter time.
    fn is_prolonged_after(&mut self, offered: &Offered, now: Timestamp) -> bool {
        let may_be_ignored = self.may_have_waited && offered.is_member;
        let after = may_be_ignored.then(|| said_after(&offered.alert, &self.alert, now));
        let Some(after) = after.flatten() else {
            return false;
        };
        self.prolonged += 1;
        self.is_overtaken |= PROLONGED_MAX * self.groups.len() < self.prolonged;
        self.alert = Arc::new(Alert {
            updated_at: after,
            ..Alert::clone(&self.alert)
        });
        !self.is_overtaken
    }

    fn place_anew(&mut self) {
        for group in std::mem::take(&mut self.placed) {
            if !self.groups.iter().any(|known| known.key == group.key) {
                self.open.push(self.groups.len());
                self.groups.push(group);
            }
        }
    }

    fn take(&mut self, group: usize, offered: Offered, now: Timestamp) {
        if self.is_prolonged_after(&offered, now) {
            return;
        }
        self.open.retain(|open| *open != group);
        self.is_overtaken |= self.is_denied_by(group, &offered, now);
        if let (Some(first), Some(identity)) = (offered.created, self.groups.get(group)) {
            self.created.push((Arc::clone(identity), first));
        }
        let is_later = |held: &Arc<Alert>| held.updated_at < offered.alert.updated_at;
        if offered.is_member {
            self.holding.push(group);
        } else if self.waits_in.contains(&group) {
            // It is there no more.
            self.place_anew();
        }
        if offered.is_member && self.held.as_ref().is_none_or(is_later) {
            self.held = Some(offered.alert);
        }
    }
}
