//! PagerDuty: events of version 2, or of version 1 for those who still have a service key.

use std::time::Duration;

use async_trait::async_trait;
use config::PagerdutyConfig;
use outbound::{Request, Source};

use crate::DeliveryError;
use crate::go_json::{Object, quoted};
use crate::payload::Payload;
use crate::provider::{Composing, Provider, SecretText, Wire, cut_runes};
use crate::template::{Markup, TemplateSet, Text};

mod event;

use event::{Event, Named};

/// What PagerDuty takes of an event's summary, in characters.
const SUMMARY_RUNES_MAX: usize = 1024;

/// What PagerDuty takes of an event as a whole.
const EVENT_BYTES_MAX: usize = 512_000;

/// The detail that says whom it is told in place of and what goes on firing.
const REMARKS: &str = "remarks";

/// Where events of version 1 go, whatever `url` says, as with Alertmanager.
const V1_URL: &str = "https://events.pagerduty.com/generic/2010-04-15/create_event.json";

/// How bad an event is that does not say.
const SEVERITY_DEFAULT: &str = "error";

pub(crate) struct Pagerduty {
    key: SecretText,
    api: Api,
    client: Text,
    client_url: Text,
    description: Text,
    details: Vec<(String, Payload)>,
    timeout: Option<Duration>,
}

enum Api {
    V1,
    V2(Box<V2>),
}

/// What only version 2 has.
struct V2 {
    url: String,
    source: Text,
    severity: Text,
    class: Text,
    component: Text,
    group: Text,
    images: Vec<[Named<Text>; 3]>,
    links: Vec<[Named<Text>; 2]>,
}

#[derive(Clone)]
pub(crate) struct Message {
    url: String,
    is_v1: bool,
    body: String,
}

impl Pagerduty {
    pub(crate) fn new(config: &PagerdutyConfig, set: &TemplateSet) -> Self {
        let is_v1 = !config.service_key.is_empty() || !config.service_key_file.is_empty();
        let (key, file) = match is_v1 {
            true => (&config.service_key, &config.service_key_file),
            false => (&config.routing_key, &config.routing_key_file),
        };
        let details = config.details.iter();
        let text = |source: &str, default| set.text_or(source, default, Markup::Plain);
        Self {
            key: SecretText::new(key, file, set),
            api: match is_v1 {
                true => Api::V1,
                false => Api::V2(Box::new(V2::new(config, set))),
            },
            client: text(&config.client, CLIENT),
            client_url: set.text(&config.client_url, Markup::Plain),
            description: text(
                &config.description,
                r#"{{ template "pagerduty.default.description" . }}"#,
            ),
            details: details
                .map(|(name, value)| (name.clone(), Payload::new(value, set)))
                .collect(),
            timeout: config.timeout.positive(),
        }
    }

    /// The details by name, and which templates failed up to here.
    fn details(&self, composing: &mut Composing<'_>) -> String {
        let mut object = Object::new();
        for (name, payload) in &self.details {
            let written = composing.structure(&format!("details.{name}"), payload);
            object = object.json(name, written.as_deref().unwrap_or("null"));
        }
        let fallback = composing.fallback().unwrap_or_default();
        let object = object.some_text("template_error", &fallback);
        let is_taken = self.details.iter().any(|(name, _)| name == REMARKS);
        let remarks = composing.facts.remarks();
        let remarks = remarks.iter().filter(|_| !is_taken).map(|r| quoted(r));
        object
            .some_list(REMARKS, &remarks.collect::<Vec<_>>())
            .done()
    }

    /// The summary with remarks behind it: it is what people are shown first, and no cut reaches them.
    fn summary(&self, composing: &mut Composing<'_>) -> String {
        let summary = composing.text("description", &self.description);
        let remarks = composing.facts.remarks().into_iter();
        let behind: String = remarks.map(|remark| format!(" — {remark}")).collect();
        let behind = cut_runes(&behind, SUMMARY_RUNES_MAX / 2);
        let room = SUMMARY_RUNES_MAX - behind.chars().count();
        format!("{}{behind}", cut_runes(&summary, room))
    }
}

const CLIENT: &str = r#"{{ template "pagerduty.default.client" . }}"#;

impl V2 {
    fn new(config: &PagerdutyConfig, set: &TemplateSet) -> Self {
        let text = |source: &str| set.text(source, Markup::Plain);
        let images = config.images.iter().map(|image| {
            [
                ("src", &image.src),
                ("alt", &image.alt),
                ("href", &image.href),
            ]
            .map(|(name, source)| Named(name, text(source)))
        });
        let links = config.links.iter().map(|link| {
            [("href", &link.href), ("text", &link.text)]
                .map(|(name, source)| Named(name, text(source)))
        });
        let severity = match config.severity.as_str() {
            "" => SEVERITY_DEFAULT,
            severity => severity,
        };
        Self {
            url: config.url.as_str().to_owned(),
            source: set.text_or(&config.source, CLIENT, Markup::Plain),
            severity: set.text_or(severity, SEVERITY_DEFAULT, Markup::Plain),
            class: text(&config.class),
            component: text(&config.component),
            group: text(&config.group),
            images: images.collect(),
            links: links.collect(),
        }
    }

    fn compose(&self, composing: &mut Composing<'_>) -> event::V2 {
        event::V2 {
            source: composing.text("source", &self.source),
            severity: composing.text("severity", &self.severity),
            class: composing.extra("class", &self.class),
            component: composing.extra("component", &self.component),
            group: composing.extra("group", &self.group),
            images: event::attachments("images", &self.images, composing),
            links: event::attachments("links", &self.links, composing),
        }
    }
}

#[async_trait]
impl Provider for Pagerduty {
    type Message = Message;

    fn secrets(&self) -> Vec<Source> {
        vec![self.key.source()]
    }

    fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    fn compose(&self, composing: &mut Composing<'_>) -> Result<Message, DeliveryError> {
        let (key_name, url) = match &self.api {
            Api::V1 => ("service_key", V1_URL),
            Api::V2(v2) => ("routing_key", v2.url.as_str()),
        };
        let key = composing.secret(key_name, &self.key)?;
        let summary = self.summary(composing);
        let event = Event {
            key,
            dedup_key: composing.group_hash(),
            is_firing: composing.is_firing(),
            summary,
            client: composing.text("client", &self.client),
            client_url: composing.extra("client_url", &self.client_url),
            v2: match &self.api {
                Api::V1 => None,
                Api::V2(v2) => Some(v2.compose(composing)),
            },
        };
        let mut body = event.body(&self.details(composing));
        if EVENT_BYTES_MAX < body.len() {
            let note = "Custom details have been removed because the original event exceeds the maximum size of 512KB";
            body = event.body(&Object::new().text("error", note).done());
        }
        Ok(Message {
            url: url.to_owned(),
            is_v1: event.v2.is_none(),
            body,
        })
    }

    async fn send(&self, message: Message, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        let request = Request::post_json(message.url, message.body);
        // Version 1 says "too many" that way.
        let is_retried = |status| message.is_v1 && status == 403;
        wire.accepted_or_retried(request, is_retried).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
