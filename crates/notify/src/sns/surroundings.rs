//! Keys of what we run in: a container of Amazon's services, or one of its machines.

use std::path::Path;
use std::time::Duration;

use outbound::{Method, Request};

use super::Variables;
use super::credentials::NO_KEYS;
use super::sign::Keys;
use crate::answer::Answer;
use crate::classify::rejected;
use crate::provider::Wire;
use crate::secrets::read_trimmed;
use crate::{DeliveryError, RetryAdvice};

/// Where containers ask, when only a path is given.
const OF_CONTAINERS: &str = "http://169.254.170.2";
/// Where machines ask.
const OF_MACHINES: &str = "http://169.254.169.254";

/// How long one answer may take: it is near, or we are somewhere else.
const PATIENCE: Duration = Duration::from_secs(2);

/// What we run in.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Surroundings {
    /// A container, which asks here, with this for a proof.
    Container {
        url: String,
        authorization: Option<String>,
    },
    /// A machine, which asks there.
    Machine { service: String },
}

impl Surroundings {
    /// What the environment says of it. A machine is asked unless the environment forbids that.
    pub(super) async fn find(variables: Variables<'_>) -> Result<Option<Self>, DeliveryError> {
        let full = variables("AWS_CONTAINER_CREDENTIALS_FULL_URI");
        let relative = variables("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        let url = relative.map(|path| format!("{OF_CONTAINERS}{path}"));
        if let Some(url) = url.or(full) {
            let mut authorization = variables("AWS_CONTAINER_AUTHORIZATION_TOKEN");
            if let Some(file) = variables("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
                let token = read_trimmed(Path::new(&file)).await;
                authorization = Some(token.map_err(|error| {
                    let name = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
                    rejected(format!("{name} `{file}`: {error}"))
                })?);
            }
            return Ok(Some(Self::Container { url, authorization }));
        }
        let is_forbidden = variables("AWS_EC2_METADATA_DISABLED");
        if is_forbidden.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let service = variables("AWS_EC2_METADATA_SERVICE_ENDPOINT");
        let service = service.unwrap_or_else(|| OF_MACHINES.to_owned());
        let service = service.trim_end_matches('/').to_owned();
        Ok(Some(Self::Machine { service }))
    }

    /// Asks for keys.
    pub(super) async fn lend(&self, wire: &Wire<'_>) -> Result<Keys, DeliveryError> {
        let answer = match self {
            Self::Container { url, authorization } => {
                let header = authorization.as_deref().map(|a| ("Authorization", a));
                asked(request(Method::GET, url, header), wire).await?
            }
            Self::Machine { service } => of_machine(service, wire).await?,
        };
        let answer = Answer::of_bytes(&answer);
        let text = |name| Some(answer.text(name).to_owned()).filter(|text| !text.is_empty());
        let keys = text("/AccessKeyId").zip(text("/SecretAccessKey"));
        let (access_key, secret_key) = keys.ok_or_else(nobody)?;
        Ok(Keys {
            access_key,
            secret_key,
            session_token: text("/Token"),
        })
    }
}

/// What a machine's service says of the role that the machine has.
async fn of_machine(service: &str, wire: &Wire<'_>) -> Result<Vec<u8>, DeliveryError> {
    let life = ("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "60");
    let url = format!("{service}/latest/api/token");
    let token = asked(request(Method::PUT, &url, Some(life)), wire).await?;
    let token = String::from_utf8_lossy(&token).into_owned();
    let proof = Some(("X-Aws-Ec2-Metadata-Token", token.as_str()));
    let url = format!("{service}/latest/meta-data/iam/security-credentials/");
    let roles = asked(request(Method::GET, &url, proof), wire).await?;
    let roles = String::from_utf8_lossy(&roles);
    let role = roles.lines().next().unwrap_or_default();
    asked(request(Method::GET, &format!("{url}{role}"), proof), wire).await
}

fn request(method: Method, url: &str, header: Option<(&str, &str)>) -> Request {
    let headers = header.into_iter();
    Request {
        method,
        url: url.to_owned(),
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        body: Default::default(),
    }
}

/// Another attempt may find somebody: the service of a machine that just started is late at times.
fn nobody() -> DeliveryError {
    DeliveryError {
        retry: Some(RetryAdvice { after: None }),
        ..rejected(NO_KEYS.to_owned())
    }
}

/// Whoever does not answer well and soon has no keys for us.
async fn asked(request: Request, wire: &Wire<'_>) -> Result<Vec<u8>, DeliveryError> {
    let answered = tokio::time::timeout(PATIENCE, wire.exchange(request)).await;
    let response = answered.map_err(|_| nobody())?.map_err(|_| nobody())?;
    match response.status {
        200 => Ok(response.body.to_vec()),
        _ => Err(nobody()),
    }
}
