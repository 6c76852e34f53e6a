//! The whole alertmanager.yml.

use std::cell::RefCell;
use std::collections::HashSet;
use std::path::PathBuf;

use domain::interval::TimeInterval;
use domain::matcher::MatcherMode;
use domain::route::RouteSpec;

use crate::duration::quoted;
use crate::error::{ConfigError, Mark, Result};
use crate::event_recorder::EventRecorderConfig;
use crate::global::Global;
use crate::http::join;
use crate::inhibit::{self, InhibitRule};
use crate::interval::NamedInterval;
use crate::matchers::{MatcherReader, Warning};
use crate::receiver::{Context, Receiver, check_fallbacks, own_text};
use crate::route::{self, Names};
use crate::tracing::TracingConfig;
use crate::yaml::{self, Block, Fields, Node, Value};

/// The configuration in force when none is given: everything goes to the inbox, and the first alert is seen soon.
pub const BUILTIN: &str = "\
route: {receiver: inbox, group_by: [alertname], group_wait: 5s, group_interval: 1m, repeat_interval: 4h}
receivers: [{name: inbox, inbox_configs: [{}]}]
";

/// How a text is read.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// The notation of matchers.
    pub matcher_mode: MatcherMode,
    /// Relative paths of `templates` and of `http_config` are below this folder.
    pub base_dir: Option<PathBuf>,
    /// The file's name, for errors; may be empty.
    pub file_name: String,
}

/// A valid configuration with all defaults filled in.
#[derive(Debug, Clone)]
pub struct Config {
    /// The defaults receivers inherit.
    pub global: Global,
    /// The routing tree.
    pub route: RouteSpec,
    /// Where in the file the labels of each route stand, in the order of `RouteTree`.
    pub label_lines: Vec<usize>,
    /// What silences what.
    pub inhibit_rules: Vec<InhibitRule>,
    /// Who is told; names are unique.
    pub receivers: Vec<Receiver>,
    /// Named intervals, those of the old key `mute_time_intervals` first; names are unique.
    pub time_intervals: Vec<(String, Vec<TimeInterval>)>,
    /// Glob patterns of template files.
    pub templates: Vec<String>,
    /// Where spans would go.
    pub tracing: Option<TracingConfig>,
    /// Where events would go.
    pub event_recorder: Option<EventRecorderConfig>,
    /// The configuration as Alertmanager prints it, secrets hidden and our own keys left out.
    pub original: String,
    /// What is left out of `original` and makes a difference all the same, as a text to compare; often empty.
    pub own: String,
    /// What the reader of the file should know.
    pub warnings: Vec<Warning>,
}

/// Reads an alertmanager.yml.
///
/// # Errors
/// The first mistake, with its place and what to do about it.
pub fn load(text: &str, options: &LoadOptions) -> Result<Config> {
    let document = yaml::parse(text).and_then(|root| match root {
        Some(root) if !root.is_null() => decode(&root, options),
        _ => Err(
            ConfigError::at(Mark { line: 1, column: 1 }, "no route provided in config")
                .hint("the file is empty"),
        ),
    });
    document.map_err(|error| error.in_file(&options.file_name))
}

const KEYS: &[&str] = &[
    "global",
    "route",
    "inhibit_rules",
    "receivers",
    "templates",
    "mute_time_intervals",
    "time_intervals",
    "tracing",
    "event_recorder",
];

fn decode(root: &Node, options: &LoadOptions) -> Result<Config> {
    let f = Fields::new(root, "config.plain", KEYS)?;
    let base = options.base_dir.as_deref();
    let mut global = Global::decode(f.some("global"), base)?;
    let receivers = receivers(&f, &mut global, options)?;
    let muting = intervals(&f, "mute_time_intervals", "mute time interval")?;
    let intervals = intervals(&f, "time_intervals", "time interval")?;
    check_unique(&muting, &intervals)?;
    let reader = MatcherReader {
        mode: options.matcher_mode,
        warnings: RefCell::new(Vec::new()),
    };
    let names = names(&receivers, muting.iter().chain(&intervals));
    let route = f
        .some("route")
        .ok_or_else(|| f.error("no routes provided"))?;
    let route = route::decode_root(route, &names, &reader)?;
    let (inhibit_rules, printed_rules) = inhibit_rules(&f, &reader)?;
    let templates = f.texts("templates")?.unwrap_or_default();
    let templates: Vec<_> = templates.into_iter().map(|path| join(base, path)).collect();
    let printed_templates = templates.iter().map(|t| Value::from(&**t)).collect();
    let tracing = f.some("tracing").map(|n| TracingConfig::decode(n, base));
    let tracing = tracing.transpose()?;
    let events = f
        .some("event_recorder")
        .map(|n| EventRecorderConfig::decode(n, base));
    let event_recorder = events.transpose()?;
    let printed_events = event_recorder.as_ref().map(EventRecorderConfig::print);
    let printed = Block::new()
        .value("global", global.print())
        .value("route", route.printed)
        .list("inhibit_rules", printed_rules)
        .list("receivers", receivers.iter().map(Receiver::print).collect())
        .value("templates", printed_templates)
        .list(
            "mute_time_intervals",
            muting.iter().map(NamedInterval::print).collect(),
        )
        .list(
            "time_intervals",
            intervals.iter().map(NamedInterval::print).collect(),
        )
        .some("tracing", tracing.as_ref().map(TracingConfig::print))
        .block("event_recorder", printed_events.unwrap_or_default());
    let named = muting.into_iter().chain(intervals);
    Ok(Config {
        route: route.spec,
        label_lines: route.label_lines,
        inhibit_rules,
        time_intervals: named.map(|named| (named.name, named.intervals)).collect(),
        templates,
        tracing,
        event_recorder,
        original: yaml::print(&printed.done()),
        own: own_text(&receivers),
        warnings: reader.warnings.into_inner(),
        global,
        receivers,
    })
}

