//! Locks in one process: `cargo run -p state --example lock`. The same calls work on Redis; only the store differs.

use std::sync::Arc;
use std::time::Duration;

use runtime::clock::SystemClock;
use runtime::ids::RandomIds;
use runtime::tasks::TaskGroup;
use state::lock::memory::MemoryLocks;
use state::lock::{Attempt, DistributedLock, LockName, LockOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = Arc::new(MemoryLocks::new(SystemClock::shared()));
    let tasks = Arc::new(TaskGroup::new());
    let locks = DistributedLock::new(store, RandomIds::shared(), Arc::clone(&tasks));
    let name = LockName::general("migrations")?;

    // Non-blocking: the answer is there at once.
    let Attempt::Acquired(guard) = locks.try_acquire(&name).await? else {
        return Err("nobody else is here".into());
    };
    println!("held under fence {}", guard.fence());
    match locks.try_acquire(&name).await? {
        Attempt::Held { for_at_most } => println!("a second one is refused: up to {for_at_most:?}"),
        Attempt::Acquired(_) => return Err("two holders".into()),
    }

    // Work under the lock is cut off if the lock is lost; the lease is renewed meanwhile.
    let sum = guard.run(async { (1..=10).sum::<u32>() }).await?;
    println!("worked: {sum}");

    // Blocking with a deadline: dropping the guard wakes whoever waits.
    let waiting = tokio::spawn({
        let (locks, name) = (locks.clone(), name.clone());
        async move { locks.acquire(&name, Duration::from_secs(5)).await }
    });
    drop(guard);
    if let Attempt::Acquired(guard) = waiting.await?? {
        println!("then held under fence {}", guard.fence());
        guard.release().await?;
    }

    // A long step: more time up front, within a cap of one hour in all.
    let patient = locks.with(LockOptions::default().with_hold_max(Duration::from_secs(3600)));
    if let Attempt::Acquired(guard) = patient.try_acquire(&name).await? {
        println!(
            "extended: {:?}",
            guard.extend(Duration::from_secs(300)).await?
        );
    }
    tasks.shutdown(Duration::from_secs(1)).await;
    Ok(())
}
