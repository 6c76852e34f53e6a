//! The feed of changes.

use std::collections::HashMap;
use std::sync::Arc;

use domain::fingerprint::Fingerprint;
use domain::id::IntegrationId;
use redis::Value;
use state::coordinator::{
    CHANGES_MAX, Change, CoordinatorError, Event, EventId, Feed, GroupName, KnownAlerts,
};

use super::reply::{Read, Reply, str_of, unreadable};
use super::wire::told::read_told;
use super::{RedisCoordinator, groups, names, wire};
use crate::call::{Arg, Call};

/// A shard, and the place after which its changes are wanted.
type Place = (usize, EventId);

impl RedisCoordinator {
    /// Reads every shard's feed for who follows them: what was heard until now is read by that.
    pub(super) async fn read_feeds(
        &self,
        after: &[EventId],
        known: &dyn KnownAlerts,
    ) -> Vec<Result<Feed, CoordinatorError>> {
        self.wake.note_reading();
        let places: Vec<Place> = after.iter().copied().enumerate().collect();
        self.read_after(&places, known).await
    }

    /// Reads a shard's changes for somebody who does not follow: what was heard of meanwhile is still to be read by who does.
    pub(super) async fn read_one_feed(
        &self,
        shard: usize,
        after: EventId,
        known: &dyn KnownAlerts,
    ) -> Read<Feed> {
        let mut feeds = self.read_after(&[(shard, after)], known).await;
        feeds.pop().unwrap_or_else(|| Err(unreadable("no answer")))
    }

    /// Looks which of these shards have changed, then reads those. Neither takes a script: whether a change was missed is seen by
    /// what each change says came before it.
    async fn read_after(&self, places: &[Place], known: &dyn KnownAlerts) -> Vec<Read<Feed>> {
        let calls = places.iter().map(|(shard, _)| self.last_call(*shard));
        let lasts = self.run_all(calls.collect()).await;
        let mut feeds: Vec<Read<Feed>> = Vec::with_capacity(places.len());
        let mut changed: Vec<Place> = Vec::new();
        for ((shard, place), last) in places.iter().zip(lasts) {
            let last = last.and_then(read_last);
            if last.as_ref().is_ok_and(|last| last != place) {
                changed.push((*shard, *place));
            }
            feeds.push(last.map(|last| Feed {
                is_lost: last < *place,
                ..Feed::default()
            }));
        }
        for (read, answer) in self.read_streams(&changed).await {
            let mut entries = answer.and_then(by_stream);
            for (shard, place) in read {
                let feed = match &mut entries {
                    Ok(entries) => {
                        let entries = entries.remove(&self.stream(*shard));
                        self.read_feed(entries, *place, known)
                    }
                    Err(error) => Err(error.clone()),
                };
                let asked = places.iter().position(|(asked, _)| asked == shard);
                if let Some(known) = asked.and_then(|index| feeds.get_mut(index)) {
                    let was_lost = known.as_ref().is_ok_and(|known| known.is_lost);
                    *known = feed.map(|feed| Feed {
                        is_lost: feed.is_lost || was_lost,
                        ..feed
                    });
                }
            }
        }
        feeds
    }

    /// Asks for the last change of a shard.
    pub(super) fn last_call(&self, shard: usize) -> Call {
        let key = self.link.key(&format!("shard:{}", names::tag(shard)));
        Call::command("HGET").key(key).arg("last")
    }

    fn stream(&self, shard: usize) -> String {
        self.link.key(&format!("events:{}", names::tag(shard)))
    }

