//! Comparing answers: placeholders stand for what a server makes up, and some orders are random in the original.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::report::{Difference, Outcome};

/// Headers that must be absent where the recording has none.
const TELLING: [&str; 7] = [
    "allow",
    "content-type",
    "vary",
    "x-content-type-options",
    "cache-control",
    "access-control-allow-origin",
    "access-control-allow-methods",
];

/// Which of our ids each placeholder stands for.
#[derive(Default)]
pub(super) struct Ids(BTreeMap<String, String>);

impl Ids {
    /// A recorded request, with our ids in it.
    pub(super) fn fill_in(&self, text: &str) -> String {
        self.0
            .iter()
            .fold(text.to_owned(), |text, (placeholder, id)| {
                text.replace(placeholder, id)
            })
    }

    /// Whether the id is the placeholder's; a placeholder seen for the first time takes an id nobody has.
    fn is(&mut self, placeholder: &str, id: &str) -> bool {
        if let Some(known) = self.0.get(placeholder) {
            return known == id;
        }
        let is_uuid = id.len() == 36 && id.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit());
        let is_free = self.0.values().all(|known| known != id);
        if is_uuid && is_free {
            self.0.insert(placeholder.to_owned(), id.to_owned());
        }
        is_uuid && is_free
    }

    /// Whether a text is the recorded one, each placeholder standing for a part.
    fn are_in(&mut self, recorded: &str, got: &str) -> bool {
        let Some((literal, placeholder, rest)) = first_placeholder(recorded) else {
            return recorded == got;
        };
        let Some(got) = got.strip_prefix(literal) else {
            return false;
        };
        // The part ends where the recorded text goes on.
        let next = first_placeholder(rest).map_or(rest, |(literal, _, _)| literal);
        let end = if next.is_empty() {
            Some(got.len())
        } else {
            got.find(next)
        };
        let Some((part, after)) = end.and_then(|end| got.split_at_checked(end)) else {
            return false;
        };
        let is_right = match placeholder {
            "<ts>" => part.parse::<jiff::Timestamp>().is_ok(),
            "<go>" | "<date>" => true,
            _ => self.is(placeholder, part),
        };
        is_right && self.are_in(rest, after)
    }
}

/// The text before the first placeholder, the placeholder, and the text after it.
fn first_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    text.match_indices('<').find_map(|(start, _)| {
        let (before, rest) = text.split_at(start);
        let (placeholder, after) = rest.split_at(rest.find('>')? + 1);
        let number = placeholder
            .strip_prefix("<uuid")
            .and_then(|p| p.strip_suffix('>'));
        let is_id = number.is_some_and(|number| number.parse::<u32>().is_ok());
        (is_id || matches!(placeholder, "<ts>" | "<go>" | "<date>")).then_some((
            before,
            placeholder,
            after,
        ))
    })
}

/// Compares texts.
pub(super) fn text(at: &str, recorded: &str, got: &str, ids: &mut Ids) -> Outcome {
    // Both name the methods in an order that is random in the original.
    let is_about_methods = recorded.contains("is not allowed, but [");
    if (is_about_methods && words(recorded) == words(got)) || ids.are_in(recorded, got) {
        return Ok(());
    }
    Err(Difference::new(
        format!("{at} {recorded:?}"),
        format!("{at} {got:?}"),
    ))
}

fn words(text: &str) -> BTreeSet<&str> {
    text.split(['[', ']', ',', ' ', '"'])
        .filter(|word| !word.is_empty())
        .collect()
}

/// Compares the headers that were recorded, and that telling ones are not there when they were not.
pub(super) fn headers(recorded: &Value, got: &http::HeaderMap) -> Outcome {
    let none = Map::new();
    let recorded = recorded.as_object().unwrap_or(&none);
    let found = |name: &str| {
        let values = got
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()));
        values.collect::<Vec<_>>().join(", ")
    };
    for (name, value) in recorded {
        let (value, found) = (value.as_str().unwrap_or_default(), found(name));
        let is_list = name.eq_ignore_ascii_case("allow");
        let is_same = if is_list {
            words(value) == words(&found)
        } else {
            value == found
        };
        if !is_same {
            return Err(Difference::new(
                format!("header {name}: {value}"),
                format!("header {name}: {found}"),
            ));
        }
    }
    let is_recorded = |name: &str| {
        recorded
            .keys()
            .any(|known| known.eq_ignore_ascii_case(name))
    };
    match TELLING
        .iter()
        .find(|name| !is_recorded(name) && got.contains_key(**name))
    {
        Some(name) => Err(Difference::new(
            format!("no header {name}"),
            format!("header {name}: {}", found(name)),
        )),
        None => Ok(()),
    }
}

/// Compares JSON documents.
pub(super) fn json(recorded: &Value, got: &Value, ids: &mut Ids, at: &str) -> Outcome {
    let differ = || {
        Err(Difference::new(
            format!("{at}: {recorded}"),
            format!("{at}: {got}"),
        ))
    };
    match (recorded, got) {
        (Value::String(recorded), Value::String(got)) => text(at, recorded, got, ids),
        (Value::Object(recorded), Value::Object(got)) if recorded.keys().eq(got.keys()) => {
            // Facts of the recorded build, but for the version.
            let is_build = at.ends_with(".versionInfo");
            let mut fields = recorded
                .iter()
                .filter(|(key, _)| !is_build || *key == "version");
            fields.try_for_each(|(key, value)| json(value, &got[key], ids, &format!("{at}.{key}")))
        }
        (Value::Array(recorded), Value::Array(got)) if recorded.len() == got.len() => {
            let got = if recorded.iter().any(is_silence) {
                reordered(recorded, got, ids)
            } else {
                got.clone()
            };
            let mut pairs = recorded.iter().zip(&got).enumerate();
            pairs.try_for_each(|(i, (recorded, got))| {
                json(recorded, got, ids, &format!("{at}[{i}]"))
            })
        }
        _ if recorded == got => Ok(()),
        _ => differ(),
    }
}

/// Whether an element is a silence, or the id of one: where sort keys are equal their order is random.
fn is_silence(element: &Value) -> bool {
    id_of(element).is_some_and(|id| id.starts_with("<uuid"))
}

fn id_of(element: &Value) -> Option<&str> {
    element.as_str().or_else(|| element["id"].as_str())
}

/// Puts what was found in the recorded order as far as the sort keys allow it.
fn reordered(recorded: &[Value], found: &[Value], ids: &Ids) -> Vec<Value> {
    let mut rest = found.to_vec();
    let mut ordered = Vec::with_capacity(rest.len());
    for element in recorded {
        let wanted = id_of(element)
            .and_then(|id| ids.0.get(id))
            .map(String::as_str);
        let key = rest.first().map(sort_key);
        let place = rest.iter().position(|candidate| {
            Some(sort_key(candidate)) == key && wanted.is_some() && id_of(candidate) == wanted
        });
        if !rest.is_empty() {
            ordered.push(rest.remove(place.unwrap_or(0)));
        }
    }
    ordered
}

fn sort_key(silence: &Value) -> (Value, Value) {
    let state = &silence["status"]["state"];
    let time = match state.as_str() {
        Some("pending") => &silence["startsAt"],
        Some("active") => &silence["endsAt"],
        // Expired ones ended within the milliseconds of the recording.
        _ => &Value::Null,
    };
    (state.clone(), time.clone())
}
