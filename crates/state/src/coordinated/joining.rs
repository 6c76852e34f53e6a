//! Members of a stranded group join the groups they belong to, with what was told of them.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use domain::alert::Alert;
use domain::fingerprint::Fingerprint;
use domain::group::grid::Grid;
use domain::group::{Group, GroupIdentity};

use super::{Alone, Coordinated};
use crate::State;
use crate::coordinator::{Claimed, GroupName, MERGED_AT_ONCE_MAX, Merge, Merged, SharedGroup};
use crate::host::Host;

/// How long a group that a move made waits for members that come to it from other groups.
const MADE_PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

/// How often a group is tried to be made or held, and the pause between two tries.
const HOLD_TRIES: usize = 10;
const HOLD_PAUSE: std::time::Duration = std::time::Duration::from_millis(20);

/// By how much an alert that was moved is known newer.
const MOVED: std::time::Duration = std::time::Duration::from_millis(1);

/// A group and the alerts that move to it.
struct Target {
    group: Arc<GroupIdentity>,
    alerts: Vec<Arc<Alert>>,
}

/// What becomes of alerts whose group is another one.
struct Movable {
    /// They fire, or their end is owed by what was told where they are.
    moved: Vec<Arc<Alert>>,
    /// They are over, and nothing was told of them where they are; or it counts elsewhere already, as they moved and stayed.
    ended: Vec<Arc<Alert>>,
}

impl Target {
    fn leave_out(&mut self, staying: &HashSet<Fingerprint>) {
        self.alerts
            .retain(|alert| !staying.contains(&alert.fingerprint));
    }
}

impl Coordinated {
    /// Has alerts join the groups they belong to; answers which of them did, each all of its groups. Who belongs to one in a shard that
    /// is to be read anew joins none, and none who belongs to one that somebody is flushing, unless that one was made at this very
    /// moment: what was told of it would count there and where it stays.
    pub(super) async fn join_theirs(
        &self,
        host: &dyn Host,
        alerts: &[Arc<Alert>],
        source: &SharedGroup,
    ) -> Result<Vec<Arc<Alert>>, Alone> {
        let mut claims = BTreeMap::new();
        let joined = self.join_free(host, alerts, source, &mut claims).await;
        for claimed in claims.values() {
            self.give_back(claimed, std::time::Duration::ZERO).await;
        }
        joined
    }

    /// The same; notes the groups that are held for it.
    async fn join_free(
        &self,
        host: &dyn Host,
        alerts: &[Arc<Alert>],
        source: &SharedGroup,
        claims: &mut BTreeMap<GroupName, Claimed>,
    ) -> Result<Vec<Arc<Alert>>, Alone> {
        let (mut missing, mut there) = (Vec::new(), Vec::new());
        let mut staying: HashSet<Fingerprint> = HashSet::new();
        // A loss shows in the feed: what was told of a group is put back first, as what a move tells of it has a later number.
        self.follow_from_now().await?;
        let is_lost = |name: &GroupName| self.view(name.shard()).epoch.is_none();
        if is_lost(&source.name) {
            return Ok(Vec::new());
        }
        for (name, target) in self.targets(host, alerts, source) {
            if is_lost(&name) {
                staying.extend(target.alerts.iter().map(|a| a.fingerprint));
                continue;
            }
            match self.directly(self.shared.seize(&name).await)? {
                Some(Ok(claimed)) => {
                    claims.insert(name, claimed);
                    there.push(target);
                }
                Some(Err(_)) => staying.extend(target.alerts.iter().map(|a| a.fingerprint)),
                None => missing.push(target),
            }
        }
        // Those that are made first: that somebody else may do meanwhile, and then who was to join one stays.
        for mut target in missing {
            target.leave_out(&staying);
            let wanted: Vec<_> = target.alerts.iter().map(|a| a.fingerprint).collect();
            if !self.make(host, target, source).await? {
                staying.extend(wanted);
            }
        }
        for mut target in there {
            target.leave_out(&staying);
            let group = self.group_for(&target, source);
            let movable = self.movable(target.alerts, source);
            self.join(host, group, movable, source).await?;
        }
        let joined = alerts.iter().filter(|a| !staying.contains(&a.fingerprint));
        Ok(joined.cloned().collect())
    }

    /// The groups that alerts move to, in the order in which they are held, each with those of them that do in the latest state
    /// known. A group that has an alert in a later state already, and takes over nothing that was told of it, is none of them; the
    /// same state is not enough: where it leaves it is remembered by that state, and would not come back with it.
    fn targets(
        &self,
        host: &dyn Host,
        leaving: &[Arc<Alert>],
        source: &SharedGroup,
    ) -> BTreeMap<GroupName, Target> {
        let tenant = &source.name.tenant;
        let mut targets: BTreeMap<GroupName, Target> = BTreeMap::new();
        for alert in leaving {
            // It may have ended where this instance heard of it alone, in the group it is moved to.
            let known = self.memory.alert(tenant, alert.fingerprint);
            let is_later = |known: &Arc<Alert>| known.updated_at > alert.updated_at;
            let latest = known.filter(is_later).unwrap_or_else(|| Arc::clone(alert));
            let groups = host.placement(tenant, alert);
            let takes_over = |group: &GroupIdentity| {
                let mut told = source.told.iter();
                told.any(|(integration, told)| {
                    told.believes_firing(alert.fingerprint)
                        && group.is_heir(integration, source.lineage.as_ref(), &groups)
                })
            };
            let has_it = |name: &GroupName| {
                let known = self.memory.see(name, |known| {
                    let member = known.member(alert.fingerprint)?;
                    Some(latest.updated_at < member.updated_at)
                });
                known.flatten() == Some(true)
            };
            for group in &groups {
                let name = GroupName::of(group);
                if takes_over(group) || !has_it(&name) {
                    let target = targets.entry(name).or_insert_with(|| Target {
                        group: Arc::clone(group),
                        alerts: Vec::new(),
                    });
                    target.alerts.push(Arc::clone(&latest));
                }
            }
        }
        targets
    }

