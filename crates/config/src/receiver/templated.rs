//! Which texts of integrations are templates.

use std::collections::BTreeMap;

use super::{
    Integration, JiraConfig, MattermostAttachment, MattermostConfig, OpsgenieConfig,
    PagerdutyConfig, RocketchatConfig, SlackConfig, SnsConfig, VictoropsConfig,
};
use crate::yaml::Value;

/// What the inbox says below its title; a user's files may define that template otherwise.
pub const INBOX_TEXT: &str = "{{ template \"belfry.inbox.text\" . }}";

/// A text of an integration that is executed as a template for every message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Templated {
    /// Where it stands, `fields[0].title`.
    pub field: String,
    /// The text.
    pub text: String,
    /// Whether it becomes a page, so that values are escaped for their place in it.
    pub is_html: bool,
}

/// Collects texts that hold an action; others render to themselves.
#[derive(Default)]
struct Found(Vec<Templated>);

impl Found {
    fn add(&mut self, field: impl Into<String>, text: &str) {
        self.add_as(field, text, false);
    }

    fn add_as(&mut self, field: impl Into<String>, text: &str, is_html: bool) {
        if gotmpl::has_action(text) {
            self.0.push(Templated {
                field: field.into(),
                text: text.to_owned(),
                is_html,
            });
        }
    }

    fn all<const N: usize>(&mut self, texts: [(&str, &str); N]) {
        for (field, text) in texts {
            self.add(field, text);
        }
    }

    fn map(&mut self, field: &str, texts: &BTreeMap<String, String>) {
        for (key, text) in texts {
            self.add(format!("{field}.{key}"), text);
        }
    }

    /// Every text of a structure, keys included.
    fn value(&mut self, field: &str, value: &Value) {
        match value {
            Value::Text(text) => self.add(field, text),
            Value::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.value(&format!("{field}[{index}]"), item);
                }
            }
            Value::Inline(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.add(format!("{field}[{index}]"), item);
                }
            }
            Value::Map(pairs) => {
                for (key, value) in pairs {
                    let Some(key) = key.as_text() else { continue };
                    self.add(format!("{field} (a key)"), key);
                    self.value(&format!("{field}.{key}"), value);
                }
            }
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => {}
        }
    }
}

impl Integration {
    /// Its texts that are templates and hold an action.
    pub fn templated(&self) -> Vec<Templated> {
        let mut found = Found::default();
        match self {
            Self::Webhook(c) => {
                found.add("url", c.url.as_ref().map_or("", |url| url.expose()));
                if let Some(payload) = &c.payload {
                    found.value("payload", payload);
                }
            }
            Self::Email(c) => {
                found.all([("to", &c.to), ("from", &c.from), ("text", &c.text)]);
                found.add_as("html", &c.html, true);
                found.map("headers", &c.headers);
            }
            Self::Pagerduty(c) => pagerduty(&mut found, c),
            Self::Opsgenie(c) => opsgenie(&mut found, c),
            Self::Wechat(c) => found.all([
                ("corp_id", &c.corp_id),
                ("message", &c.message),
                ("to_user", &c.to_user),
                ("to_party", &c.to_party),
                ("to_tag", &c.to_tag),
                ("agent_id", &c.agent_id),
            ]),
            Self::Slack(c) => slack(&mut found, c),
            Self::Victorops(c) => victorops(&mut found, c),
            Self::Pushover(c) => {
                found.add_as("message", &c.message, c.html);
                found.all([
                    ("title", &c.title),
                    ("url", &c.url),
                    ("url_title", &c.url_title),
                    ("device", &c.device),
                    ("sound", &c.sound),
                    ("priority", &c.priority),
                ]);
            }
            Self::Sns(c) => sns(&mut found, c),
            Self::Telegram(c) => found.add_as("message", &c.message, c.parse_mode == "HTML"),
            Self::Discord(c) => found.all([
                ("content", &c.content),
                ("title", &c.title),
                ("message", &c.message),
            ]),
            Self::Webex(c) => found.all([("message", &c.message), ("room_id", &c.room_id)]),
            Self::Msteams(c) => found.all([
                ("title", &c.title),
                ("summary", &c.summary),
                ("text", &c.text),
            ]),
            Self::Msteamsv2(c) => found.all([("title", &c.title), ("text", &c.text)]),
            Self::Jira(c) => jira(&mut found, c),
            Self::Rocketchat(c) => rocketchat(&mut found, c),
            Self::Mattermost(c) => mattermost(&mut found, c),
            Self::Inbox(_) => found.add("text", INBOX_TEXT),
            Self::Own(own) => {
                for (field, text) in own.texts() {
                    found.add(field, text);
                }
            }
            Self::Incidentio(_) => {}
        }
        found.0
    }
}

fn jira(found: &mut Found, c: &JiraConfig) {
    found.all([
        ("project", &c.project),
        ("issue_type", &c.issue_type),
        ("priority", &c.priority),
        ("summary", &c.summary.template),
        ("description", &c.description.template),
    ]);
    for (index, label) in c.labels.iter().enumerate() {
        found.add(format!("labels[{index}]"), label);
    }
    for (key, value) in &c.fields {
        found.value(&format!("fields.{key}"), value);
    }
}

fn pagerduty(found: &mut Found, c: &PagerdutyConfig) {
    found.all([
        ("service_key", c.service_key.expose()),
        ("routing_key", c.routing_key.expose()),
        ("client", &c.client),
        ("client_url", &c.client_url),
        ("description", &c.description),
        ("source", &c.source),
        ("severity", &c.severity),
        ("class", &c.class),
        ("component", &c.component),
        ("group", &c.group),
    ]);
    for (key, value) in &c.details {
        found.value(&format!("details.{key}"), value);
    }
    for (index, image) in c.images.iter().enumerate() {
        found.add(format!("images[{index}].src"), &image.src);
        found.add(format!("images[{index}].alt"), &image.alt);
        found.add(format!("images[{index}].href"), &image.href);
    }
    for (index, link) in c.links.iter().enumerate() {
        found.add(format!("links[{index}].href"), &link.href);
        found.add(format!("links[{index}].text"), &link.text);
    }
}

