//! URLs and addresses as Go reads them.

use super::*;

#[test]
fn urls_print_as_go_prints_them() {
    for (text, printed) in [
        ("http://x", "http://x"),
        ("HTTP://X.example/a b?q=1#f", "http://X.example/a%20b?q=1#f"),
        ("https://u:p@x:1/%2f", "https://u:p@x:1/%2f"),
        ("http://[::1]:9093/", "http://[::1]:9093/"),
        ("http://x/é", "http://x/%C3%A9"),
    ] {
        assert_eq!(HttpUrl::parse(text).unwrap().as_str(), printed);
    }
}

#[test]
fn urls_are_refused_in_gos_words() {
    for (text, message) in [
        ("", r#"unsupported scheme "" for URL"#),
        ("/x", r#"unsupported scheme "" for URL"#),
        ("ftp://x", r#"unsupported scheme "ftp" for URL"#),
        ("http:///x", "missing host for URL"),
        ("http:x", "missing host for URL"),
        (":", r#"parse ":": missing protocol scheme"#),
        ("http://[x", r#"parse "http://[x": missing ']' in host"#),
        (
            "http://x:y/",
            r#"parse "http://x:y/": invalid port ":y" after host"#,
        ),
        (
            "http://x/%zz",
            r#"parse "http://x/%zz": invalid URL escape "%zz""#,
        ),
        ("a:b", r#"unsupported scheme "a" for URL"#),
        (
            "1:b",
            r#"parse "1:b": first path segment in URL cannot contain colon"#,
        ),
        (
            "http://a b/",
            r#"parse "http://a b/": invalid character " " in host name"#,
        ),
    ] {
        assert_eq!(
            HttpUrl::parse(text).unwrap_err().to_string(),
            message,
            "{text}"
        );
    }
}

#[test]
fn proxies_hide_their_password() {
    let proxy = ProxyUrl::parse("http://user:secret@proxy:3128").unwrap();
    assert_eq!(proxy.to_string(), "http://user:xxxxx@proxy:3128");
    assert_eq!(proxy.expose(), "http://user:secret@proxy:3128");
}

#[test]
fn addresses_are_split_as_go_splits_them() {
    assert_eq!(HostPort::parse("[::1]:25").unwrap().to_string(), "[::1]:25");
    assert_eq!(HostPort::parse(":25").unwrap().to_string(), ":25");
    assert!(HostPort::parse("").unwrap().is_empty());
    for (text, message) in [
        ("h", "address h: missing port in address"),
        ("h:", r#"address "h:": port cannot be empty"#),
        ("a:b:c", "address a:b:c: too many colons in address"),
        ("[::1]", "address [::1]: missing port in address"),
        ("[::1:25", "address [::1:25: missing ']' in address"),
    ] {
        assert_eq!(HostPort::parse(text).unwrap_err(), message);
    }
}
