//! Writing matchers as Alertmanager does.

use std::fmt::{self, Write as _};

use super::Matcher;
use super::lexer::is_reserved;
use crate::quote::quote_bytes;

/// Writes a list as `{a="b",c=~"d"}`, in the order given.
pub fn print_matchers(matchers: &[Matcher]) -> String {
    let mut out = String::from("{");
    for (index, matcher) in matchers.iter().enumerate() {
        let separator = if index == 0 { "" } else { "," };
        // Writing to a String cannot fail.
        let _ = write!(out, "{separator}{matcher}");
    }
    out.push('}');
    out
}

/// Writes `name="value"`; a name with reserved characters is quoted, and then both are escaped as Go does.
pub(super) fn write_matcher(f: &mut fmt::Formatter<'_>, matcher: &Matcher) -> fmt::Result {
    if matcher.name().contains(is_reserved) {
        let (name, value) = (
            quote_bytes(matcher.name_bytes()),
            quote_bytes(matcher.value_bytes()),
        );
        return write!(f, "{name}{}{value}", matcher.op().as_str());
    }
    write!(f, "{}{}\"", matcher.name(), matcher.op().as_str())?;
    for c in matcher.value().chars() {
        match c {
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '"' => f.write_str("\\\"")?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}
