//! Configuration: text in, validated settings out. Nothing here opens a file or reads the environment.
//!
//! - [`alertmanager`]: alertmanager.yml, as strict as Alertmanager, with located errors ([`load`]);
//! - [`belfry`]: belfry.yaml and the `BELFRY_*` variables;
//! - [`web`]: the file of `--web.config.file`.

pub mod alertmanager;
pub mod belfry;
pub mod duration;
mod error;
mod event_recorder;
mod global;
mod http;
mod inhibit;
mod interval;
mod matchers;
pub mod receiver;
mod route;
mod secret;
mod template;
mod tls;
mod tracing;
mod url;
pub mod web;
mod yaml;

pub use alertmanager::{BUILTIN, Config, LoadOptions, load};
pub use error::{ConfigError, Mark};
pub use event_recorder::{EventKafka, EventRecorderConfig, EventWebhook};
pub use global::{Global, SlackGlobal, Smtp};
pub use http::{
    Authorization, BasicAuth, HeaderValues, HttpConfig, OAuth2, OAuth2Assertion, ProxyConfig,
};
pub use inhibit::InhibitRule;
pub use matchers::Warning;
pub use receiver::{
    AliyunSmsConfig, CloudeventsConfig, Delivery, DingtalkConfig, DingtalkMessage, DiscordConfig,
    EmailConfig, EmailThreading, FallbackTo, FeishuConfig, FeishuMessage, ForwardConfig,
    GooglechatConfig, GooglechatMessage, GotifyConfig, INBOX_TEXT, InboxConfig, IncidentioConfig,
    Integration, JiraConfig, JiraField, MattermostAttachment, MattermostConfig, MattermostField,
    MattermostPriority, MsteamsConfig, Msteamsv2Config, NtfyAction, NtfyActionKind, NtfyConfig,
    OpsgenieConfig, OpsgenieResponder, Own, PagerdutyConfig, PagerdutyImage, PagerdutyLink,
    PushoverConfig, RateLimit, Receiver, ReceiverIntegration, RocketchatAction, RocketchatConfig,
    RocketchatField, SigV4, SlackAction, SlackConfig, SlackConfirmation, SlackField, SnsConfig,
    TelegramConfig, Templated, ThreadByDate, TwilioConfig, VictoropsConfig, WebexConfig,
    WebhookConfig, WechatConfig, WecomBotConfig, WecomMessage,
};
pub use secret::{SECRET, Secret, SecretUrl};
pub use tls::{TlsConfig, TlsVersion};
pub use tracing::TracingConfig;
pub use url::{HostPort, HttpUrl, ProxyUrl};
pub use yaml::Value;
