//! Templates that were made to hurt.

use std::fmt::Write as _;

use super::escape_source;
use crate::html::ErrorCode;
use crate::html::context::Context;
use crate::html::text::rewrite;

/// Escapes in a thread with a small stack; gives the code of the error, if there is one.
fn code_of(source: String) -> Option<ErrorCode> {
    let thread = std::thread::Builder::new()
        .stack_size(1 << 20)
        .spawn(move || escape_source(&source).err().map(|error| error.code));
    thread
        .expect("a thread starts")
        .join()
        .expect("escaping does not panic")
}

fn chain(length: usize) -> String {
    let mut source = String::new();
    for index in 0..length {
        let next = index + 1;
        let _ = write!(
            source,
            "{{{{define \"x{index}\"}}}}{{{{if .}}}}{{{{template \"x{next}\"}}}}{{{{end}}}}{{{{end}}}}"
        );
    }
    let _ = write!(
        source,
        "{{{{define \"x{length}\"}}}}{{{{end}}}}{{{{template \"x0\"}}}}"
    );
    source
}

#[test]
fn long_chains_of_calls() {
    assert_eq!(code_of(chain(80)), None);
    assert_eq!(code_of(chain(10_000)), Some(ErrorCode::Limit));
}

#[test]
fn deep_blocks() {
    let blocks = format!("{}x{}", "{{if .}}".repeat(95), "{{end}}".repeat(95));
    assert_eq!(code_of(blocks), None);
    let ranges = format!("{}x{}", "{{range .}}".repeat(95), "{{end}}".repeat(95));
    let called = format!(
        "{{{{define \"x\"}}}}{ranges}{{{{end}}}}{}{{{{template \"x\"}}}}{}",
        "{{with .}}".repeat(95),
        "{{end}}".repeat(95)
    );
    assert_eq!(code_of(called), None);
}

#[test]
fn templates_without_end_of_contexts() {
    let source =
        "{{define \"x\"}}`${ {{template \"x\"}} }`{{end}}<script>{{template \"x\"}}</script>";
    assert_eq!(code_of(source.to_owned()), Some(ErrorCode::Limit));
}

#[test]
fn ranges_that_change_the_context_in_ranges() {
    let mut source = "<a ".to_owned();
    for _ in 0..60 {
        source.push_str("{{range .}}b ");
    }
    source.push_str(&"{{end}}".repeat(60));
    source.push('>');
    let code = code_of(source);
    assert!(code.is_none() || code == Some(ErrorCode::Limit), "{code:?}");
}

/// With quadratic time, each of these would take minutes.
#[test]
fn long_texts() {
    let texts = [
        "<script>".to_owned() + &"x = \"a\" / {b}; ".repeat(100_000),
        "<style>".to_owned() + &"a(\"\\a \") url(b) ".repeat(100_000),
        "<style>'".to_owned() + &"\\a ".repeat(500_000),
        "<title>".to_owned() + &"</titl".repeat(300_000),
        "<a b='".to_owned() + &"&amp;&x".repeat(300_000),
        "<a onclick='".to_owned() + &"a/&quot;/*x*/".repeat(100_000),
        "<".repeat(1_000_000),
        "<a b=c>".repeat(200_000),
        "<a ".to_owned() + &"b ".repeat(300_000),
        "<script>'".to_owned() + &"<script".repeat(200_000),
        "<script>".to_owned() + &"/* x */".repeat(200_000),
        "<meta content='".to_owned() + &"url ".repeat(300_000),
        "<meta content='".to_owned() + &"url".repeat(300_000) + &" ".repeat(300_000),
    ];
    for text in texts {
        let mut context = Context::default();
        let outcome = rewrite(&mut context, &text);
        assert!(outcome.is_ok(), "{}: {outcome:?}", &text[..20]);
    }
}
