//! What shared state asks of the engine around it, and tells it: the other direction of [`crate::State`].

use std::sync::Arc;

use async_trait::async_trait;
use domain::alert::{Alert, Grace};
use domain::group::GroupIdentity;
use domain::group::heir::Lineage;
use domain::group::told::Told;
use domain::id::{GroupKey, IntegrationId, TenantId};
use domain::silence::Silence;
use domain::time::Timestamp;

use crate::coordinator::{Change, Epoch, EventId};

/// Something another instance did.
#[derive(Clone, Debug)]
pub enum News {
    /// It took in an alert.
    Alert {
        /// Whose.
        tenant: TenantId,
        /// The alert.
        alert: Arc<Alert>,
        /// Every group it belongs to here.
        groups: Vec<Arc<GroupIdentity>>,
        /// Whether the journal holds it, as taken in here or as over: it has to learn that somebody else took it in since.
        is_taken_over: bool,
    },
    /// Alerts ended while this instance was away: they are members of no group any more.
    Missed {
        /// Whose.
        tenant: TenantId,
        /// The alerts, as over.
        alerts: Vec<Arc<Alert>>,
    },
    /// A group came to be, or restarted its grid.
    Group {
        /// Whose.
        tenant: TenantId,
        /// Which.
        key: GroupKey,
        /// What stays of it however alerts are grouped, if that is known.
        lineage: Option<Lineage>,
        /// The tick its grid counts from.
        first_tick: Timestamp,
    },
    /// A group is no more.
    GroupGone {
        /// Whose.
        tenant: TenantId,
        /// Which.
        key: GroupKey,
    },
    /// It told an integration something, or is about to.
    Told {
        /// Whose.
        tenant: TenantId,
        /// The group.
        key: GroupKey,
        /// The integration.
        integration: IntegrationId,
        /// What it knows now.
        told: Arc<Told>,
    },
    /// Silences were made or changed.
    Silences {
        /// Whose.
        tenant: TenantId,
        /// Those that changed.
        silences: Vec<Arc<Silence>>,
        /// The version of the tenant's silences that includes them.
        version: u64,
    },
}

/// The engine, as shared state sees it.
#[async_trait]
pub trait Host: Send + Sync {
    /// The tenants that are served.
    fn tenants(&self) -> Vec<TenantId>;

    /// The groups an alert belongs to under the configuration in force; none for an unknown tenant.
    fn placement(&self, tenant: &TenantId, alert: &Alert) -> Vec<Arc<GroupIdentity>>;

    /// What tells how a tenant's configuration groups and tells from how another one does: the grids start anew with another.
    fn config_hash(&self, tenant: &TenantId) -> String;

    /// What tells the file of a tenant's configuration from another one, secrets included.
    fn file_hash(&self, tenant: &TenantId) -> String;

    /// A tenant's silences as they are known here.
    fn silences(&self, tenant: &TenantId) -> Vec<Arc<Silence>>;

    /// Ends by time-out are judged differently from now on.
    fn grace_changed(&self, grace: Grace);

    /// This instance goes on alone, and all it took in before that instant was shared; or it shares its state again (`None`).
    fn turned(&self, alone_since: Option<Timestamp>) {
        let _ = alone_since;
    }

    /// Takes note of what other instances did: for readers, verdicts and the journal.
    async fn heard(&self, news: Vec<News>);

    /// Changes of a shard, this instance's own among them, are part of the replica now, in the order of the feed.
    fn saw(&self, shard: usize, changes: &[Change]) {
        let _ = (shard, changes);
    }

    /// The replica of a shard includes everything up to here now, however it came there; of the data of this epoch.
    fn skipped_to(&self, shard: usize, last: EventId, epoch: &Epoch) {
        let _ = (shard, last, epoch);
    }
}
