//! What Go's `html/template` gave for the same templates.

use serde_json::Value as Json;

use super::data::dataset;
use crate::Limits;
use crate::functions::{ALERTMANAGER, Environment};
use crate::html::{ESCAPERS, escape};
use crate::time::Time;

/// What rendering gives: the output, or where and how it failed.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Output(String),
    Failed {
        class: String,
        text: String,
        partial_output: String,
    },
}

fn failed(class: &str, text: &dyn ToString, partial_output: &str) -> Outcome {
    Outcome::Failed {
        class: class.to_owned(),
        text: text.to_string(),
        partial_output: partial_output.to_owned(),
    }
}

fn render(template: &str, data: &Json) -> Outcome {
    let limits = Limits::default();
    let functions = ALERTMANAGER.and(ESCAPERS);
    let templates = match crate::parse("", template, &ALERTMANAGER, &limits) {
        Ok(templates) => templates,
        Err(error) => return failed("parse", &error, ""),
    };
    let templates = match escape(&templates, "", &crate::html::Limits::default()) {
        Ok(templates) => templates,
        Err(error) => return failed("escape", &error, ""),
    };
    let environment = Environment::new(Time::zero());
    let mut output = Vec::new();
    let dot = dataset(data);
    let outcome = templates.execute("", &dot, &functions, &environment, &limits, &mut output);
    let output = String::from_utf8_lossy(&output).into_owned();
    match outcome {
        Ok(()) => Outcome::Output(output),
        Err(error) => failed("exec", &error, &output),
    }
}

/// Cases with two mistakes, of which Go's message names the later one and ours the first.
const FIRST_MISTAKE_NAMED: &[&str] = &["html predefined escaper"];

/// Leaves of a failure what binds: its class and what was printed before it.
fn without_text(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Failed {
            class,
            partial_output,
            ..
        } => failed(&class, &"", &partial_output),
        output @ Outcome::Output(_) => output,
    }
}

#[test]
fn html_cases_of_the_vectors() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/vectors/templates.json"
    );
    let text = std::fs::read_to_string(path).expect("the vectors are in the repository");
    let vectors: Json = serde_json::from_str(&text).expect("they are JSON");
    let cases = vectors["cases"].as_array().expect("there are cases");
    let html: Vec<&Json> = cases
        .iter()
        .filter(|case| case["engine"] == "html")
        .collect();
    assert!(html.len() > 40, "{} cases", html.len());
    let mut problems = Vec::new();
    for case in html {
        let string = |json: &Json| json.as_str().unwrap_or_default().to_owned();
        let error = &case["error"];
        let expected = if error.is_null() {
            Outcome::Output(string(&case["output"]))
        } else {
            failed(
                &string(&error["class"]),
                &string(&error["text"]),
                &string(&error["partial_output"]),
            )
        };
        let data = &vectors["datasets"][string(&case["data"])];
        let mut outcome = render(&string(&case["template"]), data);
        let mut expected = expected;
        if FIRST_MISTAKE_NAMED.contains(&string(&case["name"]).as_str()) {
            outcome = without_text(outcome);
            expected = without_text(expected);
        }
        if outcome != expected {
            problems.push(format!(
                "{}\n  got      {outcome:?}\n  expected {expected:?}",
                case["name"]
            ));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
