use domain::label::Labels;
use domain::time::Timestamp;
use gotmpl::time::Zone;

use super::route_labels::RouteTexts;
use super::*;
use crate::data::Data;
use crate::samples;

fn set(files: &[(&str, &str)]) -> TemplateSet {
    let files = files.iter().copied();
    TemplateSet::parse(files, Zone::Utc, Origin::Operator).unwrap()
}

/// A text executed for a message about two alerts, with what was noted.
fn render(set: &TemplateSet, text: &Text) -> (String, Option<String>) {
    let notification = samples::notification(&[("n1", false), ("n2", true)]);
    let facts = Data::new(&notification, &notification.alerts);
    let mut rendering = Rendering::new(set, &facts, notification.at);
    let rendered = rendering.text("title", text);
    (rendered, rendering.fallback())
}

#[test]
fn files_stand_on_the_defaults_and_replace_them() {
    let files = [
        (
            "a.tmpl",
            "{{ define \"own\" }}{{ .Status }} {{ template \"slack.default.title\" . }}{{ end }}",
        ),
        (
            "b.tmpl",
            "{{ define \"slack.default.title\" }}mine{{ end }}",
        ),
    ];
    let set = set(&files);
    let text = set.text("{{ template \"own\" . }}!", Markup::Plain);
    assert_eq!(render(&set, &text), ("firing mine!".to_owned(), None));
    assert!(set.names().contains(&"email.default.html".to_owned()));
}

#[test]
fn a_failing_text_says_its_pristine_default_and_then_one_plain_line() {
    // A user's file that breaks a default template breaks no fallback.
    let set = set(&[(
        "a.tmpl",
        "{{ define \"slack.default.title\" }}{{ .Nope }}{{ end }}",
    )]);
    let default = "{{ template \"slack.default.title\" . }}";
    let text = set.text_or(default, default, Markup::Plain);
    let (rendered, note) = render(&set, &text);
    assert_eq!(rendered, "[FIRING:1] HighLoad node (critical)");
    let note = note.unwrap();
    assert!(
        note.starts_with("title: template: a.tmpl:1:37: executing"),
        "{note}"
    );

    let text = set.text_or("{{ .Nope }}", "{{ .Nope }}", Markup::Plain);
    assert_eq!(render(&set, &text).0, "[FIRING:1] HighLoad node (critical)");
    let text = set.text("{{ if }}", Markup::Plain);
    let (rendered, note) = render(&set, &text);
    assert_eq!(rendered, "[FIRING:1] HighLoad node (critical)");
    assert_eq!(
        note.unwrap(),
        "title: template: :1: missing value for if (line 1, column 7)"
    );
}

#[test]
fn a_page_escapes_what_a_text_does_not() {
    let set = TemplateSet::default();
    let source = "{{ define \"x\" }}<a title='{{ . }}'>{{ end }}{{ template \"x\" \"it's <\" }}";
    let page = set.text(source, Markup::Html);
    assert_eq!(render(&set, &page).0, "<a title='it&#39;s &lt;'>");
    let text = set.text(source, Markup::Plain);
    assert_eq!(render(&set, &text).0, "<a title='it's <'>");
    let broken = set.text("<a href='{{ . }}", Markup::Html);
    assert!(
        render(&set, &broken)
            .1
            .unwrap()
            .contains("ends in a non-text context")
    );
}

#[test]
fn tenants_are_bound_more_tightly_than_operators() {
    let operators = TemplateSet::default();
    let tenants = operators.for_origin(Origin::Tenant);
    let costly = "{{ range $i, $e := (slice \"\" ) }}{{ end }}{{ range 400000 }}x{{ end }}";
    let costly = costly.split_once("{{ end }}").unwrap().1;
    assert_eq!(
        render(&operators, &operators.text(costly, Markup::Plain)).1,
        None
    );
    let note = render(&tenants, &tenants.text(costly, Markup::Plain))
        .1
        .unwrap();
    assert!(
        note.contains("too long") || note.contains("too many steps"),
        "{note}"
    );
}

#[track_caller]
fn route_labels(labels: &[(&str, &str)]) -> (Labels, Vec<String>) {
    let set = TemplateSet::default();
    let labels = labels.iter().map(|(n, v)| ((*n).into(), (*v).into()));
    let texts = RouteTexts::new(&labels.collect(), &set);
    let notification = samples::notification(&[("n1", false)]);
    let (rendered, omitted) = texts.render(&set, &notification);
    let omitted = omitted.into_iter().map(|(n, f)| format!("{n}: {f}"));
    (rendered, omitted.collect())
}

