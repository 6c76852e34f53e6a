//! Group keys: Alertmanager's text, and the short form it is stored under (T2).

use sha2::{Digest, Sha256};

use crate::id::GroupKey;
use crate::label::Labels;
use crate::limits;
use crate::route::Route;

/// Alertmanager's group key text: `<route key>:<group labels>`.
pub fn text(route: &Route, group_labels: &Labels) -> String {
    format!("{}:{group_labels}", route.key)
}

/// The stored key: SHA-256 over the text, the receiver, and an ordinal among routes that are otherwise equal.
///
/// Editing a configuration does not re-key a route that did not change.
pub fn stored(text: &str, receiver: &str, ordinal: u32) -> GroupKey {
    let mut hasher = Sha256::new();
    hasher.update(text.as_bytes());
    hasher.update([0xFF]);
    hasher.update(receiver.as_bytes());
    hasher.update([0xFF]);
    hasher.update(ordinal.to_be_bytes());
    let mut key = [0; 16];
    for (to, from) in key.iter_mut().zip(hasher.finalize()) {
        *to = from;
    }
    GroupKey(key)
}

/// The lower-case hexadecimal SHA-256 of a text, as integrations use it for their own dedup keys.
pub fn sha256_hex(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The shard a group lives in: a function of tenant and group, so that one big tenant spreads too.
pub fn shard(tenant: &crate::id::TenantId, key: GroupKey) -> usize {
    // The key is a cryptographic hash already: its bytes are spread, the tenant only has to shift them.
    let tenant = tenant
        .as_str()
        .bytes()
        .fold(0_usize, |sum, byte| sum.wrapping_add(byte.into()));
    (tenant + usize::from(key.0[0]) * 256 + usize::from(key.0[1])) % limits::SHARDS
}
