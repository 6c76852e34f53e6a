//! `belfry test-receiver`: sends a test over each integration of a receiver and shows what was answered.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use domain::id::TenantId;
use notify::inbox::{InboxEntry, InboxSink};
use notify::receiver::{Deps, build_receiver};
use notify::rehearsal::{Rehearsal, Rehearsed};
use runtime::clock::SystemClock;
use runtime::ids::RandomIds;

use super::flags::{Command, Flag, Kind, Values};
use crate::configuration::{Source, TenantText};
use crate::options::Features;
use crate::{settings, templates};

const FLAGS: &[Flag] = &[
    Flag::new(
        "config.file",
        Kind::Text,
        "alertmanager.yml",
        "The configuration that has the receiver.",
    ),
    Flag::new(
        "web.external-url",
        Kind::Text,
        "http://localhost:9093",
        "Where links in the message lead.",
    ),
    Flag::new(
        "resolved",
        Kind::Switch,
        "false",
        "Say that the alert is over instead of that it fires.",
    ),
    Flag::new(
        "enable-feature",
        Kind::Text,
        "",
        "As for the server: classic-mode, utf8-strict-mode.",
    ),
];

const COMMAND: Command = Command {
    name: "belfry test-receiver",
    about: "Sends a test message over each integration of a receiver, with its real templates, signatures and connections, \
            and shows what the provider answered. No running server is needed. The exit code is 1 if one was not accepted.",
    flags: &[FLAGS],
    arguments: Some("NAME"),
};

/// Sends and prints.
pub(super) fn run(args: &[String]) -> ExitCode {
    let values = match super::values(COMMAND, &crate::build::version(), args) {
        Ok(values) => values,
        Err(code) => return code,
    };
    let [name] = &*values.arguments else {
        return super::refuse(
            COMMAND.name,
            "one argument is expected: the receiver's name",
        );
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let played = runtime
        .context("nothing can be sent")
        .and_then(|runtime| runtime.block_on(play(&values, name)));
    match played {
        Ok(played) => {
            super::print(&shown(&played));
            let is_accepted = played.iter().all(|one| one.result.is_ok());
            ExitCode::from(u8::from(!is_accepted))
        }
        Err(error) => {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "{}: error: {error:#}", COMMAND.name);
            ExitCode::FAILURE
        }
    }
}

async fn play(values: &Values, name: &str) -> anyhow::Result<Vec<Rehearsed>> {
    let features = Features::parse(values.text("enable-feature")).map_err(anyhow::Error::msg)?;
    let file = values.text("config.file");
    let texts = Source::File(file.into()).read()?;
    let text = texts.into_iter().next().context("the file has no text")?;
    let text = TenantText {
        tenant: TenantId::default_tenant(),
        ..text
    };
    let config = settings::parse(&text, features.matcher_mode).map_err(anyhow::Error::msg)?;
    let receiver = config.receiver(name).with_context(|| {
        let names = config
            .receivers
            .iter()
            .map(|receiver| receiver.name.as_str());
        let names: Vec<_> = names.collect();
        format!(
            "{file} has no receiver `{name}`; it has {}",
            names.join(", ")
        )
    })?;
    anyhow::ensure!(
        !receiver.integrations.is_empty(),
        "receiver `{name}` has no integrations"
    );
    let templates = templates::load(&config.templates).map_err(anyhow::Error::msg)?;
    let deps = Deps::new(crate::build::USER_AGENT, Arc::new(NoInbox));
    let built = build_receiver(receiver, &deps.with_templates(Arc::new(templates.set)))?;
    let rehearsal = Rehearsal {
        receiver: name.into(),
        external_url: values.text("web.external-url").trim_end_matches('/').into(),
        at: SystemClock::shared().now(),
        nonce: RandomIds::shared().uuid().chars().take(8).collect(),
        is_resolved: values.is_on("resolved"),
    };
    let integrations: Vec<_> = built.iter().map(|one| &**one).collect();
    Ok(rehearsal.play(&integrations).await)
}

/// The inbox is a running server's.
struct NoInbox;

#[async_trait::async_trait]
impl InboxSink for NoInbox {
    async fn put(&self, _: InboxEntry) -> Result<(), String> {
        Err(
            "the inbox is kept by a running server: ask it (POST /api/belfry/v1/receivers/test)"
                .to_owned(),
        )
    }
}

fn shown(played: &[Rehearsed]) -> String {
    let mut out = String::new();
    for one in played {
        let took = one.took.as_secs_f64();
        // Writing to a String cannot fail.
        let _ = match &one.result {
            Ok(delivered) => writeln!(
                out,
                "{}  accepted  {took:.3} s  {}",
                one.integration, delivered.answer
            ),
            Err(error) => writeln!(
                out,
                "{}  FAILED    {took:.3} s  {}",
                one.integration, error.detail
            ),
        };
        if let Ok(notify::Delivered {
            fallback: Some(note),
            ..
        }) = &one.result
        {
            let _ = writeln!(out, "  a template failed: {note}");
        }
    }
    out
}
