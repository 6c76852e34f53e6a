//! Taking over groups as shared state holds them.

use std::sync::Arc;

use domain::group::told::Told;
use domain::group::{Group, GroupIdentity};
use domain::id::IntegrationId;

use super::reconcile::CHUNK;
use super::{Coordinated, follow, lock};
use crate::coordinator::{GroupName, SharedGroup};
use crate::host::{Host, News};
use crate::memory::TakenIn;

impl Coordinated {
    /// Takes over many groups; the journal hears of a number of them at a time.
    pub(super) async fn adopt_all(&self, groups: impl Iterator<Item = SharedGroup>) {
        let Some(host) = self.host() else { return };
        let mut news = Vec::new();
        for group in groups {
            self.take_in(&*host, group, &mut news);
            if news.len() >= CHUNK {
                host.heard(std::mem::take(&mut news)).await;
            }
        }
        host.heard(news).await;
    }

    /// Takes over a group as shared state holds it; answers whether this instance's configuration knows the group.
    pub(super) async fn adopt(&self, there: SharedGroup) -> bool {
        let Some(host) = self.host() else {
            return false;
        };
        let mut news = Vec::new();
        let is_known = self.take_in(&*host, there, &mut news);
        host.heard(news).await;
        is_known
    }

    fn take_in(&self, host: &dyn Host, there: SharedGroup, news: &mut Vec<News>) -> bool {
        let tenant = there.name.tenant.clone();
        let mut identity = self
            .memory
            .with(&there.name, |known| Arc::clone(known.identity()));
        for alert in &there.members {
            let groups = host.placement(&tenant, alert);
            let own = follow::of_key(&groups, &there.name);
            if own.is_some() {
                lock(&self.stranded).see_own(&there.name);
            }
            identity = identity.or(own);
            let known = self.memory.alert(&tenant, alert.fingerprint);
            if known.is_none_or(|known| known.updated_at < alert.updated_at) {
                let is_taken_over = self.memory.learn_alert(&tenant, alert, TakenIn::Elsewhere);
                news.push(News::Alert {
                    tenant: tenant.clone(),
                    alert: Arc::clone(alert),
                    groups,
                    is_taken_over,
                });
            }
        }
        match identity {
            Some(identity) => {
                self.replace(identity, &there, news);
                true
            }
            None => {
                let members = there.members.iter().map(|alert| alert.fingerprint);
                lock(&self.stranded).see_foreign(&there.name, members);
                false
            }
        }
    }

    fn replace(&self, identity: Arc<GroupIdentity>, there: &SharedGroup, news: &mut Vec<News>) {
        let now = self.clock.now();
        let mut group = Group::restored(identity, there.grid);
        for alert in &there.members {
            group.restore_member(Arc::clone(alert));
            // Its end is owed anew.
            if alert.is_explicit_end() {
                lock(&self.tombs).lift(&there.name, alert);
            }
        }
        let before = self.memory.with(&there.name, |known| known.clone());
        // Of two states of the same message, what is shared counts.
        let told_before = before.iter().flat_map(|before| {
            let told = before.told().iter();
            told.filter(|(id, told)| self.is_told_later(before, id, told, Some(there), false))
        });
        for (integration, told) in told_before.chain(&there.told) {
            group.merge_told(integration, told);
        }
        if let Some(before) = before {
            for alert in before.members() {
                let is_later = group
                    .member(alert.fingerprint)
                    .is_some_and(|there| there.updated_at < alert.updated_at);
                if is_later {
                    group.restore_member(Arc::clone(alert));
                }
            }
            if before.is_held(now) {
                group.keep_lease_of(&before);
            }
        }
        let (tenant, key) = (there.name.tenant.clone(), there.name.key);
        news.push(News::Group {
            tenant: tenant.clone(),
            key,
            lineage: there.lineage.clone(),
            first_tick: there.grid.first(),
        });
        for (integration, told) in &there.told {
            self.note_reader(&there.name, integration, told);
            news.push(News::Told {
                tenant: tenant.clone(),
                key,
                integration: integration.clone(),
                told: Arc::new(told.clone()),
            });
        }
        self.memory.put_group(group);
    }

    /// What was told while this instance was not looking was told by somebody else.
    fn note_reader(&self, name: &GroupName, integration: &IntegrationId, told: &Told) {
        let known = self.memory.with(name, |group| {
            let known = group.told().iter().find(|(id, _)| id == integration);
            known.map(|(_, known)| known.seq)
        });
        if known.flatten().is_none_or(|seq| seq < told.seq) {
            self.note_teller(name, integration, false);
        }
    }
}
