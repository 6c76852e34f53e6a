//! `aliyun_sms_configs`: SMS by Alibaba Cloud (`SendSms`). A key of our own.

use std::collections::BTreeMap;

use super::Context;
use super::own::{needed, secret};
use super::twilio::recipients;
use crate::error::Result;
use crate::http::HttpConfig;
use crate::secret::Secret;
use crate::url::HttpUrl;
use crate::yaml::{Fields, Node};

/// Where the service is when no other address is named.
const ENDPOINT: &str = "https://dysmsapi.aliyuncs.com/";

/// Most numbers of one request. The service takes 1000, but they stand in the address, which must not grow too long.
const RECIPIENTS_MAX: usize = 100;

/// What a variable of a template takes, in characters, when nothing else is configured.
const PARAM_CHARS_MAX: u64 = 35;

/// SMS by Alibaba Cloud.
#[derive(Debug, Clone, PartialEq)]
pub struct AliyunSmsConfig {
    /// Whether the end of alerts is told.
    pub send_resolved: bool,
    /// How we connect.
    pub http_config: HttpConfig,
    /// Where the service is.
    pub endpoint: HttpUrl,
    /// The access key.
    pub access_key_id: String,
    /// Its secret.
    pub access_key_secret: Secret,
    /// A file that holds it.
    pub access_key_secret_file: String,
    /// The registered signature that stands before the message.
    pub sign_name: String,
    /// The registered template.
    pub template_code: String,
    /// Its variables, each a template of ours.
    pub template_params: BTreeMap<String, String>,
    /// Most characters of a variable.
    pub param_chars_max: u64,
    /// The numbers messages go to.
    pub to: Vec<String>,
}

const KEYS: &[&str] = &[
    "send_resolved",
    "http_config",
    "endpoint",
    "access_key_id",
    "access_key_secret",
    "access_key_secret_file",
    "sign_name",
    "template_code",
    "template_params",
    "param_chars_max",
    "to",
];

impl AliyunSmsConfig {
    pub(super) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "aliyun_sms_configs", KEYS)?;
        let (key, file) = secret(&f, "access_key_secret", true)?;
        let endpoint = match f.url("endpoint")? {
            Some(url) => url,
            None => HttpUrl::parse(ENDPOINT).map_err(|error| f.error(error.to_string()))?,
        };
        if endpoint.as_str().contains(['?', '#']) {
            return Err(f.error_at("endpoint", "the endpoint is a host, without a query"));
        }
        let template_params = match f.some("template_params") {
            Some(_) => f.text_map("template_params")?,
            None => BTreeMap::new(),
        };
        let config = Self {
            send_resolved: f.boolean("send_resolved", true)?,
            http_config: context.http(&f)?,
            endpoint: endpoint.with_slash(),
            access_key_id: needed(&f, "access_key_id", "the access key of a RAM user")?,
            access_key_secret: key,
            access_key_secret_file: file,
            sign_name: needed(&f, "sign_name", "a signature that is registered")?,
            template_code: needed(&f, "template_code", "a template that is registered, SMS_…")?,
            template_params,
            param_chars_max: f.unsigned("param_chars_max", PARAM_CHARS_MAX)?,
            to: recipients(&f, RECIPIENTS_MAX)?,
        };
        if config.http_config.authorization.is_some() || config.http_config.basic_auth.is_some() {
            let error = f.error_at("http_config", "the access key alone proves who sends");
            return Err(error.hint("remove basic_auth and authorization from this http_config"));
        }
        if let Some(number) = config.to.iter().find(|number| number.contains(',')) {
            let message = format!("{number:?} is no number");
            return Err(f.error_at("to", message).hint("one number an element"));
        }
        Ok(config)
    }
}
