//! `belfry template render`: what templates say, with the flags of `amtool template render`.

use std::io::Write as _;
use std::process::ExitCode;

use api::wire::facts::Facts;
use domain::label::Labels;
use gotmpl::Value;
use notify::data::Data;
use notify::template::{self, Markup, samples};
use runtime::clock::SystemClock;

use super::flags::{Command, Flag, Kind, Values};
use crate::templates;

const FLAGS: &[Flag] = &[
    Flag::new(
        "template.glob",
        Kind::Text,
        "",
        "Glob of template files, read after the default templates; may be repeated.",
    )
    .repeatable(),
    Flag::new(
        "template.text",
        Kind::Text,
        "",
        "The template to render, for instance '{{ template \"slack.default.title\" . }}'.",
    ),
    Flag::new(
        "template.type",
        Kind::Choice(&["text", "html"]),
        "text",
        "Which engine renders it; html escapes values for their place in a page.",
    ),
    Flag::new(
        "template.data",
        Kind::Text,
        "",
        "File with what it is rendered on, as JSON: the body of a webhook. Without it made-up alerts are used.",
    ),
];

const COMMAND: Command = Command {
    name: "belfry template render",
    about: "Renders a template and prints what it says. The exit code is 1 if it fails; the error names the file, line and column.",
    flags: &[FLAGS],
    arguments: None,
};

/// Where people reach a server that nobody named.
const EXTERNAL_URL: &str = "http://localhost:9093";

/// Runs the command after `template`.
pub(super) fn run(args: &[String]) -> ExitCode {
    let Some(("render", args)) = args.split_first().map(|(verb, rest)| (verb.as_str(), rest))
    else {
        return super::refuse("belfry template", "expected command 'render'");
    };
    let values = match super::values(COMMAND, &crate::build::version(), args) {
        Ok(values) => values,
        Err(code) => return code,
    };
    if values.text("template.text").is_empty() {
        return super::refuse(COMMAND.name, "required flag --template.text not provided");
    }
    match render(&values) {
        Ok(said) => {
            super::print(&said);
            ExitCode::SUCCESS
        }
        Err(message) => {
            let _ = writeln!(std::io::stderr(), "{}: error: {message}", COMMAND.name);
            ExitCode::FAILURE
        }
    }
}

fn render(values: &Values) -> Result<String, String> {
    let globs = values.all("template.glob");
    let globs: Vec<String> = globs.into_iter().filter(|glob| !glob.is_empty()).collect();
    let set = templates::load(&globs)?.set;
    let markup = match values.text("template.type") {
        "html" => Markup::Html,
        _ => Markup::Plain,
    };
    let text = set.text(values.text("template.text"), markup);
    let now = SystemClock::shared().now();
    let (dot, route_labels) = match values.text("template.data") {
        "" => sample(now)?,
        file => given(file, now)?,
    };
    template::preview(&set, &text, &dot, &route_labels, now).map_err(|failure| failure.to_string())
}

/// A group with firing and resolved alerts.
fn sample(now: domain::time::Timestamp) -> Result<(Value, Labels), String> {
    let samples = samples::all("receiver", EXTERNAL_URL, now);
    let sample = samples.get(1).ok_or("there are no made-up alerts")?;
    let message = &sample.notification;
    let facts = Data::new(message, &message.alerts);
    Ok((template::value(&facts), Labels::empty()))
}

fn given(file: &str, now: domain::time::Timestamp) -> Result<(Value, Labels), String> {
    let json = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let facts = Facts::parse(&json).map_err(|error| format!("{file}: {error}"))?;
    let route_labels = facts.route_labels();
    let dot = facts.into_value(EXTERNAL_URL, now);
    Ok((
        dot.map_err(|error| format!("{file}: {error}"))?,
        route_labels,
    ))
}
