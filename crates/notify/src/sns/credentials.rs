//! Whose keys sign, and for which region: the configuration's, or what Amazon's own programs would find.

use std::path::Path;

use config::SigV4;
use domain::time::Timestamp;

use super::lent::Lent;
use super::profile::Profile;
use super::sign::{Keys, Scope};
use super::sts::{self, Proof, Role, lend};
use super::surroundings::Surroundings;
use super::{SharedVariables, Variables};
use crate::DeliveryError;
use crate::classify::rejected;
use crate::provider::Wire;
use crate::secrets::read_trimmed;

const NO_REGION: &str =
    "no region is known: set sigv4.region, AWS_REGION, or the region of the profile";
pub(super) const NO_KEYS: &str = "no keys are known: set sigv4.access_key and sigv4.secret_key, AWS_ACCESS_KEY_ID and \
    AWS_SECRET_ACCESS_KEY, AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, or the keys of a profile; no container or machine \
    of Amazon's answered with any";

/// Finds keys anew for every message, because files and roles change; only lent keys are kept.
pub(super) struct Credentials {
    sigv4: SigV4,
    variables: SharedVariables,
    /// Keys of the role that the environment names.
    own: Lent<Role>,
    /// Keys of the role that the configuration names.
    role: Lent<Role>,
    /// Keys of the container or machine we run in.
    around: Lent<Surroundings>,
}

/// Who signs, for which region.
pub(super) struct Signer {
    pub(super) region: String,
    pub(super) keys: Keys,
}

impl Credentials {
    pub(super) fn new(sigv4: &SigV4, variables: SharedVariables) -> Self {
        Self {
            sigv4: sigv4.clone(),
            variables,
            own: Lent::default(),
            role: Lent::default(),
            around: Lent::default(),
        }
    }

    /// The keys for a message that is signed at that time.
    ///
    /// # Errors
    /// There are none, or a role is not lent to us.
    pub(super) async fn signer(
        &self,
        at: Timestamp,
        wire: &Wire<'_>,
    ) -> Result<Signer, DeliveryError> {
        let profile = Profile::read(&self.profile_name(), self.variables()).await;
        let region = self.region(&profile)?;
        let scope = Scope {
            region: &region,
            service: "sts",
            at,
        };
        let mut keys = self.base_keys(&profile, scope, wire).await?;
        if !self.sigv4.role_arn.is_empty() {
            let role = Role {
                arn: self.sigv4.role_arn.clone(),
                proof: Proof::Keys {
                    keys,
                    external_id: self.sigv4.external_id.clone(),
                },
            };
            let endpoint = self.endpoint(&region);
            let lent = lend(&role, &endpoint, scope, wire);
            keys = self.role.keys(&role, lent, wire).await?;
        }
        Ok(Signer { region, keys })
    }

    /// Forgets keys that Amazon no longer takes, if they were lent.
    pub(super) async fn forget(&self, keys: &Keys, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        self.own.forget(keys, wire).await?;
        self.role.forget(keys, wire).await?;
        self.around.forget(keys, wire).await
    }

    fn variables(&self) -> Variables<'_> {
        &*self.variables
    }

    fn profile_name(&self) -> String {
        if self.sigv4.profile.is_empty() {
            let named = (self.variables)("AWS_PROFILE");
            return named.unwrap_or_else(|| "default".to_owned());
        }
        self.sigv4.profile.clone()
    }

    fn region(&self, profile: &Profile) -> Result<String, DeliveryError> {
        let own = &self.sigv4.region;
        let own = (!own.is_empty()).then(|| own.clone());
        own.or_else(|| (self.variables)("AWS_REGION"))
            .or_else(|| (self.variables)("AWS_DEFAULT_REGION"))
            .or_else(|| profile.get("region").map(str::to_owned))
            .ok_or_else(|| rejected(NO_REGION.to_owned()))
    }

    /// Where roles are lent.
    fn endpoint(&self, region: &str) -> String {
        let other = (self.variables)("AWS_ENDPOINT_URL_STS");
        let other = other.or_else(|| (self.variables)("AWS_ENDPOINT_URL"));
        other.unwrap_or_else(|| sts::endpoint(region, self.sigv4.use_fips_sts_endpoint))
    }

    /// The keys before the configuration's role is taken on, looked for in the order of Amazon's own programs.
    async fn base_keys(
        &self,
        profile: &Profile,
        scope: Scope<'_>,
        wire: &Wire<'_>,
    ) -> Result<Keys, DeliveryError> {
        if !self.sigv4.access_key.is_empty() {
            return Ok(Keys {
                access_key: self.sigv4.access_key.clone(),
                secret_key: self.sigv4.secret_key.expose().to_owned(),
                session_token: None,
            });
        }
        let has_profile = !self.sigv4.profile.is_empty();
        if !has_profile {
            if let Some(keys) = self.keys_of_environment() {
                return Ok(keys);
            }
            if let Some(role) = self.role_of_environment().await? {
                return self.own_role(role, scope, wire).await;
            }
        }
        if let Some(role) = self.role_of_profile(profile).await {
            return self.own_role(role, scope, wire).await;
        }
        if let Some(keys) = profile.keys() {
            return Ok(keys);
        }
        if has_profile {
            let said = format!("the profile `{}` has no keys", self.sigv4.profile);
            return Err(rejected(said));
        }
        let around = Surroundings::find(self.variables()).await?;
        let around = around.ok_or_else(|| rejected(NO_KEYS.to_owned()))?;
        self.around.keys(&around, around.lend(wire), wire).await
    }

    async fn own_role(
        &self,
        role: Role,
        scope: Scope<'_>,
        wire: &Wire<'_>,
    ) -> Result<Keys, DeliveryError> {
        let endpoint = self.endpoint(scope.region);
        let lent = lend(&role, &endpoint, scope, wire);
        self.own.keys(&role, lent, wire).await
    }

    /// The role that a profile names, with the keys of the profile it names for that.
    async fn role_of_profile(&self, profile: &Profile) -> Option<Role> {
        let arn = profile.get("role_arn")?.to_owned();
        let source = Profile::read(profile.get("source_profile")?, self.variables()).await;
        let external_id = profile.get("external_id").unwrap_or_default().to_owned();
        let keys = source.keys()?;
        let proof = Proof::Keys { keys, external_id };
        Some(Role { arn, proof })
    }

    fn keys_of_environment(&self) -> Option<Keys> {
        Keys::named(|name| (self.variables)(&name.to_ascii_uppercase()))
    }

    /// The role that the environment names, with the token that proves it: how programs in Kubernetes are known.
    async fn role_of_environment(&self) -> Result<Option<Role>, DeliveryError> {
        let variable = |name| (self.variables)(name);
        let (Some(file), Some(arn)) = (
            variable("AWS_WEB_IDENTITY_TOKEN_FILE"),
            variable("AWS_ROLE_ARN"),
        ) else {
            return Ok(None);
        };
        let token = read_trimmed(Path::new(&file)).await;
        let token = token
            .map_err(|error| rejected(format!("AWS_WEB_IDENTITY_TOKEN_FILE `{file}`: {error}")))?;
        let session = variable("AWS_ROLE_SESSION_NAME");
        let session = session.unwrap_or_else(|| sts::SESSION.to_owned());
        let proof = Proof::Token { token, session };
        Ok(Some(Role { arn, proof }))
    }
}
