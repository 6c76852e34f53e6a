use super::is_request_uri;

#[test]
fn absolute_urls_and_paths_are_accepted() {
    for text in [
        "http://p.test/g?x=1",
        "http://p.test:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
        "/graph",
        "/a b",
        "http://[::1]:80/",
        "http://user:pw@host/",
        "http://host:",
        "mailto:someone",
        "*",
        "http://größe.example.org/%20",
        "/x?100%",
        "//host/x",
    ] {
        assert!(is_request_uri(text), "{text}");
    }
}

#[test]
fn what_go_refuses_is_refused() {
    for text in [
        "",
        "not a url",
        "graph",
        ":x",
        "http://a b/",
        "http://host:port/",
        "http://[::1/",
        "/%zz",
        "http://host/%2",
        "/a\nb",
        "http://us er@host/",
    ] {
        assert!(!is_request_uri(text), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in ".{0,60}") {
        let _ = is_request_uri(&text);
    }
}
