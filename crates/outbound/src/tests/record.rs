//! The fake.

use tokio::time::Instant;

use super::*;
use crate::{Answer, RecordingHttp};

fn request() -> Request {
    Request::post_json("http://example.org/x", "{}")
}

#[tokio::test(start_paused = true)]
async fn the_script_is_played_and_then_the_default() {
    let http = RecordingHttp::new();
    http.answer_next(
        Answer::status(500)
            .with_body("no")
            .with_header("Retry-After", "1"),
    );
    let refused = SendError::NotSent {
        cause: "refused".to_owned(),
    };
    http.answer_next(Answer::error(refused.clone()));
    http.answer_always(Answer::status(204));

    let first = http.send(request(), PLENTY).await.unwrap();
    assert_eq!(
        (first.status, &*first.body, first.header("retry-after")),
        (500, &b"no"[..], Some("1"))
    );
    assert_eq!(http.send(request(), PLENTY).await.unwrap_err(), refused);
    assert_eq!(http.send(request(), PLENTY).await.unwrap().status, 204);
    assert_eq!(http.send(request(), PLENTY).await.unwrap().status, 204);
    let recorded = http.take_recorded();
    assert_eq!(recorded.len(), 4);
    assert_eq!(
        (&recorded[3].request, recorded[3].deadline),
        (&request(), PLENTY)
    );
    assert!(http.recorded().is_empty());
}

#[tokio::test(start_paused = true)]
async fn delays_pass_in_virtual_time() {
    let http = RecordingHttp::new();
    http.answer_next(Answer::status(200).after(Duration::from_secs(3)));
    http.answer_next(Answer::never());
    let start = Instant::now();
    http.send(request(), PLENTY).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(3));
    let error = http.send(request(), PLENTY).await.unwrap_err();
    assert!(error.may_have_arrived());
    assert_eq!(start.elapsed(), Duration::from_secs(3) + PLENTY);
    assert_eq!(http.recorded()[1].at, start + Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn one_can_wait_for_requests() {
    let http = std::sync::Arc::new(RecordingHttp::new());
    let sender = http.clone();
    tokio::spawn(async move {
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            sender.send(request(), PLENTY).await.unwrap();
        }
    });
    http.wait_for(2).await;
    assert_eq!(http.recorded().len(), 2);
}
