//! Properties: no panic on any text, and printing a tree gives text that parses to the same tree.

mod mutations;

use proptest::prelude::*;

use super::parsed;
use crate::functions::{ALERTMANAGER, Environment};
use crate::time::{Time, Zone};
use crate::value::{ElementType, List, Map};
use crate::{Limits, Templates, Value};

/// Pieces of template language, glued together at random.
const PIECES: &[&str] = &[
    "{{",
    "}}",
    "{{- ",
    " -}}",
    "{{/*",
    "*/}}",
    "if ",
    "else ",
    "end",
    "range ",
    "with ",
    "break",
    "continue",
    "define ",
    "block ",
    "template ",
    "\"x\"",
    "`y`",
    "'c'",
    "$x",
    "$",
    ":=",
    "=",
    ",",
    "|",
    "(",
    ")",
    ".",
    ".A",
    ".B.C",
    "len ",
    "printf ",
    "nil",
    "true",
    "1",
    "0x",
    "1e",
    "1+2i",
    "_",
    " ",
    "\n",
    "é",
    "\\",
    "text",
    "{{end}}",
    "{{if .}}",
    "{{range .A}}",
    "{{with .B}}",
    "{{else}}",
    "{{define \"d\"}}",
    "{{block \"b\" .}}",
    "{{.}}",
    "{{$x := 1}}",
    "{{$x}}",
];

/// Operands without text around them, which always parse alone.
const OPERANDS: &[&str] = &[
    ".",
    ".A.B",
    "$",
    "$.C",
    "nil",
    "true",
    "1",
    "-2.5",
    "'c'",
    "\"s\"",
    "(len .A).D",
    "(.E)",
];

proptest! {
    #[test]
    fn any_text_parses_or_is_refused(text in "\\PC{0,80}") {
        let _ = parsed(&text);
        let _ = parsed(&format!("{{{{{text}"));
    }

    #[test]
    fn any_sequence_of_pieces_parses_or_is_refused(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40),
    ) {
        let source = pieces.concat();
        match parsed(&source) {
            Ok(templates) => {
                for template in templates.iter() {
                    prop_assert!(template.to_string().len() <= 16 * source.len() + 16);
                }
            }
            Err(error) => {
                prop_assert!(error.line <= source.matches('\n').count() + 1);
                prop_assert!(error.column <= source.chars().count() + 1);
            }
        }
    }

    #[test]
    fn what_is_printed_parses_to_the_same(
        commands in prop::collection::vec(
            prop::collection::vec(prop::sample::select(OPERANDS), 1..4),
            1..5,
        ),
    ) {
        let commands: Vec<String> =
            commands.iter().map(|operands| format!("print {}", operands.join(" "))).collect();
        let source = format!("{{{{if {0}}}}}{{{{$x := {0}}}}}{{{{end}}}}", commands.join("|"));
        let printed = parsed(&source).unwrap().get("t").unwrap().to_string();
        let again = parsed(&printed).unwrap().get("t").unwrap().to_string();
        prop_assert_eq!(printed, again);
    }
}

/// Pieces that run: commands over the data below.
const COMMANDS: &[&str] = &[
    ".",
    ".A",
    ".B",
    ".B.k",
    ".L",
    "$",
    "$x",
    "$x.k",
    "len .L",
    "len $x",
    "index .L 1",
    "index .B $x",
    "index $x $x",
    "slice .S 1 2",
    "slice $x 1",
    "printf \"%v %d %s %q %x %T\" $x $x $x $x $x $x",
    "printf $x $x",
    "printf .S .L .B",
    "printf \"%*.*f|%[2]*[1]d|%+#v\" $x 3 $x",
    "print $x .L nil",
    "eq $x .A",
    "lt $x 3",
    "and $x .A",
    "or nil $x",
    "not $x",
    "list $x .A $x",
    "append (list 1) $x",
    "dict \"k\" $x",
    "dict .S $x",
    "toJson $x",
    "join .S (stringSlice .S .S)",
    "title .S",
    "match .S .S",
    "reReplaceAll .S .S .S",
    "html $x",
    "js .S",
    "urlquery .S $x",
    "humanizeDuration .A",
    "humanizeDuration .S",
    "date .S .T",
    ".T.Add .D",
    ".T.AddDate .A .A .A",
    ".T.Format .S",
    ".T.Round .D",
    ".T.Sub .T",
    "tz \"Asia/Tokyo\" .T",
    "toDate .S .S",
    ".D.Hours",
    ".D.Round .D",
    "urlUnescape .S",
    "base64decode .S",
];

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::int),
        (-3_i64..5).prop_map(Value::int),
        any::<f64>().prop_map(Value::Float),
        any::<i64>().prop_map(Value::duration),
        prop::collection::vec(any::<u8>(), 0..12).prop_map(Value::string),
        "\\PC{0,12}".prop_map(Value::string),
        "[%a-z0-9.*#+\\[\\]()-]{0,12}".prop_map(Value::string),
        (any::<i64>(), any::<u32>()).prop_map(|(seconds, nanos)| Time::new(
            seconds,
            nanos,
            Zone::Utc
        )
        .into()),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| List::new(
                items,
                ElementType::Any
            )
            .into()),
            prop::collection::vec(("[a-k]", inner), 0..4).prop_map(|entries| {
                let entries = entries.into_iter().map(|(key, value)| (key.into(), value));
                Map::new(entries.collect(), ElementType::Any).into()
            }),
        ]
    })
}

