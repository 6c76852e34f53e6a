//! Writing matchers as Alertmanager does.

use std::fmt::{self, Write as _};

use super::Matcher;
use crate::quote::quote;

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

pub(super) fn write_matcher(f: &mut fmt::Formatter<'_>, matcher: &Matcher) -> fmt::Result {
    write!(
        f,
        "{}{}{}",
        matcher.name(),
        matcher.op().as_str(),
        quote(matcher.value())
    )
}
