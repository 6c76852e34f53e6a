//! What becomes of templates.

use super::escape_source;
use crate::html::ErrorCode;

/// A template after escaping, with short names of the escapers; or the error.
fn rewritten(source: &str) -> String {
    match escape_source(source) {
        Ok(templates) => templates
            .get("t")
            .map_or_else(String::new, |template| template.to_string())
            .replace("_html_template_", ""),
        Err(error) => error.to_string(),
    }
}

#[test]
fn escapers_by_context() {
    for (source, expected) in [
        ("{{.}}", "{{. | htmlescaper}}"),
        ("<{{.}}>", "&lt;{{. | htmlescaper}}>"),
        ("<a {{.}}>", "<a {{. | htmlnamefilter}}>"),
        (
            "<a {{.}}={{.}}>",
            "<a {{. | htmlnamefilter}}={{. | nospaceescaper}}>",
        ),
        ("<a b={{.}}>", "<a b={{. | nospaceescaper}}>"),
        ("<a b='{{.}}'>", "<a b='{{. | attrescaper}}'>"),
        (
            "<a href='{{.}}'>",
            "<a href='{{. | urlfilter | urlnormalizer | attrescaper}}'>",
        ),
        (
            "<a href='/{{.}}'>",
            "<a href='/{{. | urlnormalizer | attrescaper}}'>",
        ),
        (
            "<a href=?{{.}}>",
            "<a href=?{{. | urlescaper | nospaceescaper}}>",
        ),
        (
            "<img srcset='{{.}}'>",
            "<img srcset='{{. | srcsetescaper | attrescaper}}'>",
        ),
        (
            "<a onclick='{{.}}'>",
            "<a onclick='{{. | jsvalescaper | attrescaper}}'>",
        ),
        (
            "<a onclick='\"{{.}}\"'>",
            "<a onclick='\"{{. | jsstrescaper | attrescaper}}\"'>",
        ),
        (
            "<script>{{.}}</script>",
            "<script>{{. | jsvalescaper}}</script>",
        ),
        (
            "<script>'{{.}}'</script>",
            "<script>'{{. | jsstrescaper}}'</script>",
        ),
        (
            "<script>`{{.}}`</script>",
            "<script>`{{. | jstmpllitescaper}}`</script>",
        ),
        (
            "<script>/{{.}}/</script>",
            "<script>/{{. | jsregexpescaper}}/</script>",
        ),
        (
            "<script>{{.}} / {{.}}</script>",
            "<script>{{. | jsvalescaper}} / {{. | jsvalescaper}}</script>",
        ),
        (
            "<script>// {{.}}\n</script>",
            "<script>{{. | commentescaper}}\n</script>",
        ),
        (
            "<style>{{.}}</style>",
            "<style>{{. | cssvaluefilter}}</style>",
        ),
        (
            "<style>'{{.}}'</style>",
            "<style>'{{. | urlfilter | cssescaper}}'</style>",
        ),
        (
            "<style>'a{{.}}'</style>",
            "<style>'a{{. | cssescaper}}'</style>",
        ),
        (
            "<style>url({{.}})</style>",
            "<style>url({{. | urlfilter | urlnormalizer}})</style>",
        ),
        (
            "<style>url('?{{.}}')</style>",
            "<style>url('?{{. | urlescaper}}')</style>",
        ),
        (
            "<title>{{.}}</title>",
            "<title>{{. | rcdataescaper}}</title>",
        ),
        (
            "<meta content='{{.}}'>",
            "<meta content='{{. | attrescaper}}'>",
        ),
        (
            "<meta content='url={{.}}'>",
            "<meta content='url={{. | urlfilter | attrescaper}}'>",
        ),
        ("<!--{{.}}-->", "{{. | commentescaper}}"),
        ("{{$x := .}}{{$x = 1}}", "{{$x := .}}{{$x = 1}}"),
    ] {
        assert_eq!(rewritten(source), expected, "{source}");
    }
}

#[test]
fn predefined_escapers() {
    for (source, expected) in [
        ("{{. | html}}", "{{. | html}}"),
        ("{{html .}}", "{{_eval_args_ . | html}}"),
        ("{{html . .}}", "{{_eval_args_ . . | html}}"),
        ("<a b='{{. | html}}'>", "<a b='{{. | html}}'>"),
        (
            "<a href='{{. | html}}'>",
            "<a href='{{. | urlfilter | urlnormalizer | html}}'>",
        ),
        (
            "<a href='?{{. | urlquery}}'>",
            "<a href='?{{. | urlquery | attrescaper}}'>",
        ),
        (
            "<a href='{{. | urlquery}}'>",
            "<a href='{{. | urlfilter | urlquery | attrescaper}}'>",
        ),
        (
            "<script>{{. | html}}</script>",
            "<script>{{. | html | jsvalescaper}}</script>",
        ),
        (
            "<script>{{html .}}</script>",
            "<script>{{_eval_args_ . | html | jsvalescaper}}</script>",
        ),
        (
            "{{. | html | print}}",
            "html/template:t:1:2: predefined escaper \"html\" disallowed in template",
        ),
        (
            "<a b={{. | html}}>",
            "html/template:t:1:7: predefined escaper \"html\" disallowed in template",
        ),
    ] {
        assert_eq!(rewritten(source), expected, "{source}");
    }
}

