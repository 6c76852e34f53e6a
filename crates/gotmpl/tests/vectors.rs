//! The recorded answers of Go: what must parse, and what must not.

use gotmpl::functions::ALERTMANAGER;
use gotmpl::{Limits, ParseError, Templates};
use serde_json::Value;

const CASES: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/vectors/templates.json"
));

fn parse_case(case: &Value) -> Result<(), (&'static str, ParseError)> {
    let limits = Limits::default();
    let mut templates = Templates::default();
    let files = case["files"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    for file in files {
        templates
            .parse_and_add("", file.as_str().unwrap(), &ALERTMANAGER, &limits)
            .map_err(|error| ("file-parse", error))?;
    }
    templates
        .parse_and_add(
            "",
            case["template"].as_str().unwrap(),
            &ALERTMANAGER,
            &limits,
        )
        .map_err(|error| ("parse", error))
}

#[test]
fn every_recorded_template_parses_or_fails_as_in_go() {
    let vectors: Value = serde_json::from_str(CASES).unwrap();
    let mut failures = Vec::new();
    for case in vectors["cases"].as_array().unwrap() {
        let class = case["error"]["class"].as_str().unwrap_or("output");
        let expected = matches!(class, "parse" | "file-parse").then_some(class);
        let text = case["error"]["text"].as_str().unwrap_or_default();
        match parse_case(case) {
            Ok(()) if expected.is_none() => {}
            // The texts are informative by the rules of the vectors; we happen to match them all.
            Err((class, error)) if Some(class) == expected && error.to_string() == text => {}
            got => failures.push(format!(
                "{}: expected {class} `{text}`, got {got:?}",
                case["name"]
            )),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
