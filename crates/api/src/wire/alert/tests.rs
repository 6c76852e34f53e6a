use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::wire::field::Pair;

fn parse_serve(text: &str) -> Result<PostedAlerts<'_>, BodyError> {
    parse(text, &Limits::serve())
}

#[track_caller]
fn refuses(text: &str, code: u16, message: &str) {
    let error = parse_serve(text).expect_err(text);
    assert_eq!(
        (error.code(), error.to_string()),
        (code, message.to_owned()),
        "{text}"
    );
}

fn one(text: &str) -> PostedAlert<'_> {
    parse_serve(text)
        .expect(text)
        .alerts
        .into_iter()
        .next()
        .expect("one alert")
}

#[test]
fn plain_text_is_borrowed_and_escaped_text_is_not() {
    let alert = one(r#"[{"labels":{"a":"b","c":"d\n"},"generatorURL":"http://p.test/g"}]"#);
    assert!(matches!(
        alert.labels[0],
        (Cow::Borrowed("a"), Cow::Borrowed("b"))
    ));
    assert_eq!(alert.labels[1].1, "d\n");
    assert_eq!(alert.generator_url, "http://p.test/g");
}

#[test]
fn names_are_matched_without_case_and_the_last_of_equal_ones_wins() {
    let alert = one(
        r#"[{"Labels":{"z":"1","a":"2","z":"3"},"labels":{"b":null},"STARTSAT":"2025-01-01"}]"#,
    );
    let pairs: Vec<_> = alert
        .labels
        .iter()
        .map(|(n, v)| (n.as_ref(), v.as_ref()))
        .collect();
    assert_eq!(pairs, [("z", "3"), ("a", "2"), ("b", "")]);
    assert!(alert.starts_at.is_some());
}

#[test]
fn what_is_not_stated_is_none() {
    let alert = one(
        r#"[{"labels":{"a":"b"},"startsAt":"","endsAt":"0001-01-01T00:00:00Z","annotations":null}]"#,
    );
    assert_eq!((alert.starts_at, alert.ends_at), (None, None));
    let alert = one(r#"[{"labels":{"a":"b"},"startsAt":null,"generatorURL":null}]"#);
    assert_eq!((alert.starts_at, alert.generator_url.as_ref()), (None, ""));
}

#[test]
fn errors_come_in_the_order_go_finds_them() {
    let kind = |text: &str| format!("parsing alerts body from \"\" failed, because {text}");
    refuses(
        r#"[{"labels":{"a":1},"annotations":{"x":2}}]"#,
        400,
        &kind("json: cannot unmarshal number into Go struct field .annotations.x of type string"),
    );
    refuses(r#"[{"labels":{"a":1}},"#, 400, &kind("unexpected EOF"));
    refuses(
        r#"[{},{"startsAt":true}]"#,
        400,
        &kind("json: cannot unmarshal bool into Go value of type string"),
    );
    refuses(r#"[null,{}]"#, 602, "1.labels in body is required");
    refuses(
        r#"[{"generatorURL":"x y"}]"#,
        601,
        "0.generatorURL in body must be of type uri: \"x y\"",
    );
    assert_eq!(
        parse_serve("[null]")
            .map(|_| ())
            .map_err(|error| error.code()),
        Err(400)
    );
    refuses(" \n", 602, "alerts in body is required");
}

#[test]
fn an_alert_over_a_limit_is_refused_alone() {
    let long = "v".repeat(4097);
    let text = format!(r#"[{{"labels":{{"a":"{long}"}}}},{{"labels":{{"a":"b"}}}}]"#);
    let read = parse_serve(&text).expect("the body is fine");
    assert_eq!(read.alerts.len(), 1);
    assert_eq!(
        read.refused,
        ["value of label \"a\" has 4097 bytes: at most 4096 are accepted"]
    );
    assert_eq!(
        parse(&text, &Limits::drop_in()).expect("fine").alerts.len(),
        2
    );

    let many: Vec<String> = (0..65).map(|n| format!(r#""l{n}":"v""#)).collect();
    let text = format!(r#"[{{"labels":{{{}}}}}]"#, many.join(","));
    let read = parse_serve(&text).expect("the body is fine");
    assert_eq!(
        read.refused,
        ["too many labels: 65, at most 64 are accepted"]
    );

    let name = "n".repeat(257);
    let text = format!(r#"[{{"labels":{{"a":"b"}},"annotations":{{"{name}":""}}}}]"#);
    let read = parse_serve(&text).expect("the body is fine");
    assert_eq!(
        read.refused,
        ["annotation name of 257 bytes: at most 256 are accepted"]
    );
}

#[test]
fn too_many_alerts_refuse_the_whole_body() {
    let body = format!("[{}]", vec![r#"{"labels":{"a":"b"}}"#; 5_001].join(","));
    assert_eq!(
        parse_serve(&body).map(|_| ()).map_err(|error| error.code()),
        Err(413)
    );
    assert_eq!(
        parse(&body, &Limits::drop_in()).map(|read| read.alerts.len()),
        Ok(5_001)
    );
    let deep = format!(
        r#"[{{"labels":{{"a":"b"}},"x":{}{}}}]"#,
        "[".repeat(15),
        "]".repeat(15)
    );
    assert_eq!(
        parse_serve(&deep).map(|_| ()).map_err(|error| error.code()),
        Err(400)
    );
}

proptest! {
    #[test]
    fn a_posted_label_set_is_read_as_it_is(
        pairs in proptest::collection::btree_map("(?s).{0,12}", "(?s).{0,24}", 0..10)
    ) {
        let text = serde_json::json!([{"labels": &pairs, "annotations": &pairs}]).to_string();
        let alert = one(&text);
        let owned = |read: &[Pair<'_>]| -> std::collections::BTreeMap<String, String> {
            read.iter().map(|(n, v)| (n.clone().into_owned(), v.clone().into_owned())).collect()
        };
        prop_assert_eq!(owned(&alert.labels), pairs.clone());
        prop_assert_eq!(owned(&alert.annotations), pairs);
    }

    #[test]
    fn no_body_panics(text in "[\\[\\]{}:,\"\\\\labesntrufg0-9.eE+ é-]{0,60}") {
        let _ = parse_serve(&text);
    }
}
