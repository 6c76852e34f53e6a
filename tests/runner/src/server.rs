//! A whole server in this process: the real engine, memory for a store, and the HTTP surface on a port of its own.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::config::LoadOptions;
use api::auth::Access;
use api::limits::Limits;
use api::server::ServeOptions;
use api::{Build, Cluster, Parts, Peer, Reload, Sampler, Web};
use async_trait::async_trait;
use bytes::Bytes;
use domain::id::TenantId;
use domain::matcher::MatcherMode;
use engine::settings::{ReceiverParts, Settings, SettingsParts};
use engine::{Engine, EngineOptions};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use runtime::clock::SystemClock;
use runtime::ids::RandomIds;
use runtime::metrics::{Metrics, Sample};
use runtime::tasks::Stop;
use tokio::net::{TcpListener, TcpStream};

use crate::check::inhibit_rules;

/// Longest a request may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server; it ends with the runtime it was started in.
pub(crate) struct Server {
    address: std::net::SocketAddr,
    /// What the next reload reads.
    file: Arc<Mutex<String>>,
}

/// An answer, received whole.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
}

/// What a server is told on its command line, as far as exchanges can show it.
#[derive(Debug, Default)]
struct Flags {
    web: Web,
    cluster: Cluster,
    options: EngineOptions,
    matcher_mode: MatcherMode,
}

impl Flags {
    fn read(flags: &[&str]) -> Result<Self, String> {
        let mut read = Self::default();
        let mut prefix = None;
        let mut listen = "0.0.0.0:9094";
        for flag in flags {
            let (name, value) = flag.split_once('=').unwrap_or((flag, ""));
            let number = || value.parse().map_err(|error| format!("{flag}: {error}"));
            match name {
                "--web.external-url" => value
                    .trim_end_matches('/')
                    .clone_into(&mut read.web.external_url),
                "--web.route-prefix" => prefix = Some(value),
                "--web.get-concurrency" => read.web.get_concurrency = number()?,
                "--cluster.listen-address" => listen = value,
                "--silences.max-silences" => read.options.silences_max = number()?,
                "--silences.max-silence-size-bytes" => read.options.silence_bytes_max = number()?,
                "--alerts.per-alertname-limit" => read.options.per_alertname_limit = number()?,
                "--enable-feature" if value == "classic-mode" => {
                    read.matcher_mode = MatcherMode::Classic
                }
                "--enable-feature" if value == "utf8-strict-mode" => {
                    read.matcher_mode = MatcherMode::Utf8
                }
                _ => return Err(format!("the flag {flag} is not known to this checker")),
            }
        }
        let after_scheme = read
            .web
            .external_url
            .split_once("://")
            .map_or("", |(_, rest)| rest);
        let path = after_scheme.split_once('/').map_or("", |(_, path)| path);
        let prefix = prefix.unwrap_or(path).trim_matches('/');
        read.web.route_prefix = if prefix.is_empty() {
            String::new()
        } else {
            format!("/{prefix}")
        };
        let own = Peer {
            name: "belfry".to_owned(),
            address: listen.to_owned(),
        };
        read.cluster.own = (!listen.is_empty()).then_some(own);
        Ok(read)
    }
}

impl Server {
    /// Starts a server with this configuration and these flags.
    pub(crate) async fn start(config: &str, flags: &[&str]) -> Result<Self, String> {
        let flags = Flags::read(flags)?;
        let engine = engine(flags.options);
        let file = Arc::new(Mutex::new(config.to_owned()));
        let reload = FileReload {
            engine: Arc::clone(&engine),
            file: Arc::clone(&file),
            external_url: flags.web.external_url.as_str().into(),
            matcher_mode: flags.matcher_mode,
        };
        reload.reload().await?;
        let router = api::router(Parts {
            reload: Arc::new(reload),
            engine,
            sampler: Arc::new(NoSample),
            access: Arc::new(Access::open()),
            limits: Limits::drop_in(),
            web: flags.web,
            build: Build {
                compatible_version: "0.33.1".to_owned(),
                version: "0.0.0".to_owned(),
                build_date: String::new(),
            },
            cluster: flags.cluster,
        });
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let options = ServeOptions::plain(Limits::drop_in());
        tokio::spawn(api::server::serve(listener, router, options, Stop::never()));
        Ok(Self { address, file })
    }

    /// Replaces the file the next reload reads.
    pub(crate) fn replace_file(&self, text: &str) {
        text.clone_into(&mut self.file.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Sends a request on a connection of its own.
    pub(crate) async fn send(
        &self,
        request: http::request::Builder,
        body: String,
    ) -> Result<Answer, String> {
        let request = request.header("host", self.address.to_string());
        let request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| error.to_string())?;
        let exchange = tokio::time::timeout(PATIENCE, exchange(self.address, request));
        match exchange.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {PATIENCE:?}")),
        }
    }
}

async fn exchange(
    address: std::net::SocketAddr,
    request: http::Request<Full<Bytes>>,
) -> anyhow::Result<Answer> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

fn engine(options: EngineOptions) -> Arc<Engine> {
    let clock = SystemClock::shared();
    let store = store::Store::memory(Arc::clone(&clock));
    Engine::new(engine::Parts {
        state: Arc::new(state::memory::Memory::default()),
        journal: store.journal,
        inbox: store.inbox,
        deliveries: store.deliveries,
        rates: Arc::new(state::rate::memory::MemoryBuckets::default()),
        clock,
        ids: RandomIds::shared(),
        interner: Arc::default(),
        metrics: Arc::new(Metrics::default()),
        options,
    })
}

struct FileReload {
    engine: Arc<Engine>,
    file: Arc<Mutex<String>>,
    external_url: Arc<str>,
    matcher_mode: MatcherMode,
}

#[async_trait]
impl Reload for FileReload {
    async fn reload(&self) -> Result<(), String> {
        let text = self
            .file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let all = [(TenantId::default_tenant(), self.settings(&text)?)];
        let configured = self.engine.configure(all.into_iter().collect()).await;
        configured.map_err(|error| error.to_string())
    }
}

impl FileReload {
    fn settings(&self, text: &str) -> Result<Arc<Settings>, String> {
        let options = LoadOptions {
            matcher_mode: self.matcher_mode,
            ..LoadOptions::default()
        };
        // Without the place, which is recorded nowhere.
        let mut config =
            ::config::load(text, &options).map_err(|error| error.message().to_owned())?;
        let receivers = config.receivers.iter().map(|receiver| ReceiverParts {
            name: receiver.name.clone(),
            labels: receiver.labels.clone().into_iter().collect(),
            // Nothing is delivered here.
            integrations: Vec::new(),
            delivery: engine::settings::DeliveryParts::default(),
        });
        let parts = SettingsParts {
            receivers: receivers.collect(),
            inhibit_rules: inhibit_rules(std::mem::take(&mut config.inhibit_rules)),
            route: config.route,
            time_intervals: config.time_intervals.into_iter().collect(),
            resolve_timeout: config.global.resolve_timeout,
            original: config.original,
            own: String::new(),
            file_hash: 0,
            matcher_mode: self.matcher_mode,
            external_url: Arc::clone(&self.external_url),
            anonymous_api: true,
            templates: Arc::default(),
        };
        Ok(Settings::new(parts, self.engine.metrics()))
    }
}

struct NoSample;

impl Sampler for NoSample {
    fn sample(&self) -> Sample {
        Sample::default()
    }
}
