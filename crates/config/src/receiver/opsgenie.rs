//! `opsgenie_configs`.

use std::collections::BTreeMap;

use super::Context;
use crate::error::Result;
use crate::http::HttpConfig;
use crate::secret::Secret;
use crate::template::{is_template, template_error};
use crate::url::HttpUrl;
use crate::yaml::{Block, Fields, Node, Value};

/// OpsGenie.
#[derive(Debug, Clone, PartialEq)]
pub struct OpsgenieConfig {
    /// Whether the end of alerts is told.
    pub send_resolved: bool,
    /// How we connect.
    pub http_config: HttpConfig,
    /// The key.
    pub api_key: Secret,
    /// A file that holds it.
    pub api_key_file: String,
    /// Where it is; ends in `/`.
    pub api_url: HttpUrl,
    /// The headline.
    pub message: String,
    /// The description.
    pub description: String,
    /// Where the alert comes from.
    pub source: String,
    /// Further facts, templates.
    pub details: BTreeMap<String, String>,
    /// What is concerned.
    pub entity: String,
    /// Who responds.
    pub responders: Vec<OpsgenieResponder>,
    /// What can be done, separated by commas.
    pub actions: String,
    /// Tags, separated by commas.
    pub tags: String,
    /// A note.
    pub note: String,
    /// How urgent it is.
    pub priority: String,
    /// Whether an alert that is told again has its message and description changed.
    pub update_alerts: bool,
}

/// Somebody who responds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpsgenieResponder {
    /// By identifier.
    pub id: String,
    /// By name.
    pub name: String,
    /// By user name.
    pub username: String,
    /// `team`, `teams`, `user`, `escalation`, `schedule`, or a template.
    pub kind: String,
}

const KEYS: &[&str] = &[
    "send_resolved",
    "http_config",
    "api_key",
    "api_key_file",
    "api_url",
    "message",
    "description",
    "source",
    "details",
    "entity",
    "responders",
    "actions",
    "tags",
    "note",
    "priority",
    "update_alerts",
];

impl OpsgenieConfig {
    pub(super) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "opsgenie_configs", KEYS)?;
        let global = context.global;
        let (own_key, own_file) = (f.secret("api_key")?, f.text("api_key_file")?);
        f.at_most_one(
            "api_key",
            !own_key.is_empty(),
            "api_key_file",
            !own_file.is_empty(),
        )?;
        let responders = f.list("responders", "a list of responders")?;
        let responders = responders
            .iter()
            .map(|n| responder(n))
            .collect::<Result<_>>()?;
        let url = global.opsgenie_api_url.as_ref();
        let url = context.slashed_url(&f, "api_url", url, "opsgenie_api_url")?;
        let api_key = if own_key.is_empty() {
            global.opsgenie_api_key.clone()
        } else {
            own_key
        };
        let api_key_file = if own_file.is_empty() {
            global.opsgenie_api_key_file.clone()
        } else {
            own_file
        };
        if api_key.is_empty() && api_key_file.is_empty() {
            let message = "no global OpsGenie API Key set either inline or in a file";
            return Err(f
                .error(message)
                .hint("set api_key here or opsgenie_api_key"));
        }
        Ok(Self {
            send_resolved: f.boolean("send_resolved", true)?,
            http_config: context.http(&f)?,
            api_key,
            api_key_file,
            api_url: url.ok_or_else(|| f.error("no global OpsGenie URL set"))?,
            message: f.text_or("message", r#"{{ template "opsgenie.default.message" . }}"#)?,
            description: f.text_or(
                "description",
                r#"{{ template "opsgenie.default.description" . }}"#,
            )?,
            source: f.text_or("source", r#"{{ template "opsgenie.default.source" . }}"#)?,
            details: f.text_map("details")?,
            entity: f.text("entity")?,
            responders,
            actions: f.text("actions")?,
            tags: f.text("tags")?,
            note: f.text("note")?,
            priority: f.text("priority")?,
            update_alerts: f.boolean("update_alerts", false)?,
        })
    }

    pub(super) fn print(&self) -> Value {
        let responders = self.responders.iter().map(|r| {
            let texts = [
                ("id", &*r.id),
                ("name", &r.name),
                ("username", &r.username),
                ("type", &r.kind),
            ];
            Block::new().all_texts(&texts).done()
        });
        Block::new()
            .value("send_resolved", Value::Bool(self.send_resolved))
            .value("http_config", self.http_config.print())
            .secret("api_key", &self.api_key)
            .text("api_key_file", &self.api_key_file)
            .url("api_url", Some(&self.api_url))
            .all_texts(&[
                ("message", &self.message),
                ("description", &self.description),
                ("source", &self.source),
            ])
            .text_map("details", &self.details)
            .text("entity", &self.entity)
            .list("responders", responders.collect())
            .all_texts(&[
                ("actions", &self.actions),
                ("tags", &self.tags),
                ("note", &self.note),
                ("priority", &self.priority),
            ])
            .flag("update_alerts", self.update_alerts)
            .done()
    }
}

fn responder(node: &Node) -> Result<OpsgenieResponder> {
    let f = Fields::new(node, "responder", &["id", "name", "username", "type"])?;
    let responder = OpsgenieResponder {
        id: f.text("id")?,
        name: f.text("name")?,
        username: f.text("username")?,
        kind: f.text("type")?,
    };
    let OpsgenieResponder {
        id,
        name,
        username,
        kind,
    } = &responder;
    let shown = |kind: &str| format!("opsGenieConfig responder {{{id} {name} {username} {kind}}}");
    if id.is_empty() && name.is_empty() && username.is_empty() {
        let message = "has to have at least one of id, username or name specified";
        return Err(f.error(format!("{} {message}", shown(kind))));
    }
    let is_template = is_template(kind).map_err(|message| {
        let message = format!(
            "{} type contains invalid template syntax: {message}",
            shown(kind)
        );
        template_error(f.mark_of("type"), message)
    })?;
    let kind = kind.to_lowercase();
    let known = ["team", "teams", "user", "escalation", "schedule"];
    if !is_template && !known.contains(&kind.as_str()) {
        let message = "type does not match valid options ^(team|teams|user|escalation|schedule)$";
        return Err(f.error_at("type", format!("{} {message}", shown(&kind))));
    }
    Ok(responder)
}
