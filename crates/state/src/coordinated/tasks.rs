//! What runs beside the requests: meeting shared state at the start, following the feed, coming back, moving, auditing.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::limits;
use runtime::tasks::Stop;
use tokio::time::Instant;

use super::breaker::PROBE_PAUSE;
use super::{Coordinated, lock};
use crate::Mode;
use crate::coordinator::{CoordinatorError, Epoch, InstanceReport, Outage};

/// Longest sleep between two looks at the feed.
const FOLLOW_MAX: Duration = Duration::from_secs(1);

/// How often one shard is audited: that looks for each of its groups.
const AUDIT_PAUSE: Duration = Duration::from_secs(5);

impl Coordinated {
    /// Meets shared state once, before anything is served: with it, this instance begins to share; without it, it begins
    /// alone and says so.
    pub async fn start(&self) {
        for domain in 0..self.domains.len() {
            // A server that is just being restarted answers within moments.
            let mut outcome = self.meet(domain).await;
            for _ in 0..2 {
                if !matches!(&outcome, Err(error) if error.outage == Outage::Transient) {
                    break;
                }
                tokio::time::sleep(PROBE_PAUSE).await;
                outcome = self.meet(domain).await;
            }
            if let Err(error) = outcome {
                self.counters.failures.fetch_add(1, Ordering::Relaxed);
                self.say_out_of_reach(&error);
                self.take_over(domain);
                self.note_turn(Some(&error));
            }
        }
        if self.current_mode() == Mode::Coordinated {
            tracing::info!(
                "Sharing state with other instances through {}",
                self.shared.name()
            );
            self.note_turn(None);
            self.greet().await;
        }
    }

    /// One try to begin sharing.
    async fn meet(&self, domain: usize) -> Result<(), CoordinatorError> {
        // First: where a right is missing, it names which.
        self.look_it_over().await?;
        self.shared.probe(domain).await?;
        self.without_evictions(domain).await?;
        let unready = |_| CoordinatorError {
            outage: Outage::Transient,
            text: "it answered a probe, but not what followed".to_owned(),
        };
        self.go_back(domain).await.map_err(unready)
    }

    /// Makes sure once that the server can do all the work, after it was out of reach for whatever reason.
    async fn look_it_over(&self) -> Result<(), CoordinatorError> {
        if self.is_looked_over.load(Ordering::Relaxed) {
            return Ok(());
        }
        let warnings = self.shared.preflight().await?;
        self.is_looked_over.store(true, Ordering::Relaxed);
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        Ok(())
    }

    /// Says who we are and which configurations we have.
    async fn greet(&self) {
        let announced = self.shared.announce(&self.report()).await;
        if let Err(error) = announced {
            tracing::debug!(%error, "This instance could not be announced");
        }
        self.look_around().await;
        let Some(host) = self.host() else { return };
        for tenant in host.tenants() {
            let hash = host.config_hash(&tenant);
            let restarted = self.shared.restart_grids(&tenant, &hash).await;
            if let Err(error) = restarted {
                tracing::debug!(%error, %tenant, "A configuration could not be noted");
            }
        }
    }

    /// Follows the feed until told to stop.
    pub async fn run_follower(self: Arc<Self>, stop: Stop) {
        while !stop.is_stopped() {
            if self.current_mode() == Mode::Coordinated || self.domains.len() > 1 {
                let _ = self.follow().await;
                self.follow_silences().await;
            }
            let pause = FOLLOW_MAX.min(self.timing.poll_max * 10);
            tokio::select! {
                () = self.shared.changed() => {}
                () = tokio::time::sleep(pause) => {}
                () = stop.stopped() => return,
            }
        }
    }

    /// Announces this instance, comes back to shared state, moves stranded members and audits, until told to stop.
    pub async fn run_keeper(self: Arc<Self>, stop: Stop) {
        tokio::join!(
            self.keep(&stop),
            self.run_pulse(&stop),
            self.run_kept_back(&stop)
        );
    }

