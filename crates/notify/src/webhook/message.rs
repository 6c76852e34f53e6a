//! What one message of a webhook says, and where it goes: the part that executes templates.

use crate::body::flagged;
use crate::data::Data;
use crate::payload::Payload;
use crate::template::{Failure, Rendering, TemplateSet, Text};
use crate::{Notification, body};

/// A message, ready to be sent.
pub(super) struct Message {
    /// Where it goes.
    pub(super) url: String,
    /// What is posted.
    pub(super) body: String,
    /// Which templates failed and why; the body says it where it is the standard one.
    pub(super) fallback: Option<String>,
}

/// What a webhook's messages are made of.
pub(super) struct Recipe<'a> {
    pub(super) set: &'a TemplateSet,
    pub(super) url: &'a Text,
    /// The URL as it is configured.
    pub(super) url_source: &'a str,
    pub(super) payload: Option<&'a Payload>,
    pub(super) max_alerts: u64,
}

impl Recipe<'_> {
    /// Makes a message. What fails in a template is said in another way: a payload becomes the standard body, a URL its beginning up
    /// to the first template.
    ///
    /// # Errors
    /// There is no address to send it to.
    pub(super) fn message(&self, notification: &Notification) -> Result<Message, Failure> {
        let (listed, truncated) = body::cut(notification, self.max_alerts);
        let facts = Data::new(notification, listed);
        let mut rendering = Rendering::new(self.set, &facts, notification.at);
        let url = match rendering.try_text(self.url) {
            Ok(url) => url,
            Err(failure) => {
                let failure = without_piece(failure);
                let before = beginning(self.url_source).ok_or_else(|| failure.clone())?;
                rendering.note("url", failure);
                before.to_owned()
            }
        };
        let custom = self.payload.map(|payload| payload.write(&rendering));
        let custom = custom.and_then(|written| match written {
            Ok(body) => Some(body),
            Err(failure) => {
                rendering.note("payload", failure);
                None
            }
        });
        let fallback = rendering.fallback();
        let mut body = custom.unwrap_or_else(|| {
            let status = facts.status();
            let standard = body::version_4(&facts, status, &notification.group_key, truncated);
            flagged(standard, fallback.as_deref())
        });
        body.push('\n');
        Ok(Message {
            url,
            body,
            fallback,
        })
    }
}

/// What stands before the first template, if that names a host.
fn beginning(url: &str) -> Option<&str> {
    let (before, _) = url.split_once("{{")?;
    let (scheme, rest) = before.split_once("://")?;
    let (host, _) = rest.split_once('/')?;
    (matches!(scheme, "http" | "https") && !host.is_empty()).then_some(before)
}

/// The failure of a URL with its place, but without the piece of it: the URL may be a secret.
fn without_piece(failure: Failure) -> Failure {
    let said = failure.message.rsplit_once(">: ");
    let message = match said {
        Some((_, what)) => format!("template: {}{what}", failure.place()),
        None => failure.message,
    };
    Failure { message, ..failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_in_a_file_is_placed_once() {
        let failure = Failure {
            template: "a.tmpl".to_owned(),
            line: 3,
            column: 10,
            message: "template: a.tmpl:3:10: executing \"x\" at <index .Alerts 7>: error calling index: too far"
                .to_owned(),
            is_limit: false,
        };
        let shown = without_piece(failure).to_string();
        assert_eq!(shown, "template: a.tmpl:3:10: error calling index: too far");
    }
}
