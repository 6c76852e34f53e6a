//! Merging in what this instance knows better.

use std::sync::Arc;

use domain::alert::Alert;
use redis::Value;
use state::coordinator::{CoordinatorError, GroupName, MERGED_AT_ONCE_MAX, Merge, Merged};

use super::reply::{self, Read, unreadable};
use super::wire::told::told_texts;
use super::{RedisCoordinator, names, scripts, wire};
use crate::call::{Arg, Call};

/// Most runs that wait for an answer at a time.
const CALLS_MAX: usize = 256;

impl RedisCoordinator {
    pub(super) async fn merge_all(
        &self,
        merges: &[Merge],
    ) -> Vec<Result<Merged, CoordinatorError>> {
        let mut results = vec![Ok(Merged::Done); merges.len()];
        let mut calls = Vec::new();
        for (index, merge) in merges.iter().enumerate() {
            for call in self.merge_calls(merge) {
                calls.push((index, call));
                if calls.len() == CALLS_MAX {
                    self.merge_part(std::mem::take(&mut calls), &mut results)
                        .await;
                }
            }
        }
        self.merge_part(calls, &mut results).await;
        results
    }

    async fn merge_part(
        &self,
        calls: Vec<(usize, Call)>,
        results: &mut [Result<Merged, CoordinatorError>],
    ) {
        let (indices, calls): (Vec<_>, Vec<_>) = calls.into_iter().unzip();
        for (index, answer) in indices.into_iter().zip(self.run_all(calls).await) {
            let Some(result) = results.get_mut(index) else {
                continue;
            };
            match answer.and_then(read_merged) {
                Ok(Merged::Done) => {}
                Ok(Merged::Overtaken) => *result = result.clone().and(Ok(Merged::Overtaken)),
                Err(error) => *result = Err(error),
            }
        }
    }

    /// The first call makes the group if it is missing, so it carries what was told; members who leave leave first.
    fn merge_calls(&self, merge: &Merge) -> Vec<Call> {
        let (first, rest) = merge
            .alerts
            .split_at_checked(MERGED_AT_ONCE_MAX)
            .unwrap_or((&merge.alerts, &[]));
        let mut calls = vec![self.merge_call(merge, first, true)];
        let rest = if merge.is_first { &[] } else { rest };
        let more = rest.chunks(MERGED_AT_ONCE_MAX);
        calls.extend(more.map(|part| self.merge_call(merge, part, false)));
        calls
    }

    fn merge_call(&self, merge: &Merge, alerts: &[Arc<Alert>], is_first: bool) -> Call {
        let name = GroupName::of(&merge.group);
        let flag = |is_set| Arg::from(if is_set { "1" } else { "0" });
        let count = |count: usize| Arg::from(i64::try_from(count).unwrap_or(i64::MAX));
        let mut args = vec![Arg::from(names::group_text(&name))];
        args.extend(names::facts(&merge.group));
        args.extend([
            Arg::from(merge.grid.first().unix_ms()),
            Arg::from(merge.grid.next().unix_ms()),
            Arg::from(if merge.grid.has_ticked() { "1" } else { "0" }),
            Arg::from(names::span_ms(self.timing.tombstone)),
            flag(merge.is_move),
            flag(merge.is_first),
            count(alerts.len()),
        ]);
        for alert in alerts {
            args.push(Arg::from(alert.fingerprint.to_string()));
            args.push(Arg::from(wire::alert_text(alert)));
            args.push(Arg::from(alert.ends_at.unix_ms() + merge.ahead_ms));
        }
        if !is_first {
            args.extend(["0", "0"].map(Arg::from));
            return self.on_shard(&scripts::MERGE, name.shard(), args);
        }
        args.push(count(merge.told.len()));
        for (integration, told) in &merge.told {
            args.push(Arg::from(integration.as_str()));
            args.extend(told_texts(told).map(Arg::from));
        }
        args.push(count(merge.joined.len()));
        for joined in &merge.joined {
            args.push(Arg::from(joined.integration.as_str()));
            args.push(Arg::from(joined.over));
            args.extend(told_texts(&joined.told).map(Arg::from));
        }
        for leave in &merge.leaves {
            args.push(Arg::from(leave.fingerprint.to_string()));
            args.push(Arg::from(wire::instant(leave.updated_at)));
        }
        self.on_shard(&scripts::MERGE, name.shard(), args)
    }
}

fn read_merged(answer: Value) -> Read<Merged> {
    match reply::text(answer)?.as_str() {
        "merged" => Ok(Merged::Done),
        "overtaken" => Ok(Merged::Overtaken),
        _ => Err(unreadable("the answer to a merge")),
    }
}
