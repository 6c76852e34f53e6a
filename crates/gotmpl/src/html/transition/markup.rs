//! Tags, attributes and HTML comments.

use super::{Read, SPACES};
use crate::html::attribute::{Kind, kind};
use crate::html::context::Context;
use crate::html::fault::{Fault, shown, shown_up_to};
use crate::html::state::{Attribute, Delimiter, Element, State};

/// Reads text up to and including the name of the next tag, or the start of a comment.
pub(super) fn text(context: &mut Context, text: &str) -> Read {
    for (at, _) in text.match_indices('<') {
        let after = &text[at + 1..];
        if after.starts_with("!--") {
            *context = Context {
                state: State::HtmlComment,
                ..Context::default()
            };
            return Ok(at + 4);
        }
        let name_start = after.strip_prefix('/').unwrap_or(after);
        let name_length = tag_name_length(name_start.as_bytes());
        if name_length > 0 {
            let is_end_tag = name_start.len() < after.len();
            let element = if is_end_tag {
                Element::None
            } else {
                Element::named(&name_start[..name_length])
            };
            *context = Context::in_tag(element);
            return Ok(text.len() - name_start.len() + name_length);
        }
    }
    Ok(text.len())
}

/// How much of the text is the name of a tag: letters, digits, and `:` or `-` between them.
fn tag_name_length(text: &[u8]) -> usize {
    if !text.first().is_some_and(u8::is_ascii_alphabetic) {
        return 0;
    }
    let mut length = 1;
    while let Some(byte) = text.get(length) {
        let joins = matches!(byte, b':' | b'-')
            && text.get(length + 1).is_some_and(u8::is_ascii_alphanumeric);
        if byte.is_ascii_alphanumeric() {
            length += 1;
        } else if joins {
            length += 2;
        } else {
            break;
        }
    }
    length
}

/// Reads the name of an attribute, or the end of the tag.
pub(super) fn tag(context: &mut Context, text: &str) -> Read {
    let rest = text.trim_start_matches(SPACES);
    let start = text.len() - rest.len();
    if rest.is_empty() {
        return Ok(start);
    }
    if rest.starts_with('>') {
        *context = Context::after_tag(context.element);
        return Ok(start + 1);
    }
    let length = attribute_name_length(rest)?;
    if length == 0 {
        return Err(Fault::bad_html(format!(
            "expected space, attr name, or end of tag, but got {}",
            shown(rest)
        )));
    }
    *context = Context {
        state: if length == rest.len() {
            State::AttributeName
        } else {
            State::AfterName
        },
        attribute: attribute(context.element, &rest[..length].to_ascii_lowercase()),
        ..Context::in_tag(context.element)
    };
    Ok(start + length)
}

/// The inner language of an attribute, of which the name is in lower case.
fn attribute(element: Element, name: &str) -> Attribute {
    match (element, name) {
        (Element::Script, "type") => return Attribute::ScriptType,
        (Element::Meta, "content") => return Attribute::MetaContent,
        _ => {}
    }
    match kind(name) {
        Kind::Url => Attribute::Url,
        Kind::Css => Attribute::Style,
        Kind::Js => Attribute::Script,
        Kind::Srcset => Attribute::Srcset,
        Kind::Plain | Kind::Unsafe => Attribute::None,
    }
}

/// How much of the text is the name of an attribute.
fn attribute_name_length(text: &str) -> Read {
    let stops = [' ', '\t', '\n', '\u{c}', '\r', '=', '>', '\'', '"', '<'];
    let Some(end) = text.find(stops) else {
        return Ok(text.len());
    };
    // Browsers take these into the name, but they mean that something went wrong before.
    if text[end..].starts_with(['\'', '"', '<']) {
        return Err(Fault::bad_html(format!(
            "{} in attribute name: {}",
            shown(&text[end..=end]),
            shown_up_to(text, 32)
        )));
    }
    Ok(end)
}

/// Reads the rest of an attribute's name.
pub(super) fn attribute_name(context: &mut Context, text: &str) -> Read {
    let length = attribute_name_length(text)?;
    if length < text.len() {
        context.state = State::AfterName;
    }
    Ok(length)
}

/// Reads an `=`, or finds that the attribute has no value.
pub(super) fn after_name(context: &mut Context, text: &str) -> Read {
    let rest = text.trim_start_matches(SPACES);
    let start = text.len() - rest.len();
    if rest.is_empty() {
        return Ok(start);
    }
    if rest.starts_with('=') {
        context.state = State::BeforeValue;
        return Ok(start + 1);
    }
    context.state = State::Tag;
    Ok(start)
}

/// Reads the quotation mark of a value, if it has one.
pub(super) fn before_value(context: &mut Context, text: &str) -> Read {
    let rest = text.trim_start_matches(SPACES);
    let start = text.len() - rest.len();
    let (delimiter, length) = match rest.as_bytes().first() {
        None => return Ok(start),
        Some(b'"') => (Delimiter::DoubleQuote, 1),
        Some(b'\'') => (Delimiter::SingleQuote, 1),
        Some(_) => (Delimiter::SpaceOrTagEnd, 0),
    };
    context.state = context.attribute.value_state();
    context.delimiter = delimiter;
    Ok(start + length)
}

/// Reads up to the end of a comment.
pub(super) fn comment(context: &mut Context, text: &str) -> usize {
    match text.find("-->") {
        Some(at) => {
            *context = Context::default();
            at + 3
        }
        None => text.len(),
    }
}

/// Reads the `content` of a `<meta>` up to the `=` after `url`.
pub(super) fn meta_content(context: &mut Context, text: &str) -> usize {
    let bytes = text.as_bytes();
    for at in 0..bytes.len() {
        let Some((name, _)) = bytes[at..].split_at_checked(3) else {
            break;
        };
        if name.eq_ignore_ascii_case(b"url") {
            let rest = text[at + 3..].trim_start_matches(SPACES);
            if rest.starts_with('=') {
                context.state = State::MetaContentUrl;
                return text.len() - rest.len() + 1;
            }
        }
    }
    text.len()
}

/// Reads the URL in the `content` of a `<meta>`.
pub(super) fn meta_content_url(context: &mut Context, text: &str) -> usize {
    match text.find(';') {
        Some(at) => {
            context.state = State::MetaContent;
            at + 1
        }
        None => text.len(),
    }
}