#[test]
fn labels_of_a_route_ask_for_one_another() {
    let (labels, omitted) = route_labels(&[
        ("team", "sre"),
        (
            "channel",
            "#{{ routeLabels \"team\" }}-{{ .CommonLabels.severity }}",
        ),
        (
            "both",
            "{{ routeLabels \"channel\" }} {{ routeLabels \"none\" }}.",
        ),
    ]);
    let expected = [
        ("both", "#sre-critical ."),
        ("channel", "#sre-critical"),
        ("team", "sre"),
    ];
    assert_eq!(labels, Labels::from_pairs(expected));
    assert_eq!(omitted, [""; 0]);
}

#[test]
fn labels_of_a_route_that_go_round_in_circles_are_left_out() {
    let (labels, omitted) = route_labels(&[
        ("a", "{{ routeLabels \"b\" }}"),
        ("b", "{{ routeLabels \"a\" }}"),
        ("c", "fine"),
    ]);
    assert_eq!(labels, Labels::from_pairs([("c", "fine")]));
    assert_eq!(omitted.len(), 2);
    let cycle = "route label cycle detected: a -> b -> a";
    assert!(
        omitted.iter().all(|line| line.contains(cycle)),
        "{omitted:?}"
    );
}

#[test]
fn labels_of_a_route_are_asked_for_only_so_deep() {
    let names = (0..100).map(|n| {
        (
            format!("l{n:03}"),
            format!("{{{{ routeLabels \"l{:03}\" }}}}", n + 1),
        )
    });
    let names: Vec<(String, String)> = names.collect();
    let pairs: Vec<_> = names
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    let (_, omitted) = route_labels(&pairs);
    assert!(omitted[0].contains("more than 32 deep"), "{omitted:?}");
}

fn dry_run(config: &str) -> Vec<String> {
    dry_run_with(&TemplateSet::default(), config)
}

fn dry_run_with(set: &TemplateSet, config: &str) -> Vec<String> {
    let config = config::load(config, &config::LoadOptions::default()).unwrap();
    let at = Timestamp::from_unix_ms(samples::STARTED);
    super::dry_run::run(&config, set, "http://am.example.org", at)
}

#[test]
fn a_dry_run_tries_what_alerts_rarely_are() {
    let on = |text: &str| {
        let config = format!(
            "route: {{receiver: r}}\nreceivers:\n- name: r\n  webhook_configs:\n  - url: http://x.example.org/\n    payload: {{a: '{text}'}}\n"
        );
        dry_run(&config)
    };
    for (text, sample) in [
        (
            "{{ if eq .CommonLabels.severity \"info\" }}{{ .Foo }}{{ end }}",
            "of severity info",
        ),
        (
            "{{ if eq .CommonLabels.severity \"warning\" }}{{ .Foo }}{{ end }}",
            "of severity warning",
        ),
        (
            "{{ if gt (len .Alerts) 30 }}{{ .Foo }}{{ end }}",
            "forty alerts",
        ),
        (
            "{{ if gt (len .Alerts.Resolved) 15 }}{{ .Foo }}{{ end }}",
            "half of them resolved",
        ),
        (
            "{{ if .CommonLabels.severity }}{{ range .Alerts }}{{ slice .Annotations.description 0 3 }}{{ end }}{{ end }}",
            "without annotations",
        ),
    ] {
        let findings = on(text);
        assert!(
            findings.len() == 1 && findings[0].contains(sample),
            "{text}: {findings:#?}"
        );
    }
}

#[test]
fn a_dry_run_tries_templates_of_files_that_take_messages() {
    let set = set(&[(
        "a.tmpl",
        "{{ define \"unused\" }}{{ if .Alerts.Resolved }}{{ index .Alerts 99 }}{{ end }}{{ end }}\
         {{ define \"used\" }}{{ index .Alerts 98 }}{{ end }}\
         {{ define \"of an alert\" }}{{ .Labels.alertname }}{{ end }}\
         {{ define \"of \\\"labels\" }}{{ range .SortedPairs }}{{ .Name }}{{ end }}{{ end }}",
    )]);
    let config = "route: {receiver: r}\nreceivers:\n- name: r\n  webhook_configs:\n  - url: http://x.example.org/\n    \
                  payload: {a: '{{ template \"used\" . }}'}\n";
    let findings = dry_run_with(&set, config);
    assert_eq!(findings.len(), 2, "{findings:#?}");
    assert!(
        findings[0].starts_with("line 5: receiver `r`: webhook[0]: payload.a: template: a.tmpl:1:")
    );
    assert!(findings[1].starts_with("template `unused`: template: a.tmpl:1:"));
}