    /// A group as a move makes it.
    fn group_for(&self, target: &Target, source: &SharedGroup) -> Group {
        // A group that has ticked ticks soon, and so do those its members move to; one in its group_wait keeps it.
        let soon = self.clock.now() + MADE_PAUSE;
        let first = if source.grid.has_ticked() {
            soon
        } else {
            source.grid.next().max(soon)
        };
        let grid = Grid::starting(first, target.group.group_interval);
        Group::restored(Arc::clone(&target.group), grid)
    }

    /// Makes a group that was not there with alerts that move to it; false when somebody made it meanwhile and does not let go.
    ///
    /// It is made with all that was told of them, so that whoever flushes it first knows. What was told in one that is there is
    /// merged only by who holds it: two who move members there at once would undo each other's.
    async fn make(
        &self,
        host: &dyn Host,
        target: Target,
        source: &SharedGroup,
    ) -> Result<bool, Alone> {
        let name = GroupName::of(&target.group);
        let group = self.group_for(&target, source);
        let movable = self.movable(target.alerts, source);
        if movable.moved.is_empty() {
            return Ok(true);
        }
        for _ in 0..HOLD_TRIES {
            let mut made = self
                .joining(host, group.clone(), &movable.moved, source)
                .await?;
            made.is_first = true;
            let is_whole = made.alerts.len() <= MERGED_AT_ONCE_MAX;
            made.alerts.truncate(MERGED_AT_ONCE_MAX);
            if self.merged(made).await? == Merged::Done && is_whole {
                return Ok(true);
            }
            match self.directly(self.shared.seize(&name).await)? {
                Some(Ok(claimed)) => {
                    let joined = self.join(host, group, movable, source).await;
                    self.give_back(&claimed, std::time::Duration::ZERO).await;
                    return joined.map(|()| true);
                }
                // Just made: somebody else moves members there, which takes moments.
                Some(Err(_)) => tokio::time::sleep(HOLD_PAUSE).await,
                None => {}
            }
        }
        Ok(false)
    }

    /// Merges alerts into a group that is there, and is held; those that are over only where it has them as members.
    async fn join(
        &self,
        host: &dyn Host,
        mut group: Group,
        movable: Movable,
        source: &SharedGroup,
    ) -> Result<(), Alone> {
        let Movable { moved, mut ended } = movable;
        if moved.is_empty() && ended.is_empty() {
            return Ok(());
        }
        let name = GroupName::of(group.identity());
        let there = self.directly(self.shared.group(&name).await)?;
        for (integration, told) in there.iter().flat_map(|there| &there.told) {
            group.merge_told(integration, told);
        }
        let members = there.iter().flat_map(|there| &there.members);
        let members: HashSet<Fingerprint> = members.map(|member| member.fingerprint).collect();
        ended.retain(|alert| members.contains(&alert.fingerprint));
        let mut joining = self.joining(host, group, &moved, source).await?;
        joining.alerts.append(&mut ended);
        self.merged(joining).await.map(drop)
    }

    /// What a group becomes with these alerts in it, which come from another one.
    async fn joining(
        &self,
        host: &dyn Host,
        mut group: Group,
        alerts: &[Arc<Alert>],
        source: &SharedGroup,
    ) -> Result<Merge, Alone> {
        let now = self.clock.now();
        let identity = Arc::clone(group.identity());
        let past = self
            .past_of(&GroupName::of(&identity), alerts, source)
            .await?;
        // Whose end was told there already stays out, and what was told of it before says nothing any more.
        let is_over = |alert: &&Arc<Alert>| past.over.contains(&alert.fingerprint);
        let joining = alerts.iter().filter(|alert| !is_over(alert));
        let joining: Vec<_> = joining.cloned().collect();
        for alert in &joining {
            let groups = host.placement(&source.name.tenant, alert);
            let mut told = Cow::Borrowed(&source.told);
            if past.anew.contains(&alert.fingerprint) {
                let told = told.to_mut().iter_mut();
                told.for_each(|(_, told)| told.doubt(alert.fingerprint));
            }
            let left = source.lineage.as_ref();
            group.adopt(Arc::clone(alert), left, &groups, &told, now);
        }
        Ok(Merge {
            alerts: joining,
            told: group.told().to_vec(),
            is_move: true,
            ..Merge::of(identity, group.grid())
        })
    }

    /// Merges into one group; what became of that.
    async fn merged(&self, merge: Merge) -> Result<Merged, Alone> {
        let mut answers = self.shared.merge(vec![merge]).await;
        self.directly(answers.pop().unwrap_or(Ok(Merged::Overtaken)))
    }

    /// Which alerts join their groups whatever those know of them, and which only update what they have.
    fn movable(&self, alerts: Vec<Arc<Alert>>, source: &SharedGroup) -> Movable {
        let (now, grace) = (self.clock.now(), State::grace(&self.memory));
        let is_wanted = |alert: &Arc<Alert>| {
            let mut told = source.told.iter();
            let is_believed = told.any(|(_, told)| told.believes_firing(alert.fingerprint));
            !alert.is_resolved(now, grace) || is_believed
        };
        // Known newer than when it may have left there: this is no replay.
        let newer = |alert: Arc<Alert>| {
            Arc::new(Alert {
                updated_at: alert.updated_at + MOVED,
                ..Alert::clone(&alert)
            })
        };
        let (moved, ended) = alerts.into_iter().map(newer).partition(is_wanted);
        Movable { moved, ended }
    }
}
