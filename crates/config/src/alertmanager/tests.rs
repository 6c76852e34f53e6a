//! What only we do; the recorded cases are checked by `cargo xtask vectors`.

use serde_json::Value as Json;

use super::*;
use crate::receiver::Integration;

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/");

fn cases(file: &str) -> Vec<Json> {
    let text = std::fs::read_to_string(format!("{VECTORS}{file}")).unwrap();
    let json: Json = serde_json::from_str(&text).unwrap();
    json["cases"].as_array().unwrap().clone()
}

fn read(text: &str) -> Result<Config> {
    load(
        text,
        &LoadOptions {
            file_name: "alertmanager.yml".to_owned(),
            ..LoadOptions::default()
        },
    )
}

/// What upstream prints in a form it does not read back either: a null receiver gets an empty name, a text emptied
/// on purpose is left out (which means its default), and incident.io without a token is fine only without HTTP
/// settings of its own.
const PRINTED_OTHERWISE: &[&str] = &["receiver null", "telegram 241", "incidentio 265"];

#[test]
fn what_is_printed_can_be_read_again_and_is_printed_the_same() {
    for case in cases("config.json")
        .iter()
        .filter(|case| case["ok"] == true)
    {
        let name = case["name"].as_str().unwrap();
        let printed = read(case["config"].as_str().unwrap()).unwrap().original;
        if PRINTED_OTHERWISE.contains(&name) {
            continue;
        }
        let again = read(&printed).unwrap_or_else(|error| panic!("{name}: {error}\n{printed}"));
        assert_eq!(again.original, printed, "{name}");
    }
}

#[test]
fn mistakes_have_file_line_column_and_a_hint() {
    for (text, expected) in [
        (
            "route:\n  reciever: r\n",
            "alertmanager.yml:2:3: field reciever not found in route (did you mean `receiver`?)",
        ),
        (
            "route: {receiver: operatons}\nreceivers: [{name: operations}]\n",
            "alertmanager.yml:1:19: undefined receiver \"operatons\" used in route (did you mean \"operations\"?)",
        ),
        (
            "route: {receiver: r, routes: [null]}\nreceivers: [{name: r}]\n",
            "alertmanager.yml:1:31: missing route in routes (remove the empty element, or write {})",
        ),
    ] {
        assert_eq!(read(text).unwrap_err().to_string(), expected);
    }
}

#[test]
fn secrets_are_in_no_error_and_no_debug_output() {
    let text = "route: {receiver: r}\nreceivers: [{name: r, slack_configs: [{api_url: 'htp://hooks.example.org/hunter2'}]}]\n";
    assert!(!read(text).unwrap_err().to_string().contains("hunter2"));
    let text = "route: {receiver: r}\nreceivers: [{name: r, webhook_configs: [{url: 'http://hunter2', http_config: {basic_auth: {username: u, password: hunter2}}}]}]\n";
    assert!(!format!("{:?}", read(text).unwrap()).contains("hunter2"));
}

#[test]
fn the_inbox_is_read_and_not_printed() {
    let config = read(BUILTIN).unwrap();
    let [item] = &*config.receivers[0].integrations else {
        panic!()
    };
    assert_eq!(item.name(), "inbox[0]");
    assert!(item.integration.send_resolved());
    assert!(!config.original.contains("inbox_configs"));
}

#[test]
fn what_is_not_acted_on_yet_is_named() {
    let text = "route: {receiver: r}\nreceivers: [{name: r}]\ntracing: {endpoint: 'h:1'}\n";
    assert_eq!(
        read(text).unwrap().not_yet(),
        ["`tracing` is accepted but not acted on by this version yet"]
    );
}

#[test]
fn routes_have_labels_which_are_printed_only_when_there_are_any() {
    let text = "route: {receiver: r, labels: {team: sre}, routes: [{labels: {team: '{{ .Receiver }}', x: y}}]}\nreceivers: [{name: r}]\n";
    let config = read(text).unwrap();
    assert_eq!(config.route.labels["team"], "sre");
    assert_eq!(config.route.routes[0].labels.len(), 2);
    assert!(config.original.contains("labels:\n    team: sre"));
    let without = read("route: {receiver: r}\nreceivers: [{name: r}]\n").unwrap();
    assert_eq!(without.original.matches("labels:").count(), 1);
    let error =
        read("route: {receiver: r, labels: {'': x}}\nreceivers: [{name: r}]\n").unwrap_err();
    assert!(error.to_string().contains("invalid label name"), "{error}");
}

/// Alertmanager's own functions are known when a message is sent, but not when a configuration is read: `amtool check-config` refuses
/// these too (`tests/process/peers/templates.rs` asks it).
#[test]
fn a_webhooks_url_may_use_the_functions_of_go_alone() {
    let with = |url: &str| {
        read(&format!(
            "route: {{receiver: r}}\nreceivers: [{{name: r, webhook_configs: [{{url: '{url}'}}]}}]\n"
        ))
    };
    for taken in [
        "http://a.example.org/{{ .CommonLabels.x | urlquery }}",
        "{{ printf \"%s\" .Receiver }}",
        "{{ template \"nowhere\" . }}",
        "ftp://{{ .Receiver }}",
    ] {
        assert!(with(taken).is_ok(), "{taken}");
    }
    for (refused, function) in [
        (
            "http://a.example.org/{{ .CommonLabels.x | toUpper }}",
            "toUpper",
        ),
        (
            "http://a.example.org/{{ join \",\" .GroupLabels.Names }}",
            "join",
        ),
        ("http://{{ .Receiver | safeUrl }}/", "safeUrl"),
    ] {
        let error = with(refused).unwrap_err().to_string();
        let expected =
            format!("invalid template syntax: template: :1: function \"{function}\" not defined");
        assert!(error.contains(&expected), "{error}");
    }
}

