//! What values of all types become.

use crate::functions::Environment;
use crate::html::ESCAPERS;
use crate::time::Time;
use crate::value::{GoString, List, Map, TextType, Value};
use crate::{Functions, Limits};

const FUNCTIONS: Functions = Functions::BUILTINS.and(ESCAPERS);

/// Renders a source with a value as dot.
fn render(source: &str, dot: &Value) -> String {
    let templates = super::escape_source(source).unwrap_or_else(|error| panic!("{error}"));
    let environment = Environment::new(Time::zero());
    let mut output = Vec::new();
    templates
        .execute(
            "t",
            dot,
            &FUNCTIONS,
            &environment,
            &Limits::default(),
            &mut output,
        )
        .unwrap_or_else(|error| panic!("{source}: {error}"));
    String::from_utf8(output).expect("escaped output is text")
}

fn typed(text: &str, kind: TextType) -> Value {
    Value::String(GoString::from(text), kind)
}

#[test]
fn nothing_prints_as_nothing() {
    for (source, expected) in [
        ("[{{.}}]", "[]"),
        ("<a b='{{.}}'>", "<a b=''>"),
        ("<a b={{.}}>", "<a b=ZgotmplZ>"),
        ("<a {{.}}=c>", "<a ZgotmplZ=c>"),
        (
            "<script>x = {{.}};</script>",
            "<script>x =  null ;</script>",
        ),
        ("<script>/{{.}}/</script>", "<script>/(?:)/</script>"),
        ("<a href='{{.}}'>", "<a href=''>"),
        ("{{. | html}}", "&lt;no value&gt;"),
    ] {
        assert_eq!(render(source, &Value::Nil), expected, "{source}");
    }
}

#[test]
fn values_in_javascript() {
    let map = Map::of_strings([("a", "</script>"), ("b", "2")]);
    for (value, expected) in [
        (Value::from(true), " true "),
        (Value::int(-3), " -3 "),
        (Value::from(1.5), " 1.5 "),
        (Value::from("x\u{2028}'<"), "\"x\\u2028'\\u003c\""),
        (Value::duration(90_000_000_000), "\"1m30s\""),
        (Value::from(Time::zero()), "\"0001-01-01T00:00:00Z\""),
        (List::of_strings(["a", "b"]).into(), "[\"a\",\"b\"]"),
        (map.into(), "{\"a\":\"\\u003c/script\\u003e\",\"b\":\"2\"}"),
        (
            Value::from(f64::NAN),
            " /* json: unsupported value: NaN */null ",
        ),
        (typed("f()", TextType::Js), "f()"),
        (typed("\\x27", TextType::JsStr), "\"\\x27\""),
        (typed("<b>", TextType::Html), "\"\\u003cb\\u003e\""),
    ] {
        let rendered = render("<script>{{.}}</script>", &value);
        assert_eq!(
            rendered,
            format!("<script>{expected}</script>"),
            "{value:?}"
        );
    }
}

#[test]
fn typed_texts_in_their_places() {
    for (source, kind, text, expected) in [
        ("{{.}}", TextType::Html, "<b>&amp;", "<b>&amp;"),
        ("{{.}}", TextType::Js, "<b>", "&lt;b&gt;"),
        (
            "<title>{{.}}</title>",
            TextType::Html,
            "<b>&amp;",
            "<title>&lt;b&gt;&amp;</title>",
        ),
        (
            "<a b='{{.}}'>",
            TextType::Html,
            "<b>x</b>'&amp;",
            "<a b='x&#39;&amp;'>",
        ),
        ("<a b={{.}}>", TextType::Html, "<b>x</b> y", "<a b=x&#32;y>"),
        (
            "<a {{.}}>",
            TextType::HtmlAttr,
            "onclick='f()'",
            "<a onclick='f()'>",
        ),
        (
            "<a href='{{.}}'>",
            TextType::Url,
            "tel:1",
            "<a href='tel:1'>",
        ),
        (
            "<a href='?{{.}}'>",
            TextType::Url,
            "a=b&c",
            "<a href='?a=b&amp;c'>",
        ),
        (
            "<img srcset='{{.}}'>",
            TextType::Srcset,
            "tel:1 2x",
            "<img srcset='tel:1 2x'>",
        ),
        (
            "<img srcset='{{.}}'>",
            TextType::Url,
            "/a,b",
            "<img srcset='/a%2cb'>",
        ),
        (
            "<p style='{{.}}'>",
            TextType::Css,
            "a: url('b')",
            "<p style='a: url(&#39;b&#39;)'>",
        ),
        (
            "<script>'{{.}}'</script>",
            TextType::JsStr,
            "\\n'",
            "<script>'\\n\\u0027'</script>",
        ),
    ] {
        assert_eq!(render(source, &typed(text, kind)), expected, "{source}");
    }
}

#[test]
fn bytes_that_are_no_text() {
    let bytes = Value::string(&b"a\xffb"[..]);
    assert_eq!(render("{{.}}", &bytes), "a\u{fffd}b");
    assert_eq!(render("<a b={{.}}>", &bytes), "<a b=a&#xfffd;b>");
}

#[test]
fn recursive_templates_in_other_contexts() {
    let source = "{{define \"list\"}}{{if .}}{{.}},{{template \"list\"}}{{end}}{{end}}\
                  <script>x = [{{template \"list\" .}}]</script><p title='{{template \"list\" .}}'>";
    assert_eq!(
        render(source, &Value::from("a'")),
        "<script>x = [\"a'\",]</script><p title='a&#39;,'>"
    );
}
