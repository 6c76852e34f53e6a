//! What people want to know of the sharing, and what readers may ask to have seen.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::id::TenantId;
use domain::time::Timestamp;

use super::{Coordinated, lock};
use crate::coordinator::{CoordinatorError, InstanceReport, Outage};
use crate::sharing::{NotReached, ShardStanding, SharingCounts, Standing, Version, shards_here};
use crate::{Mode, StateError};

/// What happened since the start.
#[derive(Debug, Default)]
pub struct SharingCounters {
    /// Requests that shared state did not answer.
    pub failures: AtomicU64,
    /// Times this instance went on alone, or came back.
    pub mode_changes: AtomicU64,
    /// Shards found to have lost data.
    pub data_losses: AtomicU64,
    /// Groups without a place in a queue that were repaired; must stay 0.
    pub audit_repaired: AtomicU64,
    /// Groups that were read anew because the replica differed.
    pub rereads: AtomicU64,
}

impl SharingCounters {
    fn counts(&self) -> SharingCounts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        SharingCounts {
            failures: of(&self.failures),
            mode_changes: of(&self.mode_changes),
            data_losses: of(&self.data_losses),
            audit_repaired: of(&self.audit_repaired),
            rereads: of(&self.rereads),
        }
    }
}

/// The last change of the mode.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) mode: Mode,
    at: Timestamp,
    pub(super) cause: Option<String>,
}

impl Turn {
    /// The start: nobody was met yet.
    pub(super) fn at(at: Timestamp) -> Self {
        Self {
            mode: Mode::Degraded,
            at,
            cause: None,
        }
    }

    /// Whether nobody was met yet.
    pub(super) fn is_start(&self) -> bool {
        self.mode == Mode::Degraded && self.cause.is_none()
    }
}

impl Coordinated {
    /// How the sharing stands, as far as is known here.
    pub(super) fn current_standing(&self) -> Standing {
        let (own, mode) = (self.report(), self.current_mode());
        let mut instances = match mode {
            Mode::Degraded | Mode::Embedded => Vec::new(),
            Mode::Coordinated => lock(&self.instances).clone(),
        };
        instances.retain(|instance| instance.id != own.id);
        instances.push(own.clone());
        instances.sort_by(|a, b| a.id.cmp(&b.id));
        let turn = lock(&self.turn);
        Standing {
            mode,
            since: turn.at,
            cause: turn.cause.clone().filter(|_| mode == Mode::Degraded),
            home: self.shared.name(),
            own,
            instances,
            lag: self.lag(),
            stranded: lock(&self.stranded).len(),
            clocks: self.agreed.clocks(),
            counts: self.counters.counts(),
        }
    }

    /// For how long the oldest change that is not in the replica has been there.
    fn lag(&self) -> Duration {
        let behind = self.views.iter().filter_map(|view| lock(view).behind_since);
        let behind = behind.map(|since| since.elapsed()).max();
        let now = self.clock.now();
        let alone = self.domains.iter().filter_map(|domain| {
            let is_alone = lock(&domain.breaker).is_open();
            // What others did since it was reached last is not known here.
            let reached_at = *lock(&domain.reached_at);
            reached_at.filter(|_| is_alone).map(|at| now.since(at))
        });
        behind.into_iter().chain(alone).max().unwrap_or_default()
    }

    /// The queues of each shard: as shared, or as they are here while this instance is alone in some part.
    pub(super) async fn current_shards(&self) -> Result<Vec<ShardStanding>, StateError> {
        if self.current_mode() == Mode::Degraded {
            return Ok(shards_here(self));
        }
        let depths = self.shared.depths().await;
        let depths = depths.map_err(|error| StateError::Unavailable(error.to_string()))?;
        let shards = depths.iter().zip(&self.views).map(|(depth, view)| {
            let mut view = lock(view);
            view.hear_of(depth.last_event);
            let lag = view.behind_since.map(|since| since.elapsed());
            ShardStanding {
                due: depth.due,
                in_flight: depth.in_flight,
                last_event: depth.last_event,
                lag_ms: lag.map_or(0, |lag| u64::try_from(lag.as_millis()).unwrap_or(u64::MAX)),
            }
        });
        Ok(shards.collect())
    }

