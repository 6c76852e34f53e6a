//! Reading groups.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::alert::Alert;
use domain::fingerprint::Fingerprint;
use domain::group::grid::Grid;
use domain::group::heir::Lineage;
use domain::group::told::Told;
use domain::id::IntegrationId;
use domain::time::Timestamp;
use redis::Value;
use state::coordinator::{EventId, GroupName, SharedGroup};

use super::reply::{Read, Reply, unreadable};
use super::wire::told::read_told;
use super::{RedisCoordinator, names, scripts, wire};
use crate::call::{Arg, Call};

/// Groups that are read in one round trip.
const GROUPS_MAX: usize = 64;

impl RedisCoordinator {
    /// Groups are read after the place in the feed was, so each includes at least the changes up to there.
    pub(super) async fn read_shard(&self, shard: usize) -> Read<(EventId, Vec<SharedGroup>)> {
        let roster = self.run(self.on_shard(&scripts::ROSTER, shard, Vec::new()));
        let mut roster = Reply::of(roster.await?)?;
        let last_event = names::event_id(&roster.text()?)?;
        let mut wanted = Vec::new();
        while !roster.is_empty() {
            wanted.push(names::group_name(&roster.text()?)?);
        }
        let mut groups = Vec::with_capacity(wanted.len());
        for part in wanted.chunks(GROUPS_MAX) {
            let calls = part.iter().map(|name| self.group_call(name)).collect();
            for (name, answer) in part.iter().zip(self.run_all(calls).await) {
                groups.extend(self.decode_group(name, answer?)?);
            }
        }
        let evictions = self.run(self.evictions_call(shard)).await?;
        self.unless_evicted(evictions).await?;
        Ok((last_event, groups))
    }

    pub(super) async fn read_group(&self, name: &GroupName) -> Read<Option<SharedGroup>> {
        let calls = vec![self.group_call(name), self.evictions_call(name.shard())];
        let mut answers = self.run_all(calls).await.into_iter();
        let mut next = || {
            let answer = answers.next();
            answer.unwrap_or_else(|| Err(unreadable("no answer")))
        };
        let (group, evictions) = (next()?, next()?);
        self.unless_evicted(evictions).await?;
        self.decode_group(name, group)
    }

    pub(super) async fn departed_of(
        &self,
        group: &GroupName,
        since: Timestamp,
        alerts: &[Fingerprint],
    ) -> Read<Vec<Fingerprint>> {
        let times = [since.unix_ms(), names::span_ms(self.timing.tombstone)].map(Arg::from);
        let alerts = alerts.iter().map(|alert| Arg::from(alert.to_string()));
        let args = times.into_iter().chain(alerts);
        read_fingerprints(self.on_group(&scripts::DEPARTED, group, args).await?)
    }

    pub(super) async fn left_since_of(
        &self,
        group: &GroupName,
        state: Timestamp,
        at: Timestamp,
    ) -> Read<Vec<(Fingerprint, Timestamp)>> {
        let times = [state, at].map(|time| Arg::from(time.unix_ms()));
        let answer = self.on_group(&scripts::LEFT_SINCE, group, times).await?;
        let left = Reply::of(answer)?.pairs()?.into_iter();
        let left = left.map(|(alert, state_ms)| {
            let state_ms = state_ms.parse().map_err(|_| unreadable("an instant"))?;
            Ok((read_fingerprint(&alert)?, Timestamp::from_unix_ms(state_ms)))
        });
        left.collect()
    }

    fn group_call(&self, name: &GroupName) -> Call {
        let args = vec![Arg::from(names::group_text(name))];
        self.on_shard(&scripts::GROUP, name.shard(), args)
    }

    fn decode_group(&self, name: &GroupName, answer: Value) -> Read<Option<SharedGroup>> {
        let mut reply = Reply::of(answer)?;
        if reply.is_empty() {
            return Ok(None);
        }
        let meta = reply.list()?.pairs()?;
        let mut members: BTreeMap<Fingerprint, Arc<Alert>> = BTreeMap::new();
        for mut texts in [reply.list()?, reply.list()?] {
            while !texts.is_empty() {
                let alert = wire::read_alert(&texts.text()?, &self.interner)?;
                members.insert(alert.fingerprint, alert);
            }
        }
        Ok(Some(SharedGroup {
            name: name.clone(),
            lineage: read_lineage(&meta),
            grid: read_grid(&meta)?,
            members: members.into_values().collect(),
            told: read_all_told(&meta)?,
        }))
    }
}

fn read_fingerprints(answer: Value) -> Read<Vec<Fingerprint>> {
    let mut reply = Reply::of(answer)?;
    let mut fingerprints = Vec::new();
    while !reply.is_empty() {
        fingerprints.push(read_fingerprint(&reply.text()?)?);
    }
    Ok(fingerprints)
}

fn read_fingerprint(text: &str) -> Read<Fingerprint> {
    text.parse().map_err(|_| unreadable("a fingerprint"))
}

fn field<'a>(meta: &'a [(String, String)], wanted: &str) -> Option<&'a str> {
    let found = meta.iter().find(|(name, _)| name == wanted);
    found.map(|(_, value)| value.as_str())
}

/// `None` also where only the key of the group was known to whoever wrote it.
fn read_lineage(meta: &[(String, String)]) -> Option<Lineage> {
    let text = field(meta, "text").filter(|text| !text.is_empty())?;
    let labels = wire::read_labels(field(meta, "labels")?)?;
    Some(Lineage::of(field(meta, "receiver")?, text, &labels))
}

fn read_grid(meta: &[(String, String)]) -> Read<Grid> {
    let field = |wanted: &str| field(meta, wanted);
    let number = |wanted| {
        let value = field(wanted).and_then(|value| value.parse().ok());
        value.ok_or_else(|| unreadable("the ticks of a group"))
    };
    let has_ticked = field("ticked") == Some("1");
    grid(
        number("first")?,
        number("next")?,
        number("interval")?,
        has_ticked,
    )
}

/// Ticks from milliseconds.
pub(super) fn grid(first: i64, next: i64, interval_ms: i64, has_ticked: bool) -> Read<Grid> {
    let interval_ms =
        u64::try_from(interval_ms).map_err(|_| unreadable("the interval of a group"))?;
    let time = Timestamp::from_unix_ms;
    let interval = Duration::from_millis(interval_ms);
    Ok(Grid::known(time(first), time(next), interval, has_ticked))
}

/// What each integration was told, in the order of their names.
fn read_all_told(meta: &[(String, String)]) -> Read<Vec<(IntegrationId, Told)>> {
    let mut texts: BTreeMap<&str, (u64, &str, &str)> = BTreeMap::new();
    for (name, value) in meta {
        if let Some(id) = name.strip_prefix("seq:") {
            let seq = value.parse().map_err(|_| unreadable("a number"))?;
            texts.entry(id).or_default().0 = seq;
        } else if let Some(id) = name.strip_prefix("last:") {
            texts.entry(id).or_default().1 = value;
        } else if let Some(id) = name.strip_prefix("pend:") {
            texts.entry(id).or_default().2 = value;
        }
    }
    let told = texts.into_iter().map(|(id, (seq, last, pending))| {
        let told = read_told(seq, last, pending)?;
        Ok((IntegrationId::from_stored(id), told))
    });
    told.collect()
}