#[test]
fn relative_paths_are_below_the_configurations_folder() {
    let text = "global: {http_config: {tls_config: {ca_file: ca.pem}}}\nroute: {receiver: r}\nreceivers: [{name: r, webhook_configs: [{url_file: u, http_config: {basic_auth: {username: u, password_file: ../p}}}]}]\ntemplates: [a/*.tmpl, /b]\n";
    let options = LoadOptions {
        base_dir: Some("/etc/x".into()),
        ..LoadOptions::default()
    };
    let config = load(text, &options).unwrap();
    assert_eq!(config.templates, ["/etc/x/a/*.tmpl", "/b"]);
    assert_eq!(
        config.global.http_config.tls_config.ca_file,
        "/etc/x/ca.pem"
    );
    let Integration::Webhook(webhook) = &config.receivers[0].integrations[0].integration else {
        panic!()
    };
    assert_eq!(webhook.url_file, "u");
    assert_eq!(
        webhook
            .http_config
            .basic_auth
            .as_ref()
            .unwrap()
            .password_file,
        "/etc/p"
    );
}

#[test]
fn integrations_come_in_the_order_in_which_they_are_told() {
    let text = "route: {receiver: r}\nreceivers:\n- name: r\n  discord_configs: [{webhook_url: 'http://x'}]\n  inbox_configs: [{}]\n  email_configs: [{to: a, from: b, smarthost: 'h:25'}]\n  webhook_configs: [{url: 'http://x'}, {url: 'http://y'}]\n";
    let config = read(text).unwrap();
    let names: Vec<_> = config.receivers[0]
        .integrations
        .iter()
        .map(|i| i.name())
        .collect();
    assert_eq!(
        names,
        [
            "webhook[0]",
            "webhook[1]",
            "email[0]",
            "discord[0]",
            "inbox[0]"
        ]
    );
}

#[test]
fn warnings_name_their_line() {
    let text = "route:\n  receiver: r\n  routes:\n  - matchers: ['a=\"\\u263a\"']\nreceivers: [{name: r}]\n";
    let config = read(text).unwrap();
    assert_eq!(
        config
            .warnings
            .iter()
            .map(|warning| warning.line)
            .collect::<Vec<_>>(),
        [4]
    );
}

#[test]
fn inherited_urls_that_need_a_slash_change_the_global_one_as_upstream_does() {
    let text = "global: {opsgenie_api_url: 'http://o', opsgenie_api_key: k}\nroute: {receiver: r}\nreceivers: [{name: r, opsgenie_configs: [{}]}]\n";
    assert!(
        read(text)
            .unwrap()
            .original
            .contains("\n  opsgenie_api_url: http://o/\n")
    );
}

#[test]
fn oauth2_with_a_signed_statement_is_read_and_printed() {
    let oauth = |rest: &str| {
        format!(
            "global: {{http_config: {{oauth2: {{client_id: i, token_url: 'http://t', {rest}}}}}}}\nroute: {{receiver: r}}\nreceivers: [{{name: r}}]\n"
        )
    };
    let grant = "grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer'";
    let config = read(&oauth(&format!(
        "{grant}, client_certificate_key: k, claims: {{b: 1, a: x}}"
    )));
    let printed = config.unwrap().original;
    let expected = "      client_certificate_key: <secret>\n      grant_type: urn:ietf:params:oauth:grant-type:jwt-bearer\n      claims:\n        a: x\n        b: 1\n      token_url: http://t\n";
    assert!(printed.contains(expected), "{printed}");
    for (rest, expected) in [
        (
            "client_secret: a, client_secret_file: b".to_owned(),
            "client_secret_ref must be configured using grant-type=client_credentials",
        ),
        (
            format!("{grant}, signature_algorithm: HS256"),
            "valid signature algorithms are RS256, RS384 and RS512",
        ),
        (
            format!("{grant}, client_certificate_key: a, client_certificate_key_ref: b"),
            "using grant-type=urn:ietf",
        ),
    ] {
        let error = read(&oauth(&rest)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn the_event_recorder_is_kept_and_printed() {
    let text = "route: {receiver: r}\nreceivers: [{name: r}]\nevent_recorder: {file_outputs: [{path: /x}], webhook_outputs: [{url: 'http://x', workers: 2}], kafka_outputs: [{brokers: [a], topic: t}]}\n";
    let config = read(text).unwrap();
    let expected = "event_recorder:\n  file_outputs:\n  - path: /x\n  webhook_outputs:\n  - url: <secret>\n    workers: 2\n  kafka_outputs:\n  - brokers:\n    - a\n    topic: t\n";
    assert!(config.original.ends_with(expected), "{}", config.original);
    assert_eq!(config.not_yet().len(), 1);
}
