//! Who is logged in, shared by all instances (protocol.md §3, mission M8–M11).
//!
//! A session belongs to one tenant, and every call names the tenant: what is another tenant's is answered exactly as what
//! does not exist, and is not changed (S3). No backend ever learns a token: a session is kept under the SHA-256 of it,
//! [`SessionId`], so whoever reads a dump cannot log in with it.
//!
//! Reading a session keeps it: each [`Sessions::get`] moves its end to [`Lifetime::idle`] from now, never past
//! [`Lifetime::absolute`] from its creation. A backend that cannot answer says so; callers then deny access, they never
//! make it up. A backend that lost its data finds no session: people log in again, nothing else breaks (M19).
//!
//! ```
//! # use domain::id::TenantId; use domain::time::Timestamp;
//! # use state::session::{NewSession, SessionId, Sessions};
//! # async fn example(sessions: &dyn Sessions, token: &str, now: Timestamp) -> Result<(), Box<dyn std::error::Error>> {
//! let tenant = TenantId::default_tenant();
//! let session = NewSession::new(SessionId::of_token(token), tenant.clone(), "u-17", "mia")?.with("role", "editor")?;
//! sessions.create(session, now).await?;
//! // On any instance, with every request:
//! let Some(session) = sessions.get(&tenant, SessionId::of_token(token), now).await? else {
//!     return Err("log in again".into());
//! };
//! assert_eq!(session.data["role"], "editor");
//! # Ok(()) }
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use domain::id::TenantId;
use domain::time::Timestamp;
use sha2::{Digest, Sha256};

use crate::StateError;

mod change;
pub mod conformance;
pub mod memory;

pub use change::{InvalidSession, NewSession, SessionChange};

/// Most sessions one tenant may have: more is a program that logs in for each request.
pub const SESSIONS_MAX: usize = 50_000;

/// Most sessions [`Sessions::list`] answers: more than a person reads.
pub const LISTED_MAX: usize = 1000;

/// Most entries of additional data in a session.
pub const DATA_ENTRIES_MAX: usize = 32;

/// What a session is kept under: the SHA-256 of its token, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId([u8; 32]);

impl SessionId {
    /// The id of the session that this token opens.
    pub fn of_token(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not an id of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a session id is 64 lower-case hexadecimal digits")]
pub struct InvalidSessionId;

impl FromStr for SessionId {
    type Err = InvalidSessionId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() != 64 || !text.bytes().all(is_hex) {
            return Err(InvalidSessionId);
        }
        let mut id = [0; 32];
        for (place, byte) in id.iter_mut().enumerate() {
            let digits = text.get(place * 2..place * 2 + 2).ok_or(InvalidSessionId)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| InvalidSessionId)?;
        }
        Ok(Self(id))
    }
}

/// How long a session lasts; kept with the session, so that all instances agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// It ends when nobody read it for this long.
    pub idle: Duration,
    /// It ends this long after it was created, however much it is used.
    pub absolute: Duration,
}

impl Default for Lifetime {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(30 * 60),
            absolute: Duration::from_secs(12 * 3600),
        }
    }
}

/// A session that lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// What it is kept under.
    pub id: SessionId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The user who logged in.
    pub user_id: String,
    /// Their name at that time.
    pub username: String,
    /// Whatever else belongs to it, such as the role.
    pub data: BTreeMap<String, String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last read through [`Sessions::get`].
    pub seen_at: Timestamp,
    /// When it ends unless it is read before.
    pub expires_at: Timestamp,
    /// When it ends however much it is read.
    pub ends_at: Timestamp,
}

/// What became of a new session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is there, on every instance.
    Stored(Session),
    /// There is one by this id already, whoever's: a token is used once.
    Taken,
    /// The tenant has [`SESSIONS_MAX`] sessions.
    TooMany,
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Updated {
    /// The session as it is now.
    Stored(Session),
    /// The tenant has no such session.
    Absent,
    /// It would have more than [`DATA_ENTRIES_MAX`] entries of data; nothing changed.
    TooMuch,
}

