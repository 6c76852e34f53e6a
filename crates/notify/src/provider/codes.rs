//! Providers that answer 200 and say in the body whether the message was accepted.

use std::time::Duration;

use outbound::{Request, Response};
use serde_json::Value;

use super::Wire;
use super::wire::place;
use crate::answer::{Answer, unreadable};
use crate::classify::answered;
use crate::{DeliveryError, FailureReason, RetryAdvice};

/// How a provider says by a number in its answer what became of a message.
pub(crate) struct Codes {
    /// The provider as errors name it.
    pub(crate) provider: &'static str,
    /// The field that holds the number, and one that older answers have instead.
    pub(crate) fields: &'static [&'static str],
    /// The field that holds what it says about it.
    pub(crate) message: &'static str,
    /// What is known of its numbers; 0 is success, and all others are final.
    pub(crate) table: &'static [(i64, Code, &'static str)],
}

/// What a number means for the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// No repetition helps until somebody changes the settings.
    Final,
    /// It does not know the sender, or does not trust it.
    Denied,
    /// The provider is not well: another attempt can succeed.
    Busy,
    /// There were too many messages; another attempt can succeed after so many seconds.
    Limited(u64),
    /// There were too many messages if what it says has these words, in whatever case; final otherwise.
    LimitedIfSaid(&'static str),
}

impl Codes {
    fn of(&self, response: &Response) -> Option<(i64, String)> {
        let answer: Value = serde_json::from_slice(&response.body).ok()?;
        let code = self
            .fields
            .iter()
            .find_map(|field| answer.get(field)?.as_i64())?;
        let said = answer.get(self.message).and_then(Value::as_str);
        Some((code, said.unwrap_or_default().to_owned()))
    }

    fn meaning(&self, code: i64, said: &str) -> (Code, &'static str) {
        let known = self.table.iter().find(|(known, ..)| *known == code);
        let (meaning, hint) =
            known.map_or((Code::Final, ""), |(_, meaning, hint)| (*meaning, *hint));
        let meaning = match meaning {
            Code::LimitedIfSaid(words) if said.to_lowercase().contains(words) => Code::Limited(0),
            Code::LimitedIfSaid(_) => Code::Final,
            meaning => meaning,
        };
        (meaning, hint)
    }
}

impl Code {
    fn retry(self) -> Option<RetryAdvice> {
        match self {
            Self::Final | Self::Denied | Self::LimitedIfSaid(_) => None,
            Self::Busy => Some(RetryAdvice { after: None }),
            Self::Limited(seconds) => Some(RetryAdvice {
                after: (0 < seconds).then(|| Duration::from_secs(seconds)),
            }),
        }
    }

    fn reason(self) -> FailureReason {
        match self {
            Self::Final | Self::LimitedIfSaid(_) => FailureReason::ClientError,
            Self::Denied => FailureReason::AuthError,
            Self::Busy => FailureReason::ServerError,
            Self::Limited(_) => FailureReason::RateLimited,
        }
    }
}

impl Wire<'_> {
    /// Sends a request whose answer must have a code that says success, whatever its status.
    ///
    /// # Errors
    /// It was refused, by its status or its code, or not answered.
    pub(crate) async fn accepted_by_code(
        &self,
        request: Request,
        codes: &Codes,
    ) -> Result<(), DeliveryError> {
        let (url, place) = (request.url.clone(), place(&request));
        let response = self.exchange(request).await?;
        let shown = self.hide(&response.body, &url).await;
        let Some((code, said)) = codes.of(&response) else {
            answered(&response, &place, &shown)?;
            if !Answer::of(&response).is_json() {
                return Err(unreadable(self, &response.body, &url).await);
            }
            // Another product, or another method of this one: nobody was told.
            let said = format!(
                "{place} answered without a code of {}: {shown}",
                codes.provider
            );
            return Err(self.refused(&said, &url, false).await);
        };
        let by_status = answered(&response, &place, &shown);
        let (meaning, hint) = codes.meaning(code, &said);
        if code == 0 {
            return by_status;
        }
        let mut detail = format!("{} refused the message: code {code}", codes.provider);
        for part in [said.as_str(), hint].iter().filter(|part| !part.is_empty()) {
            detail.push_str(": ");
            detail.push_str(part);
        }
        let detail = self.hide(detail.as_bytes(), &url).await;
        // A number we do not know is judged by the status.
        let (retry, reason) = match (meaning, by_status) {
            (Code::Final, Err(error)) => (error.retry, error.reason),
            _ => (meaning.retry(), meaning.reason()),
        };
        Err(DeliveryError {
            retry,
            is_ambiguous: false,
            reason,
            detail,
        })
    }
}
