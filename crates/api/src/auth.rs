//! Who is asking, and what they may do.
//!
//! Two kinds of callers are known: users of the file `--web.config.file` (HTTP basic auth, all tenants) and bearers of a token
//! (the tenants it names). Everybody else is anonymous and gets what is open to anybody: the default tenant when
//! [`Access::open_default`] says so, and tenants whose `anonymous_api` is on.

use std::sync::{Arc, PoisonError, RwLock};

use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use domain::id::TenantId;
use engine::{Engine, Tenant};

use crate::answer::{Refusal, json_string, refuse, text_error};

mod gate;
mod passwords;
mod tokens;

pub use gate::{Gate, GateError};
pub use passwords::{InvalidHash, Users};
pub use tokens::{Token, Tokens};

/// The header that names a tenant.
pub const TENANT_HEADER: &str = "x-scope-orgid";

/// Who may come in.
pub struct Access {
    gate: RwLock<Arc<Gate>>,
    tokens: Tokens,
    /// Whether the default tenant is open to anybody.
    open_default: bool,
}

/// Somebody who asks.
#[derive(Clone, Debug)]
pub enum Caller {
    /// Nobody we know.
    Anonymous,
    /// A user of the operator's file.
    User(Arc<str>),
    /// The bearer of a token.
    Bearer(Arc<Token>),
}

impl Access {
    /// Open to anybody, as Alertmanager is without `--web.config.file`.
    pub fn open() -> Self {
        Self::new(Gate::open(), Tokens::default(), true)
    }

    /// Open to the file's users and these tokens, and the default tenant to anybody if `open_default`.
    pub fn new(gate: Gate, tokens: Tokens, open_default: bool) -> Self {
        Self {
            gate: RwLock::new(Arc::new(gate)),
            tokens,
            open_default,
        }
    }

    /// Puts a changed file in force.
    pub fn set_gate(&self, gate: Gate) {
        *self.gate.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(gate);
    }

    /// The file in force.
    pub(crate) fn gate(&self) -> Arc<Gate> {
        Arc::clone(&self.gate.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Finds out who asks.
    ///
    /// With users configured nobody else comes in, whatever the path, as with Alertmanager.
    ///
    /// # Errors
    /// 401: the credentials are wrong, or there are none where some are needed.
    pub async fn caller(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let stated = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
        if let Some(token) = stated.and_then(|value| credentials(value, "Bearer")) {
            if let Some(token) = self.tokens.find(token) {
                return Ok(Caller::Bearer(token));
            }
            if !self.tokens.is_empty() {
                return refuse(self.unauthorized());
            }
        }
        let gate = self.gate();
        if gate.users.is_empty() {
            return Ok(Caller::Anonymous);
        }
        if let Some(encoded) = stated.and_then(|value| credentials(value, "Basic"))
            && let Some(name) = gate.users.verify(encoded).await
        {
            return Ok(Caller::User(name));
        }
        refuse(self.unauthorized())
    }

    /// The tenant a request is about.
    ///
    /// # Errors
    /// 401 for anonymous callers and 404 for others, the same whether the tenant is unknown or closed to them (G6).
    pub fn tenant(
        &self,
        caller: &Caller,
        headers: &HeaderMap,
        engine: &Engine,
    ) -> Result<Arc<Tenant>, Refusal> {
        let id = match (headers.get(TENANT_HEADER), caller) {
            (Some(named), _) => named.to_str().ok().and_then(|name| name.parse().ok()),
            (None, Caller::Bearer(token)) => Some(token.own_tenant()),
            (None, _) => Some(TenantId::default_tenant()),
        };
        let tenant = id
            .and_then(|id| engine.tenant(&id))
            .filter(|tenant| self.may_use(caller, tenant));
        match (tenant, caller) {
            (Some(tenant), _) => Ok(tenant),
            (None, Caller::Anonymous) => refuse(self.unauthorized()),
            (None, _) => refuse(json_string(
                StatusCode::NOT_FOUND,
                "no such tenant, or no access to it",
            )),
        }
    }

    fn may_use(&self, caller: &Caller, tenant: &Tenant) -> bool {
        match caller {
            Caller::User(_) => true,
            Caller::Bearer(token) => token.opens(tenant.id()),
            Caller::Anonymous => {
                let is_default = *tenant.id() == TenantId::default_tenant();
                (is_default && self.open_default) || tenant.settings().anonymous_api
            }
        }
    }

    /// Checks that the caller may look at and act on the instance as a whole.
    ///
    /// # Errors
    /// 401 or 403.
    pub fn operator(&self, caller: &Caller) -> Result<(), Refusal> {
        match caller {
            Caller::User(_) => Ok(()),
            Caller::Bearer(token) if token.opens_all() => Ok(()),
            Caller::Anonymous if self.open_default => Ok(()),
            Caller::Anonymous => refuse(self.unauthorized()),
            Caller::Bearer(_) => refuse(text_error(
                StatusCode::FORBIDDEN,
                "this token is for single tenants; a token for all tenants is needed here",
            )),
        }
    }

    fn unauthorized(&self) -> Response {
        let mut response = text_error(StatusCode::UNAUTHORIZED, "Unauthorized");
        let scheme = if self.gate().users.is_empty() {
            "Bearer"
        } else {
            "Basic"
        };
        response
            .headers_mut()
            .insert(WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
        response
    }
}

/// The part after the scheme, if it is this scheme.
fn credentials<'h>(header: &'h [u8], scheme: &str) -> Option<&'h [u8]> {
    let (stated, rest) = header.split_at_checked(scheme.len())?;
    let rest = rest.strip_prefix(b" ")?;
    stated
        .eq_ignore_ascii_case(scheme.as_bytes())
        .then(|| rest.trim_ascii())
}

#[cfg(test)]
mod tests;
