//! The wire of one attempt: requests within its deadline, and errors without secrets.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::group::told::ReceiverData;
use domain::time::Timestamp;
use outbound::{Http, Request, Response, SendError, Source};
use runtime::clock::{Clock, SystemClock};
use tokio::time::Instant;

use crate::classify::{answered, beginning, quoted, rejected, unanswered};
use crate::secrets::{Secrets, read_trimmed};
use crate::{DeliveryError, FailureReason, RetryAdvice};

/// What one attempt sends over.
pub(crate) struct Wire<'a> {
    http: &'a dyn Http,
    secrets: &'a Secrets,
    until: Instant,
    clock: &'a dyn Clock,
    seen: Mutex<Seen>,
}

/// What came of it so far.
#[derive(Default)]
pub(crate) struct Seen {
    /// What is kept of the message.
    pub(crate) receiver_data: Option<ReceiverData>,
    /// The beginning of the last answer.
    pub(crate) answer: String,
    /// What the message lacks although it was accepted.
    pub(crate) shortfall: Option<String>,
    /// Secrets that only this message has.
    confided: Vec<String>,
}

/// Most bytes kept of an answer that says that all is well.
const ANSWER_BYTES_MAX: usize = 512;

impl<'a> Wire<'a> {
    pub(crate) fn new(http: &'a dyn Http, secrets: &'a Secrets, deadline: Duration) -> Self {
        Self {
            http,
            secrets,
            until: Instant::now() + deadline,
            clock: &SystemClock,
            seen: Mutex::default(),
        }
    }

    /// The same that goes by another clock than the system's.
    pub(super) fn by(self, clock: &'a dyn Clock) -> Self {
        Self { clock, ..self }
    }

    /// What time it is. A message is frozen when it is decided; what signs a request must be of the attempt.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Keeps this of the message once it is accepted: [`Notification::receiver_data`](crate::Notification) of the next one.
    pub(crate) fn keep(&self, data: ReceiverData) {
        self.lock().receiver_data = Some(data);
    }

    /// Has a secret that came of a template hidden as those of the settings are.
    pub(crate) fn confide(&self, secret: &str) {
        self.lock().confided.push(secret.to_owned());
    }

    /// Notes what an accepted message lacks: the provider refused for good to have it the way the configuration wants it.
    pub(crate) fn fall_short(&self, note: String) {
        self.lock().shortfall = Some(note);
    }

    pub(crate) fn seen(self) -> Seen {
        let seen = self.seen.into_inner();
        seen.unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes `<secret>` over every secret in a text.
    pub(crate) async fn hide(&self, text: &[u8], url: &str) -> String {
        let secrets = self.secrets.with(&self.lock().confided);
        secrets.hide(text, url).await
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request and gives the answer, whatever it says.
    ///
    /// # Errors
    /// There is none.
    pub(crate) async fn exchange(&self, request: Request) -> Result<Response, DeliveryError> {
        let url = request.url.clone();
        let sent = self.try_exchange(request).await;
        let response = sent.map_err(|error| unanswered(&error))?;
        // Hidden before it is cut, or the beginning of a secret could stand at the end.
        let said = match response.body.is_empty() {
            true => String::new(),
            false => self.hide(&response.body, &url).await,
        };
        let said = beginning(&said, ANSWER_BYTES_MAX);
        self.lock().answer = format!("{} {said}", response.status).trim_end().to_owned();
        Ok(response)
    }

    async fn try_exchange(&self, request: Request) -> Result<Response, SendError> {
        let left = self.until.saturating_duration_since(Instant::now());
        self.http.send(request, left).await
    }

    /// Sends a request whose answer must be a success: 5xx and 429 are worth another attempt.
    ///
    /// # Errors
    /// It was refused, or not answered.
    pub(crate) async fn accepted(&self, request: Request) -> Result<Response, DeliveryError> {
        self.accepted_or_retried(request, |_| false).await
    }

    /// The same where further statuses are worth another attempt.
    ///
    /// # Errors
    /// As [`Wire::accepted`].
    pub(crate) async fn accepted_or_retried(
        &self,
        request: Request,
        is_retried: impl Fn(u16) -> bool,
    ) -> Result<Response, DeliveryError> {
        let asked = request.clone();
        let response = self.exchange(request).await?;
        self.judged(&asked, &response, is_retried).await?;
        Ok(response)
    }

    /// Judges the answer to a request as [`Wire::accepted_or_retried`] does.
    ///
    /// # Errors
    /// It is a refusal.
    pub(crate) async fn judged(
        &self,
        request: &Request,
        response: &Response,
        is_retried: impl Fn(u16) -> bool,
    ) -> Result<(), DeliveryError> {
        if (200..300).contains(&response.status) {
            return Ok(());
        }
        let shown = self.hide(&response.body, &request.url).await;
        match answered(response, &place(request), &shown) {
            Err(error) if error.retry.is_none() && is_retried(response.status) => {
                Err(DeliveryError {
                    retry: Some(RetryAdvice { after: None }),
                    ..error
                })
            }
            judged => judged,
        }
    }

    /// An answer that says by its content that the message was refused, for good unless `is_retried`.
    pub(crate) async fn refused(&self, said: &str, url: &str, is_retried: bool) -> DeliveryError {
        let said = self.hide(said.as_bytes(), url).await;
        DeliveryError {
            retry: is_retried.then_some(RetryAdvice { after: None }),
            reason: FailureReason::ClientError,
            ..rejected(quoted(&said).to_owned())
        }
    }

    /// Waits for something of ours, such as what another attempt is just fetching, as long as the attempt may take.
    ///
    /// # Errors
    /// It took longer.
    pub(crate) async fn within<F: Future>(&self, waiting: F) -> Result<F::Output, DeliveryError> {
        let waited = tokio::time::timeout_at(self.until, waiting).await;
        waited.map_err(|_| DeliveryError {
            retry: Some(RetryAdvice { after: None }),
            reason: FailureReason::ContextDeadlineExceeded,
            ..rejected("the attempt took too long before its message was sent".to_owned())
        })
    }

    /// Reads a secret of the settings; a file is read for every message.
    ///
    /// # Errors
    /// Its file cannot be read, or is empty.
    pub(crate) async fn read(&self, name: &str, source: &Source) -> Result<String, DeliveryError> {
        let path = match source {
            Source::Inline(secret) => return Ok(secret.expose().to_owned()),
            Source::File(path) => path,
        };
        let shown = path.display();
        match read_trimmed(path).await {
            Ok(text) if text.is_empty() => Err(rejected(format!("{name}_file `{shown}` is empty"))),
            Ok(text) => Ok(text),
            Err(error) => Err(rejected(format!("{name}_file `{shown}`: {error}"))),
        }
    }
}

/// An error after which the receiver has a part of the message: another attempt repeats the same, and nobody can say it was not heard.
pub(crate) fn half_way(error: DeliveryError) -> DeliveryError {
    DeliveryError {
        is_ambiguous: error.is_ambiguous || error.retry.is_some(),
        ..error
    }
}

/// An error of a request that came before the message, such as one for a token: of the message nobody heard.
pub(crate) fn unheard(error: DeliveryError) -> DeliveryError {
    DeliveryError {
        is_ambiguous: false,
        ..error
    }
}

/// Scheme and host of a request's URL; its path and query may be secrets.
pub(super) fn place(request: &Request) -> String {
    let scheme = if request.url.starts_with("https:") {
        "https"
    } else {
        "http"
    };
    format!("{scheme}://{}/…", request.shown_host())
}
