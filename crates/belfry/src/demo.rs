//! `belfry demo`: a server with nothing set up that sends itself alerts and shows what the inbox receives.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use api::limits::Limits;
use config::belfry::{LogFormat, LogLevel};
use engine::EngineOptions;
use notify::inbox::InboxEntry;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::cli::flags::{Command, Flag, Kind};
use crate::cli::{print, values};
use crate::configuration::Source;
use crate::options::{Features, Openness, Options};

mod script;
mod show;

/// As the built-in configuration, but quick enough to watch.
const CONFIG: &str = "\
route: {receiver: inbox, group_by: [alertname], group_wait: 2s, group_interval: 5s, repeat_interval: 4h}
receivers: [{name: inbox, inbox_configs: [{}]}]
";

/// Messages the script brings about: after so many the demo is told in full.
const MESSAGES: usize = 6;

/// How long the demo waits for them before it goes on.
const PATIENCE: Duration = Duration::from_secs(25);

/// Messages that may wait to be shown.
const WAITING_MAX: usize = 1_000;

const FLAGS: &[Flag] = &[Flag::new(
    "server.listen",
    Kind::Text,
    "127.0.0.1:9093",
    "Address to listen on.",
)];

const COMMAND: Command = Command {
    name: "belfry demo",
    about: "Runs a server that sends itself a few alerts and prints each notification as the inbox receives it. Ctrl-C ends it; \
            nothing is kept.",
    flags: &[FLAGS],
    arguments: None,
};

/// Runs the demo.
pub(crate) fn run(args: &[String]) -> ExitCode {
    let values = match values(COMMAND, &crate::build::version(), args) {
        Ok(values) => values,
        Err(code) => return code,
    };
    let listen = values.text("server.listen").to_owned();
    crate::cli::run_logged(LogLevel::Warning, LogFormat::Text, demo(listen))
}

async fn demo(listen: String) -> anyhow::Result<()> {
    // Removed when this function returns.
    let folder = tempfile::tempdir()?;
    let database = folder.path().join("belfry.db");
    let (watcher, watched) = mpsc::channel(WAITING_MAX);
    let running =
        crate::server::start(options(&listen, &database.to_string_lossy()), Some(watcher)).await?;
    let address = running.addresses.first().copied();
    let address = address.ok_or_else(|| anyhow::anyhow!("no address"))?;
    let url = format!("http://{address}");
    print(&show::opening(
        &url,
        address.to_string() != listen && !listen.ends_with(":0"),
        &listen,
    ));
    let began = Instant::now();
    let (told, all_told) = mpsc::channel(1);
    tokio::spawn(show_messages(watched, began, told));
    tokio::spawn(async move {
        let end = match script::run(&url, began).await {
            Ok(()) => told_in_full(all_told).await,
            Err(error) => format!("The demo could not send its alerts: {error:#}\n"),
        };
        print(&end);
        print(&show::guide(&url));
    });
    running.until_stopped().await
}

fn options(listen: &str, database: &str) -> Options {
    Options {
        listen: vec![listen.to_owned()],
        may_move: true,
        external_url: None,
        route_prefix: None,
        database_url: format!("sqlite://{database}"),
        alertmanager_folder: None,
        redis: None,
        source: Source::Text(CONFIG),
        web_config_file: None,
        get_concurrency: 0,
        timeout: None,
        engine: EngineOptions::default(),
        features: Features::default(),
        cluster: None,
        openness: Openness::Loopback {
            anonymous_api: false,
        },
        limits: Limits::serve(),
        notes: Vec::new(),
    }
}

async fn show_messages(
    mut watched: mpsc::Receiver<InboxEntry>,
    began: Instant,
    told: mpsc::Sender<()>,
) {
    let mut count = 0;
    while let Some(message) = watched.recv().await {
        print(&show::message(&message, began.elapsed()));
        count += 1;
        if count == MESSAGES {
            let _ = told.try_send(());
        }
    }
}

async fn told_in_full(mut all_told: mpsc::Receiver<()>) -> String {
    match tokio::time::timeout(PATIENCE, all_told.recv()).await {
        Ok(_) => String::new(),
        Err(_) => "Not every notification came in time; what comes later is printed.\n".to_owned(),
    }
}

/// A client of the server's own API.
fn client() -> anyhow::Result<Arc<dyn outbound::Http>> {
    let options = outbound::HttpOptions::default();
    Ok(Arc::new(outbound::HttpClient::new(
        &options,
        crate::build::USER_AGENT,
    )?))
}
