//! `GET /receivers`.

use axum::http::StatusCode;
use engine::read::ReceiverView;

use super::{Asked, Outcome, matchers};
use crate::answer::{List, document, json_string};
use crate::wire::write::{push_labels, push_string};

/// Lists receivers in the order of the configuration.
pub(super) fn get(asked: &Asked<'_>) -> Outcome {
    let matchers = matchers(asked, &asked.query(), "receiver_matchers").map_err(|error| {
        let message = format!("failed to parse receiver_matchers param: {error}");
        json_string(StatusCode::BAD_REQUEST, &message)
    })?;
    let receivers = asked.tenant.receivers(&matchers);
    Ok(document(
        List::new(receivers.into_iter(), push),
        asked.can_gzip(),
    ))
}

fn push(out: &mut Vec<u8>, receiver: ReceiverView) {
    out.extend_from_slice(b"{\"labels\":");
    push_labels(out, &receiver.labels);
    out.extend_from_slice(b",\"name\":");
    push_string(out, &receiver.name);
    out.push(b'}');
}
