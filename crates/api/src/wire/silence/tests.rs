use proptest::prelude::*;

use super::*;

const TIMES: &str =
    r#""startsAt":"2030-01-01","endsAt":"2031-01-01","createdBy":"me","comment":"c""#;

fn body(matchers: &str) -> String {
    format!(r#"{{"matchers":{matchers},{TIMES}}}"#)
}

#[track_caller]
fn refuses(text: &str, code: u16, message: &str) {
    let error = parse(text, &Limits::serve()).expect_err(text);
    assert_eq!(
        (error.code(), error.to_string()),
        (code, message.to_owned()),
        "{text}"
    );
}

#[test]
fn a_whole_silence_is_read() {
    let text = body(
        r#"[{"name":"a","value":"b","isRegex":true},{"name":"c","value":"","isRegex":false,"isEqual":false}]"#,
    );
    let post = parse(&text, &Limits::serve()).expect("a fine body");
    assert_eq!(
        (post.id, post.created_by.as_str(), post.comment.as_str()),
        (None, "me", "c")
    );
    let flags: Vec<_> = post
        .matchers
        .iter()
        .map(|m| (m.is_regex, m.is_equal))
        .collect();
    assert_eq!(flags, [(true, true), (false, false)]);
}

#[test]
fn fields_are_missed_in_the_frameworks_order() {
    refuses("", 602, "silence in body is required");
    refuses("null", 602, "comment in body is required");
    refuses("{}", 602, "comment in body is required");
    refuses(r#"{"comment":""}"#, 602, "createdBy in body is required");
    refuses(
        r#"{"comment":"","createdBy":""}"#,
        602,
        "endsAt in body is required",
    );
    refuses(
        &body("[]"),
        612,
        "matchers in body should have at least 1 items",
    );
    refuses(&body("null"), 602, "matchers in body is required");
    refuses(
        &body(r#"[{"name":"x","value":"y"}]"#),
        602,
        "matchers.0.isRegex in body is required",
    );
    refuses(
        &body(r#"[{"isRegex":true,"value":"y"}]"#),
        602,
        "matchers.0.name in body is required",
    );
    assert_eq!(
        parse(&body("[null]"), &Limits::serve())
            .map_err(|error| error.code())
            .map(|_| ()),
        Err(400)
    );
}

#[test]
fn values_of_the_wrong_kind_are_named_as_go_names_them() {
    let parsing = |text: &str| format!("parsing silence body from \"\" failed, because {text}");
    refuses(
        &body(r#"[{"name":"x","value":"y","isRegex":"true"}]"#),
        400,
        &parsing(
            "json: cannot unmarshal string into Go struct field Silence.matchers.0.isRegex of type bool",
        ),
    );
    refuses(
        "[]",
        400,
        &parsing(
            "json: cannot unmarshal array into Go value of type struct { ID string \"json:\\\"id,omitempty\\\"\" }",
        ),
    );
}

#[test]
fn a_silence_is_written_with_its_state_and_only_the_annotations_it_has() {
    let mut silence = Silence {
        id: "0b5f".into(),
        matchers: vec![Matcher::equal("a", "b\"")],
        starts_at: Timestamp::new(0, 0, 60),
        ends_at: Timestamp::new(10, 0, 0),
        updated_at: Timestamp::ZERO,
        created_by: "me".to_owned(),
        comment: String::new(),
        annotations: Labels::empty(),
    };
    let mut out = Vec::new();
    push_silence(&mut out, &silence, Timestamp::new(5, 0, 0));
    assert_eq!(
        String::from_utf8(out).expect("UTF-8"),
        r#"{"id":"0b5f","status":{"state":"active"},"updatedAt":"0001-01-01T00:00:00.000Z","comment":"","createdBy":"me","endsAt":"1970-01-01T00:00:10.000Z","matchers":[{"isEqual":true,"isRegex":false,"name":"a","value":"b\""}],"startsAt":"1970-01-01T00:00:00.000Z"}"#
    );
    silence.annotations = Labels::from_pairs([("k", "v")]);
    let mut out = Vec::new();
    push_silence(&mut out, &silence, Timestamp::new(10, 0, 0));
    let value: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
    assert_eq!(
        (&value["annotations"]["k"], &value["status"]["state"]),
        (&"v".into(), &"expired".into())
    );
}

proptest! {
    #[test]
    fn no_body_panics(text in "[\\[\\]{}:,\"\\\\matchersIdntulvgREx0-9 é-]{0,60}") {
        let _ = parse(&text, &Limits::serve());
    }
}
