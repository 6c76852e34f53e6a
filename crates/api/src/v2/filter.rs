//! The parameters `/alerts` and `/alerts/groups` share.

use axum::http::StatusCode;
use domain::matcher::{MatchOp, Matcher};
use engine::read::AlertQuery;

use super::{Asked, limit, matchers};
use crate::answer::{Refusal, json_string};
use crate::query::Query;

/// Reads them; what is wrong is said as Alertmanager says it.
pub(super) fn read(asked: &Asked<'_>, query: &Query<'_>) -> Result<AlertQuery, Refusal> {
    let bad = |text: String| json_string(StatusCode::BAD_REQUEST, &text);
    let matchers_of = |name| matchers(asked, query, name);
    let receiver = match query.last("receiver") {
        None => None,
        Some(pattern) => {
            let matcher = Matcher::new(MatchOp::Regex, "receiver", &pattern);
            Some(matcher.map_err(|error| bad(format!("failed to parse receiver param: {error}")))?)
        }
    };
    Ok(AlertQuery {
        active: query.flag("active", true),
        silenced: query.flag("silenced", true),
        inhibited: query.flag("inhibited", true),
        muted: query.flag("muted", true),
        matchers: matchers_of("filter").map_err(|error| bad(error.to_string()))?,
        receiver,
        receiver_matchers: matchers_of("receiver_matchers")
            .map_err(|error| bad(format!("failed to parse receiver_matchers param: {error}")))?,
        after: None,
        limit: limit(query)?,
    })
}
