//! The hostile templates, and what rendering one means.

use std::path::Path;

use gotmpl::functions::{ALERTMANAGER, Environment};
use gotmpl::html::{self, ESCAPERS};
use gotmpl::time::{Time, Zone};
use gotmpl::{Limits, Templates, Value};
use serde_json::json;

use crate::dataset;

/// Which of Go's engines renders.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Engine {
    Text,
    Html,
}

/// Both.
pub(crate) const ENGINES: [Engine; 2] = [Engine::Text, Engine::Html];

/// Every template of the corpus with its name, in order.
pub(crate) fn templates() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../gotmpl/tests/hostile/corpus");
    let entries = std::fs::read_dir(folder).expect("the corpus is in the repository");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let files = files.iter();
    files
        .map(|file| {
            let name = file.file_stem().unwrap_or_default().to_string_lossy();
            let text = std::fs::read_to_string(file).expect("a text");
            (name.into_owned(), text)
        })
        .collect()
}

fn data() -> Value {
    let alert = |host: &str| {
        json!({
            "labels": {"alertname": "DiskFull", "host": host, "severity": "critical"},
            "annotations": {"summary": "Disk is 97% full"},
            "starts_at": "2026-03-04T05:06:07.089Z",
            "ends_at": "",
            "generator_url": "http://prom.example/graph",
        })
    };
    dataset::value(&json!({
        "receiver": "team",
        "external_url": "http://am.example",
        "notification_reason": "first notification",
        "group_labels": {"alertname": "DiskFull"},
        "alerts": [alert("a"), alert("b"), alert("c")],
    }))
}

/// Parses and renders a text; gives the length of the output and what went wrong.
pub(crate) fn render(text: &str, engine: Engine, limits: &Limits) -> (usize, Option<String>) {
    let mut templates = Templates::default();
    if let Err(error) = templates.parse_inline("", text, &ALERTMANAGER, limits) {
        return (0, Some(error.to_string()));
    }
    if let Engine::Html = engine {
        templates = match html::escape(&templates, "", &html::Limits::TENANT) {
            Ok(escaped) => escaped,
            Err(error) => return (0, Some(error.to_string())),
        };
    }
    let environment = Environment::new(Time::new(1_780_000_000, 0, Zone::Utc));
    let functions = ALERTMANAGER.and(ESCAPERS);
    let mut output = Vec::new();
    let done = templates.execute("", &data(), &functions, &environment, limits, &mut output);
    (output.len(), done.err().map(|error| error.to_string()))
}
