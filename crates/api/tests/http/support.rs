//! A whole server in this process: real engine, memory for a store, and the surface as one service.

use std::sync::Arc;

use api::auth::Access;
use api::limits::Limits;
use api::{Build, Cluster, Parts, Reload, Sampler, Web};
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use domain::id::TenantId;
use engine::settings::{ReceiverParts, Settings, SettingsParts};
use engine::{Engine, EngineOptions};
use http_body_util::BodyExt as _;
use runtime::clock::SystemClock;
use runtime::ids::RandomIds;
use runtime::metrics::{Metrics, Sample};
use tower::ServiceExt as _;

/// A tenant to serve: its id, its alertmanager.yml, and whether anybody may come in.
pub(crate) struct TenantFile {
    pub(crate) id: &'static str,
    pub(crate) text: String,
    pub(crate) anonymous_api: bool,
}

/// A running server.
pub(crate) struct Server {
    pub(crate) engine: Arc<Engine>,
    pub(crate) router: Router,
}

/// An answer, received whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }
}

struct FileReload {
    engine: Arc<Engine>,
    file: String,
}

#[async_trait]
impl Reload for FileReload {
    async fn reload(&self) -> Result<(), String> {
        let settings = settings(&self.file, true, &self.engine)?;
        let all = [(TenantId::default_tenant(), settings)]
            .into_iter()
            .collect();
        self.engine
            .configure(all)
            .await
            .map_err(|error| error.to_string())
    }
}

struct NoSample;

impl Sampler for NoSample {
    fn sample(&self) -> Sample {
        Sample::default()
    }
}

fn settings(text: &str, anonymous_api: bool, engine: &Engine) -> Result<Arc<Settings>, String> {
    let config = config::alertmanager::load(text, &config::alertmanager::LoadOptions::default())
        .map_err(|error| error.message().to_owned())?;
    let receivers = config.receivers.iter().map(|receiver| ReceiverParts {
        name: receiver.name.clone(),
        labels: receiver.labels.clone().into_iter().collect(),
        // Nothing is delivered in these tests.
        integrations: Vec::new(),
        delivery: engine::settings::DeliveryParts::default(),
    });
    let inhibit_rules = config
        .inhibit_rules
        .into_iter()
        .map(|rule| domain::inhibit::InhibitRule {
            name: None,
            source_matchers: rule.source_matchers,
            target_matchers: rule.target_matchers,
            equal: rule.equal.iter().map(|name| name.as_str().into()).collect(),
        });
    let parts = SettingsParts {
        receivers: receivers.collect(),
        route: config.route,
        inhibit_rules: inhibit_rules.collect(),
        time_intervals: config.time_intervals.into_iter().collect(),
        resolve_timeout: config.global.resolve_timeout,
        original: config.original,
        own: String::new(),
        file_hash: 0,
        matcher_mode: domain::matcher::MatcherMode::Fallback,
        external_url: "http://am.test".into(),
        anonymous_api,
        templates: Arc::default(),
    };
    Ok(Settings::new(parts, engine.metrics()))
}

/// What differs from a plain drop-in.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) access: Option<Access>,
    pub(crate) limits: Option<Limits>,
    pub(crate) web: Web,
    pub(crate) cluster: Cluster,
    /// Memory unless given.
    pub(crate) state: Option<Arc<dyn state::State>>,
    pub(crate) engine: EngineOptions,
}

/// Starts a server with one tenant, open to anybody.
pub(crate) async fn start(config: &str) -> Server {
    start_with(vec![default_tenant(config)], Options::default()).await
}

pub(crate) fn default_tenant(config: &str) -> TenantFile {
    TenantFile {
        id: "default",
        text: config.to_owned(),
        anonymous_api: false,
    }
}

/// Starts a server.
pub(crate) async fn start_with(tenants: Vec<TenantFile>, options: Options) -> Server {
    let clock = SystemClock::shared();
    let store = store::Store::memory(Arc::clone(&clock));
    let engine = Engine::new(engine::Parts {
        state: options
            .state
            .unwrap_or_else(|| Arc::new(state::memory::Memory::default())),
        journal: store.journal,
        inbox: store.inbox,
        deliveries: store.deliveries,
        rates: Arc::new(state::rate::memory::MemoryBuckets::default()),
        clock,
        ids: RandomIds::shared(),
        interner: Arc::default(),
        metrics: Arc::new(Metrics::default()),
        options: options.engine,
    });
    let file = tenants[0].text.clone();
    let all = tenants.iter().map(|tenant| {
        let id: TenantId = tenant.id.parse().expect("a tenant id");
        (
            id,
            settings(&tenant.text, tenant.anonymous_api, &engine).expect("a valid configuration"),
        )
    });
    engine
        .configure(all.collect())
        .await
        .expect("memory does not fail");
    let router = api::router(Parts {
        reload: Arc::new(FileReload {
            engine: Arc::clone(&engine),
            file,
        }),
        engine: Arc::clone(&engine),
        sampler: Arc::new(NoSample),
        access: Arc::new(options.access.unwrap_or_else(Access::open)),
        limits: options.limits.unwrap_or_else(Limits::drop_in),
        web: options.web,
        build: Build {
            compatible_version: "0.33.1".to_owned(),
            version: "0.0.0".to_owned(),
            build_date: String::new(),
        },
        cluster: options.cluster,
    });
    Server { engine, router }
}

impl Server {
    /// Sends a request and receives the whole answer.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("infallible");
        let (parts, body) = response.into_parts();
        let body = body
            .collect()
            .await
            .expect("a body that ends")
            .to_bytes()
            .to_vec();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// Gets a path.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).expect("a request"))
            .await
    }

    /// Posts JSON to a path.
    pub(crate) async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        let request = Request::post(path).header("content-type", "application/json");
        self.send(request.body(body.into()).expect("a request"))
            .await
    }
}
