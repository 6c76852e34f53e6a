//! One tenant: its configuration, its mirror, and everything a reader may ask.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use arc_swap::{ArcSwap, ArcSwapOption};
use domain::alert::Grace;
use domain::fingerprint::Fingerprint;
use domain::id::{GroupKey, TenantId};
use domain::matcher::{Matcher, MatcherMode, all_match};
use domain::silence::Silence;
use domain::time::Timestamp;
use domain::verdict::Suppression;

use crate::fallback::Fallbacks;
use crate::inheritance::Inheritance;
use crate::mirror::Mirror;
use crate::read::{AlertPage, AlertQuery, AlertView, GroupView, ReceiverView};
use crate::settings::Settings;

/// Why an alert was not told at its group's last tick.
#[derive(Clone, Debug)]
pub struct Suppressed {
    /// When that was.
    pub at: Timestamp,
    /// What suppressed it.
    pub by: Suppression,
}

/// An isolated customer of this server.
pub struct Tenant {
    id: TenantId,
    settings: ArcSwap<Settings>,
    /// The configuration that is being put in force, from before the first group is given its place under it.
    coming: ArcSwapOption<Settings>,
    mirror: RwLock<Mirror>,
    /// Suppressions of each group's last flush (D2).
    suppressed: Mutex<HashMap<GroupKey, BTreeMap<Fingerprint, Suppressed>>>,
    /// What templates could not say in the last message an integration accepted about a group.
    fallbacks: Fallbacks,
    /// What the Alertmanager before us told.
    inheritance: Inheritance,
    /// Held for reading while alerts are placed, for writing while the configuration changes: no alert is placed by routes
    /// that are no longer in force.
    pub(crate) placing: tokio::sync::RwLock<()>,
    /// One change of silences at a time: limits and edits look at what is there.
    pub(crate) silencing: tokio::sync::Mutex<()>,
    /// Flushes of its groups that are under way.
    pub(crate) flushing: AtomicUsize,
}

impl Tenant {
    /// A tenant with nothing in it.
    pub(crate) fn new(id: TenantId, settings: Arc<Settings>) -> Self {
        let mirror = Mirror::new(settings.inhibit_rules.clone());
        Self {
            id,
            settings: ArcSwap::new(settings),
            coming: ArcSwapOption::empty(),
            mirror: RwLock::new(mirror),
            suppressed: Mutex::default(),
            fallbacks: Fallbacks::default(),
            inheritance: Inheritance::default(),
            placing: tokio::sync::RwLock::default(),
            silencing: tokio::sync::Mutex::default(),
            flushing: AtomicUsize::new(0),
        }
    }

    /// Its id.
    pub fn id(&self) -> &TenantId {
        &self.id
    }

    /// The configuration in force.
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.load_full()
    }

    pub(crate) fn set_settings(&self, settings: Arc<Settings>) {
        self.settings.store(settings);
    }

    /// The configuration alerts are placed by that are heard of while another one may be put in force.
    pub(crate) fn coming_settings(&self) -> Arc<Settings> {
        self.coming.load_full().unwrap_or_else(|| self.settings())
    }

    pub(crate) fn set_coming(&self, settings: Option<Arc<Settings>>) {
        self.coming.store(settings);
    }

    /// How matchers and label names are read.
    pub fn matcher_mode(&self) -> MatcherMode {
        self.settings.load().matcher_mode
    }

    /// The alerts a query asks for, in fingerprint order; ended ones never.
    pub fn alerts(&self, query: &AlertQuery, now: Timestamp) -> AlertPage {
        self.mirror().alerts(&self.settings(), query, now)
    }

    /// One alert, and whether it is over.
    pub fn alert(&self, fingerprint: Fingerprint, now: Timestamp) -> Option<(AlertView, bool)> {
        let settings = self.settings();
        self.mirror().alert_view(&settings, fingerprint, now)
    }

    /// The groups a query asks for, in Alertmanager's order.
    pub fn groups(&self, query: &AlertQuery, now: Timestamp) -> Vec<GroupView> {
        let settings = self.settings();
        let found = self.mirror().groups(&settings, query, now);
        // Templates are executed when nobody waits for the mirror any more.
        found
            .into_iter()
            .map(|found| found.view(&settings, now))
            .collect()
    }

    /// All silences, expired ones included, in no particular order.
    pub fn silences(&self) -> Vec<Arc<Silence>> {
        self.mirror().silences().iter().cloned().collect()
    }

    /// A silence by its id.
    pub fn silence(&self, id: &str) -> Option<Arc<Silence>> {
        self.mirror().silences().get(id).cloned()
    }

    /// Receivers whose labels all matchers match, in configuration order.
    pub fn receivers(&self, matchers: &[Matcher]) -> Vec<ReceiverView> {
        let settings = self.settings();
        let wanted = settings
            .receivers()
            .iter()
            .filter(|r| all_match(matchers, &r.labels));
        wanted
            .map(|r| ReceiverView {
                name: Arc::clone(&r.spec.name),
                labels: r.labels.clone(),
            })
            .collect()
    }

    /// How many alerts are held, ended ones included.
    pub fn alerts_held(&self) -> usize {
        self.mirror().len()
    }

    /// How ends by time-out are judged.
    pub fn grace(&self) -> Grace {
        self.mirror().grace()
    }

    /// Why an alert was not told at the last tick of a group, if it was suppressed there.
    pub fn suppressed(&self, group: GroupKey, fingerprint: Fingerprint) -> Option<Suppressed> {
        lock(&self.suppressed)
            .get(&group)?
            .get(&fingerprint)
            .cloned()
    }

    /// Replaces what is known of a group's suppressions.
    pub(crate) fn set_suppressed(
        &self,
        group: GroupKey,
        by_alert: BTreeMap<Fingerprint, Suppressed>,
    ) {
        let mut all = lock(&self.suppressed);
        if by_alert.is_empty() {
            all.remove(&group);
        } else {
            all.insert(group, by_alert);
        }
    }

    /// The messages that could not say what they should.
    pub(crate) fn fallbacks(&self) -> &Fallbacks {
        &self.fallbacks
    }

    /// What the Alertmanager before us told.
    pub(crate) fn inheritance(&self) -> &Inheritance {
        &self.inheritance
    }

    /// Forgets what is remembered of a group that is no more.
    pub(crate) fn forget_group(&self, group: GroupKey) {
        lock(&self.suppressed).remove(&group);
        self.fallbacks.forget(group);
    }

    pub(crate) fn mirror(&self) -> RwLockReadGuard<'_, Mirror> {
        self.mirror.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn mirror_mut(&self) -> RwLockWriteGuard<'_, Mirror> {
        self.mirror.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
