use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::json;

use super::*;
use crate::form;

/// A secret with all that means something to somebody.
const HOSTILE: &str = r#"pa"ss\w&<d'é +/%41=🙂"#;

fn hidden(text: &str) -> String {
    redact(text, [HOSTILE])
}

/// A text as servers quote it in a page, by name, by number, or in base 16.
fn as_page(text: &str, name: fn(char) -> String) -> String {
    let quoted = text.chars().map(|c| match c {
        '&' | '<' | '>' | '"' | '\'' => name(c),
        c => c.to_string(),
    });
    quoted.collect()
}

/// JSON of ASCII alone, slashes escaped as well, as of PHP and Python.
fn as_ascii_json(text: &str) -> String {
    let escaped = text.encode_utf16().map(|unit| match u8::try_from(unit) {
        Ok(b'"') => r#"\""#.to_owned(),
        Ok(b'\\') => r"\\".to_owned(),
        Ok(b'/') => r"\/".to_owned(),
        Ok(byte) if byte.is_ascii() => char::from(byte).to_string(),
        _ => format!("\\u{unit:04X}"),
    });
    escaped.collect()
}

/// JSON as Go writes it.
fn as_go_json(text: &str) -> String {
    let json = json!(text).to_string();
    let json = json.replace('&', r"\u0026").replace('<', r"\u003c");
    json.trim_matches('"').to_owned()
}

fn as_path(text: &str) -> String {
    form::escape(text).replace('+', "%20")
}

#[test]
fn a_secret_is_found_however_it_is_spelt() {
    let name = |c| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        _ => "&apos;".to_owned(),
    };
    let json = as_go_json(HOSTILE);
    for spelt in [
        HOSTILE.to_owned(),
        json.clone(),
        as_ascii_json(HOSTILE),
        form::escape(HOSTILE),
        form::escape(HOSTILE).to_lowercase(),
        as_path(HOSTILE),
        as_page(HOSTILE, name),
        as_page(HOSTILE, |c| format!("&#{};", u32::from(c))),
        as_page(HOSTILE, |c| format!("&#x{:X};", u32::from(c))),
        // One in another.
        as_go_json(&json),
        form::escape(&json),
        as_go_json(&form::escape(HOSTILE)),
        as_page(&as_ascii_json(&json), name),
    ] {
        assert_eq!(hidden(&format!("({spelt})")), "(<secret>)", "{spelt}");
    }
}

#[test]
fn a_secret_is_found_in_base64_wherever_it_begins() {
    for before in ["", "u:", "me:", "me:me:"] {
        for after in ["", "\n", "==", " and more"] {
            let whole = format!("{before}{HOSTILE}{after}");
            for coded in [STANDARD.encode(&whole), URL_SAFE.encode(&whole)] {
                for spelt in [coded.clone(), form::escape(&coded), as_ascii_json(&coded)] {
                    let shown = hidden(&format!(r#"{{"Basic {spelt}"}}"#));
                    assert_eq!(shown, r#"{"Basic <secret>"}"#, "{whole}");
                }
            }
        }
    }
    // The whole run goes: its edges are of the secret as well.
    let coded = STANDARD.encode("user:swordfish");
    assert_eq!(
        redact(&format!("a {coded} b"), ["swordfish"]),
        "a <secret> b"
    );
}

#[test]
fn a_short_secret_leaves_the_words_it_is_part_of() {
    let shown = |text: &str, secret: &str| redact(text, [secret]);
    assert_eq!(
        shown("ops stops: no ops", "ops"),
        "<secret> stops: no <secret>"
    );
    assert_eq!(
        shown(r#"{"k":"\"ops\""}"#, "ops"),
        r#"{"k":"\"<secret>\""}"#
    );
    assert_eq!(shown(r"a\nops", "ops"), r"a\n<secret>");
    assert_eq!(shown("xswordx", "sword"), "xswordx");
    assert_eq!(shown("xswordsx", "swords"), "x<secret>x");
    // It is found beside its user all the same.
    let basic = STANDARD.encode("u:ops");
    assert_eq!(shown(&basic, "http://u:ops@example.org/"), "<secret>");
    for secret in ["", "u", "ok"] {
        assert_eq!(shown("all is ok", secret), "all is ok");
    }
}

#[test]
fn of_a_url_all_is_hidden_but_its_host() {
    let url = "https://me:hu%73h1@hook.example.org/services/T0KEN012?key=abcd%2Fefgh";
    let shown = |text: &str| redact(text, [url]);
    for (text, expected) in [
        (url, "<secret>"),
        ("/services/T0KEN012?key=abcd%2Fefgh", "<secret>"),
        (r"\/services\/T0KEN012", r"\/<secret>\/<secret>"),
        ("key abcd/efgh", "key <secret>"),
        ("hush1 of hook.example.org", "<secret> of hook.example.org"),
        ("hu%73h1", "<secret>"),
    ] {
        assert_eq!(shown(text), expected);
    }
    let basic = STANDARD.encode("me:hush1");
    assert_eq!(shown(&format!("Basic {basic}")), "Basic <secret>");
    // A user alone may be a token.
    let basic = STANDARD.encode("T0KEN0123456:");
    let shown = redact(&basic, ["http://T0KEN0123456@hook.example.org/"]);
    assert_eq!(shown, "<secret>");
}

#[test]
fn secrets_that_overlap_are_hidden_as_one() {
    let secrets = ["abcdefgh", "efghijkl", "gh"];
    assert_eq!(redact("x abcdefghijkl y", secrets), "x <secret> y");
}

#[test]
fn what_holds_no_secret_stays_as_it_is() {
    for text in [
        "",
        r"100% \ done & 50%zz \u12 \ud800 &#xffffffff; &#; &; é + a+b \",
        "\u{0}%00%",
    ] {
        assert_eq!(hidden(text), text);
    }
    assert_eq!(redact("all is well", [""; 0]), "all is well");
    // A piece of a character is hidden with the whole of it.
    assert_eq!(redact("éabcdefg", ["%A9abcdefg"]), "<secret>");
}

#[test]
fn who_repeats_a_secret_costs_no_more_than_its_length() {
    // Each of them stands in one run; measuring it anew each time would be some billions of steps.
    let coded = STANDARD.encode("aaaaaaaaa".repeat(7_000));
    assert_eq!(redact(&coded, ["aaaaaaaaa"]), "<secret>");
}
