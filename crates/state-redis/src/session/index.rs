//! The index of a tenant's sessions.

use domain::id::TenantId;
use redis::Value;
use state::StateError;
use state::session::{SESSIONS_MAX, SessionId};

use super::{INDEX, RedisSessions};
use crate::call::{Arg, Call};
use crate::error::{LinkError, LinkErrorKind};
use crate::reply::{text, unavailable};

/// How many sessions are dealt with in one round trip.
const PAGE: u64 = 500;

/// Where a walk through an index begins.
pub(super) const START: u64 = 0;

/// A part of an index; a walk through all of them meets every session that is there all the while, some perhaps twice.
pub(super) struct Page {
    pub(super) ids: Vec<SessionId>,
    pub(super) next: Option<u64>,
}

impl RedisSessions {
    /// Notes that a session lives for so long; answers whether there was room.
    pub(super) async fn note(
        &self,
        tenant: &TenantId,
        id: SessionId,
        lasts_ms: u64,
    ) -> Result<bool, StateError> {
        let args = vec![
            Arg::from(id.to_string()),
            Arg::from(lasts_ms),
            Arg::from(u64::try_from(SESSIONS_MAX).unwrap_or(u64::MAX)),
        ];
        let call = Call::script(&INDEX, vec![self.index_key(tenant)], args);
        let reply = self.ask(call).await?;
        match reply.word() {
            "indexed" => Ok(true),
            "full" => Ok(false),
            _ => Err(unavailable(reply.unexpected())),
        }
    }

    /// Removes sessions that are gone; what is left behind by a failure ends by itself.
    pub(super) async fn forget(&self, tenant: &TenantId, ids: &[SessionId]) {
        if ids.is_empty() {
            return;
        }
        let call = Call::command("ZREM").key(self.index_key(tenant));
        let call = ids.iter().fold(call, |call, id| call.arg(id.to_string()));
        if let Err(error) = self.link.run(call).await {
            tracing::debug!(%tenant, %error, "ended sessions stay in their index for a while");
        }
    }

    /// The sessions that end last, from a place on.
    pub(super) async fn latest(
        &self,
        tenant: &TenantId,
        place: usize,
    ) -> Result<Vec<SessionId>, StateError> {
        let from = u64::try_from(place).unwrap_or(u64::MAX);
        let call = Call::command("ZREVRANGE").key(self.index_key(tenant));
        let call = call.arg(from).arg(from + PAGE - 1);
        match self.link.run(call).await.map_err(unavailable)? {
            Value::Array(members) => Ok(members.into_iter().filter_map(id).collect()),
            _ => Err(unavailable(no_index())),
        }
    }

    /// A page of the index; the walk begins at [`START`] and ends with a page without a next one.
    pub(super) async fn page(&self, tenant: &TenantId, cursor: u64) -> Result<Page, StateError> {
        let call = Call::command("ZSCAN").key(self.index_key(tenant));
        let call = call.arg(cursor).arg("COUNT").arg(PAGE);
        let answer = self.link.run(call).await.map_err(unavailable)?;
        page(answer).ok_or_else(|| unavailable(no_index()))
    }
}

fn page(answer: Value) -> Option<Page> {
    let Value::Array(parts) = answer else {
        return None;
    };
    let [cursor, Value::Array(pairs)] = <[Value; 2]>::try_from(parts).ok()? else {
        return None;
    };
    let next: u64 = text(cursor)?.parse().ok()?;
    // Members and scores take turns.
    let ids = pairs.into_iter().step_by(2).filter_map(id).collect();
    Some(Page {
        ids,
        next: (next != START).then_some(next),
    })
}

fn id(member: Value) -> Option<SessionId> {
    text(member)?.parse().ok()
}

fn no_index() -> LinkError {
    let message = "the index of sessions in redis has another shape than ours";
    LinkError::new(LinkErrorKind::Unexpected, message)
}
