use std::io::Read as _;

use axum::http::header::CONTENT_LENGTH;
use http_body_util::BodyExt as _;

use super::*;

fn numbers(count: usize) -> impl Pieces {
    List::new(0..count, |out: &mut Vec<u8>, n: usize| {
        out.extend_from_slice(n.to_string().as_bytes())
    })
}

async fn collect(response: Response) -> Vec<u8> {
    response
        .into_body()
        .collect()
        .await
        .expect("a body cannot fail")
        .to_bytes()
        .to_vec()
}

fn expected(count: usize) -> Vec<u8> {
    let items: Vec<String> = (0..count).map(|n| n.to_string()).collect();
    format!("[{}]\n", items.join(",")).into_bytes()
}

#[tokio::test]
async fn lists_of_any_size_arrive_whole() {
    for count in [0, 1, 2, 5_000, 100_000] {
        let response = document(numbers(count), false);
        assert!(!response.headers().contains_key(CONTENT_ENCODING));
        assert_eq!(collect(response).await, expected(count), "{count}");
    }
}

#[tokio::test]
async fn large_lists_are_compressed_for_those_who_can_read_it() {
    let small = document(numbers(3), true);
    assert!(!small.headers().contains_key(CONTENT_ENCODING));
    for count in [5_000, 100_000, 1_000_000] {
        let response = document(numbers(count), true);
        assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
        let packed = collect(response).await;
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(packed.as_slice())
            .read_to_end(&mut plain)
            .expect("gzip");
        assert!(plain == expected(count), "{count}");
        assert!(packed.len() < plain.len());
    }
}

#[tokio::test]
async fn errors_have_their_forms() {
    let response = json_error(602, "x is \"required\"");
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        collect(response).await,
        br#"{"code":602,"message":"x is \"required\""}"#
    );
    let response = json_error(415, "m");
    assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let response = json_string(StatusCode::BAD_REQUEST, "a\nb");
    assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
    assert_eq!(collect(response).await, b"\"a\\nb\"\n");
    let response = text_error(StatusCode::NOT_FOUND, "404 page not found");
    assert_eq!(response.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert!(!response.headers().contains_key(CONTENT_LENGTH));
    assert_eq!(collect(response).await, b"404 page not found\n");
    assert_eq!(
        redirect(StatusCode::FOUND, "/a\nb").status(),
        StatusCode::BAD_REQUEST
    );
}
