//! `GET /api/belfry/v1/events`: a tenant's changes as server-sent events (M22).
//!
//! Each event says how something stands now, so one that comes twice does no harm. A client that lost its connection goes
//! on where it was, on any instance, by `Last-Event-ID` or `?after=`; when that is not possible it is told `reset` and
//! reads everything anew.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use engine::Tenant;
use engine::events::{Followed, Follower, Reset};

use crate::answer::{self, text_error};
use crate::context::Api;
use crate::query::Query;
use crate::wire::{event, position};

/// How often a silent stream shows that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What a client asks to go on from.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Tells nginx to pass events on at once.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The head alone.
pub(crate) fn head() -> Response {
    marked(answer::empty(StatusCode::OK))
}

/// Streams until the client goes away or the server stops.
pub(crate) fn stream(
    api: &Api,
    tenant: Arc<Tenant>,
    headers: &HeaderMap,
    query: &Query<'_>,
) -> Response {
    let stated = headers.get(LAST_EVENT_ID).filter(|id| !id.is_empty());
    let after = match stated {
        Some(id) => Some(id.to_str().ok().and_then(position::read)),
        None => query.last("after").map(|id| position::read(&id)),
    };
    // A position that cannot be read is one that nobody here knows.
    let after = after.map(|position| position.ok_or(Reset::Unknown));
    let Some(follower) = api.engine().follow(tenant, after) else {
        let message = "too many clients follow events already; try again later";
        return text_error(StatusCode::SERVICE_UNAVAILABLE, message);
    };
    let stream = futures::stream::unfold(Streaming::new(api.clone(), follower), Streaming::next);
    marked(Response::new(Body::from_stream(stream)))
}

fn marked(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(BUFFERING, HeaderValue::from_static("no"));
    response
}

/// A stream under way. What comes next is asked for when the connection takes it, so a slow client holds one piece.
struct Streaming {
    api: Api,
    follower: Follower,
    has_begun: bool,
}

impl Streaming {
    fn new(api: Api, follower: Follower) -> Self {
        Self {
            api,
            follower,
            has_begun: false,
        }
    }

    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        let mut out = Vec::new();
        if !std::mem::replace(&mut self.has_begun, true) {
            // The head goes out with it, and the client knows where it stands.
            out.extend_from_slice(b": Belfry's changes\nretry: 2000\n");
            // Not before the reset is out: a client that remembered this would go on as if nothing was missing.
            if let Some(position) = self.follower.position() {
                event::push_position(&mut out, position);
            }
            out.push(b'\n');
            return Some((Ok(out.into()), self));
        }
        match tokio::time::timeout(HEARTBEAT, self.follower.next()).await {
            Ok(Followed::Closed) => return None,
            Ok(Followed::Reset(reset, position)) => event::push_reset(&mut out, reset, &position),
            Ok(Followed::Events(events)) => {
                let (engine, now) = (self.api.engine(), self.api.now());
                for one in &events {
                    event::push_event(&mut out, engine, self.follower.tenant(), one, now);
                }
            }
            Err(_) => {
                // With the position, which changes of others have moved on: it stays one that can be resumed.
                out.extend_from_slice(b": alive\n");
                if let Some(position) = self.follower.position() {
                    event::push_position(&mut out, position);
                }
                out.push(b'\n');
            }
        }
        Some((Ok(out.into()), self))
    }
}
