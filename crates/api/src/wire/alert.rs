//! Reading the body of `POST /alerts`: the hot path.

use engine::PostedAlert;

use super::body::BodyError;
use super::field::{self, First};
use super::json::{JsonError, Kind, Read, Reader};
use super::uri::is_request_uri;
use crate::limits::Limits;

const PARAM: &str = "alerts";

/// The type Go's decoder names when an element is not an object.
const ELEMENT_TYPE: &str = "struct { Annotations models.LabelSet \"json:\\\"annotations,omitempty\\\"\"; EndsAt \
     strfmt.DateTime \"json:\\\"endsAt,omitempty\\\"\"; StartsAt strfmt.DateTime \
     \"json:\\\"startsAt,omitempty\\\"\" }";

/// A body that is well formed.
#[derive(Debug, Default)]
pub struct PostedAlerts<'a> {
    /// The alerts within the limits; whether they are valid is the engine's to say.
    pub alerts: Vec<PostedAlert<'a>>,
    /// One text for each alert that exceeds a limit.
    pub refused: Vec<String>,
}

/// Reads a body.
///
/// # Errors
/// The whole body is refused, nothing of it may be stored.
pub fn parse<'a>(text: &'a str, limits: &Limits) -> Result<PostedAlerts<'a>, BodyError> {
    let mut reader = Reader::new(text, limits.json_depth);
    if reader.is_blank() {
        return Err(BodyError::Required(PARAM.to_owned()));
    }
    let mut parser = Parser::new(limits);
    parser
        .body(&mut reader)
        .map_err(|error| unreadable(error.to_string()))?;
    parser.finish()
}

fn unreadable(reason: String) -> BodyError {
    BodyError::Parse {
        param: PARAM,
        reason,
    }
}

/// What has been seen of a body.
struct Parser<'a, 'l> {
    limits: &'l Limits,
    found: PostedAlerts<'a>,
    /// Elements so far, null ones and refused ones included.
    count: usize,
    /// The first value of the wrong kind.
    wrong: First,
    /// The first field that is missing or malformed.
    invalid: Option<BodyError>,
    has_null: bool,
}

impl<'a, 'l> Parser<'a, 'l> {
    fn new(limits: &'l Limits) -> Self {
        Self {
            limits,
            found: PostedAlerts::default(),
            count: 0,
            wrong: First::default(),
            invalid: None,
            has_null: false,
        }
    }

