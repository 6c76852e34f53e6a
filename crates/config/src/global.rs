//! The `global` block: defaults that receivers inherit.

use std::path::Path;
use std::time::Duration;

use crate::error::Result;
use crate::http::HttpConfig;
use crate::secret::{Secret, SecretUrl};
use crate::url::HttpUrl;
use crate::yaml::{Block, Fields, Node, Value};

mod slack;
mod smtp;

pub use slack::SlackGlobal;
pub use smtp::Smtp;

/// An alert that is not sent again is resolved after this long, unless configured otherwise.
const RESOLVE_TIMEOUT_DEFAULT: Duration = Duration::from_secs(300);

/// The effective `global` block.
#[derive(Debug, Clone, PartialEq)]
pub struct Global {
    /// After this long an alert without an end that is not sent again counts as resolved.
    pub resolve_timeout: Duration,
    /// HTTP settings of receivers that have none of their own.
    pub http_config: HttpConfig,
    /// E-mail defaults.
    pub smtp: Smtp,
    /// Slack defaults.
    pub slack: SlackGlobal,
    /// Where Jira is.
    pub jira_api_url: Option<HttpUrl>,
    /// Where PagerDuty is.
    pub pagerduty_url: Option<HttpUrl>,
    /// Where OpsGenie is.
    pub opsgenie_api_url: Option<HttpUrl>,
    /// OpsGenie's key.
    pub opsgenie_api_key: Secret,
    /// A file instead of the key.
    pub opsgenie_api_key_file: String,
    /// Where WeChat is.
    pub wechat_api_url: Option<HttpUrl>,
    /// WeChat's secret.
    pub wechat_api_secret: Secret,
    /// A file instead of the secret.
    pub wechat_api_secret_file: String,
    /// WeChat's corporation.
    pub wechat_api_corp_id: String,
    /// Where VictorOps is.
    pub victorops_api_url: Option<HttpUrl>,
    /// VictorOps' key.
    pub victorops_api_key: Secret,
    /// A file instead of the key.
    pub victorops_api_key_file: String,
    /// Where Telegram is.
    pub telegram_api_url: Option<HttpUrl>,
    /// Telegram's token.
    pub telegram_bot_token: Secret,
    /// A file instead of the token.
    pub telegram_bot_token_file: String,
    /// Where Webex is.
    pub webex_api_url: Option<HttpUrl>,
    /// Where Rocket.Chat is.
    pub rocketchat_api_url: Option<HttpUrl>,
    /// Rocket.Chat's token.
    pub rocketchat_token: Option<Secret>,
    /// A file instead of the token.
    pub rocketchat_token_file: String,
    /// The token's name.
    pub rocketchat_token_id: Option<Secret>,
    /// A file instead of the name.
    pub rocketchat_token_id_file: String,
    /// Where Mattermost is.
    pub mattermost_webhook_url: Option<SecretUrl>,
    /// A file instead of the URL.
    pub mattermost_webhook_url_file: String,
}

const KEYS: &[&str] = &[
    "resolve_timeout",
    "http_config",
    "jira_api_url",
    "smtp_from",
    "smtp_hello",
    "smtp_smarthost",
    "smtp_auth_username",
    "smtp_auth_password",
    "smtp_auth_password_file",
    "smtp_auth_secret",
    "smtp_auth_secret_file",
    "smtp_auth_identity",
    "smtp_require_tls",
    "smtp_tls_config",
    "smtp_force_implicit_tls",
    "slack_api_url",
    "slack_api_url_file",
    "slack_app_token",
    "slack_app_token_file",
    "slack_app_url",
    "pagerduty_url",
    "opsgenie_api_url",
    "opsgenie_api_key",
    "opsgenie_api_key_file",
    "wechat_api_url",
    "wechat_api_secret",
    "wechat_api_secret_file",
    "wechat_api_corp_id",
    "victorops_api_url",
    "victorops_api_key",
    "victorops_api_key_file",
    "telegram_api_url",
    "telegram_bot_token",
    "telegram_bot_token_file",
    "webex_api_url",
    "rocketchat_api_url",
    "rocketchat_token",
    "rocketchat_token_file",
    "rocketchat_token_id",
    "rocketchat_token_id_file",
    "mattermost_webhook_url",
    "mattermost_webhook_url_file",
];

/// The URL at a key: the default when the key is absent, none when it is null.
fn url_or(f: &Fields, key: &str, default: &str) -> Result<Option<HttpUrl>> {
    match f.get(key) {
        Some(_) => f.url(key),
        None => Ok(HttpUrl::parse(default).ok()),
    }
}