fn opsgenie(found: &mut Found, c: &OpsgenieConfig) {
    found.all([
        ("api_key", c.api_key.expose()),
        ("message", &c.message),
        ("description", &c.description),
        ("source", &c.source),
        ("entity", &c.entity),
        ("actions", &c.actions),
        ("tags", &c.tags),
        ("note", &c.note),
        ("priority", &c.priority),
    ]);
    found.map("details", &c.details);
    for (index, responder) in c.responders.iter().enumerate() {
        found.add(format!("responders[{index}].id"), &responder.id);
        found.add(format!("responders[{index}].name"), &responder.name);
        found.add(format!("responders[{index}].username"), &responder.username);
        found.add(format!("responders[{index}].type"), &responder.kind);
    }
}

fn slack(found: &mut Found, c: &SlackConfig) {
    found.all([
        ("channel", &c.channel),
        ("username", &c.username),
        ("color", &c.color),
        ("title", &c.title),
        ("title_link", &c.title_link),
        ("pretext", &c.pretext),
        ("text", &c.text),
        ("message_text", &c.message_text),
        ("footer", &c.footer),
        ("fallback", &c.fallback),
        ("callback_id", &c.callback_id),
        ("icon_emoji", &c.icon_emoji),
        ("icon_url", &c.icon_url),
        ("image_url", &c.image_url),
        ("thumb_url", &c.thumb_url),
    ]);
    for (index, field) in c.fields.iter().enumerate() {
        found.add(format!("fields[{index}].title"), &field.title);
        found.add(format!("fields[{index}].value"), &field.value);
    }
    for (index, action) in c.actions.iter().enumerate() {
        let mut add = |name: &str, text: &str| found.add(format!("actions[{index}].{name}"), text);
        add("type", &action.kind);
        add("text", &action.text);
        add("url", &action.url);
        add("style", &action.style);
        add("name", &action.name);
        add("value", &action.value);
        if let Some(confirm) = &action.confirm {
            add("confirm.text", &confirm.text);
            add("confirm.title", &confirm.title);
            add("confirm.ok_text", &confirm.ok_text);
            add("confirm.dismiss_text", &confirm.dismiss_text);
        }
    }
}

fn victorops(found: &mut Found, c: &VictoropsConfig) {
    found.all([
        ("routing_key", &c.routing_key),
        ("message_type", &c.message_type),
        ("state_message", &c.state_message),
        ("entity_display_name", &c.entity_display_name),
        ("monitoring_tool", &c.monitoring_tool),
    ]);
    found.map("custom_fields", &c.custom_fields);
}

fn sns(found: &mut Found, c: &SnsConfig) {
    found.all([
        ("api_url", &c.api_url),
        ("topic_arn", &c.topic_arn),
        ("phone_number", &c.phone_number),
        ("target_arn", &c.target_arn),
        ("subject", &c.subject),
        ("message", &c.message),
    ]);
    found.map("attributes", &c.attributes);
}

fn rocketchat(found: &mut Found, c: &RocketchatConfig) {
    found.all([
        ("channel", &c.channel),
        ("color", &c.color),
        ("title", &c.title),
        ("title_link", &c.title_link),
        ("text", &c.text),
        ("emoji", &c.emoji),
        ("icon_url", &c.icon_url),
        ("image_url", &c.image_url),
        ("thumb_url", &c.thumb_url),
    ]);
    for (index, field) in c.fields.iter().enumerate() {
        found.add(format!("fields[{index}].title"), &field.title);
        found.add(format!("fields[{index}].value"), &field.value);
    }
    for (index, action) in c.actions.iter().enumerate() {
        found.add(format!("actions[{index}].text"), &action.text);
        found.add(format!("actions[{index}].url"), &action.url);
        found.add(format!("actions[{index}].msg"), &action.msg);
    }
}

fn mattermost(found: &mut Found, c: &MattermostConfig) {
    found.all([
        ("channel", &c.channel),
        ("username", &c.username),
        ("text", &c.text),
        ("icon_url", &c.icon_url),
        ("icon_emoji", &c.icon_emoji),
        ("props.card", c.card.as_deref().unwrap_or_default()),
    ]);
    mattermost_attachment(found, "", &c.attachment);
    for (index, attachment) in c.attachments.iter().enumerate() {
        mattermost_attachment(found, &format!("attachments[{index}]."), attachment);
    }
}

fn mattermost_attachment(found: &mut Found, before: &str, c: &MattermostAttachment) {
    let texts: [(&str, &str); 13] = [
        ("fallback", &c.fallback),
        ("color", &c.color),
        ("pretext", &c.pretext),
        ("text", &c.text),
        ("author_name", &c.author_name),
        ("author_link", &c.author_link),
        ("author_icon", &c.author_icon),
        ("title", &c.title),
        ("title_link", &c.title_link),
        ("thumb_url", &c.thumb_url),
        ("footer", &c.footer),
        ("footer_icon", &c.footer_icon),
        ("image_url", &c.image_url),
    ];
    for (field, text) in texts {
        found.add(format!("{before}{field}"), text);
    }
    for (index, field) in c.fields.iter().enumerate() {
        found.add(format!("{before}fields[{index}].title"), &field.title);
        found.add(format!("{before}fields[{index}].value"), &field.value);
    }
}
