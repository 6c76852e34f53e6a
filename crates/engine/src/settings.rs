//! A tenant's configuration in force: immutable, swapped whole (D5).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::group::{GroupIdentity, IntegrationSpec, ReceiverSpec, key};
use domain::id::{IntegrationId, TenantId};
use domain::inhibit::InhibitRule;
use domain::interval::TimeInterval;
use domain::label::{Interner, Labels};
use domain::matcher::MatcherMode;
use domain::route::{Route, RouteIndex, RouteSpec, RouteTree};
use domain::time::Timestamp;
use notify::Integration;
use notify::template::TemplateSet;
use notify::template::route_labels::RouteTexts;
use runtime::metrics::Metrics;
use state::rate::Rate;

use crate::channel::Channel;

/// What a configuration file comes to, ready to be put in force.
pub struct SettingsParts {
    /// The routing tree as written; validated.
    pub route: RouteSpec,
    /// Receivers by name, with their integrations built.
    pub receivers: Vec<ReceiverParts>,
    /// Inhibition rules in order.
    pub inhibit_rules: Vec<InhibitRule>,
    /// Time intervals by name.
    pub time_intervals: BTreeMap<String, Vec<TimeInterval>>,
    /// After this long an alert without an end counts as ended.
    pub resolve_timeout: Duration,
    /// The configuration re-marshalled with defaults and without secrets, for `/api/v2/status`.
    pub original: String,
    /// What is left out of `original` and makes a difference all the same.
    pub own: String,
    /// Alertmanager's number of the file it was read from: another one where anything in it differs, secrets included.
    pub file_hash: u64,
    /// How matchers and label names are read.
    pub matcher_mode: MatcherMode,
    /// Where people reach this server, without a trailing slash.
    pub external_url: Arc<str>,
    /// Whether callers nobody authenticated may act for this tenant.
    pub anonymous_api: bool,
    /// The tenant's templates.
    pub templates: Arc<TemplateSet>,
}

/// A receiver with its integrations.
pub struct ReceiverParts {
    /// Its name.
    pub name: String,
    /// Its labels; `name` is added.
    pub labels: Vec<(String, String)>,
    /// Its integrations in the order they are told; empty for receivers nothing routes to.
    pub integrations: Vec<Arc<dyn Integration>>,
    /// How its messages are delivered.
    pub delivery: DeliveryParts,
}

type Built = Result<Vec<Arc<dyn Integration>>, String>;

/// How the integrations of a receiver that nothing leads to are built when somebody tries it.
#[derive(Clone)]
pub struct Idle(Arc<dyn Fn() -> Built + Send + Sync>);

impl Idle {
    /// A receiver built by this.
    pub fn new(build: impl Fn() -> Built + Send + Sync + 'static) -> Self {
        Self(Arc::new(build))
    }

    /// Its integrations.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn build(&self) -> Built {
        (self.0)()
    }
}

impl std::fmt::Debug for Idle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Idle")
    }
}

/// How a receiver's messages are delivered.
#[derive(Clone, Debug, Default)]
pub struct DeliveryParts {
    /// The receiver that is told in its place, and after failing for how long.
    pub fallback: Option<(String, Duration)>,
    /// Whether messages list only what changed since the last one.
    pub is_delta: bool,
    /// How often integrations may be used; those not named as often as there is something to tell.
    pub rates: BTreeMap<IntegrationId, Rate>,
    /// Where nothing leads to it.
    pub idle: Option<Idle>,
}

/// A receiver in force.
pub struct Receiver {
    /// As far as telling is concerned.
    pub spec: Arc<ReceiverSpec>,
    /// Its labels, `name` among them.
    pub labels: Labels,
    /// A list of just its name, shared by every alert that has no other receiver.
    pub alone: Arc<[Arc<str>]>,
    /// After failing for so long its fallback is told; `None` when it has none.
    pub(crate) fallback_after: Option<Duration>,
    /// Where nothing leads to it: how it is built to be tried, and how often its integrations may be used.
    pub(crate) idle: Option<(Idle, BTreeMap<IntegrationId, Rate>)>,
}

