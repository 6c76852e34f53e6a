//! Lives of a shard's data, what restarts with them, and repairs.

use domain::id::TenantId;
use domain::limits;
use runtime::ids::{IdSource, RandomIds};
use state::coordinator::{Epoch, GroupName, HoldFor, Past};

use super::reply::{self, Read, Reply};
use super::{RedisCoordinator, names, scripts};
use crate::call::Arg;

/// Groups in one run of the audit's script.
const AUDIT_PART: usize = 500;

impl RedisCoordinator {
    pub(super) async fn open(
        &self,
        shard: usize,
        seen: Option<&Epoch>,
        hold: HoldFor,
        past: Past,
    ) -> Read<Epoch> {
        let random = RandomIds.uuid().replace('-', "");
        let args = vec![
            Arg::from(seen.map_or("", |epoch| &*epoch.0)),
            Arg::from(random),
            Arg::from(if hold == HoldFor::Reseed { "1" } else { "0" }),
            Arg::from(names::span_ms(hold.least(&self.timing))),
            Arg::from(names::span_ms(self.timing.grace)),
            Arg::from(i64::from(self.records.to_write(shard))),
            Arg::from(if past == Past::Nothing { "1" } else { "0" }),
        ];
        let call = self.on_shard(&scripts::OPEN_EPOCH, shard, args);
        let mut answer = Reply::of(self.run(call).await?)?;
        let epoch = answer.text()?;
        if epoch.is_empty() {
            return Err(self.why_no_epoch(shard).await);
        }
        self.records.note(shard, answer.version()?);
        Ok(Epoch(epoch.into()))
    }

    pub(super) async fn note_reseeded(&self, shard: usize, epoch: &Epoch) -> Read<()> {
        let args = vec![Arg::from(&*epoch.0)];
        let call = self.on_shard(&scripts::RESEEDED, shard, args);
        self.run(call).await.map(drop)
    }

    pub(super) async fn restart_all(&self, tenant: &TenantId, config_hash: &str) -> Read<bool> {
        let calls = (0..limits::SHARDS).map(|shard| {
            let args = vec![Arg::from(tenant.as_str()), Arg::from(config_hash)];
            self.on_shard(&scripts::RESTART_GRIDS, shard, args)
        });
        let mut has_restarted = false;
        for answer in self.run_all(calls.collect()).await {
            has_restarted |= reply::number(answer?)? == 1;
        }
        Ok(has_restarted)
    }

    /// A group that is in no queue is known to whoever made it or read its shard; looking through all keys for it would keep the
    /// server busy.
    pub(super) async fn repair_shard(&self, shard: usize, known: &[GroupName]) -> Read<usize> {
        let mut repaired = 0;
        let all_with_ends: &[GroupName] = &[];
        for part in std::iter::once(all_with_ends).chain(known.chunks(AUDIT_PART)) {
            let args = part.iter().map(|name| Arg::from(names::group_text(name)));
            let call = self.on_shard(&scripts::AUDIT, shard, args.collect());
            let answer = self.run(call).await?;
            repaired += usize::try_from(reply::number(answer)?).unwrap_or(0);
        }
        Ok(repaired)
    }
}
