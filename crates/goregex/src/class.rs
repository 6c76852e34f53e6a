//! Character classes and escapes.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::RegexError;
use super::parser::consumed;

/// A class that no character is in.
pub(super) const NOTHING: &str = "[a&&b]";

/// What an escape stands for.
pub(super) enum Escaped {
    /// One character, by code; it need not be a valid one.
    Char(u32),
    /// Several, as the inside of a class in the `regex` crate's syntax.
    Set(String),
}

/// Makes a class match either case when asked to.
pub(super) fn fold(class: String, fold_case: bool) -> String {
    if fold_case {
        format!("(?i:{class})")
    } else {
        class
    }
}

/// Reads a class from its `[` on; answers it in the crate's syntax and what follows.
pub(super) fn parse_class(text: &str, fold_case: bool) -> Result<(String, &str), RegexError> {
    let unclosed = || RegexError::new("missing closing ]", text);
    let mut rest = text.strip_prefix('[').unwrap_or(text);
    let mut negated = false;
    if let Some(after) = rest.strip_prefix('^') {
        (negated, rest) = (true, after);
    }
    let mut items = String::new();
    let mut first = true;
    // A bracket directly at the start stands for itself.
    while first || !rest.starts_with(']') {
        first = false;
        if let Some((item, after)) = parse_named(rest)? {
            items.push_str(item);
            rest = after;
            continue;
        }
        let item = rest;
        let (low, after) = class_char(rest).ok_or_else(unclosed)??;
        rest = after;
        let low = match low {
            Escaped::Set(set) => {
                items.push_str(&set);
                continue;
            }
            Escaped::Char(low) => low,
        };
        let mut high = low;
        if let Some(after) = rest.strip_prefix('-')
            && !after.is_empty()
            && !after.starts_with(']')
        {
            let (code, after) = range_end(after).ok_or_else(unclosed)??;
            (high, rest) = (code, after);
            if high < low {
                let text = consumed(item, rest);
                return Err(RegexError::new("invalid character class range", text));
            }
        }
        push_range(&mut items, low, high);
    }
    let rest = rest.strip_prefix(']').unwrap_or(rest);
    let class = match (items.is_empty(), negated) {
        (true, false) => NOTHING.to_owned(),
        (true, true) => "(?s:.)".to_owned(),
        (false, false) => format!("[{items}]"),
        (false, true) => format!("[^{items}]"),
    };
    Ok((fold(class, fold_case), rest))
}

/// One character or escape; `None` at the end of the text.
fn class_char(text: &str) -> Option<Result<(Escaped, &str), RegexError>> {
    if text.starts_with('\\') {
        return Some(parse_escape(text));
    }
    let mut chars = text.chars();
    let c = chars.next()?;
    Some(Ok((Escaped::Char(u32::from(c)), chars.as_str())))
}

/// The upper end of a range: like [`class_char`], but an escape for a set of characters is none.
fn range_end(text: &str) -> Option<Result<(u32, &str), RegexError>> {
    if text.starts_with('\\') {
        return Some(parse_single(text));
    }
    let mut chars = text.chars();
    let c = chars.next()?;
    Some(Ok((u32::from(c), chars.as_str())))
}

/// Reads `[:alpha:]` or `[:^alpha:]`; `None` when there is none here.
fn parse_named(text: &str) -> Result<Option<(&str, &str)>, RegexError> {
    let Some(end) = text.strip_prefix("[:").and_then(|inner| inner.find(":]")) else {
        return Ok(None);
    };
    let (named, rest) = text.split_at(end + 4);
    let name = named.get(2..end + 2).unwrap_or("");
    match name.strip_prefix('^').unwrap_or(name) {
        "alnum" | "alpha" | "ascii" | "blank" | "cntrl" | "digit" | "graph" | "lower" | "print"
        | "punct" | "space" | "upper" | "word" | "xdigit" => Ok(Some((named, rest))),
        _ => Err(RegexError::new("invalid character class range", named)),
    }
}

/// Reads an escape, its backslash included.
pub(super) fn parse_escape(text: &str) -> Result<(Escaped, &str), RegexError> {
    let set = match text.as_bytes().get(1) {
        Some(b'd') => "0-9",
        Some(b'D') => "[^0-9]",
        Some(b's') => r"\t\n\x0C\r\x20",
        Some(b'S') => r"[^\t\n\x0C\r\x20]",
        Some(b'w') => "0-9A-Za-z_",
        Some(b'W') => "[^0-9A-Za-z_]",
        Some(b'p' | b'P') => {
            let (set, rest) = parse_unicode(text)?;
            return Ok((Escaped::Set(set), rest));
        }
        _ => {
            let (code, rest) = parse_single(text)?;
            return Ok((Escaped::Char(code), rest));
        }
    };
    Ok((Escaped::Set(set.to_owned()), text.get(2..).unwrap_or("")))
}