fn own_specs(receiver: &ReceiverParts) -> Vec<IntegrationSpec> {
    let own = receiver.integrations.iter();
    own.map(|integration| IntegrationSpec {
        id: integration.id().clone(),
        send_resolved: integration.send_resolved(),
        is_fallback: false,
    })
    .collect()
}

/// The integrations some receiver tells in place of its own.
fn fallbacks_of(receivers: &[Receiver]) -> BTreeSet<IntegrationId> {
    let all = receivers.iter().flat_map(|r| &r.spec.integrations);
    let fallbacks = all.filter(|spec| spec.is_fallback);
    fallbacks.map(|spec| spec.id.clone()).collect()
}

/// A tenant's configuration in force.
pub struct Settings {
    /// The routing tree.
    pub tree: RouteTree,
    /// Inhibition rules in order.
    pub inhibit_rules: Vec<InhibitRule>,
    /// After this long an alert without an end counts as ended.
    pub resolve_timeout: Duration,
    /// How matchers and label names are read.
    pub matcher_mode: MatcherMode,
    /// Where people reach this server, without a trailing slash.
    pub external_url: Arc<str>,
    /// Whether callers nobody authenticated may act for this tenant.
    pub anonymous_api: bool,
    /// The tenant's templates.
    pub templates: Arc<TemplateSet>,
    /// The labels of each route, parsed; by route index.
    pub(crate) route_texts: Vec<Arc<RouteTexts>>,
    receivers: Vec<Receiver>,
    by_name: BTreeMap<Arc<str>, usize>,
    channels: BTreeMap<IntegrationId, Channel>,
    /// Integrations that some receiver tells in place of its own.
    fallbacks: BTreeSet<IntegrationId>,
    time_intervals: BTreeMap<String, Vec<TimeInterval>>,
    original: String,
    config_hash: String,
    file_hash: u64,
}

