//! The delivery log: every attempt to deliver a message, newest first, for people.
//!
//! It decides nothing: what was told is in the journal. So an attempt is noted without waiting, and the last second of
//! the log may be lost with the process.

use std::time::Duration;

use async_trait::async_trait;
use domain::id::TenantId;
use domain::time::Timestamp;

use crate::StoreError;

/// Attempts kept per tenant; older ones are forgotten (a home may do so in steps, and keep 256 more for a moment).
pub const ATTEMPTS_MAX: usize = 20_000;

/// Most attempts one page of a list holds.
pub const ATTEMPTS_PAGE_MAX: usize = 1_000;

/// Most bytes kept of an answer.
pub const ANSWER_BYTES_MAX: usize = 2_048;

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The receiver accepted the message.
    Accepted,
    /// It surely did not, and another attempt may help.
    Failed,
    /// It surely did not, and no further attempt is made at this message.
    Refused,
    /// Nobody can know: the message is repeated under the same key.
    Unknown,
}

impl AttemptOutcome {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Accepted, Self::Failed, Self::Refused, Self::Unknown];

    /// The word for it in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }

    /// Finds the outcome a word means.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == word)
    }
}

/// An attempt to deliver a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Whose.
    pub tenant: TenantId,
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// The receiver.
    pub receiver: String,
    /// The integration, `<receiver>/<type>[<index>]`.
    pub integration: String,
    /// The group, as Alertmanager writes group keys.
    pub group_key: String,
    /// `firing` or `resolved`.
    pub status: String,
    /// Why the message was sent.
    pub reason: String,
    /// The same for every attempt at one message.
    pub message_key: String,
    /// 1 for the first attempt of a flush at this message.
    pub number: u32,
    /// What came of it.
    pub outcome: AttemptOutcome,
    /// The class of a failure as metrics name it; empty when it was accepted.
    pub failure: String,
    /// What the receiver answered, or why there is no answer; free of secrets.
    pub answer: String,
    /// Which templates failed; empty when none did.
    pub fallback: String,
}

/// An attempt with its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedAttempt {
    /// Grows with every attempt of the store, whoever it is for.
    pub id: u64,
    /// The attempt.
    pub attempt: Attempt,
}

/// Which attempts are wanted; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryQuery {
    /// Those for this receiver.
    pub receiver: Option<String>,
    /// Those over this integration.
    pub integration: Option<String>,
    /// Those about this group.
    pub group_key: Option<String>,
    /// Those at this message.
    pub message_key: Option<String>,
    /// Those that came to this.
    pub outcome: Option<AttemptOutcome>,
    /// Those that began then or later.
    pub since: Option<Timestamp>,
    /// Those that began before.
    pub until: Option<Timestamp>,
    /// Those with a lower id.
    pub before: Option<u64>,
}

impl DeliveryQuery {
    /// Whether an attempt is wanted.
    pub fn wants(&self, logged: &LoggedAttempt) -> bool {
        let LoggedAttempt { id, attempt } = logged;
        let is = |wanted: &Option<String>, text: &str| wanted.as_ref().is_none_or(|w| w == text);
        is(&self.receiver, &attempt.receiver)
            && is(&self.integration, &attempt.integration)
            && is(&self.group_key, &attempt.group_key)
            && is(&self.message_key, &attempt.message_key)
            && self.outcome.is_none_or(|wanted| wanted == attempt.outcome)
            && self.since.is_none_or(|since| since <= attempt.at)
            && self.until.is_none_or(|until| attempt.at < until)
            && self.before.is_none_or(|before| *id < before)
    }
}

/// Where attempts are noted.
#[async_trait]
pub trait Deliveries: Send + Sync {
    /// Notes an attempt without waiting; when too many wait to be written it is left out.
    fn note(&self, attempt: Attempt);

    /// The newest attempts that are wanted, newest first, at most `limit` (and [`ATTEMPTS_PAGE_MAX`]); what was noted
    /// before the call is among them.
    async fn list(
        &self,
        tenant: &TenantId,
        query: &DeliveryQuery,
        limit: usize,
    ) -> Result<Vec<LoggedAttempt>, StoreError>;
}

/// Cuts a text to so many bytes, between characters.
pub(crate) fn cut(mut text: String) -> String {
    if text.len() > ANSWER_BYTES_MAX {
        let mut end = ANSWER_BYTES_MAX;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    text
}
