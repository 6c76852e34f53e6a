//! `GET /api/belfry/v1/inbox`: what the built-in receiver was told, newest first.

use std::sync::Arc;

use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use engine::Tenant;
use serde_json::value::RawValue;
use store::InboxMessage;

use crate::answer::{json, json_string};
use crate::context::Api;
use crate::limits::INBOX_PAGE;
use crate::query::Query;
use crate::wire::write::{push_list, push_string, push_time};

/// Lists messages; `before` is the id of the oldest message of the page before, `limit` the page's length.
pub(crate) async fn list(api: &Api, tenant: &Arc<Tenant>, query: &Query<'_>) -> Response {
    let number = |name: &str| query.last(name).map(|text| text.parse::<u64>()).transpose();
    let (Ok(before), Ok(limit)) = (number("before"), number("limit")) else {
        return json_string(StatusCode::BAD_REQUEST, "before and limit must be numbers");
    };
    let limit = limit.map_or(INBOX_PAGE, |limit| {
        usize::try_from(limit)
            .unwrap_or(usize::MAX)
            .clamp(1, store::inbox::PAGE_MAX)
    });
    match api.engine().inbox().list(tenant.id(), before, limit).await {
        Ok(messages) => {
            let mut out = b"{\"messages\":".to_vec();
            push_list(&mut out, &messages, |out, message| {
                push_message(out, message)
            });
            out.extend_from_slice(b"}\n");
            let mut response = json(StatusCode::OK, out);
            let headers = response.headers_mut();
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(error) => {
            tracing::error!(%error, "the inbox could not be read");
            json_string(
                StatusCode::SERVICE_UNAVAILABLE,
                "the inbox cannot be read now; try again",
            )
        }
    }
}

fn push_message(out: &mut Vec<u8>, message: &InboxMessage) {
    out.extend_from_slice(format!("{{\"id\":{},\"at\":", message.id).as_bytes());
    push_time(out, message.at.utc());
    let members = [
        (",\"receiver\":", &message.receiver),
        (",\"status\":", &message.status),
        (",\"groupKey\":", &message.group_key),
        (",\"reason\":", &message.reason),
    ];
    for (before, value) in members {
        out.extend_from_slice(before.as_bytes());
        push_string(out, value);
    }
    out.extend_from_slice(b",\"body\":");
    // The body is a webhook's JSON; should it ever not be, it is shown as text.
    match serde_json::from_str::<&RawValue>(&message.body) {
        Ok(body) => out.extend_from_slice(body.get().as_bytes()),
        Err(_) => push_string(out, &message.body),
    }
    out.push(b'}');
}
