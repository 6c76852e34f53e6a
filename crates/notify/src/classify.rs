//! What an answer, or its absence, means for the message.

use std::time::Duration;

use domain::time::days_from_civil;
use outbound::{Response, SendError};

use crate::{DeliveryError, FailureReason, RetryAdvice};

/// Most bytes of a receiver's answer that an error quotes.
const QUOTED_BYTES_MAX: usize = 1024;

/// The longest delay a receiver can ask for; beyond a day nobody waits for the same message.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Judges an answer: 2xx is success, 5xx and 429 are worth another attempt, the rest is final.
///
/// `place` and `body` are what the error may show of the URL and the answer, both free of secrets.
pub(crate) fn answered(response: &Response, place: &str, body: &str) -> Result<(), DeliveryError> {
    let status = response.status;
    if (200..300).contains(&status) {
        return Ok(());
    }
    let retry = match status {
        429 => Some(RetryAdvice {
            after: retry_after(response),
        }),
        500..600 => Some(RetryAdvice { after: None }),
        _ => None,
    };
    let mut detail = format!("unexpected status code {status}: {place}");
    if !body.is_empty() {
        detail.push_str(": ");
        detail.push_str(quoted(body));
    }
    Err(DeliveryError {
        retry,
        is_ambiguous: false,
        reason: FailureReason::of_status(status),
        detail,
    })
}

/// Judges the absence of an answer.
pub(crate) fn unanswered(error: &SendError) -> DeliveryError {
    let retry = match error {
        SendError::NotSent { .. } | SendError::Ambiguous { .. } => {
            Some(RetryAdvice { after: None })
        }
        SendError::Invalid { .. } => None,
    };
    DeliveryError {
        retry,
        is_ambiguous: error.may_have_arrived(),
        reason: FailureReason::Other,
        detail: error.to_string(),
    }
}

/// A failure that lies in our own settings, so that another attempt cannot help.
pub(crate) fn rejected(detail: String) -> DeliveryError {
    DeliveryError {
        retry: None,
        is_ambiguous: false,
        reason: FailureReason::Other,
        detail,
    }
}

/// As much of an answer as an error quotes.
pub(crate) fn quoted(body: &str) -> &str {
    beginning(body, QUOTED_BYTES_MAX)
}

/// So many bytes of a text, or fewer: no character is cut in two.
pub(crate) fn beginning(text: &str, bytes_max: usize) -> &str {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or("")
}

/// The delay of `Retry-After`: seconds, or a date, which counts from the answer's own `Date`
/// because the receiver's clock need not be ours.
fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.header("retry-after")?.trim();
    let seconds = if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
        text.parse().unwrap_or(u64::MAX)
    } else {
        let until = http_date(text)?;
        let from = http_date(response.header("date")?.trim())?;
        u64::try_from(until - from).unwrap_or(0)
    };
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}

/// Unix seconds of an HTTP date in its one current form, `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_weekday, rest) = text.split_once(", ")?;
    let mut words = rest.strip_suffix(" GMT")?.split(' ');
    let (day, month, year, time) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let number = |text: &str, digits: usize| -> Option<i64> {
        let is_number = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| text.parse().ok()).flatten()
    };
    let month = u32::try_from(MONTHS.iter().position(|m| *m == month)?).ok()? + 1;
    let day = u32::try_from(number(day, 2)?).ok()?;
    let mut parts = time.split(':').map(|part| number(part, 2));
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let days = days_from_civil(number(year, 4)?, month, day);
    (words.next().is_none() && parts.next().is_none())
        .then_some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests;
