//! Text, attribute values and names in HTML.

use super::{UNSAFE_VALUE, replace};
use crate::html::attribute::{Kind, kind};
use crate::html::context::Context;
use crate::html::fault::Fault;
use crate::html::state::{Delimiter, Element, State};
use crate::html::transition::{raw_text, token};

/// Escapes text, also for values in quotation marks.
pub(in crate::html) fn text(text: &str) -> String {
    replace(text, special)
}

/// Escapes text that is HTML already, so that it cannot be anything but text.
pub(in crate::html) fn text_of_markup(markup: &str) -> String {
    replace(markup, except_references(special))
}

/// Escapes a value without quotation marks; an empty one would let what follows become the value.
pub(in crate::html) fn unquoted(value: &str) -> String {
    if value.is_empty() {
        return UNSAFE_VALUE.to_owned();
    }
    escape_noncharacters(&replace(value, special_unquoted))
}

/// Escapes a value without quotation marks that is HTML already.
pub(in crate::html) fn unquoted_of_markup(markup: &str) -> String {
    if markup.is_empty() {
        return UNSAFE_VALUE.to_owned();
    }
    escape_noncharacters(&replace(markup, except_references(special_unquoted)))
}

/// Lets only harmless names of tags and attributes through.
pub(in crate::html) fn name(name: &str) -> String {
    let name = name.to_lowercase();
    let is_word = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_word && kind(&name) == Kind::Plain {
        name
    } else {
        UNSAFE_VALUE.to_owned()
    }
}

/// Takes the tags and comments out of HTML.
pub(in crate::html) fn strip_tags(markup: &str) -> String {
    let mut stripped = String::with_capacity(markup.len());
    let mut context = Context::default();
    let mut rest = markup;
    while !rest.is_empty() {
        if context.delimiter != Delimiter::None {
            let Some(end) = rest.find(context.delimiter.ends()) else {
                return stripped;
            };
            let mark = usize::from(context.delimiter != Delimiter::SpaceOrTagEnd);
            context = Context::in_tag(context.element);
            rest = &rest[end + mark..];
            continue;
        }
        let before = context.clone();
        // A tag that is not HTML hides the rest, as it would in a template.
        let Ok(length) = step(&mut context, rest) else {
            return stripped;
        };
        if matches!(before.state, State::Text | State::RawText) {
            let text = &rest[..length];
            let end = if before.state == context.state {
                text.len()
            } else {
                text.rfind('<').unwrap_or(text.len())
            };
            stripped.push_str(&text[..end]);
        }
        rest = &rest[length..];
    }
    stripped
}

/// Reads a token; the insides of scripts and styles count as raw text.
fn step(context: &mut Context, text: &str) -> Result<usize, Fault> {
    if context.element != Element::None && !context.state.is_in_tag() {
        context.state = State::RawText;
        return Ok(raw_text(context, text));
    }
    token(context, text)
}

fn special(char: char) -> Option<&'static str> {
    Some(match char {
        '\0' => "\u{fffd}",
        '"' => "&#34;",
        '&' => "&amp;",
        '\'' => "&#39;",
        '+' => "&#43;",
        '<' => "&lt;",
        '>' => "&gt;",
        _ => return None,
    })
}

fn special_unquoted(char: char) -> Option<&'static str> {
    Some(match char {
        '\0' => "&#xfffd;",
        '\t' => "&#9;",
        '\n' => "&#10;",
        '\u{b}' => "&#11;",
        '\u{c}' => "&#12;",
        '\r' => "&#13;",
        ' ' => "&#32;",
        '=' => "&#61;",
        '`' => "&#96;",
        _ => return special(char),
    })
}

/// The table without the `&`, which starts a reference in text that is HTML already.
fn except_references(
    table: impl Fn(char) -> Option<&'static str>,
) -> impl Fn(char) -> Option<&'static str> {
    move |char| if char == '&' { None } else { table(char) }
}

/// Writes characters as numbers that some browsers drop or take for the end of a value.
fn escape_noncharacters(text: &str) -> String {
    let is_noncharacter =
        |char: char| matches!(char, '\u{fdd0}'..='\u{fdef}' | '\u{fff0}'..='\u{ffff}');
    if !text.contains(is_noncharacter) {
        return text.to_owned();
    }
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        if is_noncharacter(char) {
            escaped.push_str(&format!("&#x{:x};", u32::from(char)));
        } else {
            escaped.push(char);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{name, strip_tags, text, text_of_markup, unquoted, unquoted_of_markup};

    #[test]
    fn texts() {
        assert_eq!(
            text("a\0<b>&'\"+é"),
            "a\u{fffd}&lt;b&gt;&amp;&#39;&#34;&#43;é"
        );
        assert_eq!(text_of_markup("&lt; & '"), "&lt; & &#39;");
    }

    #[test]
    fn values_without_quotation_marks() {
        assert_eq!(
            unquoted("a b=`\u{fffd}\0"),
            "a&#32;b&#61;&#96;&#xfffd;&#xfffd;"
        );
        assert_eq!(unquoted(""), "ZgotmplZ");
        assert_eq!(unquoted_of_markup("&lt; &\u{fdd0}"), "&lt;&#32;&&#xfdd0;");
        assert_eq!(unquoted_of_markup(""), "ZgotmplZ");
    }

    #[test]
    fn names() {
        for (given, expected) in [
            ("Checked", "checked"),
            ("h1", "h1"),
            ("", "ZgotmplZ"),
            ("onclick", "ZgotmplZ"),
            ("href", "ZgotmplZ"),
            ("data-x", "ZgotmplZ"),
            ("a b", "ZgotmplZ"),
            ("ſ", "ZgotmplZ"),
        ] {
            assert_eq!(name(given), expected, "{given}");
        }
    }

    #[test]
    fn tags_are_stripped() {
        for (markup, expected) in [
            ("plain & simple", "plain & simple"),
            ("<b a=\"c\">x</b> & y", "x & y"),
            ("<div title=\"1>2\">I <3 ponies!</div>", "I <3 ponies!"),
            ("a<!-- b -->c", "ac"),
            ("<script>if (a < b) { c('</b>') }</script>d", "d"),
            ("<title>x<b></title>y", "x<b>y"),
            ("a<b c='d", "a"),
            ("a<b ='", "a"),
            ("<textarea", ""),
        ] {
            assert_eq!(strip_tags(markup), expected, "{markup}");
        }
    }
}
