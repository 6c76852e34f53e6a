//! Processes that are stopped and killed while they hold a lock.
//!
//! The test program starts itself again, as `a_holder`, which does nothing unless it is told a port.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use redis_harness::RedisServer;
use runtime::ids::{IdSource, RandomIds, SeededIds};
use runtime::tasks::TaskGroup;
use state::lock::{Attempt, DistributedLock, LockName, LockOptions};
use state_redis::call::{Arg, Call};
use state_redis::lock::RedisLocks;
use state_redis::script::Script;
use tokio::time::Instant;

use super::{link_to, server};

const PORT: &str = "BELFRY_TEST_LOCK_PORT";
const LEASE: Duration = Duration::from_millis(600);

/// What is protected: takes a write only with a fence as high as the highest it saw, and keeps a journal of all.
static WRITE: Script = Script::new(
    "write",
    "#!lua\n\
     local last = tonumber(redis.call('GET', KEYS[1]) or '0')\n\
     local is_taken = last <= tonumber(ARGV[1])\n\
     if is_taken then redis.call('SET', KEYS[1], ARGV[1], 'PX', 600000) end\n\
     redis.call('RPUSH', KEYS[2], ARGV[2] .. ' ' .. ARGV[1] .. (is_taken and ' taken' or ' refused'))\n\
     return 'OK'",
);

fn instance(port: u16) -> DistributedLock {
    let tasks = Arc::new(TaskGroup::new());
    let store = Arc::new(RedisLocks::new(link_to(port), Arc::clone(&tasks)));
    let options = LockOptions::default().with_lease(LEASE);
    DistributedLock::new(store, RandomIds::shared(), tasks).with(options)
}

fn name() -> LockName {
    LockName::general("x").expect("valid")
}

/// The other process: takes the lock, writes under it, lets it go, for ever.
#[tokio::test]
async fn a_holder() {
    let Some(port) = std::env::var_os(PORT).and_then(|port| port.to_str()?.parse().ok()) else {
        return;
    };
    let (locks, link) = (instance(port), link_to(port));
    let pid = std::process::id().to_string();
    let choices = SeededIds::new(u64::from(std::process::id()));
    loop {
        let Ok(Attempt::Acquired(guard)) = locks.acquire(&name(), Duration::from_secs(60)).await
        else {
            continue;
        };
        println!("took {}", guard.fence());
        for _ in 0..choices.nonce() % 20 {
            tokio::time::sleep(Duration::from_millis(choices.nonce() % 5)).await;
            if !guard.is_held() {
                println!("lost {}", guard.fence());
                break;
            }
            let keys = ["{protected}last", "{protected}journal"].map(|key| link.key(key));
            let args = vec![Arg::from(guard.fence().0), Arg::from(pid.as_str())];
            // A write that fails is not repeated.
            let _ = link.run(Call::script(&WRITE, keys.into(), args)).await;
        }
    }
}

struct Holder(Child);

impl Holder {
    fn start(port: u16) -> Self {
        let program = std::env::current_exe().expect("the test program");
        let child = Command::new(program)
            .args(["--exact", "stopped::a_holder", "--nocapture"])
            .env(PORT, port.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        Self(child.expect("the test program starts"))
    }

    fn signal(&self, signal: &str) {
        let pid = self.0.id().to_string();
        let done = Command::new("kill").args([signal, &pid]).status();
        assert!(done.is_ok_and(|status| status.success()));
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn journal(server: &RedisServer) -> Vec<(String, u64, bool)> {
    let answer = server.command(&["LRANGE", "belfry:{protected}journal", "0", "-1"]);
    let entry = |line: &str| {
        let mut words = line.split(' ');
        let (pid, fence, outcome) = (words.next()?, words.next()?, words.next()?);
        Some((pid.to_owned(), fence.parse().ok()?, outcome == "taken"))
    };
    answer.lines().filter_map(entry).collect()
}

/// Waits, without holding up the runtime, until the journal has so many entries.
async fn grows_to(server: &RedisServer, entries: usize) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while journal(server).len() < entries {
        assert!(Instant::now() < deadline, "nobody gets the lock any more");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// SIGSTOP past the lease: the holder comes back, sees by its own clock that the lock is lost, and writes nothing.
#[tokio::test]
async fn a_stopped_holder_knows_that_its_lock_is_lost() {
    let Some(server) = server("a_stopped_holder_knows_that_its_lock_is_lost") else {
        return;
    };
    let mut holder = Holder::start(server.port());
    let output = holder.0.stdout.take().expect("its output");
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    let mut lost = 0;
    for round in 0..5 {
        let earlier = journal(&server).len();
        grows_to(&server, earlier + 20 + round).await;
        holder.signal("-STOP");
        let ours = instance(server.port()).acquire(&name(), LEASE * 10).await;
        let Ok(Attempt::Acquired(ours)) = ours else {
            panic!("a stopped holder blocks nobody for longer than its lease: {ours:?}")
        };
        let before = journal(&server).len();
        holder.signal("-CONT");
        tokio::time::sleep(LEASE / 2).await;
        // What it had begun to send when it was stopped may still arrive, once, and carries its old fence.
        let late = journal(&server).split_off(before);
        assert!(late.len() <= 1, "it went on writing: {late:?}");
        assert!(
            late.iter().all(|(_, fence, _)| *fence < ours.fence().0),
            "{late:?}"
        );
        ours.release().await.expect("available");
    }
    drop(holder);
    let took: Vec<u64> = lines
        .by_ref()
        .inspect(|line| lost += usize::from(line.contains("lost ")))
        .filter_map(|line| line.split_once("took ")?.1.trim().parse().ok())
        .collect();
    assert!(
        took.windows(2).all(|pair| pair[0] < pair[1]),
        "fences grow: {took:?}"
    );
    assert!(0 < lost, "it was stopped inside a section at least once");
}

/// F66, small: processes that are killed and stopped at random; no write goes back, no fence is given twice, and the lock
/// is never lost for longer than a lease.
#[tokio::test]
async fn killed_and_stopped_holders_do_no_harm() {
    let Some(server) = server("killed_and_stopped_holders_do_no_harm") else {
        return;
    };
    let choices = SeededIds::new(66);
    let pick = |n: usize| usize::try_from(choices.nonce()).unwrap_or(0) % n;
    let mut holders: Vec<_> = (0..4).map(|_| Holder::start(server.port())).collect();
    for _ in 0..12 {
        let earlier = journal(&server).len();
        grows_to(&server, earlier + 15).await;
        let victim = pick(holders.len());
        if pick(2) == 0 {
            holders[victim] = Holder::start(server.port());
        } else {
            holders[victim].signal("-STOP");
            tokio::time::sleep(LEASE / 2 * u32::try_from(pick(4)).unwrap_or(0)).await;
            holders[victim].signal("-CONT");
        }
    }
    holders.clear();
    let journal = journal(&server);
    let mut owners = std::collections::BTreeMap::new();
    let mut last = 0;
    for (pid, fence, is_taken) in &journal {
        let owner = owners.entry(*fence).or_insert(pid);
        assert_eq!(*owner, pid, "fence {fence} was given twice");
        if *is_taken {
            assert!(last <= *fence, "a write went back from {last} to {fence}");
            last = *fence;
        }
    }
    assert!(
        20 < owners.len(),
        "the lock went round: {} times",
        owners.len()
    );
}
