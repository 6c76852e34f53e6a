//! The integrations of a receiver as a whole: their order, their names, and which are delivered.

use super::delivery::{self, RateLimit};
use super::{
    Context, DiscordConfig, EmailConfig, IncidentioConfig, JiraConfig, MattermostConfig,
    MsteamsConfig, Msteamsv2Config, OpsgenieConfig, Own, PagerdutyConfig, PushoverConfig,
    RocketchatConfig, SlackConfig, SnsConfig, TelegramConfig, VictoropsConfig, WebexConfig,
    WebhookConfig, WechatConfig, missing, own,
};
use crate::error::Result;
use crate::yaml::{Block, Fields, Node, Value};

/// The built-in inbox, our own addition: `inbox_configs: [{}]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxConfig {
    /// Whether the end of alerts is told.
    pub send_resolved: bool,
}

impl InboxConfig {
    fn decode(node: &Node, _: &Context<'_>) -> Result<Self> {
        let f = Fields::new(node, "inbox_configs", &["send_resolved"])?;
        Ok(Self {
            send_resolved: f.boolean("send_resolved", true)?,
        })
    }
}

/// One way of telling somebody, with its effective settings.
#[derive(Debug, Clone, PartialEq)]
pub enum Integration {
    /// A generic webhook.
    Webhook(Box<WebhookConfig>),
    /// E-mail.
    Email(Box<EmailConfig>),
    /// PagerDuty.
    Pagerduty(Box<PagerdutyConfig>),
    /// OpsGenie.
    Opsgenie(Box<OpsgenieConfig>),
    /// WeChat.
    Wechat(Box<WechatConfig>),
    /// Slack.
    Slack(Box<SlackConfig>),
    /// VictorOps.
    Victorops(Box<VictoropsConfig>),
    /// Pushover.
    Pushover(Box<PushoverConfig>),
    /// Amazon SNS.
    Sns(Box<SnsConfig>),
    /// Telegram.
    Telegram(Box<TelegramConfig>),
    /// Discord.
    Discord(Box<DiscordConfig>),
    /// Webex.
    Webex(Box<WebexConfig>),
    /// Microsoft Teams, the old connectors.
    Msteams(Box<MsteamsConfig>),
    /// Microsoft Teams, workflows.
    Msteamsv2(Box<Msteamsv2Config>),
    /// Jira.
    Jira(Box<JiraConfig>),
    /// incident.io.
    Incidentio(Box<IncidentioConfig>),
    /// Rocket.Chat.
    Rocketchat(Box<RocketchatConfig>),
    /// Mattermost.
    Mattermost(Box<MattermostConfig>),
    /// The built-in inbox.
    Inbox(InboxConfig),
    /// Another of our own integrations.
    Own(Box<Own>),
}

/// An integration at its place in a receiver.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceiverIntegration {
    /// What it is.
    pub integration: Integration,
    /// Its number among those of its type, from 0; part of its identity in the record of what was told.
    pub index: usize,
    /// How often it may be used; `None` as often as there is something to tell.
    pub rate_limit: Option<RateLimit>,
    /// Where it stands in the file.
    pub line: usize,
}

impl ReceiverIntegration {
    /// Its name in logs: `webhook[0]`.
    pub fn name(&self) -> String {
        format!("{}[{}]", self.integration.type_name(), self.index)
    }
}

