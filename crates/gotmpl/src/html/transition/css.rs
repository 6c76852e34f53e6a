//! CSS: strings, URLs and comments.

use super::{Read, SPACES, url};
use crate::html::context::Context;
use crate::html::escapers::css::decode;
use crate::html::fault::{ErrorCode, Fault, shown};
use crate::html::state::{State, UrlPart};

/// Reads up to and including what starts a string, a URL or a comment.
pub(super) fn code(context: &mut Context, text: &str) -> usize {
    for (at, mark) in text.match_indices(['(', '"', '\'', '/']) {
        let after = &text[at + 1..];
        match mark {
            "(" if ends_with_url(&text[..at]) => {
                let rest = after.trim_start_matches(SPACES);
                let start = text.len() - rest.len();
                let (state, length) = match rest.as_bytes().first() {
                    Some(b'"') => (State::CssDoubleQuotedUrl, 1),
                    Some(b'\'') => (State::CssSingleQuotedUrl, 1),
                    _ => (State::CssUrl, 0),
                };
                context.state = state;
                return start + length;
            }
            "/" if after.starts_with('/') => context.state = State::CssLineComment,
            "/" if after.starts_with('*') => context.state = State::CssBlockComment,
            "\"" => {
                context.state = State::CssDoubleQuoted;
                return at + 1;
            }
            "'" => {
                context.state = State::CssSingleQuoted;
                return at + 1;
            }
            _ => continue,
        }
        return at + 2;
    }
    text.len()
}

/// Says whether a text ends with the word `url`, with white space or not.
fn ends_with_url(text: &str) -> bool {
    let word = text.trim_end_matches(SPACES).as_bytes();
    let Some((before, name)) = word.split_last_chunk::<3>() else {
        return false;
    };
    let is_whole_word = !before.last().is_some_and(|byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || !byte.is_ascii()
    });
    name.eq_ignore_ascii_case(b"url") && is_whole_word
}

/// Reads up to and including the end of a string or URL.
pub(super) fn string(context: &mut Context, text: &str) -> Read {
    let ends: &[char] = match context.state {
        State::CssDoubleQuoted | State::CssDoubleQuotedUrl => &['"', '\\'],
        State::CssSingleQuoted | State::CssSingleQuotedUrl => &['\'', '\\'],
        _ => &['\\', ' ', '\t', '\n', '\u{c}', '\r', ')'],
    };
    let mut at = 0;
    while let Some(offset) = text[at..].find(ends) {
        let found = at + offset;
        if !text[found..].starts_with('\\') {
            context.state = State::Css;
            // What part of a URL this was says nothing about the next one.
            context.url_part = UrlPart::None;
            return Ok(found + 1);
        }
        let Some(escaped) = text[found + 1..].chars().next() else {
            let message = format!("unfinished escape sequence in CSS string: {}", shown(text));
            return Err(Fault::new(ErrorCode::PartialEscape, message));
        };
        at = found + 1 + escaped.len_utf8();
    }
    url(context, &decode(text));
    Ok(text.len())
}
