//! What may be put into a session, checked before any backend sees it.

use std::collections::BTreeMap;

use domain::id::TenantId;

use super::{DATA_ENTRIES_MAX, Lifetime, SessionId};

/// The longest user id, username or name of an entry, in bytes.
const NAME_BYTES_MAX: usize = 256;
/// The longest value of an entry, in bytes: a session is read with every request.
const VALUE_BYTES_MAX: usize = 1024;

/// Why something cannot be put into a session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSession {
    /// A text is empty or too long.
    #[error("`{what}` of a session is 1 to {bytes_max} bytes long")]
    Length {
        /// Which text.
        what: &'static str,
        /// Its bound.
        bytes_max: usize,
    },
    /// There are too many entries of data.
    #[error("a session has at most {DATA_ENTRIES_MAX} entries of data")]
    TooMuch,
    /// It would end before it began, or never.
    #[error(
        "a session lasts at least a millisecond, its idle time no longer than its absolute one, and that at most 30 days"
    )]
    Lifetime,
}

/// A session to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    id: SessionId,
    tenant: TenantId,
    user_id: String,
    username: String,
    data: BTreeMap<String, String>,
    lifetime: Lifetime,
}

impl NewSession {
    /// A session of this user, with the default lifetime and no additional data.
    pub fn new(
        id: SessionId,
        tenant: TenantId,
        user_id: &str,
        username: &str,
    ) -> Result<Self, InvalidSession> {
        Ok(Self {
            id,
            tenant,
            user_id: bounded("user id", user_id, 1, NAME_BYTES_MAX)?,
            username: bounded("username", username, 1, NAME_BYTES_MAX)?,
            data: BTreeMap::new(),
            lifetime: Lifetime::default(),
        })
    }

    /// The same with an entry of additional data.
    pub fn with(mut self, name: &str, value: &str) -> Result<Self, InvalidSession> {
        let name = bounded("name of data", name, 1, NAME_BYTES_MAX)?;
        let value = bounded("value of data", value, 0, VALUE_BYTES_MAX)?;
        self.data.insert(name, value);
        if DATA_ENTRIES_MAX < self.data.len() {
            return Err(InvalidSession::TooMuch);
        }
        Ok(self)
    }

    /// The same with another lifetime.
    pub fn lasting(self, lifetime: Lifetime) -> Result<Self, InvalidSession> {
        let month_ms = 30 * 24 * 3600 * 1000;
        let is_sane = 1 <= lifetime.idle.as_millis()
            && lifetime.idle <= lifetime.absolute
            && lifetime.absolute.as_millis() <= month_ms;
        if !is_sane {
            return Err(InvalidSession::Lifetime);
        }
        Ok(Self { lifetime, ..self })
    }

    /// What it is kept under.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Whose it is.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The user who logged in.
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// Their name.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The additional data.
    pub fn data(&self) -> &BTreeMap<String, String> {
        &self.data
    }

    /// How long it lasts.
    pub fn lifetime(&self) -> Lifetime {
        self.lifetime
    }
}

/// What to change about a session; what is not named stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionChange {
    username: Option<String>,
    data: BTreeMap<String, Option<String>>,
}

impl SessionChange {
    /// Also gives it another username.
    pub fn username(mut self, username: &str) -> Result<Self, InvalidSession> {
        self.username = Some(bounded("username", username, 1, NAME_BYTES_MAX)?);
        Ok(self)
    }

    /// Also sets an entry of data.
    pub fn set(self, name: &str, value: &str) -> Result<Self, InvalidSession> {
        let value = bounded("value of data", value, 0, VALUE_BYTES_MAX)?;
        self.entry(name, Some(value))
    }

    /// Also removes an entry of data.
    pub fn remove(self, name: &str) -> Result<Self, InvalidSession> {
        self.entry(name, None)
    }

    fn entry(mut self, name: &str, value: Option<String>) -> Result<Self, InvalidSession> {
        let name = bounded("name of data", name, 1, NAME_BYTES_MAX)?;
        self.data.insert(name, value);
        if DATA_ENTRIES_MAX < self.data.len() {
            return Err(InvalidSession::TooMuch);
        }
        Ok(self)
    }

    /// The username it gets, if it gets one.
    pub fn new_username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    /// The entries it touches: with a value to set, without one to remove.
    pub fn entries(&self) -> &BTreeMap<String, Option<String>> {
        &self.data
    }
}

fn bounded(
    what: &'static str,
    text: &str,
    bytes_min: usize,
    bytes_max: usize,
) -> Result<String, InvalidSession> {
    if (bytes_min..=bytes_max).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err(InvalidSession::Length { what, bytes_max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_has_a_bound() {
        let new = |user: &str| {
            NewSession::new(
                SessionId::of_token("t"),
                TenantId::default_tenant(),
                user,
                "mia",
            )
        };
        assert!(new("").is_err() && new(&"x".repeat(257)).is_err());
        let session = new("u").expect("valid");
        assert!(session.clone().with("role", &"x".repeat(1025)).is_err());
        assert!(session.clone().with("", "x").is_err());
        let full = (0..32).try_fold(session.clone(), |s, n| s.with(&n.to_string(), ""));
        assert_eq!(
            full.and_then(|s| s.with("more", "")),
            Err(InvalidSession::TooMuch)
        );
        let second = std::time::Duration::from_secs(1);
        for (idle, absolute) in [
            (second * 2, second),
            (std::time::Duration::ZERO, second),
            (second, second * 10_000_000),
        ] {
            let lasting = session.clone().lasting(Lifetime { idle, absolute });
            assert_eq!(lasting, Err(InvalidSession::Lifetime));
        }
    }
}
