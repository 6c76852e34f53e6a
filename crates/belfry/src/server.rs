//! A server from its options to its end: the one place where the crates meet.
//!
//! The start is strict about order: the store first (nobody else may have it), then the address, then the configuration, then
//! what the journal holds; only then is anything answered or sent.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use api::auth::Access;
use api::server::ServeOptions;
use api::{Build, Cluster, Web};
use domain::label::Interner;
use engine::Engine;
use runtime::clock::{FollowingClock, SystemClock};
use runtime::ids::RandomIds;
use runtime::metrics::Metrics;
use runtime::tasks::{ShutdownReport, Stop, TaskGroup};
use state::rate::RateBuckets;
use state::rate::memory::MemoryBuckets;
use store::Store;
use tokio::net::TcpListener;
use tokio::signal::unix::Signal;

use crate::build::{COMPATIBLE_VERSION, VERSION};
use crate::inbox::Watcher;
use crate::migration;
use crate::options::Options;
use crate::reload::Reloader;
use crate::settings::Frame;
use crate::sharing::{self, Sharing};
use crate::signals::{StopSignals, hangups};
use crate::web::WebFile;

mod access;
mod listen;
mod sampler;

use access::access;
use listen::{Place, bind, local_url, place, reached_at};
use sampler::StateSampler;

/// How long giving back what is shared may take.
const SHARING_STOP: Duration = Duration::from_secs(3);

/// A server that runs.
pub(crate) struct Running {
    /// Where it listens.
    pub(crate) addresses: Vec<SocketAddr>,
    /// How to reach it from this machine, without a slash at the end.
    pub(crate) url: String,
    store: Store,
    /// How long tasks may take to end.
    drain: Duration,
    /// Accepting and answering.
    doors: TaskGroup,
    /// Everything behind.
    tasks: Arc<TaskGroup>,
    /// What keeps up with other instances; it goes on until sends under way have ended.
    sharing_tasks: TaskGroup,
    signals: StopSignals,
}

/// Starts a server; it runs until [`Running::until_stopped`] returns. A watcher sees what the inbox takes in.
///
/// # Errors
/// Why it cannot run, for people.
pub(crate) async fn start(options: Options, watcher: Option<Watcher>) -> anyhow::Result<Running> {
    let signals = StopSignals::install().context("signals cannot be received")?;
    // From here on a SIGHUP waits until there is something to reload, instead of ending the process.
    let hangups = hangups().context("signals cannot be received")?;
    options.notes.iter().for_each(|note| match note.is_warning {
        true => tracing::warn!("{}", note.text),
        false => tracing::info!("{}", note.text),
    });
    let metrics = Arc::new(Metrics::new(&runtime::metrics::Options {
        compatible_version: COMPATIBLE_VERSION.to_owned(),
        version: VERSION.to_owned(),
        receiver_names: options.features.receiver_names,
        alert_names: options.features.alert_names,
    }));
    let web = web_file(&options)?;
    let store = open_store(&options.database_url, &metrics).await?;
    let listeners = bind(&options.listen, options.may_move).await?;
    let addresses = listeners
        .iter()
        .map(TcpListener::local_addr)
        .collect::<Result<Vec<_>, _>>()?;
    let place = place(&options, &addresses, web.tls.is_some()).map_err(anyhow::Error::msg)?;
    let clock = FollowingClock::new(SystemClock::shared());
    let interner = Arc::default();
    let sharing = sharing::sharing(&options, &interner, &clock, &metrics).context("redis")?;
    let engine = engine(&store, metrics, &options, clock, interner, sharing.as_ref());
    let frame = Frame {
        clock: SystemClock::shared(),
        matcher_mode: options.features.matcher_mode,
        external_url: place.external_url.as_str().into(),
    };
    let reloader = Arc::new(Reloader::new(
        Arc::clone(&engine),
        options.source.clone(),
        frame,
        watcher,
    ));
    take_up(&engine, &reloader).await?;
    if let Some(folder) = &options.alertmanager_folder {
        migration::import(&engine, folder).await;
    }
    let tasks = Arc::new(TaskGroup::new());
    let sharing_tasks = TaskGroup::new();
    if let Some(sharing) = &sharing {
        sharing.start(&sharing_tasks, reached_at(&addresses)).await;
    }
    run_engine(&tasks, &engine);
    reload_on_hangup(&tasks, hangups, &reloader);
    let access = Arc::new(access(&options, &web, &addresses)?);
    web.watch(&tasks, &access);
    let doors = TaskGroup::new();
    let sampler = StateSampler {
        engine: Arc::clone(&engine),
        tasks: Arc::clone(&tasks),
        has_cluster: options.cluster.is_some(),
    };
    let router = router(&options, &place, sampler, reloader, access);
    open_doors(&doors, listeners, &addresses, &router, &options, &web);
    Ok(Running {
        url: local_url(&addresses, &place, web.tls.is_some()),
        addresses,
        store,
        // The dispatcher's own limit for sends under way, and a moment.
        drain: options.engine.timing.drain + Duration::from_secs(1),
        doors,
        tasks,
        sharing_tasks,
        signals,
    })
}

fn web_file(options: &Options) -> anyhow::Result<WebFile> {
    let file = options.web_config_file.as_deref().map(WebFile::read);
    let file = file.transpose().map_err(anyhow::Error::msg);
    Ok(file.context("--web.config.file")?.unwrap_or_default())
}

