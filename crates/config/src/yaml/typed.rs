//! Reading a node as a type, by yaml.v2's rules of conversion.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::scalar::{Meaning, meaning};
use super::tree::{Kind, Node};
use super::value::Value;
use crate::duration::{GoDuration, parse_go};
use crate::error::{ConfigError, Result};

impl Node {
    /// What a scalar means; collections have none.
    fn meaning(&self) -> Result<Option<(Meaning, &str)>> {
        let Kind::Scalar { text, is_plain } = &self.kind else {
            return Ok(None);
        };
        let Some(tag) = self.tag.as_deref() else {
            let meaning = if *is_plain {
                meaning(text)
            } else {
                Meaning::Text
            };
            return Ok(Some((meaning, text)));
        };
        if matches!(tag, "!!str" | "!!binary") || !tag.starts_with("!!") {
            return Ok(Some((Meaning::Text, text)));
        }
        let found = match (tag, meaning(text)) {
            ("!!float", Meaning::Int(value)) =>
            {
                #[expect(clippy::cast_precision_loss, reason = "the document asks for a float")]
                Meaning::Float(value as f64)
            }
            (_, found) => found,
        };
        if tag.starts_with("!!") && is_scalar_tag(tag) && found.tag() != tag {
            let message = format!("cannot decode {} `{text}` as a {tag}", found.tag());
            return Err(ConfigError::at(self.mark, message));
        }
        Ok(Some((found, text)))
    }

    /// Whether this is `null`, `~` or nothing at all.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self.meaning(), Ok(Some((Meaning::Null, _))))
    }

    /// Whether this is the key `<<`.
    pub(super) fn is_merge(&self) -> bool {
        let is_tagged = self.tag.as_deref().is_some_and(|tag| tag != "!!merge");
        matches!(&self.kind, Kind::Scalar { text, is_plain: true } if &**text == "<<") && !is_tagged
    }

    /// The error for a value of the wrong kind, in yaml.v2's words.
    pub(crate) fn mismatch(&self, wanted: &str) -> ConfigError {
        let found = match &self.kind {
            Kind::Sequence(_) => "!!seq".to_owned(),
            Kind::Mapping(_) => "!!map".to_owned(),
            Kind::Scalar { text, .. } => {
                let tag = self
                    .meaning()
                    .ok()
                    .flatten()
                    .map_or("!!str", |(found, _)| found.tag());
                // Long values, which may be secrets, are not repeated whole.
                match text.char_indices().nth(10) {
                    Some(_) => format!("{tag} `{}...`", text.chars().take(7).collect::<String>()),
                    None => format!("{tag} `{text}`"),
                }
            }
        };
        ConfigError::at(self.mark, format!("cannot unmarshal {found} into {wanted}"))
    }

    pub(super) fn pairs(&self, wanted: &str) -> Result<&[(Rc<Node>, Rc<Node>)]> {
        match &self.kind {
            Kind::Mapping(pairs) => Ok(pairs),
            _ => Err(self.mismatch(wanted)),
        }
    }
}

fn is_scalar_tag(tag: &str) -> bool {
    matches!(
        tag,
        "!!null" | "!!bool" | "!!int" | "!!float" | "!!timestamp"
    )
}

/// A text: any scalar as it is written, nothing for null.
pub(crate) fn text(node: &Node) -> Result<String> {
    match node.meaning()? {
        None => Err(node.mismatch("string")),
        Some((Meaning::Null, _)) => Ok(String::new()),
        Some((_, text)) if node.tag.as_deref() == Some("!!binary") => decode_binary(node, text),
        Some((_, text)) => Ok(text.to_owned()),
    }
}

fn decode_binary(node: &Node, text: &str) -> Result<String> {
    let packed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let bad = |what: &str| ConfigError::at(node.mark, format!("!!binary value contains {what}"));
    let bytes = STANDARD
        .decode(packed)
        .map_err(|_| bad("invalid base64 data"))?;
    String::from_utf8(bytes).map_err(|_| bad("a text that is not UTF-8"))
}

