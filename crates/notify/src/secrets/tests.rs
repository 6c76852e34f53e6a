use super::*;

fn coded(text: &str) -> String {
    STANDARD.encode(text)
}

fn basic(username: Source, password: Source) -> HttpOptions {
    HttpOptions {
        authentication: Some(Authentication::Basic(BasicAuth {
            username: Some(username),
            password: Some(password),
        })),
        ..HttpOptions::default()
    }
}

#[tokio::test]
async fn echoed_secrets_are_hidden() {
    let options = basic(Source::inline("user"), Source::inline("swordfish"));
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
    let bearer = HttpOptions {
        authentication: Some(Authentication::Authorization(bearer)),
        ..HttpOptions::default()
    };
    let basic = basic(Source::inline("u"), Source::File(path));
    for (options, echoed, expected) in [
        (bearer, "Bearer file-token", "Bearer <secret>"),
        (
            basic,
            "Basic dTpmaWxlLXRva2Vu of file-token",
            "Basic <secret> of <secret>",
        ),
    ] {
        let secrets = Secrets::of(&options);
        let shown = secrets.hide(echoed.as_bytes(), "http://example.org/").await;
        assert_eq!(shown, expected);
    }
}

#[tokio::test]
async fn a_short_password_is_hidden_beside_its_user() {
    let secrets = Secrets::of(&basic(Source::inline("u"), Source::inline("abc")));
    let echoed = format!("Basic {}, u:abc, abc, abcd", coded("u:abc"));
    let shown = secrets.hide(echoed.as_bytes(), "").await;
    assert_eq!(shown, "Basic <secret>, u:<secret>, <secret>, abcd");
}

#[tokio::test]
async fn a_password_in_the_url_is_hidden_and_its_host_is_not() {
    let url = "http://me:hush1@hook.example.org/";
    let echoed = format!("hush1 at hook.example.org, Basic {}", coded("me:hush1"));
    let echoed = [echoed.as_bytes(), b" \xff"].concat();
    let shown = Secrets::default().hide(&echoed, url).await;
    assert_eq!(
        shown,
        "<secret> at hook.example.org, Basic <secret> \u{fffd}"
    );
}

#[tokio::test]
async fn who_the_proxy_knows_us_as_is_hidden() {
    let proxy = ProxyOptions {
        url: Some("http://pu:p%40ss@proxy.example.org:3128".into()),
        connect_headers: [("X-Key".to_owned(), vec!["connect-key".into()])].into(),
        ..ProxyOptions::default()
    };
    let oauth2 = outbound::OAuth2 {
        proxy: proxy.clone(),
        ..outbound::OAuth2::default()
    };
    let of_token = HttpOptions {
        authentication: Some(Authentication::OAuth2(Box::new(oauth2))),
        ..HttpOptions::default()
    };
    let of_message = HttpOptions {
        proxy,
        ..HttpOptions::default()
    };
    for options in [of_message, of_token] {
        let echoed = format!("Basic {}; p@ss; connect-key", coded("pu:p@ss"));
        let shown = Secrets::of(&options).hide(echoed.as_bytes(), "").await;
        assert_eq!(shown, "Basic <secret>; <secret>; <secret>");
    }
}

#[test]
fn phone_numbers_are_secret_with_and_without_their_plus() {
    let all = ["+15550199777", "whatsapp:+15550199778", "@all"].map(str::to_owned);
    let all: Vec<_> = numbers(&all).collect();
    let expected = [
        "+15550199777",
        "15550199777",
        "whatsapp:+15550199778",
        "15550199778",
    ];
    assert_eq!(all, expected.map(Source::inline));
}
