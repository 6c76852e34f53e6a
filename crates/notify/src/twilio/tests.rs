use outbound::SendError;

use crate::FailureReason;
use crate::own::trial::{Trial, told};

use super::*;

const OK: &str = r#"{"sid":"SM1","status":"queued","error_code":null}"#;

fn settings(to: &str) -> String {
    format!("account_sid: AC123, auth_token: swordfish, from: '+15550001111', to: [{to}]")
}

fn to(request: &Request) -> String {
    let body = String::from_utf8(request.body.to_vec()).unwrap();
    body.split('&').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_message_is_a_form_for_the_account() {
    let trial = Trial::new("twilio", &settings("'+15552223333'"));
    trial.answer(201, OK);
    trial.fire().await.unwrap();
    let (request, _) = trial.sent();
    assert_eq!(
        request.url,
        "https://api.twilio.com/2010-04-01/Accounts/AC123/Messages.json"
    );
    assert_eq!(
        request.header("authorization"),
        Some("Basic QUMxMjM6c3dvcmRmaXNo")
    );
    assert_eq!(
        request.header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    let body = String::from_utf8(request.body.to_vec()).unwrap();
    let start = "To=%2B15552223333&From=%2B15550001111&Body=%5BFIRING%5D+HighLoad+node%0Aload+is+high%0Aload+is+high%0Ahttp%3A%2F%2Fam.example.org";
    assert!(body.starts_with(start), "{body}");
    let service = "account_sid: AC1, auth_token: t, messaging_service_sid: MG1, to: ['+1']";
    let trial = Trial::new("twilio", service);
    trial.answer(201, OK);
    trial.fire().await.unwrap();
    let body = String::from_utf8(trial.sent().0.body.to_vec()).unwrap();
    assert!(
        body.starts_with("To=%2B1&MessagingServiceSid=MG1&Body="),
        "{body}"
    );
}

#[tokio::test]
async fn a_repeat_reaches_only_those_who_got_nothing() {
    let trial = Trial::new(
        "twilio",
        &settings("'+15550000001', '+15550000002', '+15550000003'"),
    );
    trial.answer(201, OK).answer(503, "").answer(201, OK);
    let error = trial.fire().await.unwrap_err();
    // It is frozen, so that a repeat is the same message.
    assert!(error.retry.is_some() && error.is_ambiguous);
    assert!(
        error
            .detail
            .starts_with("2 of 3 numbers got the message; …0002: "),
        "{}",
        error.detail
    );
    assert_eq!(trial.requests().len(), 3);
    trial.answer(201, OK);
    assert_eq!(trial.fire().await.unwrap().fallback, None);
    let again: Vec<_> = trial.requests().iter().map(to).collect();
    assert_eq!(again, ["To=%2B15550000002"]);
    // All know it, so the next message of that key would be for all.
    trial.answer_always(201, OK);
    trial.fire().await.unwrap();
    assert_eq!(trial.requests().len(), 3);
}

#[tokio::test]
async fn who_cannot_be_told_does_not_make_others_hear_it_again() {
    let trial = Trial::new("twilio", &settings("'+15550000001', '+15550000002'"));
    let unsubscribed = r#"{"code":21610,"message":"Attempt to send to unsubscribed recipient +15550000002","status":400}"#;
    trial.answer(201, OK).answer(400, unsubscribed);
    let delivered = trial.fire().await.unwrap();
    let note = delivered.fallback.unwrap();
    assert!(
        note.starts_with("1 of 2 numbers got the message; …0002: unexpected status code 400"),
        "{note}"
    );
    assert!(
        note.contains("21610") && !note.contains("+15550000002"),
        "{note}"
    );
}

#[tokio::test]
async fn nobody_told_is_a_failure() {
    let trial = Trial::new("twilio", &settings("'+15550000001', '+15550000002'"));
    let invalid = r#"{"code":21211,"message":"Invalid 'To' Phone Number","status":400}"#;
    trial.answer(400, invalid).answer(400, invalid);
    let error = trial.fire().await.unwrap_err();
    assert_eq!(
        (error.retry, error.reason),
        (None, FailureReason::ClientError)
    );
    // One that can be repeated decides.
    trial.answer(400, invalid).answer(429, r#"{"code":20429}"#);
    let error = trial.fire().await.unwrap_err();
    assert!(error.retry.is_some());
    assert_eq!(error.reason, FailureReason::RateLimited);
    trial
        .answer(401, r#"{"code":20003,"message":"Authenticate swordfish"}"#)
        .answer(401, "no Basic QUMxMjM6c3dvcmRmaXNo");
    let error = trial.fire().await.unwrap_err();
    assert_eq!(error.reason, FailureReason::AuthError);
    assert!(!error.detail.contains("swordfish"), "{}", error.detail);
    assert!(error.detail.ends_with("no Basic <secret>"), "{error}");
}

#[tokio::test]
async fn nobody_knows_whether_an_unanswered_message_arrived() {
    let trial = Trial::new("twilio", &settings("'+15550000001', '+15550000002'"));
    let cause = "connection reset".to_owned();
    trial.answer(201, OK).fail(SendError::Ambiguous { cause });
    let error = trial.fire().await.unwrap_err();
    assert!(error.is_ambiguous && error.retry.is_some());
}

#[tokio::test]
async fn a_message_has_1600_characters_at_most() {
    let settings = format!(
        "{}, text: '{{{{ range .Alerts }}}}{}{{{{ end }}}}'",
        settings("'+1'"),
        "🙂x".repeat(400)
    );
    let trial = Trial::new("twilio", &settings);
    trial.answer(201, OK);
    trial.fire().await.unwrap();
    let body = String::from_utf8(trial.sent().0.body.to_vec()).unwrap();
    // 3 units for each pair, and the ellipsis.
    assert_eq!(body.matches("%F0%9F%99%82").count(), 533);
    assert!(body.ends_with("%E2%80%A6"), "{body}");
    assert_eq!(cut_utf16("abc", 3), "abc");
    assert_eq!(cut_utf16("ab🙂", 3), "ab…");
}

#[tokio::test]
async fn more_than_three_alerts_are_counted() {
    let trial = Trial::new("twilio", &settings("'+1'"));
    trial.answer(201, OK);
    let many = [
        ("a", false),
        ("b", false),
        ("c", false),
        ("d", false),
        ("e", false),
    ];
    trial.deliver(&told(&many)).await.unwrap();
    let body = String::from_utf8(trial.sent().0.body.to_vec()).unwrap();
    assert!(body.contains("%E2%80%A6+5+alerts%0Ahttp"), "{body}");
}
