//! Counters of notifications, resolved once per integration so that a send costs a few atomic additions.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;

use super::{Pairs, Register, table};

/// Alertmanager's integration types; their rows exist from the start, so that a rate over them is never empty.
pub const INTEGRATIONS: [&str; 18] = [
    "discord",
    "email",
    "incidentio",
    "jira",
    "mattermost",
    "msteams",
    "msteamsv2",
    "opsgenie",
    "pagerduty",
    "pushover",
    "rocketchat",
    "slack",
    "sns",
    "telegram",
    "victorops",
    "webex",
    "webhook",
    "wechat",
];

/// Upper bounds of the latency histogram, in seconds: Alertmanager's.
const LATENCY_BOUNDS: [f64; 5] = [1.0, 5.0, 10.0, 15.0, 20.0];

/// Why a notification failed: the values of the metric's `reason` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureReason {
    /// None of the others.
    Other,
    /// The receiver refused it (4xx).
    ClientError,
    /// The receiver had a fault (5xx).
    ServerError,
    /// It was given up because the program or the flush ended.
    ContextCanceled,
    /// There was no answer in time.
    ContextDeadlineExceeded,
    /// The receiver did not accept the credentials (401, 403).
    AuthError,
    /// The receiver asked to slow down (429).
    RateLimited,
}

impl FailureReason {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Other,
        Self::ClientError,
        Self::ServerError,
        Self::ContextCanceled,
        Self::ContextDeadlineExceeded,
        Self::AuthError,
        Self::RateLimited,
    ];

    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::ClientError => "clientError",
            Self::ServerError => "serverError",
            Self::ContextCanceled => "contextCanceled",
            Self::ContextDeadlineExceeded => "contextDeadlineExceeded",
            Self::AuthError => "authError",
            Self::RateLimited => "rateLimited",
        }
    }

    /// The reason an unsuccessful HTTP status stands for.
    pub fn of_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::AuthError,
            429 => Self::RateLimited,
            400..=499 => Self::ClientError,
            500..=599 => Self::ServerError,
            _ => Self::Other,
        }
    }
}

/// Why alerts were kept back: the values of the suppression metric's `reason` label.
const SUPPRESSION_REASONS: [&str; 4] = [
    "silence",
    "inhibition",
    "mute_time_interval",
    "active_time_interval",
];

/// Counters of all notifications.
pub struct NotificationMetrics {
    attempts: Family<Pairs, Counter>,
    failed: Family<Pairs, Counter>,
    requests: Family<Pairs, Counter>,
    requests_failed: Family<Pairs, Counter>,
    latency: Family<Pairs, Histogram, fn() -> Histogram>,
    suppressed: Family<Pairs, Counter>,
    template_fallbacks: Family<Pairs, Counter>,
    held: Family<Pairs, Counter>,
    with_receiver: bool,
}

impl NotificationMetrics {
    pub(super) fn new(registry: &mut Register, with_receiver: bool) -> Self {
        let latency = Family::new_with_constructor(latency_histogram as fn() -> Histogram);
        let this = Self {
            attempts: registry.add(table::NOTIFICATIONS, Family::default()),
            failed: registry.add(table::NOTIFICATIONS_FAILED, Family::default()),
            requests: registry.add(table::NOTIFICATION_REQUESTS, Family::default()),
            requests_failed: registry.add(table::NOTIFICATION_REQUESTS_FAILED, Family::default()),
            latency: registry.add(table::NOTIFICATION_LATENCY, latency),
            suppressed: registry.add(table::NOTIFICATIONS_SUPPRESSED, Family::default()),
            template_fallbacks: registry.add(table::TEMPLATE_FALLBACKS, Family::default()),
            held: registry.add(table::NOTIFICATIONS_HELD, Family::default()),
            with_receiver,
        };
        if !with_receiver {
            for integration in INTEGRATIONS {
                let _ = this.integration(integration, "");
            }
        }
        for reason in SUPPRESSION_REASONS {
            this.suppressed(reason, 0);
        }
        this
    }

    /// The counters of one integration type (`webhook`); `receiver` matters only when receiver names are labels.
    ///
    /// Resolve once per configuration and keep.
    pub fn integration(&self, integration: &str, receiver: &str) -> Arc<IntegrationMetrics> {
        let mut labels: Pairs = vec![("integration", integration.to_owned())];
        if self.with_receiver {
            labels.push(("receiver_name", receiver.to_owned()));
        }
        let failed = FailureReason::ALL.map(|reason| {
            let mut labels = labels.clone();
            labels.push(("reason", reason.as_str().to_owned()));
            (reason, self.failed.get_or_create_owned(&labels))
        });
        Arc::new(IntegrationMetrics {
            attempts: self.attempts.get_or_create_owned(&labels),
            requests: self.requests.get_or_create_owned(&labels),
            requests_failed: self.requests_failed.get_or_create_owned(&labels),
            latency: self.latency.get_or_create_owned(&labels),
            template_fallbacks: self.template_fallbacks.get_or_create_owned(&labels),
            held: self.held.get_or_create_owned(&labels),
            failed,
        })
    }

    /// Counts alerts kept back; `reason` is `Suppression::metric_reason`.
    pub fn suppressed(&self, reason: &'static str, alerts: u64) {
        self.suppressed
            .get_or_create_owned(&vec![("reason", reason.to_owned())])
            .inc_by(alerts);
    }
}

fn latency_histogram() -> Histogram {
    Histogram::new(LATENCY_BOUNDS)
}

/// Counters of one integration.
pub struct IntegrationMetrics {
    attempts: Counter,
    requests: Counter,
    requests_failed: Counter,
    latency: Histogram,
    template_fallbacks: Counter,
    held: Counter,
    failed: [(FailureReason, Counter); 7],
}

impl IntegrationMetrics {
    /// Counts a notification that is about to be sent, however many requests it takes.
    pub fn notification(&self) {
        self.attempts.inc();
    }

    /// Counts a notification that failed for good.
    pub fn failed(&self, reason: FailureReason) {
        for (known, counter) in &self.failed {
            if *known == reason {
                counter.inc();
            }
        }
    }

    /// Counts a notification that said something else because one of its templates failed.
    pub fn fell_back(&self) {
        self.template_fallbacks.inc();
    }

    /// Counts a notification that was held back by a rate limit or because the provider asked for patience.
    pub fn held(&self) {
        self.held.inc();
    }

    /// Counts one request and how long it took.
    pub fn request(&self, took: Duration, succeeded: bool) {
        self.requests.inc();
        if !succeeded {
            self.requests_failed.inc();
        }
        self.latency.observe(took.as_secs_f64());
    }
}
