//! What an error must say: as much as the recorded one, perhaps in better words around it.

use config::ConfigError;

use crate::report::{Difference, Outcome};

/// Checks an error about a configuration: it says the recorded sentence and names a place, the recorded line if there is
/// one. `lines_before` stand before the recorded text in the one that was read.
pub(crate) fn check(recorded: &str, error: &ConfigError, lines_before: usize) -> Outcome {
    let place = error.mark();
    let said = error.to_string();
    // Of several mistakes, the first found is enough.
    let is_said = demands(recorded).into_iter().any(|(line, sentence)| {
        let is_there = line.is_none_or(|line| place.is_some_and(|p| p.line == line + lines_before));
        is_there && said.contains(sentence)
    });
    if is_said && place.is_some() {
        return Ok(());
    }
    let expected = format!("an error with a place that says as much as: {recorded}");
    Err(Difference::new(expected, said))
}

/// Lines and sentences one of which must be found.
fn demands(recorded: &str) -> Vec<(Option<usize>, &str)> {
    match recorded.strip_prefix("yaml: unmarshal errors:") {
        Some(errors) => errors.trim().lines().map(demand).collect(),
        // The YAML library's own grammar: its words are not ours.
        None if recorded.starts_with("yaml: ") => vec![(None, "")],
        None => vec![(None, without_grammar(recorded))],
    }
}

/// Reads `line N: sentence`, leaving out Go's type names.
fn demand(error: &str) -> (Option<usize>, &str) {
    let error = error.trim();
    let located = error
        .strip_prefix("line ")
        .and_then(|rest| rest.split_once(": "));
    let (line, sentence) = match located {
        Some((line, sentence)) => (line.parse().ok(), sentence),
        None => (None, error),
    };
    let end = [" in type ", " into "]
        .iter()
        .filter_map(|type_name| sentence.find(type_name))
        .min();
    (
        line,
        end.and_then(|end| sentence.get(..end)).unwrap_or(sentence),
    )
}

/// Go's own template parser speaks after this; that there is an error at that place is enough.
fn without_grammar(sentence: &str) -> &str {
    sentence
        .split_once("template: :")
        .map_or(sentence, |(before, _)| before)
}
