//! Ends that are still owed after instances were alone: each told what it had heard of, so an integration may have been told
//! by one that an alert fires whose end another one had told it before.
//!
//! Whoever told something alone looks, once its knowledge is merged, whether what its integrations believe to be firing is
//! still a member. What is not has ended by another instance's knowledge: it is put back as ended, so that the group's next tick
//! says so.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::alert::Alert;
use domain::fingerprint::Fingerprint;
use domain::group::Group;
use domain::group::told::Told;

use super::{Alone, Coordinated, follow};
use crate::coordinator::{GroupName, Merge, SharedGroup};

/// By how much a state that is put back as ended is later than what is known.
const LATER: Duration = Duration::from_millis(1);

impl Coordinated {
    /// Puts back as ended what was told alone and is no member any more; answers whether there was any.
    pub(super) async fn own_up(
        &self,
        here: &[Group],
        there: &HashMap<GroupName, SharedGroup>,
    ) -> Result<bool, Alone> {
        let owed = here.iter().filter_map(|group| {
            let name = GroupName::of(group.identity());
            self.still_owed(group, there.get(&name))
        });
        let owed: Vec<Merge> = owed.collect();
        let has_any = !owed.is_empty();
        self.merge_in(owed).await?;
        Ok(has_any)
    }

    /// Adds ends of members of groups that are not here: this instance may have heard of them before it heard of the group.
    pub(super) fn add_ends(
        &self,
        there: &HashMap<GroupName, SharedGroup>,
        merges: &mut HashMap<GroupName, Merge>,
    ) {
        let Some(host) = self.host() else { return };
        let unknown = there
            .values()
            .filter(|group| self.memory.with(&group.name, |_| ()).is_none());
        for group in unknown {
            let tenant = &group.name.tenant;
            let members = group.members.iter();
            let ends: Vec<_> = members
                .filter_map(|alert| self.end_known_here(tenant, alert))
                .collect();
            let Some(first) = ends.first() else { continue };
            let groups = host.placement(tenant, first);
            if let Some(identity) = follow::of_key(&groups, &group.name) {
                merges.insert(group.name.clone(), self.correction(&identity, ends));
            }
        }
    }

    fn still_owed(&self, here: &Group, there: Option<&SharedGroup>) -> Option<Merge> {
        let name = GroupName::of(here.identity());
        let told_alone = here.told().iter();
        let told_alone = told_alone.filter(|(id, told)| self.is_told_alone(&name, id, told));
        let told_alone: Vec<_> = told_alone.cloned().collect();
        let mut alerts: Vec<Arc<Alert>> = Vec::new();
        for (integration, told) in &told_alone {
            let mut shared = there.iter().flat_map(|group| &group.told);
            let shared = shared.find(|(id, _)| id == integration);
            let told = shared.map_or(told, |(_, shared)| shared);
            for fingerprint in believed(told) {
                let is_member = there.is_some_and(|group| {
                    let mut members = group.members.iter();
                    members.any(|alert| alert.fingerprint == fingerprint)
                });
                let is_noted = alerts.iter().any(|alert| alert.fingerprint == fingerprint);
                if is_member || is_noted {
                    continue;
                }
                let known = self.memory.alert(&name.tenant, fingerprint);
                alerts.extend(known.map(|alert| ended(&alert)));
            }
        }
        (!alerts.is_empty()).then(|| Merge {
            alerts,
            told: match there {
                Some(_) => Vec::new(),
                None => told_alone,
            },
            is_move: true,
            ..Merge::of(Arc::clone(here.identity()), here.grid())
        })
    }
}

/// Every alert an integration believes to be firing.
fn believed(told: &Told) -> impl Iterator<Item = Fingerprint> + '_ {
    let last = told.last.iter();
    last.flat_map(|last| last.firing.iter().chain(&last.hidden))
        .copied()
}

/// The alert as over, in a state just later than the one known here: whoever heard of it later than that knows better, also
/// that it fires anew.
fn ended(alert: &Alert) -> Arc<Alert> {
    let updated_at = alert.updated_at + LATER;
    Arc::new(Alert {
        ends_at: alert.ends_at.min(updated_at),
        updated_at,
        ..alert.clone()
    })
}
