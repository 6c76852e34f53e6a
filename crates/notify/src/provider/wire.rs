//! The wire of one attempt: requests within its deadline, and errors without secrets.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::group::told::ReceiverData;
use outbound::{Http, Request, Response, SendError, Source};
use tokio::time::Instant;

use crate::classify::{answered, quoted, rejected, unanswered};
use crate::secrets::{Secrets, read_trimmed};
use crate::{DeliveryError, FailureReason, RetryAdvice};

/// What one attempt sends over.
pub(crate) struct Wire<'a> {
    http: &'a dyn Http,
    secrets: &'a Secrets,
    until: Instant,
    seen: Mutex<Seen>,
}

/// What came of it so far.
#[derive(Default)]
struct Seen {
    receiver_data: Option<ReceiverData>,
    /// The beginning of the last answer.
    answer: String,
}

/// Most bytes kept of an answer that says that all is well.
const ANSWER_BYTES_MAX: usize = 512;

impl<'a> Wire<'a> {
    pub(crate) fn new(http: &'a dyn Http, secrets: &'a Secrets, deadline: Duration) -> Self {
        Self {
            http,
            secrets,
            until: Instant::now() + deadline,
            seen: Mutex::default(),
        }
    }

    /// Keeps this of the message once it is accepted: [`Notification::receiver_data`](crate::Notification) of the next one.
    pub(crate) fn keep(&self, data: ReceiverData) {
        self.lock().receiver_data = Some(data);
    }

    /// What is kept of the message, and what the last answer was.
    pub(crate) fn seen(self) -> (Option<ReceiverData>, String) {
        let seen = self.seen.into_inner();
        let seen = seen.unwrap_or_else(PoisonError::into_inner);
        (seen.receiver_data, seen.answer)
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
        let begin = response.body.get(..ANSWER_BYTES_MAX);
        let begin = begin.unwrap_or(&response.body);
        let said = match begin.is_empty() {
            true => String::new(),
            false => self.secrets.hide(begin, &url).await,
        };
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
        let (url, place) = (request.url.clone(), place(&request));
        let response = self.exchange(request).await?;
        let is_retried = is_retried(response.status);
        self.judged(response, &url, &place, is_retried).await
    }

    /// Judges an answer by its status: 5xx and 429 are worth another attempt, what is no success else if `is_retried`.
    ///
    /// # Errors
    /// It is no success.
    pub(crate) async fn judged(
        &self,
        response: Response,
        url: &str,
        place: &str,
        is_retried: bool,
    ) -> Result<Response, DeliveryError> {
        if (200..300).contains(&response.status) {
            return Ok(response);
        }
        let shown = self.secrets.hide(&response.body, url).await;
        match answered(&response, place, &shown) {
            Ok(()) => Ok(response),
            Err(error) if error.retry.is_none() && is_retried => Err(DeliveryError {
                retry: Some(RetryAdvice { after: None }),
                ..error
            }),
            Err(error) => Err(error),
        }
    }

    /// An answer that says by its content that the message was refused, for good unless `is_retried`.
    pub(crate) async fn refused(&self, said: &str, url: &str, is_retried: bool) -> DeliveryError {
        let said = self.secrets.hide(said.as_bytes(), url).await;
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
    /// Its file cannot be read.
    pub(crate) async fn read(&self, name: &str, source: &Source) -> Result<String, DeliveryError> {
        match source {
            Source::Inline(secret) => Ok(secret.expose().to_owned()),
            Source::File(path) => read_trimmed(path)
                .await
                .map_err(|error| rejected(format!("{name}_file `{}`: {error}", path.display()))),
        }
    }
}

/// Scheme and host of a request's URL; its path and query may be secrets.
pub(crate) fn place(request: &Request) -> String {
    let scheme = if request.url.starts_with("https:") {
        "https"
    } else {
        "http"
    };
    format!("{scheme}://{}/…", request.shown_host())
}