impl Integration {
    /// The type's name in metrics and in the record of what was told.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Email(_) => "email",
            Self::Pagerduty(_) => "pagerduty",
            Self::Opsgenie(_) => "opsgenie",
            Self::Wechat(_) => "wechat",
            Self::Slack(_) => "slack",
            Self::Victorops(_) => "victorops",
            Self::Pushover(_) => "pushover",
            Self::Sns(_) => "sns",
            Self::Telegram(_) => "telegram",
            Self::Discord(_) => "discord",
            Self::Webex(_) => "webex",
            Self::Msteams(_) => "msteams",
            Self::Msteamsv2(_) => "msteamsv2",
            Self::Jira(_) => "jira",
            Self::Incidentio(_) => "incidentio",
            Self::Rocketchat(_) => "rocketchat",
            Self::Mattermost(_) => "mattermost",
            Self::Inbox(_) => "inbox",
            Self::Own(own) => own.type_name(),
        }
    }

    /// Whether the end of alerts is told.
    pub fn send_resolved(&self) -> bool {
        match self {
            Self::Webhook(config) => config.send_resolved,
            Self::Email(config) => config.send_resolved,
            Self::Pagerduty(config) => config.send_resolved,
            Self::Opsgenie(config) => config.send_resolved,
            Self::Wechat(config) => config.send_resolved,
            Self::Slack(config) => config.send_resolved,
            Self::Victorops(config) => config.send_resolved,
            Self::Pushover(config) => config.send_resolved,
            Self::Sns(config) => config.send_resolved,
            Self::Telegram(config) => config.send_resolved,
            Self::Discord(config) => config.send_resolved,
            Self::Webex(config) => config.send_resolved,
            Self::Msteams(config) => config.send_resolved,
            Self::Msteamsv2(config) => config.send_resolved,
            Self::Jira(config) => config.send_resolved,
            Self::Incidentio(config) => config.send_resolved,
            Self::Rocketchat(config) => config.send_resolved,
            Self::Mattermost(config) => config.send_resolved,
            Self::Inbox(config) => config.send_resolved,
            Self::Own(own) => own.send_resolved(),
        }
    }

    /// How often its provider lets it be used, where that is so little that nobody should have to find out.
    fn usual_rate_limit(&self) -> Option<RateLimit> {
        let is_bot = matches!(self.type_name(), "feishu" | "dingtalk" | "wecom_bot");
        is_bot.then_some(RateLimit::OF_BOTS)
    }

    fn print(&self) -> Value {
        match self {
            Self::Webhook(config) => config.print(),
            Self::Email(config) => config.print(),
            Self::Pagerduty(config) => config.print(),
            Self::Opsgenie(config) => config.print(),
            Self::Wechat(config) => config.print(),
            Self::Slack(config) => config.print(),
            Self::Victorops(config) => config.print(),
            Self::Pushover(config) => config.print(),
            Self::Sns(config) => config.print(),
            Self::Telegram(config) => config.print(),
            Self::Discord(config) => config.print(),
            Self::Webex(config) => config.print(),
            Self::Msteams(config) => config.print(),
            Self::Msteamsv2(config) => config.print(),
            Self::Jira(config) => config.print(),
            Self::Incidentio(config) => config.print(),
            Self::Rocketchat(config) => config.print(),
            Self::Mattermost(config) => config.print(),
            // Never printed: programs that read what is printed do not know them.
            Self::Inbox(_) | Self::Own(_) => Value::Null,
        }
    }
}

pub(super) const KEYS: &[&str] = &[
    "name",
    "labels",
    "discord_configs",
    "email_configs",
    "incidentio_configs",
    "pagerduty_configs",
    "slack_configs",
    "webhook_configs",
    "opsgenie_configs",
    "wechat_configs",
    "pushover_configs",
    "victorops_configs",
    "sns_configs",
    "telegram_configs",
    "webex_configs",
    "msteams_configs",
    "msteamsv2_configs",
    "jira_configs",
    "rocketchat_configs",
    "mattermost_configs",
    "inbox_configs",
    "feishu_configs",
    "dingtalk_configs",
    "wecom_bot_configs",
    "ntfy_configs",
    "gotify_configs",
    "googlechat_configs",
    "twilio_configs",
    "aliyun_sms_configs",
    "cloudevents_configs",
    "forward_configs",
    delivery::FALLBACK_RECEIVER,
    delivery::FALLBACK_AFTER,
    delivery::DELTA,
];

type Decode<T> = fn(&Node, &Context<'_>) -> Result<T>;

struct Collector<'a> {
    fields: &'a Fields,
    context: &'a Context<'a>,
    found: Vec<ReceiverIntegration>,
}

