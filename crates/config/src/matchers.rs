//! Matchers in a configuration: the old maps `match` and `match_re`, and the lists of `matchers`.

use std::cell::RefCell;
use std::collections::BTreeMap;

use domain::matcher::{MatchOp, Matcher, MatcherMode, is_valid_label_name, parse_matchers};

use crate::duration::quoted;
use crate::error::Result;
use crate::yaml::{Block, Fields, Value, list, text};

/// Something the reader of a file should know although the file is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The line it is about.
    pub line: usize,
    /// What there is to know.
    pub text: String,
}

/// How matchers are read, and what was noticed meanwhile.
pub(crate) struct MatcherReader {
    pub(crate) mode: MatcherMode,
    pub(crate) warnings: RefCell<Vec<Warning>>,
}

/// The matchers of a route or of one side of an inhibition rule, in their three notations.
#[derive(Default)]
pub(crate) struct MatcherSet {
    equal: BTreeMap<String, String>,
    regex: BTreeMap<String, String>,
    list: Vec<Matcher>,
    all: Vec<Matcher>,
}

/// The keys of the three notations.
pub(crate) struct MatcherKeys {
    pub(crate) equal: &'static str,
    pub(crate) regex: &'static str,
    pub(crate) list: &'static str,
}

impl MatcherSet {
    pub(crate) fn decode(f: &Fields, keys: &MatcherKeys, reader: &MatcherReader) -> Result<Self> {
        let mut set = Self {
            equal: f.text_map(keys.equal)?,
            regex: decode_regex(f, keys.regex)?,
            list: reader.list(f, keys.list)?,
            all: Vec::new(),
        };
        for (name, value) in &set.equal {
            check_name(f, keys.equal, name)?;
            set.all.push(Matcher::equal(name, value));
        }
        for (name, value) in &set.regex {
            check_name(f, keys.regex, name)?;
            let build = |value: &str| {
                Matcher::new(MatchOp::Regex, name, value)
                    .map_err(|error| f.error_at(keys.regex, error.to_string()))
            };
            // Once as it stands, so that an error shows what the user wrote; group keys show it anchored.
            build(value)?;
            set.all.push(build(&format!("^(?:{value})$"))?);
        }
        set.all.extend(set.list.iter().cloned());
        set.all.sort();
        Ok(set)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All of them, sorted by name, value and operator.
    pub(crate) fn into_matchers(self) -> Vec<Matcher> {
        self.all
    }

    pub(crate) fn print(&self, block: Block, keys: &MatcherKeys) -> Block {
        let regex = self.regex.iter().map(|(name, value)| {
            // Upstream prints an empty expression as null.
            let value = if value.is_empty() {
                Value::Null
            } else {
                value.as_str().into()
            };
            (name.as_str().into(), value)
        });
        let regex = (!self.regex.is_empty()).then(|| Value::sorted(regex.collect()));
        block
            .text_map(keys.equal, &self.equal)
            .some(keys.regex, regex)
            .list(
                keys.list,
                self.list
                    .iter()
                    .map(|m| m.to_string().as_str().into())
                    .collect(),
            )
    }
}

fn check_name(f: &Fields, key: &str, name: &str) -> Result<()> {
    if is_valid_label_name(name, MatcherMode::Classic) {
        return Ok(());
    }
    let error = f.error_at(key, format!("invalid label name {}", quoted(name)));
    Err(error.hint("other names than [a-zA-Z_][a-zA-Z0-9_]* can be used in `matchers`"))
}

fn decode_regex(f: &Fields, key: &str) -> Result<BTreeMap<String, String>> {
    let Some(node) = f.some(key) else {
        return Ok(BTreeMap::new());
    };
    let mut map = BTreeMap::new();
    for (name, value) in node.text_keys("map[string]config.Regexp")? {
        if value.is_null() {
            let message = format!("invalid regexp value for {}", quoted(&name));
            return Err(crate::error::ConfigError::at(value.mark, message));
        }
        map.insert(name, text(value)?);
    }
    Ok(map)
}

impl MatcherReader {
    fn list(&self, f: &Fields, key: &str) -> Result<Vec<Matcher>> {
        let Some(node) = f.some(key) else {
            return Ok(Vec::new());
        };
        let mut matchers = Vec::new();
        for item in list(node, "[]string")? {
            let line = text(item)?;
            let parsed = parse_matchers(line.as_bytes(), self.mode).map_err(|error| {
                let error = crate::error::ConfigError::at(item.mark, error.to_string());
                error.hint(r#"write name="value", or one of !=, =~ and !~"#)
            })?;
            if let Some(text) = parsed.warning {
                self.warnings.borrow_mut().push(Warning {
                    line: item.mark.line,
                    text,
                });
            }
            matchers.extend(parsed.matchers);
        }
        matchers.sort();
        Ok(matchers)
    }
}
