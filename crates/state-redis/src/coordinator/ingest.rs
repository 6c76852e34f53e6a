//! Offering alerts to their groups.

use std::collections::HashMap;
use std::sync::Arc;

use domain::limits;
use domain::time::Timestamp;
use redis::Value;
use runtime::failpoint::{is_armed, reach};
use state::coordinator::{CoordinatorError, GroupName, Offer, Offered, Outage};

use super::reply::{self, Read, Reply};
use super::{RedisCoordinator, names, scripts, wire};
use crate::call::{Arg, Call};

/// Most offers in one run of the script, so that others get their turn.
const OFFERS_MAX: usize = 256;

impl RedisCoordinator {
    pub(super) async fn offer_all(
        &self,
        offers: &[Offer],
        now: Timestamp,
    ) -> Vec<Result<Offered, CoordinatorError>> {
        let mut shards: Vec<Vec<usize>> = vec![Vec::new(); limits::SHARDS];
        for (index, offer) in offers.iter().enumerate() {
            shards[GroupName::of(&offer.group).shard() % limits::SHARDS].push(index);
        }
        let mut parts: Vec<(usize, &[usize])> = Vec::new();
        let mut calls = Vec::new();
        for (shard, indices) in shards.iter().enumerate() {
            for part in indices.chunks(OFFERS_MAX) {
                calls.push(self.offer_call(shard, part, offers, now));
                parts.push((shard, part));
            }
        }
        let mut answers: Vec<Option<Read<Offered>>> = vec![None; offers.len()];
        for ((shard, part), answer) in parts.into_iter().zip(self.run_by_parts(calls).await) {
            let mut reply = answer.and_then(|answer| self.in_time(shard, answer));
            for index in part {
                answers[*index] = Some(match &mut reply {
                    Ok(reply) => self.read_offered(reply, &offers[*index]),
                    Err(error) => Err(error.clone()),
                });
            }
        }
        let missing = || Err(reply::unreadable("no answer to an offer"));
        answers
            .into_iter()
            .map(|answer| answer.unwrap_or_else(missing))
            .collect()
    }

    /// Asks all at once; in two halves where an instance is to die in between.
    async fn run_by_parts(&self, mut calls: Vec<Call>) -> Vec<Read<Value>> {
        if calls.len() < 2 || !is_armed("C4") {
            return self.run_all(calls).await;
        }
        let rest = calls.split_off(calls.len() / 2);
        let mut answers = self.run_all(calls).await;
        reach("C4").await;
        answers.extend(self.run_all(rest).await);
        answers
    }

    fn offer_call(&self, shard: usize, part: &[usize], offers: &[Offer], now: Timestamp) -> Call {
        let mut indices: HashMap<GroupName, i64> = HashMap::new();
        let (mut groups, mut rest) = (Vec::new(), Vec::new());
        for offer in part.iter().map(|index| &offers[*index]) {
            let name = GroupName::of(&offer.group);
            let next = i64::try_from(indices.len() + 1).unwrap_or(i64::MAX);
            let index = *indices.entry(name.clone()).or_insert_with(|| {
                groups.push(Arg::from(names::group_text(&name)));
                groups.extend(names::facts(&offer.group));
                next
            });
            let alert = &offer.alert;
            let wait = offer.group.group_wait;
            let is_old = alert.starts_at + wait < now;
            let first_delay_ms = if is_old { 0 } else { names::span_ms(wait) };
            rest.extend([
                Arg::from(index),
                Arg::from(alert.fingerprint.to_string()),
                Arg::from(names::until_ms(now, alert.ends_at)),
                Arg::from(if offer.is_owed { "1" } else { "0" }),
                Arg::from(if offer.is_again { "1" } else { "0" }),
                Arg::from(first_delay_ms),
                Arg::from(wire::alert_text(alert)),
            ]);
        }
        let count = i64::try_from(indices.len()).unwrap_or(i64::MAX);
        let sent_ms = self.clocks.now_ms(shard);
        let mut args = vec![
            sent_ms.map_or_else(|| Arg::from(""), Arg::from),
            Arg::from(names::span_ms(self.link.response_timeout())),
            Arg::from(count),
        ];
        args.extend(groups);
        args.extend(rest);
        self.on_shard(&scripts::INGEST, shard, args)
    }

    /// An answer, unless it says that the request came too late: nothing of it was carried out, and it may be sent again.
    fn in_time(&self, shard: usize, answer: Value) -> Read<Reply> {
        if let Value::Array(values) = &answer
            && let [late, now] = &values[..]
            && reply::text(late.clone()).is_ok_and(|word| word == "late")
        {
            self.clocks.note(shard, reply::number(now.clone())?);
            return Err(CoordinatorError {
                outage: Outage::Transient,
                text: "the request came too late".to_owned(),
            });
        }
        Reply::of(answer)
    }

    fn read_offered(&self, reply: &mut Reply, offer: &Offer) -> Read<Offered> {
        let (held, is_member, first) = (reply.text()?, reply.number()?, reply.number()?);
        let alert = if held.is_empty() {
            Arc::clone(&offer.alert)
        } else {
            wire::read_alert(&held, &self.interner)?
        };
        Ok(Offered {
            alert,
            is_member: is_member == 1,
            created: (first >= 0).then(|| Timestamp::from_unix_ms(first)),
        })
    }
}