    /// What this instance says of itself now.
    pub fn report(&self) -> InstanceReport {
        let mut report = lock(&self.report).clone();
        report.mode = self.current_mode().as_str().to_owned();
        if let Some(host) = self.host() {
            let hashes = host.tenants().into_iter().map(|tenant| {
                let (config, file) = (host.config_hash(&tenant), host.file_hash(&tenant));
                ((tenant.clone(), config), (tenant, file))
            });
            (report.configs, report.files) = hashes.unzip();
        }
        report
    }

    /// Says where this instance listens, once it does.
    pub fn set_address(&self, address: String) {
        lock(&self.report).address = address;
    }

    /// Whether it is alone in any part.
    pub fn is_degraded(&self) -> bool {
        self.current_mode() == Mode::Degraded
    }

    /// The changes of the mode so far.
    pub fn mode_changes(&self) -> u64 {
        self.counters.mode_changes.load(Ordering::Relaxed)
    }

    /// Reads who else is there, for whoever asks later.
    pub(super) async fn look_around(&self) {
        match self.shared.instances().await {
            Ok(instances) => {
                let own = lock(&self.report).id.clone();
                if instances.iter().any(|instance| instance.id != own) {
                    self.has_met_others.store(true, Ordering::Relaxed);
                }
                *lock(&self.instances) = instances;
            }
            Err(error) => tracing::debug!(%error, "Who else is there could not be read"),
        }
    }

    /// The mode may have changed, because of this.
    pub(super) fn note_turn(&self, error: Option<&CoordinatorError>) {
        let (mode, at) = (self.current_mode(), self.clock.now());
        self.tell_turn();
        let mut turn = lock(&self.turn);
        let is_change = match turn.is_start() {
            true => mode == Mode::Degraded,
            false => turn.mode != mode,
        };
        if is_change {
            self.counters.mode_changes.fetch_add(1, Ordering::Relaxed);
        }
        if turn.mode != mode || turn.cause.is_none() {
            let cause = error.map(CoordinatorError::to_string);
            *turn = Turn { mode, at, cause };
        }
    }

    /// Why shared state is still out of reach, which need not be why it went.
    pub(super) fn note_cause(&self, error: &CoordinatorError) {
        let cause = Some(error.to_string());
        let mut turn = lock(&self.turn);
        if turn.cause == cause {
            return;
        }
        turn.cause = cause;
        // Only people can help, so they hear of it.
        if error.outage == Outage::Refused {
            tracing::warn!("{} refuses this instance: {error}", self.shared.name());
        }
    }

    /// Up to which change all silences of a tenant are known here.
    pub(super) fn known_silences(&self, tenant: &TenantId) -> u64 {
        let versions = lock(&self.silence_versions);
        versions.get(tenant).copied().unwrap_or(0)
    }

    /// What a reader must have seen to see what this instance did so far.
    pub(super) fn current_version(&self, tenant: &TenantId) -> Version {
        let made = lock(&self.silences_made).get(tenant).copied().unwrap_or(0);
        Version {
            mode: self.current_mode(),
            instance: lock(&self.report).id.clone(),
            silences: self.known_silences(tenant).max(made),
        }
    }

    /// Sees what another instance had done when it answered.
    ///
    /// It was acknowledged before this was asked, so whoever reads the feed from now on reads it.
    pub(super) async fn reach_shared(
        &self,
        tenant: &TenantId,
        version: &Version,
    ) -> Result<(), NotReached> {
        if version.instance.is_empty() || version.instance == lock(&self.report).id {
            return Ok(());
        }
        if version.mode == Mode::Degraded {
            return Err(NotReached::MadeAlone);
        }
        if self.current_mode() == Mode::Degraded {
            return Err(NotReached::Alone);
        }
        let alone = |_| NotReached::Alone;
        self.follow_from_now().await.map_err(alone)?;
        if self.known_silences(tenant) < version.silences {
            self.fetch_silences(tenant).await.map_err(alone)?;
        }
        Ok(())
    }
}
