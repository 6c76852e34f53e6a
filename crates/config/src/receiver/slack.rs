//! `slack_configs`.

use super::Context;
use super::chat;
use crate::duration::GoDuration;
use crate::error::Result;
use crate::http::{Authorization, HttpConfig, join};
use crate::secret::{SECRET, Secret, SecretUrl};
use crate::url::HttpUrl;
use crate::yaml::{Block, Fields, Node, Value};

pub use chat::Field as SlackField;

mod action;

pub use action::{SlackAction, SlackConfirmation};

/// Slack: a webhook, or an app with a token.
#[derive(Debug, Clone, PartialEq)]
pub struct SlackConfig {
    /// Whether the end of alerts is told.
    pub send_resolved: bool,
    /// How we connect; with an app token its `authorization` is that token.
    pub http_config: HttpConfig,
    /// Where messages go; with an app token the same as `app_url`.
    pub api_url: Option<SecretUrl>,
    /// A file that holds the URL.
    pub api_url_file: String,
    /// The app's token.
    pub app_token: Secret,
    /// A file that holds the token.
    pub app_token_file: String,
    /// Where apps post.
    pub app_url: HttpUrl,
    /// The channel or user.
    pub channel: String,
    /// Who we say we are.
    pub username: String,
    /// The colour.
    pub color: String,
    /// The title.
    pub title: String,
    /// Where the title leads.
    pub title_link: String,
    /// The text before.
    pub pretext: String,
    /// The text.
    pub text: String,
    /// The text outside of the attachment.
    pub message_text: String,
    /// A table.
    pub fields: Vec<SlackField>,
    /// Whether fields are short unless they say otherwise.
    pub short_fields: bool,
    /// The footer.
    pub footer: String,
    /// The text where attachments cannot be shown.
    pub fallback: String,
    /// The callback.
    pub callback_id: String,
    /// An emoji as our picture.
    pub icon_emoji: String,
    /// Our picture.
    pub icon_url: String,
    /// An image.
    pub image_url: String,
    /// A small image.
    pub thumb_url: String,
    /// Whether names are linked.
    pub link_names: bool,
    /// Which parts are Markdown; `None`: the usual ones.
    pub mrkdwn_in: Option<Vec<String>>,
    /// Buttons.
    pub actions: Vec<SlackAction>,
    /// Whether the first message is changed instead of another one sent.
    pub update_message: bool,
    /// The longest one attempt may take; none when not positive.
    pub timeout: GoDuration,
}

/// Where a message can be changed.
const POST_MESSAGE: &str = "https://slack.com/api/chat.postMessage";

const KEYS: &[&str] = &[
    "send_resolved",
    "http_config",
    "api_url",
    "api_url_file",
    "app_token",
    "app_token_file",
    "app_url",
    "channel",
    "username",
    "color",
    "title",
    "title_link",
    "pretext",
    "text",
    "message_text",
    "fields",
    "short_fields",
    "footer",
    "fallback",
    "callback_id",
    "icon_emoji",
    "icon_url",
    "image_url",
    "thumb_url",
    "link_names",
    "mrkdwn_in",
    "actions",
    "update_message",
    "timeout",
];

/// Where and as whom we post.
struct Endpoint {
    http_config: HttpConfig,
    api_url: Option<SecretUrl>,
    api_url_file: String,
    app_token: Secret,
    app_token_file: String,
    app_url: HttpUrl,
}

impl SlackConfig {
    pub(super) fn decode(node: &Node, context: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "slack_configs", KEYS)?;
        let update_message = f.boolean("update_message", false)?;
        let endpoint = Endpoint::decode(&f, context, update_message)?;
        Ok(Self {
            send_resolved: f.boolean("send_resolved", false)?,
            http_config: endpoint.http_config,
            api_url: endpoint.api_url,
            api_url_file: endpoint.api_url_file,
            app_token: endpoint.app_token,
            app_token_file: endpoint.app_token_file,
            app_url: endpoint.app_url,
            channel: f.text("channel")?,
            username: template(&f, "username")?,
            color: template(&f, "color")?,
            title: template(&f, "title")?,
            title_link: template(&f, "title_link")?,
            pretext: template(&f, "pretext")?,
            text: template(&f, "text")?,
            message_text: f.text("message_text")?,
            fields: decode_fields(&f)?,
            short_fields: f.boolean("short_fields", false)?,
            footer: template(&f, "footer")?,
            fallback: template(&f, "fallback")?,
            callback_id: template(&f, "callback_id")?,
            icon_emoji: template(&f, "icon_emoji")?,
            icon_url: template(&f, "icon_url")?,
            image_url: f.text("image_url")?,
            thumb_url: f.text("thumb_url")?,
            link_names: f.boolean("link_names", false)?,
            mrkdwn_in: f.texts("mrkdwn_in")?,
            actions: decode_actions(&f)?,
            update_message,
            timeout: f.go_duration("timeout")?,
        })
    }

    pub(super) fn print(&self) -> Value {
        Block::new()
            .value("send_resolved", Value::Bool(self.send_resolved))
            .value("http_config", self.http_config.print())
            .secret_url("api_url", self.api_url.as_ref())
            .text("api_url_file", &self.api_url_file)
            .secret("app_token", &self.app_token)
            .all_texts(&[
                ("app_token_file", &self.app_token_file),
                ("app_url", self.app_url.as_str()),
                ("channel", &self.channel),
                ("username", &self.username),
                ("color", &self.color),
                ("title", &self.title),
                ("title_link", &self.title_link),
                ("pretext", &self.pretext),
                ("text", &self.text),
                ("message_text", &self.message_text),
            ])
            .list(
                "fields",
                self.fields.iter().map(SlackField::print).collect(),
            )
            .value("short_fields", Value::Bool(self.short_fields))
            .all_texts(&[
                ("footer", &self.footer),
                ("fallback", &self.fallback),
                ("callback_id", &self.callback_id),
                ("icon_emoji", &self.icon_emoji),
                ("icon_url", &self.icon_url),
                ("image_url", &self.image_url),
                ("thumb_url", &self.thumb_url),
            ])
            .value("link_names", Value::Bool(self.link_names))
            .texts("mrkdwn_in", self.mrkdwn_in.as_deref().unwrap_or(&[]))
            .list(
                "actions",
                self.actions.iter().map(SlackAction::print).collect(),
            )
            .value("update_message", Value::Bool(self.update_message))
            .value("timeout", self.timeout.to_string().as_str().into())
            .done()
    }
}

