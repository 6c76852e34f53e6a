//! The rules of the house, as a test: edges between crates, sizes, invariants, leftovers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which of our crates each may name (normal dependencies only).
const EDGES: [(&str, &[&str]); 14] = [
    ("goregex", &[]),
    ("domain", &["goregex"]),
    ("gotmpl", &["goregex"]),
    ("config", &["domain", "gotmpl"]),
    ("runtime", &["domain"]),
    ("state", &["domain", "runtime"]),
    ("state-redis", &["domain", "runtime", "state"]),
    ("store", &["domain", "runtime"]),
    ("outbound", &["domain", "runtime"]),
    (
        "notify",
        &["domain", "gotmpl", "config", "runtime", "outbound"],
    ),
    (
        "engine",
        &[
            "domain", "config", "runtime", "state", "store", "notify", "gotmpl",
        ],
    ),
    (
        "api",
        &[
            "domain", "gotmpl", "config", "runtime", "state", "store", "notify", "engine",
        ],
    ),
    // The simulator runs real engines, so it needs what an engine is made of.
    (
        "sim",
        &[
            "domain", "config", "runtime", "state", "store", "notify", "engine",
        ],
    ),
    (
        "belfry",
        &[
            "domain",
            "gotmpl",
            "config",
            "runtime",
            "state",
            "state-redis",
            "store",
            "outbound",
            "notify",
            "engine",
            "api",
        ],
    ),
];

/// Crates that only one of ours may name (L1, L2, L3): who opens databases and connections is known.
const KEEPERS: [(&str, &[&str]); 7] = [
    ("sqlx", &["store"]),
    ("redis", &["state-redis"]),
    ("reqwest", &["outbound", "belfry"]),
    ("axum", &["api", "belfry"]),
    (
        "serde",
        &["config", "store", "state-redis", "notify", "api", "belfry"],
    ),
    (
        "tokio",
        &[
            "runtime",
            "state",
            "state-redis",
            "store",
            "outbound",
            "notify",
            "engine",
            "api",
            "belfry",
            "sim",
        ],
    ),
    ("rand", &["runtime"]),
];

/// Lines a file may have before its tests.
const FILE_LINES_MAX: usize = 600;
/// Lines a function may have.
const FUNCTION_LINES_MAX: usize = 70;
/// Lines `main.rs` of the program may have.
const MAIN_LINES_MAX: usize = 40;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every Rust file of the workspace with its text.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in ["crates", "sim", "tests", "xtask"] {
        walk(&root().join(folder), &mut found);
    }
    assert!(
        found.len() > 50,
        "the workspace has more files than {}",
        found.len()
    );
    found
}

fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder)
        .expect("a folder of the workspace")
        .flatten()
    {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).expect("a source file is text");
            found.push((path, text));
        }
    }
}

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let json: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("cargo answers JSON");
    let packages = json["packages"].as_array().expect("a list of packages");
    packages
        .iter()
        .map(|package| {
            let name = package["name"].as_str().unwrap_or_default().to_owned();
            let all = package["dependencies"].as_array().into_iter().flatten();
            let normal = all
                .filter(|d| d["kind"].is_null())
                .filter_map(|d| d["name"].as_str());
            (name, normal.map(str::to_owned).collect())
        })
        .collect()
}

/// Problems, one a line; the test fails with all of them.
#[track_caller]
fn none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn crates_name_only_those_below_them() {
    let all = dependencies();
    let ours: BTreeSet<&str> = EDGES.iter().map(|(name, _)| *name).collect();
    let mut problems = Vec::new();
    for (name, allowed) in EDGES {
        for dependency in all.get(name).into_iter().flatten() {
            if ours.contains(dependency.as_str()) && !allowed.contains(&dependency.as_str()) {
                problems.push(format!(
                    "`{name}` may not name `{dependency}` (ARCHITECTURE.md, edges)"
                ));
            }
        }
    }
    for name in all
        .keys()
        .filter(|name| !["tests", "xtask", "vectors", "redis-harness"].contains(&name.as_str()))
    {
        if !ours.contains(name.as_str()) {
            problems.push(format!(
                "`{name}` is not in the edge table of tests/tidy.rs"
            ));
        }
    }
    none(&problems);
}

#[test]
fn only_the_keepers_name_what_touches_the_world() {
    let all = dependencies();
    let mut problems = Vec::new();
    for (external, keepers) in KEEPERS {
        for (name, _) in EDGES {
            let names_it = all.get(name).is_some_and(|d| d.contains(external));
            if names_it && !keepers.contains(&name) {
                problems.push(format!(
                    "`{name}` names `{external}`, which belongs to {keepers:?}"
                ));
            }
        }
    }
    none(&problems);
}

