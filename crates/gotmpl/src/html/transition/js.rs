//! JavaScript: literals and comments, and what a slash starts.

use super::Read;
use crate::html::context::Context;
use crate::html::fault::{ErrorCode, Fault, shown, shown_up_to};
use crate::html::state::{Slash, State};

/// The words after which a slash starts a regular expression.
const WORDS_BEFORE_REGEXP: [&str; 14] = [
    "break",
    "case",
    "continue",
    "delete",
    "do",
    "else",
    "finally",
    "in",
    "instanceof",
    "return",
    "throw",
    "try",
    "typeof",
    "void",
];

/// Most `${` that may be open at once; contexts are copied often and should stay small.
const OPEN_EXPRESSIONS_MAX: usize = 100;

/// Reads code up to and including what starts a literal or comment, or changes the slash.
pub(super) fn code(context: &mut Context, text: &str) -> Read {
    let Some(at) = text.find(['"', '\'', '`', '/', '{', '}', '<', '-', '#']) else {
        context.slash = slash_after(text, context.slash);
        return Ok(text.len());
    };
    context.slash = slash_after(&text[..at], context.slash);
    let rest = &text[at..];
    let length = match rest.as_bytes().first() {
        Some(b'"') => open(context, State::JsDoubleQuoted),
        Some(b'\'') => open(context, State::JsSingleQuoted),
        Some(b'`') => open(context, State::JsTemplate),
        Some(b'/') => slash(context, rest)?,
        Some(b'{') => {
            if let Some(depth) = context.braces.last_mut() {
                *depth += 1;
            }
            operator(context)
        }
        Some(b'}') => close_brace(context),
        // Browsers read these as comments up to the end of the line, for the sake of old pages.
        Some(b'<') if rest.starts_with("<!--") => {
            context.state = State::JsHtmlOpenComment;
            4
        }
        Some(b'-') if rest.starts_with("-->") => {
            context.state = State::JsHtmlCloseComment;
            3
        }
        Some(b'#') if rest.starts_with("#!") => {
            context.state = State::JsLineComment;
            2
        }
        // `--` belongs to an operand on one of its sides.
        Some(b'-') if rest.starts_with("--") && !rest.starts_with("--->") => {
            context.slash = Slash::Division;
            2
        }
        Some(b'#') => 1,
        _ => operator(context),
    };
    Ok(at + length)
}

fn open(context: &mut Context, state: State) -> usize {
    context.state = state;
    context.slash = Slash::Regexp;
    1
}

fn operator(context: &mut Context) -> usize {
    context.slash = Slash::Regexp;
    1
}

/// Reads a slash and what follows it.
fn slash(context: &mut Context, text: &str) -> Read {
    if text.starts_with("//") {
        context.state = State::JsLineComment;
        return Ok(2);
    }
    if text.starts_with("/*") {
        context.state = State::JsBlockComment;
        return Ok(2);
    }
    match context.slash {
        Slash::Regexp => context.state = State::JsRegexp,
        Slash::Division => context.slash = Slash::Regexp,
        Slash::Unknown => {
            let message = format!(
                "'/' could start a division or regexp: {}",
                shown_up_to(text, 32)
            );
            return Err(Fault::new(ErrorCode::SlashAmbig, message));
        }
    }
    Ok(1)
}

/// Reads a closing brace, which may lead back into the template literal around.
fn close_brace(context: &mut Context) -> usize {
    match context.braces.last_mut() {
        Some(0) => {
            context.braces.pop();
            context.state = State::JsTemplate;
        }
        Some(depth) => *depth -= 1,
        None => {}
    }
    operator(context)
}