/// Reads an escape that stands for one character.
fn parse_single(text: &str) -> Result<(u32, &str), RegexError> {
    let body = text.strip_prefix('\\').unwrap_or(text);
    let mut chars = body.chars();
    let Some(kind) = chars.next() else {
        return Err(RegexError::new(
            "trailing backslash at end of expression",
            "",
        ));
    };
    let rest = chars.as_str();
    let invalid = |rest: &str| RegexError::new("invalid escape sequence", consumed(text, rest));
    let code = match kind {
        // A lone digit would be a reference to a group, which there is not.
        '1'..='7' if !rest.starts_with(|c: char| c.is_digit(8)) => return Err(invalid(rest)),
        '0'..='7' => {
            let digits = body
                .bytes()
                .take(3)
                .take_while(|b| (b'0'..=b'7').contains(b))
                .count();
            let (octal, rest) = body.split_at(digits);
            return Ok((u32::from_str_radix(octal, 8).unwrap_or(0), rest));
        }
        'x' => return parse_hex(rest).map_err(invalid),
        'a' => 7,
        'f' => 12,
        'n' => 10,
        'r' => 13,
        't' => 9,
        'v' => 11,
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => u32::from(c),
        _ => return Err(invalid(rest)),
    };
    Ok((code, rest))
}

/// Reads `41` or `{1F525}`; the error is what follows the faulty part.
fn parse_hex(text: &str) -> Result<(u32, &str), &str> {
    let (braced, mut rest) = text
        .strip_prefix('{')
        .map_or((false, text), |rest| (true, rest));
    let (mut code, mut digits) = (0_u32, 0);
    loop {
        let mut chars = rest.chars();
        let Some(c) = chars.next() else {
            return Err(rest);
        };
        rest = chars.as_str();
        match c.to_digit(16) {
            Some(digit) => code = code * 16 + digit,
            None if braced && c == '}' && digits > 0 => return Ok((code, rest)),
            None => return Err(rest),
        }
        digits += 1;
        if code > u32::from(char::MAX) {
            return Err(rest);
        }
        if !braced && digits == 2 {
            return Ok((code, rest));
        }
    }
}

/// Reads `\pL`, `\p{Greek}`, `\P{…}` or `\p{^…}`.
fn parse_unicode(text: &str) -> Result<(String, &str), RegexError> {
    let body = text.get(2..).unwrap_or("");
    let end = match body.chars().next() {
        Some('{') => text.find('}').map(|end| end + 1),
        Some(c) => Some(2 + c.len_utf8()),
        None => None,
    };
    let invalid = |text: &str| RegexError::new("invalid character class range", text);
    let Some((whole, rest)) = end.and_then(|end| text.split_at_checked(end)) else {
        return Err(invalid(text));
    };
    let name = whole
        .get(2..)
        .unwrap_or("")
        .trim_start_matches('{')
        .trim_end_matches('}');
    let mut negated = whole.starts_with(r"\P");
    let name = name
        .strip_prefix('^')
        .inspect(|_| negated = !negated)
        .unwrap_or(name);
    let property = unicode_property(name).ok_or_else(|| invalid(whole))?;
    let escape = if negated { 'P' } else { 'p' };
    Ok((format!("\\{escape}{{{property}}}"), rest))
}

/// Four-letter names that are scripts themselves; other such names are abbreviations Go does not know.
const SHORT_SCRIPTS: [&str; 9] = [
    "ahom", "cham", "kawi", "lisu", "miao", "modi", "newa", "thai", "toto",
];

/// The property with this name in the crate's syntax: a general category or a script, as in Go.
fn unicode_property(name: &str) -> Option<String> {
    let name: String = name
        .chars()
        .filter(|c| !matches!(c, ' ' | '_' | '-'))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    // The crate ignores a leading "is" and more than Go does.
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphabetic()) || name.starts_with("is") {
        return None;
    }
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(property) = known.get(&name) {
        return Some(property.clone());
    }
    let exists = |property: &String| regex_syntax::parse(&format!("\\p{{{property}}}")).is_ok();
    let category = Some(format!("gc={name}")).filter(exists);
    let property = category.or_else(|| {
        let is_script = name.len() != 4 || SHORT_SCRIPTS.contains(&name.as_str());
        Some(format!("sc={name}")).filter(|property| is_script && exists(property))
    })?;
    known.insert(name, property.clone());
    Some(property)
}

/// Names seen that are properties. Looking one up makes the whole class, and a pattern can ask for thousands; the names
/// that exist are few hundred.
static KNOWN: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

/// Adds a range to a class, leaving out the surrogates, which no text has and the crate refuses.
fn push_range(items: &mut String, low: u32, high: u32) {
    for (low, high) in [(low, high.min(0xd7ff)), (low.max(0xe000), high)] {
        if let (Some(low), Some(high)) = (char::from_u32(low), char::from_u32(high))
            && low <= high
        {
            push_char(items, low);
            if low < high {
                items.push('-');
                push_char(items, high);
            }
        }
    }
}

fn push_char(items: &mut String, c: char) {
    if c.is_ascii_alphanumeric() {
        items.push(c);
    } else {
        items.push_str(&format!("\\x{{{:X}}}", u32::from(c)));
    }
}
