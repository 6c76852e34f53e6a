//! matchers.json: how matchers are read, printed and applied.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::matcher::{
    Matcher, MatcherError, MatcherMode, all_match, parse_matcher, parse_matchers, print_matchers,
};
use serde_json::{Map, Value, json};

use crate::report::{Difference, Outcome, Report};
use crate::shape::{Shape as _, equal, same_fields};

const MODES: [(&str, MatcherMode); 3] = [
    ("classic", MatcherMode::Classic),
    ("utf8", MatcherMode::Utf8),
    ("fallback", MatcherMode::Fallback),
];

pub(super) fn check(report: &mut Report, file: &Value) {
    for (_, case) in super::cases(report, file, "parse") {
        for (name, mode) in MODES {
            let shown = case["input"]
                .as_str()
                .or(case["input_b64"].as_str())
                .unwrap_or_default();
            report.case(format!("parse, {name} list: {shown:?}"), || {
                let parsed = parse_matchers(&input(case)?, mode).map(|parsed| parsed.matchers);
                compare(&case[name], parsed, true)
            });
            report.case(format!("parse, {name} single: {shown:?}"), || {
                let parsed = parse_matcher(&input(case)?, mode).map(|matcher| vec![matcher]);
                compare(&case["single"][name], parsed, false)
            });
        }
    }
    for (_, case) in super::cases(report, file, "match") {
        let shown = case["matchers"].as_str().unwrap_or_default();
        report.case(format!("match: {shown:?} with {}", case["labels"]), || {
            applies(case)
        });
    }
}

fn input(case: &Value) -> Result<Vec<u8>, Difference> {
    if case["input_b64"].is_null() {
        // Left out where it is empty.
        return Ok(case.text_or("input", "")?.as_bytes().to_vec());
    }
    let coded = case.text("input_b64")?;
    STANDARD
        .decode(coded)
        .map_err(|error| Difference::format("base64 at `input_b64`", error))
}

/// Compares what was recorded with what was read, told in the same form.
fn compare(recorded: &Value, got: Result<Vec<Matcher>, MatcherError>, is_list: bool) -> Outcome {
    let got = match got {
        Ok(matchers) => {
            let told: Vec<_> = matchers.iter().map(tell).collect();
            let printed = is_list.then(|| print_matchers(&matchers));
            json!({"ok": true, "matchers": told, "printed": printed})
        }
        Err(error) => json!({"ok": false, "error": error.to_string()}),
    };
    same_fields(recorded, &got)
}

fn tell(matcher: &Matcher) -> Value {
    let mut told = Map::new();
    for (key, bytes) in [
        ("name", matcher.name_bytes()),
        ("value", matcher.value_bytes()),
    ] {
        told.insert(key.to_owned(), as_go_reads(bytes).into());
        if std::str::from_utf8(bytes).is_err() {
            told.insert(format!("{key}_b64"), STANDARD.encode(bytes).into());
        }
    }
    told.insert("op".to_owned(), matcher.op().as_str().into());
    told.insert("printed".to_owned(), matcher.to_string().into());
    Value::Object(told)
}

/// Bytes as Go writes them to JSON: one U+FFFD for each byte that is not UTF-8.
fn as_go_reads(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

fn applies(case: &Value) -> Outcome {
    let input = case.text("matchers")?;
    let parsed = parse_matchers(input.as_bytes(), MatcherMode::Fallback)
        .map_err(|error| Difference::new("valid matchers", error.to_string()))?;
    let got = all_match(&parsed.matchers, &case.labels("labels")?);
    equal("match", &case.boolean("match")?, &got)
}
