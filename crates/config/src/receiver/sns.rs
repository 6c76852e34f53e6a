//! `sns_configs`.

use std::collections::BTreeMap;

use super::Context;
use crate::error::Result;
use crate::http::HttpConfig;
use crate::secret::Secret;
use crate::yaml::{Block, Fields, Node, Value};

/// Amazon SNS.
#[derive(Debug, Clone, PartialEq)]
pub struct SnsConfig {
    /// Whether the end of alerts is told.
    pub send_resolved: bool,
    /// How we connect.
    pub http_config: HttpConfig,
    /// Another address than Amazon's, a template.
    pub api_url: String,
    /// Who signs.
    pub sigv4: SigV4,
    /// The topic.
    pub topic_arn: String,
    /// Or a telephone.
    pub phone_number: String,
    /// Or a device.
    pub target_arn: String,
    /// The subject.
    pub subject: String,
    /// The message.
    pub message: String,
    /// Attributes, templates.
    pub attributes: BTreeMap<String, String>,
    /// Whether upstream would use Amazon's own HTTP client; kept, of no effect here.
    pub use_aws_http_client: bool,
}

/// Amazon's signature; what is empty comes from the environment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SigV4 {
    /// The region.
    pub region: String,
    /// The key's name.
    pub access_key: String,
    /// The key.
    pub secret_key: Secret,
    /// A profile of Amazon's files.
    pub profile: String,
    /// A role to take on.
    pub role_arn: String,
    /// The external id under which the role is taken on.
    pub external_id: String,
    /// Whether roles are taken on at the FIPS address.
    pub use_fips_sts_endpoint: bool,
}

const KEYS: &[&str] = &[
    "send_resolved",
    "http_config",
    "api_url",
    "sigv4",
    "topic_arn",
    "phone_number",
    "target_arn",
    "subject",
    "message",
    "attributes",
    "use_aws_http_client",
];

impl SnsConfig {
    pub(super) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "sns_configs", KEYS)?;
        let config = Self {
            send_resolved: f.boolean("send_resolved", true)?,
            http_config: context.http(&f)?,
            api_url: f.text("api_url")?,
            sigv4: f
                .some("sigv4")
                .map(SigV4::decode)
                .transpose()?
                .unwrap_or_default(),
            topic_arn: f.text("topic_arn")?,
            phone_number: f.text("phone_number")?,
            target_arn: f.text("target_arn")?,
            subject: f.text_or("subject", r#"{{ template "sns.default.subject" . }}"#)?,
            message: f.text_or("message", r#"{{ template "sns.default.message" . }}"#)?,
            attributes: f.text_map("attributes")?,
            use_aws_http_client: f.boolean("use_aws_http_client", false)?,
        };
        let is_set = [&config.topic_arn, &config.target_arn, &config.phone_number];
        let count = is_set.iter().filter(|text| !text.is_empty()).count();
        // All three pass upstream's check as well, which only counts whether an odd number is set.
        if count % 2 == 0 {
            let message =
                "must provide either a Target ARN, Topic ARN, or Phone Number for SNS config";
            return Err(f.error(message));
        }
        Ok(config)
    }

    pub(super) fn print(&self) -> Value {
        Block::new()
            .value("send_resolved", Value::Bool(self.send_resolved))
            .value("http_config", self.http_config.print())
            .text("api_url", &self.api_url)
            .value("sigv4", self.sigv4.print())
            .all_texts(&[
                ("topic_arn", &self.topic_arn),
                ("phone_number", &self.phone_number),
                ("target_arn", &self.target_arn),
                ("subject", &self.subject),
                ("message", &self.message),
            ])
            .text_map("attributes", &self.attributes)
            .flag("use_aws_http_client", self.use_aws_http_client)
            .done()
    }
}

impl SigV4 {
    fn decode(node: &Node) -> Result<Self> {
        const KEYS: &[&str] = &[
            "region",
            "access_key",
            "secret_key",
            "profile",
            "role_arn",
            "external_id",
            "use_fips_sts_endpoint",
        ];
        let f = Fields::new(node, "sigv4", KEYS)?;
        let config = Self {
            region: f.text("region")?,
            access_key: f.text("access_key")?,
            secret_key: f.secret("secret_key")?,
            profile: f.text("profile")?,
            role_arn: f.text("role_arn")?,
            external_id: f.text("external_id")?,
            use_fips_sts_endpoint: f.boolean("use_fips_sts_endpoint", false)?,
        };
        if config.access_key.is_empty() != config.secret_key.is_empty() {
            let message = "must provide a AWS SigV4 Access key and Secret Key if credentials are specified in the SigV4 config";
            return Err(f.error(message));
        }
        if !config.external_id.is_empty() && config.role_arn.is_empty() {
            return Err(f.error_at("external_id", "external_id can only be used with role_arn"));
        }
        Ok(config)
    }

    fn print(&self) -> Value {
        Block::new()
            .all_texts(&[("region", &self.region), ("access_key", &self.access_key)])
            .secret("secret_key", &self.secret_key)
            .all_texts(&[
                ("profile", &self.profile),
                ("role_arn", &self.role_arn),
                ("external_id", &self.external_id),
            ])
            .flag("use_fips_sts_endpoint", self.use_fips_sts_endpoint)
            .done()
    }
}
