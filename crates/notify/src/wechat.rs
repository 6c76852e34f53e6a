//! WeChat Work: a message posted with a token that is fetched for it and kept for two hours.

mod token;

use std::path::PathBuf;

use async_trait::async_trait;
use config::WechatConfig;
use outbound::{Request, Source};

use crate::DeliveryError;
use crate::answer::{Answer, unreadable};
use crate::form;
use crate::go_json::Object;
use crate::provider::{Composing, Provider, Wire};
use crate::template::{Markup, TemplateSet, Text};
use token::{Account, Tokens};

/// What WeChat calls a success.
const OK: i64 = 0;

/// The token is invalid, or it expired: another one may do.
const STALE: [i64; 3] = [40001, 40014, 42001];

/// The system is busy; too many requests in all, in this minute, at once.
const PASSING: [i64; 4] = [-1, 45009, 45011, 45033];

pub(crate) struct Wechat {
    api_url: String,
    api_secret: Source,
    corp_id: Text,
    message: Text,
    to_user: Text,
    to_party: Text,
    to_tag: Text,
    agent_id: Text,
    message_type: String,
    tokens: Tokens,
}

#[derive(Clone)]
pub(crate) struct Message {
    corp_id: String,
    body: String,
}

impl Wechat {
    pub(crate) fn new(config: &WechatConfig, set: &TemplateSet) -> Self {
        let plain = |source: &str| set.text(source, Markup::Plain);
        let message = r#"{{ template "wechat.default.message" . }}"#;
        let api_secret = if config.api_secret.is_empty() {
            Source::File(PathBuf::from(&config.api_secret_file))
        } else {
            Source::inline(config.api_secret.expose())
        };
        Self {
            api_url: config.api_url.as_str().to_owned(),
            api_secret,
            corp_id: plain(&config.corp_id),
            message: set.text_or(&config.message, message, Markup::Plain),
            to_user: plain(&config.to_user),
            to_party: plain(&config.to_party),
            to_tag: plain(&config.to_tag),
            agent_id: plain(&config.agent_id),
            message_type: config.message_type.clone(),
            tokens: Tokens::default(),
        }
    }

    /// Posts a message once, and gives what WeChat says of it if that is no success.
    async fn post(
        &self,
        body: &str,
        token: &str,
        wire: &Wire<'_>,
    ) -> Result<Option<Refusal>, DeliveryError> {
        let query = form::encode([("access_token", token)]);
        let url = method(&self.api_url, "message/send", &query);
        let request = Request::post_json(&url, body.to_owned());
        let response = wire.accepted_or_retried(request, |_| true).await?;
        let answer = Answer::of(&response);
        if !answer.is_json() {
            return Err(unreadable(wire, &response.body, &url).await);
        }
        Ok(Refusal::of(&answer))
    }
}

/// What WeChat says of a request it refused.
pub(crate) struct Refusal {
    code: i64,
    said: String,
}

impl Refusal {
    /// Nothing when it accepted it.
    fn of(answer: &Answer) -> Option<Self> {
        let code = answer.number("/errcode").unwrap_or(OK);
        (code != OK).then(|| Self {
            code,
            said: format!("error {code} from WeChat: {}", answer.text("/errmsg")),
        })
    }

    async fn error(&self, wire: &Wire<'_>) -> DeliveryError {
        let is_retried = PASSING.contains(&self.code) || STALE.contains(&self.code);
        wire.refused(&self.said, "", is_retried).await
    }
}

/// The address of a method below the API's, which ends in `/`.
fn method(api_url: &str, name: &str, query: &str) -> String {
    let (path, own) = api_url.split_once('?').unwrap_or((api_url, ""));
    let between = if own.is_empty() { "" } else { "&" };
    format!("{path}{name}?{own}{between}{query}")
}

#[async_trait]
impl Provider for Wechat {
    type Message = Message;

    fn secrets(&self) -> Vec<Source> {
        vec![self.api_secret.clone()]
    }

    fn compose(&self, composing: &mut Composing<'_>) -> Result<Message, DeliveryError> {
        let message = composing.text("message", &self.message);
        let to_user = composing.needed("to_user", &self.to_user)?;
        let to_party = composing.needed("to_party", &self.to_party)?;
        let to_tag = composing.needed("to_tag", &self.to_tag)?;
        let agent_id = composing.needed("agent_id", &self.agent_id)?;
        let message = composing.flagged(message);
        let (text, markdown) = match self.message_type.as_str() {
            "markdown" => ("", &*message),
            _ => (&*message, ""),
        };
        let content = |text| Object::new().text("content", text).done();
        let body = Object::new()
            .json("text", &content(text))
            .some_texts([
                ("touser", &to_user),
                ("toparty", &to_party),
                ("totag", &to_tag),
                ("agentid", &agent_id),
            ])
            .text("safe", "0")
            .text("msgtype", &self.message_type)
            .json("markdown", &content(markdown))
            .line();
        Ok(Message {
            corp_id: composing.needed("corp_id", &self.corp_id)?,
            body,
        })
    }

    async fn send(&self, message: Message, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        let account = Account {
            secret: wire.read("api_secret", &self.api_secret).await?,
            corp_id: message.corp_id,
        };
        let token = self.tokens.get(&self.api_url, &account, wire).await?;
        let Some(refusal) = self.post(&message.body, &token, wire).await? else {
            return Ok(());
        };
        if !STALE.contains(&refusal.code) {
            return Err(refusal.error(wire).await);
        }
        self.tokens.forget(&token, wire).await?;
        let token = self.tokens.get(&self.api_url, &account, wire).await?;
        let Some(refusal) = self.post(&message.body, &token, wire).await? else {
            return Ok(());
        };
        if STALE.contains(&refusal.code) {
            self.tokens.forget(&token, wire).await?;
        }
        Err(refusal.error(wire).await)
    }
}

#[cfg(test)]
mod tests;
