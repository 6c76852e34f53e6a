//! Jira: an issue for each group, found again by a label that names the group.
//!
//! Every attempt looks for the issue first, so that one whose fate is unknown is not created twice.

use async_trait::async_trait;
use config::{JiraConfig, JiraField};

use crate::DeliveryError;
use crate::payload::Payload;
use crate::provider::{Composing, Provider, Wire};
use crate::template::{Markup, TemplateSet, Text};

mod api;
mod document;
mod fields;
mod search;

use api::Api;
use fields::Fields;
use search::Search;

/// What Jira takes of an issue's texts, in characters.
const SUMMARY_RUNES_MAX: usize = 255;
const DESCRIPTION_RUNES_MAX: usize = 32_767;

pub(crate) struct Jira {
    api: Api,
    search: Search,
    project: Text,
    issue_type: Text,
    summary: Updatable,
    description: Updatable,
    labels: Vec<Text>,
    priority: Text,
    fields: Vec<(String, Payload)>,
    reopen_transition: String,
    resolve_transition: String,
}

/// A text that an issue may keep as it is.
struct Updatable {
    text: Text,
    is_updated: bool,
}

impl Updatable {
    fn new(config: &JiraField, default: &str, set: &TemplateSet) -> Self {
        Self {
            text: set.text_or(&config.template, default, Markup::Plain),
            is_updated: config.enable_update.unwrap_or(true),
        }
    }
}

#[derive(Clone)]
pub(crate) struct Message {
    is_firing: bool,
    /// What finds the issue.
    search: String,
    /// A new issue.
    create: String,
    /// What changes on one that is there.
    update: String,
    /// The transition such an issue may need, by name; empty for none.
    transition: String,
}

impl Jira {
    pub(crate) fn new(config: &JiraConfig, set: &TemplateSet) -> Self {
        let text = |source: &str| set.text(source, Markup::Plain);
        let fields = config.fields.iter();
        Self {
            api: Api::new(config.api_url.as_str(), &config.api_type),
            search: Search::new(config),
            project: text(&config.project),
            issue_type: text(&config.issue_type),
            summary: Updatable::new(
                &config.summary,
                r#"{{ template "jira.default.summary" . }}"#,
                set,
            ),
            description: Updatable::new(
                &config.description,
                r#"{{ template "jira.default.description" . }}"#,
                set,
            ),
            labels: config.labels.iter().map(|label| text(label)).collect(),
            priority: set.text_or(
                &config.priority,
                r#"{{ template "jira.default.priority" . }}"#,
                Markup::Plain,
            ),
            fields: fields
                .map(|(name, value)| (name.clone(), Payload::new(value, set)))
                .collect(),
            reopen_transition: config.reopen_transition.clone(),
            resolve_transition: config.resolve_transition.clone(),
        }
    }
}

#[async_trait]
impl Provider for Jira {
    type Message = Message;

    fn compose(&self, composing: &mut Composing<'_>) -> Result<Message, DeliveryError> {
        let is_firing = composing.is_firing();
        let label = format!("ALERT{{{}}}", composing.group_hash());
        let fields = Fields::of(self, &label, composing)?;
        let transition = match is_firing {
            true => &self.reopen_transition,
            false => &self.resolve_transition,
        };
        Ok(Message {
            is_firing,
            search: self.search.body(is_firing, &fields.project, &label),
            create: fields.body(true, true),
            update: fields.body(self.summary.is_updated, self.description.is_updated),
            transition: transition.clone(),
        })
    }

    async fn send(&self, message: Message, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        let Some(issue) = self.api.find(&message.search, wire).await? else {
            // Nobody needs an issue about something that is over.
            return match message.is_firing {
                true => self.api.create(&message.create, wire).await,
                false => Ok(()),
            };
        };
        self.api.update(&issue, &message.update, wire).await?;
        match issue.is_done {
            Some(is_done) if is_done == message.is_firing && !message.transition.is_empty() => {
                self.api.change(&issue, &message.transition, wire).await
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