    /// Reads these feeds: with one command, or, in a cluster, one each.
    async fn read_streams<'a>(&self, places: &'a [Place]) -> Vec<(&'a [Place], Read<Value>)> {
        let size = if self.link.is_cluster() {
            1
        } else {
            places.len().max(1)
        };
        let count = i64::try_from(CHANGES_MAX).unwrap_or(i64::MAX);
        let calls = places.chunks(size).map(|places| {
            let call = Call::command("XREAD")
                .arg("COUNT")
                .arg(count)
                .arg("STREAMS");
            let streams = places.iter().map(|(shard, _)| self.stream(*shard));
            let call = streams.fold(call, Call::key);
            let ids = places.iter().map(|(_, place)| names::event_text(*place));
            ids.fold(call, |call, id| call.arg(Arg::from(id)))
        });
        let answers = self.run_all(calls.collect()).await;
        places.chunks(size).zip(answers).collect()
    }

    /// Reads a shard's changes; none although there is something else than what was seen last means that it was lost.
    fn read_feed(
        &self,
        entries: Option<Value>,
        after: EventId,
        known: &dyn KnownAlerts,
    ) -> Read<Feed> {
        let mut feed = Feed {
            is_broken: entries.is_none(),
            ..Feed::default()
        };
        let Some(entries) = entries else {
            return Ok(feed);
        };
        let mut entries = Reply::of(entries)?;
        while !entries.is_empty() {
            let mut entry = entries.list()?;
            let id = names::event_id(&entry.text()?)?;
            let fields = Fields::of(entry.list()?)?;
            if feed.changes.is_empty() {
                let before = names::event_id(fields.text("b")?)?;
                feed.is_broken = before != after;
                // Of a feed that was trimmed the first change follows a later one.
                feed.is_lost = before < after;
            }
            let is_ours = fields.text("i")? == self.instance;
            let mut put = |event| {
                feed.changes.push(Change {
                    id,
                    is_last: false,
                    is_ours,
                    event,
                });
            };
            if fields.text("k")? == "alerts" {
                for (name, text) in fields.alerts()? {
                    put(self.read_alert_event(name, text, known)?);
                }
            } else {
                put(read_event(&fields)?);
            }
            if let Some(last) = feed.changes.last_mut() {
                last.is_last = true;
            }
        }
        Ok(feed)
    }

    /// Reads what became of an alert; `name` is its group and its fingerprint.
    fn read_alert_event(&self, name: &str, text: &str, known: &dyn KnownAlerts) -> Read<Event> {
        let parts = name.rsplit_once(':');
        let (group, fingerprint) = parts.ok_or_else(|| unreadable("the name of an alert"))?;
        let group: GroupName = names::group_name(group)?;
        let fingerprint = fingerprint
            .parse()
            .map_err(|_| unreadable("a fingerprint"))?;
        let known = known.known(&group.tenant, fingerprint);
        let again = known.and_then(|known| wire::read_again(text, &known));
        let alert = match again {
            Some(alert) => alert,
            None => wire::read_alert(text, &self.interner)?,
        };
        Ok(Event::Alert { group, alert })
    }
}

fn read_event(fields: &Fields) -> Read<Event> {
    let group = names::group_name(fields.text("g")?)?;
    match fields.text("k")? {
        "left" => {
            let alerts = fields.text("f")?.split(',').map(str::parse);
            let alerts: Result<Vec<Fingerprint>, _> = alerts.collect();
            let alerts = alerts.map_err(|_| unreadable("a fingerprint"))?;
            Ok(Event::Left { group, alerts })
        }
        "told" => {
            let (last, pending) = (fields.text("l")?, fields.text("p")?);
            let told = read_told(fields.number("s")?, last, pending)?;
            Ok(Event::Told {
                group,
                integration: IntegrationId::from_stored(fields.text("n")?),
                told: Arc::new(told),
            })
        }
        "grid" => {
            let has_ticked = fields.text("t")? == "1";
            let (first, next) = (fields.number("f")?, fields.number("n")?);
            let grid = groups::grid(first, next, fields.number("v")?, has_ticked)?;
            Ok(Event::Grid { group, grid })
        }
        "gone" => Ok(Event::Gone { group }),
        _ => Err(unreadable("a kind of change")),
    }
}

fn read_last(answer: Value) -> Read<EventId> {
    match answer {
        // Nothing ever happened here, or it is lost.
        Value::Nil => Ok(EventId::default()),
        other => names::event_id(&super::reply::text(other)?),
    }
}

/// The entries of each stream that has any.
fn by_stream(answer: Value) -> Read<HashMap<String, Value>> {
    let mut streams = HashMap::new();
    if answer == Value::Nil {
        return Ok(streams);
    }
    let mut reply = Reply::of(answer)?;
    while !reply.is_empty() {
        let mut stream = reply.list()?;
        streams.insert(stream.text()?, stream.value()?);
    }
    Ok(streams)
}

/// Fields every entry has: its kind, who caused it, what came before it.
const FIELDS: usize = 3;

/// The fields of an entry, few.
struct Fields(Vec<(Value, Value)>);

impl Fields {
    fn of(mut reply: Reply) -> Read<Self> {
        let mut fields = Vec::with_capacity(reply.len() / 2);
        while !reply.is_empty() {
            fields.push((reply.value()?, reply.value()?));
        }
        Ok(Self(fields))
    }

    fn text(&self, name: &str) -> Read<&str> {
        let name = name.as_bytes();
        let is_named = |field: &Value| matches!(field, Value::BulkString(text) if text == name);
        let field = self.0.iter().find(|(known, _)| is_named(known));
        field.map_or_else(
            || Err(unreadable("a change lacks a field")),
            |(_, value)| str_of(value),
        )
    }

    fn number<N: std::str::FromStr>(&self, name: &str) -> Read<N> {
        let number = self.text(name)?.parse();
        number.map_err(|_| unreadable("a number of a change"))
    }

    /// What became of alerts: the name of each and its text.
    fn alerts(&self) -> Read<Vec<(&str, &str)>> {
        let alerts = self.0.iter().skip(FIELDS);
        alerts
            .map(|(name, text)| Ok((str_of(name)?, str_of(text)?)))
            .collect()
    }
}
