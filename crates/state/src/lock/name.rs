//! What a lock is about, in the form it has in every backend.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use domain::fingerprint::Fingerprint;
use domain::group::key;
use domain::id::{GroupKey, TenantId};

/// The longest name of a general lock, in bytes.
const GENERAL_BYTES_MAX: usize = 128;

/// Kinds that have their own constructors; a general lock does not begin like one.
const RESERVED: [&str; 2] = ["group:", "alert:"];

/// The name of a lock: `group:{sNN}<tenant>:<group key>`, `alert:{sNN}<tenant>:<fingerprint>`, or a general one.
///
/// `{sNN}` is the shard, in braces so that Redis Cluster keeps the lock beside what it protects. No name holds text of
/// users (S28).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LockName(Arc<str>);

/// The text cannot name a lock.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a lock's name is 1 to 128 characters of letters, digits, `_`, `-`, `.` and `:`, and does not begin with `group:` or `alert:`"
)]
pub struct InvalidLockName;

impl LockName {
    /// The lock under which a group is flushed. Its transitions write it themselves, as the visible copy of a claim's lease;
    /// taking it through [`super::DistributedLock`] keeps no claim from being made.
    pub fn group(tenant: &TenantId, group: GroupKey) -> Self {
        let shard = key::shard(tenant, group);
        Self(format!("group:{{s{shard:02}}}{tenant}:{group}").into())
    }

    /// The lock of an alert handled on its own: a resend asked for by a person, an escalation step.
    pub fn alert(tenant: &TenantId, alert: Fingerprint) -> Self {
        let mut spread = [0; 16];
        spread[..8].copy_from_slice(&alert.0.to_be_bytes());
        let shard = key::shard(tenant, GroupKey(spread));
        Self(format!("alert:{{s{shard:02}}}{tenant}:{:016x}", alert.0).into())
    }

    /// The lock of anything else.
    pub fn general(name: &str) -> Result<Self, InvalidLockName> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-.:".contains(&b);
        let is_reserved = RESERVED.iter().any(|kind| name.starts_with(kind));
        if (1..=GENERAL_BYTES_MAX).contains(&name.len())
            && name.bytes().all(allowed)
            && !is_reserved
        {
            Ok(Self(name.into()))
        } else {
            Err(InvalidLockName)
        }
    }

    /// Takes a name as a backend reported it; it is only compared with others.
    pub fn from_stored(name: &str) -> Self {
        Self(name.into())
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LockName {
    type Err = InvalidLockName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::general(text)
    }
}

impl fmt::Display for LockName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_alerts_are_tagged_with_their_shard() {
        let tenant = TenantId::default_tenant();
        let group = LockName::group(&tenant, GroupKey([0xAB; 16]));
        let alert = LockName::alert(&tenant, Fingerprint(0x1234));
        assert!(group.as_str().starts_with("group:{s"), "{group}");
        assert!(
            group
                .as_str()
                .ends_with(&format!("}}default:{}", "ab".repeat(16)))
        );
        assert!(
            alert.as_str().ends_with("}default:0000000000001234"),
            "{alert}"
        );
    }

    #[test]
    fn general_names_hold_nothing_that_means_something_in_a_key() {
        assert!(LockName::general("migrations:42").is_ok());
        for bad in ["", "a b", "{x}", "a\0", "a\r\n", "group:x", "alert:y"] {
            assert_eq!(LockName::general(bad), Err(InvalidLockName), "{bad:?}");
        }
        assert!(LockName::general(&"x".repeat(129)).is_err());
    }
}
