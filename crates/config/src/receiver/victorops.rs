//! `victorops_configs`.

use std::collections::BTreeMap;

use super::Context;
use crate::error::Result;
use crate::http::HttpConfig;
use crate::secret::Secret;
use crate::url::HttpUrl;
use crate::yaml::{Block, Fields, Node, Value};

/// VictorOps.
#[derive(Debug, Clone, PartialEq)]
pub struct VictoropsConfig {
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
    /// Whom it concerns, a template.
    pub routing_key: String,
    /// `CRITICAL`, `WARNING` or another behaviour.
    pub message_type: String,
    /// The text.
    pub state_message: String,
    /// The headline.
    pub entity_display_name: String,
    /// Who we say we are.
    pub monitoring_tool: String,
    /// Further fields, templates.
    pub custom_fields: BTreeMap<String, String>,
}

const KEYS: &[&str] = &[
    "send_resolved",
    "http_config",
    "api_key",
    "api_key_file",
    "api_url",
    "routing_key",
    "message_type",
    "state_message",
    "entity_display_name",
    "monitoring_tool",
    "custom_fields",
];

/// Fields of every event, which custom ones must not replace.
const RESERVED: [&str; 7] = [
    "routing_key",
    "message_type",
    "state_message",
    "entity_display_name",
    "monitoring_tool",
    "entity_id",
    "entity_state",
];

impl VictoropsConfig {
    pub(super) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "victorops_configs", KEYS)?;
        let global = context.global;
        let routing_key = f.text("routing_key")?;
        if routing_key.is_empty() {
            return Err(f.error("missing Routing key in VictorOps config"));
        }
        let (own_key, own_file) = (f.secret("api_key")?, f.text("api_key_file")?);
        f.at_most_one(
            "api_key",
            !own_key.is_empty(),
            "api_key_file",
            !own_file.is_empty(),
        )?;
        let custom_fields = f.text_map("custom_fields")?;
        if let Some(name) = RESERVED
            .iter()
            .find(|name| custom_fields.contains_key(**name))
        {
            let message = format!(
                "victorOps config contains custom field {name} which cannot be used as it conflicts with the fixed/static fields"
            );
            return Err(f.error_at("custom_fields", message));
        }
        let url = global.victorops_api_url.as_ref();
        let url = context.slashed_url(&f, "api_url", url, "victorops_api_url")?;
        let api_key = if own_key.is_empty() {
            global.victorops_api_key.clone()
        } else {
            own_key
        };
        let api_key_file = if own_file.is_empty() {
            global.victorops_api_key_file.clone()
        } else {
            own_file
        };
        if api_key.is_empty() && api_key_file.is_empty() {
            let message = "no global VictorOps API Key set";
            return Err(f
                .error(message)
                .hint("set api_key here or victorops_api_key"));
        }
        Ok(Self {
            send_resolved: f.boolean("send_resolved", true)?,
            http_config: context.http(&f)?,
            api_key,
            api_key_file,
            api_url: url.ok_or_else(|| f.error("no global VictorOps URL set"))?,
            routing_key,
            message_type: f.text_or("message_type", "CRITICAL")?,
            state_message: f.text_or(
                "state_message",
                r#"{{ template "victorops.default.state_message" . }}"#,
            )?,
            entity_display_name: f.text_or(
                "entity_display_name",
                r#"{{ template "victorops.default.entity_display_name" . }}"#,
            )?,
            monitoring_tool: f.text_or(
                "monitoring_tool",
                r#"{{ template "victorops.default.monitoring_tool" . }}"#,
            )?,
            custom_fields,
        })
    }

    pub(super) fn print(&self) -> Value {
        Block::new()
            .value("send_resolved", Value::Bool(self.send_resolved))
            .value("http_config", self.http_config.print())
            .secret("api_key", &self.api_key)
            .text("api_key_file", &self.api_key_file)
            .value("api_url", self.api_url.as_str().into())
            .value("routing_key", self.routing_key.as_str().into())
            .value("message_type", self.message_type.as_str().into())
            .value("state_message", self.state_message.as_str().into())
            .value(
                "entity_display_name",
                self.entity_display_name.as_str().into(),
            )
            .value("monitoring_tool", self.monitoring_tool.as_str().into())
            .text_map("custom_fields", &self.custom_fields)
            .done()
    }
}
