use super::*;

#[tokio::test]
async fn echoed_secrets_are_hidden() {
    let authentication = Authentication::Basic(BasicAuth {
        username: Some(Source::inline("user")),
        password: Some(Source::inline("swordfish")),
    });
    let options = HttpOptions {
        authentication: Some(authentication),
        ..HttpOptions::default()
    };
    let secrets = Secrets::of(&options);
    let url = "https://hook.example.org/services/T0KEN0123456?key=abcdefgh";
    for (echoed, expected) in [
        ("you said swordfish", "you said <secret>"),
        ("Basic dXNlcjpzd29yZGZpc2g=", "Basic <secret>"),
        (
            "no https://hook.example.org/services/T0KEN0123456?key=abcdefgh",
            "no <secret>",
        ),
        ("no /services/T0KEN0123456?key=abcdefgh", "no <secret>"),
        (r"no \/services\/T0KEN0123456", r"no \/<secret>\/<secret>"),
        ("key abcdefgh", "key <secret>"),
        ("harmless", "harmless"),
    ] {
        assert_eq!(secrets.hide(echoed.as_bytes(), url).await, expected);
    }
}

#[tokio::test]
async fn secrets_in_files_are_hidden() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    std::fs::write(&path, "file-token\n").unwrap();
    let bearer = outbound::Authorization::bearer(Source::File(path.clone()));
    let basic = BasicAuth {
        username: Some(Source::inline("u")),
        password: Some(Source::File(path)),
    };
    for (authentication, echoed, expected) in [
        (
            Authentication::Authorization(bearer),
            "Bearer file-token",
            "Bearer <secret>",
        ),
        (
            Authentication::Basic(basic),
            "Basic dTpmaWxlLXRva2Vu of file-token",
            "Basic <secret> of <secret>",
        ),
    ] {
        let options = HttpOptions {
            authentication: Some(authentication),
            ..HttpOptions::default()
        };
        let secrets = Secrets::of(&options);
        let shown = secrets.hide(echoed.as_bytes(), "http://example.org/").await;
        assert_eq!(shown, expected);
    }
}

#[tokio::test]
async fn a_password_in_the_url_is_hidden_and_its_host_is_not() {
    let url = "http://me:hush1@hook.example.org/";
    let shown = Secrets::default()
        .hide(b"hush1 at hook.example.org \xff", url)
        .await;
    assert_eq!(shown, "<secret> at hook.example.org \u{fffd}");
}