fn data(a: Value, text: Value, x: Value, time: (i64, i64)) -> Value {
    let inner = Map::new(vec![("k".into(), x.clone())], ElementType::Any);
    let list = List::new(vec![x, a.clone()], ElementType::Any);
    let entries = vec![
        ("A".into(), a),
        ("B".into(), inner.into()),
        ("D".into(), Value::duration(time.1)),
        ("L".into(), list.into()),
        ("S".into(), text),
        (
            "T".into(),
            Time::new(time.0, 7, Zone::from_offset_seconds(3600)).into(),
        ),
    ];
    Map::new(entries, ElementType::Any).into()
}

fn any_text() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[%a-z0-9.*#+\\[\\]()-]{0,12}".prop_map(Value::string),
        prop::collection::vec(any::<u8>(), 0..12).prop_map(Value::string),
        "(2006|01|Jan|Mon|15|.000|MST|Z07:00|_2| ){0,5}".prop_map(Value::string),
    ]
}

fn executed(source: &str, dot: &Value) -> Option<usize> {
    let limits = Limits {
        steps_max: 50_000,
        ..Limits::TENANT
    };
    let mut templates = Templates::default();
    templates
        .parse_inline("t", source, &ALERTMANAGER, &limits)
        .ok()?;
    let environment = Environment::new(Time::new(1_780_000_000, 0, Zone::Utc));
    let mut output = Vec::new();
    let done = templates.execute("t", dot, &ALERTMANAGER, &environment, &limits, &mut output);
    if let Err(error) = done {
        assert!(error.to_string().starts_with("template: "));
    }
    Some(output.len())
}

proptest! {
    #[test]
    fn any_sequence_of_pieces_runs_or_fails(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40),
        dot in any_value(),
    ) {
        if let Some(length) = executed(&pieces.concat(), &dot) {
            prop_assert!(length <= Limits::TENANT.output_bytes_max);
        }
    }

    #[test]
    fn any_command_on_any_data_runs_or_fails(
        commands in prop::collection::vec(prop::sample::select(COMMANDS), 1..6),
        a in any_value(),
        text in any_text(),
        x in any_value(),
        time in (any::<i64>(), any::<i64>()),
    ) {
        let dot = data(a, text, x, time);
        // Each command alone first, so that one that fails does not hide the others.
        for command in &commands {
            executed(&format!("{{{{ $x := .B.k }}}}{{{{ {command} }}}}"), &dot);
        }
        let mut source = "{{ $x := .B.k }}".to_owned();
        for command in &commands {
            source += &format!("{{{{ $x = {command} }}}}{{{{ with $x }}}}{{{{ . }}}}{{{{ range $ }}}}{{{{ . }}}}{{{{ end }}}}{{{{ end }}}}");
        }
        executed(&source, &dot);
    }

    #[test]
    fn any_format_prints(format in "[%a-zA-Z0-9.*#+ \\[\\]-]{0,20}", values in prop::collection::vec(any_value(), 0..4)) {
        let mut bytes = Vec::new();
        let _ = crate::fmt::printf(&mut crate::fmt::Buffer::new(&mut bytes, 1 << 20), format.as_bytes(), &values);
        prop_assert!(bytes.len() <= 1 << 20);
    }
}
