use gotmpl::Value;
use gotmpl::data::{Alert, Alerts, Data, Kv};
use gotmpl::functions::Environment;
use gotmpl::time::{Time, Zone};

use super::*;

/// What Alertmanager defines, by integration.
const NAMES: [(&str, &str); 17] = [
    ("discord", "content message title"),
    ("email", "html subject"),
    ("jira", "description priority summary"),
    ("mattermost", "color fallback text title titlelink username"),
    ("msteams", "summary text title"),
    ("msteamsv2", "text title"),
    ("opsgenie", "description message source"),
    ("pagerduty", "client clientURL description instances"),
    ("pushover", "message title url"),
    ("rocketchat", "alias emoji iconurl text title titlelink"),
    (
        "slack",
        "callbackid color fallback footer iconemoji iconurl pretext text title titlelink username",
    ),
    ("sns", "message subject"),
    ("telegram", "message"),
    (
        "victorops",
        "entity_display_name monitoring_tool state_message",
    ),
    ("webex", "message"),
    ("wechat", "agent_id message to_party to_tag to_user"),
    (
        "",
        "__alertmanager __alertmanagerURL __description __subject __text_alert_list __text_alert_list_markdown",
    ),
];

/// What we define for our own integrations.
const OWN: [(&str, &str); 8] = [
    ("feishu", "plain text title"),
    ("dingtalk", "text title"),
    ("wecom_bot", "plain text title"),
    ("ntfy", "click markdown priority tags text title"),
    ("gotify", "priority text title"),
    ("googlechat", "plain text title"),
    ("twilio", "text"),
    ("cloudevents", "type"),
];

fn alert(severity: &str, is_resolved: bool) -> Alert {
    Alert {
        is_resolved,
        labels: Kv::new([("severity", severity)]),
        annotations: Kv::new::<&str, &str>([]),
        starts_at: Time::zero(),
        ends_at: Time::zero(),
        generator_url: "".into(),
        fingerprint: "".into(),
    }
}

/// Renders a template for alerts of these severities; a `-` in front of one says that the alert has ended.
fn render(templates: &Templates, name: &str, severities: &str) -> String {
    let alerts = severities
        .split_whitespace()
        .map(|text| match text.strip_prefix('-') {
            Some(severity) => alert(severity, true),
            None => alert(text, false),
        });
    let none = || Kv::new::<&str, &str>([]);
    let data: Value = Data {
        receiver: "r".into(),
        alerts: Alerts::new(alerts),
        notification_reason: "".into(),
        group_labels: none(),
        common_labels: none(),
        common_annotations: none(),
        route_labels: none(),
        external_url: "http://alerts.example.org".into(),
    }
    .into_value();
    let environment = Environment::new(Time::new(0, 0, Zone::Utc));
    let mut output = Vec::new();
    templates
        .execute(
            name,
            &data,
            &ALERTMANAGER,
            &environment,
            &Limits::default(),
            &mut output,
        )
        .expect("the template renders");
    String::from_utf8(output).expect("the output is UTF-8")
}

#[test]
fn the_names_are_alertmanagers_those_of_our_integrations_and_else_begin_with_belfry() {
    let templates = parse().expect("the files parse");
    let mut expected: Vec<String> = NAMES
        .iter()
        .chain(&OWN)
        .flat_map(|(integration, names)| {
            names.split(' ').map(move |name| match *integration {
                "" => name.to_owned(),
                integration => format!("{integration}.default.{name}"),
            })
        })
        .collect();
    expected.sort();
    let files = FILES.map(|(name, _)| name);
    let mut names: Vec<&str> = templates
        .defined_names()
        .filter(|name| !name.starts_with("belfry.") && !files.contains(name))
        .collect();
    names.sort_unstable();
    assert_eq!(names, expected);
}

/// As in Alertmanager, one definition of a user changes every text that contains it.
#[test]
fn a_users_definition_counts_inside_the_others() {
    let mut templates = parse().expect("the files parse");
    let own =
        r#"{{ define "__subject" }}mine{{ end }}{{ define "__alertmanagerURL" }}there{{ end }}"#;
    templates
        .parse_and_add("own.tmpl", own, &ALERTMANAGER, &Limits::default())
        .expect("the file parses");
    for (name, expected) in [
        ("slack.default.title", "mine"),
        ("slack.default.fallback", "mine | there"),
        ("email.default.subject", "mine"),
        (
            "wechat.default.message",
            "mine\n\n\n\nAlertmanagerUrl:\nthere",
        ),
    ] {
        assert_eq!(render(&templates, name, ""), expected, "{name}");
    }
}

#[test]
fn urgency_is_that_of_the_gravest_alert_that_fires() {
    let templates = parse().expect("the files parse");
    for (severities, ntfy, gotify) in [
        ("", "2", "2"),
        ("info", "2", "2"),
        ("info unheard-of", "3", "5"),
        ("warning", "3", "5"),
        ("warning CRITICAL", "5", "8"),
        ("emergency", "5", "10"),
        ("-critical", "2", "2"),
        ("info -critical", "2", "2"),
    ] {
        let priority = |name| render(&templates, name, severities);
        assert_eq!(priority("ntfy.default.priority"), ntfy, "{severities}");
        assert_eq!(priority("gotify.default.priority"), gotify, "{severities}");
    }
}

#[test]
fn an_issue_has_the_priority_of_its_gravest_alert() {
    let templates = parse().expect("the files parse");
    for (severities, expected) in [
        ("", ""),
        ("page none", ""),
        ("info", "Low"),
        ("warning info", "Medium"),
        ("info warning page", "Medium"),
        ("warning critical info", "High"),
        ("warning -critical", "Medium"),
        ("page -critical -info", "High"),
        ("-warning -info", "Medium"),
    ] {
        let priority = render(&templates, "jira.default.priority", severities);
        assert_eq!(priority, expected, "{severities}");
    }
}
