use crate::FailureReason;
use crate::own::trial::Trial;

use super::is_retried;

/// As connectors answer, with status 200.
fn not_taken(status: &str) -> String {
    format!(
        "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error {status} with ContextId x."
    )
}

#[test]
fn what_teams_did_not_take_is_judged_by_its_status() {
    assert_eq!(is_retried("1"), None);
    assert_eq!(is_retried(""), None);
    for (status, expected) in [
        ("429", true),
        ("500", true),
        ("413", false),
        ("400", false),
        ("", true),
    ] {
        assert_eq!(is_retried(&not_taken(status)), Some(expected), "{status}");
    }
}

#[tokio::test]
async fn a_refusal_with_status_200_is_a_failure() {
    for kind in ["msteams", "msteamsv2"] {
        for (status, is_retried) in [("429", true), ("413", false)] {
            let trial = Trial::new(kind, "webhook_url: 'https://teams.example.org/hook/T0KEN'");
            trial.answer(200, &not_taken(status));
            let error = trial.fire().await.unwrap_err();
            assert_eq!(error.retry.is_some(), is_retried, "{kind} {error:?}");
            assert_eq!(error.reason, FailureReason::ClientError);
            assert!(error.detail.contains(status), "{error:?}");
            trial.answer(200, "1");
            trial.fire().await.unwrap();
        }
    }
}
