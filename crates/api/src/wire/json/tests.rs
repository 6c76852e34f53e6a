use proptest::prelude::*;

use super::*;

fn skip(text: &str) -> Result<usize, String> {
    let mut reader = Reader::new(text, 16);
    reader.skip().map_err(|error| error.to_string())?;
    Ok(reader.at)
}

#[track_caller]
fn refuses(text: &str, expected: &str) {
    assert_eq!(skip(text), Err(expected.to_owned()), "{text}");
}

#[test]
fn syntax_errors_say_what_go_says() {
    refuses("", "unexpected EOF");
    refuses(
        "hello",
        "invalid character 'h' looking for beginning of value",
    );
    refuses(
        "\u{feff}[]",
        "invalid character '\\ufeff' looking for beginning of value",
    );
    refuses(
        "[1,]",
        "invalid character ']' looking for beginning of value",
    );
    refuses("[1 2]", "invalid character '2' after array element");
    refuses("{\"a\" 1}", "invalid character '1' after object key");
    refuses(
        "{\"a\":1 \"b\"",
        "invalid character '\"' after object key:value pair",
    );
    refuses(
        "{a:1}",
        "invalid character 'a' looking for beginning of object key string",
    );
    refuses(
        "{\"a\":1,}",
        "invalid character '}' looking for beginning of object key string",
    );
    refuses("[{\"labels\": {\"a\": \"b\"},", "unexpected EOF");
    refuses("[1.x]", "invalid character 'x' in numeric literal");
    refuses(
        "tru3",
        "invalid character '3' in literal true (expecting 'e')",
    );
    refuses("\"a\nb\"", "invalid character '\\n' in string literal");
    refuses("\"\\x\"", "invalid escape sequence `\\x` in string");
    refuses("\"abc", "unexpected EOF");
    refuses("\"\\u12", "unexpected EOF");
    refuses(&"[".repeat(17), "exceeded max depth");
}

#[test]
fn what_follows_the_first_value_is_not_looked_at() {
    assert_eq!(skip("[] x"), Ok(2));
    assert_eq!(skip(" {\"a\":[1,{\"b\":null}],\"c\":true} {"), Ok(30));
    assert_eq!(skip(&("[".repeat(16) + &"]".repeat(16))), Ok(32));
}

#[test]
fn lone_surrogates_and_invalid_bytes_become_replacement_characters() {
    let read = |text: &str| Reader::new(text, 16).string().map(Cow::into_owned);
    assert_eq!(read(r#""\ud83d\ude00""#).as_deref(), Ok("😀"));
    assert_eq!(read(r#""\ud800A""#).as_deref(), Ok("\u{fffd}A"));
    assert_eq!(read(r#""\ud800\u0041""#).as_deref(), Ok("\u{fffd}A"));
    assert_eq!(read(r#""\udc00x""#).as_deref(), Ok("\u{fffd}x"));
    assert_eq!(read(r#""\ud800\ud83d\ude00""#).as_deref(), Ok("\u{fffd}😀"));
    assert_eq!(decode(b"a\xffb\xe4\xb8"), "a\u{fffd}b\u{fffd}\u{fffd}");
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        (-1e9_f64..1e9).prop_map(Into::into),
        "(?s).{0,20}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            proptest::collection::btree_map("(?s).{0,8}", inner, 0..6)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_is_read_to_its_end(value in any_json(), pretty: bool) {
        let text = if pretty {
            serde_json::to_string_pretty(&value)
        } else {
            serde_json::to_string(&value)
        };
        let text = text.expect("a value has a JSON form");
        prop_assert_eq!(skip(&text), Ok(text.len()));
    }

    #[test]
    fn any_string_is_read_as_serde_json_reads_it(text in "(?s).{0,60}") {
        let json = serde_json::to_string(&text).expect("a string has a JSON form");
        let read = Reader::new(&json, 16).string().map(Cow::into_owned);
        prop_assert_eq!(read, Ok(text));
    }

    #[test]
    fn no_text_panics(text in "[\\[\\]{}:,\"\\\\untrfalse0-9.eE+ \u{0}é-]{0,40}") {
        let accepted = skip(&text);
        // Whatever serde_json accepts as a whole is accepted; the converse need not hold (what follows is ignored).
        if serde_json::from_str::<serde_json::Value>(&text).is_ok() {
            prop_assert!(accepted.is_ok(), "{:?}", accepted);
        }
    }
}
