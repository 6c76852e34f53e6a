//! Sessions shared by all instances: [`state::session::Sessions`] on Redis (M8–M11).
//!
//! A session is the hash `session:<id>`, which expires when it ends, so `KEYS "session:*"` lists exactly the sessions that
//! live (M18). The id is the SHA-256 of the token, so a dump of Redis logs nobody in. The tenant is a field of the session,
//! compared by every script (S3). All times are the server's.
//!
//! The index of a tenant is the sorted set `sessions:<tenant>`, id → end. In a cluster it lives in another slot than the
//! sessions, so the two are written by two calls, in an order in which every prefix is safe:
//!
//! - create: index, then session. Nothing can be used that cannot be revoked.
//! - read: session, then index. The index lags behind by one call; a session that is used is noted again.
//! - end: session, then index. What is left in the index is nobody's, is not listed, and ends by itself.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use domain::id::TenantId;
use domain::time::Timestamp;
use hashbrown::HashSet;
use redis::Value;
use state::StateError;
use state::session::{
    Created, DATA_ENTRIES_MAX, LISTED_MAX, Listed, NewSession, Session, SessionChange, SessionId,
    SessionStatistics, Sessions, Updated,
};

use crate::call::{Arg, Call};
use crate::link::Link;
use crate::reply::{Reply, text, unavailable};
use crate::script::Script;

mod fields;
mod index;

static INDEX: Script = Script::new("session/index", include_str!("../lua/session/index.lua"));
static CREATE: Script = Script::new("session/create", include_str!("../lua/session/create.lua"));
static READ: Script = Script::new("session/read", include_str!("../lua/session/read.lua"));
static UPDATE: Script = Script::new("session/update", include_str!("../lua/session/update.lua"));
static DELETE: Script = Script::new("session/delete", include_str!("../lua/session/delete.lua"));
static COUNT: Script = Script::new("session/count", include_str!("../lua/session/count.lua"));

/// Sessions in Redis.
pub struct RedisSessions {
    link: Link,
}

impl RedisSessions {
    /// Sessions over this link.
    pub fn new(link: Link) -> Self {
        Self { link }
    }

    fn session_key(&self, id: SessionId) -> String {
        self.link.key(&format!("session:{id}"))
    }

    fn index_key(&self, tenant: &TenantId) -> String {
        self.link.key(&format!("sessions:{tenant}"))
    }

    async fn ask(&self, call: Call) -> Result<Reply, StateError> {
        let value = self.link.run(call).await.map_err(unavailable)?;
        Reply::read(value).map_err(unavailable)
    }

    fn delete_call(&self, tenant: &TenantId, id: SessionId, user_id: &str) -> Call {
        let args = vec![Arg::from(tenant.as_str()), Arg::from(user_id)];
        Call::script(&DELETE, vec![self.session_key(id)], args)
    }
}

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// The session in a reply whose word says that there is one.
fn session(mut reply: Reply, id: SessionId) -> Result<Session, StateError> {
    if reply.word() != "session" {
        return Err(unavailable(reply.unexpected()));
    }
    let listed = reply.texts().map_err(unavailable)?;
    fields::read(id, listed).ok_or_else(|| unavailable(reply.unexpected()))
}

#[async_trait]
impl Sessions for RedisSessions {
    async fn create(&self, new: NewSession, _now: Timestamp) -> Result<Created, StateError> {
        let lifetime = new.lifetime();
        if !self.note(new.tenant(), new.id(), ms(lifetime.idle)).await? {
            return Ok(Created::TooMany);
        }
        let mut args = vec![
            Arg::from(new.tenant().as_str()),
            Arg::from(new.user_id()),
            Arg::from(new.username()),
            Arg::from(ms(lifetime.idle)),
            Arg::from(ms(lifetime.absolute)),
        ];
        for (name, value) in new.data() {
            args.extend([Arg::from(name.as_str()), Arg::from(value.as_str())]);
        }
        let call = Call::script(&CREATE, vec![self.session_key(new.id())], args);
        let mut reply = self.ask(call).await?;
        if reply.word() != "taken" {
            return session(reply, new.id()).map(Created::Stored);
        }
        if reply.text().map_err(unavailable)? == "elsewhere" {
            // Another tenant's session does not count among ours.
            self.forget(new.tenant(), &[new.id()]).await;
        }
        Ok(Created::Taken)
    }

    async fn get(
        &self,
        tenant: &TenantId,
        id: SessionId,
        _now: Timestamp,
    ) -> Result<Option<Session>, StateError> {
        let args = vec![Arg::from(tenant.as_str())];
        let call = Call::script(&READ, vec![self.session_key(id)], args);
        let reply = self.ask(call).await?;
        if reply.word() == "absent" {
            return Ok(None);
        }
        let session = session(reply, id)?;
        let lasts_ms = ms(session.expires_at.since(session.seen_at));
        if let Err(error) = self.note(tenant, id, lasts_ms.max(1)).await {
            // The session was read; the next reading notes it again.
            tracing::debug!(%tenant, %error, "a session was read and not noted in its index");
        }
        Ok(Some(session))
    }

