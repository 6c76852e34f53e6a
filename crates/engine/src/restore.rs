//! The start: what the journal holds becomes groups, told sets and silences again, without telling anything twice and
//! without declaring anything resolved because we were away (G5).

mod group;
mod overtaken;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use domain::alert::{Alert, Grace};
use domain::fingerprint::Fingerprint;
use domain::group::GroupIdentity;
use domain::group::heir::Lineage;
use domain::group::inherited::Inherited;
use domain::group::numbers::Numbers;
use domain::group::told::Told;
use domain::id::{GroupKey, IntegrationId, TenantId};
use domain::silence::Silence;
use domain::time::Timestamp;
use store::StoreError;
use store::journal::Record;

use self::group::{Placed, ToldElsewhere, believed_firing, restored_group};
use crate::fallback::Fallback;
use crate::{Engine, EngineError, Tenant};

/// What the journal holds, read in any order: of two records of the same thing the later state wins.
#[derive(Default)]
struct Recorded {
    tenants: HashMap<TenantId, RecordedTenant>,
    /// Since when the instance was alone, as far as was recorded last.
    alone_since: Option<Option<Timestamp>>,
}

#[derive(Default)]
struct RecordedTenant {
    alerts: HashMap<Fingerprint, Arc<Alert>>,
    /// End and receipt of refreshes; kept apart because a compaction may have moved the alert's own record behind them.
    refreshes: HashMap<Fingerprint, (Timestamp, Timestamp)>,
    /// When an alert was last taken in here, and when it was last heard that another instance took it in.
    taken_in: HashMap<Fingerprint, Timestamp>,
    heard: HashMap<Fingerprint, Timestamp>,
    groups: HashMap<GroupKey, RecordedGroup>,
    silences: HashMap<Arc<str>, Arc<Silence>>,
    inherited: Vec<(GroupKey, IntegrationId, Arc<Inherited>)>,
    imported_at: Option<Timestamp>,
}

#[derive(Default)]
struct RecordedGroup {
    lineage: Option<Lineage>,
    first_tick: Option<Timestamp>,
    told: BTreeMap<IntegrationId, Arc<Told>>,
    /// The last messages that said something else in place of templates that failed; one that is older than what was told last shows nowhere.
    fallbacks: BTreeMap<IntegrationId, Fallback>,
    /// First tick and numbers of messages of the group before it was last gone: a compaction may restate it as it was
    /// behind the record of its end.
    gone_first_tick: Option<Timestamp>,
    gone_seqs: BTreeMap<IntegrationId, u64>,
    /// What was told of it last before it was gone, where this instance told it alone and has not shared that since.
    gone_alone: BTreeMap<IntegrationId, Arc<Told>>,
}

impl RecordedGroup {
    fn go(&mut self) {
        self.gone_first_tick = self.gone_first_tick.max(self.first_tick.take());
        for (integration, told) in std::mem::take(&mut self.told) {
            self.gone_seqs.insert(integration.clone(), told.seq);
            if Numbers::is_alone(told.seq) {
                self.gone_alone.insert(integration, told);
            }
        }
    }

    fn take_told(&mut self, integration: IntegrationId, told: Arc<Told>) {
        if self.gone_seqs.get(&integration) >= Some(&told.seq) {
            return;
        }
        let known = self
            .told
            .entry(integration)
            .or_insert_with(|| Arc::clone(&told));
        if told.supersedes(known) {
            *known = told;
        }
    }
}

impl RecordedGroup {
    fn take_fallback(&mut self, integration: IntegrationId, fallback: Fallback) {
        let entry = self.fallbacks.entry(integration);
        let known = entry.or_insert_with(|| fallback.clone());
        if known.sent_at <= fallback.sent_at {
            *known = fallback;
        }
    }
}

impl RecordedTenant {
    fn take_alert(&mut self, alert: Arc<Alert>) {
        let known = self
            .alerts
            .entry(alert.fingerprint)
            .or_insert_with(|| Arc::clone(&alert));
        if known.updated_at <= alert.updated_at {
            // Of what was received at the same instant, what was recorded later counts.
            let refresh = self.refreshes.get(&alert.fingerprint);
            if refresh.is_some_and(|(_, updated_at)| *updated_at <= alert.updated_at) {
                self.refreshes.remove(&alert.fingerprint);
            }
            *known = alert;
        }
    }

