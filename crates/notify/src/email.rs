//! E-mail: one message for all recipients, handed to the configured server.
//!
//! Every repeat of a message is the same to the byte, its Message-Id included, so a mail system can drop a double.

mod address;
mod header;
mod mime;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use config::EmailConfig;
use domain::group::key::sha256_hex;
use domain::id::IntegrationId;
use outbound::Smtp;
use outbound::smtp::{Mail, SmtpError};

use crate::classify::rejected;
use crate::provider::{Composing, Made, composed};
use crate::template::{Failure, Markup, TemplateSet, Text, time};
use crate::{
    Composed, Delivered, DeliveryError, FailureReason, Integration, Notification, RetryAdvice,
};
use mime::Message;

const DEFAULT_SUBJECT: &str = r#"{{ template "email.default.subject" . }}"#;
const DEFAULT_HTML: &str = r#"{{ template "email.default.html" . }}"#;

/// Headers that describe the body, which is ours, and the ones of which there can be only one.
const OURS: [&str; 4] = [
    "Content-Type",
    "Content-Transfer-Encoding",
    "Mime-Version",
    "Date",
];

/// How long one attempt may take. Servers look for spam and viruses before they answer; giving up on one that has the message already
/// makes a double of it.
const ATTEMPT_MAX: Duration = Duration::from_secs(60);

/// How many digits of a group's hash its thread is called by.
const THREAD_DIGITS: usize = 16;

/// Most characters of a list of addresses that an error shows.
const SHOWN_CHARS_MAX: usize = 200;

/// A boundary has at most 70 characters.
const BOUNDARY_DIGITS: usize = 60;

/// Delivers by e-mail.
pub(crate) struct Email {
    id: IntegrationId,
    send_resolved: bool,
    smtp: Arc<dyn Smtp>,
    set: Arc<TemplateSet>,
    texts: Arc<Texts>,
}

/// What a mail is made of.
struct Texts {
    from: Text,
    to: Text,
    /// The head, in order.
    headers: Vec<(String, Text)>,
    text: Option<Text>,
    html: Option<Text>,
    threads: Threads,
    local: gotmpl::time::Zone,
}

/// Which messages belong together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Threads {
    None,
    /// All of a group.
    ByGroup,
    /// Those of a group and a day.
    ByDay,
}

impl Email {
    pub(crate) fn new(
        id: IntegrationId,
        config: &EmailConfig,
        smtp: Arc<dyn Smtp>,
        set: Arc<TemplateSet>,
    ) -> Self {
        Self {
            id,
            send_resolved: config.send_resolved,
            smtp,
            texts: Arc::new(Texts::new(config, &set)),
            set,
        }
    }
}

#[async_trait]
impl Integration for Email {
    fn id(&self) -> &IntegrationId {
        &self.id
    }

    fn kind(&self) -> &'static str {
        "email"
    }

    fn send_resolved(&self) -> bool {
        self.send_resolved
    }

    fn timeout(&self) -> Option<Duration> {
        Some(ATTEMPT_MAX)
    }

    async fn compose(
        &self,
        notification: &Notification,
    ) -> Result<Box<dyn Composed + '_>, DeliveryError> {
        let texts = Arc::clone(&self.texts);
        let composed = composed(&self.set, notification, move |c| texts.mail(c));
        let Made {
            message: mail,
            fallback,
            ..
        } = composed.await?;
        let smtp = &*self.smtp;
        Ok(Box::new(Written {
            smtp,
            mail,
            fallback,
        }))
    }
}

/// A mail ready to be sent.
struct Written<'a> {
    smtp: &'a dyn Smtp,
    mail: Mail,
    fallback: Option<String>,
}

#[async_trait]
impl Composed for Written<'_> {
    async fn send(&self, deadline: Duration) -> Result<Delivered, DeliveryError> {
        let sent = self.smtp.send(&self.mail, deadline).await;
        Ok(Delivered {
            fallback: self.fallback.clone(),
            receiver_data: None,
            answer: sent.map_err(undelivered)?,
        })
    }
}

impl Texts {
    fn new(config: &EmailConfig, set: &TemplateSet) -> Self {
        let text = |source: &str| set.text(source, Markup::Plain);
        let own = |name: &str, or: &str| match config.headers.get(name) {
            Some(own) => own.clone(),
            None => or.to_owned(),
        };
        let mut headers = vec![
            ("From".to_owned(), text(&own("From", &config.from))),
            ("To".to_owned(), text(&own("To", &config.to))),
            (
                "Subject".to_owned(),
                set.text_or(
                    &own("Subject", DEFAULT_SUBJECT),
                    DEFAULT_SUBJECT,
                    Markup::Plain,
                ),
            ),
        ];
        for (name, value) in &config.headers {
            let is_known = headers.iter().any(|(known, _)| known == name);
            if !is_known && !OURS.contains(&name.as_str()) {
                headers.push((name.clone(), text(value)));
            }
        }
        let body = |source: &str, default: &str, markup| {
            (!source.is_empty()).then(|| set.text_or(source, default, markup))
        };
        let threads = match config.threading.by_date() {
            _ if !config.threading.is_enabled => Threads::None,
            Some(config::ThreadByDate::Daily) => Threads::ByDay,
            _ => Threads::ByGroup,
        };
        Self {
            from: text(&config.from),
            to: text(&config.to),
            headers,
            text: body(&config.text, DEFAULT_SUBJECT, Markup::Plain),
            html: body(&config.html, DEFAULT_HTML, Markup::Html),
            threads,
            local: set.local().clone(),
        }
    }

