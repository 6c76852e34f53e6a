use super::*;

#[test]
fn flags_follow_the_framework() {
    let is = |text: &str| Query::parse(Some(text)).flag("active", true);
    for text in [
        "",
        "active",
        "active=",
        "active=1",
        "active=yes",
        "active=TRUE",
        "active=on",
        "b=0",
    ] {
        assert!(is(text), "{text}");
    }
    for text in ["active=0", "active=maybe", "active=2", "active=1&active=no"] {
        assert!(!is(text), "{text}");
    }
}

#[test]
fn malformed_parameters_are_left_out() {
    let query = Query::parse(Some("filter=%zz&filter=a%3D+b&x;y=1&filter=%ff"));
    let values: Vec<_> = query.all("filter").collect();
    assert_eq!(values, [b"a= b".as_slice(), b"\xff"]);
    assert_eq!(Query::parse(None).last("filter"), None);
}

proptest::proptest! {
    #[test]
    fn what_is_escaped_is_read_back(text in "(?s).{0,30}") {
        let query = format!("k={}", escape(&text));
        let query = Query::parse(Some(&query));
        proptest::prop_assert_eq!(query.all("k").collect::<Vec<_>>(), [text.as_bytes()]);
    }
}
