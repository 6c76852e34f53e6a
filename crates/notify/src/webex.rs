//! Webex: a message in Markdown, posted as a bot.

use async_trait::async_trait;
use config::WebexConfig;
use outbound::Request;

use crate::DeliveryError;
use crate::go_json::Object;
use crate::provider::{Composing, Provider, Wire, cut_bytes};
use crate::template::{Markup, TemplateSet, Text};

/// What Webex takes of a message, in bytes.
const MESSAGE_BYTES_MAX: usize = 7439;

pub(crate) struct Webex {
    api_url: String,
    room_id: Text,
    message: Text,
}

impl Webex {
    pub(crate) fn new(config: &WebexConfig, set: &TemplateSet) -> Self {
        let default = r#"{{ template "webex.default.message" . }}"#;
        Self {
            api_url: config.api_url.as_str().to_owned(),
            room_id: set.text(&config.room_id, Markup::Plain),
            message: set.text_or(&config.message, default, Markup::Plain),
        }
    }
}

#[async_trait]
impl Provider for Webex {
    type Message = String;

    fn compose(&self, composing: &mut Composing<'_>) -> Result<String, DeliveryError> {
        let message = composing.text("message", &self.message);
        let room_id = composing.needed("room_id", &self.room_id)?;
        let message = composing.flagged(message);
        Ok(Object::new()
            .text("markdown", &cut_bytes(&message, MESSAGE_BYTES_MAX))
            .text("roomId", &room_id)
            .line())
    }

    async fn send(&self, body: String, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        wire.accepted(Request::post_json(&self.api_url, body))
            .await?;
        Ok(())
    }
}
