//! One client for the whole process.

use std::sync::Arc;

use redis::Value;

use crate::call::Call;
use crate::error::{LinkError, LinkErrorKind};

mod options;
mod subscription;

pub use options::{LinkOptions, Password, Topology};
pub use subscription::{Heard, Subscription};

/// The process's one Redis client; clones share it.
///
/// It connects when it is first needed and again, with growing pauses, when a connection is lost. A command whose reply
/// was lost fails; it is never sent again behind the caller's back.
#[derive(Clone)]
pub struct Link {
    inner: Arc<Inner>,
}

struct Inner {
    options: LinkOptions,
    prefix: String,
}

impl Link {
    /// Checks the options; the server need not be up.
    ///
    /// # Errors
    /// Of kind [`LinkErrorKind::Config`] when the options cannot work.
    pub fn new(options: LinkOptions) -> Result<Self, LinkError> {
        let prefix = options.key_prefix.clone();
        Ok(Self {
            inner: Arc::new(Inner { options, prefix }),
        })
    }

    /// The whole name of a key or channel: prefix and name.
    pub fn key(&self, name: &str) -> String {
        format!("{}{name}", self.inner.prefix)
    }

    /// What [`Link::key`] puts in front: empty, or ending in a colon.
    pub fn prefix(&self) -> &str {
        &self.inner.prefix
    }

    /// Asks one thing.
    ///
    /// # Errors
    /// See [`LinkErrorKind`].
    pub async fn run(&self, _call: Call) -> Result<Value, LinkError> {
        Err(LinkError::new(LinkErrorKind::Unreachable, "not built yet"))
    }

    /// Asks many things in one round trip; each has its own result, and none waits for the success of another.
    ///
    /// A cluster gets them as single commands at the same time, each at its slot.
    pub async fn run_all(&self, calls: Vec<Call>) -> Vec<Result<Value, LinkError>> {
        let mut results = Vec::new();
        for call in calls {
            results.push(self.run(call).await);
        }
        results
    }

    /// Listens to a channel on a connection of its own.
    pub fn subscribe(&self, channel: String) -> Subscription {
        Subscription::new(self.clone(), channel)
    }

    /// Names of keys that match a pattern (whole names, so the pattern begins with the prefix), found with SCAN on every master.
    ///
    /// # Errors
    /// See [`LinkErrorKind`].
    pub async fn scan(&self, _pattern: &str, _limit: usize) -> Result<Vec<String>, LinkError> {
        Err(LinkError::new(LinkErrorKind::Unreachable, "not built yet"))
    }

    /// Where it leads, without credentials.
    pub fn describe(&self) -> String {
        format!("redis://{:?}", self.inner.options.topology)
    }

    /// Lets go of the connection; the next call makes a fresh one and looks for the master anew.
    pub fn drop_connection(&self) {}
}
