use axum::http::HeaderValue;
use base64::Engine as _;

use super::*;

fn basic(credentials: &str) -> HeaderMap {
    let encoded = base64::engine::general_purpose::STANDARD.encode(credentials);
    let value = HeaderValue::try_from(format!("Basic {encoded}")).expect("ASCII");
    HeaderMap::from_iter([(AUTHORIZATION, value)])
}

fn bearer(token: &str) -> HeaderMap {
    let value = HeaderValue::try_from(format!("Bearer {token}")).expect("ASCII");
    HeaderMap::from_iter([(AUTHORIZATION, value)])
}

fn with_user() -> Access {
    let hash = bcrypt::hash("s3cret", 4).expect("a valid cost");
    let users = Users::new([("ann".to_owned(), hash)]).expect("a valid hash");
    Access::new(Gate::with_users(users), Tokens::default(), true)
}

#[tokio::test]
async fn with_users_only_the_right_password_comes_in() {
    let access = with_user();
    for _ in 0..2 {
        let caller = access.caller(&basic("ann:s3cret")).await;
        assert!(matches!(caller, Ok(Caller::User(name)) if &*name == "ann"));
    }
    for headers in [
        basic("ann:wrong"),
        basic("bob:s3cret"),
        basic("ann"),
        HeaderMap::new(),
        bearer("x"),
    ] {
        let refusal = access.caller(&headers).await.expect_err("refused");
        let response = Response::from(refusal);
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(response.headers()[WWW_AUTHENTICATE], "Basic");
    }
}

#[tokio::test]
async fn a_changed_password_is_in_force_at_once() {
    let access = with_user();
    assert!(access.caller(&basic("ann:s3cret")).await.is_ok());
    let hash = bcrypt::hash("other", 4).expect("a valid cost");
    access.set_gate(Gate::with_users(
        Users::new([("ann".to_owned(), hash)]).expect("a valid hash"),
    ));
    assert!(access.caller(&basic("ann:s3cret")).await.is_err());
}

#[tokio::test]
async fn tokens_open_what_they_name() {
    let tenant = |name: &str| name.parse::<TenantId>().expect("a tenant id");
    let own = Token {
        name: "ci".to_owned(),
        tenants: vec![tenant("acme")],
    };
    let all = Token {
        name: "root".to_owned(),
        tenants: Vec::new(),
    };
    let tokens = Tokens::new([("t1", own), ("t2", all)]);
    let access = Access::new(Gate::open(), tokens, false);
    let Ok(Caller::Bearer(token)) = access.caller(&bearer("t1")).await else {
        panic!("known")
    };
    assert!(token.opens(&tenant("acme")) && !token.opens(&tenant("default")));
    assert_eq!(token.own_tenant(), tenant("acme"));
    assert!(access.operator(&Caller::Bearer(token)).is_err());
    let caller = access.caller(&bearer("t2")).await.expect("known");
    assert!(access.operator(&caller).is_ok());
    assert!(access.caller(&bearer("t3")).await.is_err());
    let caller = access
        .caller(&HeaderMap::new())
        .await
        .expect("anybody may ask");
    assert!(access.operator(&caller).is_err());
}

#[test]
fn a_hash_that_is_none_is_named_by_its_user() {
    let error = Users::new([("ann".to_owned(), "plain".to_owned())]).err();
    assert_eq!(error, Some(InvalidHash("ann".to_owned())));
}
