//! From a receiver's configuration to its integrations.

use std::path::PathBuf;
use std::sync::Arc;

use config::{HttpConfig, Integration as Configured, Receiver, ReceiverIntegration, WebhookConfig};
use domain::id::IntegrationId;
use outbound::{Http, HttpClient, HttpOptions};
use runtime::clock::SystemClock;

use crate::Integration;
use crate::discord::Discord;
use crate::http_options::{UnknownStore, http_options};
use crate::inbox::{Inbox, InboxSink};
use crate::incidentio::Incidentio;
use crate::jira::Jira;
use crate::mattermost::Mattermost;
use crate::msteams::Msteams;
use crate::opsgenie::Opsgenie;
use crate::pagerduty::Pagerduty;
use crate::provider::{HttpIntegration, Provider, Setup};
use crate::pushover::Pushover;
use crate::rocketchat::Rocketchat;
use crate::slack::Slack;
use crate::sns::{self, Sns};
use crate::telegram::Telegram;
use crate::template::TemplateSet;
use crate::victorops::Victorops;
use crate::webex::Webex;
use crate::webhook::{Address, Settings, Webhook};
use crate::wechat::Wechat;

/// Makes a client of an `http_config`; tests hand over one that records.
pub type HttpFactory =
    dyn Fn(&HttpOptions) -> Result<Arc<dyn Http>, outbound::BuildError> + Send + Sync;

/// What integrations are built with.
#[derive(Clone)]
pub struct Deps {
    /// Makes their HTTP clients.
    pub http: Arc<HttpFactory>,
    /// Where the tenant's inbox is.
    pub inbox: Arc<dyn InboxSink>,
    /// The templates texts of the configuration are executed with.
    pub templates: Arc<TemplateSet>,
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
            inbox,
            templates: Arc::default(),
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
    /// Its delivery is not written yet.
    #[error(
        "this version does not deliver {0} yet: remove it, or use webhook_configs or inbox_configs"
    )]
    Unsupported(&'static str),
    /// Its `http_config` names a secret store.
    #[error(transparent)]
    UnknownStore(#[from] UnknownStore),
    /// No client can be made of its `http_config`.
    #[error(transparent)]
    Client(#[from] outbound::BuildError),
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
        other => Err(BuildErrorCause::Unsupported(other.type_name())),
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
