//! What text does to the context, and what of it is printed.

use crate::html::context::Context;
use crate::html::state::{Element, State};
use crate::html::text::rewrite;

/// The context after a text, as Go prints it, and what is printed for the text.
fn read(text: &str) -> (String, String) {
    let mut context = Context::default();
    match rewrite(&mut context, text) {
        Ok(output) => (context.to_string(), output.into_owned()),
        Err(fault) => (fault.message, String::new()),
    }
}

#[test]
fn states() {
    for (text, expected) in [
        ("", "stateText"),
        ("a < b", "stateText"),
        ("a <b", "stateTag"),
        ("<a href", "stateAttrName"),
        ("<a href ", "stateAfterName"),
        ("<a href = ", "stateBeforeValue"),
        ("<a href='", "stateURL"),
        ("<a title=\"x", "stateAttr"),
        ("<!-- a --> <!-- b", "stateHTMLCmt"),
        ("<title><b>", "stateRCDATA"),
        ("<TITLE></tiTLE >", "stateText"),
        ("<textarea></textareas>", "stateRCDATA"),
        ("<img srcset='", "stateSrcset"),
        ("<script>", "stateJS"),
        ("<script>x = \"", "stateJSDqStr"),
        ("<script>x = 'a\\'", "stateJSSqStr"),
        ("<script>x = `", "stateJSTmplLit"),
        ("<script>x = `a${", "stateJS"),
        ("<script>x = `a${ {b:{}} }", "stateJSTmplLit"),
        ("<script>x = /", "stateJSRegexp"),
        ("<script>x = /[/]", "stateJSRegexp"),
        ("<script>x = /a/", "stateJS"),
        ("<script>x = 1 /", "stateJS"),
        ("<script>if (x) { /", "stateJSRegexp"),
        ("<script>x-- /", "stateJS"),
        ("<script>x - /", "stateJSRegexp"),
        ("<script>return /", "stateJSRegexp"),
        ("<script>`a` /", "stateJS"),
        ("<script>/* ", "stateJSBlockCmt"),
        ("<script>// ", "stateJSLineCmt"),
        ("<script>// \n", "stateJS"),
        ("<script><!-- ", "stateJSHTMLOpenCmt"),
        ("<script>--> ", "stateJSHTMLCloseCmt"),
        ("<script>#!", "stateJSLineCmt"),
        ("<script>'</script>", "stateJSSqStr"),
        ("<script>x</script>", "stateText"),
        ("<script type=module>", "stateJS"),
        ("<script type='text/template'>", "stateText"),
        ("<a onclick='f(&quot;", "stateJSDqStr"),
        ("<a onclick='f(&sol;", "stateJSRegexp"),
        ("<a onclick='x &sol;", "stateJS"),
        ("<a onclick='&eacute;/", "stateJS"),
        ("<style>", "stateCSS"),
        ("<style>a { b: \"", "stateCSSDqStr"),
        ("<style>a { b: '", "stateCSSSqStr"),
        ("<style>a { b: url( \"", "stateCSSDqURL"),
        ("<style>a { b: URL('", "stateCSSSqURL"),
        ("<style>a { b: url(", "stateCSSURL"),
        ("<style>a { b: url(x) c", "stateCSS"),
        ("<style>a { b: curl(", "stateCSS"),
        ("<style>/*", "stateCSSBlockCmt"),
        ("<style>//", "stateCSSLineCmt"),
        ("<p style='a:\"\\\"", "stateCSSDqStr"),
        ("<meta content='0; ", "stateMetaContent"),
        ("<meta content='0; uRl \t= ", "stateMetaContentURL"),
        ("<meta content='url=a;", "stateMetaContent"),
        ("<meta content=x>", "stateText"),
    ] {
        let (context, _) = read(text);
        let state = context
            .split(' ')
            .next()
            .unwrap_or_default()
            .trim_start_matches('{');
        assert_eq!(state, expected, "{text}: {context}");
    }
}

#[test]
fn details_of_contexts() {
    for (text, expected) in [
        (
            "<a href=\"/x?",
            "{stateURL delimDoubleQuote urlPartQueryOrFrag jsCtxRegexp [] attrURL elementNone <nil>}",
        ),
        (
            "<a href=/",
            "{stateURL delimSpaceOrTagEnd urlPartPreQuery jsCtxRegexp [] attrURL elementNone <nil>}",
        ),
        (
            "<script>`${`${{",
            "{stateJS delimNone urlPartNone jsCtxRegexp [0 1] attrNone elementScript <nil>}",
        ),
        (
            "<script>x",
            "{stateJS delimNone urlPartNone jsCtxDivOp [] attrNone elementScript <nil>}",
        ),
    ] {
        assert_eq!(read(text).0, expected, "{text}");
    }
}

#[test]
fn mistakes() {
    for (text, expected) in [
        (
            "<a =b",
            "expected space, attr name, or end of tag, but got \"=b\"",
        ),
        ("<a b\"c", "\"\\\"\" in attribute name: \"b\\\"c\""),
        ("<a b=c`d", "\"`\" in unquoted attr: \"c`d\""),
        (
            "<script>'\\",
            "unfinished escape sequence in JS string: \"\\\\\"",
        ),
        (
            "<script>`\\",
            "unfinished escape sequence in JS string: \"\\\\\"",
        ),
        ("<script>/[a", "unfinished JS regexp charset: \"[a\""),
        (
            "<style>'\\",
            "unfinished escape sequence in CSS string: \"\\\\\"",
        ),
    ] {
        assert_eq!(read(text).0, expected, "{text}");
    }
}

#[test]
fn printed_text() {
    for (text, expected) in [
        ("a < b <c>", "a &lt; b <c>"),
        ("<!doctype html>x<", "<!doctype html>x&lt;"),
        ("a<!-- b -->c<!-- d", "ac"),
        ("<title>a<b</title>", "<title>a&lt;b</title>"),
        (
            "<script>a/* b */c/*\n*/d// e\nf</script>",
            "<script>a c\nd\nf</script>",
        ),
        ("<script>a <!-- b\nc --> d\ne", "<script>a \nc \ne"),
        (
            "<script>'<script></SCRIPT><!-- <b'</script>",
            "<script>'\\x3Cscript>\\x3C/SCRIPT>\\x3C!-- <b'</script>",
        ),
        ("<script>/a</script>/", "<script>/a\\x3C/script>/"),
        ("<style>a/* b */{}// c\nd</style>", "<style>a {}\nd</style>"),
        ("<a onclick='/* x */ f()'>", "<a onclick='/* x */ f()'>"),
    ] {
        assert_eq!(read(text).1, expected, "{text}");
    }
}

#[test]
fn comments_between_texts() {
    let mut context = Context {
        state: State::JsBlockComment,
        element: Element::Script,
        ..Context::default()
    };
    let printed = rewrite(&mut context, "a */ b").expect("a comment ends");
    assert_eq!(printed, "  b");
    let mut context = Context {
        state: State::HtmlComment,
        ..Context::default()
    };
    let printed = rewrite(&mut context, "all of it").expect("a comment goes on");
    assert_eq!(printed, "");
}