/// Sessions of a tenant, the one that ends last first: among alike lifetimes, the most recently used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// At most as many as asked for, and [`LISTED_MAX`].
    pub sessions: Vec<Session>,
    /// Whether there are more.
    pub has_more: bool,
}

/// Figures about a tenant's sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionStatistics {
    /// How many sessions live.
    pub sessions: usize,
    /// How many users they belong to.
    pub users: usize,
    /// How many sessions each role has; those without the entry `role` count under an empty name.
    pub by_role: BTreeMap<String, usize>,
    /// When the oldest of them was created.
    pub oldest_at: Option<Timestamp>,
    /// When one of them was last used.
    pub last_seen_at: Option<Timestamp>,
}

impl SessionStatistics {
    /// The figures of some sessions of one tenant.
    pub fn of<'a>(sessions: impl Iterator<Item = &'a Session>) -> Self {
        let mut found = Self::default();
        let mut users = std::collections::BTreeSet::new();
        for session in sessions {
            found.sessions += 1;
            users.insert(session.user_id.as_str());
            let role = session.data.get("role").cloned().unwrap_or_default();
            *found.by_role.entry(role).or_default() += 1;
            let created = session.created_at;
            found.oldest_at = Some(found.oldest_at.map_or(created, |at| at.min(created)));
            found.last_seen_at = found.last_seen_at.max(Some(session.seen_at));
        }
        found.users = users.len();
        found
    }
}

/// Where sessions are kept. `now` is the caller's clock; a backend with a clock that all instances share uses that instead.
///
/// *Errors*: [`StateError::Unavailable`] means that nobody knows; callers deny access.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Keeps a new session. It is listed and can be revoked before it can be used.
    async fn create(&self, session: NewSession, now: Timestamp) -> Result<Created, StateError>;

    /// Reads a session of the tenant and extends it (M10); `None` if it has ended, never was, or is another tenant's.
    async fn get(
        &self,
        tenant: &TenantId,
        id: SessionId,
        now: Timestamp,
    ) -> Result<Option<Session>, StateError>;

    /// Changes a session of the tenant; its end stays.
    ///
    /// *Atomicity*: the change as a whole; changes of different entries by different instances do not undo each other.
    async fn update(
        &self,
        tenant: &TenantId,
        id: SessionId,
        change: SessionChange,
        now: Timestamp,
    ) -> Result<Updated, StateError>;

    /// Ends a session of the tenant, on every instance at once; answers whether there was one.
    async fn delete(
        &self,
        tenant: &TenantId,
        id: SessionId,
        now: Timestamp,
    ) -> Result<bool, StateError>;

    /// Lists sessions of the tenant, of one user where one is named, without extending them.
    async fn list(
        &self,
        tenant: &TenantId,
        user_id: Option<&str>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Listed, StateError>;

    /// Counts the tenant's sessions without reading them. After a fault halfway through creating or ending one, it may be
    /// counted until its idle time is over; [`Sessions::statistics`] is exact.
    async fn count(&self, tenant: &TenantId, now: Timestamp) -> Result<usize, StateError>;

    /// Reads all of the tenant's sessions and sums up.
    async fn statistics(
        &self,
        tenant: &TenantId,
        now: Timestamp,
    ) -> Result<SessionStatistics, StateError>;

    /// Ends every session that a user of the tenant has at this moment; answers how many. Safe to repeat.
    async fn revoke_user(
        &self,
        tenant: &TenantId,
        user_id: &str,
        now: Timestamp,
    ) -> Result<usize, StateError>;

    /// Ends every session the tenant has at this moment; answers how many. Safe to repeat.
    async fn revoke_tenant(&self, tenant: &TenantId, now: Timestamp) -> Result<usize, StateError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_sha_256_of_the_token_and_reads_back() {
        let id = SessionId::of_token("abc");
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!((id.to_string().as_str(), text.parse()), (text, Ok(id)));
        for bad in [
            "",
            "abc",
            &text.to_uppercase(),
            &format!("{text}0"),
            &text.replace('b', "é"),
        ] {
            assert_eq!(bad.parse::<SessionId>(), Err(InvalidSessionId), "{bad}");
        }
    }
}
