//! The webhook: a POST of the notification as JSON.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use config::Value;
use domain::id::IntegrationId;
use outbound::{Http, HttpOptions, Request, Secret};

use crate::classify::rejected;
use crate::payload::Payload;
use crate::provider::Wire;
use crate::secrets::{Secrets, read_trimmed};
use crate::template::{Failure, Markup, TemplateSet, Text, aside};
use crate::{Composed, Delivered, DeliveryError, Integration, Notification};

mod message;

use message::{Message, Recipe};

/// The header that makes repeats of one message recognisable.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// The header that says a message is not what the configuration's templates say, because one failed.
pub const TEMPLATE_ERROR: &str = "X-Belfry-Template-Error";

/// Where a webhook's messages go.
#[derive(Clone, Debug)]
pub enum Address {
    /// A URL from the configuration, which may be a template.
    Url(Secret),
    /// A file that holds the URL, which may be a template, read for every message.
    File(PathBuf),
}

/// How a webhook is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where messages go.
    pub address: Address,
    /// Whether ends are sent.
    pub send_resolved: bool,
    /// Most alerts a message lists; 0 for all.
    pub max_alerts: u64,
    /// How long one attempt may take.
    pub timeout: Option<Duration>,
    /// What is sent instead of the standard body; texts in it are templates.
    pub payload: Option<Value>,
}

/// Delivers to a webhook.
pub struct Webhook {
    id: IntegrationId,
    settings: Settings,
    http: Arc<dyn Http>,
    secrets: Secrets,
    texts: Arc<Texts>,
}

/// Its templates, parsed.
struct Texts {
    set: Arc<TemplateSet>,
    payload: Option<Payload>,
    max_alerts: u64,
    /// The URL as it was last found, and what was parsed of it: a file's is parsed anew only when it changed.
    url: Mutex<Option<(Secret, Text)>>,
}

impl Texts {
    fn url(&self, source: &str) -> Text {
        let mut last = self.url.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, text)) = &*last
            && known.expose() == source
        {
            return text.clone();
        }
        let text = self.set.text(source, Markup::Plain);
        *last = Some((source.into(), text.clone()));
        text
    }
}

impl Webhook {
    /// An integration that sends over `http`, a client built from `options`, what the templates of `set` say.
    pub fn new(
        id: IntegrationId,
        settings: Settings,
        options: &HttpOptions,
        http: Arc<dyn Http>,
        set: Arc<TemplateSet>,
    ) -> Self {
        let payload = settings.payload.as_ref();
        let payload = payload.filter(|payload| **payload != Value::Null);
        let texts = Texts {
            payload: payload.map(|payload| Payload::new(payload, &set)),
            max_alerts: settings.max_alerts,
            url: Mutex::default(),
            set,
        };
        if let Address::Url(url) = &settings.address {
            texts.url(url.expose());
        }
        Self {
            id,
            settings,
            http,
            secrets: Secrets::of(options),
            texts: Arc::new(texts),
        }
    }

    /// The URL as it is configured, templates unexecuted.
    async fn url_source(&self) -> Result<String, DeliveryError> {
        match &self.settings.address {
            Address::Url(url) => Ok(url.expose().to_owned()),
            Address::File(path) => url_in(path).await,
        }
    }

    async fn message(&self, notification: &Notification) -> Result<Message, DeliveryError> {
        let source = self.url_source().await?;
        let texts = Arc::clone(&self.texts);
        let url = texts.url(&source);
        let is_literal =
            url.as_literal().is_some() && texts.payload.as_ref().is_none_or(Payload::is_literal);
        let made = if is_literal {
            made(&texts, &url, &source, notification)
        } else {
            let (notification, source) = (notification.clone(), source.clone());
            let made = aside(move || made(&texts, &url, &source, &notification)).await;
            made.and_then(|made| made)
        };
        let mut message = match made {
            Ok(message) => message,
            Err(failure) => {
                let detail = format!("webhook: the template of the url: {failure}");
                return Err(rejected(
                    self.secrets.hide(detail.as_bytes(), &source).await,
                ));
            }
        };
        if let Some(fallback) = message.fallback.take() {
            let hidden = self.secrets.hide(fallback.as_bytes(), &source).await;
            message.fallback = Some(hidden);
        }
        if message.url.is_empty() {
            return Err(rejected("webhook url is empty".to_owned()));
        }
        Ok(message)
    }
}

fn made(
    texts: &Texts,
    url: &Text,
    url_source: &str,
    notification: &Notification,
) -> Result<Message, Failure> {
    let recipe = Recipe {
        set: &texts.set,
        url,
        url_source,
        payload: texts.payload.as_ref(),
        max_alerts: texts.max_alerts,
    };
    recipe.message(notification)
}

async fn url_in(path: &Path) -> Result<String, DeliveryError> {
    let url = read_trimmed(path).await;
    url.map_err(|error| rejected(format!("url_file `{}`: {error}", path.display())))
}

/// A text as a header may hold it.
fn header_value(text: &str) -> String {
    let ascii = text.chars();
    ascii
        .map(|c| if (' '..='~').contains(&c) { c } else { '?' })
        .collect()
}

#[async_trait]
impl Integration for Webhook {
    fn id(&self) -> &IntegrationId {
        &self.id
    }

    fn kind(&self) -> &'static str {
        "webhook"
    }

    fn send_resolved(&self) -> bool {
        self.settings.send_resolved
    }

    fn timeout(&self) -> Option<Duration> {
        self.settings.timeout
    }

    async fn compose(
        &self,
        notification: &Notification,
    ) -> Result<Box<dyn Composed + '_>, DeliveryError> {
        let Message {
            url,
            body,
            fallback,
        } = self.message(notification).await?;
        let mut request = Request::post_json(url, body)
            .with_header(IDEMPOTENCY_KEY, notification.idempotency_key.clone());
        if let Some(fallback) = &fallback {
            request = request.with_header(TEMPLATE_ERROR, header_value(fallback));
        }
        Ok(Box::new(Post {
            webhook: self,
            request,
            fallback,
        }))
    }
}

/// A message ready to be posted.
struct Post<'a> {
    webhook: &'a Webhook,
    request: Request,
    fallback: Option<String>,
}

#[async_trait]
impl Composed for Post<'_> {
    async fn send(&self, deadline: Duration) -> Result<Delivered, DeliveryError> {
        let own = self.webhook.settings.timeout;
        let deadline = own.unwrap_or(deadline).min(deadline);
        let wire = Wire::new(&*self.webhook.http, &self.webhook.secrets, deadline);
        wire.accepted(self.request.clone()).await?;
        let answer = wire.seen().answer;
        Ok(Delivered {
            fallback: self.fallback.clone(),
            receiver_data: None,
            answer,
        })
    }
}

#[cfg(test)]
mod tests;
