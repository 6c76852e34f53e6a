//! Twilio: an SMS to each of some numbers.
//!
//! Facts are of "Messages resource" (twilio.com/docs/messaging/api/message-resource) and of the error dictionary (…/docs/api/errors).

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use config::TwilioConfig;
use gotmpl::markup::Dialect;
use outbound::{Method, Request, Source};

use crate::DeliveryError;
use crate::form;
use crate::own;
use crate::provider::{Composing, Provider, Wire, half_way};
use crate::secrets;
use crate::template::{Markup, TemplateSet, Text};

/// What Twilio takes of a message, in characters of UTF-16 (error 21617).
const BODY_UNITS_MAX: usize = 1600;

/// Messages of which it is known who got them already.
const PARTIAL_MAX: usize = 256;

pub(crate) struct Twilio {
    url: String,
    account_sid: String,
    auth_token: Source,
    /// `From` or `MessagingServiceSid`, and its value.
    sender: (&'static str, String),
    to: Vec<String>,
    text: Text,
    /// Who got a message that others did not get yet, by its key: a repeat must not tell them again.
    partial: Mutex<VecDeque<(String, HashSet<String>)>>,
}

/// A message, and the key that its repeats have too.
#[derive(Clone)]
pub(crate) struct Message {
    key: String,
    body: String,
}

/// One number that did not get the message.
struct Failed {
    to: String,
    error: DeliveryError,
}

impl Twilio {
    pub(crate) fn new(config: &TwilioConfig, set: &TemplateSet) -> Self {
        let sender = match config.from.as_str() {
            "" => ("MessagingServiceSid", config.messaging_service_sid.clone()),
            from => ("From", from.to_owned()),
        };
        let (api, account) = (config.api_url.as_str(), &config.account_sid);
        let default = r#"{{ template "twilio.default.text" . }}"#;
        Self {
            url: format!("{api}2010-04-01/Accounts/{account}/Messages.json"),
            account_sid: config.account_sid.clone(),
            auth_token: own::needed_secret(&config.auth_token, &config.auth_token_file),
            sender,
            to: config.to.clone(),
            text: set.text_or(&config.text, default, Markup::Plain),
            partial: Mutex::default(),
        }
    }

    fn request(&self, to: &str, body: &str, authorization: &str) -> Request {
        let (name, sender) = &self.sender;
        let form = form::encode([("To", to), (*name, sender), ("Body", body)]);
        Request {
            method: Method::POST,
            url: self.url.clone(),
            headers: vec![
                (
                    "Content-Type".to_owned(),
                    "application/x-www-form-urlencoded".to_owned(),
                ),
                ("Authorization".to_owned(), authorization.to_owned()),
            ],
            body: form.into(),
        }
    }

    fn told(&self, key: &str) -> HashSet<String> {
        let partial = self.partial.lock().unwrap_or_else(PoisonError::into_inner);
        let known = partial.iter().find(|(known, _)| known == key);
        known.map(|(_, told)| told.clone()).unwrap_or_default()
    }

    fn remember(&self, key: &str, told: Option<HashSet<String>>) {
        let mut partial = self.partial.lock().unwrap_or_else(PoisonError::into_inner);
        partial.retain(|(known, _)| known != key);
        if let Some(told) = told {
            partial.push_back((key.to_owned(), told));
            if PARTIAL_MAX < partial.len() {
                partial.pop_front();
            }
        }
    }
}

/// Cuts a text to so many characters of UTF-16, the last of which is then `…`.
fn cut_utf16(text: &str, max: usize) -> String {
    if text.encode_utf16().count() <= max {
        return text.to_owned();
    }
    let mut left = max.saturating_sub(1);
    let fits = |char: &char| {
        let units = char.len_utf16();
        let has_room = units <= left;
        left = left.saturating_sub(units);
        has_room
    };
    let mut cut: String = text.chars().take_while(fits).collect();
    cut.push('…');
    cut
}

/// The end of a number: enough to know whose it is, too little to call it.
fn shown(number: &str) -> String {
    let digits: Vec<char> = number.chars().collect();
    let end = digits.len().saturating_sub(4);
    format!("…{}", digits.iter().skip(end).collect::<String>())
}

#[async_trait]
impl Provider for Twilio {
    type Message = Message;

    const CALLS_NOBODY: bool = true;

    fn secrets(&self) -> Vec<Source> {
        let (name, sender) = &self.sender;
        let sender = (*name == "From").then(|| sender.clone());
        let numbers: Vec<String> = self.to.iter().cloned().chain(sender).collect();
        secrets::numbers(&numbers)
            .chain([self.auth_token.clone()])
            .collect()
    }

    fn compose(&self, composing: &mut Composing<'_>) -> Result<Message, DeliveryError> {
        let text = own::text(composing, Dialect::Plain, "text", &self.text);
        let text = own::flagged(composing, Dialect::Plain, text);
        Ok(Message {
            key: composing.notification.idempotency_key.clone(),
            body: cut_utf16(text.trim(), BODY_UNITS_MAX),
        })
    }

    async fn send(&self, message: Message, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        let token = wire.read("auth_token", &self.auth_token).await?;
        let credentials = STANDARD.encode(format!("{}:{token}", self.account_sid));
        wire.confide(&credentials);
        let authorization = format!("Basic {credentials}");
        let mut told = self.told(&message.key);
        let mut failed = Vec::new();
        for to in &self.to {
            if told.contains(to) {
                continue;
            }
            let request = self.request(to, &message.body, &authorization);
            match wire.accepted(request).await {
                Ok(_) => _ = told.insert(to.clone()),
                Err(error) => failed.push(Failed {
                    to: to.clone(),
                    error,
                }),
            }
        }
        let outcome = outcome(&told, failed, wire);
        let is_open = outcome.is_err() && !told.is_empty();
        self.remember(&message.key, is_open.then_some(told));
        outcome
    }
}

/// What it means that some numbers got a message and others did not. While another attempt can help, it fails and is repeated for the
/// others. When none can, those who got it must not get it again at every tick: it is accepted, with a note of who did not.
fn outcome(
    told: &HashSet<String>,
    failed: Vec<Failed>,
    wire: &Wire<'_>,
) -> Result<(), DeliveryError> {
    let details: Vec<_> = failed
        .iter()
        .map(|f| format!("{}: {}", shown(&f.to), f.error.detail))
        .collect();
    let (told, all) = (told.len(), told.len() + failed.len());
    let detail = format!(
        "{told} of {all} numbers got the message; {}",
        details.join("; ")
    );
    let is_ambiguous = failed.iter().any(|f| f.error.is_ambiguous);
    let mut errors = failed.into_iter().map(|f| f.error);
    let Some(first) = errors.next() else {
        return Ok(());
    };
    // The longest delay anybody asked for; one that can be repeated decides.
    let worst = errors.fold(first, |a, b| {
        let after = |e: &DeliveryError| e.retry.map(|advice| advice.after);
        if after(&a) < after(&b) { b } else { a }
    });
    if 0 < told && worst.retry.is_none() && !is_ambiguous {
        wire.fall_short(detail);
        return Ok(());
    }
    let error = DeliveryError {
        is_ambiguous,
        detail,
        ..worst
    };
    Err(if 0 < told { half_way(error) } else { error })
}

#[cfg(test)]
mod tests;
