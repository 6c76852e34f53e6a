//! What integrations over HTTP have in common: first the templates, then the requests, then what the answers mean.
//!
//! ```text
//! notification ─▶ compose (pure, aside) ─▶ message ─▶ send: requests over the wire ─▶ delivered, or why not
//! ```
//!
//! A [`Provider`] says the two steps in its own file; [`HttpIntegration`] is everything around them: deadlines, secrets that are hidden,
//! failed templates.

mod codes;
mod composing;
pub(crate) mod escape;
mod secret;
mod truncate;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::id::IntegrationId;
use outbound::{Http, HttpOptions, Source};
use runtime::clock::SharedClock;

use crate::secrets::Secrets;
use crate::template::{TemplateSet, aside};
use crate::{Composed, Delivered, DeliveryError, Integration, Notification};

pub(crate) use codes::{Code, Codes};
pub(crate) use composing::Composing;
pub(crate) use secret::SecretText;
pub(crate) use truncate::{cut_bytes, cut_lines, cut_runes};
pub(crate) use wire::{Wire, half_way, unheard};

/// One provider's side of an integration.
#[async_trait]
pub(crate) trait Provider: Send + Sync + 'static {
    /// A message with everything in it that templates say.
    type Message: Clone + Send + Sync + 'static;

    /// Secrets of its settings that an answer may echo.
    fn secrets(&self) -> Vec<Source> {
        Vec::new()
    }

    /// How long one attempt may take, when its settings say so.
    fn timeout(&self) -> Option<Duration> {
        None
    }

    /// Whether labels and annotations are kept from calling people in its texts, whatever templates make of them.
    const CALLS_NOBODY: bool = false;

    /// Executes the templates of a message; it may compute for seconds.
    ///
    /// # Errors
    /// There is nothing to send, or nowhere to send it to.
    fn compose(&self, composing: &mut Composing<'_>) -> Result<Self::Message, DeliveryError>;

    /// Makes one attempt to deliver a message.
    async fn send(&self, message: Self::Message, wire: &Wire<'_>) -> Result<(), DeliveryError>;
}

/// What every integration over HTTP is set up with.
pub(crate) struct Setup {
    /// Its identity.
    pub(crate) id: IntegrationId,
    /// Its type as metrics name it.
    pub(crate) kind: &'static str,
    /// Whether ends are sent.
    pub(crate) send_resolved: bool,
    /// What its client was built from.
    pub(crate) options: HttpOptions,
    /// Its client.
    pub(crate) http: Arc<dyn Http>,
    /// What time it is, for signatures.
    pub(crate) clock: SharedClock,
    /// The templates its texts are executed with.
    pub(crate) templates: Arc<TemplateSet>,
}

/// An integration over HTTP.
pub(crate) struct HttpIntegration<P> {
    setup: Setup,
    secrets: Secrets,
    provider: Arc<P>,
}

impl<P: Provider> HttpIntegration<P> {
    /// An integration that tells `provider`.
    pub(crate) fn new(setup: Setup, provider: P) -> Self {
        let mut secrets = Secrets::of(&setup.options);
        let own = provider.secrets();
        own.iter().for_each(|source| secrets.add(Some(source)));
        Self {
            setup,
            secrets,
            provider: Arc::new(provider),
        }
    }
}

/// What templates made.
pub(crate) struct Made<M> {
    pub(crate) message: M,
    /// Which templates failed and why.
    pub(crate) fallback: Option<String>,
    /// Secrets among what they made.
    confided: Vec<String>,
}

/// Executes the templates of a message on a thread aside.
///
/// # Errors
/// There is nothing to send, or nowhere to send it to.
pub(crate) async fn composed<M: Send + 'static>(
    set: &Arc<TemplateSet>,
    notification: &Notification,
    compose: impl FnOnce(&mut Composing<'_>) -> Result<M, DeliveryError> + Send + 'static,
) -> Result<Made<M>, DeliveryError> {
    let (set, notification) = (Arc::clone(set), notification.clone());
    let composed = aside(move || {
        let facts = crate::data::Data::new(&notification, &notification.alerts);
        let mut composing = Composing::new(&set, &notification, &facts);
        let message = compose(&mut composing)?;
        Ok(Made {
            message,
            fallback: composing.fallback(),
            confided: composing.confided(),
        })
    });
    composed
        .await
        .unwrap_or_else(|failure| Err(crate::classify::rejected(failure.to_string())))
}

#[async_trait]
impl<P: Provider> Integration for HttpIntegration<P> {
    fn id(&self) -> &IntegrationId {
        &self.setup.id
    }

    fn kind(&self) -> &'static str {
        self.setup.kind
    }

    fn send_resolved(&self) -> bool {
        self.setup.send_resolved
    }

    fn timeout(&self) -> Option<Duration> {
        self.provider.timeout()
    }

    async fn compose(
        &self,
        notification: &Notification,
    ) -> Result<Box<dyn Composed + '_>, DeliveryError> {
        let provider = Arc::clone(&self.provider);
        let composed = composed(&self.setup.templates, notification, move |composing| {
            composing.rendering().calls_nobody = P::CALLS_NOBODY;
            provider.compose(composing)
        });
        let mut made = composed.await?;
        if let Some(note) = &mut made.fallback {
            let secrets = self.secrets.with(&made.confided);
            *note = secrets.hide(note.as_bytes(), "").await;
        }
        Ok(Box::new(ComposedMessage {
            integration: self,
            made,
        }))
    }
}

/// A provider's message, ready to be sent.
struct ComposedMessage<'a, P: Provider> {
    integration: &'a HttpIntegration<P>,
    made: Made<P::Message>,
}

#[async_trait]
impl<P: Provider> Composed for ComposedMessage<'_, P> {
    async fn send(&self, deadline: Duration) -> Result<Delivered, DeliveryError> {
        let of = self.integration;
        let deadline = of.timeout().unwrap_or(deadline).min(deadline);
        let setup = &of.setup;
        let wire = Wire::new(&*setup.http, &of.secrets, deadline).by(&*setup.clock);
        let made = &self.made;
        made.confided.iter().for_each(|secret| wire.confide(secret));
        of.provider.send(made.message.clone(), &wire).await?;
        let seen = wire.seen();
        Ok(Delivered {
            fallback: made.fallback.clone().or(seen.shortfall),
            receiver_data: seen.receiver_data,
            answer: seen.answer,
        })
    }
}
