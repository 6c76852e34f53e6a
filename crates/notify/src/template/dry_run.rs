//! Trying every template of a configuration on made-up alerts, to say at load what would fail at three in the morning.

use std::collections::{BTreeMap, BTreeSet};

use config::{Config, ReceiverIntegration};
use domain::route::RouteTree;
use domain::time::Timestamp;
use gotmpl::functions::Environment;
use gotmpl::{Limits, Value};

use super::facts::{time, value};
use super::route_labels::RouteTexts;
use super::samples::{self, Sample};
use super::{Failure, Markup, TemplateSet, Text};
use crate::data::Data;

/// What one execution may cost here: far more than groups of a few alerts need, far less than would hold up a load.
const LIMITS: Limits = Limits {
    steps_max: 1_000_000,
    ..Limits::TENANT
};

/// Different texts that are tried on all samples; those after them on the plain ones.
const THOROUGH_MAX: usize = 500;

/// Texts that may reach a bound before the rest is left untried.
const LIMITED_MAX: usize = 10;

/// Different texts that are tried.
const TEXTS_MAX: usize = 20_000;

/// Most findings that are told.
const FINDINGS_MAX: usize = 200;

/// Tries all templates of a configuration. Each finding is one line: where it stands, what fails, and on which alerts.
pub fn run(config: &Config, set: &TemplateSet, external_url: &str, at: Timestamp) -> Vec<String> {
    let mut dry_run = DryRun {
        set,
        samples: samples::all("receiver", external_url, at),
        dots: Vec::new(),
        external_url,
        at,
        known: BTreeMap::new(),
        limited: 0,
        findings: Vec::new(),
    };
    let facts = |sample: &Sample| {
        let notification = &sample.notification;
        value(&Data::new(notification, &notification.alerts))
    };
    dry_run.dots = dry_run.samples.iter().map(facts).collect();
    dry_run.routes(config);
    for receiver in &config.receivers {
        for integration in &receiver.integrations {
            dry_run.integration(&receiver.name, integration);
        }
    }
    dry_run.templates();
    dry_run.findings()
}

/// What a text does on the samples.
#[derive(Clone)]
enum Tried {
    Fine,
    Fails(&'static str, Failure),
    /// Too much was tried already.
    Not,
}

impl Tried {
    fn message(&self) -> Option<String> {
        match self {
            Self::Fails(_, failure) => Some(failure.message.clone()),
            Self::Fine | Self::Not => None,
        }
    }
}

struct DryRun<'a> {
    set: &'a TemplateSet,
    samples: Vec<Sample>,
    /// The dot of each sample.
    dots: Vec<Value>,
    external_url: &'a str,
    at: Timestamp,
    /// By text: most fields of most integrations say the same.
    known: BTreeMap<(Markup, String), Tried>,
    limited: usize,
    findings: Vec<String>,
}

