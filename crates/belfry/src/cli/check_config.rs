//! `belfry check-config`: says about files what `amtool check-config` says, and what this version cannot do yet.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use domain::id::TenantId;
use notify::inbox::{InboxEntry, InboxSink};
use notify::receiver::Deps;
use notify::template::dry_run;
use runtime::clock::SystemClock;

use super::flags::{Command, Flag, Kind, Values};
use super::serve::Stated;
use crate::configuration::{Source, TenantText};
use crate::options::Features;
use crate::{settings, templates};

const FLAGS: &[Flag] = &[Flag::new(
    "enable-feature",
    Kind::Text,
    "",
    "classic-mode or utf8-strict-mode: how matchers are read.",
)];

const COMMAND: Command = Command {
    name: "belfry check-config",
    about: "Checks alertmanager.yml files, and with a belfry.yaml (a name that begins so) all files it names. \
            The exit code is 1 if any is wrong.",
    flags: &[FLAGS],
    arguments: Some("FILE..."),
};

/// Checks the files and prints what there is to say.
pub(super) fn run(args: &[String]) -> ExitCode {
    let values = match super::values(COMMAND, &crate::build::version(), args) {
        Ok(values) => values,
        Err(code) => return code,
    };
    if values.arguments.is_empty() {
        return super::refuse(COMMAND.name, "required argument 'FILE' not provided");
    }
    match check_all(&values) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failed) => {
            use std::io::Write as _;
            let _ = writeln!(
                std::io::stderr(),
                "belfry: error: failed to validate {failed} file(s)"
            );
            ExitCode::FAILURE
        }
        Err(message) => super::refuse(COMMAND.name, &message),
    }
}

fn check_all(values: &Values) -> Result<usize, String> {
    let features = Features::parse(values.text("enable-feature"))?;
    let mut failed = 0;
    for file in &values.arguments {
        for (shown, text) in texts(file) {
            let report = text.and_then(|text| check(&text, &features));
            let mut out = format!("Checking '{shown}'  ");
            match report {
                Ok(report) => out.push_str(&format!("SUCCESS\n{report}\n")),
                Err(message) => {
                    failed += 1;
                    let _ = write!(out, "FAILED: {message}\n\n");
                }
            }
            super::print(&out);
        }
    }
    Ok(failed)
}

/// The files to check, each with its text or why it has none.
fn texts(file: &str) -> Vec<(String, Result<TenantText, String>)> {
    let path = Path::new(file);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let source = |file: &Path| Source::File(file.to_path_buf());
    let one = |tenant: TenantId, file: &str| {
        let read = source(Path::new(file))
            .read()
            .map_err(|error| error.to_string());
        let text =
            read.and_then(|texts| texts.into_iter().next().ok_or_else(|| "no text".to_owned()));
        (
            file.to_owned(),
            text.map(|text| TenantText { tenant, ..text }),
        )
    };
    if !name.starts_with("belfry") {
        return vec![one(TenantId::default_tenant(), file)];
    }
    let stated = Stated {
        file: Some(path.to_path_buf()),
        variables: Vec::new(),
    };
    match stated.read() {
        Err(message) => vec![(file.to_owned(), Err(message))],
        Ok((config, _)) => {
            let default = config
                .alertmanager_config_file
                .iter()
                .map(|file| (TenantId::default_tenant(), file.clone()));
            let others = config
                .tenants
                .iter()
                .map(|(id, tenant)| (id.clone(), tenant.config_file.clone()));
            let named: Vec<_> = default
                .chain(others)
                .map(|(id, file)| one(id, &file))
                .collect();
            super::print(&format!(
                "Checking '{file}'  SUCCESS\nFound:\n - {} configuration files\n\n",
                named.len()
            ));
            named
        }
    }
}

/// Checks one text; answers what was found in it.
fn check(text: &TenantText, features: &Features) -> Result<String, String> {
    let config = settings::parse(text, features.matcher_mode)?;
    let templates = templates::load(&config.templates)?;
    let template_files = templates.files;
    let set = Arc::new(templates.set);
    let deps = Deps::new(crate::build::USER_AGENT, Arc::new(NoInbox));
    settings::try_build(&config, &deps.with_templates(Arc::clone(&set)))?;
    let now = SystemClock::shared().now();
    let findings = dry_run::run(&config, &set, "http://localhost:9093", now);
    let findings = findings
        .into_iter()
        .map(|finding| format!("a template would fail: {finding}"));
    let mut out = format!(
        "Found:\n - global config\n - route\n - {} inhibit rules\n - {} receivers\n - {} templates\n",
        config.inhibit_rules.len(),
        config.receivers.len(),
        config.templates.len(),
    );
    if !config.templates.is_empty() {
        let _ = writeln!(out, " - {template_files} template files");
    }
    let warnings = config
        .warnings
        .iter()
        .map(|warning| format!("line {}: {}", warning.line, warning.text));
    for line in warnings.chain(config.not_yet()).chain(findings) {
        let _ = writeln!(out, "WARNING: {line}");
    }
    Ok(out)
}

/// Checking delivers nothing.
struct NoInbox;

#[async_trait]
impl InboxSink for NoInbox {
    async fn put(&self, _: InboxEntry) -> Result<(), String> {
        Err("a check has no inbox".to_owned())
    }
}
