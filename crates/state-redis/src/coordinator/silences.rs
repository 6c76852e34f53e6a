//! Silences.

use std::sync::Arc;

use domain::id::TenantId;
use domain::silence::Silence;
use domain::time::Timestamp;
use state::SilencePut;
use state::coordinator::SharedSilences;

use super::reply::{self, Read, Reply};
use super::wire::silence::{read_silence, silence_text};
use super::{RedisCoordinator, names, scripts, wire};
use crate::call::{Arg, Call};

impl RedisCoordinator {
    fn silences_key(&self, tenant: &TenantId) -> String {
        self.link.key(&format!("silences:{tenant}"))
    }

    /// Asks for the version of a tenant's silences.
    pub(super) fn version_call(&self, tenant: &TenantId) -> Call {
        let call = Call::command("HGET").key(self.silences_key(tenant));
        call.arg("version")
    }

    /// The versions of tenants' silences, in order.
    pub(super) async fn versions_of(&self, tenants: &[TenantId]) -> Read<Vec<u64>> {
        let calls = tenants.iter().map(|tenant| self.version_call(tenant));
        let answers = self.run_all(calls.collect()).await;
        answers
            .into_iter()
            .map(|answer| reply::version(answer?))
            .collect()
    }

    /// For how long a silence is kept from now on: at least its retention, also where the server's clock is wrong.
    fn kept_ms(&self, silence: &Silence) -> i64 {
        names::until_ms(silence.updated_at, silence.ends_at + self.retention)
    }

    pub(super) async fn put_silence(
        &self,
        tenant: &TenantId,
        silence: &Silence,
        seen: Option<Timestamp>,
    ) -> Read<SilencePut> {
        self.find_records().await?;
        let args = vec![
            Arg::from(self.link.key("wake")),
            Arg::from(&*silence.id),
            Arg::from(silence_text(silence)),
            Arg::from(seen.map(wire::instant).unwrap_or_default()),
            Arg::from(self.kept_ms(silence)),
        ];
        let keys = vec![self.silences_key(tenant)];
        let call = Call::script(&scripts::SILENCE_PUT, keys, args);
        let version = reply::number(self.run(call).await?)?;
        Ok(match u64::try_from(version) {
            Ok(version) => SilencePut::Stored { version },
            Err(_) => SilencePut::Conflict,
        })
    }

    pub(super) async fn merge_silences(
        &self,
        tenant: &TenantId,
        silences: &[Arc<Silence>],
    ) -> Read<u64> {
        self.find_records().await?;
        let longest = silences.iter().map(|silence| self.kept_ms(silence)).max();
        let mut args = vec![
            Arg::from(self.link.key("wake")),
            Arg::from(longest.unwrap_or_default()),
        ];
        for silence in silences {
            args.push(Arg::from(&*silence.id));
            args.push(Arg::from(silence_text(silence)));
            args.push(Arg::from(wire::instant(silence.updated_at)));
        }
        let keys = vec![self.silences_key(tenant)];
        let call = Call::script(&scripts::SILENCE_MERGE, keys, args);
        reply::version(self.run(call).await?)
    }

    pub(super) async fn forget_silences(&self, tenant: &TenantId, ids: &[Arc<str>]) -> Read<()> {
        if ids.is_empty() {
            return Ok(());
        }
        self.find_records().await?;
        let call = Call::command("HDEL").key(self.silences_key(tenant));
        let call = ids.iter().fold(call, |call, id| call.arg(&**id));
        self.run(call).await.map(drop)
    }

    pub(super) async fn read_silences(&self, tenant: &TenantId) -> Read<SharedSilences> {
        let call = Call::command("HGETALL").key(self.silences_key(tenant));
        let fields = Reply::of(self.run(call).await?)?.pairs()?;
        let mut shared = SharedSilences::default();
        for (name, value) in fields {
            if name == "version" {
                shared.version = value.parse().map_err(|_| reply::unreadable("a version"))?;
            } else {
                shared.silences.push(read_silence(&value, &self.interner)?);
            }
        }
        Ok(shared)
    }
}
