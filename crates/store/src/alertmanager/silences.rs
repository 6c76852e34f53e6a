//! The file `silences`: one `MeshSilence` per record.

use domain::group::key::sha256_hex;
use domain::label::Labels;
use domain::matcher::{MatchOp, Matcher};
use domain::silence::Silence;
use domain::time::Timestamp;

use super::wire::{Fields, Malformed, Value};

/// Reads a record: one silence for each of its matcher sets.
pub(super) fn read(record: &[u8]) -> Result<Vec<Silence>, Malformed> {
    for field in Fields::of(record) {
        if let (1, value) = field? {
            return silence(value.bytes()?);
        }
    }
    Err("it holds no silence".into())
}

#[derive(Default)]
struct Stored<'a> {
    id: &'a str,
    /// The first set once more, for versions that know only one.
    first_set: Vec<Matcher>,
    sets: Vec<Vec<Matcher>>,
    times: [Option<Timestamp>; 3],
    created_by: &'a str,
    comment: &'a str,
    annotations: Vec<(&'a str, &'a str)>,
}

fn silence(message: &[u8]) -> Result<Vec<Silence>, Malformed> {
    let mut stored = Stored::default();
    for field in Fields::of(message) {
        match field? {
            (1, value) => stored.id = value.text()?,
            (2, value) => stored.first_set.push(matcher(value.bytes()?)?),
            (3, value) => stored.times[0] = Some(value.time()?),
            (4, value) => stored.times[1] = Some(value.time()?),
            (5, value) => stored.times[2] = Some(value.time()?),
            (8, value) => stored.created_by = value.text()?,
            (9, value) => stored.comment = value.text()?,
            (10, value) => {
                let (name, held) = value.entry()?;
                let text = held.map(Value::text).transpose()?.unwrap_or_default();
                stored.annotations.push((name, text));
            }
            (11, value) => stored.sets.push(matchers(value.bytes()?)?),
            _ => {}
        }
    }
    stored.into_silences()
}

impl Stored<'_> {
    fn into_silences(mut self) -> Result<Vec<Silence>, Malformed> {
        let [Some(starts_at), Some(ends_at), updated_at] = self.times else {
            return Err(self.malformed("it has no start or no end"));
        };
        if self.id.is_empty() {
            return Err("the silence has no id".into());
        }
        if self.sets.is_empty() {
            self.sets.push(std::mem::take(&mut self.first_set));
        }
        let sets = std::mem::take(&mut self.sets);
        if sets.iter().any(Vec::is_empty) {
            return Err(self.malformed("it has no matchers, so that it would hide everything"));
        }
        let one = |(index, matchers)| Silence {
            id: match index {
                0 => self.id.into(),
                _ => further_id(self.id, index).into(),
            },
            matchers,
            starts_at,
            ends_at,
            updated_at: updated_at.unwrap_or(starts_at),
            created_by: self.created_by.to_owned(),
            comment: self.comment.to_owned(),
            annotations: Labels::from_pairs(self.annotations.iter().copied()),
        };
        Ok(sets.into_iter().enumerate().map(one).collect())
    }

    fn malformed(&self, text: &str) -> Malformed {
        Malformed(format!("silence `{}`: {text}", self.id.escape_debug()))
    }
}

/// The id of the silence for a further matcher set: a UUID that is the same wherever the silence is read.
fn further_id(id: &str, index: usize) -> String {
    let hex = sha256_hex(&format!("{id}\u{0}{index}"));
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    let parts = [
        part(0, 8),
        part(8, 12),
        &format!("4{}", part(13, 16)),
        &format!("8{}", part(17, 20)),
        part(20, 32),
    ];
    parts.join("-")
}

fn matchers(set: &[u8]) -> Result<Vec<Matcher>, Malformed> {
    let mut matchers = Vec::new();
    for field in Fields::of(set) {
        if let (1, value) = field? {
            matchers.push(matcher(value.bytes()?)?);
        }
    }
    Ok(matchers)
}

fn matcher(message: &[u8]) -> Result<Matcher, Malformed> {
    let (mut op, mut name, mut pattern) = (MatchOp::Equal, "", "");
    for field in Fields::of(message) {
        match field? {
            (1, value) => {
                op = match value.number()? {
                    0 => MatchOp::Equal,
                    1 => MatchOp::Regex,
                    2 => MatchOp::NotEqual,
                    3 => MatchOp::NotRegex,
                    unknown => {
                        return Err(Malformed(format!("unknown type of matcher {unknown}")));
                    }
                }
            }
            (2, value) => name = value.text()?,
            (3, value) => pattern = value.text()?,
            _ => {}
        }
    }
    Matcher::new(op, name, pattern).map_err(|error| Malformed(error.to_string()))
}
