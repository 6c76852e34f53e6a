//! What the parser accepts, what it refuses and in which words, and that nothing upsets it.

mod cost;
mod execution;
mod properties;
mod values;

use crate::ast::{Binding, Node, Number, OperandKind};
use crate::functions::ALERTMANAGER;
use crate::{Limits, ParseError, Templates, has_action, parse};

fn parsed(source: &str) -> Result<Templates, ParseError> {
    parse("t", source, &ALERTMANAGER, &Limits::default())
}

/// Parses a source and prints its main template.
#[track_caller]
fn check(source: &str, expected: &str) {
    let templates = parsed(source).unwrap_or_else(|error| panic!("{source}: {error}"));
    assert_eq!(
        templates.get("t").unwrap().to_string(),
        expected,
        "{source}"
    );
}

/// Parses a source that is wrong and compares the message without `template: t:`.
#[track_caller]
fn refused(source: &str, expected: &str) {
    let error = parsed(source).expect_err(source);
    let printed = error.to_string();
    assert_eq!(
        printed.strip_prefix("template: t:").unwrap(),
        expected,
        "{source}"
    );
}

/// Parses a source of one constant.
#[track_caller]
fn number(constant: &str) -> Number {
    let templates = parsed(&format!("{{{{ {constant} }}}}")).unwrap();
    match &templates.get("t").unwrap().body[..] {
        [Node::Action(pipeline)] => match &pipeline.commands[0].operands[0].kind {
            OperandKind::Number(number) => number.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn text_and_trimming() {
    check("no action { } }}", "no action { } }}");
    check("a  {{- .X -}} \n b", "a{{.X}}b");
    check("a {{- /* c */ -}} b{{/**/}}c", "abc");
    check("{{-3}}{{- 3}}{{3 -}}", "{{-3}}{{3}}{{3}}");
    check("{{  .X   -}}  ", "{{.X}}");
    check("{{-\n.X\n-}}", "{{.X}}");
    check("", "");
    check("{{- /* only */ -}}", "");
}

#[test]
fn pipelines_and_operands() {
    check(
        "{{ .A.B|len|printf \"%d\" }}",
        "{{.A.B | len | printf \"%d\"}}",
    );
    check(
        "{{ $x:=1 }}{{ $x = .A }}{{$x.B.C}}",
        "{{$x := 1}}{{$x = .A}}{{$x.B.C}}",
    );
    check("{{ (index .A 0).B.C }}", "{{(index .A 0).B.C}}");
    check("{{ len.Foo }}{{ . . }}", "{{len.Foo}}{{. .}}");
    check("{{ ($y := 1) }}", "{{($y := 1)}}");
    check("{{ \"a\" | }}", "{{\"a\"}}");
    check(
        "{{ print nil true false . $ `raw` 'c' }}",
        "{{print nil true false . $ `raw` 'c'}}",
    );
    check("{{ .X.Format \"15:04\" }}", "{{.X.Format \"15:04\"}}");
    check("{{ $größe := 3 }}{{ $größe }}", "{{$größe := 3}}{{$größe}}");
    check("{{ $.X }}{{ $ }}", "{{$.X}}{{$}}");
    check("{{ $z = 1 }}", "{{$z = 1}}");
}

#[test]
fn control_structures() {
    check(
        "{{if .A}}a{{else if .B}}b{{else}}c{{end}}",
        "{{if .A}}a{{else if .B}}b{{else}}c{{end}}",
    );
    check(
        "{{with $x := .A}}{{$x}}{{else with .B}}{{$x}}{{end}}",
        "{{with $x := .A}}{{$x}}{{else with .B}}{{$x}}{{end}}",
    );
    check(
        "{{range $i, $e := .A}}{{break}}{{continue}}{{else}}none{{end}}",
        "{{range $i, $e := .A}}{{break}}{{continue}}{{else}}none{{end}}",
    );
    check("{{range 3}}x{{end}}", "{{range 3}}x{{end}}");
    check(
        "{{template \"a\"}}{{template `b` .X}}",
        "{{template \"a\"}}{{template \"b\" .X}}",
    );
    check(
        "{{ if .A }}{{ block \"b\" . }}x{{ end }}{{ end }}",
        "{{if .A}}{{template \"b\" .}}{{end}}",
    );
    check(
        "{{range .A}}{{if .B}}{{break}}{{end}}{{end}}",
        "{{range .A}}{{if .B}}{{break}}{{end}}{{end}}",
    );
}

#[test]
fn mistakes_are_told_in_the_words_of_go() {
    refused(
        "{{ define \"q\" }}{{ else }}{{ end }}",
        "1: unexpected {{else}} in define clause",
    );
    refused(
        "{{ range .A }}{{ define \"q\" }}{{ end }}{{ end }}",
        "1: unexpected <define> in command",
    );
    refused(
        "{{ range .A }}{{ block \"q\" . }}{{ break }}{{ end }}{{ end }}",
        "1: {{break}} outside {{range}}",
    );
    refused(
        "{{ range .A }}{{ else }}{{ break }}{{ end }}",
        "1: {{break}} outside {{range}}",
    );
    refused(
        "{{ range $a, 3 := .A }}{{ end }}",
        "1: range can only initialize variables",
    );
    refused("{{ range $a, }}{{ end }}", "1: missing value for range");
    refused("{{ .A\n\n", "3: unclosed action started at t:1");
    refused(
        "{{ .A\n\n\"",
        "3: unterminated quoted string in action started at t:1",
    );
    refused(
        "a\nb{{ toUpper.A abcdefghijklmnop }}",
        "2: function \"abcdefghijklmnop\" not defined",
    );
    refused(
        "{{ template abcdefghijklmnop }}",
        "1: unexpected \"abcdefghij\"... in template clause",
    );
    refused("{{ end extra }}", "1: unexpected \"extra\" in end");
    refused("{{ else extra }}", "1: unexpected \"extra\" in else");
    refused("{{ if true }}{{ end }}{{ end }}", "1: unexpected {{end}}");
    refused("{{ \u{1} }}", "1: unrecognized character in action: U+0001");
    refused("{{ : }}", "1: expected :=");
    refused("{{ ..A }}", "1: unexpected . after term \".\"");
    refused("{{ a½ }}", "1: bad character U+00BD '½'");
    refused(
        "{{ block \"b\" }}{{ end }}",
        "1: missing value for block clause",
    );
    refused("{{ (", "1: unclosed action");
    refused("{{ () }}", "1: missing value for parenthesized pipeline");
    refused("{{", "1: unclosed action");
    refused("{{ \"a\" || len }}", "1: unexpected \"|\" in command");
    refused("{{ len(.A) }}", "1: unexpected \"(\" in operand");
    refused("{{ .A, .B }}", "1: unexpected \",\" in operand");
}

#[test]
fn an_error_has_its_column_in_characters() {
    let error = parsed("ä\nöü{{ nope }}").unwrap_err();
    assert_eq!((error.line, error.column, error.name.as_str()), (2, 6, "t"));
}

#[test]
fn numbers_follow_the_rules_of_go() {
    let int = |text: &str| number(text).int;
    assert_eq!(int("0x_1F"), Some(31));
    assert_eq!(int("0o17"), Some(15));
    assert_eq!(int("017"), Some(15));
    assert_eq!(int("0b101"), Some(5));
    assert_eq!(int("1_000"), Some(1000));
    assert_eq!(int("+3"), Some(3));
    assert_eq!(int("1e3"), Some(1000));
    assert_eq!(int("-9223372036854775808"), Some(i64::MIN));
    assert_eq!(int("'\\n'"), Some(10));
    assert_eq!(int("'\\x41'"), Some(65));
    assert_eq!(int("'é'"), Some(233));
    assert_eq!(number("18446744073709551615").uint, Some(u64::MAX));
    assert_eq!(number("18446744073709551615").int, None);
    assert_eq!(number("-0").uint, Some(0));
    assert_eq!(number(".5").float, Some(0.5));
    assert_eq!(number("1.").float, Some(1.0));
    assert_eq!(number("1_23.50_0_0e+1_2").float, Some(123.5e12));
    assert_eq!(number("0x1.8p3").float, Some(12.0));
    assert_eq!(number("0x1p-1074").float, Some(5e-324));
    assert_eq!(number("0x.8p1").int, Some(1));
    assert_eq!(number("1+2i").complex, Some((1.0, 2.0)));
    assert_eq!(number("-1e+1-2.5e-1i").complex, Some((-10.0, -0.25)));
    assert_eq!(number("2.5i").complex, Some((0.0, 2.5)));
    assert_eq!(number("0i").int, Some(0));
    assert_eq!(number("2i").float, None);
}

#[test]
fn numbers_that_are_none() {
    refused("{{ 08 }}", "1: integer overflow: \"08\"");
    refused("{{ 0x1.8 }}", "1: illegal number syntax: \"0x1.8\"");
    refused("{{ 1__0 }}", "1: illegal number syntax: \"1__0\"");
    refused("{{ 1e999 }}", "1: illegal number syntax: \"1e999\"");
    refused("{{ 0xp1 }}", "1: illegal number syntax: \"0xp1\"");
    refused("{{ 1+2 }}", "1: bad number syntax: \"1+2\"");
    refused("{{ + }}", "1: illegal number syntax: \"+\"");
    refused("{{ '' }}", "1: invalid syntax");
    refused("{{ 1i+2i }}", "1: expected complex number");
}

#[test]
fn strings_are_bytes() {
    let templates = parsed(r#"{{ "a\tA\x41\101é\U0001F525\xff\"" }}{{ `\n` }}"#).unwrap();
    let values: Vec<&[u8]> = templates
        .get("t")
        .unwrap()
        .body
        .iter()
        .map(string_value)
        .collect();
    assert_eq!(
        values,
        [b"a\tAAA\xc3\xa9\xf0\x9f\x94\xa5\xff\"".as_slice(), b"\\n"]
    );
    refused(r#"{{ "\ud800" }}"#, "1: invalid syntax");
    refused(r#"{{ "\400" }}"#, "1: invalid syntax");
    refused(r#"{{ "\'" }}"#, "1: invalid syntax");
    refused(r#"{{ "\x4" }}"#, "1: invalid syntax");
}

fn string_value(node: &Node) -> &[u8] {
    match node {
        Node::Action(pipeline) => match &pipeline.commands[0].operands[0].kind {
            OperandKind::String(string) => &string.value,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn assignment_and_declaration_are_told_apart() {
    let templates = parsed("{{ $a := 1 }}{{ $a = 2 }}").unwrap();
    let bindings: Vec<Binding> = templates
        .get("t")
        .unwrap()
        .body
        .iter()
        .map(|node| match node {
            Node::Action(pipeline) => pipeline.binding,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(bindings, [Binding::Declare, Binding::Assign]);
}

#[test]
fn a_later_source_replaces_unless_it_is_empty() {
    let mut templates =
        parsed("{{ define \"a\" }}one{{ end }}{{ define \"b\" }}two{{ end }}text").unwrap();
    let limits = Limits::default();
    let later =
        "{{ define \"a\" }}new{{ end }} {{ define \"b\" }} {{ end }} {{ define \"c\" }}{{ end }}";
    templates
        .parse_and_add("t", later, &ALERTMANAGER, &limits)
        .unwrap();
    let shown: Vec<String> = templates.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["new", "two", "", "text"]);
    assert_eq!(
        templates.defined_names().collect::<Vec<_>>(),
        ["a", "b", "c", "t"]
    );

    let before = templates.clone();
    templates
        .parse_and_add("u", "{{ if }}", &ALERTMANAGER, &limits)
        .unwrap_err();
    assert!(templates.iter().eq(before.iter()));
}

#[test]
fn one_source_defines_a_name_once() {
    refused(
        "{{ define \"a\" }}1{{ end }}{{ define \"a\" }}2{{ end }}",
        "1: template: multiple definition of template \"a\"",
    );
    check(
        "{{ define \"a\" }} {{ end }}{{ define \"a\" }}2{{ end }}{{ define \"a\" }}{{ end }}",
        "",
    );
}

#[test]
fn nesting_and_size_are_bounded() {
    let message = "1: max expression depth exceeded: at most 200";
    refused(&format!("{{{{ {}", "(".repeat(100_000)), message);
    refused(&"{{ if . }}".repeat(100_000), message);
    refused(&"{{ block \"b\" . }}".repeat(10_000), message);
    check(
        &format!("{{{{ {}1{} }}}}", "(".repeat(200), ")".repeat(200)),
        &format!("{{{{{}1{}}}}}", "(".repeat(200), ")".repeat(200)),
    );

    let limits = Limits {
        source_bytes_max: 3,
        ..Limits::default()
    };
    parse("t", "abc", &ALERTMANAGER, &limits).unwrap();
    let error = parse("t", "abcd", &ALERTMANAGER, &limits).unwrap_err();
    assert_eq!(
        error.to_string(),
        "template: t:1: the text has 4 bytes; at most 3"
    );
}

#[test]
fn a_long_chain_of_branches_is_no_nesting() {
    let source = format!("{{{{if .}}}}{}{{{{end}}}}", "{{else if .}}".repeat(10_000));
    check(&source, &source);
}

#[test]
fn an_action_is_recognised() {
    assert!(has_action("a{{ b"));
    assert!(!has_action("a{ {b}"));
}
