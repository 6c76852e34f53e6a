//! Who is there, and how much waits.

use domain::limits;
use domain::time::Timestamp;
use state::coordinator::{ClockReading, EventId, InstanceReport, ShardDepth};

use super::reply::{self, Read, Reply};
use super::{RedisCoordinator, names, scripts, wire};
use crate::call::{Arg, Call};

/// Most instances that are listed.
const INSTANCES_MAX: usize = 1_000;
/// How long a probe's trace stays.
const PROBE_KEPT_MS: i64 = 60_000;
/// What the names of a tenant's configuration hash begin with.
const CONFIG: &str = "config:";

/// Before the name of a tenant: the hash of its file.
const FILE: &str = "file:";

impl RedisCoordinator {
    pub(super) async fn try_write(&self, domain: usize) -> Read<Timestamp> {
        let args = vec![Arg::from(PROBE_KEPT_MS)];
        let call = self.on_shard(&scripts::PROBE, domain, args);
        let now_ms = reply::number(self.run(call).await?)?;
        Ok(Timestamp::from_unix_ms(now_ms))
    }

    pub(super) async fn say_here(&self, report: &InstanceReport) -> Read<()> {
        let mut args = vec![Arg::from(names::span_ms(self.timing.instance_expiry))];
        let mut field = |name: &str, value: &str| {
            args.push(Arg::from(name));
            args.push(Arg::from(value));
        };
        field("id", &report.id);
        field("address", &report.address);
        field("version", &report.version);
        field("mode", &report.mode);
        if let Some(started_at) = report.started_at {
            field("startedAt", &wire::instant(started_at));
        }
        if let Some(clock) = report.clock {
            field("clockAheadMs", &clock.ahead_ms.to_string());
            field("clockReadAt", &wire::instant(clock.shared));
        }
        for (tenant, hash) in &report.configs {
            field(&format!("{CONFIG}{tenant}"), hash);
        }
        for (tenant, hash) in &report.files {
            field(&format!("{FILE}{tenant}"), hash);
        }
        let keys = vec![self.instance_key(&report.id)];
        let call = Call::script(&scripts::ANNOUNCE, keys, args);
        self.run(call).await.map(drop)
    }

    pub(super) async fn say_gone(&self, id: &str) -> Read<()> {
        let mut calls = vec![Call::command("DEL").key(self.instance_key(id))];
        let depart = |shard| self.on_shard(&scripts::DEPART, shard, vec![Arg::from(id)]);
        calls.extend((0..limits::SHARDS).map(depart));
        let answers = self.run_all(calls).await;
        answers.into_iter().try_for_each(|answer| answer.map(drop))
    }

    pub(super) async fn read_instances(&self) -> Read<Vec<InstanceReport>> {
        let pattern = format!("{}*", names::literal(&self.instance_key("")));
        let keys = self.link.scan(&pattern, INSTANCES_MAX).await;
        let keys = keys.map_err(reply::failed)?.into_iter();
        let calls = keys.map(|key| Call::command("HGETALL").key(key));
        let mut reports = Vec::new();
        for answer in self.run_all(calls.collect()).await {
            let fields = Reply::of(answer?)?.pairs()?;
            // One that is gone since it was named has no fields.
            if !fields.is_empty() {
                reports.push(read_report(fields)?);
            }
        }
        Ok(reports)
    }

    fn instance_key(&self, id: &str) -> String {
        self.link.key(&format!("instance:{id}"))
    }

    pub(super) async fn read_depths(&self) -> Read<Vec<ShardDepth>> {
        let calls = (0..limits::SHARDS).flat_map(|shard| {
            let tag = names::tag(shard);
            let key = |name: &str| self.link.key(&format!("{name}:{tag}"));
            [
                Call::command("ZCARD").key(key("queue:due")),
                Call::command("ZCARD").key(key("queue:inflight")),
                Call::command("HGET").key(key("shard")).arg("last"),
            ]
        });
        let mut answers = self.run_all(calls.collect()).await.into_iter();
        let mut depths = Vec::with_capacity(limits::SHARDS);
        while let (Some(due), Some(in_flight), Some(last)) =
            (answers.next(), answers.next(), answers.next())
        {
            let last_event = match last? {
                redis::Value::Nil => EventId::default(),
                other => names::event_id(&reply::text(other)?)?,
            };
            depths.push(ShardDepth {
                due: reply::version(due?)?,
                in_flight: reply::version(in_flight?)?,
                last_event,
            });
        }
        Ok(depths)
    }
}

fn read_report(fields: Vec<(String, String)>) -> Read<InstanceReport> {
    let mut report = InstanceReport::default();
    let (mut ahead_ms, mut read_at) = (None, None);
    for (name, value) in fields {
        match name.as_str() {
            "id" => report.id = value,
            "address" => report.address = value,
            "version" => report.version = value,
            "mode" => report.mode = value,
            "startedAt" => report.started_at = Some(wire::read_instant(&value)?),
            "clockAheadMs" => ahead_ms = value.parse().ok(),
            "clockReadAt" => read_at = Some(wire::read_instant(&value)?),
            // What a newer version says besides is not for us.
            other => {
                let tenant = |prefix| other.strip_prefix(prefix).and_then(|t| t.parse().ok());
                if let Some(tenant) = tenant(CONFIG) {
                    report.configs.push((tenant, value));
                } else if let Some(tenant) = tenant(FILE) {
                    report.files.push((tenant, value));
                }
            }
        }
    }
    report.clock = read_at
        .zip(ahead_ms)
        .map(|(shared, ahead_ms)| ClockReading { shared, ahead_ms });
    Ok(report)
}
