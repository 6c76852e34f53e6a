//! From a configuration's text to what the engine puts in force.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use config::{Config, LoadOptions, Receiver};
use domain::id::IntegrationId;
use domain::inhibit::InhibitRule;
use domain::interval::{Location, TimeInterval};
use domain::matcher::MatcherMode;
use engine::settings::{DeliveryParts, Idle, ReceiverParts, SettingsParts};
use notify::receiver::{Deps, build_receiver};
use notify::template::dry_run;
use runtime::clock::SharedClock;
use state::rate::Rate;

use crate::configuration::{TenantText, hash};
use crate::templates;
use crate::zone;

/// What is the same for every tenant and every reload.
#[derive(Clone)]
pub(crate) struct Frame {
    /// How matchers and label names are read.
    pub(crate) matcher_mode: MatcherMode,
    /// Where people reach this server, without a trailing slash.
    pub(crate) external_url: Arc<str>,
    /// What time it is.
    pub(crate) clock: SharedClock,
}

/// A configuration that was read.
pub(crate) struct Read {
    /// For the engine.
    pub(crate) parts: SettingsParts,
    /// What the reader of the file should know, in upstream's words.
    pub(crate) warnings: Vec<String>,
    /// What is accepted but not acted on.
    pub(crate) not_yet: Vec<String>,
    /// Templates that would fail, each with its place.
    pub(crate) template_findings: Vec<String>,
    /// Receivers no route names; they are not built.
    pub(crate) unused: Vec<String>,
}

/// Reads an alertmanager.yml.
///
/// # Errors
/// The first mistake, with its place and what to do about it.
pub(crate) fn parse(text: &TenantText, matcher_mode: MatcherMode) -> Result<Config, String> {
    let options = load_options(text, matcher_mode);
    config::load(&text.text, &options).map_err(|error| error.to_string())
}

/// Reads a configuration and builds what it names; `deps` are the tenant's.
///
/// # Errors
/// Why it cannot be put in force: a mistake, a template that cannot be parsed, an integration that cannot be built.
pub(crate) fn read(text: &TenantText, frame: &Frame, deps: &Deps) -> Result<Read, String> {
    let config = parse(text, frame.matcher_mode)?;
    let templates = Arc::new(templates::load(&config.templates)?.set);
    let deps = deps.with_templates(Arc::clone(&templates));
    let template_findings =
        dry_run::run(&config, &templates, &frame.external_url, frame.clock.now());
    let read = build(config, text, frame, &deps)?;
    Ok(Read {
        template_findings,
        ..read
    })
}

fn load_options(text: &TenantText, matcher_mode: MatcherMode) -> LoadOptions {
    let file = text.file.as_deref();
    LoadOptions {
        matcher_mode,
        base_dir: file.and_then(Path::parent).map(Path::to_path_buf),
        file_name: file
            .map(|file| file.display().to_string())
            .unwrap_or_default(),
    }
}

/// Puts the zone of this machine where an interval says `Local`.
fn located(
    intervals: Vec<(String, Vec<TimeInterval>)>,
    local: &Location,
) -> BTreeMap<String, Vec<TimeInterval>> {
    let here = |mut interval: TimeInterval| {
        if interval.location.as_ref().is_some_and(Location::is_local) {
            interval.location = Some(local.clone());
        }
        interval
    };
    let all = intervals.into_iter();
    all.map(|(name, any)| (name, any.into_iter().map(here).collect()))
        .collect()
}

/// Alertmanager's own sentence for why a text is refused, without place and hint; `None` when it is valid so far.
pub(crate) fn upstream_error(text: &TenantText, matcher_mode: MatcherMode) -> Option<String> {
    let options = load_options(text, matcher_mode);
    let refused = config::load(&text.text, &options).err()?;
    Some(refused.message().to_owned())
}