impl Settings {
    /// Puts a configuration in its final form.
    pub fn new(parts: SettingsParts, metrics: &Metrics) -> Arc<Self> {
        let mut receivers = Vec::with_capacity(parts.receivers.len());
        let mut channels = BTreeMap::new();
        let specs: BTreeMap<String, Vec<IntegrationSpec>> = parts
            .receivers
            .iter()
            .map(|receiver| (receiver.name.clone(), own_specs(receiver)))
            .collect();
        for receiver in parts.receivers {
            let name: Arc<str> = Arc::from(receiver.name.as_str());
            let delivery = receiver.delivery;
            let mut integrations = specs.get(&receiver.name).cloned().unwrap_or_default();
            let fallback = delivery.fallback.as_ref();
            let instead = fallback.and_then(|(name, _)| specs.get(name));
            integrations.extend(instead.into_iter().flatten().map(|spec| IntegrationSpec {
                is_fallback: true,
                ..spec.clone()
            }));
            for integration in receiver.integrations {
                let metrics = metrics.notifications.integration(integration.kind(), &name);
                let rate = delivery.rates.get(integration.id()).copied();
                let id = integration.id().clone();
                let name = Arc::clone(&name);
                let channel = Channel::new(integration, metrics, name, rate, delivery.is_delta);
                channels.insert(id, channel);
            }
            let own = receiver
                .labels
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()));
            let labels = Labels::from_pairs(own.chain([("name", &*name)]));
            receivers.push(Receiver {
                spec: Arc::new(ReceiverSpec {
                    name: Arc::clone(&name),
                    integrations,
                }),
                labels,
                alone: Arc::new([name]),
                fallback_after: delivery.fallback.map(|(_, after)| after),
                idle: delivery.idle.map(|idle| (idle, delivery.rates)),
            });
        }
        let by_name = receivers
            .iter()
            .enumerate()
            .map(|(i, r)| (Arc::clone(&r.spec.name), i))
            .collect();
        let tree = RouteTree::new(&parts.route);
        Arc::new(Self {
            route_texts: crate::route_labels::parse(&tree, &parts.templates),
            tree,
            templates: parts.templates,
            inhibit_rules: parts.inhibit_rules,
            resolve_timeout: parts.resolve_timeout,
            matcher_mode: parts.matcher_mode,
            external_url: parts.external_url,
            anonymous_api: parts.anonymous_api,
            fallbacks: fallbacks_of(&receivers),
            receivers,
            by_name,
            channels,
            time_intervals: parts.time_intervals,
            config_hash: key::sha256_hex(&(parts.original.clone() + &parts.own)),
            original: parts.original,
            file_hash: parts.file_hash,
        })
    }

    /// The configuration re-marshalled with defaults and without secrets.
    pub fn config_original(&self) -> &str {
        &self.original
    }

    /// The number `alertmanager_config_hash` shows of its file.
    pub fn file_hash(&self) -> u64 {
        self.file_hash
    }

    /// What tells how this configuration groups and tells from how others do: the same on every instance that has it.
    pub fn config_hash(&self) -> &str {
        &self.config_hash
    }

    /// Receivers in configuration order.
    pub fn receivers(&self) -> &[Receiver] {
        &self.receivers
    }

    /// A receiver by its name.
    pub fn receiver(&self, name: &str) -> Option<&Receiver> {
        self.by_name
            .get(name)
            .and_then(|index| self.receivers.get(*index))
    }

    /// An integration by its identity; `None` when this configuration has no such one.
    pub fn channel(&self, id: &IntegrationId) -> Option<&Channel> {
        self.channels.get(id)
    }

    /// Goes on from what is known of the integrations that `before` has too: who waits, who fails, who asked for patience.
    pub(crate) fn go_on_from(&self, before: &Self) {
        for (id, channel) in &self.channels {
            if let Some(before) = before.channels.get(id) {
                channel.go_on_from(before);
            }
        }
    }

    /// How many receivers some route names, and how many integrations those have.
    pub fn used_counts(&self) -> (usize, usize) {
        let used: std::collections::BTreeSet<_> =
            self.tree.routes().iter().map(|r| &r.receiver).collect();
        let integrations = used.iter().filter_map(|name| self.receiver(name)).map(|r| {
            r.spec
                .integrations
                .iter()
                .filter(|spec| !spec.is_fallback)
                .count()
        });
        (used.len(), integrations.sum())
    }

    /// Whether some receiver tells an integration in place of its own.
    pub(crate) fn is_fallback(&self, integration: &IntegrationId) -> bool {
        self.fallbacks.contains(integration)
    }

    /// Which of the named intervals are active at `now`.
    pub fn active_intervals(&self, names: &[Arc<str>], now: Timestamp) -> Vec<Arc<str>> {
        let is_active = |name: &&Arc<str>| {
            self.time_intervals
                .get(&***name)
                .is_some_and(|any| any.iter().any(|i| i.contains(now)))
        };
        names.iter().filter(is_active).cloned().collect()
    }

    /// The group an alert joins on a route.
    pub fn group_identity(
        &self,
        tenant: &TenantId,
        index: RouteIndex,
        route: &Route,
        labels: Labels,
    ) -> Arc<GroupIdentity> {
        let text = key::text(route, &labels);
        let receiver = match self.receiver(&route.receiver) {
            Some(receiver) => Arc::clone(&receiver.spec),
            // Validation refuses routes to unknown receivers; such a group would tell nobody.
            None => Arc::new(ReceiverSpec {
                name: Arc::clone(&route.receiver),
                integrations: Vec::new(),
            }),
        };
        Arc::new(GroupIdentity {
            tenant: tenant.clone(),
            key: key::stored(&text, &route.receiver, route.ordinal),
            text,
            route: index,
            labels,
            receiver,
            group_wait: route.group_wait,
            group_interval: route.group_interval,
            repeat_interval: route.repeat_interval,
            mute_time_intervals: route.mute_time_intervals.clone(),
            active_time_intervals: route.active_time_intervals.clone(),
        })
    }

    /// Every group an alert with these labels belongs to, in route order.
    pub fn placement(
        &self,
        tenant: &TenantId,
        labels: &Labels,
        interner: &Interner,
    ) -> Vec<Arc<GroupIdentity>> {
        let routes = self.tree.matches(labels).into_iter();
        routes
            .filter_map(|index| Some((index, self.tree.route(index)?)))
            .map(|(index, route)| {
                self.group_identity(tenant, index, route, route.group_labels(labels, interner))
            })
            .collect()
    }
}
