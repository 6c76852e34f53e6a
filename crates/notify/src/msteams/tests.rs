use crate::FailureReason;
use crate::own::trial::Trial;

use super::refusal;

/// As connectors answer, with status 200.
fn not_taken(status: &str) -> String {
    format!(
        "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error {status} with ContextId x."
    )
}

const STATUSES: [(&str, FailureReason); 5] = [
    ("429", FailureReason::RateLimited),
    ("500", FailureReason::ServerError),
    ("", FailureReason::ServerError),
    ("413", FailureReason::ClientError),
    ("400", FailureReason::ClientError),
];

#[test]
fn what_teams_did_not_take_is_judged_by_its_status() {
    for taken in [
        "1",
        "",
        "ok: Webhook message delivery failed with error is what the alert says",
    ] {
        assert_eq!(refusal(taken), None);
    }
    for (status, expected) in STATUSES {
        assert_eq!(refusal(&not_taken(status)), Some(expected), "{status}");
    }
}

#[tokio::test]
async fn a_refusal_with_status_200_is_a_failure() {
    for kind in ["msteams", "msteamsv2"] {
        for (status, reason) in STATUSES {
            let trial = Trial::new(kind, "webhook_url: 'https://teams.example.org/hook/T0KEN'");
            trial.answer(200, &not_taken(status));
            let error = trial.fire().await.unwrap_err();
            let is_retried = reason != FailureReason::ClientError;
            assert_eq!(error.retry.is_some(), is_retried, "{kind} {error:?}");
            assert_eq!(error.reason, reason);
            assert!(error.detail.contains(status), "{error:?}");
            trial.answer(200, "1");
            trial.fire().await.unwrap();
        }
    }
}
