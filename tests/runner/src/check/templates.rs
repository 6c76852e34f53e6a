//! templates.json, as far as it can be checked now: which templates parse.

use gotmpl::functions::ALERTMANAGER;
use gotmpl::{Limits, ParseError, Templates};
use serde_json::Value;

use crate::report::{Difference, Outcome, Report};
use crate::shape::Shape as _;

pub(super) fn check(report: &mut Report, file: &Value) {
    report.scope = Some("parsing only: execution belongs to a later issue");
    for (name, case) in super::cases(report, file, "cases") {
        report.case(name, || compare(case));
    }
}

/// The class of an error is binding, its text is not.
fn compare(case: &Value) -> Outcome {
    let recorded = case["error"]["class"].as_str();
    let expected = recorded.filter(|class| matches!(*class, "parse" | "file-parse"));
    match (expected, parse(case)?) {
        (None, Ok(())) => Ok(()),
        (Some(expected), Err((class, _))) if class == expected => Ok(()),
        (expected, got) => {
            let got = got.map_or_else(
                |(class, error)| format!("{class}: {error}"),
                |()| "parsed".to_owned(),
            );
            let text = case["error"]["text"].as_str().unwrap_or_default();
            let expected = expected.map_or("parsed".to_owned(), |class| format!("{class}: {text}"));
            Err(Difference::new(expected, got))
        }
    }
}

type Parsed = Result<(), (&'static str, ParseError)>;

fn parse(case: &Value) -> Result<Parsed, Difference> {
    let limits = Limits::default();
    let mut templates = Templates::default();
    for file in case.list_or_empty("files")? {
        let text = file
            .as_str()
            .ok_or_else(|| Difference::format("texts at `files`", file))?;
        if let Err(error) = templates.parse_and_add("", text, &ALERTMANAGER, &limits) {
            return Ok(Err(("file-parse", error)));
        }
    }
    let parsed = templates.parse_and_add("", case.text("template")?, &ALERTMANAGER, &limits);
    Ok(parsed.map(drop).map_err(|error| ("parse", error)))
}
