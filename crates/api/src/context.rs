//! What the HTTP surface is given: the engine and everything else it talks to.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use domain::time::Timestamp;
use engine::Engine;
use runtime::metrics::Sample;
use tokio::sync::Semaphore;

use crate::auth::Access;
use crate::limits::Limits;

/// Puts a changed configuration in force.
#[async_trait]
pub trait Reload: Send + Sync {
    /// Reads the configuration again; on an error, whose text is shown, the one in force stays.
    async fn reload(&self) -> Result<(), String>;
}

/// Takes stock when metrics are asked for.
pub trait Sampler: Send + Sync {
    /// The state at this moment.
    fn sample(&self) -> Sample;
}

/// How the surface presents itself.
#[derive(Clone, Debug)]
pub struct Web {
    /// What every path begins with, without a slash at the end; empty for none.
    pub route_prefix: String,
    /// Where people reach this server, without a slash at the end.
    pub external_url: String,
    /// API GETs answered at once (`--web.get-concurrency`); 0 is at least 8, or one per core.
    pub get_concurrency: usize,
    /// Longest an answer of the API may take to begin (`--web.timeout`).
    pub timeout: Option<Duration>,
}

impl Default for Web {
    fn default() -> Self {
        Self {
            route_prefix: String::new(),
            external_url: "http://localhost:9093".to_owned(),
            get_concurrency: 0,
            timeout: None,
        }
    }
}

/// The program, as `/api/v2/status` shows it.
#[derive(Clone, Debug)]
pub struct Build {
    /// The Alertmanager version whose behaviour this is; amtool compares it with its own.
    pub compatible_version: String,
    /// Belfry's own version.
    pub version: String,
    /// When it was built, if known.
    pub build_date: String,
}

/// An instance that works with this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its name.
    pub name: String,
    /// Where it listens for the others.
    pub address: String,
}

/// The instances that work together, as `/api/v2/status` shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// This instance and where it listens; `None` when it is to work alone (`--cluster.listen-address=`).
    pub own: Option<Peer>,
}

/// Everything the surface is made of.
pub struct Parts {
    /// The use cases.
    pub engine: Arc<Engine>,
    /// Called by `POST /-/reload`.
    pub reload: Arc<dyn Reload>,
    /// Called by `/metrics`.
    pub sampler: Arc<dyn Sampler>,
    /// Who may do what.
    pub access: Arc<Access>,
    /// Bounds of requests.
    pub limits: Limits,
    /// How the surface presents itself.
    pub web: Web,
    /// The program.
    pub build: Build,
    /// The instances that work together.
    pub cluster: Cluster,
}

/// What handlers share.
#[derive(Clone)]
pub struct Api(Arc<Shared>);

/// The shared parts, reached through [`Api`].
pub struct Shared {
    /// What the surface was made of.
    pub parts: Parts,
    /// One permit per API GET that may be answered at the same time.
    pub gets: Arc<Semaphore>,
    /// How many permits there are in all.
    pub gets_max: usize,
    /// One permit per preview of templates that may run at the same time.
    pub previews: Semaphore,
}

/// Previews of templates that run at the same time; each may compute for some tens of milliseconds.
const PREVIEWS_MAX: usize = 4;

impl std::ops::Deref for Api {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Api {
    /// Joins the parts.
    pub fn new(parts: Parts) -> Self {
        let gets_max = match parts.web.get_concurrency {
            0 => std::thread::available_parallelism().map_or(8, |cores| cores.get().max(8)),
            stated => stated.min(Semaphore::MAX_PERMITS),
        };
        let gets = Arc::new(Semaphore::new(gets_max));
        Self(Arc::new(Shared {
            parts,
            gets,
            gets_max,
            previews: Semaphore::new(PREVIEWS_MAX),
        }))
    }
}

impl Shared {
    /// The use cases.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.parts.engine
    }

    /// The time, read once per request.
    pub fn now(&self) -> Timestamp {
        self.parts.engine.clock().now()
    }
}
