//! What every inbox must do.

use super::{Backend, fresh, message};
use crate::inbox::{MESSAGES_MAX, PAGE_MAX};

pub(super) async fn pages_and_tenants(backend: &dyn Backend) {
    let store = fresh(backend).await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let body = format!("{{\"n\":{number}}}");
        ids.push(
            store
                .inbox
                .append(message("acme", &format!("k{number}"), &body))
                .await
                .expect("is written"),
        );
    }
    let other = store
        .inbox
        .append(message("other", "k0", "{}"))
        .await
        .expect("is written");
    assert!(ids.is_sorted() && other > ids[4], "ids grow");
    let again = store
        .inbox
        .append(message("acme", "k3", "{\"changed\":true}"))
        .await
        .expect("is written");
    assert_eq!(again, ids[3], "a repeat is the same message");

    let acme = "acme".parse().expect("a valid tenant");
    let newest = store.inbox.list(&acme, None, 2).await.expect("is readable");
    assert_eq!(
        newest.iter().map(|m| m.id).collect::<Vec<_>>(),
        [ids[4], ids[3]]
    );
    assert_eq!(newest[1].body, "{\"n\":3}");
    let rest = store
        .inbox
        .list(&acme, Some(ids[3]), 50)
        .await
        .expect("is readable");
    assert_eq!(
        rest.iter().map(|m| m.id).collect::<Vec<_>>(),
        [ids[2], ids[1], ids[0]]
    );
    assert!(
        store
            .inbox
            .list(&acme, Some(ids[0]), 50)
            .await
            .expect("is readable")
            .is_empty()
    );
    assert!(
        store
            .inbox
            .list(&acme, None, 0)
            .await
            .expect("is readable")
            .is_empty()
    );
    let nobody = "nobody".parse().expect("a valid tenant");
    assert!(
        store
            .inbox
            .list(&nobody, None, 50)
            .await
            .expect("is readable")
            .is_empty()
    );
    store.close().await;
}

pub(super) async fn keeps_the_newest(backend: &dyn Backend) {
    /// How far past its size the inbox may be for a moment.
    const SLACK: usize = 128;
    let store = fresh(backend).await;
    let total = MESSAGES_MAX + 300;
    for first in (0..total).step_by(50) {
        let appends = (first..first + 50)
            .map(|n| store.inbox.append(message("acme", &format!("k{n}"), "{}")));
        for id in futures::future::join_all(appends).await {
            id.expect("is written");
        }
    }
    let tenant = "acme".parse().expect("a valid tenant");
    let (mut kept, mut before) = (0, None);
    loop {
        let page = store
            .inbox
            .list(&tenant, before, usize::MAX)
            .await
            .expect("is readable");
        assert!(page.len() <= PAGE_MAX);
        let Some(last) = page.last() else { break };
        before = Some(last.id);
        kept += page.len();
    }
    assert!(
        (MESSAGES_MAX..=MESSAGES_MAX + SLACK).contains(&kept),
        "{kept} messages are kept"
    );
    store.close().await;
}
