//! Splunk On-Call, once VictorOps: an event about an entity, which is the group.

use std::collections::BTreeMap;

use async_trait::async_trait;
use config::VictoropsConfig;
use outbound::{Request, Source};

use crate::DeliveryError;
use crate::answer::Answer;
use crate::go_json::push_pairs;
use crate::provider::{Composing, Provider, Wire, escape};
use crate::secrets::key_or_file;
use crate::template::{Markup, TemplateSet, Text};

/// What is taken of an event's text, in characters.
const STATE_MESSAGE_RUNES_MAX: usize = 20_480;

/// The first opens an incident, and is also what an unknown type becomes.
const FIRING_TYPES: [&str; 3] = ["CRITICAL", "WARNING", "INFO"];

pub(crate) struct Victorops {
    /// Ends in a slash.
    api_url: String,
    api_key: Source,
    routing_key: Text,
    message_type: Text,
    state_message: Text,
    entity_display_name: Text,
    monitoring_tool: Text,
    custom_fields: Vec<(String, Text)>,
}

#[derive(Clone)]
pub(crate) struct Message {
    routing_key: String,
    body: String,
}

impl Victorops {
    pub(crate) fn new(config: &VictoropsConfig, set: &TemplateSet) -> Self {
        let text = |source: &str, default| set.text_or(source, default, Markup::Plain);
        let custom_fields = config.custom_fields.iter();
        Self {
            api_url: config.api_url.as_str().to_owned(),
            api_key: key_or_file(&config.api_key, &config.api_key_file),
            routing_key: set.text(&config.routing_key, Markup::Plain),
            message_type: text(&config.message_type, "CRITICAL"),
            state_message: text(
                &config.state_message,
                r#"{{ template "victorops.default.state_message" . }}"#,
            ),
            entity_display_name: text(
                &config.entity_display_name,
                r#"{{ template "victorops.default.entity_display_name" . }}"#,
            ),
            monitoring_tool: text(
                &config.monitoring_tool,
                r#"{{ template "victorops.default.monitoring_tool" . }}"#,
            ),
            custom_fields: custom_fields
                .map(|(name, source)| (name.clone(), set.text(source, Markup::Plain)))
                .collect(),
        }
    }

    fn message_type(&self, composing: &mut Composing<'_>) -> String {
        if !composing.is_firing() {
            return "RECOVERY".to_owned();
        }
        let wanted = composing.text("message_type", &self.message_type);
        if FIRING_TYPES.contains(&wanted.as_str()) {
            wanted
        } else {
            FIRING_TYPES[0].to_owned()
        }
    }
}

#[async_trait]
impl Provider for Victorops {
    type Message = Message;

    fn secrets(&self) -> Vec<Source> {
        vec![self.api_key.clone()]
    }

    fn compose(&self, composing: &mut Composing<'_>) -> Result<Message, DeliveryError> {
        let routing_key = composing.needed("routing_key", &self.routing_key)?;
        let mut fields: BTreeMap<&str, String> = BTreeMap::new();
        for (name, text) in &self.custom_fields {
            let value = composing.extra(&format!("custom_fields.{name}"), text);
            fields.insert(name, value);
        }
        fields.insert("message_type", self.message_type(composing));
        fields.insert("entity_id", composing.group_hash());
        for (name, text) in [
            ("entity_display_name", &self.entity_display_name),
            ("monitoring_tool", &self.monitoring_tool),
        ] {
            fields.insert(name, composing.text(name, text));
        }
        let state = composing.text("state_message", &self.state_message);
        let state = composing.flagged_within(&state, STATE_MESSAGE_RUNES_MAX);
        fields.insert("state_message", state);
        let mut body = String::new();
        push_pairs(
            &mut body,
            fields.iter().map(|(name, value)| (*name, &**value)),
        );
        body.push('\n');
        Ok(Message { routing_key, body })
    }

    async fn send(&self, message: Message, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        let api_key = wire.read("api_key", &self.api_key).await?;
        let path = escape::path(&format!("{api_key}/{}", message.routing_key));
        let url = escape::below(&self.api_url, &path);
        let response = wire
            .accepted(Request::post_json(url.clone(), message.body))
            .await?;
        let answer = Answer::of(&response);
        if answer.text("/result") == "failure" {
            let said = format!("refused: {}", answer.shown("/messages"));
            return Err(wire.refused(&said, &url, false).await);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
