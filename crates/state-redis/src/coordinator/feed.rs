//! The feed of changes.

use std::collections::HashMap;
use std::sync::Arc;

use domain::fingerprint::Fingerprint;
use domain::id::IntegrationId;
use redis::Value;
use state::coordinator::{Change, CoordinatorError, Event, EventId, Feed};

use super::reply::{Read, Reply, unreadable};
use super::wire::told::read_told;
use super::{RedisCoordinator, groups, names, scripts, wire};
use crate::call::Arg;

/// Most changes of a shard in one answer.
const CHANGES_MAX: i64 = 1_000;

impl RedisCoordinator {
    pub(super) async fn read_feeds(
        &self,
        after: &[EventId],
    ) -> Vec<Result<Feed, CoordinatorError>> {
        self.wake.note_reading();
        let calls = after.iter().enumerate().map(|(shard, place)| {
            let args = vec![Arg::from(names::event_text(*place)), Arg::from(CHANGES_MAX)];
            self.on_shard(&scripts::CHANGES, shard, args)
        });
        let answers = self.run_all(calls.collect()).await;
        answers
            .into_iter()
            .map(|answer| self.read_feed(answer?))
            .collect()
    }

    fn read_feed(&self, answer: Value) -> Read<Feed> {
        let mut reply = Reply::of(answer)?;
        let is_broken = reply.number()? == 1;
        let mut changes = Vec::new();
        while !reply.is_empty() {
            let id = names::event_id(&reply.text()?)?;
            let fields = Fields(reply.list()?.pairs()?.into_iter().collect());
            changes.push(Change {
                id,
                is_ours: fields.text("i")? == self.instance,
                event: self.read_event(&fields)?,
            });
        }
        Ok(Feed { changes, is_broken })
    }

    fn read_event(&self, fields: &Fields) -> Read<Event> {
        let group = names::group_name(fields.text("g")?)?;
        match fields.text("k")? {
            "alert" => Ok(Event::Alert {
                group,
                alert: wire::read_alert(fields.text("v")?, &self.interner)?,
            }),
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
}

/// The fields of an entry.
struct Fields(HashMap<String, String>);

impl Fields {
    fn text(&self, name: &str) -> Read<&str> {
        let value = self.0.get(name).map(String::as_str);
        value.ok_or_else(|| unreadable("a change lacks a field"))
    }

    fn number<N: std::str::FromStr>(&self, name: &str) -> Read<N> {
        let number = self.text(name)?.parse();
        number.map_err(|_| unreadable("a number of a change"))
    }
}
