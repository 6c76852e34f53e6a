//! What belongs to all instances together: the rate of an integration, and what a fallback was told.

use std::collections::BTreeMap;
use std::time::Duration;

use harness::alert::{self, Alert};
use harness::http::request;
use harness::sink::{Manner, Sink, Told};
use harness::wait_for;

use crate::instance::Instance;
use crate::shared::Shared;

/// How many instances there are.
const INSTANCES: usize = 3;

/// How many groups have something to tell.
const GROUPS: usize = 9;

/// From message to message once those that may go at once are out.
const PACE: Duration = Duration::from_secs(2);

/// Messages in 4 seconds.
const MESSAGES: u32 = 4;

/// Messages that may go at once: half of them.
const AT_ONCE: u32 = 2;

/// Longest wait for all messages.
const SOON: Duration = Duration::from_secs(60);

fn start(shared: &Shared, config: &str) -> Vec<Instance> {
    let instances: Vec<_> = (0..INSTANCES)
        .map(|_| Instance::start(config, shared))
        .collect();
    instances.iter().for_each(Instance::wait_coordinated);
    instances
}

fn post(instance: &Instance, alerts: &[Alert]) {
    let body = alert::body(alerts);
    let answer = request(&instance.address(), ("POST", "/api/v2/alerts"), &[], &body);
    assert_eq!(answer.expect("an answer").status(), 200);
}

/// What a path accepted, in order.
fn accepted(sink: &Sink, path: &str) -> Vec<Told> {
    let all = sink.told().into_iter();
    all.filter(|told| told.is_accepted() && told.path == path)
        .collect()
}

/// Goal: all instances together keep to a rate. Method: groups of three instances have something to tell at the same
/// moment; the moments at which their messages arrive are never ahead of the bucket.
#[test]
fn all_instances_together_keep_to_a_rate() {
    if redis_harness::is_missing("all_instances_together_keep_to_a_rate") {
        return;
    }
    let shared = Shared::start();
    let sink = Sink::start();
    let config = format!(
        "route: {{receiver: hook, group_by: [alertname], group_wait: 100ms, group_interval: 5m, repeat_interval: 1h}}\n\
         receivers: [{{name: hook, webhook_configs: [{{url: '{}', rate_limit: {{messages: {MESSAGES}, per: 4s}}}}]}}]\n",
        sink.url("/hook")
    );
    let instances = start(&shared, &config);
    for group in 0..GROUPS {
        let alert = Alert::named(&format!("group{group}")).lasting();
        post(&instances[group % INSTANCES], &[alert]);
    }
    let all_told = || (accepted(&sink, "/hook").len() == GROUPS).then_some(());
    assert!(wait_for(SOON, all_told).is_some(), "{:#?}", sink.told());
    let told = accepted(&sink, "/hook");
    let names: BTreeMap<_, usize> = told.iter().fold(BTreeMap::new(), |mut names, told| {
        *names.entry(told.summary()).or_default() += 1;
        names
    });
    assert_eq!(names.len(), GROUPS, "each group once: {names:?}");
    for (index, one) in told.iter().enumerate() {
        let index = u32::try_from(index).expect("few");
        let after = one.at - told[0].at;
        let least = PACE * (index + 1).saturating_sub(AT_ONCE);
        // A request is on its way for a moment.
        assert!(
            least <= after + Duration::from_millis(300),
            "message {index} after {after:?}, not before {least:?}"
        );
    }
}

/// Goal: a fallback is told once, by whichever instance, and the original is told the truth when it is back. Method: the
/// receiver refuses; alerts reach different instances; then it accepts, and the alerts end.
#[test]
fn a_fallback_is_told_once_by_all_instances_together() {
    if redis_harness::is_missing("a_fallback_is_told_once_by_all_instances_together") {
        return;
    }
    let shared = Shared::start();
    let sink = Sink::start();
    sink.set("/main", Manner::Refuse(400));
    let config = format!(
        "route: {{receiver: main, group_by: [alertname], group_wait: 100ms, group_interval: 1s, repeat_interval: 1h}}\n\
         receivers:\n- name: main\n  fallback_receiver: backup\n  webhook_configs: [{{url: '{}'}}]\n\
         - name: backup\n  webhook_configs: [{{url: '{}'}}]\n",
        sink.url("/main"),
        sink.url("/backup")
    );
    let instances = start(&shared, &config);
    let alerts: Vec<Alert> = (0..GROUPS)
        .map(|group| Alert::named(&format!("group{group}")).lasting())
        .collect();
    for (group, alert) in alerts.iter().enumerate() {
        post(&instances[group % INSTANCES], std::slice::from_ref(alert));
    }
    let until = |path: &'static str, count: usize| {
        let is_told = || (accepted(&sink, path).len() >= count).then_some(());
        assert!(
            wait_for(SOON, is_told).is_some(),
            "{path}: {:#?}",
            sink.told()
        );
    };
    until("/backup", GROUPS);
    // Ticks pass at which other instances flush the groups.
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(accepted(&sink, "/backup").len(), GROUPS, "once each");
    sink.set("/main", Manner::Accept);
    until("/main", GROUPS);
    for (group, alert) in alerts.iter().enumerate() {
        post(
            &instances[(group + 1) % INSTANCES],
            &[alert.clone().ends(std::time::SystemTime::now())],
        );
    }
    until("/main", 2 * GROUPS);
    until("/backup", 2 * GROUPS);
    std::thread::sleep(Duration::from_secs(3));
    for path in ["/main", "/backup"] {
        let told = accepted(&sink, path);
        assert_eq!(told.len(), 2 * GROUPS, "{path}: {told:#?}");
        let (firing, resolved) = told.split_at(GROUPS);
        assert!(
            firing.iter().all(|one| one.body["status"] == "firing"),
            "{path}"
        );
        assert!(
            resolved.iter().all(|one| one.body["status"] == "resolved"),
            "{path}"
        );
    }
}
