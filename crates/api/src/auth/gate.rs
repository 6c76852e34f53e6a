//! What the file of `--web.config.file` says about requests: users, headers of answers, and how many are let through.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use config::web::WebConfig;
use tokio::time::Instant;

use super::passwords::{InvalidHash, Users};

/// The file in force.
pub struct Gate {
    pub(crate) users: Users,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    rate: Option<Rate>,
}

/// Why a file cannot be put in force.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// A password's hash is none.
    #[error(transparent)]
    Hash(#[from] InvalidHash),
    /// A header cannot be sent.
    #[error("header {0:?} cannot be sent: its name or value has characters headers cannot have")]
    Header(String),
}

impl Gate {
    /// No users, no headers, no bound: what holds without a file.
    pub fn open() -> Self {
        Self::with_users(Users::none())
    }

    /// These users and nothing else.
    pub fn with_users(users: Users) -> Self {
        Self {
            users,
            headers: Vec::new(),
            rate: None,
        }
    }

    /// What a file says.
    ///
    /// # Errors
    /// [`GateError`] for what cannot be used.
    pub fn new(file: &WebConfig) -> Result<Self, GateError> {
        let users = file.basic_auth_users.iter();
        let users = users.map(|(name, hash)| (name.clone(), hash.expose().to_owned()));
        let mut gate = Self::with_users(Users::new(users)?);
        for (name, value) in &file.headers {
            let header = HeaderName::try_from(name)
                .ok()
                .zip(HeaderValue::try_from(value).ok());
            gate.headers
                .push(header.ok_or_else(|| GateError::Header(name.clone()))?);
        }
        gate.rate = file
            .rate_limit
            .map(|limit| Rate::new(limit.burst, limit.interval));
        Ok(gate)
    }

    /// Whether one more request may come in now.
    pub(crate) fn admits(&self) -> bool {
        self.rate.as_ref().is_none_or(Rate::take)
    }
}

/// One request per interval on average, some at once.
struct Rate {
    burst: f64,
    interval: Duration,
    /// Requests that may come in, and when that was reckoned.
    left: Mutex<(f64, Instant)>,
}

impl Rate {
    fn new(burst: u64, interval: Duration) -> Self {
        // Beyond four thousand million at once there is no bound worth the name.
        let burst = f64::from(u32::try_from(burst).unwrap_or(u32::MAX));
        Self {
            burst,
            interval,
            left: Mutex::new((burst, Instant::now())),
        }
    }

    fn take(&self) -> bool {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let gained = (now - left.1).div_duration_f64(self.interval);
        *left = ((left.0 + gained).min(self.burst), now);
        let is_admitted = left.0 >= 1.0;
        if is_admitted {
            left.0 -= 1.0;
        }
        is_admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_let_through_and_then_one_per_interval() {
        let rate = Rate::new(3, Duration::from_secs(1));
        let admitted = |count: usize| (0..count).filter(|_| rate.take()).count();
        assert_eq!(admitted(10), 3);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(admitted(10), 2);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(admitted(10), 3);
    }
}