    async fn update(
        &self,
        tenant: &TenantId,
        id: SessionId,
        change: SessionChange,
        _now: Timestamp,
    ) -> Result<Updated, StateError> {
        let entries = change.entries();
        let removed = entries.iter().filter(|(_, value)| value.is_none());
        let removed: Vec<_> = removed.map(|(name, _)| Arg::from(name.as_str())).collect();
        let count = |number: usize| Arg::from(u64::try_from(number).unwrap_or(u64::MAX));
        let mut args = vec![
            Arg::from(tenant.as_str()),
            count(DATA_ENTRIES_MAX),
            Arg::from(change.new_username().unwrap_or("")),
            count(removed.len()),
        ];
        args.extend(removed);
        for (name, value) in entries {
            if let Some(value) = value {
                args.extend([Arg::from(name.as_str()), Arg::from(value.as_str())]);
            }
        }
        let call = Call::script(&UPDATE, vec![self.session_key(id)], args);
        let reply = self.ask(call).await?;
        match reply.word() {
            "absent" => Ok(Updated::Absent),
            "too much" => Ok(Updated::TooMuch),
            _ => session(reply, id).map(Updated::Stored),
        }
    }

    async fn delete(
        &self,
        tenant: &TenantId,
        id: SessionId,
        _now: Timestamp,
    ) -> Result<bool, StateError> {
        let reply = self.ask(self.delete_call(tenant, id, "")).await?;
        match reply.word() {
            "absent" => return Ok(false),
            "deleted" => {}
            _ => return Err(unavailable(reply.unexpected())),
        }
        self.forget(tenant, &[id]).await;
        Ok(true)
    }

    async fn list(
        &self,
        tenant: &TenantId,
        user_id: Option<&str>,
        limit: usize,
        _now: Timestamp,
    ) -> Result<Listed, StateError> {
        let limit = limit.min(LISTED_MAX);
        let mut found: BTreeMap<SessionId, Session> = BTreeMap::new();
        let mut place = 0;
        // One more than asked for, to know whether there are more.
        while found.len() <= limit {
            let ids = self.latest(tenant, place).await?;
            if ids.is_empty() {
                break;
            }
            place += ids.len();
            let sessions = self.look(tenant, &ids).await?.into_iter();
            let wanted = sessions.filter(|s| user_id.is_none_or(|user| user == s.user_id));
            found.extend(wanted.map(|session| (session.id, session)));
        }
        let mut sessions: Vec<_> = found.into_values().collect();
        sessions.sort_by_key(|session| std::cmp::Reverse((session.expires_at, session.id)));
        let has_more = limit < sessions.len();
        sessions.truncate(limit);
        Ok(Listed { sessions, has_more })
    }

    async fn count(&self, tenant: &TenantId, _now: Timestamp) -> Result<usize, StateError> {
        let call = Call::script(&COUNT, vec![self.index_key(tenant)], vec![]);
        let counted = self.ask(call).await?.number().map_err(unavailable)?;
        Ok(usize::try_from(counted).unwrap_or(usize::MAX))
    }

    async fn statistics(
        &self,
        tenant: &TenantId,
        _now: Timestamp,
    ) -> Result<SessionStatistics, StateError> {
        let mut found: BTreeMap<SessionId, Session> = BTreeMap::new();
        let mut cursor = Some(index::START);
        while let Some(at) = cursor {
            let page = self.page(tenant, at).await?;
            cursor = page.next;
            let sessions = self.look(tenant, &page.ids).await?.into_iter();
            found.extend(sessions.map(|session| (session.id, session)));
        }
        Ok(SessionStatistics::of(found.values()))
    }

    async fn revoke_user(
        &self,
        tenant: &TenantId,
        user_id: &str,
        _now: Timestamp,
    ) -> Result<usize, StateError> {
        // No user has an empty id, and the script takes an empty one for anybody's.
        if user_id.is_empty() {
            return Ok(0);
        }
        self.revoke(tenant, user_id).await
    }

    async fn revoke_tenant(&self, tenant: &TenantId, _now: Timestamp) -> Result<usize, StateError> {
        self.revoke(tenant, "").await
    }
}

impl RedisSessions {
    /// Ends the sessions of a user, or of anybody where that is empty, page by page of the index.
    async fn revoke(&self, tenant: &TenantId, user_id: &str) -> Result<usize, StateError> {
        let mut ended: HashSet<SessionId> = HashSet::new();
        let mut cursor = Some(index::START);
        while let Some(at) = cursor {
            let page = self.page(tenant, at).await?;
            cursor = page.next;
            let calls = page
                .ids
                .iter()
                .map(|id| self.delete_call(tenant, *id, user_id));
            let answers = self.link.run_all(calls.collect()).await;
            let mut gone = Vec::new();
            let mut failure = None;
            for (id, answer) in page.ids.iter().zip(answers) {
                match answer.and_then(Reply::read) {
                    Ok(reply) if reply.word() == "deleted" => gone.push(*id),
                    Ok(_) => {}
                    Err(error) => failure = Some(unavailable(error)),
                }
            }
            self.forget(tenant, &gone).await;
            if let Some(failure) = failure {
                return Err(failure);
            }
            ended.extend(gone);
        }
        Ok(ended.len())
    }

    /// Reads sessions of the tenant without extending them; what is not there, or another's, is left out.
    async fn look(&self, tenant: &TenantId, ids: &[SessionId]) -> Result<Vec<Session>, StateError> {
        let call = |id: &SessionId| Call::command("HGETALL").key(self.session_key(*id));
        let answers = self.link.run_all(ids.iter().map(call).collect()).await;
        let mut found = Vec::new();
        for (id, answer) in ids.iter().zip(answers) {
            let Value::Array(parts) = answer.map_err(unavailable)? else {
                continue;
            };
            let listed = parts.into_iter().filter_map(text).collect();
            found.extend(fields::read(*id, listed).filter(|s| &s.tenant == tenant));
        }
        Ok(found)
    }
}
