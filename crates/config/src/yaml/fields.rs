//! A mapping with a fixed set of keys: unknown and repeated keys are errors, and every getter knows its place.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::Duration;

use super::tree::Node;
use super::typed;
use super::value::Value;
use crate::duration::{GoDuration, parse_go, parse_prometheus};
use crate::error::{ConfigError, Mark, Result, nearest};
use crate::secret::{SECRET, Secret, SecretUrl};
use crate::url::HttpUrl;

/// The keys of one mapping.
pub(crate) struct Fields {
    mark: Mark,
    values: HashMap<&'static str, Rc<Node>>,
}

impl Fields {
    /// Reads a mapping whose keys are all among `known`; null is an empty mapping. `what` names it in errors.
    pub(crate) fn new(node: &Node, what: &str, known: &'static [&'static str]) -> Result<Self> {
        let mut fields = Self {
            mark: node.mark,
            values: HashMap::new(),
        };
        if !node.is_null() {
            fields.take(node, what, known)?;
        }
        Ok(fields)
    }

    fn take(&mut self, node: &Node, what: &str, known: &'static [&'static str]) -> Result<()> {
        let mut seen: Vec<&str> = Vec::new();
        for (key, value) in node.pairs(what)? {
            if key.is_merge() {
                for source in typed::merged(value)? {
                    self.take(source, what, known)?;
                }
                continue;
            }
            let name = typed::text(key)?;
            let Some(known_name) = known.iter().find(|known| **known == name) else {
                return Err(unknown(key.mark, &name, what, known));
            };
            if seen.contains(known_name) {
                return Err(ConfigError::at(
                    key.mark,
                    format!("field {name} already set in {what}"),
                )
                .hint("a key may appear once only"));
            }
            seen.push(known_name);
            self.values.insert(known_name, Rc::clone(value));
        }
        Ok(())
    }

    /// An error about the whole mapping.
    pub(crate) fn error(&self, message: impl Into<String>) -> ConfigError {
        ConfigError::at(self.mark, message)
    }

    /// An error about one key, placed at its value.
    pub(crate) fn error_at(&self, key: &str, message: impl Into<String>) -> ConfigError {
        ConfigError::at(self.mark_of(key), message)
    }

    /// Where the value of a key stands, or the mapping when it is not there.
    pub(crate) fn mark_of(&self, key: &str) -> Mark {
        self.values.get(key).map_or(self.mark, |node| node.mark)
    }

    /// The value of a key, null included.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.values.get(key).map(|node| &**node)
    }

    /// The value of a key when it is not null.
    pub(crate) fn some(&self, key: &str) -> Option<&Node> {
        self.get(key).filter(|node| !node.is_null())
    }

    /// A text; the default when the key is absent.
    pub(crate) fn text_or(&self, key: &str, default: &str) -> Result<String> {
        self.get(key)
            .map_or_else(|| Ok(default.to_owned()), typed::text)
    }

    /// A text; empty when the key is absent.
    pub(crate) fn text(&self, key: &str) -> Result<String> {
        self.text_or(key, "")
    }

    /// A text, when the key is there and not null.
    pub(crate) fn maybe_text(&self, key: &str) -> Result<Option<String>> {
        self.some(key).map(typed::text).transpose()
    }

    /// A truth value; the default when the key is absent.
    pub(crate) fn boolean(&self, key: &str, default: bool) -> Result<bool> {
        self.get(key).map_or(Ok(default), typed::boolean)
    }

    /// A truth value, when the key is there and not null.
    pub(crate) fn maybe_boolean(&self, key: &str) -> Result<Option<bool>> {
        self.some(key).map(typed::boolean).transpose()
    }

    /// A whole number that is not negative; the default when the key is absent.
    pub(crate) fn unsigned(&self, key: &str, default: u64) -> Result<u64> {
        let Some(node) = self.get(key) else {
            return Ok(default);
        };
        let value = typed::integer(node, 0, u64::MAX.into(), "uint64")?;
        Ok(u64::try_from(value).unwrap_or(0))
    }

    /// A whole number; the default when the key is absent.
    pub(crate) fn signed(&self, key: &str, default: i64) -> Result<i64> {
        let Some(node) = self.get(key) else {
            return Ok(default);
        };
        let value = typed::integer(node, i64::MIN.into(), i64::MAX.into(), "int64")?;
        Ok(i64::try_from(value).unwrap_or(0))
    }

    /// A number; 0 when the key is absent.
    pub(crate) fn float(&self, key: &str) -> Result<f64> {
        self.get(key).map_or(Ok(0.0), typed::float)
    }

    /// A list of texts; `None` when the key is absent or null.
    pub(crate) fn texts(&self, key: &str) -> Result<Option<Vec<String>>> {
        self.some(key).map(typed::texts).transpose()
    }

    /// The elements of a list.
    pub(crate) fn list(&self, key: &str, wanted: &str) -> Result<&[Rc<Node>]> {
        self.get(key)
            .map_or(Ok(&[]), |node| typed::list(node, wanted))
    }

    /// A map of texts.
    pub(crate) fn text_map(&self, key: &str) -> Result<BTreeMap<String, String>> {
        self.get(key)
            .map_or_else(|| Ok(BTreeMap::new()), typed::text_map)
    }

    /// A map with values of any shape.
    pub(crate) fn keyed_values(&self, key: &str) -> Result<BTreeMap<String, Value>> {
        self.get(key)
            .map_or_else(|| Ok(BTreeMap::new()), typed::keyed_values)
    }

    /// A value of any shape; null when the key is absent.
    pub(crate) fn any(&self, key: &str) -> Result<Value> {
        self.get(key).map_or(Ok(Value::Null), typed::any)
    }

    /// A secret; empty when the key is absent.
    pub(crate) fn secret(&self, key: &str) -> Result<Secret> {
        self.text(key).map(Secret::new)
    }

    /// A secret, when the key is there and not null.
    pub(crate) fn maybe_secret(&self, key: &str) -> Result<Option<Secret>> {
        Ok(self.maybe_text(key)?.map(Secret::new))
    }

    /// An http or https URL.
    pub(crate) fn url(&self, key: &str) -> Result<Option<HttpUrl>> {
        let Some(text) = self.maybe_text(key)? else {
            return Ok(None);
        };
        HttpUrl::parse(&text).map(Some).map_err(|error| {
            self.error_at(key, error.to_string())
                .hint("an http:// or https:// address")
        })
    }

    /// A URL that must not be shown; `<secret>` is accepted.
    pub(crate) fn secret_url(&self, key: &str) -> Result<Option<SecretUrl>> {
        let Some(text) = self.maybe_text(key)? else {
            return Ok(None);
        };
        if text == SECRET {
            return Ok(Some(SecretUrl::new(text)));
        }
        let url = HttpUrl::parse(&text).map_err(|error| {
            // The address itself is not repeated: it is the secret.
            self.error_at(key, error.without_url())
                .hint("an http:// or https:// address")
        })?;
        Ok(Some(SecretUrl::new(url.as_str())))
    }

    /// A duration in Prometheus's notation, when the key is there and not null.
    pub(crate) fn duration(&self, key: &str) -> Result<Option<Duration>> {
        let Some(text) = self.maybe_text(key)? else {
            return Ok(None);
        };
        parse_prometheus(&text).map(Some).map_err(|error| {
            let error = self.error_at(key, error.to_string());
            error.hint("whole numbers with units, largest first: 30s, 5m, 1h30m, 2d")
        })
    }

    /// A duration in Prometheus's notation; null is zero, as it is where the setting is not optional.
    pub(crate) fn duration_or(&self, key: &str, default: Duration) -> Result<Duration> {
        match self.get(key) {
            None => Ok(default),
            Some(_) => Ok(self.duration(key)?.unwrap_or(Duration::ZERO)),
        }
    }

    /// A duration in Go's notation, or a number of nanoseconds; zero when the key is absent.
    pub(crate) fn go_duration(&self, key: &str) -> Result<GoDuration> {
        self.get(key).map_or(Ok(GoDuration(0)), typed::go_duration)
    }

    /// A duration in Go's notation that must have a unit; the default when the key is absent.
    pub(crate) fn go_duration_text(&self, key: &str, default: GoDuration) -> Result<GoDuration> {
        let Some(node) = self.get(key) else {
            return Ok(default);
        };
        if node.is_null() {
            return Ok(GoDuration(0));
        }
        parse_go(&typed::text(node)?).map_err(|error| {
            self.error_at(key, error.to_string())
                .hint("a duration such as 90s or 1h30m")
        })
    }

    /// Fails when two settings that exclude each other are both set.
    pub(crate) fn at_most_one(&self, a: &str, a_set: bool, b: &str, b_set: bool) -> Result<()> {
        if !(a_set && b_set) {
            return Ok(());
        }
        let message = format!("at most one of {a} & {b} must be configured");
        Err(self.error_at(b, message).hint("remove one of the two"))
    }
}

fn unknown(mark: Mark, name: &str, what: &str, known: &[&str]) -> ConfigError {
    let mut known = known.to_vec();
    // Taken out before: every integration may have it.
    if what.ends_with("_configs") {
        known.push("rate_limit");
    }
    let known = &*known;
    let error = ConfigError::at(mark, format!("field {name} not found in {what}"));
    match nearest(name, known) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None if known.len() <= 13 => error.hint(format!("known are {}", known.join(", "))),
        None => error,
    }
}
