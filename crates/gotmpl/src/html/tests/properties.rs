//! What holds for every value in every context.

use proptest::prelude::*;

use crate::ast::{Node, Pipeline};
use crate::fmt::{Buffer, print_result};
use crate::functions::{Context as CallContext, Environment};
use crate::html::context::Context;
use crate::html::state::{Delimiter, State};
use crate::html::text::rewrite;
use crate::html::{ESCAPERS, escape, pipeline};
use crate::time::Time;
use crate::value::{GoString, TextType, Value};
use crate::{Functions, Limits};

/// Beginnings of documents, one for each place that a value can land in.
const BEGINNINGS: &[&str] = &[
    "",
    "<b>",
    "<a title='",
    "<a title=\"",
    "<a title=",
    "<a href='",
    "<a href=\"/x",
    "<a href=\"/x?y=",
    "<a href=",
    "<a href=/x?",
    "<img srcset='",
    "<img srcset=",
    "<meta content='0; url=",
    "<meta content=\"",
    "<title>",
    "<textarea>x",
    "<a onclick='",
    "<a onclick=",
    "<a onclick='f(\"",
    "<a onclick=\"f('",
    "<a onclick='x = /",
    "<a onclick='x = `",
    "<script>x = ",
    "<script>x = \"",
    "<script>x = '",
    "<script>x = /",
    "<script>x = `",
    "<script>x = `${",
    "<script>/* ",
    "<script type=text/plain>",
    "<script type=application/json>",
    "<style>a: ",
    "<style>a: \"",
    "<style>a: '",
    "<style>a: url(",
    "<style>a: url('",
    "<style>a: url(\"/x?",
    "<p style='a: ",
    "<p style=\"a: ",
    "<p style=a:",
    "<p style='a: url(",
    "<p style=\"a: url('",
    "<!-- ",
];

/// The action `{{.}}`.
fn dot() -> Pipeline {
    let templates = crate::parse("t", "{{.}}", &Functions::BUILTINS, &Limits::default());
    let templates = templates.expect("it parses");
    match templates
        .get("t")
        .and_then(|template| template.body.first())
    {
        Some(Node::Action(pipeline)) => pipeline.clone(),
        other => panic!("not an action: {other:?}"),
    }
}

/// The context after a beginning.
fn context_after(beginning: &str) -> Context {
    let mut context = Context::default();
    rewrite(&mut context, beginning).expect("the beginning is HTML");
    context
}

/// What a value becomes in a context, and the context that escaping sees after it.
fn printed(context: &Context, value: Value) -> (String, Context) {
    let (after, pipeline) = pipeline::rewrite(context, &dot()).expect("values can stand here");
    let environment = Environment::new(Time::zero());
    let mut cx = CallContext::new(&environment, &Limits::default());
    let mut value = value;
    for command in &pipeline.commands[1..] {
        let name = command.to_string();
        let function = ESCAPERS.iter().find(|function| function.name == name);
        let function = function.unwrap_or_else(|| panic!("there is no {name}"));
        value = (function.run)(&mut cx, &[value]).expect("escapers do not fail");
    }
    let mut bytes = Vec::new();
    print_result(&mut Buffer::new(&mut bytes, usize::MAX), &value).expect("there is room");
    let text = String::from_utf8(bytes).expect("escapers give text");
    (text, after)
}

/// Reads what was printed as if it had been written into the template.
fn assert_contained(beginning: &str, value: Value) {
    let context = context_after(beginning);
    let (text, after) = printed(&context, value);
    let mut read = context.for_value();
    let outcome = rewrite(&mut read, &text);
    assert!(outcome.is_ok(), "{beginning} + {text}: {outcome:?}");
    let place = |context: &Context| {
        let state = match context.state {
            // A value may end a URL here, and the browser takes no second one.
            State::MetaContentUrl => State::MetaContent,
            state => state,
        };
        let braces = context.braces.clone();
        let attribute = context.attribute;
        (state, context.delimiter, braces, attribute, context.element)
    };
    assert_eq!(place(&read), place(&after), "{beginning} + {text}");
}

