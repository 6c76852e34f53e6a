//! Kills a process that writes, at any moment, and looks whether everything it was promised is there.
//!
//! The process is this test program itself, started again with a variable set.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use domain::id::{GroupKey, TenantId};
use domain::label::Interner;
use domain::time::Timestamp;
use runtime::clock::SystemClock;
use runtime::metrics::Metrics;
use store::{Options, Record, Replayed, Store, StoreError};

const VARIABLE: &str = "STORE_CRASH_TEST_DATABASE";
const ROUNDS: u64 = 20;
/// Objects the writer changes; each change raises the object's value.
const OBJECTS: u8 = 40;

/// The state: for each object the highest value written.
type State = BTreeMap<u8, i64>;

/// An object is a group; its value is the time of its first tick.
fn record(object: u8, value: i64) -> Record {
    Record::Group {
        tenant: TenantId::default_tenant(),
        key: GroupKey([object; 16]),
        lineage: None,
        first_tick: Timestamp::from_unix_ms(value),
    }
}

async fn open(url: &str) -> Result<Store, StoreError> {
    Store::open(
        url,
        &Options::default(),
        SystemClock::shared(),
        Metrics::default().journal,
    )
    .await
}

async fn replay(store: &Store) -> Result<(Replayed, State), StoreError> {
    let mut state = State::new();
    let replayed = store
        .journal
        .replay(&Interner::default(), &mut |record| {
            if let Record::Group {
                key, first_tick, ..
            } = record
            {
                state.insert(key.0[0], first_tick.unix_ms());
            }
        })
        .await?;
    Ok((replayed, state))
}

/// What the child does: eight tasks change objects, say so after each commit, and the journal is compacted all the time.
async fn write_until_killed(url: String) {
    let store = open(&url).await.expect("opens");
    let (_, state) = replay(&store).await.expect("is readable");
    let state = Arc::new(Mutex::new(state));
    let next = Arc::new(AtomicU64::new(0));
    println!("ready");
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let (store, state, next) = (store.clone(), Arc::clone(&state), Arc::clone(&next));
        tasks.push(tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let object = u8::try_from(number % u64::from(OBJECTS)).expect("below 40");
                // Applied and submitted under one lock, waited for outside it: as the port asks for.
                let (value, commit) = {
                    let mut state = state.lock().expect("nobody panics");
                    let value = state.get(&object).copied().unwrap_or(0) + 1;
                    state.insert(object, value);
                    (value, store.journal.submit(vec![record(object, value)]))
                };
                if commit.await.is_ok() {
                    println!("ack {object} {value}");
                }
            }
        }));
    }
    loop {
        let mark = store
            .journal
            .begin_compaction()
            .await
            .expect("nothing else compacts");
        let restated = {
            let state = state.lock().expect("nobody panics");
            store.journal.submit(
                state
                    .iter()
                    .map(|(object, value)| record(*object, *value))
                    .collect(),
            )
        };
        restated.await.expect("is written");
        store
            .journal
            .finish_compaction(mark)
            .await
            .expect("compacts");
        println!("compacted");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The child's side; without the variable it is no test at all.
#[test]
fn child() {
    let Ok(url) = std::env::var(VARIABLE) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(write_until_killed(url));
}

fn start(url: &str) -> Child {
    Command::new(std::env::current_exe().expect("has a path"))
        .args(["child", "--exact", "--nocapture", "--test-threads=1"])
        .env(VARIABLE, url)
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts")
}

/// Reads the child's lines on a thread of its own until its end.
fn lines(child: &mut Child) -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel();
    let output = child.stdout.take().expect("is piped");
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    receive
}

#[test]
fn what_was_acknowledged_survives_kill_at_any_moment() {
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("sqlite://{}/crash.db", directory.path().display());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut acknowledged = State::new();
    let (mut acks, mut compactions) = (0_u64, 0_u64);
    for round in 0..ROUNDS {
        let mut child = start(&url);
        let lines = lines(&mut child);
        // Spread over start-up, the first commits and compactions, without a random number: 3 ms to 150 ms.
        let delay = Duration::from_millis(3 + (round * 67) % 148);
        let mut kill_at = None;
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let until = kill_at.unwrap_or(deadline);
            let Ok(line) = lines.recv_timeout(until.saturating_duration_since(Instant::now()))
            else {
                break;
            };
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                [.., "ready"] => kill_at = Some(Instant::now() + delay),
                ["compacted"] => compactions += 1,
                ["ack", object, value] => {
                    note(&mut acknowledged, object, value);
                    acks += 1;
                }
                _ => {}
            }
            if kill_at.is_some_and(|at| Instant::now() >= at) {
                break;
            }
        }
        assert!(
            kill_at.is_some(),
            "round {round}: the child never got ready"
        );
        child.kill().expect("is killed");
        child.wait().expect("is gone");
        // What it said before the kill and we had not read yet counts too.
        for line in lines.iter() {
            if let ["ack", object, value] = line.split_whitespace().collect::<Vec<_>>().as_slice() {
                note(&mut acknowledged, object, value);
                acks += 1;
            }
        }
        let state = runtime.block_on(async {
            let store = open(&url).await.expect("opens after the kill");
            let (replayed, state) = replay(&store).await.expect("is readable after the kill");
            assert_eq!(replayed.damaged_rows, 0);
            store.close().await;
            state
        });
        for (object, value) in &acknowledged {
            let found = state.get(object).copied().unwrap_or(0);
            assert!(
                found >= *value,
                "round {round}: object {object} is at {found}, {value} was acknowledged"
            );
        }
    }
    assert!(
        acks > 200 && compactions > 5,
        "the test did too little: {acks} acks, {compactions} compactions"
    );
}

fn note(acknowledged: &mut State, object: &str, value: &str) {
    let object = object.parse().expect("a number");
    let value: i64 = value.parse().expect("a number");
    let known = acknowledged.entry(object).or_insert(0);
    *known = value.max(*known);
}
