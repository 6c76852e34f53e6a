//! time_intervals.json: what is a time interval, how it is printed, and when it holds.

use std::collections::HashMap;

use ::config::LoadOptions;
use domain::interval::TimeInterval;
use domain::time::Timestamp;
use serde_json::Value;

use crate::report::{Difference, Outcome, Report};
use crate::sentence;
use crate::shape::{Shape as _, equal, same_lines};

pub(super) fn check(report: &mut Report, file: &Value) {
    for (_, case) in super::cases(report, file, "valid") {
        let shown = case["yaml"].as_str().unwrap_or_default();
        report.case(shown, || is_read(case).map(drop));
        for check in case["checks"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default()
        {
            report.case(format!("{shown} at {}", check["instant"]), || {
                holds(case, check)
            });
        }
    }
    for (_, case) in super::cases(report, file, "parse_only") {
        let shown = case["yaml"].as_str().unwrap_or_default();
        report.case(shown, || match case["error"].as_str() {
            None => is_read(case).map(drop),
            Some(recorded) => is_refused(case, recorded),
        });
    }
}

/// Lines that [`load`] puts before a list.
const LINES_BEFORE: usize = 5;

/// A configuration in which the list stands below one named interval.
fn load(case: &Value) -> Result<Result<::config::Config, ::config::ConfigError>, Difference> {
    let yaml = case.text("yaml")?.replace('\n', "\n    ");
    let text = format!(
        "route: {{receiver: r}}\nreceivers: [{{name: r}}]\ntime_intervals:\n- name: i\n  time_intervals:\n    {yaml}\n"
    );
    Ok(::config::load(&text, &LoadOptions::default()))
}

fn is_read(case: &Value) -> Result<Vec<TimeInterval>, Difference> {
    let recorded = case.text("remarshalled")?;
    let config = load(case)?.map_err(|error| Difference::new(recorded, error.to_string()))?;
    same_lines(
        &one_line_lists(recorded),
        &one_line_lists(&printed(&config.original)),
    )?;
    let mut intervals: HashMap<_, _> = config.time_intervals.into_iter().collect();
    Ok(intervals.remove("i").unwrap_or_default())
}

fn is_refused(case: &Value, recorded: &str) -> Outcome {
    let error = match load(case)? {
        Ok(config) => {
            return Err(Difference::new(
                recorded,
                format!("accepted as {}", config.original),
            ));
        }
        Err(error) => error,
    };
    // The words about a wrong type are the YAML library's; all others are exact.
    if recorded.starts_with("yaml: ") {
        return sentence::check(recorded, &error, LINES_BEFORE);
    }
    equal("message", &recorded, &error.message())
}

fn holds(case: &Value, check: &Value) -> Outcome {
    let text = check.text("instant")?;
    let instant: jiff::Timestamp = text
        .parse()
        .map_err(|error| Difference::format("an instant at `instant`", error))?;
    let instant = Timestamp::from_unix_nanos(instant.as_nanosecond());
    let got = is_read(case)?
        .iter()
        .any(|interval| interval.contains(instant));
    equal("active", &check.boolean("active")?, &got)
}

/// The list below the named interval, moved to the margin.
fn printed(original: &str) -> String {
    let start = "\ntime_intervals:\n- name: i\n  time_intervals:";
    let list = original.split_once(start).map_or("", |(_, list)| list);
    match list.split_once('\n') {
        Some(("", lines)) => {
            let lines = lines.lines().take_while(|line| line.starts_with("  "));
            lines
                .map(|line| format!("{}\n", line.strip_prefix("  ").unwrap_or(line)))
                .collect()
        }
        Some((line, _)) => format!("{}\n", line.trim_start()),
        None => String::new(),
    }
}

/// Joins lists that were broken at column 80: here they stand two columns further right than where they were recorded.
/// config.json has lists in their place.
fn one_line_lists(yaml: &str) -> String {
    let mut text = String::new();
    for line in yaml.lines() {
        let is_open = text
            .rfind('[')
            .is_some_and(|open| !text[open..].contains(']'));
        if is_open {
            text.truncate(text.trim_end().len());
            text.push(' ');
            text.push_str(line.trim_start());
        } else {
            text.push_str(line);
        }
        text.push('\n');
    }
    text
}
