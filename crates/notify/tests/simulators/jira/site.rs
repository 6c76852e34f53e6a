//! A site of Jira.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::server::{Received, Reply};

pub(super) const PASSWORD: &str = "jira-s3cr3t";

/// A project where we may look, and no more.
const READ_ONLY: &str = "READ";

/// A site, of version 2 or the cloud's version 3.
#[derive(Default)]
pub(super) struct Site {
    pub(super) is_cloud: bool,
    pub(super) issues: Vec<Issue>,
}

#[derive(Default)]
pub(super) struct Issue {
    key: String,
    pub(super) fields: Value,
    is_done: bool,
    pub(super) resolution: String,
    pub(super) closed_minutes_ago: u64,
}

type Answered = Result<Reply, Reply>;

impl Site {
    pub(super) fn answer(&mut self, request: &Received) -> Reply {
        self.try_answer(request).unwrap_or_else(|refusal| refusal)
    }

    fn try_answer(&mut self, request: &Received) -> Answered {
        let said = request.header("authorization");
        if said != format!("Basic {}", STANDARD.encode(format!("belfry:{PASSWORD}"))) {
            let why = format!("You are not authenticated: {said}");
            return Err(refused(401, &[&why], &json!({})));
        }
        let path = request.path.strip_prefix("/rest/api/").unwrap_or("");
        let parts: Vec<&str> = path.split('/').collect();
        let parts = match &parts[..] {
            ["2", parts @ ..] => parts,
            ["3", parts @ ..] if self.is_cloud => parts,
            _ => &[],
        };
        match (request.method.as_str(), parts) {
            ("POST", ["search"]) if self.is_cloud => {
                let why = "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API.";
                Err(refused(410, &[why], &json!({})))
            }
            ("POST", ["search"]) => self.search(&request.json()),
            ("POST", ["search", "jql"]) if self.is_cloud => self.search(&request.json()),
            ("POST", ["issue"]) => self.create(&request.json()),
            (method, ["issue", key, rest @ ..]) => {
                let found = self.issues.iter_mut().find(|issue| issue.key == **key);
                let absent = "Issue does not exist or you do not have permission to see it.";
                let issue = found.ok_or_else(|| refused(404, &[absent], &json!({})))?;
                match (method, rest) {
                    ("PUT", []) => {
                        let fields = checked(&request.json(), self.is_cloud)?;
                        for (name, value) in fields.as_object().into_iter().flatten() {
                            issue.fields[name] = value.clone();
                        }
                        Ok(Reply::plain(204, ""))
                    }
                    ("GET", ["transitions"]) => {
                        let known = json!([issue.transition()]);
                        Ok(Reply::json(
                            200,
                            &json!({"expand": "transitions", "transitions": known}),
                        ))
                    }
                    ("POST", ["transitions"]) => issue.change(&request.json()),
                    _ => Err(Reply::plain(405, "Method Not Allowed")),
                }
            }
            _ => Err(Reply::plain(
                404,
                "<html>Oops, you've found a dead link.</html>",
            )),
        }
    }

    fn search(&self, body: &Value) -> Answered {
        let invalid = |why: &str| refused(400, &[why], &json!({}));
        let jql = body["jql"].as_str().unwrap_or("");
        if !["OPS", READ_ONLY]
            .iter()
            .any(|known| jql.contains(&format!("project=\"{known}\"")))
        {
            return Err(invalid("The value does not exist for the field 'project'."));
        }
        let (conditions, order) = jql.split_once(" order by ").unwrap_or((jql, ""));
        let mut found = Vec::new();
        for issue in &self.issues {
            let mut all = conditions.split(" and ").map(|one| issue.is(one));
            let is_found = all.try_fold(true, |all, one| Some(one? && all));
            if is_found.ok_or_else(|| invalid("Error in the JQL Query."))? {
                found.push(issue);
            }
        }
        if order != "status ASC,resolutiondate DESC" {
            return Err(invalid("Error in the JQL Query: order"));
        }
        found.sort_by_key(|issue| (issue.is_done, issue.closed_minutes_ago));
        let max = body["maxResults"].as_u64().unwrap_or(50);
        let max = usize::try_from(max).expect("a small number");
        let found = found.into_iter().take(max).map(|issue| {
            let category = if issue.is_done { "done" } else { "new" };
            json!({"key": issue.key, "fields": {"status": {"statusCategory": {"key": category}}}})
        });
        Ok(Reply::json(
            200,
            &json!({"issues": found.collect::<Vec<_>>()}),
        ))
    }

