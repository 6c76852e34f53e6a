//! What ingest and reads cost without HTTP: `cargo run --release -p engine --example ingest_bench`.
//!
//! Prints CPU per alert for new and for re-sent alerts, resident memory, and the time of the big reads.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use domain::id::TenantId;
use domain::matcher::{Matcher, MatcherMode};
use domain::route::RouteSpec;
use engine::read::AlertQuery;
use engine::settings::{ReceiverParts, Settings, SettingsParts};
use engine::{Engine, EngineOptions, Parts, PostedAlert};
use runtime::clock::SystemClock;
use runtime::ids::RandomIds;
use runtime::metrics::{Metrics, Options};

const ALERTS: usize = 100_000;
const BATCH: usize = 100;

fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .collect();
    let ticks: f64 = [11, 12]
        .iter()
        .filter_map(|i| fields.get(*i)?.parse::<f64>().ok())
        .sum();
    ticks / 100.0
}

fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|l| l.starts_with("VmRSS"))
        .unwrap_or("");
    line.split_whitespace()
        .nth(1)
        .and_then(|kb| kb.parse::<f64>().ok())
        .unwrap_or(0.0)
        / 1024.0
}

fn posted(index: usize, ends_in: Duration, engine: &Engine) -> PostedAlert<'static> {
    let pair = |name: &'static str, value: String| (Cow::Borrowed(name), Cow::Owned(value));
    let now = engine.clock().now();
    PostedAlert {
        labels: vec![
            pair("alertname", format!("Alert{}", index % 20)),
            pair("cluster", format!("cluster-{}", index % 4)),
            pair(
                "instance",
                format!("10.0.{}.{}:9100", index / 256, index % 256),
            ),
            pair("job", format!("job-{}", index % 50)),
            pair("namespace", format!("namespace-{}", index % 200)),
            pair("pod", format!("pod-{index}-abcdef")),
            pair(
                "severity",
                ["critical", "warning", "info"][index % 3].to_owned(),
            ),
            pair("team", format!("team-{}", index % 10)),
        ],
        annotations: vec![
            pair(
                "description",
                format!(
                    "Node {index} has been above its limit for ten minutes, look at the dashboard"
                ),
            ),
            pair("summary", format!("High load on node {index}")),
        ],
        generator_url: Cow::Borrowed("http://prometheus.example.org/graph?g0.expr=up"),
        starts_at: Some(now - Duration::from_secs(60)),
        ends_at: Some(now + ends_in),
    }
}

async fn post_all(engine: &Arc<Engine>, what: &str, ends_in: Duration) {
    let tenant = engine
        .tenant(&TenantId::default_tenant())
        .expect("configured");
    let mut batches: Vec<Vec<PostedAlert<'static>>> = (0..ALERTS / BATCH)
        .map(|b| {
            (0..BATCH)
                .map(|i| posted(b * BATCH + i, ends_in, engine))
                .collect()
        })
        .collect();
    let (cpu, wall) = (cpu_seconds(), Instant::now());
    let chunk = batches.len() / 8;
    let mut tasks = tokio::task::JoinSet::new();
    while !batches.is_empty() {
        let mine = batches.split_off(batches.len().saturating_sub(chunk));
        let (engine, tenant) = (Arc::clone(engine), Arc::clone(&tenant));
        tasks.spawn(async move {
            for batch in mine {
                engine.ingest(&tenant, batch).await.expect("stored");
            }
        });
    }
    while tasks.join_next().await.is_some() {}
    let (cpu, wall) = (cpu_seconds() - cpu, wall.elapsed().as_secs_f64());
    let count = ALERTS as f64;
    println!(
        "{what}: {:.2} µs CPU per alert, {:.0} alerts/s",
        cpu / count * 1e6,
        count / wall
    );
}

/// One route that makes 200 groups, none of which ticks while this runs.
fn settings(metrics: &Metrics) -> Arc<Settings> {
    let route = RouteSpec {
        receiver: "r".to_owned(),
        group_by: Some(vec!["alertname".to_owned(), "namespace".to_owned()]),
        group_wait: Some(Duration::from_secs(36_000)),
        ..RouteSpec::default()
    };
    let receiver = ReceiverParts {
        name: "r".to_owned(),
        labels: vec![],
        integrations: vec![],
        delivery: engine::settings::DeliveryParts::default(),
    };
    let parts = SettingsParts {
        route,
        receivers: vec![receiver],
        inhibit_rules: vec![],
        time_intervals: BTreeMap::new(),
        resolve_timeout: Duration::from_secs(300),
        original: String::new(),
        own: String::new(),
        file_hash: 0,
        matcher_mode: MatcherMode::Fallback,
        external_url: Arc::from("http://localhost:9093"),
        anonymous_api: true,
        templates: Arc::default(),
    };
    Settings::new(parts, metrics)
}

async fn read_all(engine: &Engine) {
    let tenant = engine
        .tenant(&TenantId::default_tenant())
        .expect("configured");
    let now = engine.clock().now();
    let started = Instant::now();
    let page = tenant.alerts(&AlertQuery::default(), now);
    println!(
        "{} alerts read in {:?}",
        page.alerts.len(),
        started.elapsed()
    );
    let started = Instant::now();
    let groups = tenant.groups(&AlertQuery::default(), now);
    println!("{} groups read in {:?}", groups.len(), started.elapsed());
    let exact = AlertQuery {
        matchers: vec![Matcher::equal("instance", "10.0.7.7:9100")],
        ..AlertQuery::default()
    };
    let started = Instant::now();
    let page = tenant.alerts(&exact, now);
    println!("{} exact in {:?}", page.alerts.len(), started.elapsed());
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let clock = SystemClock::shared();
    let metrics = Arc::new(Metrics::new(&Options::default()));
    let url = format!("sqlite://{}/bench.db", folder.path().display());
    let journal_metrics = metrics.journal.clone();
    let options = store::Options::default();
    let store = store::Store::open(&url, &options, Arc::clone(&clock), journal_metrics).await;
    let store = store.expect("a store");
    let engine = Engine::new(Parts {
        state: Arc::new(state::memory::Memory::default()),
        journal: Arc::clone(&store.journal),
        inbox: Arc::clone(&store.inbox),
        deliveries: Arc::clone(&store.deliveries),
        rates: Arc::new(state::rate::memory::MemoryBuckets::default()),
        clock,
        ids: RandomIds::shared(),
        interner: Arc::default(),
        metrics: Arc::clone(&metrics),
        options: EngineOptions::default(),
    });
    let wanted = BTreeMap::from([(TenantId::default_tenant(), settings(&metrics))]);
    engine.configure(wanted).await.expect("in force");
    println!("resident before: {:.0} MB", resident_mb());
    post_all(&engine, "new", Duration::from_secs(240)).await;
    println!(
        "resident after: {:.0} MB, {} groups",
        resident_mb(),
        engine.group_count()
    );
    let rounds = std::env::args()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(3);
    for _ in 0..rounds {
        post_all(&engine, "re-sent", Duration::from_secs(245)).await;
    }
    post_all(&engine, "re-sent far ahead", Duration::from_secs(900)).await;
    read_all(&engine).await;
    println!("resident at the end: {:.0} MB", resident_mb());
    store.close().await;
}