/// A truth value; null is false.
pub(super) fn boolean(node: &Node) -> Result<bool> {
    match node.meaning()? {
        Some((Meaning::Null, _)) => Ok(false),
        Some((Meaning::Bool(value), _)) => Ok(value),
        Some((Meaning::Text, text)) if matches!(meaning(text), Meaning::Bool(_)) => {
            Err(node.mismatch("bool").hint("write it without quotes"))
        }
        _ => Err(node.mismatch("bool").hint("true or false")),
    }
}

/// A whole number in a range; null is 0.
pub(super) fn integer(node: &Node, lowest: i128, highest: i128, wanted: &str) -> Result<i128> {
    let value = match node.meaning()? {
        Some((Meaning::Null, _)) => Some(0),
        Some((Meaning::Int(value), _)) => Some(value),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "yaml.v2 cuts off the fraction too"
        )]
        Some((Meaning::Float(value), _)) if value.abs() < 1e19 => Some(value as i128),
        _ => None,
    };
    value
        .filter(|value| (lowest..=highest).contains(value))
        .ok_or_else(|| node.mismatch(wanted).hint("a whole number"))
}

/// A number; null is 0.
pub(super) fn float(node: &Node) -> Result<f64> {
    match node.meaning()? {
        Some((Meaning::Null, _)) => Ok(0.0),
        Some((Meaning::Float(value), _)) => Ok(value),
        #[expect(clippy::cast_precision_loss, reason = "the setting is a float")]
        Some((Meaning::Int(value), _)) => Ok(value as f64),
        _ => Err(node.mismatch("float64").hint("a number")),
    }
}

/// A duration where Go's YAML reader expects its own kind: a number without a unit is nanoseconds.
pub(super) fn go_duration(node: &Node) -> Result<GoDuration> {
    let hint = "a duration such as 10s or 1m30s";
    if let Some((Meaning::Text, text)) = node.meaning()? {
        return parse_go(text).map_err(|_| node.mismatch("time.Duration").hint(hint));
    }
    let nanos = integer(node, i64::MIN.into(), i64::MAX.into(), "time.Duration");
    let nanos = nanos.map_err(|_| node.mismatch("time.Duration").hint(hint))?;
    Ok(GoDuration(i64::try_from(nanos).unwrap_or(0)))
}

/// The elements of a list; none for null.
pub(crate) fn list<'a>(node: &'a Node, wanted: &str) -> Result<&'a [Rc<Node>]> {
    match &node.kind {
        Kind::Sequence(items) => Ok(items),
        _ if node.is_null() => Ok(&[]),
        _ => Err(node.mismatch(wanted).hint("a list")),
    }
}

/// A list of texts.
pub(crate) fn texts(node: &Node) -> Result<Vec<String>> {
    list(node, "[]string")?
        .iter()
        .map(|item| text(item))
        .collect()
}

/// A map of texts.
pub(crate) fn text_map(node: &Node) -> Result<BTreeMap<String, String>> {
    let mut map = BTreeMap::new();
    collect(node, "map[string]string", &mut map, &text)?;
    Ok(map)
}

/// A map whose values may be anything.
pub(crate) fn keyed_values(node: &Node) -> Result<BTreeMap<String, Value>> {
    let mut map = BTreeMap::new();
    collect(node, "map[string]interface {}", &mut map, &any)?;
    Ok(map)
}

fn collect<T>(
    node: &Node,
    wanted: &str,
    map: &mut BTreeMap<String, T>,
    read: &dyn Fn(&Node) -> Result<T>,
) -> Result<()> {
    if node.is_null() {
        return Ok(());
    }
    for (key, value) in node.pairs(wanted)? {
        if key.is_merge() {
            for source in merged(value)? {
                collect(source, wanted, map, read)?;
            }
            continue;
        }
        let name = text(key)?;
        let value = read(value)?;
        if map.contains_key(&name) {
            let message = format!("key {} already set in map", crate::duration::quoted(&name));
            return Err(ConfigError::at(key.mark, message));
        }
        map.insert(name, value);
    }
    Ok(())
}

