//! Query strings, read as Go reads them: what cannot be decoded is left out, never an error.

use std::borrow::Cow;

/// The parameters of a query, in order; values are bytes because `%ff` may stand in them.
#[derive(Debug, Default)]
pub(crate) struct Query<'a>(Vec<Parameter<'a>>);

/// A name and a value.
type Parameter<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

impl<'a> Query<'a> {
    /// Reads the part of a URL after `?`.
    pub(crate) fn parse(text: Option<&'a str>) -> Self {
        let pairs = text
            .unwrap_or("")
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.contains(';'));
        let decoded = pairs.filter_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((unescape(name, true)?, unescape(value, true)?))
        });
        Self(decoded.collect())
    }

    /// Every value of a parameter.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.0
            .iter()
            .filter(move |pair| *pair.0 == *name.as_bytes())
            .map(|pair| pair.1.as_ref())
    }

    /// The last value of a parameter, as text; `None` when it is absent or empty.
    pub(crate) fn last(&self, name: &str) -> Option<Cow<'_, str>> {
        self.all(name)
            .last()
            .filter(|value| !value.is_empty())
            .map(String::from_utf8_lossy)
    }

    /// A flag: absent or empty is the default, the usual words are true, and everything else is false.
    pub(crate) fn flag(&self, name: &str, default: bool) -> bool {
        const TRUE: [&str; 10] = [
            "true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled",
        ];
        self.last(name).map_or(default, |value| {
            TRUE.iter().any(|t| t.eq_ignore_ascii_case(&value))
        })
    }
}

/// Decodes `%xx`, and `+` as a space if asked; `None` when an escape is malformed.
pub(crate) fn unescape(text: &str, has_plus: bool) -> Option<Cow<'_, [u8]>> {
    let bytes = text.as_bytes();
    if !bytes.iter().any(|&b| b == b'%' || (has_plus && b == b'+')) {
        return Some(Cow::Borrowed(bytes));
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter().copied();
    while let Some(byte) = rest.next() {
        out.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high * 16 + low).ok()?
            }
            b'+' if has_plus => b' ',
            other => other,
        });
    }
    Some(Cow::Owned(out))
}

/// Encodes a text for use in a query value or a path segment.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests;
