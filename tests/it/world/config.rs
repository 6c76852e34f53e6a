//! Configurations: alertmanager.yml as users write it, with hooks where its webhooks point.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use config::{Integration as Configured, LoadOptions, Receiver};
use domain::id::IntegrationId;
use domain::inhibit::InhibitRule;
use domain::matcher::MatcherMode;
use engine::settings::{DeliveryParts, ReceiverParts, Settings, SettingsParts};
use runtime::metrics::Metrics;
use state::rate::Rate;

use super::hook::{Hook, Setup};

/// One route, one receiver `default` that tells the hooks named `a`, …; group_wait 1s.
pub(crate) fn tiny(group_interval: &str, repeat_interval: &str, hooks: &[&Hook]) -> String {
    let urls = hooks
        .iter()
        .map(|hook| format!("  - url: http://{}\n", hook.name()));
    format!(
        "route:\n  receiver: default\n  group_wait: 1s\n  group_interval: {group_interval}\n  \
         repeat_interval: {repeat_interval}\nreceivers:\n- name: default\n  webhook_configs:\n{}",
        urls.collect::<String>()
    )
}

/// What the engine runs on, from the text of a file.
pub(super) fn settings(
    yaml: &str,
    hooks: &[Hook],
    metrics: &Metrics,
    is_alive: &Arc<AtomicBool>,
) -> Arc<Settings> {
    let config = match config::load(yaml, &LoadOptions::default()) {
        Ok(config) => config,
        Err(error) => panic!("the story's configuration is refused: {error}\n{yaml}"),
    };
    let inhibit_rules = config.inhibit_rules.into_iter().map(|rule| InhibitRule {
        name: None,
        source_matchers: rule.source_matchers,
        target_matchers: rule.target_matchers,
        equal: rule
            .equal
            .iter()
            .map(|label| Arc::from(label.as_str()))
            .collect(),
    });
    let parts = SettingsParts {
        receivers: config
            .receivers
            .iter()
            .map(|r| receiver(r, hooks, is_alive))
            .collect(),
        inhibit_rules: inhibit_rules.collect(),
        time_intervals: config.time_intervals.into_iter().collect(),
        resolve_timeout: config.global.resolve_timeout,
        original: config.original,
        own: String::new(),
        file_hash: 0,
        route: config.route,
        matcher_mode: MatcherMode::Fallback,
        external_url: Arc::from("http://belfry.example.org"),
        anonymous_api: false,
        templates: Arc::default(),
    };
    Settings::new(parts, metrics)
}

fn receiver(receiver: &Receiver, hooks: &[Hook], is_alive: &Arc<AtomicBool>) -> ReceiverParts {
    let integrations = receiver.integrations.iter().map(|configured| {
        let Configured::Webhook(webhook) = &configured.integration else {
            panic!("stories know webhooks only, not {}", configured.name());
        };
        let url = webhook
            .url
            .as_ref()
            .map(|url| url.expose())
            .unwrap_or_default();
        let id = IntegrationId::new(&receiver.name, "webhook", configured.index);
        let host = url.trim_start_matches("http://");
        let host = host.split_once('/').map_or(host, |(host, _)| host);
        let hook = hooks.iter().find(|hook| host == hook.name());
        let hook = hook.unwrap_or_else(|| panic!("no hook for {url}"));
        if url.contains("{{") || webhook.payload.is_some() {
            return hook.wire().integration(receiver, &id, &Arc::default());
        }
        hook.integration(Setup {
            id,
            send_resolved: webhook.send_resolved,
            timeout: webhook.timeout.positive(),
            is_alive: Arc::clone(is_alive),
        })
    });
    let labels = receiver.labels.iter().filter(|(name, _)| *name != "name");
    ReceiverParts {
        name: receiver.name.clone(),
        labels: labels
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        integrations: integrations.collect(),
        delivery: delivery(receiver),
    }
}

fn delivery(receiver: &Receiver) -> DeliveryParts {
    let limited = receiver.integrations.iter().filter_map(|item| {
        let limit = item.rate_limit?;
        let id = IntegrationId::new(&receiver.name, "webhook", item.index);
        let rate = Rate::within(limit.messages, limit.per);
        Some((id, rate.expect("a sane rate")))
    });
    let fallback = receiver.delivery.fallback.as_ref();
    DeliveryParts {
        idle: None,
        fallback: fallback.map(|to| (to.receiver.clone(), to.after)),
        is_delta: receiver.delivery.delta,
        rates: limited.collect(),
    }
}
