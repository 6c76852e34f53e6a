//! What shared state asks of the engine and tells it: where alerts belong here, and what other instances did.
//!
//! News of others goes the way of one's own: into the mirror for readers and verdicts, into the journal so that any instance can
//! give back what shared state may lose (protocol.md §2).

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::alert::{Alert, Grace};
use domain::group::GroupIdentity;
use domain::group::inherited::{Inherited, label_hash};
use domain::id::TenantId;
use domain::silence::Silence;
use domain::time::Timestamp;
use state::coordinator::{Change, Epoch, EventId};
use state::host::{Host, News};
use store::journal::Record;

use crate::{Engine, inheritance};

#[async_trait]
impl Host for Engine {
    fn tenants(&self) -> Vec<TenantId> {
        self.tenants.load().keys().cloned().collect()
    }

    fn placement(&self, tenant: &TenantId, alert: &Alert) -> Vec<Arc<GroupIdentity>> {
        let Some(tenant) = self.tenant(tenant) else {
            return Vec::new();
        };
        let Ok(_placing) = tenant.placing.try_read() else {
            // While a reload places alerts anew, groups that are here may be those of the configuration before.
            let settings = tenant.coming_settings();
            return settings.placement(tenant.id(), &alert.labels, &self.interner);
        };
        let mirror = tenant.mirror();
        let known = mirror.known(alert.fingerprint);
        match known.filter(|known| known.alert.labels == alert.labels) {
            Some(known) => known.groups,
            None => self.groups_of(&tenant, &mirror, &tenant.settings(), &alert.labels),
        }
    }

    fn config_hash(&self, tenant: &TenantId) -> String {
        let tenant = self.tenant(tenant);
        tenant.map_or_else(String::new, |tenant| {
            tenant.settings().config_hash().to_owned()
        })
    }

    fn file_hash(&self, tenant: &TenantId) -> String {
        let tenant = self.tenant(tenant);
        tenant.map_or_else(String::new, |tenant| {
            tenant.settings().file_hash().to_string()
        })
    }

    fn silences(&self, tenant: &TenantId) -> Vec<Arc<Silence>> {
        self.tenant(tenant)
            .map(|tenant| tenant.silences())
            .unwrap_or_default()
    }

    fn grace_changed(&self, grace: Grace) {
        for tenant in self.tenants() {
            tenant.mirror_mut().set_grace(grace);
        }
        // It changes when this instance goes on alone, and when it comes back.
        self.turn_events();
    }

    fn turned(&self, alone_since: Option<Timestamp>) {
        *self.known_alone_since() = Some(alone_since);
        // Queued in order: what is taken in alone is recorded behind it.
        let _written_later = self
            .journal
            .submit(vec![Record::Alone { since: alone_since }]);
    }

    fn saw(&self, shard: usize, changes: &[Change]) {
        self.events_of_feed(shard, changes);
    }

    fn skipped_to(&self, shard: usize, last: EventId, epoch: &Epoch) {
        self.events_skipped(shard, last, epoch);
    }

    async fn heard(&self, news: Vec<News>) {
        let mut records = Vec::new();
        let mut alerts: HashMap<TenantId, Vec<(Arc<Alert>, Vec<Arc<GroupIdentity>>)>> =
            HashMap::new();
        let mut is_due_soon = false;
        for one in news {
            if let News::Group { first_tick, .. } = &one {
                is_due_soon |= self.is_before_next_poll(*first_tick);
            }
            match one {
                News::Alert {
                    tenant,
                    alert,
                    groups,
                    is_taken_over,
                } => {
                    records.extend(is_taken_over.then(|| taken_over(&tenant, &alert)));
                    alerts.entry(tenant).or_default().push((alert, groups));
                }
                News::Silences {
                    tenant,
                    silences,
                    version,
                } => {
                    records.extend(self.take_silences(&tenant, &silences));
                    self.events_of_silences(&tenant, &silences, version, version);
                }
                News::Missed { tenant, alerts } => {
                    records.extend(self.forget_missed(&tenant, alerts));
                }
                told => records.extend(record(told)),
            }
        }
        for (tenant, alerts) in alerts {
            let Some(tenant) = self.tenant(&tenant) else {
                continue;
            };
            let mut mirror = tenant.mirror_mut();
            for (alert, groups) in alerts {
                // No hash: the first post of it here compares texts and sets it.
                mirror.apply(alert, &groups, 0);
            }
        }
        let told: Vec<_> = records
            .iter()
            .filter_map(|record| self.heard_told(record))
            .collect();
        records.extend(told);
        if !records.is_empty() {
            self.record_later(records).await;
        }
        if is_due_soon {
            self.wake.notify_one();
        }
    }
}

