//! config.json: what is a valid configuration, and how it is printed.

use ::config::LoadOptions;
use serde_json::Value;

use crate::report::{Difference, Outcome, Report};
use crate::sentence;
use crate::shape::{Shape as _, same_lines};

pub(super) fn check(report: &mut Report, file: &Value) {
    for (name, case) in super::cases(report, file, "cases") {
        report.case(name, || load(case));
    }
}

fn load(case: &Value) -> Outcome {
    let loaded = ::config::load(case.text("config")?, &LoadOptions::default());
    match (case.boolean("ok")?, loaded) {
        (true, Ok(config)) => same_lines(case.text("remarshalled")?, &config.original),
        (true, Err(error)) => Err(Difference::new("accepted", error.to_string())),
        // Where the real loader crashes, a clean error of any text is right.
        (false, Err(_)) if !case["panic"].is_null() => Ok(()),
        (false, Err(error)) => sentence::check(case.text("error")?, &error, 0),
        (false, Ok(config)) => {
            let recorded = case["error"].as_str().unwrap_or("refused");
            Err(Difference::new(
                recorded,
                format!("accepted as {}", config.original),
            ))
        }
    }
}
