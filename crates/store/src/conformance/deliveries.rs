//! What every delivery log must do.

use std::time::Duration;

use domain::id::TenantId;
use domain::time::Timestamp;

use super::{Backend, fresh};
use crate::deliveries::{
    ANSWER_BYTES_MAX, ATTEMPTS_MAX, Attempt, AttemptOutcome, DeliveryQuery, LoggedAttempt,
};
use crate::{Store, StoreError};

fn attempt(tenant: &str, number: u32, outcome: AttemptOutcome) -> Attempt {
    Attempt {
        tenant: tenant.parse().expect("a valid tenant"),
        at: Timestamp::from_unix_ms(1_700_000_000_000 + i64::from(number) * 1_000),
        took: Duration::from_millis(25),
        receiver: format!("team-{}", number % 2),
        integration: format!("team-{}/webhook[0]", number % 2),
        group_key: format!("{{}}:{{n=\"{}\"}}", number / 2),
        status: "firing".to_owned(),
        reason: "first notification".to_owned(),
        message_key: format!("key-{number}"),
        number,
        outcome,
        failure: "clientError".to_owned(),
        answer: "400 no such channel".to_owned(),
        fallback: "text: no such field".to_owned(),
    }
}

async fn list(store: &Store, tenant: &str, query: &DeliveryQuery, limit: usize) -> Vec<u32> {
    let found = try_list(store, tenant, query, limit).await;
    let found = found.expect("is readable").into_iter();
    found.map(|logged| logged.attempt.number).collect()
}

async fn try_list(
    store: &Store,
    tenant: &str,
    query: &DeliveryQuery,
    limit: usize,
) -> Result<Vec<LoggedAttempt>, StoreError> {
    let tenant: TenantId = tenant.parse().expect("a valid tenant");
    store.deliveries.list(&tenant, query, limit).await
}

/// Queries, each with the numbers of what it finds among 0 to 5.
fn filters() -> [(DeliveryQuery, &'static [u32]); 7] {
    let base = DeliveryQuery::default;
    let at = |number| Some(attempt("acme", number, AttemptOutcome::Failed).at);
    let text = |text: &str| Some(text.to_owned());
    [
        (
            DeliveryQuery {
                receiver: text("team-1"),
                ..base()
            },
            &[5, 3, 1],
        ),
        (
            DeliveryQuery {
                integration: text("team-0/webhook[0]"),
                ..base()
            },
            &[4, 2, 0],
        ),
        (
            DeliveryQuery {
                group_key: text("{}:{n=\"1\"}"),
                ..base()
            },
            &[3, 2],
        ),
        (
            DeliveryQuery {
                message_key: text("key-4"),
                ..base()
            },
            &[4],
        ),
        (
            DeliveryQuery {
                outcome: Some(AttemptOutcome::Failed),
                ..base()
            },
            &[5, 1],
        ),
        (
            DeliveryQuery {
                since: at(2),
                until: at(4),
                ..base()
            },
            &[3, 2],
        ),
        (
            DeliveryQuery {
                receiver: text("' OR 1=1 --"),
                ..base()
            },
            &[],
        ),
    ]
}

pub(super) async fn lists_what_is_wanted(backend: &dyn Backend) {
    let store = fresh(backend).await;
    for number in 0..6 {
        let outcome = AttemptOutcome::ALL[number as usize % 4];
        store.deliveries.note(attempt("acme", number, outcome));
    }
    let other = attempt("other", 9, AttemptOutcome::Accepted);
    store.deliveries.note(other.clone());

    let all = DeliveryQuery::default();
    assert_eq!(list(&store, "acme", &all, 50).await, [5, 4, 3, 2, 1, 0]);
    assert_eq!(list(&store, "nobody", &all, 50).await, [0_u32; 0]);
    let page = try_list(&store, "acme", &all, 2).await.expect("a page");
    let before = Some(page[1].id);
    let rest = DeliveryQuery {
        before,
        ..all.clone()
    };
    assert_eq!(list(&store, "acme", &rest, 3).await, [3, 2, 1]);
    let whole = try_list(&store, "other", &all, 5).await.expect("a page");
    assert_eq!(whole[0].attempt, other, "every field comes back");

    for (query, expected) in filters() {
        let found = list(&store, "acme", &query, 50).await;
        assert_eq!(found, expected, "{query:?}");
    }
    store.close().await;
}

pub(super) async fn is_bounded(backend: &dyn Backend) {
    /// How far past its size the log may be for a moment.
    const SLACK: usize = 256;
    let store = fresh(backend).await;
    let mut long = attempt("acme", 0, AttemptOutcome::Accepted);
    long.answer = "é".repeat(ANSWER_BYTES_MAX);
    store.deliveries.note(long);
    let all = DeliveryQuery::default();
    let page = try_list(&store, "acme", &all, 1).await.expect("a page");
    assert_eq!(page[0].attempt.answer.len(), ANSWER_BYTES_MAX);
    let total = u32::try_from(ATTEMPTS_MAX + 2 * SLACK).expect("few");
    for number in 1..=total {
        store
            .deliveries
            .note(attempt("acme", number, AttemptOutcome::Accepted));
        if number % 1_000 == 0 {
            // What was noted is written before a list answers.
            assert_eq!(list(&store, "acme", &all, 1).await, [number]);
        }
    }
    let mut query = DeliveryQuery::default();
    let mut kept = 0;
    loop {
        let page = try_list(&store, "acme", &query, usize::MAX)
            .await
            .expect("a page");
        let Some(last) = page.last() else { break };
        kept += page.len();
        query.before = Some(last.id);
    }
    assert!(
        (ATTEMPTS_MAX..=ATTEMPTS_MAX + SLACK).contains(&kept),
        "{kept}"
    );
    store.close().await;
}