#[test]
fn a_dry_run_names_what_would_fail_and_where() {
    let findings = dry_run(
        "route: {receiver: r, labels: {a: '{{ routeLabels \"a\" }}'}}\nreceivers:\n- name: r\n  webhook_configs:\n  \
         - url: 'http://a.example.org/{{ (index .Alerts 1).Status }}'\n    payload: {a: ['{{ .Nope }}']}\n  slack_configs:\n  \
         - {api_url: 'http://x.example.org', channel: c, title: '{{ template \"nope\" . }}', fields: [{title: t, value: '{{ if }}'}]}\n  \
         email_configs:\n  - {to: a@example.org, from: b@example.org, smarthost: 'x.example.org:25', html: '<a href={{ .Status'}\n",
    );
    let expected = [
        "line 1: route `{}`: labels: a: template: :1:3: executing \"\" at <routeLabels \"a\">: error calling routeLabels: route label cycle \
         detected: a -> a (on one firing alert)",
        "line 5: receiver `r`: webhook[0]: url: template: :1:25: executing",
        "line 5: receiver `r`: webhook[0]: payload.a[0]: template: :1:3: executing \"\" at <.Nope>",
        "line 10: receiver `r`: email[0]: html: template: :1: unclosed action (line 1, column",
        "line 8: receiver `r`: slack[0]: title: template: :1:12: executing",
        "line 8: receiver `r`: slack[0]: fields[0].value: template: :1: missing value for if",
    ];
    assert_eq!(findings.len(), expected.len(), "{findings:#?}");
    for (finding, expected) in findings.iter().zip(expected) {
        assert!(finding.starts_with(expected), "{finding}\n{expected}");
    }
}

#[test]
fn a_dry_run_of_the_defaults_finds_nothing() {
    let config = "route: {receiver: r}\nreceivers: [{name: r, inbox_configs: [{}], \
                  slack_configs: [{api_url: 'http://x.example.org', channel: c}], discord_configs: [{webhook_url: 'http://x.example.org'}], \
                  email_configs: [{to: a@example.org, from: b@example.org, smarthost: 'x.example.org:25'}], \
                  telegram_configs: [{bot_token: t, chat_id: 1}], pushover_configs: [{user_key: u, token: t, html: true}], \
                  pagerduty_configs: [{routing_key: k}], msteamsv2_configs: [{webhook_url: 'http://x.example.org'}], \
                  opsgenie_configs: [{api_key: k}], webex_configs: [{room_id: r, http_config: {authorization: {credentials: c}}}]}]\n";
    assert_eq!(dry_run(config), [""; 0]);
}

#[test]
fn a_dry_run_of_costly_templates_of_files_does_not_hold_up_a_load() {
    let file: String = (0..100)
        .map(|n| {
            format!("{{{{ define \"t{n}\" }}}}{{{{ range 1000000000 }}}}{{{{ end }}}}{{{{ end }}}}")
        })
        .collect();
    let set = set(&[("a.tmpl", &file)]);
    let findings = dry_run_with(&set, "route: {receiver: r}\nreceivers: [{name: r}]\n");
    assert_eq!(findings.len(), 11, "{findings:#?}");
    assert!(findings[0].starts_with("template `t0`: template: a.tmpl:1:"));
}

#[test]
fn a_dry_run_does_not_hold_up_a_load() {
    let costly: String = (0..100)
        .map(|n| format!("  - {{url: 'http://x.example.org/', payload: '{{{{ range 1000000000 }}}}{{{{ end }}}}{n}'}}\n"))
        .collect();
    let text =
        format!("route: {{receiver: r}}\nreceivers:\n- name: r\n  webhook_configs:\n{costly}");
    let findings = dry_run(&text);
    assert_eq!(findings.len(), 11);
    assert!(findings[0].contains("too many steps"), "{}", findings[0]);
    assert!(findings[10].starts_with("not every template was tried"));
}
