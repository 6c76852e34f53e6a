//! What our own integrations accept, what they refuse, and that they are never printed.

use crate::{Config, Integration, LoadOptions, Own, load};

fn read(integration: &str) -> Result<Config, String> {
    let text = format!("route: {{receiver: r}}\nreceivers:\n- name: r\n  {integration}\n");
    let options = LoadOptions {
        file_name: "a.yml".to_owned(),
        ..LoadOptions::default()
    };
    load(&text, &options).map_err(|error| error.to_string())
}

fn own(integration: &str) -> Own {
    let config = read(integration).unwrap_or_else(|error| panic!("{error}"));
    match &config.receivers[0].integrations[0].integration {
        Integration::Own(own) => (**own).clone(),
        other => panic!("{other:?}"),
    }
}

/// One of each, with as little as it takes.
const LEAST: [(&str, &str); 10] = [
    ("feishu", "webhook_url: 'http://f.example.org/hunter2'"),
    ("dingtalk", "webhook_url_file: /run/hunter2"),
    ("wecom_bot", "webhook_url: 'http://w.example.org/hunter2'"),
    ("ntfy", "topic: hunter2"),
    ("gotify", "url: 'http://g.example.org', token: hunter2"),
    ("googlechat", "webhook_url: 'http://c.example.org/hunter2'"),
    (
        "twilio",
        "account_sid: AC1, auth_token: hunter2, from: '+1', to: ['+2']",
    ),
    (
        "aliyun_sms",
        "access_key_id: a, access_key_secret: hunter2, sign_name: s, template_code: SMS_1, to: ['1']",
    ),
    ("cloudevents", "url: 'http://e.example.org/hunter2'"),
    ("forward", "url: 'http://am.example.org'"),
];

#[test]
fn each_is_read_and_left_out_of_what_is_printed() {
    for (name, settings) in LEAST {
        let config = read(&format!("{name}_configs: [{{{settings}}}]"))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let [item] = &*config.receivers[0].integrations else {
            panic!("{name}")
        };
        assert_eq!(item.name(), format!("{name}[0]"));
        assert!(item.integration.send_resolved(), "{name}");
        assert!(!config.original.contains(name), "{}", config.original);
        // It makes a difference all the same.
        assert!(config.own.contains(&format!("{name}[0]")), "{}", config.own);
        // Neither is a secret in what is logged.
        let shown = format!("{config:?}");
        if !["ntfy", "dingtalk"].contains(&name) {
            assert!(!shown.contains("hunter2"), "{name}: {shown}");
        }
        let read_again = load(&config.original, &LoadOptions::default());
        assert!(read_again.is_ok(), "{name}");
    }
}

#[test]
fn they_come_after_alertmanagers_in_one_order() {
    let text = "forward_configs: [{url: 'http://a'}]\n  feishu_configs: [{webhook_url: 'http://a'}]\n  inbox_configs: [{}]\n  webhook_configs: [{url: 'http://a'}]";
    let config = read(text).unwrap();
    let names: Vec<_> = config.receivers[0]
        .integrations
        .iter()
        .map(crate::ReceiverIntegration::name)
        .collect();
    assert_eq!(names, ["webhook[0]", "inbox[0]", "feishu[0]", "forward[0]"]);
}

#[test]
fn the_global_http_config_is_inherited() {
    let text = "global: {http_config: {follow_redirects: false}}\nroute: {receiver: r}\nreceivers: [{name: r, ntfy_configs: [{topic: t}]}]";
    let config = load(text, &LoadOptions::default()).unwrap();
    let Integration::Own(own) = &config.receivers[0].integrations[0].integration else {
        panic!()
    };
    assert!(!own.http_config().follow_redirects);
}

#[test]
fn the_default_texts_follow_the_form() {
    let texts = |integration: &str| -> Vec<String> {
        let own = own(integration);
        own.texts()
            .into_iter()
            .map(|(_, text)| text.to_owned())
            .collect()
    };
    let card = texts("feishu_configs: [{webhook_url: 'http://a'}]");
    assert!(card[1].contains("feishu.default.text"));
    let text = texts("feishu_configs: [{webhook_url: 'http://a', message_type: text}]");
    assert!(text[1].contains("feishu.default.plain"));
}

#[track_caller]
fn refused(integration: &str, expected: &str) {
    assert_eq!(read(integration).unwrap_err(), expected);
}

#[test]
fn mistakes_are_told_with_their_place_and_what_to_do() {
    refused(
        "feishu_configs: [{webhook_ulr: 'http://a'}]",
        "a.yml:4:21: field webhook_ulr not found in feishu_configs (did you mean `webhook_url`?)",
    );
    refused(
        "gotify_configs: [{colour: red}]",
        "a.yml:4:21: field colour not found in gotify_configs (known are send_resolved, http_config, url, token, token_file, \
         title, text, priority, rate_limit)",
    );
    refused(
        "feishu_configs: [{webhook_url: 'http://a', rate_limits: {messages: 1}}]",
        "a.yml:4:46: field rate_limits not found in feishu_configs (did you mean `rate_limit`?)",
    );
    refused(
        "feishu_configs: [{webhook_url: 'http://a', message_type: post}]",
        "a.yml:4:60: unknown message_type \"post\" (known are card, text)",
    );
    refused(
        "dingtalk_configs: [{}]",
        "a.yml:4:22: one of webhook_url or webhook_url_file must be configured",
    );
    refused(
        "dingtalk_configs: [{webhook_url: 'http://a', secret: s, secret_file: f}]",
        "a.yml:4:72: at most one of secret & secret_file must be configured (remove one of the two)",
    );
    refused(
        "dingtalk_configs: [{webhook_url: 'http://a', message_type: action_card, at_all: true}]",
        "a.yml:4:83: at_all has no effect in an action card (use message_type: markdown)",
    );
    refused(
        "wecom_bot_configs: [{webhook_url: 'http://a', mentioned_mobile_list: ['1']}]",
        "a.yml:4:72: WeCom calls members by mobile number in plain text only (use message_type: text, or mentioned_list with user ids)",
    );
    refused(
        "ntfy_configs: [{topic: 'http://ntfy.example.org/a'}]",
        "a.yml:4:26: a topic is a name, not an address (the server goes into `url`, its last part into `topic`)",
    );
    refused(
        "twilio_configs: [{account_sid: AC1, auth_token: t, to: ['+1']}]",
        "a.yml:4:20: one of from or messaging_service_sid must be configured (the number or the service that sends)",
    );
    refused(
        "twilio_configs: [{account_sid: AC1, auth_token: t, from: a, to: []}]",
        "a.yml:4:20: missing to (a list of phone numbers)",
    );
    refused(
        "aliyun_sms_configs: [{access_key_secret: s}]",
        "a.yml:4:24: missing access_key_id (the access key of a RAM user)",
    );
    refused(
        "forward_configs: [{url: 'http://a/api/v2/alerts'}]",
        "a.yml:4:27: the address must not name the API (leave out /api/v2/alerts)",
    );
    refused(
        "forward_configs: [{url: 'http://a', ends_after: 0s}]",
        "a.yml:4:51: ends_after must not be zero (longer than repeat_interval, such as 24h)",
    );
    refused(
        "gotify_configs: [{url: 'http://a'}]",
        "a.yml:4:20: one of token or token_file must be configured",
    );
    refused(
        "cloudevents_configs: [{url: 'htp://a/hunter2'}]",
        "a.yml:4:31: unsupported scheme \"htp\" for URL (an http:// or https:// address)",
    );
}
