//! Inhibition rules as written.

use domain::matcher::{Matcher, is_valid_label_name};

use crate::duration::quoted;
use crate::error::Result;
use crate::matchers::{MatcherKeys, MatcherReader, MatcherSet};
use crate::yaml::{Block, Fields, Node, Value};

/// While an alert matches the source side, alerts that match the target side are not told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InhibitRule {
    /// A name for people; may be empty.
    pub name: String,
    /// What the inhibiting alert matches; empty matches every alert.
    pub source_matchers: Vec<Matcher>,
    /// What the inhibited alert matches; empty matches every alert.
    pub target_matchers: Vec<Matcher>,
    /// Labels that must be equal in both.
    pub equal: Vec<String>,
}

const KEYS: &[&str] = &[
    "name",
    "source_match",
    "source_match_re",
    "source_matchers",
    "target_match",
    "target_match_re",
    "target_matchers",
    "equal",
];

const SOURCE: MatcherKeys = MatcherKeys {
    equal: "source_match",
    regex: "source_match_re",
    list: "source_matchers",
};

const TARGET: MatcherKeys = MatcherKeys {
    equal: "target_match",
    regex: "target_match_re",
    list: "target_matchers",
};

/// Reads a rule; null is the empty rule. The second value is how it is printed.
pub(crate) fn decode(node: &Node, reader: &MatcherReader) -> Result<(InhibitRule, Value)> {
    let f = Fields::new(node, "inhibit_rules", KEYS)?;
    let source = MatcherSet::decode(&f, &SOURCE, reader)?;
    let target = MatcherSet::decode(&f, &TARGET, reader)?;
    let name = f.text("name")?;
    let equal = f.texts("equal")?.unwrap_or_default();
    if let Some(label) = equal
        .iter()
        .find(|label| !is_valid_label_name(label, reader.mode))
    {
        let message = format!("invalid label name {} in equal list", quoted(label));
        return Err(f.error_at("equal", message));
    }
    let block = source.print(Block::new().text("name", &name), &SOURCE);
    let printed = target.print(block, &TARGET).texts("equal", &equal).done();
    let rule = InhibitRule {
        name,
        source_matchers: source.into_matchers(),
        target_matchers: target.into_matchers(),
        equal,
    };
    Ok((rule, printed))
}
