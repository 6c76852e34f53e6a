use std::time::Duration;

use crate::{Config, FallbackTo, LoadOptions, RateLimit, load};

fn loaded(receivers: &str) -> Result<Config, crate::ConfigError> {
    let text = format!("route: {{receiver: a}}\nreceivers:\n{receivers}");
    load(&text, &LoadOptions::default())
}

#[test]
fn our_own_keys_are_read_and_not_printed() {
    let config = loaded(
        "- name: a\n  fallback_receiver: b\n  fallback_after: 2m\n  delta: true\n  \
         webhook_configs: [{url: 'http://x.example.org', rate_limit: {messages: 3, per: 10s}}, {url: 'http://y.example.org'}]\n\
         - name: b\n  webhook_configs: [{url: 'http://z.example.org'}]\n- name: c\n",
    )
    .expect("a valid configuration");
    let a = config.receiver("a").expect("is there");
    let Some(FallbackTo {
        receiver, after, ..
    }) = &a.delivery.fallback
    else {
        panic!("a fallback")
    };
    assert_eq!((&**receiver, *after), ("b", Duration::from_secs(120)));
    assert!(a.delivery.delta);
    let limits: Vec<_> = a.integrations.iter().map(|item| item.rate_limit).collect();
    let ten = RateLimit {
        messages: 3,
        per: Duration::from_secs(10),
    };
    assert_eq!(limits, [Some(ten), None]);
    let used: Vec<_> = config.used_receivers().map(|r| r.name.as_str()).collect();
    assert_eq!(used, ["a", "b"], "a fallback is in use");
    for own in ["rate_limit", "fallback", "delta"] {
        assert!(!config.original.contains(own), "{}", config.original);
    }
    assert!(config.own.contains("webhook[0]"), "{}", config.own);
    let plain = loaded("- name: a\n").expect("a valid configuration");
    assert_eq!(plain.own, "");
}

#[test]
fn mistakes_have_a_place_and_a_hint() {
    let cases = [
        (
            "- {name: a, fallback_receiver: x}\n",
            "line 3",
            "undefined receiver",
        ),
        (
            "- {name: a, fallback_receiver: a}\n",
            "line 3",
            "its own fallback_receiver",
        ),
        (
            "- {name: a, fallback_receiver: b}\n- {name: b, fallback_receiver: c}\n- name: c\n",
            "line 3",
            "has one itself",
        ),
        (
            "- {name: a, fallback_receiver: b}\n- name: b\n",
            "line 3",
            "tells nobody",
        ),
        (
            "- {name: a, fallback_after: 5m}\n",
            "line 3",
            "without a fallback_receiver",
        ),
        (
            "- name: a\n  webhook_configs: [{url: 'http://x.example.org', rate_limit: {messages: 0}}]\n",
            "line 4",
            "at least one message",
        ),
        (
            "- name: a\n  webhook_configs: [{url: 'http://x.example.org', rate_limit: {messages: 1, per: 0s}}]\n",
            "line 4",
            "at most a day",
        ),
        (
            "- name: a\n  webhook_configs: [{url: 'http://x.example.org', rate_limit: {many: 1}}]\n",
            "line 4",
            "many",
        ),
        (
            "- name: a\n  jira_configs: [{api_url: 'http://j.example.org', project: P, issue_type: Bug}]\n  delta: true\n",
            "line 5",
            "delta: true beside jira[0]",
        ),
        (
            "- name: a\n  delta: true\n  slack_configs: [{api_url: 'https://slack.com/api/chat.postMessage', channel: c, update_message: true}]\n",
            "line 4",
            "delta: true beside slack[0]",
        ),
        (
            "- name: a\n  delta: true\n  opsgenie_configs: [{api_key: k}, {api_key: k, update_alerts: true}]\n",
            "line 4",
            "delta: true beside opsgenie[1]",
        ),
    ];
    for (receivers, place, message) in cases {
        let error = loaded(receivers).expect_err(receivers).to_string();
        assert!(error.contains(place) && error.contains(message), "{error}");
    }
}

#[test]
fn a_delta_is_for_messages_that_stay() {
    loaded(
        "- name: a\n  delta: true\n  slack_configs: [{api_url: 'http://s.example.org', channel: c}]\n  \
         opsgenie_configs: [{api_key: k}]\n",
    )
    .expect("a valid configuration");
}
