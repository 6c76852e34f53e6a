//! Names of keys (protocol.md §3) and of what lies in them.

use std::time::Duration;

use domain::group::GroupIdentity;
use domain::id::{GroupKey, TenantId};
use domain::limits;
use domain::time::Timestamp;
use state::coordinator::{EventId, GroupName};

use super::reply::{Read, unreadable};
use super::wire;
use crate::call::Arg;

/// The tag that puts everything of a shard into one slot.
pub(super) fn tag(shard: usize) -> String {
    format!("{{s{:02}}}", shard % limits::SHARDS)
}

/// The name of a group within its shard.
pub(super) fn group_text(name: &GroupName) -> String {
    format!("{}:{}", name.tenant, name.key)
}

/// Reads what [`group_text`] wrote.
pub(super) fn group_name(text: &str) -> Read<GroupName> {
    let parts = text
        .rsplit_once(':')
        .and_then(|(tenant, hex)| Some((tenant.parse::<TenantId>().ok()?, group_key(hex)?)));
    let (tenant, key) = parts.ok_or_else(|| unreadable("the name of a group"))?;
    Ok(GroupName { tenant, key })
}

fn group_key(hex: &str) -> Option<GroupKey> {
    if hex.len() != 32 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    Some(GroupKey(u128::from_str_radix(hex, 16).ok()?.to_be_bytes()))
}

/// A place in a feed as Redis writes it.
pub(super) fn event_text(id: EventId) -> String {
    format!("{}-{}", id.ms, id.seq)
}

/// Reads what [`event_text`] wrote.
pub(super) fn event_id(text: &str) -> Read<EventId> {
    let parts = text
        .split_once('-')
        .and_then(|(ms, seq)| Some((ms.parse().ok()?, seq.parse().ok()?)));
    let (ms, seq) = parts.ok_or_else(|| unreadable("a place in a feed"))?;
    Ok(EventId { ms, seq })
}

/// A span in whole milliseconds.
pub(super) fn span_ms(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX / 1_000_000)
}

/// From one instant to another in milliseconds, rounded up: nothing ends early.
pub(super) fn until_ms(from: Timestamp, to: Timestamp) -> i64 {
    let nanos = to.unix_nanos() - from.unix_nanos();
    i64::try_from(-((-nanos).div_euclid(1_000_000))).unwrap_or(i64::MAX / 1_000_000)
}

/// What a group is, as its hash says it; the scripts call these its facts.
pub(super) fn facts(identity: &GroupIdentity) -> [Arg; 7] {
    // A net under every key: groups end by transitions long before.
    let kept = identity.repeat_interval.saturating_mul(2) + Duration::from_secs(86_400);
    [
        Arg::from(identity.text.as_str()),
        Arg::from(wire::object(identity.labels.pairs())),
        Arg::from(&*identity.receiver.name),
        Arg::from(span_ms(identity.group_wait)),
        Arg::from(span_ms(identity.group_interval)),
        Arg::from(span_ms(identity.repeat_interval)),
        Arg::from(span_ms(kept)),
    ]
}

/// A text as part of a pattern of `SCAN`: what it contains is meant as it is.
pub(super) fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\' | '^') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use domain::time::Timestamp;
    use state::coordinator::{EventId, GroupName};

    use super::{event_id, event_text, group_name, group_text, literal, until_ms};

    #[test]
    fn names_come_back() {
        let name = GroupName {
            tenant: "a-b_c".parse().expect("a tenant"),
            key: domain::id::GroupKey([0xab; 16]),
        };
        let text = group_text(&name);
        assert_eq!(text, format!("a-b_c:{}", "ab".repeat(16)));
        assert_eq!(group_name(&text), Ok(name));
        for wrong in ["", "a", "a:", ":abc", "a:+b", "a b:00", "a:é"] {
            assert!(group_name(wrong).is_err(), "{wrong}");
        }
        let id = EventId { ms: 12, seq: 3 };
        assert_eq!(event_id(&event_text(id)), Ok(id));
        assert!(event_id("12").is_err());
        assert_eq!(literal("a*[b]"), "a\\*\\[b\\]");
    }

    #[test]
    fn nothing_ends_early() {
        let at = Timestamp::from_unix_ms;
        let later = |nanos| Timestamp::new(1, nanos, 0);
        assert_eq!(until_ms(at(1000), later(1)), 1);
        assert_eq!(until_ms(at(1000), at(1000)), 0);
        assert_eq!(until_ms(later(1), at(1000)), 0);
        assert_eq!(until_ms(at(5000), at(1000)), -4000);
    }
}
