//! Templates that try to crash, stall or drown the process. None may: each ends with an output or an error, within the
//! limits for tenants and on a small stack.

#[path = "../recorded/dataset.rs"]
mod dataset;

use std::path::Path;

use gotmpl::functions::{ALERTMANAGER, Environment};
use gotmpl::html::{self, ESCAPERS};
use gotmpl::time::{Time, Zone};
use gotmpl::{Limits, Templates, Value};
use serde_json::json;

/// As small as any thread of the program; a worker has 2 MiB.
const STACK_BYTES: usize = 1 << 20;

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

/// Renders a text for both engines; gives the length of the longer output and what went wrong last.
fn render(text: &str, limits: &Limits) -> (usize, Option<String>) {
    let mut templates = Templates::default();
    if let Err(error) = templates.parse_inline("", text, &ALERTMANAGER, limits) {
        return (0, Some(error.to_string()));
    }
    let (text_length, text_error) = execute(&templates, limits);
    let (html_length, html_error) = match html::escape(&templates, "", &html::Limits::TENANT) {
        Ok(escaped) => execute(&escaped, limits),
        Err(error) => (0, Some(error.to_string())),
    };
    (text_length.max(html_length), html_error.or(text_error))
}

fn execute(templates: &Templates, limits: &Limits) -> (usize, Option<String>) {
    let environment = Environment::new(Time::new(1_780_000_000, 0, Zone::Utc));
    let functions = ALERTMANAGER.and(ESCAPERS);
    let mut output = Vec::new();
    let done = templates.execute("", &data(), &functions, &environment, limits, &mut output);
    (output.len(), done.err().map(|error| error.to_string()))
}

fn on_small_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
    thread
        .spawn(work)
        .expect("a thread starts")
        .join()
        .expect("no panic")
}

#[test]
fn every_hostile_template_ends_within_the_limits() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/corpus");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the corpus is in the repository")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    assert!(
        files.len() >= 100,
        "the corpus has {} templates",
        files.len()
    );
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a text");
        let name = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let (length, error) = on_small_stack(move || render(&text, &Limits::TENANT));
        println!(
            "{name}: {length} bytes, {}",
            error
                .as_deref()
                .map_or("done", |e| &e[..e.floor_char_boundary(150)])
        );
        assert!(length <= Limits::TENANT.output_bytes_max, "{name}");
    }
}