    fn take_refresh(&mut self, alert: Fingerprint, ends_at: Timestamp, updated_at: Timestamp) {
        let entry = self.refreshes.entry(alert);
        let known = entry.or_insert((ends_at, updated_at));
        if known.1 <= updated_at {
            *known = (ends_at, updated_at);
        }
    }

    fn take_silence(&mut self, silence: Arc<Silence>) {
        let entry = self.silences.entry(Arc::clone(&silence.id));
        let known = entry.or_insert_with(|| Arc::clone(&silence));
        if known.updated_at <= silence.updated_at {
            *known = silence;
        }
    }

    fn note_receipt(&mut self, alert: Fingerprint, at: Timestamp, is_own: bool) {
        let receipts = if is_own {
            &mut self.taken_in
        } else {
            &mut self.heard
        };
        let last = receipts.entry(alert).or_insert(at);
        *last = at.max(*last);
    }

    /// Whether this instance took in the last post of an alert: then it answers for it where it is alone (protocol.md §9).
    fn is_own(&self, alert: Fingerprint) -> bool {
        self.taken_in.get(&alert) > self.heard.get(&alert)
    }
}

impl RecordedTenant {
    /// Puts back what is still to come of what an Alertmanager told.
    fn restore_inheritance(&mut self, tenant: &Tenant, now: Timestamp) {
        let inheritance = tenant.inheritance();
        for (key, integration, inherited) in std::mem::take(&mut self.inherited) {
            inheritance.take(key, &integration, inherited);
        }
        inheritance.sweep(now);
        if let Some(at) = self.imported_at {
            inheritance.set_imported(at);
        }
    }
}

/// The members of each group.
type Members = HashMap<GroupKey, (Arc<GroupIdentity>, Vec<Arc<Alert>>)>;

/// Alerts that were put back.
#[derive(Default)]
struct RestoredAlerts {
    count: usize,
    groups: Members,
    /// The groups of those that somebody believes to fire.
    placed: Placed,
}

/// What was put back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Alerts.
    pub alerts: usize,
    /// Groups.
    pub groups: usize,
    /// Silences.
    pub silences: usize,
}

impl Recorded {
    fn take(&mut self, record: Record) {
        match record {
            Record::Alert {
                tenant,
                alert,
                is_own,
            } => {
                let tenant = self.tenant(tenant);
                tenant.note_receipt(alert.fingerprint, alert.updated_at, is_own);
                tenant.take_alert(alert);
            }
            Record::Refresh {
                tenant,
                fingerprint,
                ends_at,
                updated_at,
            } => {
                let tenant = self.tenant(tenant);
                tenant.note_receipt(fingerprint, updated_at, true);
                tenant.take_refresh(fingerprint, ends_at, updated_at);
            }
            Record::Heard {
                tenant,
                fingerprint,
                updated_at,
            } => self
                .tenant(tenant)
                .note_receipt(fingerprint, updated_at, false),
            Record::Alone { since } => self.turn(since),
            Record::Group {
                tenant,
                key,
                lineage,
                first_tick,
            } => {
                let group = self.tenant(tenant).groups.entry(key).or_default();
                group.lineage = lineage.or(group.lineage.take());
                if group.gone_first_tick < Some(first_tick) {
                    group.first_tick = group.first_tick.max(Some(first_tick));
                }
            }
            Record::GroupGone { tenant, key } => {
                self.tenant(tenant).groups.entry(key).or_default().go();
            }
            Record::Told {
                tenant,
                key,
                integration,
                told,
            } => {
                let groups = &mut self.tenant(tenant).groups;
                groups.entry(key).or_default().take_told(integration, told);
            }
            Record::Fallback {
                tenant,
                key,
                integration,
                sent_at,
                failure,
            } => {
                let group = self.tenant(tenant).groups.entry(key).or_default();
                group.take_fallback(integration, Fallback { sent_at, failure });
            }
            Record::Silence { tenant, silence } => self.tenant(tenant).take_silence(silence),
            Record::SilenceGone { tenant, id } => drop(self.tenant(tenant).silences.remove(&id)),
            import @ (Record::Inherited { .. } | Record::Imported { .. }) => {
                self.take_import(import);
            }
        }
    }

