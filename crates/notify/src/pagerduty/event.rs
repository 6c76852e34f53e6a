//! An event as PagerDuty reads it, apart from its details: they alone are without a bound, and may have to go.

use crate::go_json::Object;
use crate::provider::Composing;
use crate::template::Text;

/// A field of an image or link.
pub(super) struct Named<T>(pub(super) &'static str, pub(super) T);

pub(super) struct Event {
    pub(super) key: String,
    pub(super) dedup_key: String,
    pub(super) is_firing: bool,
    pub(super) summary: String,
    pub(super) client: String,
    pub(super) client_url: String,
    /// Nothing in version 1.
    pub(super) v2: Option<V2>,
}

/// What only version 2 has.
pub(super) struct V2 {
    pub(super) source: String,
    pub(super) severity: String,
    pub(super) class: String,
    pub(super) component: String,
    pub(super) group: String,
    pub(super) images: Vec<String>,
    pub(super) links: Vec<String>,
}

impl Event {
    /// The event with these details, an object.
    pub(super) fn body(&self, details: &str) -> String {
        match &self.v2 {
            None => self.v1(details),
            Some(v2) => self.v2(v2, details),
        }
    }

    fn action(&self) -> &'static str {
        if self.is_firing { "trigger" } else { "resolve" }
    }

    fn v1(&self, details: &str) -> String {
        let mut object = Object::new()
            .text("service_key", &self.key)
            .text("incident_key", &self.dedup_key)
            .text("event_type", self.action())
            .some_text("description", &self.summary)
            // Both belong to version 2; Alertmanager sends them all the same.
            .text("event_action", "")
            .json("payload", "null");
        if self.is_firing {
            object = object
                .some_text("client", &self.client)
                .some_text("client_url", &self.client_url);
        }
        object.json("details", details).line()
    }

    fn v2(&self, v2: &V2, details: &str) -> String {
        let payload = Object::new()
            .text("summary", &self.summary)
            .text("source", &v2.source)
            .text("severity", &v2.severity)
            .some_text("class", &v2.class)
            .some_text("component", &v2.component)
            .some_text("group", &v2.group)
            .json("custom_details", details);
        Object::new()
            .text("routing_key", &self.key)
            .text("dedup_key", &self.dedup_key)
            .text("event_action", self.action())
            .json("payload", &payload.done())
            .some_text("client", &self.client)
            .some_text("client_url", &self.client_url)
            .some_list("images", &v2.images)
            .some_list("links", &v2.links)
            .line()
    }
}

/// Images or links as objects; one whose first field, its address, is empty is left out.
pub(super) fn attachments<const N: usize>(
    list: &str,
    items: &[[Named<Text>; N]],
    composing: &mut Composing<'_>,
) -> Vec<String> {
    let mut objects = Vec::new();
    for (index, fields) in items.iter().enumerate() {
        let mut object = Object::new();
        let mut has_address = false;
        for (place, Named(name, text)) in fields.iter().enumerate() {
            let value = composing.extra(&format!("{list}[{index}].{name}"), text);
            has_address |= place == 0 && !value.is_empty();
            object = object.text(name, &value);
        }
        if has_address {
            objects.push(object.done());
        }
    }
    objects
}
