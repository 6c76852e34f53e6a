//! The fields of an issue.

use std::collections::BTreeMap;

use super::{DESCRIPTION_RUNES_MAX, Jira, SUMMARY_RUNES_MAX, document};
use crate::DeliveryError;
use crate::go_json::{Object, list, quoted};
use crate::provider::{Composing, cut_runes};

pub(super) struct Fields {
    pub(super) project: String,
    /// By name, as JSON; summary and description apart.
    others: BTreeMap<String, String>,
    summary: String,
    description: String,
}

impl Fields {
    /// The fields of the issue with this label.
    pub(super) fn of(
        jira: &Jira,
        label: &str,
        composing: &mut Composing<'_>,
    ) -> Result<Self, DeliveryError> {
        let project = composing.needed("project", &jira.project)?;
        let issue_type = composing.needed("issue_type", &jira.issue_type)?;
        let mut others = BTreeMap::new();
        let mut set = |name: &str, json: String| others.insert(name.to_owned(), json);
        set("project", Object::new().text("key", &project).done());
        set("issuetype", Object::new().text("name", &issue_type).done());
        let priority = composing.text("priority", &jira.priority);
        if !priority.is_empty() {
            set("priority", Object::new().text("name", &priority).done());
        }
        // A field of the settings wins over ours of the same name, but for the labels: without its own the issue is lost.
        for (name, payload) in &jira.fields {
            if let Some(json) = composing.structure(&format!("fields.{name}"), payload) {
                set(name, json);
            }
        }
        set("labels", labels(jira, label, composing));
        let summary = composing.text("summary", &jira.summary.text);
        // Jira refuses a summary of several lines.
        let summary = summary
            .trim_end_matches(['\r', '\n'])
            .replace(['\r', '\n'], " ");
        Ok(Self {
            project,
            others,
            summary: quoted(&cut_runes(&summary, SUMMARY_RUNES_MAX)),
            description: description(jira, composing),
        })
    }

    /// The issue as it is created, or what changes of it.
    pub(super) fn body(&self, has_summary: bool, has_description: bool) -> String {
        let mut all: BTreeMap<&str, &str> = BTreeMap::new();
        if has_summary {
            all.insert("summary", &self.summary);
        }
        if has_description {
            all.insert("description", &self.description);
        }
        let others = self.others.iter();
        all.extend(others.map(|(name, json)| (name.as_str(), json.as_str())));
        let fields = all.into_iter().fold(Object::new(), |fields, (name, json)| {
            fields.json(name, json)
        });
        Object::new().json("fields", &fields.done()).line()
    }
}

fn labels(jira: &Jira, own: &str, composing: &mut Composing<'_>) -> String {
    let mut labels = vec![own.to_owned()];
    for (index, text) in jira.labels.iter().enumerate() {
        match composing.rendering().try_text(text) {
            Ok(label) => labels.push(label),
            Err(failure) => composing
                .rendering()
                .note(&format!("labels[{index}]"), failure),
        }
    }
    labels.sort();
    list(labels.iter().map(|label| quoted(label)))
}

/// Compose it last: it says what failed before.
fn description(jira: &Jira, composing: &mut Composing<'_>) -> String {
    let said = composing.text("description", &jira.description.text);
    let text = composing.flagged_within(&said, DESCRIPTION_RUNES_MAX);
    match jira.api.has_documents() {
        true => document::document(&said, &text),
        false => quoted(&text),
    }
}
