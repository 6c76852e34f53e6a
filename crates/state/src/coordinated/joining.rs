//! Members of a stranded group join the groups they belong to, with what was told of them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use domain::alert::Alert;
use domain::group::grid::Grid;
use domain::group::{Group, GroupIdentity};
use domain::time::Timestamp;

use super::{Alone, Coordinated};
use crate::State;
use crate::coordinator::{GroupName, Merge, Merged, SharedGroup};
use crate::host::Host;

/// How long a group that a move made waits for members that come to it from other groups.
const MADE_PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

/// How often a group is tried to be made or held, and the pause between two tries.
const HOLD_TRIES: usize = 10;
const HOLD_PAUSE: std::time::Duration = std::time::Duration::from_millis(20);

/// Most members with which a group is made in one go: a coordinator takes so many at once.
const MADE_WITH_MAX: usize = 256;

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

impl Coordinated {
    /// Has alerts join all the groups they belong to; false, and nothing is done, when somebody is flushing one of them.
    pub(super) async fn join_theirs(
        &self,
        host: &dyn Host,
        alerts: &[Arc<Alert>],
        source: &SharedGroup,
    ) -> Result<bool, Alone> {
        let targets = self.targets(host, alerts, source);
        let mut claims = BTreeMap::new();
        let mut do_all_join = true;
        for name in targets.keys() {
            match self.directly(self.shared.seize(name).await)? {
                Some(Ok(claimed)) => drop(claims.insert(name.clone(), claimed)),
                Some(Err(_)) => {
                    do_all_join = false;
                    break;
                }
                None => {}
            }
        }
        for (name, target) in targets {
            if do_all_join {
                let is_held = claims.contains_key(&name);
                do_all_join = self.move_to(host, target, is_held, source).await?;
            }
        }
        for claimed in claims.values() {
            self.give_back(claimed, std::time::Duration::ZERO).await;
        }
        Ok(do_all_join)
    }

    /// The groups that alerts move to, in the order in which they are held, each with those of them that do in the latest state
    /// known. Those are none where nothing changes: it holds the alert already, and was told of it by itself.
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
            let holds = |name: &GroupName| {
                let known = self.memory.see(name, |known| {
                    let member = known.member(alert.fingerprint)?;
                    Some(latest.updated_at <= member.updated_at)
                });
                known.flatten() == Some(true)
            };
            for group in &groups {
                let name = GroupName::of(group);
                if takes_over(group) || !holds(&name) {
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

    /// Moves alerts into one group, which is held or was not there; false when somebody has made it meanwhile and does not let go.
    ///
    /// A group that is not there yet is made with all that was told of them, so that whoever flushes it first knows. What was told
    /// in one that is there is merged only by who holds it: two who move members there at once would undo each other's.
    async fn move_to(
        &self,
        host: &dyn Host,
        target: Target,
        is_held: bool,
        source: &SharedGroup,
    ) -> Result<bool, Alone> {
        let Target { group, alerts } = target;
        let now = self.clock.now();
        let Movable { moved, ended } = self.movable(alerts, source, now);
        // A group that has ticked ticks soon, and so do those its members move to; one in its group_wait keeps it.
        let soon = now + MADE_PAUSE;
        let first = if source.grid.has_ticked() {
            soon
        } else {
            source.grid.next().max(soon)
        };
        let name = GroupName::of(&group);
        let group = Group::restored(
            Arc::clone(&group),
            Grid::starting(first, group.group_interval),
        );
        if is_held {
            self.join(host, group, moved, ended, source).await?;
            return Ok(true);
        }
        if moved.is_empty() {
            return Ok(true);
        }
        for _ in 0..HOLD_TRIES {
            let made = Merge {
                is_first: true,
                ..self.joining(host, group.clone(), &moved, source).await?
            };
            let is_whole = made.alerts.len() <= MADE_WITH_MAX;
            if self.merged(made).await? == Merged::Done && is_whole {
                return Ok(true);
            }
            match self.directly(self.shared.seize(&name).await)? {
                Some(Ok(claimed)) => {
                    self.join(host, group, moved, ended, source).await?;
                    self.give_back(&claimed, std::time::Duration::ZERO).await;
                    return Ok(true);
                }
                // Just made: somebody else moves members there, which takes moments.
                Some(Err(_)) => tokio::time::sleep(HOLD_PAUSE).await,
                None => {}
            }
        }
        Ok(false)
    }

    /// Merges alerts into a group that is there, and is held; those that `ended` only where it has them as members.
    async fn join(
        &self,
        host: &dyn Host,
        mut group: Group,
        moved: Vec<Arc<Alert>>,
        mut ended: Vec<Arc<Alert>>,
        source: &SharedGroup,
    ) -> Result<(), Alone> {
        let name = GroupName::of(group.identity());
        let there = self.directly(self.shared.group(&name).await)?;
        for (integration, told) in there.iter().flat_map(|there| &there.told) {
            group.merge_told(integration, told);
        }
        ended.retain(|alert| {
            let mut members = there.iter().flat_map(|there| &there.members);
            members.any(|member| member.fingerprint == alert.fingerprint)
        });
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

    async fn merged(&self, merge: Merge) -> Result<Merged, Alone> {
        let mut answers = self.shared.merge(vec![merge]).await;
        self.directly(answers.pop().unwrap_or(Ok(Merged::Overtaken)))
    }

    fn movable(&self, alerts: Vec<Arc<Alert>>, source: &SharedGroup, now: Timestamp) -> Movable {
        let grace = State::grace(&self.memory);
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
