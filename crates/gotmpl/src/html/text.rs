//! Literal text: what it does to the context, and what of it is printed.
//!
//! Comments are left out, a `<` that starts no tag becomes `&lt;`, and tags of scripts inside
//! JavaScript literals are escaped so that HTML does not see them.

use std::borrow::Cow;

use super::context::Context;
use super::fault::Fault;
use super::state::{Delimiter, State};
use super::transition::Reader;

/// Reads a text and gives what to print for it.
pub(super) fn rewrite<'t>(context: &mut Context, text: &'t str) -> Result<Cow<'t, str>, Fault> {
    let mut reader = Reader::new(text);
    let mut rewriting = Rewriting {
        text,
        printed: 0,
        output: String::new(),
    };
    let mut start = 0;
    loop {
        let before = context.clone();
        let Some(end) = reader.read(context)? else {
            return Ok(rewriting.finish());
        };
        rewriting.token(&before, context, start, end);
        start = end;
    }
}

struct Rewriting<'t> {
    text: &'t str,
    /// Up to where the text is printed or left out.
    printed: usize,
    output: String,
}

impl<'t> Rewriting<'t> {
    fn token(&mut self, before: &Context, after: &Context, start: usize, end: usize) {
        if matches!(before.state, State::Text | State::RawText) {
            self.escape_brackets(start, end, before.state != after.state);
        }
        if is_left_out(before) {
            self.leave_out(before.state, end);
        }
        if before.state != after.state && is_left_out(after) {
            self.print_up_to(end - opening_length(after.state));
            self.printed = end;
        }
        if before.state.is_js_literal() {
            self.escape_script_tags(start, end);
        }
    }

    /// Escapes each `<` that starts no tag; the last one of a token that leads into a tag does.
    fn escape_brackets(&mut self, start: usize, end: usize, leads_on: bool) {
        const DOCTYPE: &[u8] = b"<!DOCTYPE";
        let text = self.text;
        let token = &text[start..end];
        let plain = match token.rfind('<') {
            Some(last) if leads_on => &token[..last],
            _ => token,
        };
        for (offset, _) in plain.match_indices('<') {
            let at = start + offset;
            let is_doctype = text.as_bytes()[at..]
                .get(..DOCTYPE.len())
                .is_some_and(|word| word.eq_ignore_ascii_case(DOCTYPE));
            if !is_doctype {
                self.print_up_to(at);
                self.output.push_str("&lt;");
                self.printed = at + 1;
            }
        }
    }

    /// Leaves out a piece of a comment, up to here.
    fn leave_out(&mut self, state: State, end: usize) {
        match state {
            // It separates words, and one with a line break ends a statement.
            State::JsBlockComment => {
                let comment = &self.text[self.printed..end];
                let has_break = comment.contains(['\n', '\r', '\u{2028}', '\u{2029}']);
                self.output.push(if has_break { '\n' } else { ' ' });
            }
            State::CssBlockComment => self.output.push(' '),
            _ => {}
        }
        self.printed = end;
    }

    fn escape_script_tags(&mut self, start: usize, end: usize) {
        for (offset, _) in self.text[start..end].match_indices('<') {
            let at = start + offset;
            let after = &self.text.as_bytes()[at + 1..end];
            let is_special = [&b"script"[..], b"/script", b"!--"].iter().any(|word| {
                after
                    .get(..word.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(word))
            });
            if is_special {
                self.print_up_to(at);
                self.output.push_str("\\x3C");
                self.printed = at + 1;
            }
        }
    }

    fn print_up_to(&mut self, end: usize) {
        self.output.push_str(&self.text[self.printed..end]);
    }

    fn finish(mut self) -> Cow<'t, str> {
        if self.printed == 0 {
            return Cow::Borrowed(self.text);
        }
        self.print_up_to(self.text.len());
        Cow::Owned(self.output)
    }
}

/// Says whether the text of a context is not printed; a comment in an attribute is.
fn is_left_out(context: &Context) -> bool {
    context.state.is_comment() && context.delimiter == Delimiter::None
}

/// The length of what starts a comment.
fn opening_length(state: State) -> usize {
    match state {
        State::HtmlComment | State::JsHtmlOpenComment => 4,
        State::JsHtmlCloseComment => 3,
        _ => 2,
    }
}
