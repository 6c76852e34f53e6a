//! Amazon SNS: a message published to a topic, a telephone or a device, in requests that we sign.

mod credentials;
mod lent;
mod profile;
mod sign;
mod sts;
mod surroundings;
mod xml;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use config::SnsConfig;
use outbound::{Request, Source};
use runtime::clock::SharedClock;

use crate::answer::unreadable;
use crate::form;
use crate::provider::{Composing, Provider, Wire};
use crate::template::{Markup, TemplateSet, Text};
use crate::{DeliveryError, Notification};
use credentials::Credentials;
use sign::{Scope, sign};

/// What SNS takes of a message, in bytes.
const MESSAGE_BYTES_MAX: usize = 256 * 1024;
const SMS_BYTES_MAX: usize = 1600;

/// What SNS takes of a subject, in characters.
const SUBJECT_RUNES_MAX: usize = 100;

/// Errors that pass: SNS answers some of them with 400.
const PASSING: [&str; 10] = [
    "InternalError",
    "InternalFailure",
    "KMSThrottling",
    "RequestLimitExceeded",
    "RequestThrottled",
    "ServiceUnavailable",
    "Throttled",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
];

/// Keys that were good once; others may be by now.
const EXPIRED: [&str; 2] = ["ExpiredToken", "ExpiredTokenException"];

/// Looks for a variable of the environment; one that is empty is not there.
pub(crate) type SharedVariables = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;
type Variables<'a> = &'a (dyn Fn(&str) -> Option<String> + Send + Sync);

pub(crate) struct Sns {
    api_url: Text,
    target: Target,
    subject: Text,
    message: Text,
    attributes: Vec<(String, Text, Text)>,
    secret_key: Option<Source>,
    credentials: Credentials,
    variables: SharedVariables,
    clock: SharedClock,
}

/// Where a message goes; more than one is SNS' to refuse.
struct Target {
    topic_arn: Text,
    phone_number: Text,
    target_arn: Text,
}

#[derive(Clone)]
pub(crate) struct Message {
    api_url: String,
    body: String,
    invocation_id: String,
}

