//! What a post of a silence does: a new one, a change in place, or a replacement (spec/alertmanager.md §4.11).

use std::sync::Arc;

use super::{Silence, SilenceState};
use crate::label::Labels;
use crate::matcher::{
    Allowance, MatchOp, Matcher, MatcherError, MatcherMode, go_regex, is_valid_label_name,
};
use crate::quote::quote;
use crate::time::Timestamp;

/// A silence as posted.
#[derive(Clone, Debug)]
pub struct SilencePost {
    /// The silence to change; `None` or empty makes a new one.
    pub id: Option<String>,
    /// All must match.
    pub matchers: Vec<PostMatcher>,
    /// Zero when not stated.
    pub starts_at: Timestamp,
    /// Zero when not stated.
    pub ends_at: Timestamp,
    /// Who asks.
    pub created_by: String,
    /// Why.
    pub comment: String,
    /// Free-form additions.
    pub annotations: Labels,
}

/// A matcher as posted, not yet compiled.
#[derive(Clone, Debug)]
pub struct PostMatcher {
    /// Label name.
    pub name: String,
    /// Value or pattern.
    pub value: String,
    /// Whether the value is a pattern.
    pub is_regex: bool,
    /// Whether it must match rather than must not.
    pub is_equal: bool,
}

/// Why a post is refused; the texts are Alertmanager's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SilenceError {
    /// The id is unknown.
    #[error("silence not found")]
    NotFound,
    /// The post makes no sense.
    #[error("{0}")]
    Invalid(String),
}

/// What a post changes.
#[derive(Clone, Debug)]
pub struct SilenceEdit {
    /// The silence as it is from now on; its id is the answer.
    pub put: Silence,
    /// The silence it replaces, ended now; already over silences are left alone.
    pub expired: Option<Silence>,
}

/// Decides what a post does. `known` is the silence its id names; `new_id` is used if a new one is made.
pub fn edit(
    post: SilencePost,
    known: Option<&Silence>,
    new_id: &str,
    mode: MatcherMode,
    now: Timestamp,
) -> Result<SilenceEdit, SilenceError> {
    if post.starts_at >= post.ends_at {
        return invalid("Failed to create silence: start time must be before end time");
    }
    if post.ends_at < now {
        return invalid("Failed to create silence: end time can't be in the past");
    }
    let names_one = post.id.as_deref().is_some_and(|id| !id.is_empty());
    if names_one && known.is_none() {
        return Err(SilenceError::NotFound);
    }
    let matchers = compile(&post.matchers, mode)?;
    let posted = Silence {
        id: Arc::from(new_id),
        matchers,
        starts_at: post.starts_at,
        ends_at: post.ends_at,
        updated_at: now,
        created_by: post.created_by,
        comment: post.comment,
        annotations: post.annotations,
    };
    Ok(match known.filter(|_| names_one) {
        Some(known) if can_update(known, &posted, now) => SilenceEdit {
            put: Silence {
                id: Arc::clone(&known.id),
                ..posted
            },
            expired: None,
        },
        Some(known) => SilenceEdit {
            put: started(posted, now),
            expired: expire(known, now),
        },
        None => SilenceEdit {
            put: started(posted, now),
            expired: None,
        },
    })
}

/// Ends a silence now; `None` when it is over already.
pub fn expire(silence: &Silence, now: Timestamp) -> Option<Silence> {
    match silence.state(now) {
        SilenceState::Expired => None,
        SilenceState::Active => Some(Silence {
            ends_at: now,
            updated_at: now,
            ..silence.clone()
        }),
        SilenceState::Pending => Some(Silence {
            starts_at: now,
            ends_at: now,
            updated_at: now,
            ..silence.clone()
        }),
    }
}

/// A new silence cannot have begun before it was made.
fn started(silence: Silence, now: Timestamp) -> Silence {
    let starts_at = silence.starts_at.max(now);
    Silence {
        starts_at,
        ..silence
    }
}

/// Whether a post changes the silence in place rather than replacing it.
fn can_update(known: &Silence, posted: &Silence, now: Timestamp) -> bool {
    if known.matchers != posted.matchers {
        return false;
    }
    match known.state(now) {
        SilenceState::Active => {
            let same_second = known.starts_at.unix_seconds() == posted.starts_at.unix_seconds();
            same_second && posted.ends_at >= now
        }
        SilenceState::Pending => posted.starts_at >= now,
        SilenceState::Expired => false,
    }
}

fn compile(posts: &[PostMatcher], mode: MatcherMode) -> Result<Vec<Matcher>, SilenceError> {
    let mut matchers = Vec::with_capacity(posts.len());
    let mut allowance = Allowance::default();
    for (index, post) in posts.iter().enumerate() {
        if !is_valid_label_name(&post.name, mode) {
            let name = quote(&post.name);
            return invalid(format!(
                "invalid silence: invalid label matcher {index} in set 0: invalid label name {name}"
            ));
        }
        let op = MatchOp::from_flags(post.is_equal, post.is_regex);
        // Alertmanager checks the pattern as it stands first, so that is the pattern its message shows.
        let checked = if post.is_regex {
            go_regex::parse(&post.value)
                .map(|_| ())
                .map_err(MatcherError::from)
        } else {
            Ok(())
        };
        let matcher = checked.and_then(|()| Matcher::new(op, &post.name, &post.value));
        let matcher = matcher.or_else(|error| {
            let value = quote(&post.value);
            invalid(format!(
                "invalid silence: invalid label matcher {index} in set 0: invalid regular expression {value}: {error}"
            ))
        })?;
        if let Err(error) = allowance.pay(&matcher) {
            return invalid(format!("invalid silence: matcher set 0: {error}"));
        }
        matchers.push(matcher);
    }
    // A negative matcher never counts as matching empty, so `foo!=bar` alone is a valid silence.
    let hides_everything = |m: &Matcher| !m.op().is_negative() && m.matches_empty();
    if matchers.iter().all(hides_everything) {
        return invalid(
            "invalid silence: matcher set 0: at least one matcher must not match the empty string",
        );
    }
    Ok(matchers)
}

fn invalid<T>(text: impl Into<String>) -> Result<T, SilenceError> {
    Err(SilenceError::Invalid(text.into()))
}
