//! Groups and alerts of the tests.

use std::sync::Arc;
use std::time::Duration;

use domain::alert::Alert;
use domain::annotations::Annotations;
use domain::group::{GroupIdentity, IntegrationSpec, ReceiverSpec, key};
use domain::id::{IntegrationId, TenantId};
use domain::label::Labels;
use domain::route::RouteIndex;
use domain::time::Timestamp;

/// How many groups there are: two of each tenant.
pub(crate) const GROUPS: usize = 4;
/// How many alerts each of them may have.
pub(crate) const ALERTS: usize = 3;

/// A group; those of even numbers belong to the default tenant.
pub(crate) fn group(index: usize) -> Arc<GroupIdentity> {
    let tenant = if index.is_multiple_of(2) {
        TenantId::default_tenant()
    } else {
        "other".parse().expect("a valid tenant")
    };
    let labels = Labels::from_pairs([("alertname", format!("group{index}").as_str())]);
    let text = format!("{{}}:{labels}");
    let integration = |number| IntegrationSpec {
        id: IntegrationId::new("r", "webhook", number),
        send_resolved: true,
        is_fallback: false,
    };
    Arc::new(GroupIdentity {
        tenant,
        key: key::stored(&text, "r", 0),
        text,
        route: RouteIndex(0),
        labels,
        receiver: Arc::new(ReceiverSpec {
            name: Arc::from("r"),
            integrations: vec![integration(0), integration(1)],
        }),
        group_wait: Duration::from_secs(30),
        group_interval: Duration::from_secs(60),
        repeat_interval: Duration::from_secs(3600),
        mute_time_intervals: vec![],
        active_time_intervals: vec![],
    })
}

/// An alert of a group, its times not stated; members of a group are equally severe.
pub(crate) fn alert(group: usize, which: usize) -> Alert {
    let severity = ["critical", "warning", "info", "error"][group % 4];
    let labels = Labels::from_pairs([
        ("alertname", format!("group{group}").as_str()),
        ("instance", format!("host{which}.example.org").as_str()),
        ("severity", severity),
    ]);
    Alert {
        fingerprint: labels.fingerprint(),
        labels,
        annotations: Annotations::from_pairs([("summary", "a \"quoted\" text")]),
        generator_url: Arc::from("http://prometheus.example.org/graph"),
        starts_at: Timestamp::ZERO,
        ends_at: Timestamp::ZERO,
        updated_at: Timestamp::ZERO,
        is_timeout: false,
    }
}