/// Texts with what ends or starts something in one of the languages.
fn hostile_text() -> impl Strategy<Value = String> {
    let fragment = prop_oneof![
        4 => proptest::sample::select(FRAGMENTS).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
        1 => "[a-z0-9]{1,3}",
    ];
    proptest::collection::vec(fragment, 0..10).prop_map(|parts| parts.concat())
}

const FRAGMENTS: &[&str] = &[
    "'",
    "\"",
    "`",
    "<",
    ">",
    "/",
    "\\",
    "&",
    "&quot;",
    "&#39;",
    "&lt",
    ";",
    ":",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "${",
    "=",
    " ",
    "\t",
    "\n",
    "\r",
    "\0",
    "\u{b}",
    "\u{c}",
    "\u{2028}",
    "\u{2029}",
    "\u{fffd}",
    "\u{fdd0}",
    "\u{feff}",
    "-->",
    "<!--",
    "*/",
    "/*",
    "//",
    "</script>",
    "<script>",
    "</style>",
    "</title>",
    "</textarea>",
    "<b a='",
    "javascript:",
    "http://x/",
    "url(",
    "url=",
    ",",
    "#",
    "?",
    "%",
    "%22",
    "+",
    "-",
    "onclick",
    "expression(",
    "\\22",
    "\\\n",
    "<![CDATA[",
    "]]>",
    "//",
];

const TYPES: &[TextType] = &[TextType::String, TextType::Html, TextType::Url];

/// Pieces of templates; most sequences of them are wrong somewhere.
const PIECES: &[&str] = &[
    "{{.}}",
    "{{if .}}",
    "{{else}}",
    "{{end}}",
    "{{range .}}",
    "{{break}}",
    "{{with .}}",
    "<a ",
    "href",
    "=",
    "'",
    "\"",
    ">",
    "<script>",
    "</script>",
    "<style>",
    "</style>",
    "/",
    "`",
    "${",
    "{",
    "}",
    "<!--",
    "-->",
    "/*",
    "*/",
    "url(",
    ")",
    " ",
    "x",
    "\\",
    "[",
    "é",
    "onclick",
    "style",
    "&quot;",
    "\n",
    "{{template \"t\"}}",
    "<title>",
    "</title>",
    "<meta content=",
    "url=",
    ";",
    "#",
    "?",
    "-",
    "srcset",
];

proptest! {
    #[test]
    fn texts_stay_in_their_place(text in hostile_text()) {
        for beginning in BEGINNINGS {
            assert_contained(beginning, Value::from(text.as_str()));
        }
    }

    #[test]
    fn typed_texts_stay_in_their_place(text in hostile_text(), kind in proptest::sample::select(TYPES)) {
        for beginning in BEGINNINGS {
            // HTML is what may be printed as it is in text.
            if kind == TextType::Html && context_after(beginning).state == State::Text {
                continue;
            }
            assert_contained(beginning, Value::String(GoString::from(text.as_str()), kind));
        }
    }

    #[test]
    fn escaped_values_have_no_markup_of_their_own(text in hostile_text()) {
        for beginning in BEGINNINGS {
            let context = context_after(beginning);
            let (printed, _) = printed(&context, Value::from(text.as_str()));
            let forbidden: &[char] = match context.for_value().delimiter {
                Delimiter::None => &['<'],
                Delimiter::DoubleQuote => &['"', '<'],
                Delimiter::SingleQuote => &['\'', '<'],
                Delimiter::SpaceOrTagEnd => &['<', '>', ' ', '"', '\'', '`', '=', '\n'],
            };
            prop_assert!(!printed.contains(forbidden), "{beginning} + {printed}");
        }
    }

    #[test]
    fn any_template_is_escaped_or_refused(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..40)) {
        let source = pieces.concat();
        let templates = crate::parse("t", &source, &Functions::BUILTINS, &Limits::default());
        if let Ok(templates) = templates {
            let limits = crate::html::Limits::default();
            let once = escape(&templates, "t", &limits);
            let again = escape(&templates, "t", &limits);
            let print = |templates: &crate::Templates| {
                templates.iter().map(ToString::to_string).collect::<Vec<_>>()
            };
            prop_assert_eq!(once.map(|t| print(&t)), again.map(|t| print(&t)));
        }
    }
}
