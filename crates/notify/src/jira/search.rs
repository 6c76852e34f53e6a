//! Which issue is the group's: a question in Jira's query language.

use config::JiraConfig;

use crate::go_json::Object;

pub(super) struct Search {
    wont_fix_resolution: String,
    /// For how long a closed issue is opened again; 0 for never.
    reopen_minutes: u64,
}

impl Search {
    pub(super) fn new(config: &JiraConfig) -> Self {
        let reopen_minutes = match config.reopen_transition.as_str() {
            "" => 0,
            _ => config.reopen_duration.as_secs() / 60,
        };
        Self {
            wont_fix_resolution: config.wont_fix_resolution.clone(),
            reopen_minutes,
        }
    }

    /// The request that finds the issue with this label.
    pub(super) fn body(&self, is_firing: bool, project: &str, label: &str) -> String {
        let mut jql = String::new();
        if !self.wont_fix_resolution.is_empty() {
            let resolution = quoted(&self.wont_fix_resolution);
            jql.push_str(&format!(
                "(resolution is EMPTY or resolution != {resolution}) and "
            ));
        }
        match self.reopen_minutes {
            minutes if is_firing && 0 < minutes => jql.push_str(&format!(
                "(resolutiondate is EMPTY OR resolutiondate >= -{minutes}m) and "
            )),
            _ => jql.push_str("statusCategory != Done and "),
        }
        let (project, label) = (quoted(project), quoted(label));
        jql.push_str(&format!(
            "project={project} and labels={label} order by status ASC,resolutiondate DESC"
        ));
        Object::new()
            .list("fields", ["\"status\""])
            .text("jql", &jql)
            .number("maxResults", 2)
            .line()
    }
}

/// A text in the query language, from which no value gets out.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
