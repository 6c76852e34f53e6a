//! Silences on the wire: reading a post, writing the answer.

use domain::label::Labels;
use domain::matcher::Matcher;
use domain::silence::edit::{PostMatcher, SilencePost};
use domain::silence::{Silence, SilenceState};
use domain::time::Timestamp;

use super::body::BodyError;
use super::field::{self, First, Pair};
use super::json::{Kind, Read, Reader};
use super::write::{push_labels, push_list, push_string, push_time};
use crate::limits::Limits;

const PARAM: &str = "silence";

/// The type Go's decoder names when the body is not an object.
const BODY_TYPE: &str = "struct { ID string \"json:\\\"id,omitempty\\\"\" }";

/// Reads the body of `POST /silences`.
///
/// # Errors
/// The body is not a silence; whether it makes sense is for the domain to say.
pub fn parse(text: &str, limits: &Limits) -> Result<SilencePost, BodyError> {
    let mut reader = Reader::new(text, limits.json_depth);
    if reader.is_blank() {
        return Err(BodyError::Required(PARAM.to_owned()));
    }
    let mut draft = Draft::default();
    let unreadable = |reason| BodyError::Parse {
        param: PARAM,
        reason,
    };
    draft
        .read(&mut reader)
        .map_err(|error| unreadable(error.to_string()))?;
    if let Some(reason) = draft.early.take().or_else(|| draft.late.take()) {
        return Err(unreadable(reason));
    }
    draft.check()
}

/// What has been seen of a body; `None` is what was absent or `null`.
#[derive(Default)]
struct Draft<'a> {
    id: String,
    comment: Option<String>,
    created_by: Option<String>,
    starts_at: Option<Timestamp>,
    ends_at: Option<Timestamp>,
    matchers: Option<Vec<Option<DraftMatcher>>>,
    annotations: Vec<Pair<'a>>,
    /// Go decodes the body twice, first for `id` alone.
    early: First,
    late: First,
}

#[derive(Default)]
struct DraftMatcher {
    name: Option<String>,
    value: Option<String>,
    is_regex: Option<bool>,
    is_equal: Option<bool>,
}

impl<'a> Draft<'a> {
    fn read(&mut self, reader: &mut Reader<'a>) -> Read<()> {
        match reader.kind()? {
            Kind::Object => {}
            Kind::Null => return reader.null(),
            other => {
                self.early.wrong_kind(other, "Go value", BODY_TYPE);
                return reader.skip();
            }
        }
        reader.enter()?;
        let mut first = true;
        while let Some(key) = reader.key(&mut first)? {
            self.member(reader, &key)?;
        }
        Ok(())
    }

    fn member(&mut self, reader: &mut Reader<'a>, key: &str) -> Read<()> {
        let is = |name| field::is_field(key, name);
        let late = &mut self.late;
        if is("id") {
            let id = field::string(reader, &mut self.early, "Go struct field .id")?;
            self.id = id.map_or_else(|| std::mem::take(&mut self.id), Into::into);
        } else if is("comment") {
            let place = "Go struct field Silence.comment";
            self.comment = field::string(reader, late, place)?.map(Into::into);
        } else if is("createdBy") {
            let place = "Go struct field Silence.createdBy";
            self.created_by = field::string(reader, late, place)?.map(Into::into);
        } else if is("startsAt") {
            self.starts_at = field::datetime(reader, late)?.map(stated);
        } else if is("endsAt") {
            self.ends_at = field::datetime(reader, late)?.map(stated);
        } else if is("annotations") {
            let place = "Go struct field Silence.annotations";
            field::pairs(reader, late, place, &mut self.annotations)?;
        } else if is("matchers") {
            self.matchers(reader)?;
        } else {
            reader.skip()?;
        }
        Ok(())
    }

    fn matchers(&mut self, reader: &mut Reader<'a>) -> Read<()> {
        let place = "Go struct field Silence.matchers";
        match reader.kind()? {
            Kind::Array => {}
            Kind::Null => {
                self.matchers = None;
                return reader.null();
            }
            other => {
                self.late.wrong_kind(other, place, "models.Matchers");
                return reader.skip();
            }
        }
        let mut matchers = Vec::new();
        reader.enter()?;
        let mut first = true;
        while reader.item(&mut first)? {
            let place = format!("{place}.{}", matchers.len());
            matchers.push(self.matcher(reader, &place)?);
        }
        self.matchers = Some(matchers);
        Ok(())
    }