    fn take_import(&mut self, record: Record) {
        match record {
            Record::Inherited {
                tenant,
                key,
                integration,
                inherited,
            } => {
                let all = &mut self.tenant(tenant).inherited;
                all.push((key, integration, inherited));
            }
            Record::Imported { tenant, at } => self.tenant(tenant).imported_at = Some(at),
            _ => {}
        }
    }

    /// The instance went on alone from then, or shares its state, and with it what it told alone.
    fn turn(&mut self, alone_since: Option<Timestamp>) {
        self.alone_since = Some(alone_since);
        if alone_since.is_some() {
            return;
        }
        let tenants = self.tenants.values_mut();
        for group in tenants.flat_map(|tenant| tenant.groups.values_mut()) {
            group.gone_alone.clear();
        }
    }

    fn tenant(&mut self, tenant: TenantId) -> &mut RecordedTenant {
        self.tenants.entry(tenant).or_default()
    }
}

impl Engine {
    /// Puts back what the journal holds; called once, after [`Engine::configure`] and before anything else.
    pub async fn restore(&self) -> Result<Restored, EngineError> {
        let mut recorded = Recorded::default();
        let replayed = self
            .journal
            .replay(&self.interner, &mut |record| recorded.take(record))
            .await;
        let replayed =
            replayed.map_err(|error: StoreError| EngineError::Unavailable(error.to_string()))?;
        let now = self.clock.now();
        let grace = Grace {
            since: now,
            until: now + self.options.timing.grace,
        };
        self.set_grace(grace);
        let known_until = replayed.last_written_at.unwrap_or(now);
        *self.known_alone_since() = recorded.alone_since;
        if let Some(alone_since) = recorded.alone_since {
            let reached_at = alone_since.unwrap_or(known_until);
            self.state
                .restore_sharing(reached_at, alone_since.is_some());
        }
        let mut restored = Restored::default();
        for (id, recorded) in recorded.tenants {
            let Some(tenant) = self.tenant(&id) else {
                tracing::warn!(tenant = %id, "The journal holds data of a tenant no configuration names; it is left alone");
                continue;
            };
            let one = self
                .restore_tenant(&tenant, recorded, known_until, grace)
                .await?;
            restored.alerts += one.alerts;
            restored.groups += one.groups;
            restored.silences += one.silences;
        }
        Ok(restored)
    }

    async fn restore_tenant(
        &self,
        tenant: &Arc<Tenant>,
        mut recorded: RecordedTenant,
        known_until: Timestamp,
        grace: Grace,
    ) -> Result<Restored, EngineError> {
        let now = grace.since;
        let silences = std::mem::take(&mut recorded.silences);
        let mut restored = Restored {
            silences: self.restore_silences(tenant, silences, now).await?,
            ..Restored::default()
        };
        recorded.restore_inheritance(tenant, now);
        let alerts = self.restore_alerts(tenant, &mut recorded, grace).await?;
        let (groups, placed) = (alerts.groups, alerts.placed);
        restored.alerts = alerts.count;
        let as_of = self.carried_over_as_of(known_until, now);
        let elsewhere = ToldElsewhere::new(&recorded.groups, &placed, as_of);
        let keys: HashSet<GroupKey> = groups.keys().copied().collect();
        let mut forgotten = Vec::new();
        for (key, (identity, members)) in groups {
            let known = recorded.groups.get(&key);
            let over = known.map_or_else(Vec::new, |known| known.over_alone(&members, grace));
            let group = restored_group(identity, members, known, &elsewhere, known_until, grace);
            if let Some(ended) = known.and_then(|known| known.ended_alone(&group, over)) {
                self.state.restore_ended(ended);
            }
            if group.members.is_empty() {
                continue;
            }
            if let Some(recorded) = known {
                tenant.fallbacks().restore(key, &recorded.fallbacks);
                forgotten.extend(recorded.told_to_former_fallbacks(&group.identity));
            }
            let put = self.state.restore_group(group, now).await;
            put.map_err(|error| EngineError::Unavailable(error.to_string()))?;
            restored.groups += 1;
        }
        let told = recorded
            .groups
            .into_iter()
            .filter(|(_, group)| !group.told.is_empty());
        let recorded: BTreeSet<GroupKey> = told.map(|(key, _)| key).collect();
        if !elsewhere.is_empty() || recorded.iter().any(|key| !keys.contains(key)) {
            // Carried over once: from now on the new groups' own records count.
            self.record_groups(tenant.id(), recorded).await?;
        }
        self.record_forgotten(forgotten).await?;
        Ok(restored)
    }