/// What routes may name.
fn names<'a>(
    receivers: &'a [Receiver],
    intervals: impl Iterator<Item = &'a NamedInterval>,
) -> Names<'a> {
    let receivers = receivers.iter().map(|receiver| receiver.name.as_str());
    Names {
        receivers: receivers.collect(),
        intervals: intervals.map(|named| named.name.as_str()).collect(),
    }
}

fn inhibit_rules(f: &Fields, reader: &MatcherReader) -> Result<(Vec<InhibitRule>, Vec<Value>)> {
    let nodes = f.list("inhibit_rules", "a list of rules")?.iter();
    let rules = nodes
        .map(|node| inhibit::decode(node, reader))
        .collect::<Result<Vec<_>>>()?;
    Ok(rules.into_iter().unzip())
}

fn receivers(f: &Fields, global: &mut Global, options: &LoadOptions) -> Result<Vec<Receiver>> {
    let context = Context {
        global,
        base: options.base_dir.as_deref(),
        slashed: RefCell::new(Vec::new()),
    };
    let mut receivers = Vec::new();
    let mut names = HashSet::new();
    for node in f.list("receivers", "a list of receivers")? {
        let receiver = Receiver::decode(node, &context)?;
        if !names.insert(receiver.name.clone()) {
            let name = quoted(&receiver.name);
            let message = format!("notification config name {name} is not unique");
            return Err(ConfigError::at(node.mark, message).hint("rename one of the receivers"));
        }
        receivers.push(receiver);
    }
    check_fallbacks(&receivers)?;
    for key in context.slashed.into_inner() {
        let url = match key {
            "opsgenie_api_url" => &mut global.opsgenie_api_url,
            "wechat_api_url" => &mut global.wechat_api_url,
            _ => &mut global.victorops_api_url,
        };
        *url = url.as_ref().map(crate::url::HttpUrl::with_slash);
    }
    Ok(receivers)
}

fn intervals(f: &Fields, key: &str, what: &str) -> Result<Vec<NamedInterval>> {
    let items = f.list(key, "a list of time intervals")?;
    items
        .iter()
        .map(|node| NamedInterval::decode(node, what))
        .collect()
}

fn check_unique(muting: &[NamedInterval], intervals: &[NamedInterval]) -> Result<()> {
    let mut names = HashSet::new();
    let muting = muting.iter().map(|named| ("mute time interval", named));
    for (what, named) in muting.chain(intervals.iter().map(|named| ("time interval", named))) {
        if !names.insert(named.name.as_str()) {
            let message = format!("{what} {} is not unique", quoted(&named.name));
            let error = ConfigError::at(named.mark, message);
            return Err(error.hint("mute_time_intervals and time_intervals share their names"));
        }
    }
    Ok(())
}

impl Config {
    /// A receiver by its name.
    pub fn receiver(&self, name: &str) -> Option<&Receiver> {
        self.receivers.iter().find(|receiver| receiver.name == name)
    }

    /// The receivers that routes use, and those told in their place, in the order of the file.
    pub fn used_receivers(&self) -> impl Iterator<Item = &Receiver> {
        let mut names = HashSet::new();
        let mut open = vec![&self.route];
        while let Some(route) = open.pop() {
            names.insert(route.receiver.as_str());
            open.extend(&route.routes);
        }
        let used = |receiver: &&Receiver| names.contains(receiver.name.as_str());
        let fallbacks: Vec<&str> = (self.receivers.iter().filter(used))
            .filter_map(|receiver| Some(receiver.delivery.fallback.as_ref()?.receiver.as_str()))
            .collect();
        names.extend(fallbacks);
        self.receivers
            .iter()
            .filter(move |receiver| names.contains(receiver.name.as_str()))
    }

    /// One line for each part of the file that is accepted but not acted on yet.
    pub fn not_yet(&self) -> Vec<String> {
        let parts = [
            ("tracing", self.tracing.is_some()),
            ("event_recorder", self.event_recorder.is_some()),
        ];
        let present = parts.into_iter().filter(|(_, is_present)| *is_present);
        present
            .map(|(part, _)| format!("`{part}` is accepted but not acted on by this version yet"))
            .collect()
    }
}

#[cfg(test)]
mod tests;
