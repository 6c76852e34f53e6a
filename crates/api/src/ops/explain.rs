//! `GET /api/belfry/v1/explain?fingerprint=…`: the whole path of one alert.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use domain::fingerprint::Fingerprint;
use domain::verdict::{Suppression, Verdict};
use engine::Tenant;
use engine::explain::{ExplainedGroup, ExplainedIntegration, ExplainedRoute, Explanation};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::answer::{json, json_string};
use crate::context::Api;
use crate::ops::written;
use crate::query::Query;
use crate::wire::view::push_alert;

/// Explains an alert, told or not told.
pub(crate) fn explain(api: &Api, tenant: &Arc<Tenant>, query: &Query<'_>) -> Response {
    let fingerprint: Result<Fingerprint, _> = query.last("fingerprint").unwrap_or_default().parse();
    let fingerprint = match fingerprint {
        Ok(fingerprint) => fingerprint,
        Err(error) => {
            let message = format!("failed to parse fingerprint param: {error}");
            return json_string(StatusCode::BAD_REQUEST, &message);
        }
    };
    let Some(explanation) = api.engine().explain(tenant, fingerprint, api.now()) else {
        let message = "no alert has this fingerprint; it may have ended and been collected";
        return json_string(StatusCode::NOT_FOUND, message);
    };
    match serde_json::to_vec(&Path::of(&explanation)) {
        Ok(body) => json(StatusCode::OK, body),
        Err(error) => {
            tracing::error!(%error, "an explanation could not be written");
            json_string(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the explanation could not be written",
            )
        }
    }
}

/// The wire form of an explanation.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Path {
    alert: Option<Box<RawValue>>,
    is_resolved: bool,
    routes: Vec<Route>,
    groups: Vec<Group>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Route {
    id: String,
    receiver: Arc<str>,
    /// The matcher that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_matcher: Option<String>,
    is_taken: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    key: String,
    receiver: Arc<str>,
    labels: std::collections::BTreeMap<String, String>,
    is_member: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_tick: Option<String>,
    /// What would happen at a tick now.
    verdict: Ruling,
    /// Why it was not told at the last tick.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_suppressed: Option<Suppressed>,
    integrations: Vec<Integration>,
}

/// `{"notify":true}`, or false with a reason and what caused it.
#[derive(Serialize)]
struct Ruling {
    notify: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    by: Vec<String>,
}

#[derive(Serialize)]
struct Suppressed {
    at: String,
    #[serde(flatten)]
    ruling: Ruling,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Integration {
    id: String,
    send_resolved: bool,
    is_in_flight: bool,
    /// Which templates failed in the last message, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    template_error: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_told: Option<Told>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repeat_due: Option<String>,
    /// Told only when the receiver's own integrations cannot be.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_fallback: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<HeldBack>,
}

/// What holds a message back.
#[derive(Serialize)]
struct HeldBack {
    until: String,
    by: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    at: String,
    reason: &'static str,
    /// Whether the message called this alert firing.
    as_firing: bool,
}

impl Path {
    fn of(explanation: &Explanation) -> Self {
        let mut alert = Vec::with_capacity(1024);
        push_alert(&mut alert, &explanation.alert);
        Self {
            alert: String::from_utf8(alert)
                .ok()
                .and_then(|json| RawValue::from_string(json).ok()),
            is_resolved: explanation.is_resolved,
            routes: explanation.routes.iter().map(Route::of).collect(),
            groups: explanation.groups.iter().map(Group::of).collect(),
        }
    }
}

impl Route {
    fn of(route: &ExplainedRoute) -> Self {
        Self {
            id: route.id.clone(),
            receiver: Arc::clone(&route.receiver),
            failed_matcher: route.trial.failed.clone(),
            is_taken: route.trial.is_taken,
        }
    }
}

impl Group {
    fn of(group: &ExplainedGroup) -> Self {
        let identity = &group.identity;
        let labels = identity
            .labels
            .pairs()
            .map(|(n, v)| (n.to_owned(), v.to_owned()));
        Self {
            key: identity.text.to_string(),
            receiver: Arc::clone(&identity.receiver.name),
            labels: labels.collect(),
            is_member: group.is_member,
            next_tick: group.next_tick.map(written),
            verdict: Ruling::of(&group.verdict),
            last_suppressed: group.last_suppressed.as_ref().map(|suppressed| Suppressed {
                at: written(suppressed.at),
                ruling: Ruling::suppressed(&suppressed.by),
            }),
            integrations: group.integrations.iter().map(Integration::of).collect(),
        }
    }
}

impl Ruling {
    fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Notify => Self {
                notify: true,
                reason: None,
                by: Vec::new(),
            },
            Verdict::Suppress(suppression) => Self::suppressed(suppression),
        }
    }

    fn suppressed(suppression: &Suppression) -> Self {
        let names = |names: &[Arc<str>]| names.iter().map(|name| name.to_string()).collect();
        let by = match suppression {
            Suppression::Inhibited { by } => by.iter().map(Fingerprint::to_string).collect(),
            Suppression::OutsideActiveTime { intervals }
            | Suppression::MutedByTime { intervals } => names(intervals),
            Suppression::Silenced { by } => names(by),
        };
        Self {
            notify: false,
            reason: Some(suppression.metric_reason()),
            by,
        }
    }
}

impl Integration {
    fn of(integration: &ExplainedIntegration) -> Self {
        Self {
            id: integration.id.to_string(),
            send_resolved: integration.send_resolved,
            is_in_flight: integration.is_in_flight,
            template_error: integration.template_error.clone(),
            last_told: integration.last.map(|(at, reason, as_firing)| Told {
                at: written(at),
                reason: reason.as_str(),
                as_firing,
            }),
            repeat_due: integration.repeat_due.map(written),
            is_fallback: integration.is_fallback,
            held: integration.held.map(|(until, by)| HeldBack {
                until: written(until),
                by: by.as_str(),
            }),
        }
    }
}
