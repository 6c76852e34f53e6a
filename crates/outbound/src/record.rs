//! A fake for tests: it writes down what is sent and answers by script.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::{Http, Request, Response, SendError};

/// An [`Http`] that sends nothing.
///
/// Requests are answered by the scripted answers in their order, and beyond them by the one set
/// with [`RecordingHttp::answer_always`], which is at first an empty 200. Delays pass in tokio's
/// time, so a test with paused time does not wait.
#[derive(Debug)]
pub struct RecordingHttp {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug)]
struct State {
    recorded: Vec<Recorded>,
    script: VecDeque<Answer>,
    always: Answer,
}

/// One request as it was sent.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// What was sent.
    pub request: Request,
    /// When, in tokio's time.
    pub at: Instant,
    /// How long its sender was ready to wait.
    pub deadline: Duration,
}

/// One scripted answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// How long the receiver takes; beyond the deadline the sender gets a timeout.
    pub delay: Duration,
    /// What comes then.
    pub outcome: Result<Response, SendError>,
}

impl Answer {
    /// Answers with a status and an empty body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self {
            delay: Duration::ZERO,
            outcome: Ok(Response::of_status(status)),
        }
    }

    /// Fails.
    #[must_use]
    pub fn error(error: SendError) -> Self {
        Self {
            delay: Duration::ZERO,
            outcome: Err(error),
        }
    }

    /// Never answers.
    #[must_use]
    pub fn never() -> Self {
        Self::status(200).after(Duration::MAX)
    }

    /// Takes its time.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Adds a header to an answer that is one.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        if let Ok(response) = &mut self.outcome {
            response
                .headers
                .push((name.to_ascii_lowercase(), value.to_owned()));
        }
        self
    }

    /// Gives a body to an answer that is one.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        if let Ok(response) = &mut self.outcome {
            response.body = body.into();
        }
        self
    }
}

impl Default for RecordingHttp {
    fn default() -> Self {
        let state = State {
            recorded: Vec::new(),
            script: VecDeque::new(),
            always: Answer::status(200),
        };
        Self {
            state: Mutex::new(state),
            arrived: Notify::new(),
        }
    }
}

impl RecordingHttp {
    /// Makes a fake that answers 200 to everything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an answer for one request, after those already scripted.
    pub fn answer_next(&self, answer: Answer) {
        self.state().script.push_back(answer);
    }

    /// Sets the answer for all requests beyond the script.
    pub fn answer_always(&self, answer: Answer) {
        self.state().always = answer;
    }

    /// Copies all that was sent so far, in order.
    #[must_use]
    pub fn recorded(&self) -> Vec<Recorded> {
        self.state().recorded.clone()
    }

    /// Takes all that was sent so far; the record starts anew.
    #[must_use]
    pub fn take_recorded(&self) -> Vec<Recorded> {
        std::mem::take(&mut self.state().recorded)
    }

    /// Waits until there are that many requests on record.
    pub async fn wait_for(&self, count: usize) {
        loop {
            let arrived = self.arrived.notified();
            if self.state().recorded.len() >= count {
                return;
            }
            arrived.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is complete before anything that can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Http for RecordingHttp {
    async fn send(&self, request: Request, deadline: Duration) -> Result<Response, SendError> {
        let host = request.shown_host();
        let answer = {
            let mut state = self.state();
            state.recorded.push(Recorded {
                request,
                at: Instant::now(),
                deadline,
            });
            state
                .script
                .pop_front()
                .unwrap_or_else(|| state.always.clone())
        };
        self.arrived.notify_waiters();
        if answer.delay >= deadline {
            tokio::time::sleep(deadline).await;
            let cause = format!("{host}: no answer within {deadline:?}");
            return Err(SendError::Ambiguous { cause });
        }
        tokio::time::sleep(answer.delay).await;
        answer.outcome
    }
}