#[test]
fn files_and_functions_stay_small() {
    let mut problems = Vec::new();
    for (path, text) in sources() {
        let shown = path
            .strip_prefix(root())
            .unwrap_or(&path)
            .display()
            .to_string();
        let is_test =
            shown.contains("/tests") || shown.starts_with("tests/") || shown.ends_with("tests.rs");
        let before_tests = text
            .split("\n#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or(&text);
        let lines = before_tests.lines().count();
        if lines > FILE_LINES_MAX && !is_test {
            problems.push(format!(
                "{shown}: {lines} lines; split it by operation (most {FILE_LINES_MAX})"
            ));
        }
        if shown == "crates/belfry/src/main.rs" && lines > MAIN_LINES_MAX {
            problems.push(format!(
                "{shown}: {lines} lines; main is a table of contents (most {MAIN_LINES_MAX})"
            ));
        }
        for (name, length) in functions(&text) {
            // A test reads as one story; what it tests stays small.
            if length > FUNCTION_LINES_MAX && !is_test {
                problems.push(format!(
                    "{shown}: fn {name} has {length} lines (most {FUNCTION_LINES_MAX})"
                ));
            }
        }
    }
    none(&problems);
}

/// Functions with their length in lines, by indentation: rustfmt closes a function where it began.
fn functions(text: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let mut open: Vec<(usize, String, usize)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let trimmed = line.trim_start();
        if line.trim_end() == format!("{}}}", " ".repeat(indent))
            && let Some((_, name, start)) = open.pop_if(|(i, _, _)| *i == indent)
        {
            found.push((name, number - start + 1));
        }
        // Declared over several lines, without a body.
        if trimmed.starts_with(')') && trimmed.ends_with(';') {
            let _ = open.pop_if(|(i, _, _)| *i == indent);
        }
        let words = ["pub ", "pub(crate) ", "pub(super) ", "const ", "async "];
        let mut rest = trimmed;
        while let Some(shorter) = words.iter().find_map(|w| rest.strip_prefix(w)) {
            rest = shorter;
        }
        if let Some(name) = rest.strip_prefix("fn ")
            && !trimmed.ends_with(';')
            && !trimmed.ends_with('}')
        {
            let name = name.split(['(', '<']).next().unwrap_or(name).to_owned();
            open.push((indent, name, number));
        }
    }
    found
}

#[test]
fn nothing_was_left_behind() {
    // Written in two halves, so that this file does not find itself.
    let leftovers = [
        concat!("todo", "!("),
        concat!("dbg", "!("),
        concat!("unimplemented", "!("),
        concat!("FIX", "ME"),
        concat!("#[al", "low("),
        concat!("#[ig", "nore]"),
    ];
    let mut problems = Vec::new();
    for (path, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            for leftover in leftovers.iter().filter(|l| line.contains(**l)) {
                problems.push(format!("{}:{}: `{leftover}`", path.display(), number + 1));
            }
        }
    }
    none(&problems);
}

#[test]
fn no_merge_was_left_unfinished() {
    let files = Command::new("git")
        .args(["grep", "-l", "-E", "^(<<<<<<<|>>>>>>>) "])
        .current_dir(root())
        .output()
        .expect("git runs");
    let found = String::from_utf8_lossy(&files.stdout);
    assert_eq!(found.trim(), "", "these files hold conflict markers");
}

#[test]
fn every_crate_forbids_unsafe_code_through_the_workspace() {
    let mut problems = Vec::new();
    for folder in fs::read_dir(root().join("crates"))
        .expect("the crates")
        .flatten()
    {
        let manifest = fs::read_to_string(folder.path().join("Cargo.toml")).expect("a manifest");
        if !manifest.contains("[lints]\nworkspace = true") {
            problems.push(format!(
                "{}: no `[lints] workspace = true`",
                folder.path().display()
            ));
        }
    }
    none(&problems);
}

#[test]
fn both_conformance_suites_are_stamped_out_for_every_backend() {
    let expected = [
        ("crates/state/src/memory.rs", "conformance!("),
        ("crates/state/src/lock/memory.rs", "lock_conformance!("),
        (
            "crates/state/src/session/memory.rs",
            "session_conformance!(",
        ),
        ("crates/state/src/cache/memory.rs", "cache_conformance!("),
        ("crates/state/src/rate/memory.rs", "rate_conformance!("),
        ("crates/state-redis/tests", "lock_conformance!("),
        ("crates/state-redis/tests", "session_conformance!("),
        ("crates/state-redis/tests", "cache_conformance!("),
        ("crates/state-redis/tests", "rate_conformance!("),
        ("crates/store", "fn memory_conforms("),
        ("crates/store", "fn sqlite_conforms("),
    ];
    for (place, call) in expected {
        let mut found = Vec::new();
        let path = root().join(place);
        match path.is_dir() {
            true => walk(&path, &mut found),
            false => found.push((
                path.clone(),
                fs::read_to_string(&path).expect("a source file"),
            )),
        }
        assert!(
            found.iter().any(|(_, text)| text.contains(call)),
            "{place} does not call {call}"
        );
    }
}

#[test]
fn every_invariant_of_the_map_is_named_where_it_is_held() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let rows = map.lines().filter_map(|line| line.strip_prefix("| "));
    let ids: Vec<&str> = rows
        .filter_map(|row| row.split(" |").next())
        .filter(|id| id.len() == 2 && id.chars().nth(1).is_some_and(|c| c.is_ascii_digit()))
        .collect();
    assert!(ids.len() >= 20, "the table of invariants has rows: {ids:?}");
    let all: String = sources().into_iter().map(|(_, text)| text).collect();
    let missing: Vec<_> = ids
        .iter()
        .filter(|id| {
            !all.contains(&format!("{id})"))
                && !all.contains(&format!("{id},"))
                && !all.contains(&format!("{id} "))
        })
        .collect();
    assert!(missing.is_empty(), "no source file names {missing:?}");
}
