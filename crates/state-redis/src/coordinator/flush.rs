//! A flush: what is begun, accepted, taken back, and how it ends.

use std::time::Duration;

use domain::group::LeaseLost;
use domain::group::farewell::Farewell;
use domain::group::numbers::Numbers;
use domain::group::told::{Pending, Told, ToldMessage};
use domain::id::IntegrationId;
use domain::time::Timestamp;
use state::Held;
use state::coordinator::{Claimed, EventId, GroupName};

use super::poll::read_claimed;
use super::reply::{self, Read, Reply, unreadable};
use super::wire::told::{message_text, read_told, told_texts, unnumbered};
use super::{RedisCoordinator, names, scripts, wire};
use crate::call::Arg;

impl RedisCoordinator {
    pub(super) async fn seize_group(&self, group: &GroupName) -> Read<Option<Held<Claimed>>> {
        let lease = Arg::from(names::span_ms(self.timing.lease));
        let answer = self.on_group(&scripts::SEIZE, group, [lease]).await?;
        let mut reply = Reply::of(answer)?;
        match reply.text()?.as_str() {
            "none" => Ok(None),
            "lost" => Ok(Some(Err(LeaseLost))),
            "held" => Ok(Some(Ok(read_claimed(&mut reply)?))),
            _ => Err(unreadable("the answer to a seizure")),
        }
    }

    pub(super) async fn begin_message(
        &self,
        group: &GroupName,
        fence: u64,
        integration: &IntegrationId,
        message: &Pending,
        numbers: Numbers,
    ) -> Read<Held<Told>> {
        let args = [
            Arg::from(fence),
            Arg::from(integration.as_str()),
            Arg::from(unnumbered(message)),
            Arg::from(numbers.slot()),
        ];
        let answer = self.on_group(&scripts::BEGIN, group, args).await?;
        read_held(Reply::of(answer)?)
    }

    pub(super) async fn commit_message(
        &self,
        group: &GroupName,
        integration: &IntegrationId,
        message: &Pending,
        sent_at: Timestamp,
    ) -> Read<Told> {
        let accepted = message.clone().accepted(sent_at);
        let args = [
            Arg::from(integration.as_str()),
            Arg::from(message.seq),
            Arg::from(message_text(&accepted)),
        ];
        let answer = self.on_group(&scripts::COMMIT, group, args).await?;
        read_three(Reply::of(answer)?)
    }

    pub(super) async fn refuse_message(
        &self,
        group: &GroupName,
        integration: &IntegrationId,
        seq: u64,
    ) -> Read<Told> {
        let args = [Arg::from(integration.as_str()), Arg::from(seq)];
        let answer = self.on_group(&scripts::REFUSE, group, args).await?;
        read_three(Reply::of(answer)?)
    }

    pub(super) async fn settle_told(
        &self,
        group: &GroupName,
        fence: u64,
        integration: &IntegrationId,
        seen: &Told,
        message: &ToldMessage,
    ) -> Read<Held<Told>> {
        let in_flight = seen.pending.as_ref().map_or(0, |pending| pending.seq);
        let args = [
            Arg::from(fence),
            Arg::from(integration.as_str()),
            Arg::from(seen.seq),
            Arg::from(in_flight),
            Arg::from(message_text(message)),
        ];
        let answer = self.on_group(&scripts::SETTLE, group, args).await?;
        read_held(Reply::of(answer)?)
    }

    pub(super) async fn renew_lease(&self, group: &GroupName, fence: u64) -> Read<Held<EventId>> {
        let lease = Arg::from(names::span_ms(self.timing.lease));
        let args = [Arg::from(fence), lease];
        let answer = self.on_group(&scripts::RENEW, group, args).await?;
        match reply::text(answer)?.as_str() {
            "lost" => Ok(Err(LeaseLost)),
            last => names::event_id(last).map(Ok),
        }
    }

    pub(super) async fn give_back(
        &self,
        group: &GroupName,
        fence: u64,
        delay: Duration,
    ) -> Read<()> {
        let args = [Arg::from(fence), Arg::from(names::span_ms(delay))];
        let answer = self.on_group(&scripts::UNCLAIM, group, args).await?;
        reply::text(answer).map(drop)
    }

    pub(super) async fn finish_flush(
        &self,
        group: &GroupName,
        fence: u64,
        farewell: &Farewell,
    ) -> Read<Held<Option<Timestamp>>> {
        let retold_count = i64::try_from(farewell.retold.len()).unwrap_or(i64::MAX);
        let mut args = vec![
            Arg::from(fence),
            Arg::from(names::span_ms(self.timing.tombstone)),
            Arg::from(if farewell.is_move { "1" } else { "0" }),
            Arg::from(retold_count),
        ];
        for (integration, told) in &farewell.retold {
            args.push(Arg::from(integration.as_str()));
            args.extend(told_texts(told).map(Arg::from));
        }
        for leave in &farewell.leaves {
            args.push(Arg::from(leave.fingerprint.to_string()));
            args.push(Arg::from(wire::instant(leave.updated_at)));
        }
        let answer = self.on_group(&scripts::FINISH, group, args).await?;
        let mut reply = Reply::of(answer)?;
        match reply.text()?.as_str() {
            "lost" => Ok(Err(LeaseLost)),
            "gone" => Ok(Ok(None)),
            "again" => Ok(Ok(Some(Timestamp::from_unix_ms(reply.number()?)))),
            _ => Err(unreadable("the answer to a finish")),
        }
    }
}

/// Reads what an integration was told, if the claim holds.
fn read_held(mut reply: Reply) -> Read<Held<Told>> {
    match reply.text()?.as_str() {
        "lost" => Ok(Err(LeaseLost)),
        "held" => Ok(Ok(read_three(reply)?)),
        _ => Err(unreadable("what an integration was told")),
    }
}

/// Reads what an integration was told: number, last message, message in flight.
fn read_three(mut reply: Reply) -> Read<Told> {
    let (seq, last, pending) = (reply.unsigned()?, reply.text()?, reply.text()?);
    read_told(seq, &last, &pending)
}
