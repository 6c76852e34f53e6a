//! Sessions of one process.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::id::TenantId;
use domain::time::Timestamp;
use hashbrown::HashMap;

use super::{
    Created, DATA_ENTRIES_MAX, LISTED_MAX, Listed, NewSession, SESSIONS_MAX, Session,
    SessionChange, SessionId, SessionStatistics, Sessions, Updated,
};
use crate::StateError;

/// Sessions in memory; they end with the process.
#[derive(Default)]
pub struct MemorySessions {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    sessions: HashMap<SessionId, Kept>,
    /// By expiry, so that what has ended is found without a search.
    ends: BTreeSet<(Timestamp, SessionId)>,
    counts: HashMap<TenantId, usize>,
}

struct Kept {
    session: Session,
    idle: Duration,
}

impl MemorySessions {
    /// The table without what has ended by now.
    fn table(&self, now: Timestamp) -> MutexGuard<'_, Table> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((end, id)) = table.ends.first().copied()
            && end <= now
        {
            table.remove(id);
        }
        table
    }
}

impl Table {
    fn insert(&mut self, kept: Kept) {
        let Session { id, expires_at, .. } = kept.session;
        self.ends.insert((expires_at, id));
        *self.counts.entry(kept.session.tenant.clone()).or_default() += 1;
        self.sessions.insert(id, kept);
    }

    fn remove(&mut self, id: SessionId) {
        let Some(kept) = self.sessions.remove(&id) else {
            return;
        };
        self.ends.remove(&(kept.session.expires_at, id));
        let tenant = &kept.session.tenant;
        if let Some(count) = self.counts.get_mut(tenant) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(tenant);
            }
        }
    }

    fn own(&mut self, tenant: &TenantId, id: SessionId) -> Option<&mut Kept> {
        self.sessions
            .get_mut(&id)
            .filter(|kept| &kept.session.tenant == tenant)
    }

    fn all<'a>(
        &'a self,
        tenant: &'a TenantId,
        user_id: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Session> {
        let all = self.sessions.values().map(|kept| &kept.session);
        all.filter(move |session| &session.tenant == tenant)
            .filter(move |session| user_id.is_none_or(|user| user == session.user_id))
    }

    fn revoke(&mut self, tenant: &TenantId, user_id: Option<&str>) -> usize {
        let ids: Vec<_> = self
            .all(tenant, user_id)
            .map(|session| session.id)
            .collect();
        for id in &ids {
            self.remove(*id);
        }
        ids.len()
    }
}

#[async_trait]
impl Sessions for MemorySessions {
    async fn create(&self, new: NewSession, now: Timestamp) -> Result<Created, StateError> {
        let mut table = self.table(now);
        if table.sessions.contains_key(&new.id()) {
            return Ok(Created::Taken);
        }
        if SESSIONS_MAX <= table.counts.get(new.tenant()).copied().unwrap_or(0) {
            return Ok(Created::TooMany);
        }
        let idle = new.lifetime().idle;
        let session = Session {
            id: new.id(),
            tenant: new.tenant().clone(),
            user_id: new.user_id().to_owned(),
            username: new.username().to_owned(),
            data: new.data().clone(),
            created_at: now,
            seen_at: now,
            expires_at: now + idle,
            ends_at: now + new.lifetime().absolute,
        };
        table.insert(Kept {
            session: session.clone(),
            idle,
        });
        Ok(Created::Stored(session))
    }

    async fn get(
        &self,
        tenant: &TenantId,
        id: SessionId,
        now: Timestamp,
    ) -> Result<Option<Session>, StateError> {
        let mut table = self.table(now);
        let Some(kept) = table.own(tenant, id) else {
            return Ok(None);
        };
        let before = kept.session.expires_at;
        // The clock may have stepped back; a session is not cut for that.
        kept.session.seen_at = kept.session.seen_at.max(now);
        let after = (kept.session.seen_at + kept.idle).min(kept.session.ends_at);
        kept.session.expires_at = after;
        let session = kept.session.clone();
        table.ends.remove(&(before, id));
        table.ends.insert((after, id));
        Ok(Some(session))
    }

    async fn update(
        &self,
        tenant: &TenantId,
        id: SessionId,
        change: SessionChange,
        now: Timestamp,
    ) -> Result<Updated, StateError> {
        let mut table = self.table(now);
        let Some(kept) = table.own(tenant, id) else {
            return Ok(Updated::Absent);
        };
        let mut data = kept.session.data.clone();
        for (name, value) in change.entries() {
            match value {
                Some(value) => data.insert(name.clone(), value.clone()),
                None => data.remove(name),
            };
        }
        if DATA_ENTRIES_MAX < data.len() {
            return Ok(Updated::TooMuch);
        }
        kept.session.data = data;
        if let Some(username) = change.new_username() {
            username.clone_into(&mut kept.session.username);
        }
        Ok(Updated::Stored(kept.session.clone()))
    }

    async fn delete(
        &self,
        tenant: &TenantId,
        id: SessionId,
        now: Timestamp,
    ) -> Result<bool, StateError> {
        let mut table = self.table(now);
        let is_there = table.own(tenant, id).is_some();
        if is_there {
            table.remove(id);
        }
        Ok(is_there)
    }

    async fn list(
        &self,
        tenant: &TenantId,
        user_id: Option<&str>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Listed, StateError> {
        let table = self.table(now);
        let mut sessions: Vec<_> = table.all(tenant, user_id).cloned().collect();
        drop(table);
        sessions.sort_by_key(|session| std::cmp::Reverse((session.expires_at, session.id)));
        let limit = limit.min(LISTED_MAX);
        let has_more = limit < sessions.len();
        sessions.truncate(limit);
        Ok(Listed { sessions, has_more })
    }

    async fn count(&self, tenant: &TenantId, now: Timestamp) -> Result<usize, StateError> {
        Ok(self.table(now).counts.get(tenant).copied().unwrap_or(0))
    }

    async fn statistics(
        &self,
        tenant: &TenantId,
        now: Timestamp,
    ) -> Result<SessionStatistics, StateError> {
        Ok(SessionStatistics::of(self.table(now).all(tenant, None)))
    }

    async fn revoke_user(
        &self,
        tenant: &TenantId,
        user_id: &str,
        now: Timestamp,
    ) -> Result<usize, StateError> {
        Ok(self.table(now).revoke(tenant, Some(user_id)))
    }

    async fn revoke_tenant(&self, tenant: &TenantId, now: Timestamp) -> Result<usize, StateError> {
        Ok(self.table(now).revoke(tenant, None))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use runtime::clock::SimClock;

    use super::*;
    use crate::session::conformance::{self, Lab};

    fn lab() -> Lab {
        Lab {
            sessions: Arc::new(MemorySessions::default()),
            clock: SimClock::shared(Timestamp::from_unix_ms(1_800_000_000_000)),
        }
    }

    crate::session_conformance!(|| async {
        tokio::time::pause();
        Some((lab(), ()))
    });

    proptest! {
        #[test]
        fn no_call_crosses_tenants_whatever_the_order(seed: u64) {
            let paused = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .expect("a runtime");
            paused.block_on(async { conformance::no_call_crosses_tenants(lab(), seed, 200).await });
        }
    }
}
