//! `jira_configs`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Context;
use crate::duration::print_prometheus;
use crate::error::Result;
use crate::http::HttpConfig;
use crate::url::HttpUrl;
use crate::yaml::{Block, Fields, Kind, Node, Value, text};

/// Jira.
#[derive(Debug, Clone, PartialEq)]
pub struct JiraConfig {
    /// Whether the end of alerts is told.
    pub send_resolved: bool,
    /// How we connect.
    pub http_config: HttpConfig,
    /// Where it is.
    pub api_url: HttpUrl,
    /// `auto`, `cloud` or `datacenter`.
    pub api_type: String,
    /// The project, a template.
    pub project: String,
    /// The summary.
    pub summary: JiraField,
    /// The description.
    pub description: JiraField,
    /// Labels, templates.
    pub labels: Vec<String>,
    /// The priority, a template.
    pub priority: String,
    /// The type of issue, a template.
    pub issue_type: String,
    /// The transition that opens an issue again.
    pub reopen_transition: String,
    /// The transition that closes an issue.
    pub resolve_transition: String,
    /// Issues closed with this resolution stay closed.
    pub wont_fix_resolution: String,
    /// Issues closed longer than this stay closed.
    pub reopen_duration: Duration,
    /// Further fields; texts in them are templates.
    pub fields: BTreeMap<String, Value>,
}

/// A text of an issue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JiraField {
    /// The template.
    pub template: String,
    /// Whether an existing issue's text is changed; yes when not stated.
    pub enable_update: Option<bool>,
}

const KEYS: &[&str] = &[
    "send_resolved",
    "http_config",
    "api_url",
    "api_type",
    "project",
    "summary",
    "description",
    "labels",
    "priority",
    "issue_type",
    "reopen_transition",
    "resolve_transition",
    "wont_fix_resolution",
    "reopen_duration",
    "fields",
];

impl JiraConfig {
    pub(super) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "jira_configs", KEYS)?;
        let (project, issue_type) = (f.text("project")?, f.text("issue_type")?);
        if project.is_empty() {
            return Err(f.error("missing project in jira_config"));
        }
        if issue_type.is_empty() {
            return Err(f.error("missing issue_type in jira_config"));
        }
        let api_type = f.text_or("api_type", "auto")?;
        if !["auto", "cloud", "datacenter"].contains(&api_type.as_str()) {
            let message = "unknown api_type on jira_config, must be auto, cloud or datacenter";
            return Err(f.error_at("api_type", message));
        }
        let url = f
            .url("api_url")?
            .or_else(|| context.global.jira_api_url.clone());
        let no_url = || {
            f.error("no global Jira Cloud URL set")
                .hint("set api_url here or jira_api_url")
        };
        Ok(Self {
            send_resolved: f.boolean("send_resolved", true)?,
            http_config: context.http(&f)?,
            api_url: url.ok_or_else(no_url)?,
            api_type,
            project,
            summary: JiraField::decode(&f, "summary")?,
            description: JiraField::decode(&f, "description")?,
            labels: f.texts("labels")?.unwrap_or_default(),
            priority: f.text_or("priority", r#"{{ template "jira.default.priority" . }}"#)?,
            issue_type,
            reopen_transition: f.text("reopen_transition")?,
            resolve_transition: f.text("resolve_transition")?,
            wont_fix_resolution: f.text("wont_fix_resolution")?,
            reopen_duration: f.duration_or("reopen_duration", Duration::ZERO)?,
            fields: f.keyed_values("fields")?,
        })
    }

    pub(super) fn print(&self) -> Value {
        let reopen = print_prometheus(self.reopen_duration);
        let fields = (!self.fields.is_empty()).then(|| Value::keyed(&self.fields));
        Block::new()
            .value("send_resolved", Value::Bool(self.send_resolved))
            .value("http_config", self.http_config.print())
            .text("api_url", self.api_url.as_str())
            .text("api_type", &self.api_type)
            .text("project", &self.project)
            .block("summary", self.summary.print())
            .block("description", self.description.print())
            .texts("labels", &self.labels)
            .all_texts(&[
                ("priority", &self.priority),
                ("issue_type", &self.issue_type),
                ("reopen_transition", &self.reopen_transition),
                ("resolve_transition", &self.resolve_transition),
                ("wont_fix_resolution", &self.wont_fix_resolution),
            ])
            .text(
                "reopen_duration",
                if self.reopen_duration.is_zero() {
                    ""
                } else {
                    &reopen
                },
            )
            .some("fields", fields)
            .done()
    }
}

impl JiraField {
    /// A text, or a mapping with the text and whether it is kept up to date.
    fn decode(f: &Fields, key: &str) -> Result<Self> {
        let default = || format!("{{{{ template \"jira.default.{key}\" . }}}}");
        match f.get(key) {
            None => Ok(Self {
                template: default(),
                enable_update: None,
            }),
            Some(node) if node.is_null() => Ok(Self::default()),
            Some(node) if matches!(node.kind, Kind::Scalar { .. }) => Ok(Self {
                template: text(node)?,
                enable_update: None,
            }),
            Some(node) => {
                let f = Fields::new(node, "jira field", &["template", "enable_update"])?;
                Ok(Self {
                    template: f.text_or("template", &default())?,
                    enable_update: f.maybe_boolean("enable_update")?,
                })
            }
        }
    }

    fn print(&self) -> Block {
        Block::new()
            .text("template", &self.template)
            .some("enable_update", self.enable_update.map(Value::Bool))
    }
}
