use proptest::prelude::*;

use super::*;

fn answer(status: u16, headers: &[(&str, &str)]) -> Response {
    let headers = headers
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect();
    Response {
        headers,
        ..Response::of_status(status)
    }
}

fn judged(response: &Response) -> Result<(), DeliveryError> {
    answered(response, "http://hook.example.org/…", "no")
}

#[test]
fn every_2xx_is_success() {
    for status in [200, 201, 202, 204, 299] {
        assert_eq!(judged(&answer(status, &[])), Ok(()));
    }
}

#[test]
fn statuses_decide_on_retry_and_reason() {
    use FailureReason::{AuthError, ClientError, Other, RateLimited, ServerError};
    for (status, is_retried, reason) in [
        (100, false, Other),
        (199, false, Other),
        (301, false, Other),
        (302, false, Other),
        (399, false, Other),
        (400, false, ClientError),
        (401, false, AuthError),
        (403, false, AuthError),
        (404, false, ClientError),
        (408, false, ClientError),
        (422, false, ClientError),
        (429, true, RateLimited),
        (499, false, ClientError),
        (500, true, ServerError),
        (502, true, ServerError),
        (503, true, ServerError),
        (504, true, ServerError),
        (599, true, ServerError),
        (600, false, Other),
        (999, false, Other),
    ] {
        let error = judged(&answer(status, &[])).unwrap_err();
        assert_eq!(
            (error.retry.is_some(), error.reason),
            (is_retried, reason),
            "{status}"
        );
        assert!(!error.is_ambiguous, "{status}: an answer is clear");
        let expected = format!("unexpected status code {status}: http://hook.example.org/…: no");
        assert_eq!(error.detail, expected);
    }
}

#[track_caller]
fn check_after(headers: &[(&str, &str)], expected: Option<u64>) {
    let error = judged(&answer(429, headers)).unwrap_err();
    assert_eq!(
        error.retry,
        Some(RetryAdvice {
            after: expected.map(Duration::from_secs)
        })
    );
}

#[test]
fn retry_after_in_seconds() {
    check_after(&[("retry-after", "120")], Some(120));
    check_after(&[("retry-after", " 0 ")], Some(0));
    check_after(&[("retry-after", "99999999999999999999999")], Some(86_400));
}

#[test]
fn retry_after_as_a_date_counts_from_the_answers_date() {
    let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    check_after(
        &[("retry-after", "Sun, 06 Nov 1994 08:50:00 GMT"), date],
        Some(23),
    );
    check_after(
        &[("retry-after", "Sun, 06 Nov 1994 08:49:00 GMT"), date],
        Some(0),
    );
    check_after(
        &[("retry-after", "Sun, 06 Nov 2094 08:49:00 GMT"), date],
        Some(86_400),
    );
    check_after(&[("retry-after", "Sun, 06 Nov 1994 08:50:00 GMT")], None);
}

#[test]
fn a_senseless_retry_after_is_no_advice() {
    for text in [
        "",
        "-1",
        "1.5",
        "soon",
        "Sun, 06 Nov 1994",
        "Sun, 6 Nov 1994 08:49:37 GMT",
    ] {
        check_after(
            &[
                ("retry-after", text),
                ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ],
            None,
        );
    }
    check_after(&[], None);
}

#[test]
fn retry_after_counts_for_429_only() {
    let error = judged(&answer(503, &[("retry-after", "120")])).unwrap_err();
    assert_eq!(error.retry, Some(RetryAdvice { after: None }));
}

#[test]
fn long_answers_are_cut_between_characters() {
    let error = answered(&answer(400, &[]), "p", &"é".repeat(5000)).unwrap_err();
    assert_eq!(
        error.detail,
        format!("unexpected status code 400: p: {}", "é".repeat(512))
    );
    let error = answered(&answer(400, &[]), "p", &format!("a{}", "é".repeat(5000))).unwrap_err();
    assert_eq!(
        error.detail,
        format!("unexpected status code 400: p: a{}", "é".repeat(511))
    );
}

#[test]
fn no_answer_is_retried_and_ambiguous_when_it_may_have_arrived() {
    let cause = || "hook.example.org: reset".to_owned();
    for (error, is_retried, is_ambiguous) in [
        (SendError::NotSent { cause: cause() }, true, false),
        (SendError::Ambiguous { cause: cause() }, true, true),
        (SendError::Invalid { cause: cause() }, false, false),
    ] {
        let judged = unanswered(&error);
        assert_eq!(
            (judged.retry.is_some(), judged.is_ambiguous),
            (is_retried, is_ambiguous)
        );
        assert_eq!(
            (judged.reason, judged.detail),
            (FailureReason::Other, cause())
        );
    }
}

proptest! {
    #[test]
    fn no_header_text_panics(status in any::<u16>(), after in ".*", date in ".*", body in ".*") {
        let response = answer(status, &[("retry-after", &after), ("date", &date)]);
        let _ = answered(&response, "p", &body);
    }
}
