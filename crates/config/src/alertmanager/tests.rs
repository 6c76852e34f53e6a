//! Every case of the vectors, and what only we do.

use serde_json::Value as Json;

use super::*;

const VECTORS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/");

fn cases(file: &str) -> Vec<Json> {
    let text = std::fs::read_to_string(format!("{VECTORS}{file}")).unwrap();
    let json: Json = serde_json::from_str(&text).unwrap();
    json["cases"].as_array().unwrap().clone()
}

fn read(text: &str) -> Result<Config> {
    load(text, &LoadOptions { file_name: "alertmanager.yml".to_owned(), ..LoadOptions::default() })
}

/// The sentence that must be found in our error: upstream's, without Go's type names and YAML's line prefix.
fn key_sentence(error: &str) -> String {
    let line = error.lines().last().unwrap().trim();
    let line = line.strip_prefix("yaml: ").unwrap_or(line);
    let line = match line.strip_prefix("line ").and_then(|rest| rest.split_once(": ")) {
        Some((_, sentence)) => sentence,
        None => line,
    };
    let line = line.split(" in type ").next().unwrap();
    line.split(" into ").next().unwrap().to_owned()
}

/// YAML our parser refuses in other words.
const SYNTAX: &[&str] = &["bad yaml", "bad indent", "tab indent"];

#[test]
fn every_case_is_accepted_or_refused_and_printed_as_by_alertmanager() {
    let mut failures = Vec::new();
    let cases = cases("config.json");
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let result = read(case["config"].as_str().unwrap());
        match (case["ok"].as_bool().unwrap(), result) {
            (true, Ok(config)) => {
                let expected = case["remarshalled"].as_str().unwrap();
                if config.original != expected {
                    failures.push(format!("{name}: printed\n{}\ninstead of\n{expected}", config.original));
                }
            }
            (true, Err(error)) => failures.push(format!("{name}: refused: {error}")),
            (false, Ok(_)) => failures.push(format!("{name}: accepted")),
            (false, Err(error)) => {
                let Some(expected) = case["error"].as_str() else { continue };
                let sentence = key_sentence(expected);
                if !error.to_string().contains(&sentence) && !SYNTAX.contains(&name) {
                    failures.push(format!("{name}: said `{error}` without `{sentence}`"));
                }
                if error.mark().is_none() {
                    failures.push(format!("{name}: `{error}` has no place"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

#[test]
fn what_is_printed_can_be_read_again_and_is_printed_the_same() {
    for case in cases("config.json").iter().filter(|case| case["ok"] == true) {
        let name = case["name"].as_str().unwrap();
        let printed = read(case["config"].as_str().unwrap()).unwrap().original;
        // A null receiver is printed with an empty name, which is refused: the same happens upstream.
        if name == "receiver null" {
            continue;
        }
        let again = read(&printed).unwrap_or_else(|error| panic!("{name}: {error}\n{printed}"));
        assert_eq!(again.original, printed, "{name}");
    }
}