#[test]
fn branches() {
    for (source, expected) in [
        (
            "<a b={{if .}}{{.}}{{end}}>",
            "<a b={{if .}}{{. | nospaceescaper}}{{end}}>",
        ),
        (
            "<a {{if .}}b{{else if .}}c='d'{{end}}>",
            "<a {{if .}}b{{else if .}}c='d'{{end}}>",
        ),
        (
            "<a href='{{with .}}/{{else}}?{{end}}'>",
            "<a href='{{with .}}/{{else}}?{{end}}'>",
        ),
        (
            "{{range .}}<b>{{.}}{{else}}{{.}}{{end}}",
            "{{range .}}<b>{{. | htmlescaper}}{{else}}{{. | htmlescaper}}{{end}}",
        ),
        (
            "{{range .}}{{if .}}{{break}}{{.}}{{end}}{{.}}{{end}}",
            "{{range .}}{{if .}}{{break}}{{end}}{{. | htmlescaper}}{{end}}",
        ),
        (
            "<a {{range .}}{{.}}{{end}}>",
            "<a {{range .}}{{. | htmlnamefilter}}{{end}}>",
        ),
        (
            "<a href='{{if .}}/?{{else}}/{{end}}{{.}}'>",
            "html/template:t:1:37: {{.}} appears in an ambiguous context within a URL",
        ),
        (
            "<script>{{if .}}1{{else}};{{end}}/a/</script>",
            "html/template:t: '/' could start a division or regexp: \"/a/\"",
        ),
        (
            "{{if .}}x{{else}}<a {{end}}",
            "html/template:t:1:5: {{if}} branches end in different contexts: \
             {stateText delimNone urlPartNone jsCtxRegexp [] attrNone elementNone <nil>}, \
             {stateTag delimNone urlPartNone jsCtxRegexp [] attrNone elementNone <nil>}",
        ),
        (
            "{{if .}}a{{else if $}}<b {{end}}",
            "html/template:t:1:19: {{if}} branches end in different contexts: \
             {stateTag delimNone urlPartNone jsCtxRegexp [] attrNone elementNone <nil>}, \
             {stateText delimNone urlPartNone jsCtxRegexp [] attrNone elementNone <nil>}",
        ),
        (
            "{{range .}}<a {{if .}}{{continue}}{{end}}>{{end}}",
            "html/template:t:1:24: at range loop continue: \
             {{continue}} branches end in different contexts: \
             {stateText delimNone urlPartNone jsCtxRegexp [] attrNone elementNone <nil>}, \
             {stateTag delimNone urlPartNone jsCtxRegexp [] attrNone elementNone <nil>}",
        ),
        (
            "a\n <a b",
            "html/template:t: ends in a non-text context: \
             {stateAttrName delimNone urlPartNone jsCtxRegexp [] attrNone elementNone <nil>}",
        ),
    ] {
        assert_eq!(rewritten(source), expected, "{source}");
    }
}

#[test]
fn called_templates() {
    let define = "{{define \"x\"}}{{.}}{{end}}";
    let source = format!(
        "{define}{{{{template \"x\"}}}}<a b='{{{{template \"x\" .}}}}'><script>1/{{{{template \"x\"}}}}</script>"
    );
    let templates = escape_source(&source).expect("x can be called anywhere");
    let printed: Vec<String> = templates
        .iter()
        .map(|template| format!("{}: {template}", template.name).replace("_html_template_", ""))
        .collect();
    assert_eq!(
        printed,
        [
            "t: {{template \"x\"}}<a b='{{template \"x$htmltemplate_stateAttr_delimSingleQuote\" .}}'>\
             <script>1/{{template \"x$htmltemplate_stateJS_elementScript\"}}</script>",
            "x: {{. | htmlescaper}}",
            "x$htmltemplate_stateAttr_delimSingleQuote: {{. | attrescaper}}",
            "x$htmltemplate_stateJS_elementScript: {{. | jsvalescaper}}",
        ]
    );
}

#[test]
fn templates_that_change_the_context() {
    let open = "{{define \"open\"}}<a b='{{end}}";
    let twice = "{{template \"open\"}}{{.}}'>{{template \"open\"}}{{.}}'>";
    assert_eq!(
        rewritten(&format!("{open}{twice}")),
        "{{template \"open\"}}{{. | attrescaper}}'>{{template \"open\"}}{{. | attrescaper}}'>"
    );
}

#[test]
fn templates_that_call_themselves() {
    let list = "{{define \"list\"}}<li>{{.}}{{if .}}{{template \"list\" .}}{{end}}{{end}}";
    assert_eq!(
        rewritten(&format!("{list}{{{{template \"list\" .}}}}")),
        "{{template \"list\" .}}"
    );
    let each_other = "{{define \"a\"}}{{template \"b\"}}{{end}}{{define \"b\"}}{{if .}}{{template \"a\"}}{{end}}{{.}}{{end}}";
    assert_eq!(
        rewritten(&format!("{each_other}{{{{template \"a\"}}}}")),
        "{{template \"a\"}}"
    );
    let growing = "{{define \"g\"}}{{if .}}{{template \"g\"}}{{end}}\"{{end}}";
    assert_eq!(
        rewritten(&format!("<script>{growing}{{{{template \"g\"}}}}</script>")),
        "html/template:t:1:24: cannot compute output context for template \
         g$htmltemplate_stateJS_elementScript"
    );
}

#[test]
fn the_place_of_an_error_is_known_even_where_go_prints_none() {
    let error = escape_source("a\nb <a b=c`>").expect_err("a backquote is not HTML");
    assert_eq!(error.code, ErrorCode::BadHtml);
    let place = error.place.expect("it is in a text");
    assert_eq!((place.line, place.column), (2, 7));
}

#[test]
fn missing_templates() {
    assert_eq!(
        rewritten("<b>\n {{template \"nope\"}}"),
        "html/template:t:2:12: no such template \"nope\""
    );
    let none = crate::html::escape(
        &crate::Templates::default(),
        "t",
        &crate::html::Limits::default(),
    );
    assert_eq!(none.map(|templates| templates.iter().count()), Ok(0));
}
