//! `twilio_configs`: SMS by Twilio. A key of our own.

use super::Context;
use super::own::{needed, secret, texts};
use crate::error::Result;
use crate::http::HttpConfig;
use crate::secret::Secret;
use crate::url::HttpUrl;
use crate::yaml::{Fields, Node};

/// Where Twilio is when no other address is named.
const API: &str = "https://api.twilio.com/";

/// Most recipients of one message, each of which is a request.
const RECIPIENTS_MAX: usize = 20;

/// SMS by Twilio.
#[derive(Debug, Clone, PartialEq)]
pub struct TwilioConfig {
    /// Whether the end of alerts is told.
    pub send_resolved: bool,
    /// How we connect; the account's name and token are added.
    pub http_config: HttpConfig,
    /// Where Twilio is.
    pub api_url: HttpUrl,
    /// The account (`AC…`).
    pub account_sid: String,
    /// Its token.
    pub auth_token: Secret,
    /// A file that holds it.
    pub auth_token_file: String,
    /// The number or name messages come from; empty when a service sends.
    pub from: String,
    /// The service that sends (`MG…`); empty when a number does.
    pub messaging_service_sid: String,
    /// The numbers messages go to, in E.164.
    pub to: Vec<String>,
    /// The message.
    pub text: String,
}

const KEYS: &[&str] = &[
    "send_resolved",
    "http_config",
    "api_url",
    "account_sid",
    "auth_token",
    "auth_token_file",
    "from",
    "messaging_service_sid",
    "to",
    "text",
];

impl TwilioConfig {
    pub(super) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "twilio_configs", KEYS)?;
        let (auth_token, auth_token_file) = secret(&f, "auth_token", true)?;
        let (from, service) = (f.text("from")?, f.text("messaging_service_sid")?);
        f.at_most_one(
            "from",
            !from.is_empty(),
            "messaging_service_sid",
            !service.is_empty(),
        )?;
        if from.is_empty() && service.is_empty() {
            let error = f.error("one of from or messaging_service_sid must be configured");
            return Err(error.hint("the number or the service that sends"));
        }
        let account_sid = needed(&f, "account_sid", "the account of the console, AC…")?;
        if !account_sid.bytes().all(|b| b.is_ascii_alphanumeric()) {
            let error = f.error_at("account_sid", "an account is letters and digits");
            return Err(error.hint("AC and 32 hexadecimal digits"));
        }
        let api_url = match f.url("api_url")? {
            Some(url) => url,
            None => HttpUrl::parse(API).map_err(|error| f.error(error.to_string()))?,
        };
        let config = Self {
            send_resolved: f.boolean("send_resolved", true)?,
            http_config: context.http(&f)?,
            api_url: api_url.with_slash(),
            account_sid,
            auth_token,
            auth_token_file,
            from,
            messaging_service_sid: service,
            to: recipients(&f, RECIPIENTS_MAX)?,
            text: f.text_or("text", r#"{{ template "twilio.default.text" . }}"#)?,
        };
        if config.http_config.authorization.is_some() || config.http_config.basic_auth.is_some() {
            let error = f.error_at(
                "http_config",
                "Twilio takes the account and its token alone",
            );
            return Err(error.hint("remove basic_auth and authorization from this http_config"));
        }
        Ok(config)
    }
}

/// The numbers of `to`, each once.
pub(super) fn recipients(f: &Fields, max: usize) -> Result<Vec<String>> {
    let mut to = texts(f, "to")?;
    if to.iter().any(|number| number.trim().is_empty()) {
        return Err(f.error_at("to", "a number is empty"));
    }
    let mut seen = std::collections::HashSet::new();
    to.retain(|number| seen.insert(number.clone()));
    if to.is_empty() {
        return Err(f.error("missing to").hint("a list of phone numbers"));
    }
    if max < to.len() {
        let message = format!("{} numbers, of which one message takes {max}", to.len());
        return Err(f
            .error_at("to", message)
            .hint("spread them over several entries"));
    }
    Ok(to)
}