/// The mappings a `<<` brings in, the weakest first.
pub(super) fn merged(value: &Node) -> Result<Vec<&Node>> {
    let bad = |node: &Node| {
        ConfigError::at(
            node.mark,
            "map merge requires map or sequence of maps as the value",
        )
    };
    match &value.kind {
        Kind::Mapping(_) => Ok(vec![value]),
        Kind::Sequence(items) => items
            .iter()
            .rev()
            .map(|item| match &item.kind {
                Kind::Mapping(_) => Ok(&**item),
                _ => Err(bad(item)),
            })
            .collect(),
        Kind::Scalar { .. } => Err(bad(value)),
    }
}

/// Anything, as it is.
pub(crate) fn any(node: &Node) -> Result<Value> {
    Ok(match &node.kind {
        Kind::Sequence(items) => {
            Value::List(items.iter().map(|item| any(item)).collect::<Result<_>>()?)
        }
        Kind::Mapping(_) => {
            let mut pairs = Vec::new();
            collect_any(node, &mut pairs, &mut HashSet::new())?;
            Value::sorted(pairs)
        }
        Kind::Scalar { .. } => match node.meaning()? {
            Some((Meaning::Null, _)) | None => Value::Null,
            Some((Meaning::Bool(value), _)) => Value::Bool(value),
            Some((Meaning::Int(value), _)) => Value::Int(value),
            Some((Meaning::Float(value), _)) => Value::Float(value),
            Some((Meaning::Timestamp | Meaning::Text, _)) => Value::Text(text(node)?),
        },
    })
}

fn collect_any(
    node: &Node,
    pairs: &mut Vec<(Value, Value)>,
    seen: &mut HashSet<String>,
) -> Result<()> {
    for (key, value) in node.pairs("map[interface {}]interface {}")? {
        if key.is_merge() {
            for source in merged(value)? {
                collect_any(source, pairs, seen)?;
            }
            continue;
        }
        let name = any(key)?;
        if matches!(name, Value::List(_) | Value::Map(_)) {
            return Err(ConfigError::at(
                key.mark,
                "invalid map key: a list or a map cannot be one",
            ));
        }
        if !seen.insert(format!("{name:?}")) {
            let shown = match &name {
                Value::Text(text) => crate::duration::quoted(text),
                other => super::print(other).trim_end().to_owned(),
            };
            let message = format!("key {shown} already set in map");
            return Err(ConfigError::at(key.mark, message));
        }
        pairs.push((name, any(value)?));
    }
    Ok(())
}

impl Node {
    /// The keys and values of a mapping with any text keys, merges written out.
    pub(crate) fn text_keys(&self, wanted: &str) -> Result<Vec<(String, &Node)>> {
        let mut found = Vec::new();
        let mut names = HashSet::new();
        if !self.is_null() {
            self.collect_keys(wanted, &mut found, &mut names)?;
        }
        Ok(found)
    }

    fn collect_keys<'a>(
        &'a self,
        wanted: &str,
        found: &mut Vec<(String, &'a Node)>,
        names: &mut HashSet<String>,
    ) -> Result<()> {
        for (key, value) in self.pairs(wanted)? {
            if key.is_merge() {
                for source in merged(value)? {
                    source.collect_keys(wanted, found, names)?;
                }
                continue;
            }
            let name = text(key)?;
            if !names.insert(name.clone()) {
                let message = format!("key {} already set in map", crate::duration::quoted(&name));
                return Err(ConfigError::at(key.mark, message));
            }
            found.push((name, value));
        }
        Ok(())
    }
}
