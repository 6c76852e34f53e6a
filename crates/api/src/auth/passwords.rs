//! Users with passwords, as `basic_auth_users` of `--web.config.file` states them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::limits::{PASSWORD_MEMORY, PASSWORDS_REMEMBERED};

/// Checked when there is no such user, so that the time taken does not tell who exists. No password has this hash.
const NOBODY: &str = "$2b$10$.....................................................";

/// Passwords checked at the same time: each takes a core for a while, and strangers may ask for it.
const CHECKS_AT_ONCE: usize = 2;

/// A user's password hash is not of the bcrypt family.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the password of user {0:?} is not a bcrypt hash: it must begin with $2a$, $2b$ or $2y$")]
pub struct InvalidHash(pub String);

/// Users and their passwords' hashes.
pub struct Users {
    hashes: HashMap<Arc<str>, String>,
    /// When passwords were last found right, by keyed hash; the key is this process's secret.
    verified: Mutex<HashMap<[u8; 32], Instant>>,
    key: [u8; 32],
    checks: Semaphore,
}

impl Users {
    /// Nobody.
    pub fn none() -> Self {
        let mut key = [0; 32];
        key[..16].copy_from_slice(Uuid::new_v4().as_bytes());
        key[16..].copy_from_slice(Uuid::new_v4().as_bytes());
        Self {
            hashes: HashMap::new(),
            verified: Mutex::default(),
            key,
            checks: Semaphore::new(CHECKS_AT_ONCE),
        }
    }

    /// Users by name, each with the bcrypt hash of the password.
    ///
    /// # Errors
    /// [`InvalidHash`] for the first hash that is none.
    pub fn new(users: impl IntoIterator<Item = (String, String)>) -> Result<Self, InvalidHash> {
        let mut all = Self::none();
        for (name, hash) in users {
            if hash.parse::<bcrypt::HashParts>().is_err() {
                return Err(InvalidHash(name));
            }
            all.hashes.insert(name.into(), hash);
        }
        Ok(all)
    }

    /// Whether there are no users.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Checks `base64(user:password)` and answers the user's name.
    pub async fn verify(&self, encoded: &[u8]) -> Option<Arc<str>> {
        let decoded = STANDARD.decode(encoded).ok()?;
        let colon = decoded.iter().position(|b| *b == b':')?;
        let (name, password) = (
            std::str::from_utf8(&decoded[..colon]).ok()?,
            &decoded[colon + 1..],
        );
        let known = self.hashes.get_key_value(name);
        let hash = known.map_or(NOBODY, |(_, hash)| hash.as_str());
        let proof = self.proof(&decoded, hash);
        if known.is_some() && self.is_remembered(&proof) {
            return known.map(|(name, _)| Arc::clone(name));
        }
        let _one_of_few = self.checks.acquire().await.ok()?;
        let (password, hash) = (password.to_vec(), hash.to_owned());
        let check = move || bcrypt::verify(password, &hash).unwrap_or(false);
        let is_right = tokio::task::spawn_blocking(check).await.unwrap_or(false);
        let (name, _) = known.filter(|_| is_right)?;
        self.remember(proof);
        Some(Arc::clone(name))
    }

    fn proof(&self, credentials: &[u8], hash: &str) -> [u8; 32] {
        let digest = Sha256::new()
            .chain_update(self.key)
            .chain_update(hash)
            .chain_update([0]);
        digest.chain_update(credentials).finalize().into()
    }

    fn is_remembered(&self, proof: &[u8; 32]) -> bool {
        let verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        verified
            .get(proof)
            .is_some_and(|at| at.elapsed() < PASSWORD_MEMORY)
    }

    fn remember(&self, proof: [u8; 32]) {
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if verified.len() >= PASSWORDS_REMEMBERED {
            verified.retain(|_, at| at.elapsed() < PASSWORD_MEMORY);
        }
        // Only right passwords come here, so the bound is only met by very many users.
        if verified.len() < PASSWORDS_REMEMBERED {
            verified.insert(proof, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::NOBODY;

    #[test]
    fn checking_nobody_costs_what_checking_somebody_costs() {
        assert!(NOBODY.parse::<bcrypt::HashParts>().is_ok());
        assert_eq!(bcrypt::verify("", NOBODY).ok(), Some(false));
    }
}
