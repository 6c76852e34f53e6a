//! From a receiver's configuration to its integrations.

use std::path::PathBuf;
use std::sync::Arc;

use config::{
    EmailConfig, HttpConfig, Integration as Configured, Own, Receiver, ReceiverIntegration,
    WebhookConfig,
};
use domain::id::IntegrationId;
use outbound::smtp::{Encryption, SmtpCredentials, SmtpOptions, port_number};
use outbound::{Http, HttpClient, HttpOptions, Smtp, SmtpClient, TlsOptions};
use runtime::clock::{SharedClock, SystemClock};

use crate::Integration;
use crate::aliyun_sms::AliyunSms;
use crate::cloudevents::Cloudevents;
use crate::dingtalk::Dingtalk;
use crate::discord::Discord;
use crate::email::Email;
use crate::feishu::Feishu;
use crate::forward::Forward;
use crate::googlechat::Googlechat;
use crate::gotify::Gotify;
use crate::http_options::{Unsupported, http_options, secret_source, tls};
use crate::inbox::{Inbox, InboxSink};
use crate::incidentio::Incidentio;
use crate::jira::Jira;
use crate::mattermost::Mattermost;
use crate::msteams::Msteams;
use crate::ntfy::Ntfy;
use crate::opsgenie::Opsgenie;
use crate::pagerduty::Pagerduty;
use crate::provider::{HttpIntegration, Provider, Setup};
use crate::pushover::Pushover;
use crate::rocketchat::Rocketchat;
use crate::slack::Slack;
use crate::sns::{self, Sns};
use crate::telegram::Telegram;
use crate::template::TemplateSet;
use crate::twilio::Twilio;
use crate::victorops::Victorops;
use crate::webex::Webex;
use crate::webhook::{Address, Settings, Webhook};
use crate::wechat::Wechat;
use crate::wecom_bot::WecomBot;

/// Makes a client of an `http_config`; tests hand over one that records.
pub type HttpFactory =
    dyn Fn(&HttpOptions) -> Result<Arc<dyn Http>, outbound::BuildError> + Send + Sync;

/// Makes a client of a mail server; tests hand over one that records.
pub type SmtpFactory =
    dyn Fn(&SmtpOptions) -> Result<Arc<dyn Smtp>, outbound::BuildError> + Send + Sync;

/// What integrations are built with.
#[derive(Clone)]
pub struct Deps {
    /// Makes their HTTP clients.
    pub http: Arc<HttpFactory>,
    /// Makes their clients of mail servers.
    pub smtp: Arc<SmtpFactory>,
    /// Where the tenant's inbox is.
    pub inbox: Arc<dyn InboxSink>,
    /// The templates texts of the configuration are executed with.
    pub templates: Arc<TemplateSet>,
    /// What time it is, for signatures.
    pub clock: SharedClock,
}

impl Deps {
    /// Real clients that call themselves `user_agent` (`Belfry/<version>`).
    pub fn new(user_agent: &str, inbox: Arc<dyn InboxSink>) -> Self {
        let user_agent = user_agent.to_owned();
        let build = move |options: &HttpOptions| -> Result<Arc<dyn Http>, outbound::BuildError> {
            Ok(Arc::new(HttpClient::new(options, &user_agent)?))
        };
        Self {
            http: Arc::new(build),
            smtp: Arc::new(|options| Ok(Arc::new(SmtpClient::new(options)?))),
            inbox,
            templates: Arc::default(),
            clock: SystemClock::shared(),
        }
    }

    /// The same with a tenant's templates.
    #[must_use]
    pub fn with_templates(&self, templates: Arc<TemplateSet>) -> Self {
        Self {
            templates,
            ..self.clone()
        }
    }
}

/// An integration that cannot be built: the configuration must be refused.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: receiver `{receiver}`: {integration}: {cause}")]
pub struct BuildError {
    /// The receiver's name.
    pub receiver: String,
    /// The integration, `webhook[0]`.
    pub integration: String,
    /// Where it stands in the file.
    pub line: usize,
    /// What is wrong with it.
    pub cause: BuildErrorCause,
}

