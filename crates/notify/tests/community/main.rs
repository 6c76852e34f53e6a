//! Ten template sets in the styles people use, each rendered for alerts that fire, that have ended, and both.
//!
//! A set is a folder: `templates.tmpl` is a user's file, `message.txt` what stands in the configuration (`message.html` where the
//! integration renders HTML), and `firing.out`, `resolved.out` and `mixed.out` what Alertmanager's own engine gives for the alerts of `data/`
//! (bodies of a webhook). To add one, write the first two and let amtool write the others:
//! `BELFRY_RECORD=1 cargo test -p tests --test peers templates`. The same test without the variable asks amtool again.

#[path = "../../../gotmpl/tests/recorded/dataset.rs"]
mod dataset;

use std::fs;
use std::path::{Path, PathBuf};

use gotmpl::functions::{ALERTMANAGER, Environment};
use gotmpl::html::{self, ESCAPERS};
use gotmpl::time::{Time, Zone};
use gotmpl::{Limits, Value};

const DATA: [&str; 3] = ["firing", "resolved", "mixed"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/community")
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn data(name: &str) -> Value {
    let path = folder().join("data").join(name).with_extension("json");
    dataset::value(&serde_json::from_str(&text(&path)).expect("the data are JSON"))
}

/// Every set, by its folder.
fn sets() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).expect("the folder is in the repository");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut sets: Vec<_> = paths
        .filter(|path| path.join("templates.tmpl").is_file())
        .collect();
    sets.sort();
    sets
}

fn render(set: &Path, data: &Value) -> Result<String, String> {
    let limits = Limits::default();
    let mut templates = notify::defaults::parse().map_err(|error| error.to_string())?;
    let file = text(&set.join("templates.tmpl"));
    templates
        .parse_and_add("templates.tmpl", &file, &ALERTMANAGER, &limits)
        .map_err(|error| error.to_string())?;
    let is_html = set.join("message.html").is_file();
    let message = text(&set.join(if is_html {
        "message.html"
    } else {
        "message.txt"
    }));
    templates
        .parse_inline("", &message, &ALERTMANAGER, &limits)
        .map_err(|error| error.to_string())?;
    if is_html {
        templates = html::escape(&templates, "", &html::Limits::default())
            .map_err(|error| error.to_string())?;
    }
    let functions = ALERTMANAGER.and(ESCAPERS);
    let environment = Environment::new(Time::new(0, 0, Zone::Utc));
    let mut output = Vec::new();
    templates
        .execute("", data, &functions, &environment, &limits, &mut output)
        .map_err(|error| error.to_string())?;
    String::from_utf8(output).map_err(|error| error.to_string())
}

#[test]
fn every_set_gives_what_was_recorded() {
    let sets = sets();
    assert!(10 <= sets.len(), "{sets:?}");
    let mut differences = Vec::new();
    for set in &sets {
        for name in DATA {
            let path = set.join(name).with_extension("out");
            match render(set, &data(name)) {
                Ok(output) if output == text(&path) => {}
                other => differences.push(format!("{}: {other:#?}", path.display())),
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