/// A text whose default is the template of its name, written without underscores.
fn template(f: &Fields, key: &str) -> Result<String> {
    let name = key.replace('_', "");
    f.text_or(
        key,
        &format!("{{{{ template \"slack.default.{name}\" . }}}}"),
    )
}

fn decode_fields(f: &Fields) -> Result<Vec<SlackField>> {
    let nodes = f.list("fields", "a list of fields")?.iter();
    nodes
        .map(|node| SlackField::decode(node, "Slack"))
        .collect()
}

fn decode_actions(f: &Fields) -> Result<Vec<SlackAction>> {
    let nodes = f.list("actions", "a list of actions")?.iter();
    nodes.map(|node| SlackAction::decode(node)).collect()
}

impl Endpoint {
    fn decode(f: &Fields, context: &Context<'_>, update_message: bool) -> Result<Self> {
        let slack = &context.global.slack;
        let own_http = context.own_http(f)?;
        let (mut api_url, mut api_url_file) = (f.secret_url("api_url")?, f.text("api_url_file")?);
        let (mut app_token, mut app_token_file) =
            (f.secret("app_token")?, f.text("app_token_file")?);
        f.at_most_one(
            "api_url",
            api_url.is_some(),
            "api_url_file",
            !api_url_file.is_empty(),
        )?;
        let has_file = !app_token_file.is_empty();
        f.at_most_one(
            "app_token",
            !app_token.is_empty(),
            "app_token_file",
            has_file,
        )?;
        let has_token = !app_token.is_empty() || has_file;
        let has_url = api_url.is_some() || !api_url_file.is_empty();
        let (url_keys, token_keys) = ("api_url/api_url_file", "app_token/app_token_file");
        // Printed with its secrets hidden, a configuration with a token has both; it can be read again.
        let is_hidden = api_url.as_ref().is_some_and(|url| url.expose() == SECRET);
        f.at_most_one(url_keys, has_url && !is_hidden, token_keys, has_token)?;
        let is_post_message = api_url
            .as_ref()
            .is_some_and(|url| url.expose() == POST_MESSAGE);
        if update_message && !is_post_message && !is_hidden {
            let message = format!(
                "update_message can only be used with bot tokens. api_url must be set to {POST_MESSAGE}"
            );
            return Err(f.error_at("update_message", message));
        }
        let app_url = f.url("app_url")?.or_else(|| slack.app_url.clone());
        let app_url = app_url.ok_or_else(|| f.error("no global Slack App URL set"))?;
        // The global token is not taken where the receiver brings its own way in.
        let has_own_auth = own_http
            .as_ref()
            .is_some_and(|http| http.authorization.is_some());
        if !has_token && !has_own_auth && api_url.is_none() {
            app_token = slack.app_token.clone();
            app_token_file.clone_from(&slack.app_token_file);
        }
        if api_url.is_none() && api_url_file.is_empty() {
            api_url.clone_from(&slack.api_url);
            api_url_file.clone_from(&slack.api_url_file);
        }
        let has_token = !app_token.is_empty() || !app_token_file.is_empty();
        if api_url.is_none() && api_url_file.is_empty() && !has_token {
            let message = "no Slack API URL nor App token set either inline or in a file";
            return Err(f
                .error(message)
                .hint("set api_url or app_token here or in global"));
        }
        let http_config = own_http.unwrap_or_else(|| context.global.http_config.clone());
        let mut endpoint = Self {
            http_config,
            api_url,
            api_url_file,
            app_token,
            app_token_file,
            app_url,
        };
        if has_token {
            endpoint.take_token(f, context, is_hidden)?;
        }
        Ok(endpoint)
    }

    /// Puts the app's token where requests are authorized, and the app's address where messages go.
    fn take_token(&mut self, f: &Fields, context: &Context<'_>, is_hidden: bool) -> Result<()> {
        if self.http_config.authorization.is_some() && !is_hidden {
            return Err(f.error("http authorization can't be set when using Slack App tokens"));
        }
        self.http_config.authorization = Some(Authorization {
            kind: "Bearer".to_owned(),
            credentials: self.app_token.clone(),
            credentials_file: join(context.base, self.app_token_file.clone()),
            credentials_ref: String::new(),
        });
        self.api_url = Some(SecretUrl::new(self.app_url.as_str()));
        Ok(())
    }
}
