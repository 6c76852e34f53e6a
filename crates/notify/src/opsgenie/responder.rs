//! Who responds to an alert.

use config::OpsgenieResponder;

use super::parts;
use crate::go_json::Object;
use crate::provider::Composing;
use crate::template::{Markup, TemplateSet, Text};

pub(super) struct Responder {
    id: Text,
    name: Text,
    username: Text,
    kind: Text,
}

impl Responder {
    pub(super) fn new(config: &OpsgenieResponder, set: &TemplateSet) -> Self {
        let text = |source: &str| set.text(source, Markup::Plain);
        Self {
            id: text(&config.id),
            name: text(&config.name),
            username: text(&config.username),
            kind: text(&config.kind),
        }
    }
}

fn object(id: &str, name: &str, username: &str, kind: &str) -> String {
    Object::new()
        .some_texts([("id", id), ("name", name), ("username", username)])
        .text("type", kind)
        .done()
}

/// All responders as objects: those that are wholly empty are left out, and `teams` becomes one `team` for each name.
pub(super) fn all(responders: &[Responder], composing: &mut Composing<'_>) -> Vec<String> {
    let mut objects = Vec::new();
    for (index, responder) in responders.iter().enumerate() {
        let mut text = |field: &str, text: &Text| {
            composing.extra(&format!("responders[{index}].{field}"), text)
        };
        let id = text("id", &responder.id);
        let name = text("name", &responder.name);
        let username = text("username", &responder.username);
        let kind = text("type", &responder.kind);
        if kind == "teams" {
            objects.extend(parts(&name).map(|team| object("", team, "", "team")));
        } else if [&id, &name, &username, &kind]
            .iter()
            .any(|text| !text.is_empty())
        {
            objects.push(object(&id, &name, &username, &kind));
        }
    }
    objects
}