/// Why an integration cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildErrorCause {
    /// Its `http_config` asks for what we cannot do.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// No client can be made of its `http_config`, or of what is said about its mail server.
    #[error(transparent)]
    Client(#[from] outbound::BuildError),
    /// The port of its mail server is none.
    #[error("smarthost: `{0}` is neither a port's number nor the name of a mail service")]
    Port(String),
}

/// Builds a receiver's integrations, in the order in which they are told.
///
/// # Errors
/// The first integration that cannot be built, and why.
pub fn build_receiver(
    receiver: &Receiver,
    deps: &Deps,
) -> Result<Vec<Arc<dyn Integration>>, BuildError> {
    let build = |configured: &ReceiverIntegration| {
        let id = IntegrationId::new(
            &receiver.name,
            configured.integration.type_name(),
            configured.index,
        );
        build_integration(id, &configured.integration, deps).map_err(|cause| BuildError {
            receiver: receiver.name.clone(),
            integration: configured.name(),
            line: configured.line,
            cause,
        })
    };
    receiver.integrations.iter().map(build).collect()
}

fn build_integration(
    id: IntegrationId,
    configured: &Configured,
    deps: &Deps,
) -> Result<Arc<dyn Integration>, BuildErrorCause> {
    let set = &*deps.templates;
    let built = (id.clone(), configured, deps);
    match configured {
        Configured::Webhook(config) => Ok(Arc::new(build_webhook(id, config, deps)?)),
        Configured::Inbox(config) => Ok(Arc::new(Inbox::new(
            id,
            config.send_resolved,
            Arc::clone(&deps.inbox),
            Arc::clone(&deps.templates),
        ))),
        Configured::Email(config) => {
            let smtp = (deps.smtp)(&smtp_options(config)?)?;
            let templates = Arc::clone(&deps.templates);
            Ok(Arc::new(Email::new(id, config, smtp, templates)))
        }
        Configured::Discord(c) => over_http(built, &c.http_config, Discord::new(c, set)),
        Configured::Msteams(c) => over_http(built, &c.http_config, Msteams::new(c, set)),
        Configured::Msteamsv2(c) => over_http(built, &c.http_config, Msteams::v2(c, set)),
        Configured::Slack(c) => over_http(built, &c.http_config, Slack::new(c, set)),
        Configured::Sns(c) => {
            // Amazon looks at signatures by the real time.
            let sns = Sns::new(c, set, SystemClock::shared(), sns::environment());
            over_http(built, &c.http_config, sns)
        }
        Configured::Wechat(c) => over_http(built, &c.http_config, Wechat::new(c, set)),
        Configured::Webex(c) => over_http(built, &c.http_config, Webex::new(c, set)),
        Configured::Rocketchat(c) => over_http(built, &c.http_config, Rocketchat::new(c, set)),
        Configured::Mattermost(c) => over_http(built, &c.http_config, Mattermost::new(c, set)),
        Configured::Opsgenie(c) => over_http(built, &c.http_config, Opsgenie::new(c, set)),
        Configured::Victorops(c) => over_http(built, &c.http_config, Victorops::new(c, set)),
        Configured::Pushover(c) => over_http(built, &c.http_config, Pushover::new(c, set)),
        Configured::Telegram(c) => over_http(built, &c.http_config, Telegram::new(c, set)),
        Configured::Incidentio(c) => over_http(built, &c.http_config, Incidentio::new(c)),
        Configured::Jira(c) => over_http(built, &c.http_config, Jira::new(c, set)),
        Configured::Pagerduty(c) => over_http(built, &c.http_config, Pagerduty::new(c, set)),
        Configured::Own(own) => own_integration(built, own),
    }
}

