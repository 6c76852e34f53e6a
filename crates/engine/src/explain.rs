//! Explain: the whole path of an alert, told or not told.

use std::sync::Arc;

use domain::fingerprint::Fingerprint;
use domain::group::GroupIdentity;
use domain::group::told::Told;
use domain::id::IntegrationId;
use domain::notification::Reason;
use domain::route::RouteTrial;
use domain::time::Timestamp;
use domain::verdict::Verdict;

use crate::channel::HeldBy;
use crate::judge::{judge, judge_time};
use crate::read::{AlertQuery, AlertView};
use crate::tenant::Suppressed;
use crate::{Engine, Tenant};

/// The path of one alert.
#[derive(Debug)]
pub struct Explanation {
    /// The alert and what hides it now.
    pub alert: AlertView,
    /// Whether it is over.
    pub is_resolved: bool,
    /// Every route that was tried, in order.
    pub routes: Vec<ExplainedRoute>,
    /// Every group it belongs to.
    pub groups: Vec<ExplainedGroup>,
}

/// One route that was tried.
#[derive(Debug)]
pub struct ExplainedRoute {
    /// The route's id: matchers and child index at every level.
    pub id: String,
    /// Its receiver.
    pub receiver: Arc<str>,
    /// The matcher that failed, if one did, and whether the alert joined a group of this route.
    pub trial: RouteTrial,
}

/// One group the alert belongs to.
#[derive(Debug)]
pub struct ExplainedGroup {
    /// The group.
    pub identity: Arc<GroupIdentity>,
    /// Its next tick; `None` while it is being flushed, or when it no longer holds the alert.
    pub next_tick: Option<Timestamp>,
    /// Whether the group holds the alert now; an ended alert leaves once everybody was told.
    pub is_member: bool,
    /// What would happen at a tick now.
    pub verdict: Verdict,
    /// Why it was not told at the last tick, if it was suppressed then.
    pub last_suppressed: Option<Suppressed>,
    /// What each integration was told of the group.
    pub integrations: Vec<ExplainedIntegration>,
}

/// What one integration was told.
#[derive(Debug)]
pub struct ExplainedIntegration {
    /// Which.
    pub id: IntegrationId,
    /// Whether it wants to hear of ends.
    pub send_resolved: bool,
    /// When it accepted the last message, why that was sent, and whether that message called this alert firing.
    pub last: Option<(Timestamp, Reason, bool)>,
    /// When the same would be told again.
    pub repeat_due: Option<Timestamp>,
    /// Whether a message is in flight whose fate is unknown.
    pub is_in_flight: bool,
    /// Which templates failed in the last message this instance sent it, and why.
    pub template_error: Option<Arc<str>>,
    /// Whether it is told only when the receiver's own integrations cannot be.
    pub is_fallback: bool,
    /// What holds its message back on this instance, and until when.
    pub held: Option<(Timestamp, HeldBy)>,
}

impl Engine {
    /// Explains an alert; `None` when the tenant has none with this fingerprint.
    pub fn explain(
        &self,
        tenant: &Tenant,
        fingerprint: Fingerprint,
        now: Timestamp,
    ) -> Option<Explanation> {
        let settings = tenant.settings();
        let known = tenant.mirror().known(fingerprint)?;
        let alert = known.alert;
        let trials = settings.tree.explain(&alert.labels).into_iter();
        let routes = trials.filter_map(|trial| {
            let route = settings.tree.route(trial.route)?;
            Some(ExplainedRoute {
                id: route.id.clone(),
                receiver: Arc::clone(&route.receiver),
                trial,
            })
        });
        let groups = known
            .groups
            .into_iter()
            .map(|identity| self.explain_group(tenant, identity, &alert, now));
        let is_resolved = alert.is_resolved(now, tenant.grace());
        Some(Explanation {
            routes: routes.collect(),
            groups: groups.collect(),
            is_resolved,
            alert: tenant.view(&alert, now),
        })
    }

    fn explain_group(
        &self,
        tenant: &Tenant,
        identity: Arc<GroupIdentity>,
        alert: &domain::alert::Alert,
        now: Timestamp,
    ) -> ExplainedGroup {
        let settings = tenant.settings();
        let snapshot = self.state.group(tenant.id(), identity.key);
        let told_of = |id: &IntegrationId| {
            let all = snapshot.as_ref().map(|group| &group.told)?;
            all.iter()
                .find(|(known, _)| known == id)
                .map(|(_, told)| told)
        };
        let integrations = identity.receiver.integrations.iter().map(|spec| {
            let told: Option<&Told> = told_of(&spec.id);
            let last = told.and_then(|t| t.last.as_ref());
            ExplainedIntegration {
                id: spec.id.clone(),
                send_resolved: spec.send_resolved,
                last: last.map(|m| {
                    (
                        m.sent_at,
                        m.reason,
                        m.firing.binary_search(&alert.fingerprint).is_ok(),
                    )
                }),
                repeat_due: last
                    .filter(|m| !m.firing.is_empty())
                    .map(|m| m.tick + identity.repeat_interval),
                is_in_flight: told.is_some_and(|t| t.pending.is_some()),
                template_error: tenant.fallbacks().failure(identity.key, &spec.id, last),
                is_fallback: spec.is_fallback,
                held: settings
                    .channel(&spec.id)
                    .and_then(|channel| channel.held(identity.key))
                    .map(|held| (now + held.wait, held.by)),
            }
        });
        let integrations = integrations.collect();
        let time = judge_time(&settings, &identity, now);
        ExplainedGroup {
            next_tick: snapshot.as_ref().and_then(|group| group.due),
            is_member: snapshot
                .as_ref()
                .is_some_and(|group| group.members.contains(&alert.fingerprint)),
            verdict: judge(&tenant.mirror(), &time, &alert.labels, now),
            last_suppressed: tenant.suppressed(identity.key, alert.fingerprint),
            integrations,
            identity,
        }
    }
}

impl Tenant {
    /// An alert as a reader sees it, ended or not.
    fn view(&self, alert: &Arc<domain::alert::Alert>, now: Timestamp) -> AlertView {
        let page = self.alerts(
            &AlertQuery {
                limit: Some(1),
                after: before(alert.fingerprint),
                ..AlertQuery::default()
            },
            now,
        );
        let listed = page
            .alerts
            .into_iter()
            .find(|view| view.alert.fingerprint == alert.fingerprint);
        listed.unwrap_or_else(|| AlertView {
            alert: Arc::clone(alert),
            receivers: Arc::default(),
            silenced_by: Vec::new(),
            inhibited_by: Vec::new(),
            muted_by: Vec::new(),
        })
    }
}

/// The cursor that makes a page begin at this fingerprint.
fn before(fingerprint: Fingerprint) -> Option<Fingerprint> {
    fingerprint.0.checked_sub(1).map(Fingerprint)
}