    fn body(&mut self, reader: &mut Reader<'a>) -> Read<()> {
        match reader.kind()? {
            Kind::Array => {}
            Kind::Null => return reader.null(),
            other => {
                self.wrong
                    .wrong_kind(other, "Go value", "models.PostableAlerts");
                return reader.skip();
            }
        }
        reader.enter()?;
        let mut first = true;
        while reader.item(&mut first)? {
            self.element(reader)?;
            self.count += 1;
            if self.is_over() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.limits.alerts.is_some_and(|most| self.count > most)
    }

    fn element(&mut self, reader: &mut Reader<'a>) -> Read<()> {
        match reader.kind()? {
            Kind::Object => {}
            Kind::Null => {
                self.has_null = true;
                return reader.null();
            }
            other => {
                self.wrong.wrong_kind(other, "Go value", ELEMENT_TYPE);
                return reader.skip();
            }
        }
        let mut alert = PostedAlert {
            labels: Vec::with_capacity(12),
            annotations: Vec::with_capacity(4),
            ..PostedAlert::default()
        };
        let has_labels = self.members(reader, &mut alert)?;
        self.check(&alert, has_labels);
        match exceeded(&alert, self.limits) {
            None => self.found.alerts.push(alert),
            Some(text) => self.found.refused.push(text),
        }
        Ok(())
    }

    /// Reads an alert's members; answers whether there are labels.
    fn members(&mut self, reader: &mut Reader<'a>, alert: &mut PostedAlert<'a>) -> Read<bool> {
        let mut has_labels = false;
        // Go decodes each element twice, first for these three fields, then for the others; so theirs is the first error.
        let mut early = First::default();
        let mut late = First::default();
        reader.enter()?;
        let mut first = true;
        while let Some(key) = reader.key(&mut first)? {
            match Field::of(&key) {
                Some(Field::Labels) => {
                    let place = "Go struct field Alert.labels";
                    has_labels = field::pairs(reader, &mut late, place, &mut alert.labels)?;
                }
                Some(Field::Annotations) => {
                    let place = "Go struct field .annotations";
                    field::pairs(reader, &mut early, place, &mut alert.annotations)?;
                }
                Some(Field::StartsAt) => {
                    if let Some(instant) = field::datetime(reader, &mut early)? {
                        alert.starts_at = instant;
                    }
                }
                Some(Field::EndsAt) => {
                    if let Some(instant) = field::datetime(reader, &mut early)? {
                        alert.ends_at = instant;
                    }
                }
                Some(Field::GeneratorUrl) => {
                    if let Some(url) = field::string(reader, &mut late, "Go value")? {
                        alert.generator_url = url;
                    }
                }
                None => reader.skip()?,
            }
        }
        if let Some(text) = early.take().or_else(|| late.take()) {
            self.wrong.note(|| text);
        }
        Ok(has_labels)
    }

    /// Checks what the API's schema demands of an alert.
    fn check(&mut self, alert: &PostedAlert<'a>, has_labels: bool) {
        if self.invalid.is_some() {
            return;
        }
        if !alert.generator_url.is_empty() && !is_request_uri(&alert.generator_url) {
            self.invalid = Some(BodyError::Format {
                field: format!("{}.generatorURL", self.count),
                format: "uri",
                value: alert.generator_url.clone().into_owned(),
            });
        } else if !has_labels {
            self.invalid = Some(BodyError::Required(format!("{}.labels", self.count)));
        }
    }

    fn finish(mut self) -> Result<PostedAlerts<'a>, BodyError> {
        if let Some(most) = self.limits.alerts.filter(|_| self.is_over()) {
            return Err(BodyError::TooMany(most));
        }
        if let Some(reason) = self.wrong.take() {
            return Err(unreadable(reason));
        }
        if let Some(invalid) = self.invalid {
            return Err(invalid);
        }
        if self.has_null {
            return Err(BodyError::Null(PARAM));
        }
        Ok(self.found)
    }
}

impl From<JsonError> for BodyError {
    fn from(error: JsonError) -> Self {
        unreadable(error.to_string())
    }
}

/// A member of an alert.
#[derive(Clone, Copy)]
enum Field {
    Labels,
    Annotations,
    StartsAt,
    EndsAt,
    GeneratorUrl,
}

impl Field {
    const ALL: [(&'static str, Self); 5] = [
        ("labels", Self::Labels),
        ("annotations", Self::Annotations),
        ("startsAt", Self::StartsAt),
        ("endsAt", Self::EndsAt),
        ("generatorURL", Self::GeneratorUrl),
    ];

    fn of(key: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|(name, _)| field::is_field(key, name))
            .map(|(_, field)| field)
    }
}

/// Which limit an alert exceeds, if any.
fn exceeded(alert: &PostedAlert<'_>, limits: &Limits) -> Option<String> {
    let sets = [("label", &alert.labels), ("annotation", &alert.annotations)];
    sets.into_iter().find_map(|(what, pairs)| {
        if pairs.len() > limits.labels {
            let (has, most) = (pairs.len(), limits.labels);
            return Some(format!(
                "too many {what}s: {has}, at most {most} are accepted"
            ));
        }
        let long = pairs.iter().find(|(name, value)| {
            name.len() > limits.name_bytes || value.len() > limits.value_bytes
        });
        let (name, value) = long?;
        if name.len() > limits.name_bytes {
            let (has, most) = (name.len(), limits.name_bytes);
            return Some(format!(
                "{what} name of {has} bytes: at most {most} are accepted"
            ));
        }
        let (has, most) = (value.len(), limits.value_bytes);
        let name = domain::quote::quote(name);
        Some(format!(
            "value of {what} {name} has {has} bytes: at most {most} are accepted"
        ))
    })
}

#[cfg(test)]
mod tests;