    /// Executes the templates of a mail.
    fn mail(&self, composing: &mut Composing<'_>) -> Result<Mail, DeliveryError> {
        let from = composing.needed("from", &self.from)?;
        let to = composing.needed("to", &self.to)?;
        let sender = sender(&from)?;
        let recipients = addresses("to", &to)?;

        let mut head = String::new();
        let mut has_id = false;
        for (name, text) in &self.headers {
            let field = format!("headers.{name}");
            if !header::is_name(name) {
                let failure = Failure::plain("this is not a header's name");
                composing.rendering().note(&field, failure);
                continue;
            }
            let value = match name.as_str() {
                "Subject" => composing.text(&field, text),
                _ => composing.extra(&field, text),
            };
            // People are told by a mail that says from whom and to whom it goes, whatever a template does.
            let value = match name.as_str() {
                "From" if value.is_empty() => &from,
                "To" if value.is_empty() => &to,
                _ => &value,
            };
            has_id |= name == "Message-Id";
            header::push(&mut head, name, value);
        }
        let notification = composing.notification;
        if !has_id {
            header::push(&mut head, "Message-Id", &message_id(notification, &sender));
        }
        self.push_thread(&mut head, notification);
        let date = self.local_time(notification, "Mon, 02 Jan 2006 15:04:05 -0700");
        header::push(&mut head, "Date", &date);

        let text = self.text.as_ref().map(|t| composing.text("text", t));
        let html = self.html.as_ref().map(|t| composing.text("html", t));
        let remarks = composing.remarks();
        let text = text.map(|text| composing.flagged(text));
        let html = html.map(|html| mime::flagged(html, &remarks));
        let message = Message {
            head,
            boundary: boundary(notification, [&text, &html]),
            text,
            html,
        };
        Ok(Mail {
            from: sender,
            to: recipients,
            message: message.bytes().into(),
        })
    }

    /// Makes mail programs show messages of a group together: all of them answer the same one, which nobody ever sent.
    fn push_thread(&self, head: &mut String, notification: &Notification) {
        let day = match self.threads {
            Threads::None => return,
            Threads::ByGroup => String::new(),
            Threads::ByDay => self.local_time(notification, "2006-01-02"),
        };
        let group: String = sha256_hex(&notification.group_key)
            .chars()
            .take(THREAD_DIGITS)
            .collect();
        // The name is Alertmanager's, so that a thread goes on when Belfry takes over.
        let root = format!("<alert-{group}-{day}@alertmanager>");
        header::push(head, "References", &root);
        header::push(head, "In-Reply-To", &root);
    }

    /// When the message was decided, not when it is sent: a repeat is the same message.
    fn local_time(&self, notification: &Notification, layout: &str) -> String {
        let at = time(notification.at).with_zone(self.local.clone());
        at.format(layout)
    }
}

/// The one address a mail comes from.
fn sender(from: &str) -> Result<String, DeliveryError> {
    let mut found = addresses("from", from)?;
    match (found.pop(), found.len()) {
        (Some(one), 0) => Ok(one),
        (_, others) => Err(rejected(format!(
            "from: must be exactly one address (got: {})",
            others + 1
        ))),
    }
}

fn addresses(field: &str, text: &str) -> Result<Vec<String>, DeliveryError> {
    address::list(text).map_err(|why| {
        let shown: String = text.trim().chars().take(SHOWN_CHARS_MAX).collect();
        rejected(format!("{field} {shown:?}: {why}"))
    })
}

/// The same for every repeat of a message, and for no other message.
fn message_id(notification: &Notification, sender: &str) -> String {
    let domain = sender.rsplit_once('@').map_or("", |(_, domain)| domain);
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-';
    let domain = if !domain.is_empty() && domain.bytes().all(is_plain) {
        domain
    } else {
        "belfry"
    };
    format!("<{}@{domain}>", notification.idempotency_key)
}

/// What separates the parts: a hash of them, so that nobody can write a part that holds it.
fn boundary(notification: &Notification, parts: [&Option<String>; 2]) -> String {
    let key = &notification.idempotency_key;
    sha256_hex(&format!("{key}\n{parts:?}"))
        .chars()
        .take(BOUNDARY_DIGITS)
        .collect()
}

/// What the server's no, or its silence, means for the message.
fn undelivered(error: SmtpError) -> DeliveryError {
    let (is_retried, reason) = match &error {
        SmtpError::NotSent { .. } | SmtpError::Ambiguous { .. } => (true, FailureReason::Other),
        // The codes of RFC 4954: who we are was not believed, or has to be said.
        SmtpError::Refused {
            code: 530 | 534 | 535 | 538,
            ..
        } => (false, FailureReason::AuthError),
        SmtpError::Refused { code: ..500, .. } => (true, FailureReason::ServerError),
        SmtpError::Refused { .. } => (false, FailureReason::ClientError),
        SmtpError::Invalid { .. } => (false, FailureReason::Other),
    };
    DeliveryError {
        retry: is_retried.then_some(RetryAdvice { after: None }),
        is_ambiguous: matches!(error, SmtpError::Ambiguous { .. }),
        reason,
        detail: error.to_string(),
    }
}

#[cfg(test)]
mod tests;
