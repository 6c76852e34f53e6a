//! Opsgenie: an alert that is created, kept up to date and closed under the group's own name for it.

use async_trait::async_trait;
use config::OpsgenieConfig;
use outbound::{Method, Request, Source};

use crate::DeliveryError;
use crate::go_json::{Object, push_pairs, quoted};
use crate::provider::{Composing, Provider, SecretText, Wire, cut_runes, escape, half_way};
use crate::template::{Markup, TemplateSet, Text};

mod responder;

use responder::Responder;

/// What Opsgenie takes of an alert's headline, its text, and who sent it, in characters.
const MESSAGE_RUNES_MAX: usize = 130;
const DESCRIPTION_RUNES_MAX: usize = 15_000;
const SOURCE_RUNES_MAX: usize = 100;

pub(crate) struct Opsgenie {
    /// Ends in a slash.
    api_url: String,
    api_key: SecretText,
    message: Text,
    description: Text,
    source: Text,
    details: Vec<(String, Text)>,
    entity: Text,
    responders: Vec<Responder>,
    actions: Text,
    tags: Text,
    note: Text,
    priority: Text,
    update_alerts: bool,
}

/// What is asked of Opsgenie, in order.
#[derive(Clone)]
pub(crate) struct Message {
    api_key: String,
    /// Without it nobody hears anything.
    first: Request,
    /// What an alert that was there before needs, by the field it changes.
    updates: Vec<(&'static str, Request)>,
}

impl Opsgenie {
    pub(crate) fn new(config: &OpsgenieConfig, set: &TemplateSet) -> Self {
        let text = |source: &str| set.text(source, Markup::Plain);
        let text_or = |source: &str, default| set.text_or(source, default, Markup::Plain);
        let details = config.details.iter();
        let responders = config.responders.iter();
        Self {
            api_url: config.api_url.as_str().to_owned(),
            api_key: SecretText::new(&config.api_key, &config.api_key_file, set),
            message: text_or(
                &config.message,
                r#"{{ template "opsgenie.default.message" . }}"#,
            ),
            description: text_or(
                &config.description,
                r#"{{ template "opsgenie.default.description" . }}"#,
            ),
            source: text_or(
                &config.source,
                r#"{{ template "opsgenie.default.source" . }}"#,
            ),
            details: details
                .map(|(name, value)| (name.clone(), text(value)))
                .collect(),
            entity: text(&config.entity),
            responders: responders.map(|r| Responder::new(r, set)).collect(),
            actions: text(&config.actions),
            tags: text(&config.tags),
            note: text(&config.note),
            priority: text(&config.priority),
            update_alerts: config.update_alerts,
        }
    }

    /// A request about the alert of this alias.
    fn about(&self, method: Method, alias: &str, what: &str, body: String) -> Request {
        let url = escape::below(&self.api_url, &format!("v2/alerts/{alias}/{what}"));
        let before = if url.contains('?') { '&' } else { '?' };
        Request {
            method,
            ..Request::post_json(format!("{url}{before}identifierType=alias"), body)
        }
    }

    fn source(&self, composing: &mut Composing<'_>) -> String {
        let source = composing.text("source", &self.source);
        cut_runes(&source, SOURCE_RUNES_MAX)
    }

    fn close(&self, alias: &str, composing: &mut Composing<'_>) -> Request {
        let source = self.source(composing);
        let body = Object::new().text("source", &source).line();
        self.about(Method::POST, alias, "close", body)
    }

    /// The labels all alerts share, and what the settings add to them or put in their place.
    fn details(&self, composing: &mut Composing<'_>) -> String {
        let labels = composing.facts.common_labels.pairs();
        let mut details: std::collections::BTreeMap<String, String> = labels
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        for (name, text) in &self.details {
            let value = composing.extra(&format!("details.{name}"), text);
            details.insert(name.clone(), value);
        }
        let mut json = String::new();
        push_pairs(
            &mut json,
            details.iter().map(|(name, value)| (&**name, &**value)),
        );
        json
    }

    fn create(
        &self,
        alias: &str,
        composing: &mut Composing<'_>,
    ) -> (Request, Vec<(&'static str, Request)>) {
        let message = composing.text("message", &self.message);
        let message = cut_runes(&message, MESSAGE_RUNES_MAX);
        let description = composing.text("description", &self.description);
        let details = self.details(composing);
        let source = self.source(composing);
        let responders = responder::all(&self.responders, composing);
        let tags = composing.extra("tags", &self.tags);
        let note = composing.extra("note", &self.note);
        let priority = composing.extra("priority", &self.priority);
        let entity = composing.extra("entity", &self.entity);
        let actions = composing.extra("actions", &self.actions);
        let description = composing.flagged_within(&description, DESCRIPTION_RUNES_MAX);
        let body = Object::new()
            .text("alias", alias)
            .text("message", &message)
            .some_text("description", &description)
            .json("details", &details)
            .text("source", &source)
            .some_list("responders", &responders)
            .some_list("tags", &quoted_parts(&tags))
            .some_texts([
                ("note", &note),
                ("priority", &priority),
                ("entity", &entity),
            ])
            .some_list("actions", &quoted_parts(&actions))
            .line();
        let create = Request::post_json(escape::below(&self.api_url, "v2/alerts"), body);
        let mut updates = Vec::new();
        if self.update_alerts {
            for (field, text) in [("message", &message), ("description", &description)] {
                let body = Object::new().some_text(field, text).line();
                updates.push((field, self.about(Method::PUT, alias, field, body)));
            }
        }
        (create, updates)
    }
}

/// The parts of a text between commas that are not empty.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.trim().split(',').filter(|part| !part.is_empty())
}

fn quoted_parts(text: &str) -> Vec<String> {
    parts(text).map(quoted).collect()
}

#[async_trait]
impl Provider for Opsgenie {
    type Message = Message;

    fn secrets(&self) -> Vec<Source> {
        vec![self.api_key.source()]
    }

    fn compose(&self, composing: &mut Composing<'_>) -> Result<Message, DeliveryError> {
        let api_key = composing.secret("api_key", &self.api_key)?;
        let alias = composing.group_hash();
        let (first, updates) = if composing.is_firing() {
            self.create(&alias, composing)
        } else {
            (self.close(&alias, composing), Vec::new())
        };
        Ok(Message {
            api_key,
            first,
            updates,
        })
    }

    async fn send(&self, message: Message, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        let key = format!("GenieKey {}", message.api_key);
        let authorized = |request: Request| request.with_header("Authorization", &key);
        wire.accepted(authorized(message.first)).await?;
        for (field, update) in message.updates {
            match wire.accepted(authorized(update)).await {
                Ok(_) => {}
                Err(error) if error.retry.is_some() => return Err(half_way(error)),
                // People were told; a further attempt would find the same.
                Err(error) => wire.fall_short(format!("update_alerts: {field}: {error}")),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
