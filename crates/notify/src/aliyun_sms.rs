//! Alibaba Cloud SMS: `SendSms` of 2017-05-25, one request for all numbers.
//!
//! Facts are of "SendSms" and "Domestic SMS API error codes" (help.aliyun.com/en/sms/developer-reference) and of "Request syntax and
//! signature method V3" (alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature), whose example is a test here.

use std::time::Duration;

use async_trait::async_trait;
use config::AliyunSmsConfig;
use domain::time::Timestamp;
use gotmpl::markup::Dialect;
use outbound::{Method, Request, Source};

use crate::answer::{Answer, unreadable};
use crate::go_json::Object;
use crate::own;
use crate::provider::{Composing, Provider, Wire, cut_runes, escape};
use crate::secrets;
use crate::sign::{hmac_sha256_hex, sha256_hex};
use crate::template::{Markup, TemplateSet, Text};
use crate::{DeliveryError, FailureReason, RetryAdvice};

/// A number gets so many messages a minute, an hour and a day; which of the limits it was the answer says in words alone.
const LIMITED: Duration = Duration::from_secs(60);

pub(crate) struct AliyunSms {
    endpoint: String,
    access_key_id: String,
    access_key_secret: Source,
    sign_name: String,
    template_code: String,
    params: Vec<(String, Text)>,
    param_runes_max: usize,
    to: Vec<String>,
}

/// What a request says, and the key that repeats of the message have too.
#[derive(Clone)]
pub(crate) struct Message {
    template_param: String,
    key: String,
}

impl AliyunSms {
    pub(crate) fn new(config: &AliyunSmsConfig, set: &TemplateSet) -> Self {
        let (secret, file) = (&config.access_key_secret, &config.access_key_secret_file);
        let params = config.template_params.iter();
        Self {
            endpoint: config.endpoint.as_str().to_owned(),
            access_key_id: config.access_key_id.clone(),
            access_key_secret: own::needed_secret(secret, file),
            sign_name: config.sign_name.clone(),
            template_code: config.template_code.clone(),
            params: params
                .map(|(name, text)| (name.clone(), set.text(text, Markup::Plain)))
                .collect(),
            param_runes_max: usize::try_from(config.param_chars_max).unwrap_or(usize::MAX),
            to: config.to.clone(),
        }
    }

    fn request(&self, message: &Message, secret: &str, now: Timestamp) -> Request {
        let query = canonical_query(&[
            ("OutId", &message.key),
            ("PhoneNumbers", &self.to.join(",")),
            ("SignName", &self.sign_name),
            ("TemplateCode", &self.template_code),
            ("TemplateParam", &message.template_param),
        ]);
        // A number that was used before is refused, so a repeat has another one.
        let nonce = sha256_hex(format!("{} {}", message.key, now.unix_nanos()).as_bytes());
        let signed = Signed {
            host: host(&self.endpoint),
            action: "SendSms",
            version: "2017-05-25",
            query: &query,
            date: &date(now),
            nonce: &nonce,
        };
        let authorization = signed.authorization(&self.access_key_id, secret);
        let headers = signed.headers().into_iter().skip(1);
        let headers = headers.map(|(name, value)| (name.to_owned(), value));
        Request {
            method: Method::POST,
            url: format!("{}?{query}", self.endpoint),
            headers: headers
                .chain([
                    ("accept".to_owned(), "application/json".to_owned()),
                    ("Authorization".to_owned(), authorization),
                ])
                .collect(),
            body: "".into(),
        }
    }
}

/// A request as its signature sees it; its body is empty.
struct Signed<'a> {
    host: &'a str,
    action: &'a str,
    version: &'a str,
    /// Sorted and escaped.
    query: &'a str,
    date: &'a str,
    nonce: &'a str,
}

impl Signed<'_> {
    /// The headers that are signed, in order; the first one the client writes by itself.
    fn headers(&self) -> [(&'static str, String); 6] {
        [
            ("host", self.host.to_owned()),
            ("x-acs-action", self.action.to_owned()),
            ("x-acs-content-sha256", sha256_hex(b"")),
            ("x-acs-date", self.date.to_owned()),
            ("x-acs-signature-nonce", self.nonce.to_owned()),
            ("x-acs-version", self.version.to_owned()),
        ]
    }

    fn authorization(&self, access_key_id: &str, secret: &str) -> String {
        let headers = self.headers();
        let lines = headers
            .iter()
            .map(|(name, value)| format!("{name}:{value}\n"));
        let lines: String = lines.collect();
        let names = headers.map(|(name, _)| name).join(";");
        let (query, body) = (self.query, sha256_hex(b""));
        let canonical = format!("POST\n/\n{query}\n{lines}\n{names}\n{body}");
        let signed = format!("ACS3-HMAC-SHA256\n{}", sha256_hex(canonical.as_bytes()));
        let signature = hmac_sha256_hex(secret.as_bytes(), signed.as_bytes());
        format!(
            "ACS3-HMAC-SHA256 Credential={access_key_id},SignedHeaders={names},Signature={signature}"
        )
    }
}

