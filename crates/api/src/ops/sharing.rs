//! `GET /-/coordinated` and `GET /api/belfry/v1/status`: how this instance works together with others.

use std::collections::BTreeMap;

use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use domain::time::Timestamp;
use engine::{InstanceReport, Mode, ShardStanding, Standing};
use serde::Serialize;

use crate::answer::{self, json, json_string};
use crate::context::Api;

/// Says whether the state is shared, for balancers that have a better pool: 503 while this instance is alone.
pub(crate) fn coordinated(api: &Api) -> Response {
    let mode = api.engine().mode();
    let standing = api.engine().standing();
    match standing.filter(|_| mode == Mode::Degraded) {
        None => answer::text(StatusCode::OK, mode.as_str()),
        Some(standing) => {
            // Anybody may ask this: why it is out of reach, which may name hosts, is for operators.
            let since = written(standing.since);
            let text = format!("degraded: {} is out of reach since {since}", standing.home);
            answer::text(StatusCode::SERVICE_UNAVAILABLE, text)
        }
    }
}

/// Shows how the sharing stands, for operators.
pub(crate) async fn status(api: &Api) -> Response {
    let engine = api.engine();
    let standing = engine.standing();
    let (shards, note) = match engine.shards().await {
        Ok(shards) => (shards, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let status = match standing {
        Some(standing) => Status::of(api, standing, &shards, note),
        None => Status::of_one(api, &shards),
    };
    match serde_json::to_vec(&status) {
        Ok(mut body) => {
            body.push(b'\n');
            let mut response = json(StatusCode::OK, body);
            let headers = response.headers_mut();
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(error) => {
            tracing::error!(%error, "the status could not be written");
            let message = "the status could not be written";
            json_string(StatusCode::INTERNAL_SERVER_ERROR, message)
        }
    }
}

/// The wire form of the status.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    mode: &'static str,
    /// Since when it works in this mode.
    since: String,
    /// Why it is alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    /// What people call the home of what is shared.
    #[serde(skip_serializing_if = "Option::is_none")]
    home: Option<&'static str>,
    instance: String,
    instances: Vec<Instance>,
    queues: Queues,
    shards: Vec<Shard>,
    /// Why there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    mirror_lag_ms: u64,
    stranded_groups: usize,
    clocks: Clocks,
    groups: usize,
    alerts: usize,
    counters: Counters,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Instance {
    id: String,
    address: String,
    version: String,
    mode: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<String>,
    /// Hash of the file of each tenant's configuration.
    configs: BTreeMap<String, String>,
}

/// By how many milliseconds clocks are ahead of the time in force.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Clocks {
    redis_ahead_ms: i64,
    instance_ahead_ms: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Queues {
    due: u64,
    in_flight: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shard {
    shard: usize,
    due: u64,
    in_flight: u64,
    last_event: String,
    lag_ms: u64,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Counters {
    mode_changes: u64,
    redis_failures: u64,
    data_losses: u64,
    audit_repaired: u64,
    mirror_rereads: u64,
    gate_rejected: u64,
}

impl Status {
    /// An instance that shares its state, or should.
    fn of(api: &Api, standing: Standing, shards: &[ShardStanding], note: Option<String>) -> Self {
        let counts = standing.counts;
        let counters = Counters {
            mode_changes: counts.mode_changes,
            redis_failures: counts.failures,
            data_losses: counts.data_losses,
            audit_repaired: counts.audit_repaired,
            mirror_rereads: counts.rereads,
            ..Counters::default()
        };
        let lag_ms = standing.lag.as_millis();
        Self {
            mode: standing.mode.as_str(),
            since: written(standing.since),
            cause: standing.cause,
            home: Some(standing.home),
            instance: standing.own.id,
            instances: standing.instances.into_iter().map(Instance::of).collect(),
            note,
            mirror_lag_ms: u64::try_from(lag_ms).unwrap_or(u64::MAX),
            stranded_groups: standing.stranded,
            clocks: Clocks {
                redis_ahead_ms: standing.clocks.shared_ms,
                instance_ahead_ms: standing.clocks.instance_ms,
            },
            ..Self::here(api, shards, counters)
        }
    }

    /// An instance that is the only one.
    fn of_one(api: &Api, shards: &[ShardStanding]) -> Self {
        let own = api.parts.cluster.own.clone();
        let (id, address) = own.map_or_else(
            || ("belfry".to_owned(), String::new()),
            |own| (own.name, own.address),
        );
        let tenants = api.engine().tenants();
        let configs = tenants.iter().map(|tenant| {
            let hash = tenant.settings().file_hash().to_string();
            (tenant.id().to_string(), hash)
        });
        let instance = Instance {
            id: id.clone(),
            address,
            version: api.parts.build.version.clone(),
            mode: Mode::Embedded.as_str().to_owned(),
            started_at: Some(written(api.engine().started_at())),
            configs: configs.collect(),
        };
        Self {
            instance: id,
            instances: vec![instance],
            ..Self::here(api, shards, Counters::default())
        }
    }

    /// What this process can say of itself.
    fn here(api: &Api, shards: &[ShardStanding], counters: Counters) -> Self {
        let engine = api.engine();
        let total = |of: fn(&ShardStanding) -> u64| shards.iter().map(of).sum();
        Self {
            mode: engine.mode().as_str(),
            since: written(engine.started_at()),
            cause: None,
            home: None,
            instance: String::new(),
            instances: Vec::new(),
            queues: Queues {
                due: total(|shard| shard.due),
                in_flight: total(|shard| shard.in_flight),
            },
            shards: shards.iter().enumerate().map(Shard::of).collect(),
            note: None,
            mirror_lag_ms: 0,
            stranded_groups: 0,
            clocks: Clocks::default(),
            groups: engine.group_count(),
            alerts: engine
                .tenants()
                .iter()
                .map(|tenant| tenant.alerts_held())
                .sum(),
            counters: Counters {
                gate_rejected: engine.metrics().dispatcher.gate_rejected.get(),
                ..counters
            },
        }
    }
}

impl Instance {
    fn of(report: InstanceReport) -> Self {
        let configs = report.files.into_iter();
        Self {
            id: report.id,
            address: report.address,
            version: report.version,
            mode: report.mode,
            started_at: report.started_at.map(written),
            configs: configs
                .map(|(tenant, hash)| (tenant.to_string(), hash))
                .collect(),
        }
    }
}

impl Shard {
    fn of((shard, standing): (usize, &ShardStanding)) -> Self {
        let last = standing.last_event;
        Self {
            shard,
            due: standing.due,
            in_flight: standing.in_flight,
            last_event: format!("{}-{}", last.ms, last.seq),
            lag_ms: standing.lag_ms,
        }
    }
}

fn written(time: Timestamp) -> String {
    time.utc().rfc3339_millis()
}
