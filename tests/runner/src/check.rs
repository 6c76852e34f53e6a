//! Which file is checked by which module.

mod api;
mod config;
#[path = "../../../crates/gotmpl/tests/recorded/dataset.rs"]
mod dataset;
mod default_templates;
mod groups;
mod identity;
mod inhibition;
mod matchers;
mod payloads;
mod routing;
mod templates;
mod time_intervals;

use std::path::Path;

use serde_json::Value;

pub(crate) use inhibition::from_config as inhibit_rules;

use crate::report::{Difference, Report};

/// Checks one file of the folder.
pub(crate) fn file(folder: &Path, name: &str) -> Report {
    let check: fn(&mut Report, &Value) = match name {
        "matchers.json" => matchers::check,
        "time_intervals.json" => time_intervals::check,
        "identity.json" => identity::check,
        "routing.json" => routing::check,
        "inhibition.json" => inhibition::check,
        "config.json" => config::check,
        "api.json" => api::check,
        "templates.json" => templates::check,
        "default_templates.json" => default_templates::check,
        "payloads/email.json" => payloads::email::check,
        _ if name.starts_with("payloads/") => payloads::check,
        _ => return Report::not_run(name, "unknown".to_owned()),
    };
    let mut report = Report::new(name);
    match read(&folder.join(name)) {
        Ok(file) => check(&mut report, &file),
        Err(error) => report.case("the file", || Err(error)),
    }
    if report.passed + report.failed() == 0 && report.not_run.is_none() {
        report.case("the file", || Err(Difference::format("cases", "none")));
    }
    report
}

fn read(path: &Path) -> Result<Value, Difference> {
    let unreadable = |error: &dyn std::fmt::Display| Difference::format("a JSON document", error);
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(&error))?;
    serde_json::from_str(&text).map_err(|error| unreadable(&error))
}

/// The cases of a list of the file, each with its name; a list that is none is a failure.
fn cases<'a>(report: &mut Report, file: &'a Value, key: &str) -> Vec<(String, &'a Value)> {
    use crate::shape::{Shape as _, name};
    match file.list_or_empty(key) {
        Ok(list) => list
            .iter()
            .enumerate()
            .map(|(index, case)| (name(case, index), case))
            .collect(),
        Err(difference) => {
            report.case("the file", || Err(difference));
            Vec::new()
        }
    }
}
