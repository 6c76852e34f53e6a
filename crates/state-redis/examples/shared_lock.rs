//! Locks shared by processes: run `cargo run -p state-redis --example shared_lock -- redis://HOST:PORT` in several terminals; the
//! address is never guessed.
//!
//! Each takes the lock in turn, works for two seconds under it and lets it go; kill one, and the others go on once its lease is over.

use std::sync::Arc;
use std::time::Duration;

use runtime::ids::RandomIds;
use runtime::tasks::TaskGroup;
use state::lock::{Attempt, DistributedLock, LockName, LockOptions};
use state_redis::link::{Link, LinkOptions, Topology};
use state_redis::lock::RedisLocks;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let url = args.next();
    let url = url.ok_or("which Redis? Usage: lock redis://HOST:PORT [ROUNDS]")?;
    let (host, port) = place(&url)?;
    let rounds = args.next().map_or(Ok(3), |rounds| rounds.parse())?;

    let link = Link::new(LinkOptions {
        topology: Topology::Single { host, port },
        key_prefix: "example".to_owned(),
        ..LinkOptions::default()
    })?;
    let tasks = Arc::new(TaskGroup::new());
    let store = Arc::new(RedisLocks::new(link, Arc::clone(&tasks)));
    let options = LockOptions::default().with_lease(Duration::from_secs(5));
    let locks = DistributedLock::new(store, RandomIds::shared(), Arc::clone(&tasks)).with(options);
    let name = LockName::general("turn")?;

    for _ in 0..rounds {
        match locks.acquire(&name, Duration::from_secs(30)).await? {
            Attempt::Acquired(guard) => {
                println!("my turn, fence {}", guard.fence());
                let work = tokio::time::sleep(Duration::from_secs(2));
                match guard.run(work).await {
                    Ok(()) => println!("done"),
                    Err(why) => println!("cut off: {why}"),
                }
                // The guard goes here, and with it the lock.
            }
            Attempt::Held { for_at_most } => {
                println!("somebody has it for up to {for_at_most:?}; giving up this round");
            }
        }
    }
    tasks.shutdown(Duration::from_secs(2)).await;
    Ok(())
}

/// The host and port of `redis://HOST:PORT[/…]`.
fn place(url: &str) -> Result<(String, u16), String> {
    let rest = url.strip_prefix("redis://").unwrap_or(url);
    let address = rest.split(['/', '?']).next().unwrap_or(rest);
    let parts = address.rsplit_once(':');
    let read = parts.and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
    read.filter(|(host, _)| !host.is_empty() && !host.contains('@'))
        .ok_or_else(|| format!("{url} is not redis://HOST:PORT"))
}