impl Global {
    /// Reads the block; `node` is absent or null when nothing is configured.
    pub(crate) fn decode(node: Option<&Node>, base: Option<&Path>) -> Result<Self> {
        let nothing;
        let node = match node {
            Some(node) => node,
            None => {
                nothing = Node::null();
                &nothing
            }
        };
        let f = Fields::new(node, "global", KEYS)?;
        let http_config = f
            .some("http_config")
            .map(|node| HttpConfig::decode(node, base));
        let global = Self {
            resolve_timeout: f.duration_or("resolve_timeout", RESOLVE_TIMEOUT_DEFAULT)?,
            http_config: http_config.transpose()?.unwrap_or_default(),
            smtp: Smtp::decode(&f)?,
            slack: SlackGlobal::decode(&f)?,
            jira_api_url: f.url("jira_api_url")?,
            pagerduty_url: url_or(
                &f,
                "pagerduty_url",
                "https://events.pagerduty.com/v2/enqueue",
            )?,
            opsgenie_api_url: url_or(&f, "opsgenie_api_url", "https://api.opsgenie.com/")?,
            opsgenie_api_key: f.secret("opsgenie_api_key")?,
            opsgenie_api_key_file: f.text("opsgenie_api_key_file")?,
            wechat_api_url: url_or(&f, "wechat_api_url", "https://qyapi.weixin.qq.com/cgi-bin/")?,
            wechat_api_secret: f.secret("wechat_api_secret")?,
            wechat_api_secret_file: f.text("wechat_api_secret_file")?,
            wechat_api_corp_id: f.text("wechat_api_corp_id")?,
            victorops_api_url: url_or(
                &f,
                "victorops_api_url",
                "https://alert.victorops.com/integrations/generic/20131114/alert/",
            )?,
            victorops_api_key: f.secret("victorops_api_key")?,
            victorops_api_key_file: f.text("victorops_api_key_file")?,
            telegram_api_url: url_or(&f, "telegram_api_url", "https://api.telegram.org")?,
            telegram_bot_token: f.secret("telegram_bot_token")?,
            telegram_bot_token_file: f.text("telegram_bot_token_file")?,
            webex_api_url: url_or(&f, "webex_api_url", "https://webexapis.com/v1/messages")?,
            rocketchat_api_url: url_or(&f, "rocketchat_api_url", "https://open.rocket.chat/")?,
            rocketchat_token: f.maybe_secret("rocketchat_token")?,
            rocketchat_token_file: f.text("rocketchat_token_file")?,
            rocketchat_token_id: f.maybe_secret("rocketchat_token_id")?,
            rocketchat_token_id_file: f.text("rocketchat_token_id_file")?,
            mattermost_webhook_url: f.secret_url("mattermost_webhook_url")?,
            mattermost_webhook_url_file: f.text("mattermost_webhook_url_file")?,
        };
        global.check(&f)?;
        Ok(global)
    }

    fn check(&self, f: &Fields) -> Result<()> {
        let pair = |key: &str, is_set: bool, file: &str| {
            let file_key = format!("{key}_file");
            f.at_most_one(key, is_set, &file_key, !file.is_empty())
        };
        let (smtp, slack) = (&self.smtp, &self.slack);
        pair(
            "slack_app_token",
            !slack.app_token.is_empty(),
            &slack.app_token_file,
        )?;
        pair(
            "slack_api_url",
            slack.api_url.is_some(),
            &slack.api_url_file,
        )?;
        slack.check(f)?;
        pair(
            "opsgenie_api_key",
            !self.opsgenie_api_key.is_empty(),
            &self.opsgenie_api_key_file,
        )?;
        let victorops = !self.victorops_api_key.is_empty();
        pair("victorops_api_key", victorops, &self.victorops_api_key_file)?;
        let telegram = !self.telegram_bot_token.is_empty();
        pair(
            "telegram_bot_token",
            telegram,
            &self.telegram_bot_token_file,
        )?;
        pair(
            "smtp_auth_password",
            !smtp.auth_password.is_empty(),
            &smtp.auth_password_file,
        )?;
        pair(
            "rocketchat_token",
            self.rocketchat_token.is_some(),
            &self.rocketchat_token_file,
        )?;
        let token_id = self.rocketchat_token_id.is_some();
        pair(
            "rocketchat_token_id",
            token_id,
            &self.rocketchat_token_id_file,
        )?;
        pair(
            "smtp_auth_secret",
            !smtp.auth_secret.is_empty(),
            &smtp.auth_secret_file,
        )?;
        let wechat = !self.wechat_api_secret.is_empty();
        pair("wechat_api_secret", wechat, &self.wechat_api_secret_file)?;
        let mattermost = self.mattermost_webhook_url.is_some();
        pair(
            "mattermost_webhook_url",
            mattermost,
            &self.mattermost_webhook_url_file,
        )
    }

    pub(crate) fn print(&self) -> Value {
        let block = Block::new()
            .value(
                "resolve_timeout",
                crate::duration::print_prometheus(self.resolve_timeout)
                    .as_str()
                    .into(),
            )
            .value("http_config", self.http_config.print())
            .url("jira_api_url", self.jira_api_url.as_ref());
        let block = self.slack.print(self.smtp.print(block));
        block
            .url("pagerduty_url", self.pagerduty_url.as_ref())
            .url("opsgenie_api_url", self.opsgenie_api_url.as_ref())
            .secret("opsgenie_api_key", &self.opsgenie_api_key)
            .text("opsgenie_api_key_file", &self.opsgenie_api_key_file)
            .url("wechat_api_url", self.wechat_api_url.as_ref())
            .secret("wechat_api_secret", &self.wechat_api_secret)
            .text("wechat_api_secret_file", &self.wechat_api_secret_file)
            .text("wechat_api_corp_id", &self.wechat_api_corp_id)
            .url("victorops_api_url", self.victorops_api_url.as_ref())
            .secret("victorops_api_key", &self.victorops_api_key)
            .text("victorops_api_key_file", &self.victorops_api_key_file)
            .url("telegram_api_url", self.telegram_api_url.as_ref())
            .secret("telegram_bot_token", &self.telegram_bot_token)
            .text("telegram_bot_token_file", &self.telegram_bot_token_file)
            .url("webex_api_url", self.webex_api_url.as_ref())
            .url("rocketchat_api_url", self.rocketchat_api_url.as_ref())
            .maybe_secret("rocketchat_token", self.rocketchat_token.as_ref())
            .text("rocketchat_token_file", &self.rocketchat_token_file)
            .maybe_secret("rocketchat_token_id", self.rocketchat_token_id.as_ref())
            .text("rocketchat_token_id_file", &self.rocketchat_token_id_file)
            .secret_url(
                "mattermost_webhook_url",
                self.mattermost_webhook_url.as_ref(),
            )
            .text(
                "mattermost_webhook_url_file",
                &self.mattermost_webhook_url_file,
            )
            .done()
    }
}
