//! templates.json: both engines in full.

use gotmpl::Limits;
use gotmpl::functions::{ALERTMANAGER, Environment};
use gotmpl::html::{self, ESCAPERS};
use gotmpl::time::{Time, Zone};
use serde_json::Value;

use super::dataset;
use crate::report::{Difference, Outcome, Report};
use crate::shape::Shape as _;

/// Any time will do: no recorded case asks for it.
const NOW_SECONDS: i64 = 1_780_000_000;

pub(super) fn check(report: &mut Report, file: &Value) {
    for (name, case) in super::cases(report, file, "cases") {
        report.case(name, || compare(case, &file["datasets"]));
    }
}

/// How a template ended.
enum End {
    Output(String),
    /// Class, text, and the output until then.
    Error(&'static str, String, String),
}

/// The class of an error is binding, its text is not.
fn compare(case: &Value, datasets: &Value) -> Outcome {
    let recorded = case["error"]["class"].as_str();
    match (recorded, run(case, datasets)?) {
        (None, End::Output(got)) => match case.text("output")? {
            expected if expected == got => Ok(()),
            expected => Err(Difference::new(expected, got)),
        },
        (Some(expected), End::Error(class, _, partial)) if class == expected => {
            let expected = case["error"]["partial_output"].as_str();
            match expected.filter(|expected| *expected != partial) {
                None => Ok(()),
                Some(expected) => Err(Difference::new(expected, partial)),
            }
        }
        (_, got) => {
            let expected = match recorded {
                Some(class) => format!("{class}: {}", case["error"]["text"]),
                None => case.text("output")?.to_owned(),
            };
            Err(Difference::new(expected, shown(got)))
        }
    }
}

fn shown(end: End) -> String {
    match end {
        End::Output(text) => text,
        End::Error(class, text, _) => format!("{class}: {text}"),
    }
}

fn run(case: &Value, datasets: &Value) -> Result<End, Difference> {
    let limits = Limits::default();
    let mut templates = notify::defaults::parse()
        .map_err(|error| Difference::new("default templates", error.to_string()))?;
    let wrong =
        |class, error: gotmpl::ParseError| End::Error(class, error.to_string(), String::new());
    for file in case.list_or_empty("files")? {
        let text = file
            .as_str()
            .ok_or_else(|| Difference::format("texts at `files`", file))?;
        if let Err(error) = templates.parse_and_add("", text, &ALERTMANAGER, &limits) {
            return Ok(wrong("file-parse", error));
        }
    }
    if let Err(error) = templates.parse_inline("", case.text("template")?, &ALERTMANAGER, &limits) {
        return Ok(wrong("parse", error));
    }
    if case["engine"] == "html" {
        templates = match html::escape(&templates, "", &html::Limits::default()) {
            Ok(templates) => templates,
            Err(error) => return Ok(End::Error("escape", error.to_string(), String::new())),
        };
    }
    let data = dataset::value(&datasets[case.text("data")?]);
    let environment = Environment::new(Time::new(NOW_SECONDS, 0, Zone::Utc));
    let mut output = Vec::new();
    let functions = ALERTMANAGER.and(ESCAPERS);
    let done = templates.execute("", &data, &functions, &environment, &limits, &mut output);
    let output = String::from_utf8_lossy(&output).into_owned();
    Ok(match done {
        Ok(()) => End::Output(output),
        Err(error) => End::Error("exec", error.to_string(), output),
    })
}
