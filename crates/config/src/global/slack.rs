//! Slack defaults.

use super::url_or;
use crate::error::Result;
use crate::secret::{Secret, SecretUrl};
use crate::url::HttpUrl;
use crate::yaml::{Block, Fields};

/// Slack defaults.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SlackGlobal {
    /// The webhook.
    pub api_url: Option<SecretUrl>,
    /// A file instead of the URL.
    pub api_url_file: String,
    /// The token of an app.
    pub app_token: Secret,
    /// A file instead of the token.
    pub app_token_file: String,
    /// Where apps post.
    pub app_url: Option<HttpUrl>,
}

impl SlackGlobal {
    pub(super) fn decode(f: &Fields) -> Result<Self> {
        Ok(Self {
            api_url: f.secret_url("slack_api_url")?,
            api_url_file: f.text("slack_api_url_file")?,
            app_token: f.secret("slack_app_token")?,
            app_token_file: f.text("slack_app_token_file")?,
            app_url: url_or(f, "slack_app_url", "https://slack.com/api/chat.postMessage")?,
        })
    }

    /// A webhook and an app exclude each other, unless the "webhook" is the very address apps post to.
    pub(super) fn check(&self, f: &Fields) -> Result<()> {
        let has_token = !self.app_token.is_empty() || !self.app_token_file.is_empty();
        let has_url = self.api_url.is_some() || !self.api_url_file.is_empty();
        let api_url = self.api_url.as_ref().map(SecretUrl::expose);
        if has_token && has_url && api_url != self.app_url.as_ref().map(HttpUrl::as_str) {
            let message = "at most one of slack_app_token/slack_app_token_file & slack_api_url/slack_api_url_file must be configured";
            return Err(f.error(message));
        }
        Ok(())
    }

    pub(super) fn print(&self, block: Block) -> Block {
        block
            .secret_url("slack_api_url", self.api_url.as_ref())
            .text("slack_api_url_file", &self.api_url_file)
            .secret("slack_app_token", &self.app_token)
            .text("slack_app_token_file", &self.app_token_file)
            .url("slack_app_url", self.app_url.as_ref())
    }
}
