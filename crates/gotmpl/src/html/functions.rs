//! The escapers as functions that rewritten templates call.
//!
//! Content that is known to be safe for its place (a string of one of `html/template`'s types) is
//! let through, or escaped less.

use std::borrow::Cow;

use super::escapers::{css, html, js, url};
use super::pipeline::Escaper;
use crate::fmt;
use crate::functions::{CallError, Context, Function, Signature, Type};
use crate::value::{IntType, TextType, Value, to_json};

/// The functions that [`escape`](super::escape()) adds to templates.
pub const ESCAPERS: &[Function] = &[
    text_function(Escaper::Attribute, |cx, args| {
        escaped(cx, args, |text, kind| match kind {
            TextType::Html => html::text_of_markup(&html::strip_tags(text)),
            _ => html::text(text),
        })
    }),
    text_function(Escaper::Comment, |cx, _| cx.made("")),
    text_function(Escaper::CssString, |cx, args| {
        escaped(cx, args, |text, _| css::string(text))
    }),
    text_function(Escaper::CssValue, |cx, args| {
        escaped(cx, args, |text, kind| match kind {
            TextType::Css => text.to_owned(),
            _ => css::value(text),
        })
    }),
    text_function(Escaper::HtmlText, |cx, args| {
        escaped(cx, args, |text, kind| match kind {
            TextType::Html => text.to_owned(),
            _ => html::text(text),
        })
    }),
    text_function(Escaper::HtmlName, |cx, args| {
        escaped(cx, args, |text, kind| match kind {
            TextType::HtmlAttr => text.to_owned(),
            _ => html::name(text),
        })
    }),
    text_function(Escaper::HtmlUnquoted, |cx, args| {
        escaped(cx, args, |text, kind| match kind {
            TextType::Html => html::unquoted_of_markup(&html::strip_tags(text)),
            _ => html::unquoted(text),
        })
    }),
    text_function(Escaper::JsRegexp, |cx, args| {
        escaped(cx, args, |text, _| js::regexp(text))
    }),
    text_function(Escaper::JsString, |cx, args| {
        escaped(cx, args, |text, kind| match kind {
            TextType::JsStr => js::string_of_escaped(text),
            _ => js::string(text),
        })
    }),
    text_function(Escaper::JsTemplateLiteral, |cx, args| {
        escaped(cx, args, |text, _| js::template_literal(text))
    }),
    text_function(Escaper::JsValue, js_value),
    text_function(Escaper::RawText, |cx, args| {
        escaped(cx, args, |text, kind| match kind {
            TextType::Html => html::text_of_markup(text),
            _ => html::text(text),
        })
    }),
    text_function(Escaper::Srcset, |cx, args| {
        escaped(cx, args, |text, kind| match kind {
            TextType::Srcset => text.to_owned(),
            TextType::Url => url::srcset_of_url(text),
            _ => url::srcset(text),
        })
    }),
    text_function(Escaper::UrlEscape, |cx, args| {
        escaped(cx, args, |text, kind| match kind {
            TextType::Url => url::normalize(text),
            _ => url::escape(text),
        })
    }),
    text_function(Escaper::UrlFilter, |cx, args| {
        escaped(cx, args, |text, kind| match kind {
            TextType::Url => text.to_owned(),
            _ => url::filter(text),
        })
    }),
    text_function(Escaper::UrlNormalize, |cx, args| {
        escaped(cx, args, |text, _| url::normalize(text))
    }),
    text_function(Escaper::Arguments, |cx, args| {
        cx.text(|out| Ok(fmt::print(out, args)?))
    }),
];

/// Bytes of markup that are read, tag by tag, in about the time of one step.
const MARKUP_BYTES_PER_STEP: usize = 4;

/// Most bytes that one byte becomes, in any of the escapers.
const GROWTH_MAX: usize = 8;

type Run = fn(&mut Context<'_>, &[Value]) -> Result<Value, CallError>;

const fn text_function(escaper: Escaper, run: Run) -> Function {
    Function {
        name: escaper.name(),
        signature: Signature::variadic(&[], Type::Any),
        run,
    }
}

/// Escapes the arguments as one text.
fn escaped(
    cx: &mut Context<'_>,
    arguments: &[Value],
    escape: fn(&str, TextType) -> String,
) -> Result<Value, CallError> {
    let printed;
    let (text, kind) = match arguments {
        [Value::String(text, kind)] => (text, *kind),
        _ => {
            printed = print(cx, arguments)?;
            match &printed {
                Value::String(text, kind) => (text, *kind),
                _ => return Ok(printed),
            }
        }
    };
    // The result is paid for when it is there, so it must not become too large before.
    cx.expect_room(text.len().saturating_mul(GROWTH_MAX))?;
    cx.read(text.len())?;
    if kind == TextType::Html {
        // The tags in it are looked at.
        cx.step(text.len() / MARKUP_BYTES_PER_STEP)?;
    }
    let text: Cow<'_, str> = text.to_str();
    cx.made(escape(&text, kind))
}

/// Prints values; unlike elsewhere, nothing prints as nothing.
fn print(cx: &mut Context<'_>, arguments: &[Value]) -> Result<Value, CallError> {
    let present: Vec<Value> = arguments
        .iter()
        .filter(|argument| !argument.is_nil())
        .cloned()
        .collect();
    cx.text(|out| {
        match &present[..] {
            [one] => fmt::print_result(out, one)?,
            several => fmt::print(out, several)?,
        }
        Ok(())
    })
}

/// A value as JavaScript: its JSON, or as a string what its method `String` gives.
fn js_value(cx: &mut Context<'_>, arguments: &[Value]) -> Result<Value, CallError> {
    let printed = match arguments {
        [Value::String(text, TextType::Js)] => return cx.made(text.as_bytes()),
        [Value::String(text, TextType::JsStr)] => {
            return cx.made([b"\"", text.as_bytes(), b"\""].concat());
        }
        [one] if !prints_itself(one) => None,
        _ => Some(print(cx, arguments)?),
    };
    let value = printed.as_ref().or(arguments.first());
    let json = cx.text(|out| to_json(out, value.unwrap_or(&Value::Nil)));
    let json = match json {
        Ok(json) => json,
        Err(CallError::Failed(reason)) => return cx.made(js::value_error(&reason)),
        Err(limit) => return Err(limit),
    };
    match &json {
        Value::String(text, _) => cx.made(js::value(&text.to_str())),
        _ => Ok(json),
    }
}

/// Says whether a value has a method `String` and no JSON of its own.
fn prints_itself(value: &Value) -> bool {
    match value {
        Value::Int(_, kind) => !matches!(kind, IntType::Int | IntType::Int64),
        Value::Object(object) => object.text().is_some(),
        _ => false,
    }
}
