use domain::time::days_from_civil;
use outbound::{Method, Request};
use serde_json::Value;

use super::*;

const RECORDED: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/vectors/payloads/sns.json"
);

fn at(time: &str) -> Timestamp {
    let number = |from: usize, to: usize| time[from..to].parse::<i64>().unwrap();
    let small = |from, to| u32::try_from(number(from, to)).unwrap();
    let days = days_from_civil(number(0, 4), small(4, 6), small(6, 8));
    let seconds = ((days * 24 + number(9, 11)) * 60 + number(11, 13)) * 60 + number(13, 15);
    Timestamp::new(seconds, 0, 0)
}

/// The settings of the key and the region in a variant's YAML.
fn keys_of(variant: &Value) -> (Keys, String) {
    let yaml = variant["receiver_yaml"].as_str().unwrap();
    let setting = |name: &str| {
        let (_, after) = yaml.split_once(&format!("{name}: ")).unwrap();
        after.split([',', '}', '\n']).next().unwrap().to_owned()
    };
    let keys = Keys {
        access_key: setting("access_key"),
        secret_key: setting("secret_key"),
        session_token: None,
    };
    (keys, setting("region"))
}

#[test]
fn recorded_requests_are_signed_as_amazons_own_library_signs_them() {
    let file: Value = serde_json::from_slice(&std::fs::read(RECORDED).unwrap()).unwrap();
    let mut compared = 0;
    for variant in file["variants"].as_array().unwrap() {
        let (keys, region) = keys_of(variant);
        let phases = variant["requests"].as_object().unwrap().values();
        for recorded in phases.flat_map(|phase| phase.as_array().unwrap()) {
            let headers = recorded["headers"].as_array().unwrap();
            let header = |name: &str| {
                let pair = headers.iter().find(|pair| pair[0] == name).unwrap();
                pair[1].as_str().unwrap().to_owned()
            };
            let url = format!(
                "http://{}{}",
                header("Host"),
                recorded["path"].as_str().unwrap()
            );
            let mut request = Request {
                method: Method::POST,
                url,
                headers: Vec::new(),
                body: recorded["body"].as_str().unwrap().to_owned().into(),
            };
            for name in ["Amz-Sdk-Invocation-Id", "Amz-Sdk-Request", "Content-Type"] {
                request = request.with_header(name, header(name));
            }
            let scope = Scope {
                region: &region,
                service: "sns",
                at: at(&header("X-Amz-Date")),
            };
            let signed = sign(request, &keys, scope);
            assert_eq!(signed.header("x-amz-date"), Some(&*header("X-Amz-Date")));
            assert_eq!(
                signed.header("authorization"),
                Some(&*header("Authorization"))
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 10);
}

#[test]
fn keys_of_every_length_make_a_code() {
    // Test cases 2 and 6 of RFC 4231.
    assert_eq!(
        hex(&hmac(b"Jefe", b"what do ya want for nothing?")),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
    assert_eq!(
        hex(&hmac(
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First"
        )),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    );
}

#[test]
fn paths_and_queries_have_one_form() {
    for (url, path, query) in [
        ("https://h", "/", ""),
        ("https://h?b=2&a&a=1#x", "/", "a=&a=1&b=2"),
        ("https://h:1/a/b%20c/", "/a/b%2520c/", ""),
    ] {
        let (found, found_query) = target(url);
        assert_eq!(
            (escaped_again(found), &*found_query),
            (path.to_owned(), query)
        );
    }
}

#[test]
fn a_session_is_signed_as_well() {
    let keys = Keys {
        access_key: "A".to_owned(),
        secret_key: "S".to_owned(),
        session_token: Some("tok".to_owned()),
    };
    let scope = Scope {
        region: "r",
        service: "sns",
        at: at("20260304T050607Z"),
    };
    let request = crate::form::posted("https://sns.r.amazonaws.com/", String::new());
    let signed = sign(request, &keys, scope);
    assert_eq!(signed.header("x-amz-security-token"), Some("tok"));
    let authorization = signed.header("authorization").unwrap();
    assert!(
        authorization.contains(
            "SignedHeaders=content-length;content-type;host;x-amz-date;x-amz-security-token,"
        ),
        "{authorization}"
    );
}
