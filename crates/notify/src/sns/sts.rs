//! Amazon's token service: keys of a role, lent for a quarter of an hour.

use super::sign::{Keys, Scope, sign};
use super::xml;
use crate::DeliveryError;
use crate::form;
use crate::provider::{Wire, unheard};

/// How long keys are lent, the shortest time there is; see [`super::lent`] for how long they are used.
const LENT_S: u32 = 15 * 60;

/// What the service writes down as the name of the session.
pub(super) const SESSION: &str = "belfry";

/// A role that is to be taken on, and by which proof.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) proof: Proof,
}

/// Why the role should be lent to us.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Proof {
    /// Keys of our own, and the id under which strangers may have the role.
    Keys { keys: Keys, external_id: String },
    /// A token that somebody else signed.
    Token { token: String, session: String },
}

/// Asks for the keys of a role.
pub(super) async fn lend(
    role: &Role,
    endpoint: &str,
    scope: Scope<'_>,
    wire: &Wire<'_>,
) -> Result<Keys, DeliveryError> {
    let life = LENT_S.to_string();
    let mut pairs = vec![("DurationSeconds", &*life), ("RoleArn", &role.arn)];
    let (action, session) = match &role.proof {
        Proof::Keys { external_id, .. } => {
            pairs.push(("ExternalId", external_id));
            ("AssumeRole", SESSION)
        }
        Proof::Token { token, session } => {
            pairs.push(("WebIdentityToken", token));
            ("AssumeRoleWithWebIdentity", &**session)
        }
    };
    pairs.extend([
        ("Action", action),
        ("RoleSessionName", session),
        ("Version", "2011-06-15"),
    ]);
    pairs.retain(|(_, value)| !value.is_empty());
    pairs.sort_unstable();
    let mut request = form::posted(endpoint, form::encode(pairs));
    if let Proof::Keys { keys, .. } = &role.proof {
        request = sign(request, keys, scope);
    }
    match &role.proof {
        Proof::Keys { keys, .. } => keys.confide(wire),
        Proof::Token { token, .. } => wire.confide(token),
    }
    let body = super::asked(request, wire).await;
    let body = body.map_err(|failed| unheard(failed.error))?;
    let keys = Keys {
        access_key: xml::text(&body, "AccessKeyId").unwrap_or_default(),
        secret_key: xml::text(&body, "SecretAccessKey").unwrap_or_default(),
        session_token: xml::text(&body, "SessionToken"),
    };
    if keys.access_key.is_empty() || keys.secret_key.is_empty() {
        let said = format!("no keys came for the role `{}`", role.arn);
        return Err(wire.refused(&said, endpoint, true).await);
    }
    Ok(keys)
}

/// Where the service is.
pub(super) fn endpoint(region: &str, is_fips: bool) -> String {
    let service = if is_fips { "sts-fips" } else { "sts" };
    format!("https://{service}.{region}.{}/", super::domain_of(region))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_service_is_near() {
        let endpoint = super::endpoint;
        assert_eq!(
            endpoint("us-east-2", false),
            "https://sts.us-east-2.amazonaws.com/"
        );
        assert_eq!(
            endpoint("us-east-2", true),
            "https://sts-fips.us-east-2.amazonaws.com/"
        );
        assert_eq!(
            endpoint("cn-north-1", false),
            "https://sts.cn-north-1.amazonaws.com.cn/"
        );
    }
}