/// Host and port of an endpoint, as the client writes them.
fn host(endpoint: &str) -> &str {
    let rest = endpoint
        .split_once("://")
        .map_or(endpoint, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

/// Pairs in the order of their names, escaped.
fn canonical_query(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter();
    let pairs = pairs.map(|(name, value)| format!("{name}={}", escape::component(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// `2023-10-26T10:22:32Z`.
fn date(now: Timestamp) -> String {
    Timestamp::new(now.unix_seconds(), 0, 0).rfc3339_nano()
}

/// What is known of the service's words; all others are final.
fn meaning(code: &str) -> (Option<RetryAdvice>, FailureReason, &'static str) {
    let later = |after| Some(RetryAdvice { after });
    match code {
        "isv.BUSINESS_LIMIT_CONTROL" => (
            later(Some(LIMITED)),
            FailureReason::RateLimited,
            "a number got too many messages",
        ),
        "isv.DAY_LIMIT_CONTROL" | "isv.MONTH_LIMIT_CONTROL" => (
            None,
            FailureReason::RateLimited,
            "the account's own limit of a day or a month is reached",
        ),
        _ if code.starts_with("Throttling") => {
            (later(None), FailureReason::RateLimited, "too many requests")
        }
        "isp.SYSTEM_ERROR" | "InternalError" | "ServiceUnavailable" | "SystemError" => (
            later(None),
            FailureReason::ServerError,
            "the service is not well",
        ),
        "SignatureDoesNotMatch" | "IncompleteSignature" => (
            None,
            FailureReason::AuthError,
            "check access_key_secret, and this machine's clock",
        ),
        "isp.RAM_PERMISSION_DENY" | "isv.ACCOUNT_NOT_EXISTS" | "Forbidden.RAM" => (
            None,
            FailureReason::AuthError,
            "the access key may not send SMS",
        ),
        _ if code.starts_with("InvalidAccessKeyId") => {
            (None, FailureReason::AuthError, "check access_key_id")
        }
        "isv.AMOUNT_NOT_ENOUGH" | "isv.OUT_OF_SERVICE" => (
            None,
            FailureReason::ClientError,
            "the account has no money left",
        ),
        "isv.PARAM_LENGTH_LIMIT" => (
            None,
            FailureReason::ClientError,
            "a variable is too long: lower param_chars_max",
        ),
        _ => (None, FailureReason::ClientError, ""),
    }
}

#[async_trait]
impl Provider for AliyunSms {
    type Message = Message;

    const CALLS_NOBODY: bool = true;

    fn secrets(&self) -> Vec<Source> {
        let numbers = secrets::numbers(&self.to);
        numbers.chain([self.access_key_secret.clone()]).collect()
    }

    fn compose(&self, composing: &mut Composing<'_>) -> Result<Message, DeliveryError> {
        let mut params = Object::new();
        for (name, text) in &self.params {
            let value = composing.text(&format!("template_params.{name}"), text);
            let value = Dialect::Plain.escape(value.trim());
            params = params.text(name, &cut_runes(&value, self.param_runes_max));
        }
        Ok(Message {
            template_param: params.done(),
            key: composing.notification.idempotency_key.clone(),
        })
    }

    async fn send(&self, message: Message, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        let secret = wire
            .read("access_key_secret", &self.access_key_secret)
            .await?;
        let request = self.request(&message, &secret, wire.now());
        let url = request.url.clone();
        let response = wire.exchange(request).await?;
        let answer = Answer::of(&response);
        let (code, said) = (answer.text("/Code"), answer.text("/Message"));
        let is_success = (200..300).contains(&response.status);
        if code == "OK" && is_success {
            return Ok(());
        }
        if is_success && !answer.is_json() {
            return Err(unreadable(wire, &response.body, &url).await);
        }
        if code.is_empty() {
            let body = String::from_utf8_lossy(&response.body);
            let said = format!(
                "Alibaba Cloud answered {} without a Code: {body}",
                response.status
            );
            let is_retried = response.status == 429 || 500 <= response.status;
            return Err(wire.refused(&said, &url, is_retried).await);
        }
        let (retry, reason, hint) = meaning(code);
        let mut detail = format!("Alibaba Cloud refused the message: {code}");
        for part in [said, hint].iter().filter(|part| !part.is_empty()) {
            detail.push_str(": ");
            detail.push_str(part);
        }
        Err(DeliveryError {
            retry,
            reason,
            is_ambiguous: false,
            detail: wire.hide(detail.as_bytes(), &url).await,
        })
    }
}

#[cfg(test)]
mod tests;