    fn matcher(&mut self, reader: &mut Reader<'a>, place: &str) -> Read<Option<DraftMatcher>> {
        let late = &mut self.late;
        match reader.kind()? {
            Kind::Object => {}
            Kind::Null => return reader.null().map(|()| None),
            other => {
                late.wrong_kind(other, place, "models.Matcher");
                return reader.skip().map(|()| None);
            }
        }
        let mut matcher = DraftMatcher::default();
        reader.enter()?;
        let mut first = true;
        while let Some(key) = reader.key(&mut first)? {
            let is = |name| field::is_field(&key, name);
            let at = |name: &str| format!("{place}.{name}");
            if is("name") {
                matcher.name = field::string(reader, late, &at("name"))?.map(Into::into);
            } else if is("value") {
                matcher.value = field::string(reader, late, &at("value"))?.map(Into::into);
            } else if is("isRegex") {
                matcher.is_regex = field::bool(reader, late, &at("isRegex"))?;
            } else if is("isEqual") {
                matcher.is_equal = field::bool(reader, late, &at("isEqual"))?;
            } else {
                reader.skip()?;
            }
        }
        Ok(Some(matcher))
    }

    /// Checks that what must be there is there, in the order the framework does.
    fn check(self) -> Result<SilencePost, BodyError> {
        let required = |name: &str| BodyError::Required(name.to_owned());
        let comment = self.comment.ok_or_else(|| required("comment"))?;
        let created_by = self.created_by.ok_or_else(|| required("createdBy"))?;
        let ends_at = self.ends_at.ok_or_else(|| required("endsAt"))?;
        let drafts = self.matchers.ok_or_else(|| required("matchers"))?;
        if drafts.is_empty() {
            return Err(BodyError::TooFew("matchers"));
        }
        let has_null = drafts.iter().any(Option::is_none);
        let mut matchers = Vec::with_capacity(drafts.len());
        for (index, draft) in drafts.into_iter().enumerate() {
            if let Some(draft) = draft {
                matchers.push(draft.check(index)?);
            }
        }
        let starts_at = self.starts_at.ok_or_else(|| required("startsAt"))?;
        if has_null {
            return Err(BodyError::Null(PARAM));
        }
        let pairs = self
            .annotations
            .iter()
            .map(|(name, value)| (name.as_ref(), value.as_ref()));
        Ok(SilencePost {
            id: Some(self.id).filter(|id| !id.is_empty()),
            matchers,
            starts_at,
            ends_at,
            created_by,
            comment,
            annotations: Labels::from_pairs(pairs),
        })
    }
}

impl DraftMatcher {
    fn check(self, index: usize) -> Result<PostMatcher, BodyError> {
        let required = |name: &str| BodyError::Required(format!("matchers.{index}.{name}"));
        let is_regex = self.is_regex.ok_or_else(|| required("isRegex"));
        let name = self.name.ok_or_else(|| required("name"));
        let value = self.value.ok_or_else(|| required("value"));
        Ok(PostMatcher {
            is_regex: is_regex?,
            name: name?,
            value: value?,
            is_equal: self.is_equal.unwrap_or(true),
        })
    }
}

/// A date-time that was written, even if it says "not stated".
fn stated(instant: Option<Timestamp>) -> Timestamp {
    instant.unwrap_or(Timestamp::ZERO)
}

/// Appends a silence as readers see it at `now`.
pub fn push_silence(out: &mut Vec<u8>, silence: &Silence, now: Timestamp) {
    out.extend_from_slice(b"{\"id\":");
    push_string(out, &silence.id);
    out.extend_from_slice(b",\"status\":{\"state\":");
    push_string(out, state_word(silence.state(now)));
    out.extend_from_slice(b"},\"updatedAt\":");
    push_time(out, silence.updated_at.utc());
    if !silence.annotations.is_empty() {
        out.extend_from_slice(b",\"annotations\":");
        push_labels(out, &silence.annotations);
    }
    out.extend_from_slice(b",\"comment\":");
    push_string(out, &silence.comment);
    out.extend_from_slice(b",\"createdBy\":");
    push_string(out, &silence.created_by);
    out.extend_from_slice(b",\"endsAt\":");
    push_time(out, silence.ends_at.utc());
    out.extend_from_slice(b",\"matchers\":");
    push_list(out, &silence.matchers, push_matcher);
    out.extend_from_slice(b",\"startsAt\":");
    push_time(out, silence.starts_at.utc());
    out.push(b'}');
}

fn push_matcher(out: &mut Vec<u8>, matcher: &Matcher) {
    let word = |flag: bool| if flag { "true" } else { "false" };
    out.extend_from_slice(b"{\"isEqual\":");
    out.extend_from_slice(word(!matcher.op().is_negative()).as_bytes());
    out.extend_from_slice(b",\"isRegex\":");
    out.extend_from_slice(word(matcher.op().is_regex()).as_bytes());
    out.extend_from_slice(b",\"name\":");
    push_string(out, matcher.name());
    out.extend_from_slice(b",\"value\":");
    push_string(out, matcher.value());
    out.push(b'}');
}

fn state_word(state: SilenceState) -> &'static str {
    match state {
        SilenceState::Active => "active",
        SilenceState::Pending => "pending",
        SilenceState::Expired => "expired",
    }
}

#[cfg(test)]
mod tests;