impl Collector<'_> {
    fn take<T>(&mut self, name: &str, decode: Decode<T>, wrap: fn(T) -> Integration) -> Result<()> {
        let wanted = format!("a list of {name} configs");
        let items = self.fields.list(&format!("{name}_configs"), &wanted)?;
        for (index, node) in items.iter().enumerate() {
            if node.is_null() {
                return Err(missing(node.mark, name));
            }
            let own = delivery::take_rate_limit(node)?;
            let node: &Node = node;
            let (rest, limit) = own
                .as_ref()
                .map_or((node, None), |(rest, limit)| (rest, Some(*limit)));
            let integration = wrap(decode(rest, self.context)?);
            self.found.push(ReceiverIntegration {
                rate_limit: limit.or_else(|| integration.usual_rate_limit()),
                integration,
                index,
                line: node.mark.line,
            });
        }
        Ok(())
    }
}

/// Reads all integrations, in the order in which they are told.
pub(super) fn decode_all(
    fields: &Fields,
    context: &Context<'_>,
) -> Result<Vec<ReceiverIntegration>> {
    let mut c = Collector {
        fields,
        context,
        found: Vec::new(),
    };
    c.take("webhook", WebhookConfig::decode, |x| {
        Integration::Webhook(Box::new(x))
    })?;
    c.take("email", EmailConfig::decode, |x| {
        Integration::Email(Box::new(x))
    })?;
    c.take("pagerduty", PagerdutyConfig::decode, |x| {
        Integration::Pagerduty(Box::new(x))
    })?;
    c.take("opsgenie", OpsgenieConfig::decode, |x| {
        Integration::Opsgenie(Box::new(x))
    })?;
    c.take("wechat", WechatConfig::decode, |x| {
        Integration::Wechat(Box::new(x))
    })?;
    c.take("slack", SlackConfig::decode, |x| {
        Integration::Slack(Box::new(x))
    })?;
    c.take("victorops", VictoropsConfig::decode, |x| {
        Integration::Victorops(Box::new(x))
    })?;
    c.take("pushover", PushoverConfig::decode, |x| {
        Integration::Pushover(Box::new(x))
    })?;
    c.take("sns", SnsConfig::decode, |x| Integration::Sns(Box::new(x)))?;
    c.take("telegram", TelegramConfig::decode, |x| {
        Integration::Telegram(Box::new(x))
    })?;
    c.take("discord", DiscordConfig::decode, |x| {
        Integration::Discord(Box::new(x))
    })?;
    c.take("webex", WebexConfig::decode, |x| {
        Integration::Webex(Box::new(x))
    })?;
    c.take("msteams", MsteamsConfig::decode, |x| {
        Integration::Msteams(Box::new(x))
    })?;
    c.take("msteamsv2", Msteamsv2Config::decode, |x| {
        Integration::Msteamsv2(Box::new(x))
    })?;
    c.take("jira", JiraConfig::decode, |x| {
        Integration::Jira(Box::new(x))
    })?;
    c.take("incidentio", IncidentioConfig::decode, |x| {
        Integration::Incidentio(Box::new(x))
    })?;
    c.take("rocketchat", RocketchatConfig::decode, |x| {
        Integration::Rocketchat(Box::new(x))
    })?;
    c.take("mattermost", MattermostConfig::decode, |x| {
        Integration::Mattermost(Box::new(x))
    })?;
    c.take("inbox", InboxConfig::decode, Integration::Inbox)?;
    for (name, decode) in own::DECODE {
        c.take(name, decode, |x| Integration::Own(Box::new(x)))?;
    }
    Ok(c.found)
}

/// Adds the lists of integrations in the order in which they are printed. Our own are left out: what is printed is read by other
/// programs, which do not know them.
pub(super) fn print_all(integrations: &[ReceiverIntegration], block: Block) -> Block {
    KEYS.iter().fold(block, |block, key| {
        let name = key.strip_suffix("_configs");
        let Some(name) = name.filter(|name| !own::NAMES.contains(name)) else {
            return block;
        };
        let of_type = integrations
            .iter()
            .filter(|i| i.integration.type_name() == name);
        block.list(key, of_type.map(|i| i.integration.print()).collect())
    })
}
