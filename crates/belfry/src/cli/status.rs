//! `belfry status`: asks a running instance how it works together with others, and prints it for people.

use std::process::ExitCode;

use anyhow::Context as _;
use outbound::{Authorization, Http as _, HttpClient, HttpOptions, Request, Source, TlsOptions};
use serde_json::Value;

use super::flags::{Command, Flag, Kind, Values};

mod table;

const FLAGS: &[Flag] = &[
    Flag::new(
        "url",
        Kind::Text,
        "http://127.0.0.1:9093",
        "The instance to ask, with its route prefix if it has one.",
    ),
    Flag::new("json", Kind::Switch, "false", "Print the JSON as it comes."),
    Flag::new(
        "token-file",
        Kind::Text,
        "",
        "File with a token for all tenants, where one is needed.",
    ),
    Flag::new(
        "tls-ca-file",
        Kind::Text,
        "",
        "File with the certificate authority that signed the server's certificate.",
    ),
    Flag::new(
        "timeout",
        Kind::Duration,
        "5s",
        "How long to wait for the answer.",
    ),
];

const COMMAND: Command = Command {
    name: "belfry status",
    about: "Shows the instances that work together, their mode, their queues and how far each is behind. \
            The exit code is 0 if the instance asked works as it should, 1 if it works alone although it should \
            not (degraded), 2 if it does not answer.",
    flags: &[FLAGS],
    arguments: None,
};

/// The exit code of an instance that cannot be asked.
const UNREACHABLE: u8 = 2;

/// Asks and prints.
pub(super) fn run(args: &[String]) -> ExitCode {
    let values = match super::values(COMMAND, &crate::build::version(), args) {
        Ok(values) => values,
        Err(code) => return code,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let answer = runtime
        .context("nothing can be asked")
        .and_then(|runtime| runtime.block_on(ask(&values)));
    match answer {
        Ok((text, status)) => {
            let is_alone = status["mode"] == "degraded";
            let shown = if values.is_on("json") {
                text
            } else {
                table::status(&status)
            };
            super::print(&shown);
            ExitCode::from(u8::from(is_alone))
        }
        Err(error) => {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "belfry status: error: {error:#}");
            ExitCode::from(UNREACHABLE)
        }
    }
}

async fn ask(values: &Values) -> anyhow::Result<(String, Value)> {
    let file = |name| values.some_text(name).map(|path| Source::File(path.into()));
    let options = HttpOptions {
        authentication: file("token-file")
            .map(|token| outbound::Authentication::Authorization(Authorization::bearer(token))),
        tls: TlsOptions {
            ca: file("tls-ca-file"),
            ..TlsOptions::default()
        },
        ..HttpOptions::default()
    };
    let client = HttpClient::new(&options, crate::build::USER_AGENT)?;
    let url = values.text("url").trim_end_matches('/');
    let request = Request {
        method: outbound::Method::GET,
        url: format!("{url}/api/belfry/v1/status"),
        headers: Vec::new(),
        body: Default::default(),
    };
    let response = client.send(request, values.duration("timeout")).await?;
    let text = String::from_utf8_lossy(&response.body).into_owned();
    match response.status {
        200 => {}
        401 | 403 => anyhow::bail!(
            "the instance wants to know who asks: give --token-file with a token for all tenants, or user and password in --url"
        ),
        status => anyhow::bail!("the instance answered {status}; is it Belfry, of this version?"),
    }
    anyhow::ensure!(!response.body_is_cut, "the answer is too long to be shown");
    let status = serde_json::from_str(&text).context("the answer is not the status of a Belfry")?;
    Ok((text, status))
}
