//! A client of the event stream.

use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::support::Server;

/// How long a test waits for an event.
const PATIENCE: Duration = Duration::from_secs(10);

/// An event as a browser would see it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) data: serde_json::Value,
}

/// A stream that is being read.
pub(crate) struct Stream {
    body: Body,
    text: String,
    /// What a browser would go on from.
    pub(crate) last_id: String,
}

impl Stream {
    /// Opens a stream that must begin.
    pub(crate) async fn open(server: &Server, path: &str, headers: &[(&str, &str)]) -> Self {
        let response = Self::try_open(server, path, headers).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        let mut stream = Self {
            body: response.into_body(),
            text: String::new(),
            last_id: String::new(),
        };
        // The opening, which carries where it stands.
        let opening = stream.block().await.expect("an opening");
        stream.take(&opening);
        stream
    }

    /// Opens a stream of the default tenant from where another one was.
    pub(crate) async fn resume(server: &Server, id: &str) -> Self {
        let path = "/api/belfry/v1/events";
        Self::open(server, path, &[("last-event-id", id)]).await
    }

    pub(crate) async fn try_open(
        server: &Server,
        path: &str,
        headers: &[(&str, &str)],
    ) -> axum::response::Response {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).expect("a request");
        let router = server.router.clone();
        router.oneshot(request).await.expect("infallible")
    }

    /// The next event; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            let block = self.block().await?;
            if let Some(event) = self.take(&block) {
                return Some(event);
            }
        }
    }

    /// The next event with this name; others are passed.
    pub(crate) async fn named(&mut self, name: &'static str) -> Event {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event.name == name {
                return event;
            }
        }
    }

    /// What comes within a moment.
    pub(crate) async fn soon(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        let moment = Duration::from_millis(300);
        while let Ok(Some(event)) = tokio::time::timeout(moment, self.next()).await {
            events.push(event);
        }
        events
    }

    fn take(&mut self, block: &str) -> Option<Event> {
        let field = |name: &str| {
            let mut lines = block.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        if let Some(id) = field("id") {
            self.last_id = id.to_owned();
        }
        let data = serde_json::from_str(field("data")?).expect("JSON");
        Some(Event {
            name: field("event").unwrap_or("message").to_owned(),
            id: self.last_id.clone(),
            data,
        })
    }

    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                return Some(block);
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame());
            let frame = frame.await.expect("something comes in time")?;
            let data = frame.expect("no error").into_data().expect("data");
            self.text.push_str(&String::from_utf8_lossy(&data));
        }
    }

    /// Whether the server has ended it.
    pub(crate) fn is_over(&self) -> bool {
        self.body.is_end_stream()
    }
}
