//! Values and literals in JavaScript.

use super::replace;
use crate::html::transition::is_js_identifier_part;

/// Keeps the JSON of a value from running into the words beside it.
pub(in crate::html) fn value(json: &str) -> String {
    if json.is_empty() {
        return " null ".to_owned();
    }
    // JSON may hold these two in strings, older JavaScript may not.
    let json = replace(json, line_separator);
    let touches = json.starts_with(is_js_identifier_part) || json.ends_with(is_js_identifier_part);
    if touches { format!(" {json} ") } else { json }
}

/// What a value without JSON becomes: nothing, and a comment that says why.
pub(in crate::html) fn value_error(reason: &str) -> String {
    let reason = reason
        .replace("*/", "* /")
        .replace("</", "\\x3C/")
        .replace("<!--", "\\x3C!--");
    format!(" /* {reason} */null ")
}

/// Escapes text for `"…"` and `'…'`.
pub(in crate::html) fn string(text: &str) -> String {
    replace(text, |char| match char {
        '\\' => Some("\\\\"),
        _ => special(char),
    })
}

/// Escapes text for a string, of which the escapes are already made.
pub(in crate::html) fn string_of_escaped(text: &str) -> String {
    replace(text, special)
}

/// Escapes text for a template literal.
pub(in crate::html) fn template_literal(text: &str) -> String {
    replace(text, |char| match char {
        '\\' => Some("\\\\"),
        '$' => Some("\\u0024"),
        '{' => Some("\\u007b"),
        '}' => Some("\\u007d"),
        _ => special(char),
    })
}

/// Escapes text for a regular expression, where it stands for itself.
pub(in crate::html) fn regexp(text: &str) -> String {
    if text.is_empty() {
        // Two slashes would start a comment.
        return "(?:)".to_owned();
    }
    replace(text, |char| match char {
        '\\' => Some("\\\\"),
        '$' => Some("\\$"),
        '(' => Some("\\("),
        ')' => Some("\\)"),
        '*' => Some("\\*"),
        '-' => Some("\\-"),
        '.' => Some("\\."),
        '?' => Some("\\?"),
        '[' => Some("\\["),
        ']' => Some("\\]"),
        '^' => Some("\\^"),
        '{' => Some("\\{"),
        '|' => Some("\\|"),
        '}' => Some("\\}"),
        '`' => None,
        _ => special(char),
    })
}

/// What has a meaning in strings or in the HTML around them.
fn special(char: char) -> Option<&'static str> {
    Some(match char {
        '\0' => "\\u0000",
        '\t' => "\\t",
        '\n' => "\\n",
        '\u{b}' => "\\u000b",
        '\u{c}' => "\\f",
        '\r' => "\\r",
        '"' => "\\u0022",
        '&' => "\\u0026",
        '\'' => "\\u0027",
        '`' => "\\u0060",
        '+' => "\\u002b",
        '/' => "\\/",
        '<' => "\\u003c",
        '>' => "\\u003e",
        _ => return line_separator(char),
    })
}

fn line_separator(char: char) -> Option<&'static str> {
    match char {
        '\u{2028}' => Some("\\u2028"),
        '\u{2029}' => Some("\\u2029"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{regexp, string, string_of_escaped, template_literal, value, value_error};

    #[test]
    fn values() {
        assert_eq!(value("\"a\u{2028}\""), "\"a\\u2028\"");
        assert_eq!(value("3"), " 3 ");
        assert_eq!(value("[1]"), "[1]");
        assert_eq!(value(""), " null ");
        assert_eq!(
            value_error("*/</script><!--"),
            " /* * /\\x3C/script>\\x3C!-- */null "
        );
    }

    #[test]
    fn literals() {
        assert_eq!(
            string("</a>'\"`\\+&\n\u{2029}é"),
            "\\u003c\\/a\\u003e\\u0027\\u0022\\u0060\\\\\\u002b\\u0026\\n\\u2029é"
        );
        assert_eq!(string_of_escaped("\\n'"), "\\n\\u0027");
        assert_eq!(
            template_literal("w`\\${x}"),
            "w\\u0060\\\\\\u0024\\u007bx\\u007d"
        );
        assert_eq!(regexp("a.b*c/d"), "a\\.b\\*c\\/d");
        assert_eq!(regexp(""), "(?:)");
    }
}
