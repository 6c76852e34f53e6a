//! (T5) Owned tasks: every task has a name, somebody who waits for it, and a word that tells it to stop.

use std::any::Any;
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;

/// How long a restarting task rests after a panic, so that a panic in a loop costs little.
const RESTART_DELAY: Duration = Duration::from_secs(1);

/// The word "stop", said once, heard by every [`Stop`] made from it.
#[derive(Clone, Debug)]
pub struct Shutdown {
    said: Arc<watch::Sender<bool>>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self {
            said: Arc::new(watch::Sender::new(false)),
        }
    }
}

impl Shutdown {
    /// A word nobody has said yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says it; saying it again changes nothing.
    pub fn stop(&self) {
        self.said.send_replace(true);
    }

    /// An ear for it.
    pub fn listener(&self) -> Stop {
        Stop {
            heard: self.said.subscribe(),
            keeps: None,
        }
    }
}

/// Tells a task that it is to finish.
#[derive(Clone, Debug)]
pub struct Stop {
    heard: watch::Receiver<bool>,
    /// Keeps the word from being dropped, which would count as saying it.
    keeps: Option<Shutdown>,
}

impl Stop {
    /// A listener that never hears anything: for tests and one-off calls.
    pub fn never() -> Self {
        let shutdown = Shutdown::new();
        Self {
            heard: shutdown.said.subscribe(),
            keeps: Some(shutdown),
        }
    }

    /// Waits until the task is to finish; also when whoever could say so is gone.
    pub async fn stopped(&self) {
        let _keeps = &self.keeps;
        // An error means that the owner is gone, which ends its tasks too.
        let _ = self.heard.clone().wait_for(|said| *said).await;
    }

    /// Whether the task is to finish.
    pub fn is_stopped(&self) -> bool {
        *self.heard.borrow()
    }
}

/// What a shutdown could not end in time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShutdownReport {
    /// Names of the tasks that were cut off, sorted.
    pub cut_off: Vec<&'static str>,
    /// Panics that tasks of this group ended in since it was made.
    pub panics: u64,
}

impl ShutdownReport {
    /// Whether everything ended by itself.
    pub fn is_clean(&self) -> bool {
        self.cut_off.is_empty()
    }
}

/// A set of tasks that stop together.
///
/// Dropping the group tells its tasks to stop, without waiting.
pub struct TaskGroup {
    shutdown: Shutdown,
    tasks: Arc<Registry>,
}

impl Default for TaskGroup {
    fn default() -> Self {
        Self::new()
    }
}

impl TaskGroup {
    /// An empty group.
    pub fn new() -> Self {
        Self {
            shutdown: Shutdown::new(),
            tasks: Arc::default(),
        }
    }

    /// Starts a task; it is expected to end soon after `stop` says so. A panic ends only this task: it is logged and counted.
    pub fn spawn<F, T>(&self, name: &'static str, task: F)
    where
        F: FnOnce(Stop) -> T + Send + 'static,
        T: Future<Output = ()> + Send + 'static,
    {
        let stop = self.shutdown.listener();
        let registry = Arc::clone(&self.tasks);
        self.start(name, async move {
            guarded(name, &registry, move || task(stop)).await;
        });
    }

    /// Starts a task that is started again, after a second, whenever it panics.
    pub fn spawn_restarting<F, T>(&self, name: &'static str, task: F)
    where
        F: Fn(Stop) -> T + Send + Sync + 'static,
        T: Future<Output = ()> + Send + 'static,
    {
        let stop = self.shutdown.listener();
        let registry = Arc::clone(&self.tasks);
        self.start(name, async move {
            while !stop.is_stopped() {
                if guarded(name, &registry, || task(stop.clone())).await {
                    return;
                }
                tokio::select! {
                    () = tokio::time::sleep(RESTART_DELAY) => {}
                    () = stop.stopped() => {}
                }
            }
        });
    }

    /// An ear for this group's "stop".
    pub fn listener(&self) -> Stop {
        self.shutdown.listener()
    }

    /// The group's "stop" itself, for those who end the program.
    pub fn trigger(&self) -> Shutdown {
        self.shutdown.clone()
    }

    /// How many tasks run.
    pub fn len(&self) -> usize {
        self.tasks.running().len()
    }

    /// Whether no task runs.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many panics tasks of this group ended in.
    pub fn panics(&self) -> u64 {
        self.tasks.panics.load(Ordering::Relaxed)
    }

    /// Tells every task to stop, waits at most `deadline`, cuts off the rest and names them.
    pub async fn shutdown(&self, deadline: Duration) -> ShutdownReport {
        self.shutdown.stop();
        let mut count = self.tasks.count.subscribe();
        // An error cannot occur: the sender lives in `self.tasks`.
        let _ = tokio::time::timeout(deadline, count.wait_for(|running| *running == 0)).await;
        let mut cut_off: Vec<&'static str> = Vec::new();
        for entry in self.tasks.running().values() {
            cut_off.push(entry.name);
            if let Some(handle) = &entry.handle {
                handle.abort();
            }
        }
        cut_off.sort_unstable();
        ShutdownReport {
            cut_off,
            panics: self.panics(),
        }
    }

    fn start(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let entry = self.tasks.enter(name);
        let id = entry.id;
        let handle = tokio::spawn(async move {
            task.await;
            drop(entry);
        });
        if let Some(running) = self.tasks.running().get_mut(&id) {
            running.handle = Some(handle.abort_handle());
        }
    }
}

impl Drop for TaskGroup {
    fn drop(&mut self) {
        self.shutdown.stop();
    }
}

#[derive(Default)]
struct Registry {
    next_id: AtomicU64,
    panics: AtomicU64,
    running: Mutex<HashMap<u64, Running>>,
    count: watch::Sender<usize>,
}

struct Running {
    name: &'static str,
    handle: Option<AbortHandle>,
}

impl Registry {
    fn running(&self) -> MutexGuard<'_, HashMap<u64, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(self: &Arc<Self>, name: &'static str) -> Entry {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let mut running = self.running();
        running.insert(id, Running { name, handle: None });
        self.count.send_replace(running.len());
        Entry {
            id,
            registry: Arc::clone(self),
        }
    }
}

/// A task's place in the registry; leaving is dropping it, so an aborted task leaves too.
struct Entry {
    id: u64,
    registry: Arc<Registry>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut running = self.registry.running();
        running.remove(&self.id);
        self.registry.count.send_replace(running.len());
    }
}

/// Runs a task and catches its panic; answers whether it ended by itself.
async fn guarded<T>(name: &'static str, registry: &Registry, make: impl FnOnce() -> T) -> bool
where
    T: Future<Output = ()> + Send,
{
    let caught = match catch_unwind(AssertUnwindSafe(make)) {
        Err(panic) => Err(panic),
        Ok(task) => {
            let mut task: Pin<Box<T>> = Box::pin(task);
            // The task is never polled again after a panic, so nobody sees its torn state.
            poll_fn(
                |cx| match catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(cx))) {
                    Ok(poll) => poll.map(Ok),
                    Err(panic) => std::task::Poll::Ready(Err(panic)),
                },
            )
            .await
        }
    };
    let Err(panic) = caught else { return true };
    registry.panics.fetch_add(1, Ordering::Relaxed);
    tracing::error!(
        task = name,
        reason = panic_text(panic.as_ref()),
        "task panicked"
    );
    false
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    if let Some(text) = panic.downcast_ref::<&'static str>() {
        text
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text
    } else {
        "no text"
    }
}

#[cfg(test)]
mod tests;
