//! Identities that cannot be mixed up.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A tenant: 1 to 64 characters of `[A-Za-z0-9_-]`, the first part of every key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(Arc<str>);

impl TenantId {
    /// The one tenant of the drop-in mode. Named, not `Default`, so that nobody gets it by accident (S3).
    pub fn default_tenant() -> Self {
        Self(Arc::from("default"))
    }

    /// The tenant's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text cannot name a tenant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a tenant id is 1 to 64 characters of letters, digits, `_` and `-`")]
pub struct InvalidTenantId;

impl FromStr for TenantId {
    type Err = InvalidTenantId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(Arc::from(text)))
        } else {
            Err(InvalidTenantId)
        }
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A group within a tenant: the first 16 bytes of a SHA-256 (see `group::key`), written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey(pub [u8; 16]);

impl fmt::Display for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An integration of a receiver, `<receiver>/<type>[<index>]`: what "told" is kept for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntegrationId(Arc<str>);

impl IntegrationId {
    /// Names the `index`-th integration of a type within a receiver.
    pub fn new(receiver: &str, kind: &str, index: usize) -> Self {
        Self(format!("{receiver}/{kind}[{index}]").into())
    }

    /// Takes the text as it was stored.
    pub fn from_stored(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Name of the receiver it is configured at, which may be another one's fallback.
    pub fn receiver(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(receiver, _)| receiver)
    }
}

impl fmt::Display for IntegrationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for IntegrationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
