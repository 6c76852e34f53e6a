//! `pagerduty_configs`.

use std::collections::BTreeMap;

use super::Context;
use crate::duration::GoDuration;
use crate::error::Result;
use crate::http::HttpConfig;
use crate::secret::Secret;
use crate::url::HttpUrl;
use crate::yaml::{Block, Fields, Node, Value};

/// PagerDuty: events of version 2 with a routing key, of version 1 with a service key.
#[derive(Debug, Clone, PartialEq)]
pub struct PagerdutyConfig {
    /// Whether the end of alerts is told.
    pub send_resolved: bool,
    /// How we connect.
    pub http_config: HttpConfig,
    /// The key of version 1.
    pub service_key: Secret,
    /// A file that holds it.
    pub service_key_file: String,
    /// The key of version 2.
    pub routing_key: Secret,
    /// A file that holds it.
    pub routing_key_file: String,
    /// Where events go.
    pub url: HttpUrl,
    /// Who we say we are.
    pub client: String,
    /// A link to us.
    pub client_url: String,
    /// The summary.
    pub description: String,
    /// Further facts; texts in them are templates.
    pub details: BTreeMap<String, Value>,
    /// Images.
    pub images: Vec<PagerdutyImage>,
    /// Links.
    pub links: Vec<PagerdutyLink>,
    /// Where the event comes from.
    pub source: String,
    /// How bad it is.
    pub severity: String,
    /// Its class.
    pub class: String,
    /// The component.
    pub component: String,
    /// The group of components.
    pub group: String,
    /// The longest one attempt may take; none when not positive.
    pub timeout: GoDuration,
}

/// An image shown with an event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PagerdutyImage {
    /// Where it is.
    pub src: String,
    /// Its text.
    pub alt: String,
    /// Where it leads.
    pub href: String,
}

/// A link shown with an event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PagerdutyLink {
    /// Where it leads.
    pub href: String,
    /// Its text.
    pub text: String,
}

const KEYS: &[&str] = &[
    "send_resolved",
    "http_config",
    "service_key",
    "service_key_file",
    "routing_key",
    "routing_key_file",
    "url",
    "client",
    "client_url",
    "description",
    "details",
    "images",
    "links",
    "source",
    "severity",
    "class",
    "component",
    "group",
    "timeout",
];

const DETAILS_DEFAULT: [(&str, &str); 4] = [
    ("firing", "{{ .Alerts.Firing | toJson }}"),
    ("resolved", "{{ .Alerts.Resolved | toJson }}"),
    ("num_firing", "{{ .Alerts.Firing | len }}"),
    ("num_resolved", "{{ .Alerts.Resolved | len }}"),
];

impl PagerdutyConfig {
    pub(super) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "pagerduty_configs", KEYS)?;
        let (routing_key, routing_key_file) =
            (f.secret("routing_key")?, f.text("routing_key_file")?);
        let (service_key, service_key_file) =
            (f.secret("service_key")?, f.text("service_key_file")?);
        let has_routing = !routing_key.is_empty();
        let has_service = !service_key.is_empty();
        if !has_routing
            && !has_service
            && routing_key_file.is_empty()
            && service_key_file.is_empty()
        {
            return Err(f.error("missing service or routing key in PagerDuty config"));
        }
        let has_file = !routing_key_file.is_empty();
        f.at_most_one("routing_key", has_routing, "routing_key_file", has_file)?;
        let has_file = !service_key_file.is_empty();
        f.at_most_one("service_key", has_service, "service_key_file", has_file)?;
        let client = f.text_or("client", r#"{{ template "pagerduty.default.client" . }}"#)?;
        let source = f.text("source")?;
        let mut details = f.keyed_values("details")?;
        for (key, text) in DETAILS_DEFAULT {
            details.entry(key.to_owned()).or_insert_with(|| text.into());
        }
        let url = f
            .url("url")?
            .or_else(|| context.global.pagerduty_url.clone());
        Ok(Self {
            send_resolved: f.boolean("send_resolved", true)?,
            http_config: context.http(&f)?,
            service_key,
            service_key_file,
            routing_key,
            routing_key_file,
            url: url.ok_or_else(|| f.error("no global PagerDuty URL set"))?,
            source: if source.is_empty() {
                client.clone()
            } else {
                source
            },
            client,
            client_url: f.text_or(
                "client_url",
                r#"{{ template "pagerduty.default.clientURL" . }}"#,
            )?,
            description: f.text_or(
                "description",
                r#"{{ template "pagerduty.default.description" .}}"#,
            )?,
            details,
            images: f
                .list("images", "a list")?
                .iter()
                .map(|n| image(n))
                .collect::<Result<_>>()?,
            links: f
                .list("links", "a list")?
                .iter()
                .map(|n| link(n))
                .collect::<Result<_>>()?,
            severity: f.text("severity")?,
            class: f.text("class")?,
            component: f.text("component")?,
            group: f.text("group")?,
            timeout: f.go_duration("timeout")?,
        })
    }

    pub(super) fn print(&self) -> Value {
        let images = self.images.iter().map(|image| {
            let texts = [
                ("src", &*image.src),
                ("alt", &image.alt),
                ("href", &image.href),
            ];
            Block::new().all_texts(&texts).done()
        });
        let links = self.links.iter().map(|link| {
            Block::new()
                .all_texts(&[("href", &link.href), ("text", &link.text)])
                .done()
        });
        Block::new()
            .value("send_resolved", Value::Bool(self.send_resolved))
            .value("http_config", self.http_config.print())
            .secret("service_key", &self.service_key)
            .text("service_key_file", &self.service_key_file)
            .secret("routing_key", &self.routing_key)
            .text("routing_key_file", &self.routing_key_file)
            .url("url", Some(&self.url))
            .all_texts(&[
                ("client", &self.client),
                ("client_url", &self.client_url),
                ("description", &self.description),
            ])
            .value("details", Value::keyed(&self.details))
            .list("images", images.collect())
            .list("links", links.collect())
            .all_texts(&[
                ("source", &self.source),
                ("severity", &self.severity),
                ("class", &self.class),
                ("component", &self.component),
                ("group", &self.group),
            ])
            .value("timeout", self.timeout.to_string().as_str().into())
            .done()
    }
}

fn image(node: &Node) -> Result<PagerdutyImage> {
    let f = Fields::new(node, "images", &["src", "alt", "href"])?;
    Ok(PagerdutyImage {
        src: f.text("src")?,
        alt: f.text("alt")?,
        href: f.text("href")?,
    })
}

fn link(node: &Node) -> Result<PagerdutyLink> {
    let f = Fields::new(node, "links", &["href", "text"])?;
    Ok(PagerdutyLink {
        href: f.text("href")?,
        text: f.text("text")?,
    })
}