    /// Puts alerts back that are not over, or that somebody believes to fire.
    async fn restore_alerts(
        &self,
        tenant: &Arc<Tenant>,
        recorded: &mut RecordedTenant,
        grace: Grace,
    ) -> Result<RestoredAlerts, EngineError> {
        let now = grace.since;
        let believed = believed_firing(&recorded.groups);
        let settings = tenant.settings();
        let was_shared = self.known_alone_since().is_some();
        let mut all = RestoredAlerts::default();
        for alert in std::mem::take(&mut recorded.alerts).into_values() {
            let alert = refreshed(alert, &recorded.refreshes);
            let (alert, is_own) = recorded.as_it_counts(alert, &believed, was_shared, grace);
            let is_old = alert.ends_at + self.options.alerts_gc_interval <= now;
            let is_over = is_old && alert.is_resolved(now, tenant.grace());
            let is_believed = believed.contains(&alert.fingerprint);
            if is_over && !is_believed {
                continue;
            }
            let identities = self.place_restored(&settings, tenant, &alert, &mut all.groups);
            let fingerprint = alert.fingerprint;
            let put = self
                .state
                .restore_alert(tenant.id(), Arc::clone(&alert), is_own)
                .await;
            put.map_err(|error| EngineError::Unavailable(error.to_string()))?;
            // No hash yet: the first refresh compares texts and sets it.
            tenant.mirror_mut().apply(alert, &identities, 0);
            all.count += 1;
            if is_believed {
                all.placed.insert(fingerprint, identities);
            }
        }
        Ok(all)
    }

    /// As of when what was told is carried over to other groups. Where state is shared others may have told something since: then it is
    /// no later than the journal.
    fn carried_over_as_of(&self, known_until: Timestamp, now: Timestamp) -> Timestamp {
        let was_shared = self.known_alone_since().is_some();
        if was_shared { known_until } else { now }
    }

    /// Puts silences back that are not forgotten yet; answers how many.
    async fn restore_silences(
        &self,
        tenant: &Arc<Tenant>,
        silences: HashMap<Arc<str>, Arc<Silence>>,
        now: Timestamp,
    ) -> Result<usize, EngineError> {
        let mut restored = 0;
        for silence in silences.into_values() {
            if silence.is_forgotten(now, self.options.retention) {
                continue;
            }
            let put = self
                .state
                .silence_put(tenant.id(), Arc::clone(&silence), None)
                .await;
            put.map_err(|error| EngineError::Unavailable(error.to_string()))?;
            tenant.mirror_mut().silences_mut().put(silence);
            restored += 1;
        }
        Ok(restored)
    }

    /// Notes an alert in the groups it belongs to; answers those groups.
    fn place_restored(
        &self,
        settings: &crate::settings::Settings,
        tenant: &Tenant,
        alert: &Arc<Alert>,
        groups: &mut Members,
    ) -> Vec<Arc<GroupIdentity>> {
        let mut identities = settings.placement(tenant.id(), &alert.labels, &self.interner);
        for identity in &mut identities {
            let entry = groups
                .entry(identity.key)
                .or_insert_with(|| (Arc::clone(identity), Vec::new()));
            entry.1.push(Arc::clone(alert));
            // One identity per group, shared by all of its alerts.
            *identity = Arc::clone(&entry.0);
        }
        identities
    }
}

/// An alert with the last refresh that was recorded of it.
fn refreshed(
    alert: Arc<Alert>,
    refreshes: &HashMap<Fingerprint, (Timestamp, Timestamp)>,
) -> Arc<Alert> {
    match refreshes.get(&alert.fingerprint) {
        Some(&(ends_at, updated_at)) if updated_at >= alert.updated_at => Arc::new(Alert {
            ends_at,
            updated_at,
            ..Alert::clone(&alert)
        }),
        _ => alert,
    }
}

#[cfg(test)]
mod tests;