    async fn keep(&self, stop: &Stop) {
        let announce_every = self.timing.instance_expiry / 4;
        let mut announced_at: Option<Instant> = None;
        let said = |report: &InstanceReport| (report.configs.clone(), report.files.clone());
        let mut announced = said(&self.report());
        let mut audited_at = Instant::now();
        let mut looked_at = Instant::now();
        let mut shard = 0;
        loop {
            tokio::select! {
                () = tokio::time::sleep(PROBE_PAUSE.min(announce_every)) => {}
                () = stop.stopped() => break,
            }
            if looked_at.elapsed() >= self.timing.poll_max {
                looked_at = Instant::now();
                self.look_for_evictions().await;
            }
            for domain in 0..self.domains.len() {
                self.come_back(domain).await;
            }
            let report = self.report();
            // A configuration is told of at once: others move nothing while instances do not agree.
            let is_time = announced_at.is_none_or(|at| at.elapsed() >= announce_every);
            if (is_time || announced != said(&report)) && self.current_mode() == Mode::Coordinated {
                announced_at = Some(Instant::now());
                announced = said(&report);
                let _ = self.shared.announce(&report).await;
                self.look_around().await;
                self.compare_configs(&report);
            }
            self.own_up_again().await;
            self.move_stranded().await;
            if audited_at.elapsed() >= AUDIT_PAUSE && !self.is_alone(shard) {
                audited_at = Instant::now();
                self.audit(shard).await;
                shard = (shard + 1) % limits::SHARDS;
            }
        }
        self.give_all_back().await;
        let id = lock(&self.report).id.clone();
        let _ = tokio::time::timeout(FOLLOW_MAX, self.shared.retire(&id)).await;
    }

    /// Whatever is still claimed when this instance goes is somebody else's at once.
    async fn give_all_back(&self) {
        let active: Vec<_> = lock(&self.active).drain().collect();
        for (name, fence) in active {
            let given = self.shared.unclaim(&name, fence, Duration::ZERO);
            let _ = tokio::time::timeout(FOLLOW_MAX, given).await;
        }
    }

    async fn audit(&self, shard: usize) {
        let known = self.memory.names_in(shard);
        match self.shared.audit(shard, &known).await {
            Ok(0) => {}
            Ok(repaired) => {
                let more = u64::try_from(repaired).unwrap_or(u64::MAX);
                self.counters
                    .audit_repaired
                    .fetch_add(more, Ordering::Relaxed);
                tracing::error!(
                    shard,
                    repaired,
                    "Groups had members and no place in a queue; repaired. This is a defect: please report it"
                );
            }
            Err(error) => tracing::debug!(%error, shard, "A shard could not be audited"),
        }
    }

    fn epochs(&self) -> Vec<Option<Epoch>> {
        let views = self.views.iter();
        views.map(|view| lock(view).epoch.clone()).collect()
    }

    /// Counts shards that hold other data than when they were seen last.
    fn note_losses(&self, known: &[Option<Epoch>]) {
        let epochs = self.epochs();
        let pairs = known.iter().zip(&epochs);
        let lost = pairs.filter(|(known, now)| known.is_some() && known != now);
        let lost = lost.count();
        if 0 < lost {
            self.note_lost(lost);
        }
    }

    /// Tries to come back to shared state, if this instance is alone.
    pub(super) async fn come_back(&self, domain: usize) {
        let part = &self.domains[domain];
        let asked_at = Instant::now();
        if lock(&part.breaker).is_open() && self.tries_to_come_back(domain).await {
            part.settle_doubt(asked_at);
        }
    }

    /// One try; answers whether it decided anything: it did not if the server answered, and has to do so some more times.
    async fn tries_to_come_back(&self, domain: usize) -> bool {
        let part = &self.domains[domain];
        if lock(&part.refused_until).is_some_and(|until| Instant::now() < until) {
            return true;
        }
        if !self.is_over_evictions(domain).await {
            lock(&part.breaker).probed(false);
            return true;
        }
        let mut probe = self.look_it_over().await;
        if probe.is_ok() {
            probe = self.shared.probe(domain).await.map(drop);
        }
        if let Err(error) = &probe {
            self.counters.failures.fetch_add(1, Ordering::Relaxed);
            self.note_cause(error);
            if error.outage == Outage::Refused {
                // Asking every moment would fill the server's log.
                *lock(&part.refused_until) = Some(Instant::now() + self.timing.permission_retry);
            }
        }
        if !lock(&part.breaker).probed(probe.is_ok()) {
            return probe.is_err();
        }
        let known = self.epochs();
        if self.go_back(domain).await.is_ok() {
            self.note_losses(&known);
            self.note_turn(None);
            let name = self.shared.name();
            if self.current_mode() == Mode::Coordinated {
                tracing::info!("{name} is reachable again, state is shared with other instances");
            } else {
                tracing::debug!("A part of {name} is reachable again");
            }
            self.greet().await;
        } else {
            // On the way back nothing is claimed: whoever tried at once again would tell hardly anything.
            lock(&part.breaker).turn_back();
        }
        true
    }
}
