//! default_templates.json: what our default templates say, in both engines.

use gotmpl::functions::{ALERTMANAGER, Environment};
use gotmpl::html::{self, ESCAPERS};
use gotmpl::time::{Time, Zone};
use gotmpl::{Limits, Templates};
use serde_json::Value;

use super::dataset;
use crate::report::{Difference, Report};
use crate::shape::equal;

/// The templates whose dot is the list of alerts.
const OF_ALERTS: [&str; 3] = [
    "__text_alert_list",
    "__text_alert_list_markdown",
    "pagerduty.default.instances",
];

pub(super) fn check(report: &mut Report, file: &Value) {
    let defaults = match notify::defaults::parse() {
        Ok(defaults) => defaults,
        Err(error) => return report.case("the files", || Err(wrong(&error))),
    };
    for (_, case) in super::cases(report, file, "cases") {
        let data = case["data"].as_str().unwrap_or_default();
        for engine in ["text_engine", "html_engine"] {
            let recorded = case[engine].as_object().into_iter().flatten();
            for (name, recorded) in recorded {
                // White space is what goes wrong here, so a difference shows it.
                report.case(format!("{data} {engine} {name}"), || {
                    let got = run(&defaults, name, engine, &file["datasets"][data])?;
                    equal("output", recorded, &Value::from(got))
                });
            }
        }
    }
}

fn wrong(error: &dyn std::fmt::Display) -> Difference {
    Difference::new("an output", error.to_string())
}

fn run(
    defaults: &Templates,
    name: &str,
    engine: &str,
    dataset: &Value,
) -> Result<String, Difference> {
    let dot = if OF_ALERTS.contains(&name) {
        ".Alerts"
    } else {
        "."
    };
    let (limits, mut templates) = (Limits::default(), defaults.clone());
    let inline = format!("{{{{ template {name:?} {dot} }}}}");
    templates
        .parse_inline("", &inline, &ALERTMANAGER, &limits)
        .map_err(|error| wrong(&error))?;
    if engine == "html_engine" {
        templates = html::escape(&templates, "", &html::Limits::default())
            .map_err(|error| wrong(&error))?;
    }
    let functions = ALERTMANAGER.and(ESCAPERS);
    let environment = Environment::new(Time::new(0, 0, Zone::Utc));
    let mut output = Vec::new();
    templates
        .execute(
            "",
            &dataset::value(dataset),
            &functions,
            &environment,
            &limits,
            &mut output,
        )
        .map_err(|error| wrong(&error))?;
    Ok(String::from_utf8_lossy(&output).into_owned())
}
