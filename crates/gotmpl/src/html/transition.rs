//! What a piece of literal text does to the context.
//!
//! [`Reader`] goes through one text token by token. The tokens depend on the state: tags and
//! attributes are read in [`markup`], the inner languages in [`js`], [`css`] and, being a line
//! each, URLs here.

mod css;
mod js;
mod markup;

pub(super) use js::is_identifier_part as is_js_identifier_part;

use super::attribute::is_js_type;
use super::context::Context;
use super::entities;
use super::fault::{Fault, shown};
use super::state::{Attribute, Delimiter, Element, State, UrlPart};

/// What the reading of a token gives: how many bytes it has.
type Read = Result<usize, Fault>;

/// White space in HTML, and in CSS.
const SPACES: [char; 5] = [' ', '\t', '\n', '\u{c}', '\r'];

/// Reads one text and keeps the context.
pub(super) struct Reader<'t> {
    text: &'t str,
    /// How far the text is read.
    at: usize,
    /// Where the element around ends, once that was looked for; the end of the text for nowhere.
    end_tag: Option<(Element, usize)>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            end_tag: None,
        }
    }

    /// Reads one token; gives the offset after it, or nothing at the end of the text.
    pub(super) fn read(&mut self, context: &mut Context) -> Result<Option<usize>, Fault> {
        if self.at == self.text.len() {
            return Ok(None);
        }
        let length = self.token(context).map_err(|fault| Fault {
            at: self.at,
            ..fault
        })?;
        self.at += length;
        Ok(Some(self.at))
    }

    fn token(&mut self, context: &mut Context) -> Read {
        if context.delimiter != Delimiter::None {
            return attribute_value(context, &self.text[self.at..]);
        }
        let end = self.content_end(context);
        if end == self.at {
            *context = Context::default();
            return Ok(0);
        }
        token(context, &self.text[self.at..end])
    }

    /// Where the content of the element around ends.
    ///
    /// The answer is kept, so that the text is searched once and not once per token.
    fn content_end(&mut self, context: &Context) -> usize {
        let element = context.element;
        if element == Element::None {
            return self.text.len();
        }
        // These may hold an end tag of a script: a literal escapes it, a comment is left out.
        if element == Element::Script
            && (context.state.is_js_literal() || context.state.is_comment())
        {
            return self.text.len();
        }
        match self.end_tag {
            Some((known, end)) if known == element && end >= self.at => end,
            _ => {
                let found = end_tag(&self.text[self.at..], element.tag());
                let end = found.map_or(self.text.len(), |offset| self.at + offset);
                self.end_tag = Some((element, end));
                end
            }
        }
    }
}

/// Finds the end tag of an element.
fn end_tag(text: &str, tag: &str) -> Option<usize> {
    text.match_indices("</")
        .find(|(offset, mark)| {
            let Some((name, rest)) =
                text.as_bytes()[offset + mark.len()..].split_at_checked(tag.len())
            else {
                return false;
            };
            name.eq_ignore_ascii_case(tag.as_bytes())
                && rest
                    .first()
                    .is_some_and(|byte| b"> \t\n\x0c/".contains(byte))
        })
        .map(|(offset, _)| offset)
}

/// Reads raw text up to the end tag of its element.
pub(super) fn raw_text(context: &mut Context, text: &str) -> usize {
    match end_tag(text, context.element.tag()) {
        Some(0) => {
            *context = Context::default();
            0
        }
        Some(end) => end,
        None => text.len(),
    }
}

/// Reads the rest of an attribute's value, or as much of it as the text has.
fn attribute_value(context: &mut Context, text: &str) -> Read {
    let end = text.find(context.delimiter.ends());
    let value = &text[..end.unwrap_or(text.len())];
    let unquoted = context.delimiter == Delimiter::SpaceOrTagEnd;
    // Browsers differ in what they make of these.
    if unquoted && let Some(at) = value.find(['"', '\'', '<', '=', '`']) {
        return Err(Fault::bad_html(format!(
            "{} in unquoted attr: {}",
            shown(&value[at..=at]),
            shown(value)
        )));
    }
    let Some(end) = end else {
        let decoded = entities::decode(value);
        let mut rest: &str = &decoded;
        while !rest.is_empty() {
            rest = &rest[token(context, rest)?..];
        }
        return Ok(text.len());
    };
    let is_data_block = context.state == State::Attribute
        && context.element == Element::Script
        && context.attribute == Attribute::ScriptType
        && !is_js_type(value);
    *context = Context::in_tag(if is_data_block {
        Element::None
    } else {
        context.element
    });
    Ok(if unquoted { end } else { end + 1 })
}

/// Reads one token and changes the context; a token may be empty only if the state changes.
pub(super) fn token(context: &mut Context, text: &str) -> Read {
    match context.state {
        State::Text => markup::text(context, text),
        State::Tag => markup::tag(context, text),
        State::AttributeName => markup::attribute_name(context, text),
        State::AfterName => markup::after_name(context, text),
        State::BeforeValue => markup::before_value(context, text),
        State::HtmlComment => Ok(markup::comment(context, text)),
        State::Attribute | State::RawText | State::Dead => Ok(text.len()),
        State::Url | State::Srcset => {
            url(context, text);
            Ok(text.len())
        }
        State::MetaContent => Ok(markup::meta_content(context, text)),
        State::MetaContentUrl => Ok(markup::meta_content_url(context, text)),
        State::Js => js::code(context, text),
        State::JsDoubleQuoted | State::JsSingleQuoted | State::JsRegexp => {
            js::literal(context, text)
        }
        State::JsTemplate => js::template_literal(context, text),
        State::JsBlockComment => Ok(block_comment(context, text, State::Js)),
        State::JsLineComment | State::JsHtmlOpenComment | State::JsHtmlCloseComment => {
            let ends = ['\n', '\r', '\u{2028}', '\u{2029}'];
            Ok(line_comment(context, text, &ends, State::Js))
        }
        State::Css => Ok(css::code(context, text)),
        State::CssDoubleQuoted
        | State::CssSingleQuoted
        | State::CssDoubleQuotedUrl
        | State::CssSingleQuotedUrl
        | State::CssUrl => css::string(context, text),
        State::CssBlockComment => Ok(block_comment(context, text, State::Css)),
        State::CssLineComment => Ok(line_comment(
            context,
            text,
            &['\n', '\u{c}', '\r'],
            State::Css,
        )),
    }
}

/// Finds out which part of a URL comes after this piece of it.
fn url(context: &mut Context, text: &str) {
    if text.contains(['#', '?']) {
        context.url_part = UrlPart::QueryOrFragment;
    } else if context.url_part == UrlPart::None && !text.trim_start_matches(SPACES).is_empty() {
        context.url_part = UrlPart::PreQuery;
    }
}

/// Reads up to the end of a `/* … */` comment.
fn block_comment(context: &mut Context, text: &str, after: State) -> usize {
    match text.find("*/") {
        Some(at) => {
            context.state = after;
            at + 2
        }
        None => text.len(),
    }
}

/// Reads up to the end of the line, which is not part of the comment.
fn line_comment(context: &mut Context, text: &str, ends: &[char], after: State) -> usize {
    match text.find(ends) {
        Some(at) => {
            context.state = after;
            at
        }
        None => text.len(),
    }
}
