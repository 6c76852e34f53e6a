//! A session as a hash in Redis.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::time::Timestamp;
use state::session::{Session, SessionId};

/// Additional data is kept under this and its name.
const DATA: &str = "data:";

/// Reads a session from its hash as listed by HGETALL; `None` if that is empty or not one of ours.
pub(super) fn read(id: SessionId, listed: Vec<String>) -> Option<Session> {
    let mut fields = BTreeMap::new();
    let mut parts = listed.into_iter();
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        fields.insert(name, value);
    }
    let mut take = |name: &str| fields.remove(name);
    let tenant = take("tenant")?.parse().ok()?;
    let (user_id, username) = (take("user")?, take("username")?);
    let mut number = |name: &str| take(name)?.parse::<i64>().ok();
    let created_at = Timestamp::from_unix_ms(number("created_at_ms")?);
    let seen_at = Timestamp::from_unix_ms(number("seen_at_ms")?);
    let ends_at = Timestamp::from_unix_ms(number("ends_at_ms")?);
    let idle = Duration::from_millis(number("idle_ms")?.try_into().ok()?);
    let entries = fields.into_iter();
    let data =
        entries.filter_map(|(name, value)| Some((name.strip_prefix(DATA)?.to_owned(), value)));
    Some(Session {
        id,
        tenant,
        user_id,
        username,
        data: data.collect(),
        created_at,
        seen_at,
        expires_at: (seen_at + idle).min(ends_at),
        ends_at,
    })
}
