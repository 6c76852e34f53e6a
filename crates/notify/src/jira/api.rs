//! What is asked of Jira, and what its answers say.

use std::time::Duration;

use outbound::{Method, Request};
use serde_json::Value;

use crate::answer::{Answer, unreadable};
use crate::go_json::Object;
use crate::provider::{Wire, escape, half_way, unheard};
use crate::{DeliveryError, RetryAdvice};

/// How long a search may not know yet of an issue that was created.
const INDEX_LAG: Duration = Duration::from_secs(5);

pub(super) struct Api {
    /// Without a slash at its end.
    url: String,
    search_url: String,
}

/// An issue that was found.
pub(super) struct Issue {
    /// As it stands in a path.
    key: String,
    /// Whether it is closed, if Jira says so.
    pub(super) is_done: Option<bool>,
}

impl Api {
    pub(super) fn new(url: &str, kind: &str) -> Self {
        let (before, query) = url.split_once('?').unwrap_or((url, ""));
        let query = if query.is_empty() {
            String::new()
        } else {
            format!("?{query}")
        };
        let url = format!("{}{query}", before.trim_end_matches('/'));
        let is_cloud = match kind {
            "auto" => host(&url).ends_with("atlassian.net"),
            kind => kind == "cloud",
        };
        let search_url = match is_cloud {
            // The cloud's search is of version 3 whatever the rest is.
            true => escape::below(&url, "/search/jql").replacen("/2/search", "/3/search", 1),
            false => escape::below(&url, "/search"),
        };
        Self { url, search_url }
    }

    /// Whether descriptions are documents, as in version 3.
    pub(super) fn has_documents(&self) -> bool {
        let path = self.url.split('?').next();
        path.is_some_and(|path| path.ends_with("/3"))
    }

    /// Finds the group's issue. Nobody hears of a search, so its fate is never in doubt.
    pub(super) async fn find(
        &self,
        search: &str,
        wire: &Wire<'_>,
    ) -> Result<Option<Issue>, DeliveryError> {
        let request = asking(Method::POST, self.search_url.clone(), search);
        let response = wire.accepted(request).await.map_err(unheard)?;
        let answer = Answer::of(&response);
        if !answer.is_json() {
            let error = unreadable(wire, &response.body, &self.search_url).await;
            return Err(unheard(error));
        }
        let Some(issues) = answer.at("/issues").and_then(Value::as_array) else {
            // Without an answer an issue could be created that is there already.
            let said = format!(
                "the search was answered with something else than issues: {}",
                answer.shown("")
            );
            return Err(wire.refused(&said, &self.search_url, false).await);
        };
        let key = answer.text("/issues/0/key");
        let category = answer.text("/issues/0/fields/status/statusCategory/key");
        Ok((!issues.is_empty() && !key.is_empty()).then(|| Issue {
            key: escape::path(key),
            is_done: (!category.is_empty()).then_some(category == "done"),
        }))
    }

    pub(super) async fn create(&self, issue: &str, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        let request = asking(Method::POST, escape::below(&self.url, "/issue"), issue);
        let created = wire.accepted(request).await;
        created.map(|_| ()).map_err(|error| DeliveryError {
            // It may be there all the same; the next search must be able to find it.
            retry: error.retry.map(|advice| RetryAdvice {
                after: advice.after.or(Some(INDEX_LAG)),
            }),
            ..error
        })
    }

    pub(super) async fn update(
        &self,
        issue: &Issue,
        fields: &str,
        wire: &Wire<'_>,
    ) -> Result<(), DeliveryError> {
        let url = self.about(issue, "");
        wire.accepted(asking(Method::PUT, url, fields)).await?;
        Ok(())
    }

    /// Takes an issue that was updated through a transition.
    pub(super) async fn change(
        &self,
        issue: &Issue,
        transition: &str,
        wire: &Wire<'_>,
    ) -> Result<(), DeliveryError> {
        let url = self.about(issue, "/transitions");
        let request = asking(Method::GET, url.clone(), "");
        let response = wire.accepted(request).await.map_err(half_way)?;
        let answer = Answer::of(&response);
        if !answer.is_json() {
            return Err(unreadable(wire, &response.body, &url).await);
        }
        let known = answer.at("/transitions").and_then(Value::as_array);
        let mut known = known.into_iter().flatten();
        let Some(found) = known.find(|known| known["name"] == transition) else {
            let said = format!("issue {} has no transition `{transition}`", issue.key);
            return Err(wire.refused(&said, &url, false).await);
        };
        let id = found["id"].as_str().unwrap_or_default();
        let id = Object::new().text("id", id).done();
        let body = Object::new().json("transition", &id).line();
        let changed = wire.accepted(asking(Method::POST, url, &body)).await;
        changed.map(|_| ()).map_err(half_way)
    }

    fn about(&self, issue: &Issue, what: &str) -> String {
        escape::below(&self.url, &format!("/issue/{}{what}", issue.key))
    }
}

/// Host and port of a URL.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or("")
}

fn asking(method: Method, url: String, body: &str) -> Request {
    let request = Request {
        method,
        ..Request::post_json(url, body.to_owned())
    };
    request.with_header("Accept-Language", "en")
}