/// The integrations that only we have.
fn own_integration(
    built: (IntegrationId, &Configured, &Deps),
    own: &Own,
) -> Result<Arc<dyn Integration>, BuildErrorCause> {
    let (http, set) = (own.http_config(), &*built.2.templates);
    match own {
        Own::Feishu(c) => over_http(built, http, Feishu::new(c, set)),
        Own::Dingtalk(c) => over_http(built, http, Dingtalk::new(c, set)),
        Own::WecomBot(c) => over_http(built, http, WecomBot::new(c, set)),
        Own::Ntfy(c) => over_http(built, http, Ntfy::new(c, set)),
        Own::Gotify(c) => over_http(built, http, Gotify::new(c, set)),
        Own::Googlechat(c) => over_http(built, http, Googlechat::new(c, set)),
        Own::Twilio(c) => over_http(built, http, Twilio::new(c, set)),
        Own::AliyunSms(c) => over_http(built, http, AliyunSms::new(c, set)),
        Own::Cloudevents(c) => over_http(built, http, Cloudevents::new(c, set)),
        Own::Forward(c) => over_http(built, http, Forward::new(c)),
    }
}

fn build_webhook(
    id: IntegrationId,
    config: &WebhookConfig,
    deps: &Deps,
) -> Result<Webhook, BuildErrorCause> {
    let (options, http) = client(&config.http_config, deps)?;
    let address = match &config.url {
        Some(url) => Address::Url(url.expose().into()),
        None => Address::File(PathBuf::from(&config.url_file)),
    };
    let settings = Settings {
        address,
        send_resolved: config.send_resolved,
        max_alerts: config.max_alerts,
        timeout: config.timeout.positive(),
        payload: config.payload.clone(),
    };
    let templates = Arc::clone(&deps.templates);
    Ok(Webhook::new(id, settings, &options, http, templates))
}

fn smtp_options(config: &EmailConfig) -> Result<SmtpOptions, BuildErrorCause> {
    let port = &config.smarthost.port;
    let port = port_number(port).ok_or_else(|| BuildErrorCause::Port(port.clone()))?;
    let is_implicit = config.force_implicit_tls.unwrap_or(port == 465);
    let encryption = match (is_implicit, config.require_tls) {
        (true, _) => Encryption::Implicit,
        (false, true) => Encryption::StartTls,
        (false, false) => Encryption::None,
    };
    let tls = match &config.tls_config {
        Some(config) => tls(config)?,
        None => TlsOptions::default(),
    };
    let credentials = SmtpCredentials {
        username: config.auth_username.clone(),
        password: secret_source(&config.auth_password, &config.auth_password_file),
        secret: secret_source(&config.auth_secret, &config.auth_secret_file),
        identity: config.auth_identity.clone(),
    };
    let hello = match config.hello.as_str() {
        "" => "localhost",
        hello => hello,
    };
    Ok(SmtpOptions {
        host: config.smarthost.host.clone(),
        port,
        hello: hello.to_owned(),
        encryption,
        tls,
        // Without a user there is nobody to be.
        credentials: Some(credentials).filter(|own| !own.username.is_empty()),
    })
}

fn over_http<P: Provider>(
    (id, configured, deps): (IntegrationId, &Configured, &Deps),
    http_config: &HttpConfig,
    provider: P,
) -> Result<Arc<dyn Integration>, BuildErrorCause> {
    let (options, http) = client(http_config, deps)?;
    let setup = Setup {
        id,
        kind: configured.type_name(),
        send_resolved: configured.send_resolved(),
        options,
        http,
        clock: Arc::clone(&deps.clock),
        templates: Arc::clone(&deps.templates),
    };
    Ok(Arc::new(HttpIntegration::new(setup, provider)))
}

fn client(
    config: &HttpConfig,
    deps: &Deps,
) -> Result<(HttpOptions, Arc<dyn Http>), BuildErrorCause> {
    let options = http_options(config)?;
    let http = (deps.http)(&options)?;
    Ok((options, http))
}

#[cfg(test)]
mod tests;
