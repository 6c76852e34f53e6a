//! Failpoints: places where a test may end, stop or delay the process, one for each crash row of protocol.md §7.
//!
//! Only builds with the cargo feature `failpoints` have them; in others [`reach`] is nothing. What shall happen where is
//! stated as `C8:kill[,C6:delay=500ms,C12:stop@3]`: an action for a point, with `@N` only the N-th time it is reached.

#[cfg(any(test, feature = "failpoints"))]
mod plan;

/// The environment variable that states what shall happen where.
pub const VARIABLE: &str = "BELFRY_FAILPOINT";

/// Every failpoint with the moment it stands for: the instance dies or is cut off …
pub const TABLE: [(&str, &str); 16] = [
    ("C1", "before ingest reaches the shared state"),
    ("C2", "ingest applied, 200 not sent"),
    ("C3", "after 200, before the tick"),
    ("C4", "several shards, half applied"),
    ("C5", "poll applied, reply lost"),
    ("C6", "claimed, not begun"),
    ("C7", "begun, no intent yet"),
    ("C8", "intent written, request not complete"),
    ("C9", "request out, answer unknown"),
    ("C10", "accepted, not recorded"),
    ("C11", "recorded as sent, not committed"),
    ("C12", "commit applied, reply lost"),
    ("C13", "stopped past the lease before the gate"),
    ("C14", "stopped past the lease after accept"),
    ("C15", "SIGTERM"),
    ("C16", "degraded, 200 given, then dies"),
];

#[cfg(feature = "failpoints")]
static ARMED: std::sync::OnceLock<plan::Plan> = std::sync::OnceLock::new();

/// Arms what a text states; once per process, a second call changes nothing. A build without failpoints warns.
///
/// # Errors
/// What is wrong with the text, and what it may say.
#[cfg(feature = "failpoints")]
pub fn arm(text: &str) -> Result<(), String> {
    let plan = plan::Plan::parse(text)?;
    tracing::warn!(plan = text, "Failpoints are armed: this process will fail");
    let _ = ARMED.set(plan);
    Ok(())
}

/// Arms what a text states; once per process, a second call changes nothing. A build without failpoints warns.
///
/// # Errors
/// None in this build.
#[cfg(not(feature = "failpoints"))]
pub fn arm(text: &str) -> Result<(), String> {
    tracing::warn!(
        plan = text,
        "{VARIABLE} is set, but this build has no failpoints"
    );
    Ok(())
}

/// One task at a time comes to a point: where the process is stopped at the first one, none goes past a point before it is.
#[cfg(feature = "failpoints")]
static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// Lets happen what is armed at a point of [`TABLE`].
#[cfg(feature = "failpoints")]
pub async fn reach(name: &'static str) {
    for time in reached(name) {
        tokio::time::sleep(time).await;
    }
}

/// Lets happen what is armed at a point of [`TABLE`].
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub async fn reach(_name: &'static str) {}

/// As [`reach`], where nothing can be awaited: a delay blocks the thread.
#[cfg(feature = "failpoints")]
pub fn reach_now(name: &'static str) {
    reached(name).into_iter().for_each(std::thread::sleep);
}

/// As [`reach`], where nothing can be awaited: a delay blocks the thread.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn reach_now(_name: &'static str) {}

/// How long an answer that is on its way may take to get there.
#[cfg(feature = "failpoints")]
const ANSWERED: std::time::Duration = std::time::Duration::from_millis(50);

/// As [`reach`], once an answer that is about to be given has been; who answers does not wait.
#[cfg(feature = "failpoints")]
pub fn reach_soon(name: &'static str) {
    if is_armed(name) {
        tokio::spawn(async move {
            tokio::time::sleep(ANSWERED).await;
            reach(name).await;
        });
    }
}

/// As [`reach`], once an answer that is about to be given has been; who answers does not wait.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn reach_soon(_name: &'static str) {}

/// Whether anything is to happen at a point: what is done at once otherwise may then be done in two steps.
#[cfg(feature = "failpoints")]
pub fn is_armed(name: &str) -> bool {
    ARMED.get().is_some_and(|plan| plan.names(name))
}

/// Whether anything is to happen at a point: what is done at once otherwise may then be done in two steps.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn is_armed(_name: &str) -> bool {
    false
}

/// What is due at a point now, said in the log before it happens.
#[cfg(feature = "failpoints")]
fn due(name: &'static str) -> Vec<plan::Action> {
    let due = ARMED.get().map(|plan| plan.reached(name));
    let due = due.unwrap_or_default();
    for action in &due {
        tracing::warn!(failpoint = name, ?action, "A failpoint was reached");
    }
    due
}

/// Does what is due at a point; answers how long whoever came there is to wait.
#[cfg(feature = "failpoints")]
fn reached(name: &'static str) -> Vec<std::time::Duration> {
    let turn = ONE_AT_A_TIME.lock();
    let _turn = turn.unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut delays = Vec::new();
    for action in due(name) {
        match action {
            // As abrupt as SIGKILL: nothing is flushed, nothing unwinds.
            plan::Action::Kill => std::process::abort(),
            plan::Action::Stop => stop(),
            plan::Action::Delay(time) => delays.push(time),
        }
    }
    delays
}

/// A signal that was sent takes effect within this, also on a busy machine: all threads have to notice it.
#[cfg(feature = "failpoints")]
const NOTICED: std::time::Duration = std::time::Duration::from_millis(500);

/// Stops the process; comes back once somebody continued it.
#[cfg(feature = "failpoints")]
fn stop() {
    let own = std::process::id().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-s", "STOP", &own])
        .status();
    if !sent.is_ok_and(|status| status.success()) {
        tracing::error!("The process could not be stopped: `kill` does not work");
    }
    std::thread::sleep(NOTICED);
}