/// Builds every integration in use, to find what is wrong with it.
///
/// # Errors
/// The first integration that cannot be built.
pub(crate) fn try_build(config: &Config, deps: &Deps) -> Result<(), String> {
    for receiver in config.used_receivers() {
        build_receiver(receiver, deps).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn build(config: Config, text: &TenantText, frame: &Frame, deps: &Deps) -> Result<Read, String> {
    let used: BTreeSet<String> = config
        .used_receivers()
        .map(|receiver| receiver.name.clone())
        .collect();
    let not_yet = config.not_yet();
    let warnings = config
        .warnings
        .iter()
        .map(|warning| format!("line {}: {}", warning.line, warning.text));
    let warnings = warnings.collect();
    let unused = config
        .receivers
        .iter()
        .filter(|receiver| !used.contains(&receiver.name));
    let unused = unused.map(|receiver| receiver.name.clone()).collect();
    let receivers = config.receivers.iter().map(|receiver| {
        let integrations = if used.contains(&receiver.name) {
            build_receiver(receiver, deps)
        } else {
            Ok(Vec::new())
        };
        let integrations = integrations.map_err(|error| error.to_string())?;
        let idle = (!used.contains(&receiver.name)).then(|| idle(receiver, deps));
        Ok(ReceiverParts {
            name: receiver.name.clone(),
            labels: own_labels(receiver),
            integrations,
            delivery: DeliveryParts {
                idle,
                ..delivery(receiver)?
            },
        })
    });
    let receivers = receivers.collect::<Result<_, String>>()?;
    let parts = SettingsParts {
        receivers,
        inhibit_rules: config.inhibit_rules.into_iter().map(inhibit_rule).collect(),
        time_intervals: located(config.time_intervals, &zone::local()),
        resolve_timeout: config.global.resolve_timeout,
        original: config.original,
        own: config.own,
        file_hash: hash(&text.text),
        route: config.route,
        matcher_mode: frame.matcher_mode,
        external_url: Arc::clone(&frame.external_url),
        anonymous_api: text.anonymous_api,
        templates: Arc::clone(&deps.templates),
    };
    Ok(Read {
        parts,
        warnings,
        not_yet,
        template_findings: Vec::new(),
        unused,
    })
}

/// How a receiver's messages are delivered.
fn delivery(receiver: &Receiver) -> Result<DeliveryParts, String> {
    let mut rates = BTreeMap::new();
    for item in &receiver.integrations {
        let Some(limit) = item.rate_limit else {
            continue;
        };
        let rate = Rate::within(limit.messages, limit.per);
        let rate = rate.map_err(|error| format!("line {}: rate_limit: {error}", item.line))?;
        let kind = item.integration.type_name();
        rates.insert(IntegrationId::new(&receiver.name, kind, item.index), rate);
    }
    let fallback = receiver.delivery.fallback.as_ref();
    Ok(DeliveryParts {
        fallback: fallback.map(|to| (to.receiver.clone(), to.after)),
        is_delta: receiver.delivery.delta,
        rates,
        idle: None,
    })
}

/// A receiver nothing leads to: what is wrong with it concerns only who tries it.
fn idle(receiver: &Receiver, deps: &Deps) -> Idle {
    let (receiver, deps) = (receiver.clone(), deps.clone());
    Idle::new(move || build_receiver(&receiver, &deps).map_err(|error| error.to_string()))
}

/// The labels beside `name`, which the engine adds.
fn own_labels(receiver: &Receiver) -> Vec<(String, String)> {
    let labels = receiver.labels.iter().filter(|(name, _)| *name != "name");
    labels
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn inhibit_rule(rule: config::InhibitRule) -> InhibitRule {
    InhibitRule {
        name: Some(rule.name.as_str())
            .filter(|name| !name.is_empty())
            .map(Arc::from),
        source_matchers: rule.source_matchers,
        target_matchers: rule.target_matchers,
        equal: rule
            .equal
            .iter()
            .map(|label| Arc::from(label.as_str()))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use domain::id::TenantId;
    use notify::inbox::{InboxEntry, InboxSink};

    use super::*;

    struct Nowhere;

    #[async_trait]
    impl InboxSink for Nowhere {
        async fn put(&self, _: InboxEntry) -> Result<(), String> {
            Ok(())
        }
    }

    fn try_read(text: &str) -> Result<Read, String> {
        let text = TenantText {
            tenant: TenantId::default_tenant(),
            file: None,
            text: text.to_owned(),
            anonymous_api: false,
        };
        let frame = Frame {
            matcher_mode: MatcherMode::Fallback,
            external_url: "http://alerts.example.org".into(),
            clock: runtime::clock::SystemClock::shared(),
        };
        read(&text, &frame, &Deps::new("Belfry/test", Arc::new(Nowhere)))
    }

    #[test]
    fn the_built_in_configuration_delivers_to_the_inbox() {
        let read = try_read(config::BUILTIN).unwrap_or_else(|error| panic!("{error}"));
        let receiver = read.parts.receivers.first().expect("one receiver");
        assert_eq!(
            receiver.integrations.first().map(|i| i.kind()),
            Some("inbox")
        );
        assert!(receiver.labels.is_empty());
    }

    #[test]
    fn only_receivers_in_use_are_built() {
        let text = "route: {receiver: a}\nreceivers:\n- {name: a, webhook_configs: [{url: 'http://x.example.org'}]}\n\
                    - {name: b, webex_configs: [{room_id: r, http_config: {authorization: {credentials: c}}}]}\n";
        let read = try_read(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(read.unused, ["b"]);
        let built: Vec<_> = read
            .parts
            .receivers
            .iter()
            .map(|r| r.integrations.len())
            .collect();
        assert_eq!(built, [1, 0]);
    }
}
