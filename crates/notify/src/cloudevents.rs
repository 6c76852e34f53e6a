//! CloudEvents 1.0: a notification as an event in structured JSON.
//!
//! Facts are of the CloudEvents specification 1.0.2 (github.com/cloudevents/spec: spec, JSON event format, HTTP protocol binding).

use async_trait::async_trait;
use config::CloudeventsConfig;
use outbound::{Request, Source};

use crate::DeliveryError;
use crate::body::{cut, flagged, version_4};
use crate::data::Data;
use crate::go_json::Object;
use crate::provider::{Composing, Provider, Wire};
use crate::secrets::either;
use crate::template::{Markup, TemplateSet, Text};

/// A type's default, and what it is when its template makes nothing of it: it must not be empty.
const TYPE: &str = r#"{{ template "cloudevents.default.type" . }}"#;

pub(crate) struct Cloudevents {
    url: Source,
    kind: Text,
    max_alerts: u64,
}

impl Cloudevents {
    pub(crate) fn new(config: &CloudeventsConfig, set: &TemplateSet) -> Self {
        Self {
            url: either(config.url.as_ref(), &config.url_file),
            kind: set.text_or(&config.kind, TYPE, Markup::Plain),
            max_alerts: config.max_alerts,
        }
    }
}

#[async_trait]
impl Provider for Cloudevents {
    type Message = String;

    fn secrets(&self) -> Vec<Source> {
        vec![self.url.clone()]
    }

    fn compose(&self, composing: &mut Composing<'_>) -> Result<String, DeliveryError> {
        let mut kind = composing.text("type", &self.kind).trim().to_owned();
        if kind.is_empty() {
            kind = format!("belfry.notification.{}", composing.facts.status());
        }
        let notification = composing.notification;
        let (listed, truncated) = cut(notification, self.max_alerts);
        let data = Data::new(notification, listed);
        let data = version_4(&data, data.status(), &notification.group_key, truncated);
        let source = match &*notification.external_url {
            "" => "/",
            url => url,
        };
        // What a repeat has in common with the first attempt is its id, by which receivers know it.
        Ok(Object::new()
            .text("specversion", "1.0")
            .text("id", &notification.idempotency_key)
            .text("type", &kind)
            .text("source", source)
            .text("subject", &notification.group_key)
            .text("time", &notification.at.rfc3339_nano())
            .text("datacontenttype", "application/json")
            .json("data", &flagged(data, composing.fallback().as_deref()))
            .done())
    }

    async fn send(&self, body: String, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        let url = wire.read("url", &self.url).await?;
        let kind = "application/cloudevents+json; charset=utf-8";
        let request = Request {
            headers: vec![("Content-Type".to_owned(), kind.to_owned())],
            ..Request::post_json(url, body)
        };
        wire.accepted(request).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