impl DryRun<'_> {
    fn routes(&mut self, config: &Config) {
        let tree = RouteTree::new(&config.route);
        let mut seen = BTreeSet::new();
        for (index, route) in tree.routes().iter().enumerate() {
            let line = config.label_lines.get(index).copied().unwrap_or(0);
            let texts = RouteTexts::new(&route.labels, self.set);
            if texts.literal().is_some() || self.limited >= LIMITED_MAX {
                continue;
            }
            for sample in &self.samples {
                let (_, omitted) = texts.render(self.set, &sample.notification);
                for (name, failure) in omitted {
                    self.limited += usize::from(failure.is_limit);
                    let said = format!("labels: {name}: {failure} (on {})", sample.name);
                    // Routes inherit labels, and one that fails does so on most samples.
                    if seen.insert((name, failure.message)) {
                        let finding = format!("line {line}: route `{}`: {said}", route.id);
                        self.findings.push(finding);
                    }
                }
            }
        }
    }

    fn integration(&mut self, receiver: &str, integration: &ReceiverIntegration) {
        for templated in integration.integration.templated() {
            let markup = if templated.is_html {
                Markup::Html
            } else {
                Markup::Plain
            };
            if let Tried::Fails(sample, failure) = self.try_text(markup, &templated.text) {
                self.findings.push(format!(
                    "line {}: receiver `{receiver}`: {}: {}: {failure} (on {sample})",
                    integration.line,
                    integration.name(),
                    templated.field,
                ));
            }
        }
    }

    /// Tries the templates of files, also those that nothing uses yet. Whether one takes a message is not written anywhere: it
    /// does if it says something about one of the samples.
    fn templates(&mut self) {
        let told: BTreeSet<String> = self.known.values().filter_map(Tried::message).collect();
        for name in self.set.own_names().into_iter().take(THOROUGH_MAX) {
            if self.limited >= LIMITED_MAX || self.known.len() >= TEXTS_MAX {
                return;
            }
            let quoted = domain::quote::quote(&name);
            let text = self
                .set
                .text(&format!("{{{{ template {quoted} . }}}}"), Markup::Plain);
            let (mut says, mut fails): (bool, Option<(_, Failure)>) = (false, None);
            for (sample, outcome) in self.outcomes(&text) {
                match outcome {
                    Ok(_) => says = true,
                    Err(failure) => fails = fails.or(Some((sample, failure))),
                }
                if fails.as_ref().is_some_and(|(_, failure)| failure.is_limit) {
                    says = true;
                    break;
                }
            }
            let is_limited = fails.as_ref().is_some_and(|(_, failure)| failure.is_limit);
            self.limited += usize::from(is_limited);
            if let Some((sample, failure)) =
                fails.filter(|(_, f)| says && !told.contains(&f.message))
            {
                let finding = format!("template `{name}`: {failure} (on {sample})");
                self.findings.push(finding);
            }
        }
    }

    /// What a text says on each sample, executed as the caller goes on.
    fn outcomes<'s>(
        &'s self,
        text: &'s Text,
    ) -> impl Iterator<Item = (&'static str, Result<String, Failure>)> + 's {
        let count = if self.known.len() < THOROUGH_MAX {
            self.samples.len()
        } else {
            samples::PLAIN
        };
        let environment = self.environment();
        let samples = self.samples.iter().zip(&self.dots).take(count);
        samples.map(move |(sample, dot)| {
            let outcome = text.execute_within(dot, &environment, &LIMITS);
            (sample.name, outcome)
        })
    }

    fn environment(&self) -> Environment<'_> {
        let mut environment = Environment::new(time(self.at));
        environment.local = self.set.local().clone();
        environment.external_url = self.external_url;
        environment
    }

    fn try_text(&mut self, markup: Markup, text: &str) -> Tried {
        if !gotmpl::has_action(text) {
            return Tried::Fine;
        }
        if let Some(tried) = self.known.get(&(markup, text.to_owned())) {
            return tried.clone();
        }
        if self.limited >= LIMITED_MAX || self.known.len() >= TEXTS_MAX {
            return Tried::Not;
        }
        let tried = self.execute(markup, text);
        if let Tried::Fails(_, failure) = &tried {
            self.limited += usize::from(failure.is_limit);
        }
        self.known.insert((markup, text.to_owned()), tried.clone());
        tried
    }

    fn execute(&self, markup: Markup, text: &str) -> Tried {
        let text = self.set.text(text, markup);
        let failed = self
            .outcomes(&text)
            .find_map(|(sample, outcome)| Some((sample, outcome.err()?)));
        match failed {
            Some((sample, failure)) => Tried::Fails(sample, failure),
            None => Tried::Fine,
        }
    }

    fn findings(self) -> Vec<String> {
        let mut findings = self.findings;
        let total = findings.len();
        findings.truncate(FINDINGS_MAX);
        if FINDINGS_MAX < total {
            findings.push(format!("… and {} more templates", total - FINDINGS_MAX));
        }
        if self.limited >= LIMITED_MAX || self.known.len() >= TEXTS_MAX {
            findings.push("not every template was tried: trying them takes too long".to_owned());
        }
        findings
    }
}