/// The environment of this process.
pub(crate) fn environment() -> SharedVariables {
    Arc::new(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

impl Sns {
    pub(crate) fn new(
        config: &SnsConfig,
        set: &TemplateSet,
        clock: SharedClock,
        variables: SharedVariables,
    ) -> Self {
        let plain = |source: &str| set.text(source, Markup::Plain);
        let read = |source: &str, default| set.text_or(source, default, Markup::Plain);
        let attributes = config.attributes.iter();
        let secret_key = &config.sigv4.secret_key;
        Self {
            api_url: plain(&config.api_url),
            target: Target {
                topic_arn: plain(&config.topic_arn),
                phone_number: plain(&config.phone_number),
                target_arn: plain(&config.target_arn),
            },
            subject: read(&config.subject, r#"{{ template "sns.default.subject" . }}"#),
            message: read(&config.message, r#"{{ template "sns.default.message" . }}"#),
            attributes: attributes
                .map(|(name, value)| (format!("attributes.{name}"), plain(name), plain(value)))
                .collect(),
            secret_key: (!secret_key.is_empty()).then(|| Source::inline(secret_key.expose())),
            credentials: Credentials::new(&config.sigv4, Arc::clone(&variables)),
            variables,
            clock,
        }
    }

    /// What is published about the message, by name; an attribute without a value would be refused.
    fn attributes(&self, composing: &mut Composing<'_>) -> BTreeMap<String, String> {
        let mut attributes = BTreeMap::new();
        for (field, name, value) in &self.attributes {
            let name = composing.extra(field, name);
            let value = composing.extra(field, value);
            if !name.is_empty() && !value.is_empty() {
                attributes.insert(name, value);
            }
        }
        attributes
    }

    fn url(&self, api_url: &str, region: &str) -> String {
        let variable = |name: &str| (self.variables)(name);
        let own = (!api_url.is_empty()).then(|| api_url.to_owned());
        own.or_else(|| variable("AWS_ENDPOINT_URL_SNS"))
            .or_else(|| variable("AWS_ENDPOINT_URL"))
            .unwrap_or_else(|| format!("https://sns.{region}.{}/", domain_of(region)))
    }
}

impl Target {
    /// Names where the message goes, and how long it may be there.
    fn name(
        &self,
        composing: &mut Composing<'_>,
        pairs: &mut Vec<(String, String)>,
    ) -> Result<usize, DeliveryError> {
        let mut bytes_max = MESSAGE_BYTES_MAX;
        let topic_arn = composing.needed("topic_arn", &self.topic_arn)?;
        if topic_arn.ends_with(".fifo") {
            let group = domain::group::key::sha256_hex(&composing.notification.group_key);
            pairs.push(("MessageDeduplicationId".to_owned(), group.clone()));
            pairs.push(("MessageGroupId".to_owned(), group));
        }
        let phone_number = composing.needed("phone_number", &self.phone_number)?;
        if !phone_number.is_empty() {
            composing.confide(&phone_number);
            composing.confide(phone_number.trim_start_matches('+'));
            bytes_max = SMS_BYTES_MAX;
        }
        let target_arn = composing.needed("target_arn", &self.target_arn)?;
        let named = [
            ("TopicArn", topic_arn),
            ("PhoneNumber", phone_number),
            ("TargetArn", target_arn),
        ];
        let named = named.into_iter().filter(|(_, value)| !value.is_empty());
        pairs.extend(named.map(|(name, value)| (name.to_owned(), value)));
        Ok(bytes_max)
    }
}

/// A text cut to so many bytes without a mark, between characters.
fn cut_bare(text: &mut String, bytes_max: usize) -> bool {
    if text.len() <= bytes_max {
        return false;
    }
    let mut end = bytes_max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    true
}

/// A subject as SNS takes it outside of short messages, which have none: one line, not too long.
fn subject_line(text: &str) -> String {
    const ELLIPSIS: &str = "...";
    let one_line = |c: char| if c.is_control() { ' ' } else { c };
    if text.chars().count() <= SUBJECT_RUNES_MAX {
        return text.chars().map(one_line).collect();
    }
    let kept = text.chars().take(SUBJECT_RUNES_MAX - ELLIPSIS.len());
    kept.map(one_line).chain(ELLIPSIS.chars()).collect()
}

/// The domain of the partition that a region belongs to.
fn domain_of(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "amazonaws.com.cn",
        Some("eusc") => "amazonaws.eu",
        _ if region.starts_with("us-isob-") => "sc2s.sgov.gov",
        _ if region.starts_with("us-iso-") => "c2s.ic.gov",
        _ => "amazonaws.com",
    }
}

/// A random-looking id that is the same for every repeat of a message, in the form of a UUID.
fn invocation_id(notification: &Notification) -> String {
    let hash = domain::group::key::sha256_hex(&notification.idempotency_key);
    let piece = |from: usize, to: usize| hash.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-4{}-8{}-{}",
        piece(0, 8),
        piece(8, 12),
        piece(12, 15),
        piece(15, 18),
        piece(18, 30)
    )
}

/// Why one of Amazon's services did not do what it was asked.
struct Failed {
    error: DeliveryError,
    /// Whether other keys may do.
    has_expired: bool,
}

/// Asks one of Amazon's services, and gives the text of its answer when it is a success.
async fn asked(request: Request, wire: &Wire<'_>) -> Result<String, Failed> {
    let sent = request.clone();
    let exchanged = wire.exchange(request).await;
    let mut response = exchanged.map_err(|error| Failed {
        error,
        has_expired: false,
    })?;
    let body = String::from_utf8_lossy(&response.body).into_owned();
    let code = xml::text(&body, "Code").unwrap_or_default();
    if let Some(said) = xml::text(&body, "Message")
        && !code.is_empty()
    {
        response.body = format!("{code}: {said}").into();
    }
    let has_expired = EXPIRED.contains(&&*code);
    let is_retried = has_expired || PASSING.contains(&&*code);
    match wire.judged(&sent, &response, |_| is_retried).await {
        Ok(()) => Ok(body),
        Err(error) => Err(Failed { error, has_expired }),
    }
}

#[async_trait]
impl Provider for Sns {
    type Message = Message;

    fn secrets(&self) -> Vec<Source> {
        self.secret_key.iter().cloned().collect()
    }

    fn compose(&self, composing: &mut Composing<'_>) -> Result<Message, DeliveryError> {
        let api_url = composing.needed("api_url", &self.api_url)?;
        let mut pairs = vec![
            ("Action".to_owned(), "Publish".to_owned()),
            ("Version".to_owned(), "2010-03-31".to_owned()),
        ];
        let bytes_max = self.target.name(composing, &mut pairs)?;
        let mut attributes = self.attributes(composing);
        let mut subject = composing.text("subject", &self.subject);
        if bytes_max != SMS_BYTES_MAX {
            subject = subject_line(&subject);
        }
        let mut message = composing.text("message", &self.message);
        // The text is cut, and not what stands below it.
        let mut below = composing.flagged(String::new());
        cut_bare(&mut below, bytes_max / 2);
        if cut_bare(&mut message, bytes_max - below.len()) {
            attributes.insert("truncated".to_owned(), "true".to_owned());
        }
        message.push_str(&below);
        pairs.push(("Message".to_owned(), message));
        if !subject.is_empty() {
            pairs.push(("Subject".to_owned(), subject));
        }
        for (number, (name, value)) in (1..).zip(attributes) {
            let entry = format!("MessageAttributes.entry.{number}");
            pairs.push((format!("{entry}.Name"), name));
            pairs.push((format!("{entry}.Value.DataType"), "String".to_owned()));
            pairs.push((format!("{entry}.Value.StringValue"), value));
        }
        pairs.sort();
        Ok(Message {
            api_url,
            body: form::encode(pairs),
            invocation_id: invocation_id(composing.notification),
        })
    }

    async fn send(&self, message: Message, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        let at = self.clock.now();
        let signer = self.credentials.signer(at, wire).await?;
        let url = self.url(&message.api_url, &signer.region);
        let request = form::posted(&url, message.body)
            .with_header("Amz-Sdk-Invocation-Id", message.invocation_id)
            .with_header("Amz-Sdk-Request", "attempt=1; max=3");
        let scope = Scope {
            region: &signer.region,
            service: "sns",
            at,
        };
        let request = sign(request, &signer.keys, scope);
        signer.keys.confide(wire);
        let answer = match asked(request, wire).await {
            Ok(answer) => answer,
            Err(failed) => {
                if failed.has_expired {
                    self.credentials.forget(&signer.keys, wire).await?;
                }
                return Err(failed.error);
            }
        };
        if xml::text(&answer, "MessageId").is_none() {
            return Err(unreadable(wire, answer.as_bytes(), &url).await);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
