//! Locks shared by all instances: [`state::lock::LockStore`] on Redis (M5).
//!
//! A held lock is the key `lock:<name>`, a text with the holder's token that expires with the lease, so `KEYS "lock:*"`
//! lists exactly the locks that are held (M18). The fence counter of a name lives beside it, in the same slot, under
//! `fence:…`. Every transition is one script, see `lua/lock/`; no clock but the server's is involved.
//!
//! A failover may lose the last moments of Redis, a lease among them: two may then believe to hold a lock. That is what
//! fences are for (protocol.md §2).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use runtime::tasks::{Stop, TaskGroup};
use state::StateError;
use state::lock::{
    Fence, Granted, Kept, LEASE_MAX, LockName, LockStore, LockToken, RELEASES_MAX, Released,
};
use tokio::sync::broadcast;

use crate::call::{Arg, Call};
use crate::error::LinkError;
use crate::link::{Heard, Link, Subscription};
use crate::reply::{Reply, unavailable};
use crate::script::Script;

/// How long the last fence of a name is remembered. After that, the server's clock alone keeps fences growing.
const FENCE_EXPIRY: Duration = Duration::from_secs(30 * 24 * 3600);

static ACQUIRE: Script = Script::new("lock/acquire", include_str!("../lua/lock/acquire.lua"));
static RENEW: Script = Script::new("lock/renew", include_str!("../lua/lock/renew.lua"));
static EXTEND: Script = Script::new("lock/extend", include_str!("../lua/lock/extend.lua"));
static RELEASE: Script = Script::new("lock/release", include_str!("../lua/lock/release.lua"));

/// Leases in Redis.
pub struct RedisLocks {
    link: Link,
    tasks: Arc<TaskGroup>,
    releases: broadcast::Sender<LockName>,
    is_listening: AtomicBool,
}

impl RedisLocks {
    /// Locks over this link. The first who waits for a lock makes a task of the group listen to releases.
    pub fn new(link: Link, tasks: Arc<TaskGroup>) -> Self {
        Self {
            link,
            tasks,
            releases: broadcast::Sender::new(RELEASES_MAX),
            is_listening: AtomicBool::new(false),
        }
    }

    fn lock_key(&self, name: &LockName) -> String {
        self.link.key(&format!("lock:{name}"))
    }

    /// In the slot of its lock: by the name's own tag, or, where it has none, with the lock's whole key as its tag.
    fn fence_key(&self, name: &LockName) -> String {
        if name.as_str().contains('{') {
            self.link.key(&format!("fence:{name}"))
        } else {
            self.link.key(&format!("fence:{{{}}}", self.lock_key(name)))
        }
    }

    fn channel(&self) -> String {
        self.link.key("locks:released")
    }

    async fn ask(&self, call: Call) -> Result<Reply, StateError> {
        let value = self.link.run(call).await.map_err(unavailable)?;
        Reply::read(value).map_err(unavailable)
    }
}

fn ms(span: Duration) -> u64 {
    // Rounded up: a lease of zero is refused.
    u64::try_from(span.as_micros().div_ceil(1000)).unwrap_or(u64::MAX)
}

fn granted(mut reply: Reply) -> Result<Granted, LinkError> {
    match reply.word() {
        "granted" => Ok(Granted::Yes {
            fence: Fence(reply.number()?),
            lasts: Duration::from_millis(reply.number()?),
        }),
        "held" => Ok(Granted::Held {
            for_at_most: Duration::from_millis(reply.number()?),
        }),
        _ => Err(reply.unexpected()),
    }
}

fn kept(mut reply: Reply) -> Result<Kept, LinkError> {
    match reply.word() {
        "kept" => Ok(Kept::Yes {
            lasts: Duration::from_millis(reply.number()?),
        }),
        "lost" => Ok(Kept::Lost),
        _ => Err(reply.unexpected()),
    }
}

#[async_trait]
impl LockStore for RedisLocks {
    async fn acquire(
        &self,
        name: &LockName,
        token: &LockToken,
        lease: Duration,
    ) -> Result<Granted, StateError> {
        let keys = vec![self.lock_key(name), self.fence_key(name)];
        let lease_ms = ms(lease.min(LEASE_MAX));
        let args = vec![
            Arg::from(token.to_string()),
            Arg::from(lease_ms),
            Arg::from(ms(FENCE_EXPIRY)),
        ];
        let reply = self.ask(Call::script(&ACQUIRE, keys, args)).await?;
        granted(reply).map_err(unavailable)
    }

    async fn renew(
        &self,
        name: &LockName,
        token: &LockToken,
        lease: Duration,
    ) -> Result<Kept, StateError> {
        let args = vec![
            Arg::from(token.to_string()),
            Arg::from(ms(lease.min(LEASE_MAX))),
        ];
        let call = Call::script(&RENEW, vec![self.lock_key(name)], args);
        kept(self.ask(call).await?).map_err(unavailable)
    }

    async fn extend(
        &self,
        name: &LockName,
        token: &LockToken,
        by: Duration,
    ) -> Result<Kept, StateError> {
        let args = vec![
            Arg::from(token.to_string()),
            Arg::from(ms(by.min(LEASE_MAX))),
            Arg::from(ms(LEASE_MAX)),
        ];
        let call = Call::script(&EXTEND, vec![self.lock_key(name)], args);
        kept(self.ask(call).await?).map_err(unavailable)
    }

    async fn release(&self, name: &LockName, token: &LockToken) -> Result<Released, StateError> {
        let args = vec![
            Arg::from(token.to_string()),
            Arg::from(self.channel()),
            Arg::from(name.as_str()),
        ];
        let reply = self
            .ask(Call::script(&RELEASE, vec![self.lock_key(name)], args))
            .await?;
        match reply.word() {
            "released" => Ok(Released::Now),
            "lost" => Ok(Released::WasLost),
            _ => Err(unavailable(reply.unexpected())),
        }
    }

    fn releases(&self) -> broadcast::Receiver<LockName> {
        let heard = self.releases.subscribe();
        if !self.is_listening.swap(true, Ordering::AcqRel) {
            let subscription = self.link.subscribe(self.channel());
            let releases = self.releases.clone();
            self.tasks.spawn("lock releases", move |stop| {
                listen(subscription, releases, stop)
            });
        }
        heard
    }
}

/// Passes on what any instance released, until the stop.
async fn listen(mut subscription: Subscription, releases: broadcast::Sender<LockName>, stop: Stop) {
    loop {
        let heard = tokio::select! {
            heard = subscription.next() => heard,
            () = stop.stopped() => return,
        };
        // After a gap waiters are not woken: they ask again by themselves soon.
        if let Heard::Message(name) = heard
            && let Ok(name) = String::from_utf8(name)
        {
            // An error means that nobody waits.
            let _ = releases.send(LockName::from_stored(&name));
        }
    }
}
