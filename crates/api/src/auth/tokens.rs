//! Tokens: random texts that open tenants. Only their hashes are kept.

use std::collections::HashMap;
use std::sync::Arc;

use domain::id::TenantId;
use sha2::{Digest as _, Sha256};

/// What a token opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is called in logs.
    pub name: String,
    /// The tenants it opens, the first being meant when a request names none; empty opens all.
    pub tenants: Vec<TenantId>,
}

impl Token {
    /// The tenant meant by a request that names none.
    pub fn own_tenant(&self) -> TenantId {
        self.tenants
            .first()
            .cloned()
            .unwrap_or_else(TenantId::default_tenant)
    }

    /// Whether it opens a tenant.
    pub fn opens(&self, tenant: &TenantId) -> bool {
        self.opens_all() || self.tenants.contains(tenant)
    }

    /// Whether it opens every tenant, and the instance as a whole.
    pub fn opens_all(&self) -> bool {
        self.tenants.is_empty()
    }
}

/// The tokens in force, found by the SHA-256 of their text.
///
/// Looking up the hash tells an attacker nothing by its timing: what is compared is not under their control.
#[derive(Clone, Default)]
pub struct Tokens(HashMap<[u8; 32], Arc<Token>>);

impl Tokens {
    /// Tokens by their text.
    pub fn new<'t>(tokens: impl IntoIterator<Item = (&'t str, Token)>) -> Self {
        let hashed = tokens
            .into_iter()
            .map(|(text, token)| (hash(text.as_bytes()), Arc::new(token)));
        Self(hashed.collect())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The token of this text.
    pub fn find(&self, text: &[u8]) -> Option<Arc<Token>> {
        self.0.get(&hash(text)).cloned()
    }
}

fn hash(text: &[u8]) -> [u8; 32] {
    Sha256::digest(text).into()
}