impl Engine {
    /// Since when this instance is alone, as the journal has to know.
    pub(crate) fn known_alone_since(&self) -> MutexGuard<'_, Option<Option<Timestamp>>> {
        let known = self.alone_since.lock();
        known.unwrap_or_else(PoisonError::into_inner)
    }

    /// Another instance told an integration of alerts: whatever comes of them later, they are no longer to come from what an
    /// Alertmanager told before. Answers the record of that.
    fn heard_told(&self, record: &Record) -> Option<Record> {
        let Record::Told {
            tenant,
            key,
            integration,
            told,
        } = record
        else {
            return None;
        };
        let tenant = self.tenant(tenant)?;
        let inheritance = tenant.inheritance();
        let inherited = inheritance.get(*key, integration, self.clock.now())?;
        let mut rest = Inherited::clone(&inherited);
        {
            let mirror = tenant.mirror();
            let known = told.firing().iter().filter_map(|f| mirror.known(*f));
            for known in known {
                rest.firing.remove(&label_hash(known.alert.labels.pairs()));
            }
        }
        if rest == *inherited {
            return None;
        }
        let rest = inheritance.take(*key, integration, Arc::new(rest));
        Some(inheritance::record(tenant.id(), *key, integration, &rest))
    }

    /// Alerts that are over and that nobody knows any more; the journal keeps that they are over.
    fn forget_missed(&self, tenant: &TenantId, alerts: Vec<Arc<Alert>>) -> Vec<Record> {
        if let Some(tenant) = self.tenant(tenant) {
            let gone: Vec<_> = alerts.iter().map(|alert| alert.fingerprint).collect();
            tenant.mirror_mut().forget(&gone);
        }
        let records = alerts.into_iter().map(|alert| Record::Alert {
            tenant: tenant.clone(),
            alert,
            is_own: false,
        });
        records.collect()
    }

    fn take_silences(&self, tenant: &TenantId, silences: &[Arc<Silence>]) -> Vec<Record> {
        let Some(tenant) = self.tenant(tenant) else {
            return Vec::new();
        };
        let mut records = Vec::with_capacity(silences.len());
        let mut mirror = tenant.mirror_mut();
        for silence in silences {
            records.push(Record::Silence {
                tenant: tenant.id().clone(),
                silence: Arc::clone(silence),
            });
            mirror.silences_mut().put(Arc::clone(silence));
        }
        records
    }
}

/// What the journal keeps of news.
fn record(news: News) -> Option<Record> {
    Some(match news {
        News::Group {
            tenant,
            key,
            lineage,
            first_tick,
        } => Record::Group {
            tenant,
            key,
            lineage,
            first_tick,
        },
        News::GroupGone { tenant, key } => Record::GroupGone { tenant, key },
        News::Told {
            tenant,
            key,
            integration,
            told,
        } => Record::Told {
            tenant,
            key,
            integration,
            told,
        },
        News::Alert { .. } | News::Missed { .. } | News::Silences { .. } => return None,
    })
}

/// The record of an alert that another instance took in, of which the journal says that this one did. Its end is recorded whole: where
/// nobody remembers who left it must not fire.
fn taken_over(tenant: &TenantId, alert: &Arc<Alert>) -> Record {
    let tenant = tenant.clone();
    if alert.is_explicit_end() {
        return Record::Alert {
            tenant,
            alert: Arc::clone(alert),
            is_own: false,
        };
    }
    Record::Heard {
        tenant,
        fingerprint: alert.fingerprint,
        updated_at: alert.updated_at,
    }
}
