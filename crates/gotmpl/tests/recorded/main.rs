//! What Go's own engines, for text and for HTML, gave for a template and its data: case by case (tests/vectors/templates.json), and folder by
//! folder (`cases`).

mod cases;
mod dataset;

use gotmpl::functions::{ALERTMANAGER, Environment};
use gotmpl::html::{self, ESCAPERS};
use gotmpl::time::{Time, Zone};
use gotmpl::{Limits, Templates, Value};
use serde_json::Value as Json;

const VECTORS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/vectors/templates.json"
);

/// The few default templates that cases use; the whole set belongs to the program, not to the language.
const DEFAULTS: &str = include_str!("defaults.tmpl");

/// How a case ended: its output, or the class and text of its error with the output until then.
#[derive(Debug, PartialEq)]
enum End {
    Output(String),
    Error(&'static str, String, String),
}

fn run(case: &Json, data: &Value) -> End {
    let limits = Limits::default();
    let mut templates = Templates::default();
    templates
        .parse_and_add("", DEFAULTS, &ALERTMANAGER, &limits)
        .expect("the defaults parse");
    for file in case["files"].as_array().into_iter().flatten() {
        let text = file.as_str().expect("a text");
        if let Err(error) = templates.parse_and_add("", text, &ALERTMANAGER, &limits) {
            return End::Error("file-parse", error.to_string(), String::new());
        }
    }
    let template = case["template"].as_str().expect("a template");
    if let Err(error) = templates.parse_inline("", template, &ALERTMANAGER, &limits) {
        return End::Error("parse", error.to_string(), String::new());
    }
    if case["engine"] == "html" {
        templates = match html::escape(&templates, "", &html::Limits::default()) {
            Ok(templates) => templates,
            Err(error) => return End::Error("escape", error.to_string(), String::new()),
        };
    }
    let functions = ALERTMANAGER.and(ESCAPERS);
    let environment = Environment::new(Time::new(1_780_000_000, 0, Zone::Utc));
    let mut output = Vec::new();
    let done = templates.execute("", data, &functions, &environment, &limits, &mut output);
    let output = String::from_utf8(output).expect("the cases give UTF-8");
    match done {
        Ok(()) => End::Output(output),
        Err(error) => End::Error("exec", error.to_string(), output),
    }
}

fn recorded(case: &Json) -> End {
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let error = &case["error"];
    match error["class"].as_str() {
        None => End::Output(text(&case["output"])),
        Some("parse") => End::Error("parse", text(&error["text"]), String::new()),
        Some("escape") => End::Error("escape", text(&error["text"]), String::new()),
        Some("file-parse") => End::Error("file-parse", text(&error["text"]), String::new()),
        _ => End::Error("exec", text(&error["text"]), text(&error["partial_output"])),
    }
}

/// Cases with two mistakes, of which Go's message names the later one and ours the first.
const FIRST_MISTAKE_NAMED: [&str; 1] = ["html predefined escaper"];

/// Leaves out of an error what does not bind: its text.
fn without_text(end: End) -> End {
    match end {
        End::Error(class, _, output) => End::Error(class, String::new(), output),
        output @ End::Output(_) => output,
    }
}

/// Compares all cases of an engine.
fn check(engine: &str, at_least: usize) {
    let file = std::fs::read_to_string(VECTORS).expect("the vectors are in the repository");
    let file: Json = serde_json::from_str(&file).expect("the vectors are JSON");
    let cases = file["cases"].as_array().expect("a list of cases");
    let mut failures = Vec::new();
    let mut count = 0;
    for case in cases.iter().filter(|case| case["engine"] == engine) {
        count += 1;
        let name = case["data"].as_str().expect("a dataset");
        let data = dataset::value(&file["datasets"][name]);
        let (mut expected, mut got) = (recorded(case), run(case, &data));
        if FIRST_MISTAKE_NAMED.iter().any(|name| case["name"] == *name) {
            (expected, got) = (without_text(expected), without_text(got));
        }
        if expected != got {
            failures.push(format!(
                "{}\n  {}\n  expected {expected:?}\n  got      {got:?}",
                case["name"], case["template"]
            ));
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {count}\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(
        count >= at_least,
        "the file has at least {at_least} cases, not {count}"
    );
}

#[test]
fn every_text_case_gives_what_go_gave() {
    check("text", 263);
}

#[test]
fn every_html_case_gives_what_go_gave() {
    check("html", 43);
}