    fn create(&mut self, body: &Value) -> Answered {
        let fields = checked(body, self.is_cloud)?;
        let mut errors = json!({});
        match fields["project"]["key"].as_str() {
            Some("OPS") => {}
            Some(READ_ONLY) => {
                errors["project"] =
                    json!("You do not have permission to create issues in this project.");
            }
            _ => errors["project"] = json!("valid project is required"),
        }
        if !["Bug", "Task"]
            .iter()
            .any(|known| fields["issuetype"]["name"] == *known)
        {
            errors["issuetype"] = json!("Specify a valid issue type");
        }
        if fields["summary"].as_str().is_none_or(str::is_empty) {
            errors["summary"] = json!("You must specify a summary of the issue.");
        }
        if errors != json!({}) {
            return Err(refused(400, &[], &errors));
        }
        let key = format!("OPS-{}", self.issues.len() + 1);
        let said = json!({"id": "10000", "key": key, "self": "https://jira.example.org/x"});
        self.issues.push(Issue {
            key,
            fields,
            ..Issue::default()
        });
        Ok(Reply::json(201, &said))
    }

    /// Whether each issue is done.
    pub(super) fn states(&mut self) -> Vec<bool> {
        self.issues.iter().map(|issue| issue.is_done).collect()
    }
}

impl Issue {
    /// Whether a condition of a question holds for it; nothing when that is not understood.
    fn is(&self, condition: &str) -> Option<bool> {
        if let Some(inside) = condition.strip_prefix('(') {
            let inside = inside.strip_suffix(')')?.replace(" OR ", " or ");
            let mut any = inside.split(" or ").map(|one| self.is(one));
            return any.try_fold(false, |any, one| Some(one? || any));
        }
        let quoted = |text: &str| -> Option<String> { serde_json::from_str(text).ok() };
        if let Some(name) = condition.strip_prefix("project=") {
            return Some(self.fields["project"]["key"] == quoted(name)?);
        }
        if let Some(label) = condition.strip_prefix("labels=") {
            let label = Value::from(quoted(label)?);
            return Some(self.fields["labels"].as_array()?.contains(&label));
        }
        if let Some(resolution) = condition.strip_prefix("resolution != ") {
            return Some(self.is_done && self.resolution != quoted(resolution)?);
        }
        if let Some(ago) = condition.strip_prefix("resolutiondate >= -") {
            let minutes: u64 = ago.strip_suffix('m')?.parse().ok()?;
            return Some(self.is_done && self.closed_minutes_ago <= minutes);
        }
        match condition {
            "statusCategory != Done" | "resolution is EMPTY" | "resolutiondate is EMPTY" => {
                Some(!self.is_done)
            }
            _ => None,
        }
    }

    /// The one way out of where it stands.
    fn transition(&self) -> Value {
        match self.is_done {
            true => json!({"id": "11", "name": "To Do"}),
            false => json!({"id": "31", "name": "Done"}),
        }
    }

    fn change(&mut self, body: &Value) -> Answered {
        if body["transition"]["id"] != self.transition()["id"] {
            let why = "It seems that you have tried to perform a workflow operation that is not valid for the current state of this issue.";
            return Err(refused(400, &[why], &json!({})));
        }
        self.is_done = !self.is_done;
        self.closed_minutes_ago = 0;
        self.resolution = "Done".to_owned();
        Ok(Reply::plain(204, ""))
    }
}

/// The fields of a request, if each that is there is one that Jira takes.
fn checked(body: &Value, is_cloud: bool) -> Result<Value, Reply> {
    let fields = &body["fields"];
    if !fields.is_object() {
        return Err(refused(
            400,
            &["one of 'fields' or 'update' required"],
            &json!({}),
        ));
    }
    let mut errors = json!({});
    let text = |name: &str| fields[name].as_str().unwrap_or("");
    let summary = text("summary");
    if summary.contains(['\r', '\n']) {
        errors["summary"] = json!("The summary is invalid because it contains newline characters.");
    } else if 255 < summary.chars().count() {
        errors["summary"] = json!("Summary must be less than 255 characters.");
    }
    let description = fields.get("description");
    let is_document = |value: &Value| value["type"] == "doc" && value["version"] == 1;
    if is_cloud && description.is_some_and(|value| !is_document(value)) {
        errors["description"] = json!("Operation value must be an Atlassian Document");
    } else if 32_767 < text("description").chars().count() {
        errors["description"] = json!(
            "The entered text is too long. It exceeds the allowed limit of 32,767 characters."
        );
    }
    let mut labels = fields["labels"].as_array().into_iter().flatten();
    if let Some(label) = labels.find(|label| label.as_str().is_none_or(|text| text.contains(' '))) {
        errors["labels"] = json!(format!(
            "The label {label} contains spaces which is invalid."
        ));
    }
    match errors == json!({}) {
        true => Ok(fields.clone()),
        false => Err(refused(400, &[], &errors)),
    }
}

fn refused(status: u16, messages: &[&str], errors: &Value) -> Reply {
    Reply::json(
        status,
        &json!({"errorMessages": messages, "errors": errors}),
    )
}