/// Reads up to and including the end of a string or regular expression.
pub(super) fn literal(context: &mut Context, text: &str) -> Read {
    let marks: &[char] = match context.state {
        State::JsDoubleQuoted => &['\\', '"'],
        State::JsSingleQuoted => &['\\', '\''],
        _ => &['\\', '/', '[', ']'],
    };
    let mut in_charset = false;
    let mut at = 0;
    while let Some(offset) = text[at..].find(marks) {
        let found = at + offset;
        at = found + 1;
        match text.as_bytes()[found] {
            b'\\' => at += escaped_length(text, at)?,
            b'[' => in_charset = true,
            b']' => in_charset = false,
            b'/' if in_charset || is_script_end_tag(text, found) => {}
            _ => {
                context.state = State::Js;
                context.slash = Slash::Division;
                return Ok(at);
            }
        }
    }
    if in_charset {
        let message = format!("unfinished JS regexp charset: {}", shown(text));
        return Err(Fault::new(ErrorCode::PartialCharset, message));
    }
    Ok(text.len())
}

/// The length of the character after a backslash.
fn escaped_length(text: &str, at: usize) -> Read {
    text[at..]
        .chars()
        .next()
        .map(char::len_utf8)
        .ok_or_else(|| {
            let message = format!("unfinished escape sequence in JS string: {}", shown(text));
            Fault::new(ErrorCode::PartialEscape, message)
        })
}

/// Says whether a slash is that of `</script`, which the text will have escaped.
fn is_script_end_tag(text: &str, slash: usize) -> bool {
    let bytes = text.as_bytes();
    let name = bytes.get(slash + 1..slash + 7);
    bytes[..slash].ends_with(b"<") && name.is_some_and(|name| name.eq_ignore_ascii_case(b"script"))
}

/// Reads up to and including the end of a template literal, or of the `${` of an expression.
pub(super) fn template_literal(context: &mut Context, text: &str) -> Read {
    let mut at = 0;
    while let Some(offset) = text[at..].find(['`', '\\', '$']) {
        let found = at + offset;
        at = found + 1;
        match text.as_bytes()[found] {
            b'\\' => at += escaped_length(text, at)?,
            b'`' => {
                context.state = State::Js;
                context.slash = Slash::Division;
                return Ok(at);
            }
            _ if text[at..].starts_with('{') => {
                if context.braces.len() == OPEN_EXPRESSIONS_MAX {
                    let message = "JS template literals nest too deeply".to_owned();
                    return Err(Fault::new(ErrorCode::Limit, message));
                }
                context.braces.push(0);
                context.state = State::Js;
                context.slash = Slash::Regexp;
                return Ok(at + 1);
            }
            _ => {}
        }
    }
    Ok(text.len())
}

/// What a slash starts after a piece of code.
///
/// A closing parenthesis is taken for the end of an operand and a closing brace for the end of
/// a block; both are right for nearly all code.
fn slash_after(code: &str, before: Slash) -> Slash {
    let code = code.trim_end_matches(['\t', '\n', '\u{c}', '\r', ' ', '\u{2028}', '\u{2029}']);
    let Some(last) = code.as_bytes().last() else {
        return before;
    };
    let starts_regexp = match last {
        b'+' | b'-' => {
            // `++` and `--` belong to an operand; one more sign is an operator.
            let run = code.bytes().rev().take_while(|byte| byte == last).count();
            run % 2 == 1
        }
        // `42.` is a number.
        b'.' => !code.as_bytes()[..code.len() - 1]
            .last()
            .is_some_and(u8::is_ascii_digit),
        b',' | b'<' | b'>' | b'=' | b'*' | b'%' | b'&' | b'|' | b'^' | b'?' | b'!' | b'~'
        | b'(' | b'[' | b':' | b';' | b'{' | b'}' => true,
        _ => {
            let word = code.trim_end_matches(is_identifier_part);
            WORDS_BEFORE_REGEXP.contains(&&code[word.len()..])
        }
    };
    if starts_regexp {
        Slash::Regexp
    } else {
        Slash::Division
    }
}

/// Says whether a character is an ASCII part of names and numbers.
pub(in crate::html) fn is_identifier_part(char: char) -> bool {
    char == '$' || char == '_' || char.is_ascii_alphanumeric()
}
