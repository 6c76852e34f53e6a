//! Lives of a shard's data, what restarts with them, and repairs.

use domain::id::TenantId;
use domain::limits;
use runtime::ids::{IdSource, RandomIds};
use state::coordinator::{Epoch, HoldFor};

use super::reply::{self, Read};
use super::{RedisCoordinator, names, scripts};
use crate::call::Arg;

/// Most groups an audit looks at.
const AUDIT_MAX: usize = 200_000;
/// Groups in one run of the audit's script.
const AUDIT_PART: usize = 500;

impl RedisCoordinator {
    pub(super) async fn open(
        &self,
        shard: usize,
        seen: Option<&Epoch>,
        hold: HoldFor,
    ) -> Read<Epoch> {
        let random = RandomIds.uuid().replace('-', "");
        let args = vec![
            Arg::from(seen.map_or("", |epoch| &*epoch.0)),
            Arg::from(random),
            Arg::from(if hold == HoldFor::Reseed { "1" } else { "0" }),
            Arg::from(names::span_ms(hold.least(&self.timing))),
            Arg::from(names::span_ms(self.timing.grace)),
        ];
        let call = self.on_shard(&scripts::OPEN_EPOCH, shard, args);
        let epoch = reply::text(self.run(call).await?)?;
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

    pub(super) async fn repair_shard(&self, shard: usize) -> Read<usize> {
        let head = self.link.key(&format!("alert:meta:{}", names::tag(shard)));
        let pattern = format!("{}*", names::literal(&head));
        let found = self.link.scan(&pattern, AUDIT_MAX).await;
        let keys = found.map_err(reply::failed)?;
        let groups: Vec<_> = keys
            .iter()
            .filter_map(|key| key.strip_prefix(&*head))
            .collect();
        let mut repaired = 0;
        for part in groups.chunks(AUDIT_PART) {
            let args = part.iter().map(|name| Arg::from(*name)).collect();
            let answer = self
                .run(self.on_shard(&scripts::AUDIT, shard, args))
                .await?;
            repaired += usize::try_from(reply::number(answer)?).unwrap_or(0);
        }
        Ok(repaired)
    }
}
