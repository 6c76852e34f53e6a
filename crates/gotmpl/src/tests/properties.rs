//! Properties: no panic on any text, and printing a tree gives text that parses to the same tree.

use proptest::prelude::*;

use super::parsed;

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
    #![proptest_config(ProptestConfig::with_cases(512))]

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