/// Puts the configuration in force, then what the journal holds.
async fn take_up(engine: &Engine, reloader: &Reloader) -> anyhow::Result<()> {
    let loaded = reloader.load().await.map_err(anyhow::Error::new);
    loaded.context("the configuration cannot be put in force")?;
    let restored = engine
        .restore()
        .await
        .context("the journal cannot be read")?;
    tracing::info!(
        alerts = restored.alerts,
        groups = restored.groups,
        silences = restored.silences,
        "Restored what the journal holds"
    );
    Ok(())
}

async fn open_store(url: &str, metrics: &Metrics) -> anyhow::Result<Store> {
    let clock = SystemClock::shared();
    let opened = Store::open(
        url,
        &store::Options::default(),
        clock,
        metrics.journal.clone(),
    )
    .await;
    opened.context("the store cannot be opened")
}

fn engine(
    store: &Store,
    metrics: Arc<Metrics>,
    options: &Options,
    clock: Arc<FollowingClock>,
    interner: Arc<Interner>,
    sharing: Option<&Sharing>,
) -> Arc<Engine> {
    let state: Arc<dyn state::State> = match sharing {
        Some(sharing) => Arc::clone(&sharing.state) as _,
        None => Arc::new(state::memory::Memory::new(options.engine.timing)),
    };
    let rates: Arc<dyn RateBuckets> = match sharing {
        Some(sharing) => Arc::clone(&sharing.rates),
        None => Arc::new(MemoryBuckets::default()),
    };
    Engine::new(engine::Parts {
        state,
        journal: Arc::clone(&store.journal),
        inbox: Arc::clone(&store.inbox),
        deliveries: Arc::clone(&store.deliveries),
        rates,
        clock,
        ids: RandomIds::shared(),
        interner,
        metrics,
        options: options.engine.clone(),
    })
}

fn run_engine(tasks: &TaskGroup, engine: &Arc<Engine>) {
    let dispatching = Arc::clone(engine);
    tasks.spawn_restarting("dispatch", move |stop| {
        Arc::clone(&dispatching).dispatch(stop)
    });
    let maintaining = Arc::clone(engine);
    tasks.spawn_restarting("maintain", move |stop| {
        Arc::clone(&maintaining).maintain(stop)
    });
    let heeding = Arc::clone(engine);
    tasks.spawn_restarting("heed holds", move |stop| {
        Arc::clone(&heeding).heed_holds(stop)
    });
}

fn reload_on_hangup(tasks: &TaskGroup, mut hangups: Signal, reloader: &Arc<Reloader>) {
    let reloader = Arc::clone(reloader);
    tasks.spawn("reload on SIGHUP", move |stop: Stop| async move {
        loop {
            tokio::select! {
                heard = hangups.recv() => if heard.is_none() { return },
                () = stop.stopped() => return,
            }
            // An error is in the log and in the metrics, and what was in force still is.
            let _ = reloader.load().await;
        }
    });
}

fn router(
    options: &Options,
    place: &Place,
    sampler: StateSampler,
    reload: Arc<Reloader>,
    access: Arc<Access>,
) -> axum::Router {
    api::router(api::Parts {
        engine: Arc::clone(&sampler.engine),
        reload,
        sampler: Arc::new(sampler),
        access,
        limits: options.limits.clone(),
        web: Web {
            route_prefix: place.route_prefix.clone(),
            external_url: place.external_url.clone(),
            get_concurrency: options.get_concurrency,
            timeout: options.timeout,
        },
        build: Build {
            compatible_version: COMPATIBLE_VERSION.to_owned(),
            version: VERSION.to_owned(),
            build_date: String::new(),
        },
        cluster: Cluster {
            own: options.cluster.clone(),
        },
    })
}

fn open_doors(
    doors: &TaskGroup,
    listeners: Vec<TcpListener>,
    addresses: &[SocketAddr],
    router: &axum::Router,
    options: &Options,
    web: &WebFile,
) {
    let serve_options = ServeOptions {
        tls: web.tls.clone(),
        has_http2: web.config.http2,
        limits: options.limits.clone(),
    };
    for (listener, address) in listeners.into_iter().zip(addresses) {
        let (router, serve_options) = (router.clone(), serve_options.clone());
        doors.spawn("listener", move |stop| {
            api::server::serve(listener, router, serve_options, stop)
        });
        // Scripts wait for this line and read the address.
        tracing::info!(%address, "Listening on");
        match web.tls {
            None => tracing::info!(http2 = false, %address, "TLS is disabled."),
            Some(_) => tracing::info!(http2 = web.config.http2, %address, "TLS is enabled."),
        }
    }
}

impl Running {
    /// Waits for a signal, then stops: no new requests, sends under way end, the journal is closed.
    pub(crate) async fn until_stopped(mut self) -> anyhow::Result<()> {
        let signal = self.signals.next().await;
        tracing::info!(signal, "Received a signal, exiting gracefully...");
        self.signals.exit_on_next();
        let doors = self
            .doors
            .shutdown(api::server::DRAIN.saturating_add(Duration::from_secs(1)));
        let (doors, tasks) = tokio::join!(doors, self.tasks.shutdown(self.drain));
        let sharing = self.sharing_tasks.shutdown(SHARING_STOP).await;
        [doors, tasks, sharing].iter().for_each(report);
        self.store.close().await;
        tracing::info!("Stopped");
        Ok(())
    }
}

fn report(report: &ShutdownReport) {
    if !report.is_clean() {
        tracing::warn!(
            tasks = report.cut_off.join(", "),
            "Some tasks did not end in time and were cut off"
        );
    }
}
