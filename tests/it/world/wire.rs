//! Receivers that are told over the real webhook integration, templates and all: what would go over the wire is kept.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use config::Receiver;
use domain::id::IntegrationId;
use notify::inbox::{InboxEntry, InboxSink};
use notify::receiver::{Deps, build_receiver};
use notify::template::TemplateSet;
use outbound::{Http, Request, Response, SendError};
use serde_json::Value;

/// What a receiver was sent.
#[derive(Clone, Debug)]
pub(crate) struct Posted {
    pub(crate) url: String,
    pub(crate) body: Value,
}

/// Keeps what it is asked to send, and says 200.
#[derive(Clone, Default)]
pub(crate) struct Wire(Arc<Mutex<Vec<Posted>>>);

impl Wire {
    /// Everything that was sent.
    pub(crate) fn posted(&self) -> Vec<Posted> {
        self.0
            .lock()
            .expect("no story panics while it holds it")
            .clone()
    }

    /// The integration of a receiver with this identity, as the program builds it.
    pub(super) fn integration(
        &self,
        receiver: &Receiver,
        id: &IntegrationId,
        templates: &Arc<TemplateSet>,
    ) -> Arc<dyn notify::Integration> {
        let wire = self.clone();
        let deps = Deps {
            http: Arc::new(move |_| Ok(Arc::new(wire.clone()) as Arc<dyn Http>)),
            smtp: Arc::new(|_| unreachable!("no story sends mail")),
            inbox: Arc::new(NoInbox),
            templates: Arc::clone(templates),
        };
        let built = build_receiver(receiver, &deps).expect("it can be built");
        let own = built.into_iter().find(|integration| integration.id() == id);
        own.expect("it is the receiver's")
    }
}

#[async_trait]
impl Http for Wire {
    async fn send(&self, request: Request, _: Duration) -> Result<Response, SendError> {
        let body = serde_json::from_slice(&request.body).expect("webhooks post JSON");
        let url = request.url.clone();
        let mut posted = self.0.lock().expect("no story panics while it holds it");
        posted.push(Posted { url, body });
        Ok(Response::of_status(200))
    }
}

struct NoInbox;

#[async_trait]
impl InboxSink for NoInbox {
    async fn put(&self, _: InboxEntry) -> Result<(), String> {
        Err("stories have no inbox".to_owned())
    }
}
