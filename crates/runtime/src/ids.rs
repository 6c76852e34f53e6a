//! Ids and nonces: the only source of randomness.

use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};

/// Makes ids; seeded in tests so that runs repeat.
pub trait IdSource: Send + Sync {
    /// A new UUID, version 4, in lower-case text form.
    fn uuid(&self) -> String;
    /// A number nobody else draws: for poll nonces, cursors and the like.
    fn nonce(&self) -> u64;
}

/// An id source as it is handed around.
pub type SharedIds = Arc<dyn IdSource>;

/// Ids from the operating system's random source.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomIds;

impl RandomIds {
    /// Random ids, ready to hand around.
    pub fn shared() -> SharedIds {
        Arc::new(Self)
    }
}

impl IdSource for RandomIds {
    fn uuid(&self) -> String {
        uuid::Uuid::new_v4().to_string()
    }

    fn nonce(&self) -> u64 {
        // A v4 UUID has 6 fixed bits; the lower half keeps 62 random ones.
        uuid::Uuid::new_v4().as_u64_pair().1
    }
}

/// Ids that repeat with their seed.
#[derive(Debug)]
pub struct SeededIds {
    rng: Mutex<StdRng>,
}

impl SeededIds {
    /// Ids that follow from `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            rng: Mutex::new(StdRng::seed_from_u64(seed)),
        }
    }

    /// The same, ready to hand around.
    pub fn shared(seed: u64) -> SharedIds {
        Arc::new(Self::new(seed))
    }
}

impl IdSource for SeededIds {
    fn uuid(&self) -> String {
        let mut bytes = [0; 16];
        self.rng
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .fill_bytes(&mut bytes);
        uuid::Builder::from_random_bytes(bytes)
            .into_uuid()
            .to_string()
    }

    fn nonce(&self) -> u64 {
        self.rng
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next_u64()
    }
}

#[cfg(test)]
mod tests;
