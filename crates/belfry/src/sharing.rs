//! Several instances through one Redis: how the shared state is put together, started and stopped.

use std::path::PathBuf;
use std::sync::Arc;

use config::belfry::{Redis, RedisTopology};
use domain::label::Interner;
use runtime::clock::{Clock as _, FollowingClock};
use runtime::ids::{IdSource as _, RandomIds};
use runtime::metrics::Metrics;
use runtime::tasks::TaskGroup;
use state::coordinated::Coordinated;
use state::coordinator::InstanceReport;
use state::rate::{RateBuckets, SharedOrOwn};
use state_redis::coordinator::RedisCoordinator;
use state_redis::link::{Link, LinkOptions, Password, Topology};
use state_redis::rate::RedisBuckets;

use crate::build::VERSION;
use crate::options::Options;

/// What this instance shares with others.
pub(crate) struct Sharing {
    /// The state the engine works on.
    pub(crate) state: Arc<Coordinated>,
    /// How often integrations may be used, all instances together.
    pub(crate) rates: Arc<dyn RateBuckets>,
    /// Where Redis is, without credentials.
    pub(crate) place: String,
}

/// Puts the shared state together, if the options name a Redis; it need not be up.
///
/// # Errors
/// A configuration that cannot work, for people.
pub(crate) fn sharing(
    options: &Options,
    interner: &Arc<Interner>,
    clock: &Arc<FollowingClock>,
    metrics: &Metrics,
) -> anyhow::Result<Option<Sharing>> {
    let Some(redis) = &options.redis else {
        return Ok(None);
    };
    let name = options.cluster.as_ref().map(|peer| peer.name.as_str());
    let timing = options.engine.timing;
    let link = Link::counted(link_options(redis), metrics.redis.clone())?;
    let place = link.describe();
    let ids = RandomIds;
    // New at each start: what an earlier life claimed is not this one's.
    let id = match name {
        Some(name) => format!("{}-{:08x}", plain(name), ids.nonce() & 0xffff_ffff),
        None => ids.uuid(),
    };
    let report = InstanceReport {
        id: id.clone(),
        version: VERSION.to_owned(),
        started_at: Some(clock.now()),
        ..InstanceReport::default()
    };
    let rates = SharedOrOwn::new(Arc::new(RedisBuckets::new(link.clone())));
    let coordinator = RedisCoordinator::new(link, id, Arc::clone(interner), timing)
        .keeping_silences(options.engine.retention);
    let shared_clock: runtime::clock::SharedClock = Arc::clone(clock) as _;
    let state = Coordinated::new(Arc::new(coordinator), report, shared_clock, timing);
    state.lead(Arc::clone(clock));
    Ok(Some(Sharing {
        state,
        rates: Arc::new(rates),
        place,
    }))
}

/// A name as it may stand in keys and log lines.
fn plain(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let plain = name.chars().map(|c| if is_plain(c) { c } else { '_' });
    plain.take(64).collect()
}

impl Sharing {
    /// Meets Redis, or goes on alone and says so; from here on this instance takes part, known to the others by its address.
    pub(crate) async fn start(&self, tasks: &TaskGroup, address: Option<String>) {
        if let Some(address) = address {
            self.state.set_address(address);
        }
        tracing::info!(
            redis = self.place,
            "Instances share their state through Redis"
        );
        self.state.start().await;
        let following = Arc::clone(&self.state);
        tasks.spawn_restarting("follow", move |stop| {
            Arc::clone(&following).run_follower(stop)
        });
        let keeping = Arc::clone(&self.state);
        tasks.spawn_restarting("keep", move |stop| Arc::clone(&keeping).run_keeper(stop));
    }
}

fn link_options(redis: &Redis) -> LinkOptions {
    let topology = match redis.topology() {
        RedisTopology::Single { host, port } => Topology::Single {
            host: host.to_owned(),
            port,
        },
        RedisTopology::Sentinel { nodes, master } => Topology::Sentinel {
            nodes: nodes.to_vec(),
            master: master.to_owned(),
        },
        RedisTopology::Cluster { nodes } => Topology::Cluster {
            nodes: nodes.to_vec(),
        },
    };
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    LinkOptions {
        username: some(&redis.username),
        password: some(redis.password.expose()).map(Password::new),
        password_file: some(&redis.password_file).map(PathBuf::from),
        db: redis.db,
        tls: redis.tls,
        tls_ca_file: some(&redis.tls_ca_file).map(PathBuf::from),
        key_prefix: redis.key_prefix.clone(),
        topology,
        ..LinkOptions::default()
    }
}
