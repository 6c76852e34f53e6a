//! One suite for every backend of [`Sessions`].
//!
//! [`session_conformance!`](crate::session_conformance!) stamps out one test per function. Lifetimes are short and measured by the
//! lab's clock: with time paused for a backend in memory, in real time for one that has a clock of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::id::TenantId;
use domain::time::Timestamp;
use runtime::clock::SharedClock;
use runtime::ids::{IdSource, SeededIds};
use tokio::time::sleep;

use super::{Created, Lifetime, NewSession, Session, SessionChange, SessionId, Sessions, Updated};

/// Stamps out the suite; the argument is an async closure that answers a [`Lab`] and whatever has to live as long, or
/// `None` if there can be none here.
#[macro_export]
macro_rules! session_conformance {
    ($factory:expr) => {
        $crate::session_conformance!($factory;
            what_was_created_is_read,
            a_token_is_used_once,
            reading_extends_a_session,
            a_session_ends_when_nobody_reads_it,
            no_reading_extends_past_the_absolute_end,
            updates_change_what_they_name,
            data_has_a_bound,
            a_deleted_session_is_gone,
            sessions_are_listed_and_counted,
            a_user_can_be_revoked,
            a_tenant_can_be_revoked,
            statistics_sum_up,
            other_tenants_find_nothing_and_change_nothing,
            random_calls_never_cross_tenants,
        );
    };
    ($factory:expr; $($name:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $name() {
                if let Some((lab, _keep)) = ($factory)().await {
                    $crate::session::conformance::$name(lab).await;
                }
            }
        )*
    };
}

/// A backend and the clock its callers read.
pub struct Lab {
    /// The backend.
    pub sessions: Arc<dyn Sessions>,
    /// What `now` is taken from.
    pub clock: SharedClock,
}

/// Long enough that a slow machine gets its requests in, short enough to wait for.
const IDLE: Duration = Duration::from_millis(1200);
const SHORT: Lifetime = Lifetime {
    idle: IDLE,
    absolute: Duration::from_secs(3600),
};

fn tenant(name: &str) -> TenantId {
    name.parse().expect("a valid tenant")
}

fn new(owner: &str, user: &str, token: &str) -> NewSession {
    let id = SessionId::of_token(token);
    let session = NewSession::new(id, tenant(owner), user, &format!("name of {user}"));
    let session = session.and_then(|s| s.with("role", "viewer"));
    session.expect("a valid session")
}

fn id(token: &str) -> SessionId {
    SessionId::of_token(token)
}

impl Lab {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn create(&self, session: NewSession) -> Session {
        match self.sessions.create(session, self.now()).await {
            Ok(Created::Stored(session)) => session,
            other => panic!("a new session is stored, yet {other:?}"),
        }
    }

    async fn get(&self, owner: &str, token: &str) -> Option<Session> {
        let owner = tenant(owner);
        let found = self.sessions.get(&owner, id(token), self.now());
        found.await.expect("available")
    }

    async fn update(&self, owner: &str, token: &str, change: SessionChange) -> Updated {
        let owner = tenant(owner);
        let done = self.sessions.update(&owner, id(token), change, self.now());
        done.await.expect("available")
    }

    async fn delete(&self, owner: &str, token: &str) -> bool {
        let owner = tenant(owner);
        let done = self.sessions.delete(&owner, id(token), self.now());
        done.await.expect("available")
    }

    /// Ids of the listed sessions, which agree with the count.
    async fn list(&self, owner: &str, user: Option<&str>) -> Vec<SessionId> {
        let owner = tenant(owner);
        let listed = self.sessions.list(&owner, user, 1000, self.now());
        let listed = listed.await.expect("available");
        assert!(listed.sessions.iter().all(|s| s.tenant == owner));
        if user.is_none() {
            let count = self.sessions.count(&owner, self.now()).await;
            assert_eq!(count, Ok(listed.sessions.len()));
        }
        listed.sessions.iter().map(|s| s.id).collect()
    }
}

/// Every field comes back.
pub async fn what_was_created_is_read(lab: Lab) {
    let session = new("acme", "u-1", "t-1")
        .with("csrf of \"mia\"\r\n", "}\0é")
        .expect("valid");
    let created = lab.create(session).await;
    let read = lab.get("acme", "t-1").await.expect("it is there");
    assert_eq!((read.id, read.tenant.as_str()), (id("t-1"), "acme"));
    assert_eq!(
        (read.user_id.as_str(), read.username.as_str()),
        ("u-1", "name of u-1")
    );
    let data: Vec<_> = read
        .data
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(data, [("csrf of \"mia\"\r\n", "}\0é"), ("role", "viewer")]);
    assert_eq!(
        (read.created_at, read.ends_at),
        (created.created_at, created.ends_at)
    );
    assert_eq!(
        created.ends_at.since(created.created_at),
        Lifetime::default().absolute
    );
    assert_eq!(
        created.expires_at.since(created.created_at),
        Lifetime::default().idle
    );
    assert!(lab.get("acme", "t-2").await.is_none());
}

/// Whoever's it is: a second login never takes over the first one's session.
pub async fn a_token_is_used_once(lab: Lab) {
    lab.create(new("acme", "u-1", "t-1")).await;
    for owner in ["acme", "other"] {
        let again = lab
            .sessions
            .create(new(owner, "u-2", "t-1"), lab.now())
            .await;
        assert_eq!(again, Ok(Created::Taken));
    }
    let read = lab.get("acme", "t-1").await.expect("it is there");
    assert_eq!(read.user_id, "u-1");
    assert!(lab.get("other", "t-1").await.is_none());
}

/// M10: as long as somebody reads it, it lives on.
pub async fn reading_extends_a_session(lab: Lab) {
    let session = new("acme", "u-1", "t-1").lasting(SHORT).expect("valid");
    let mut ends = lab.create(session).await.expires_at;
    for _ in 0..5 {
        sleep(IDLE / 3).await;
        let read = lab.get("acme", "t-1").await.expect("extended so far");
        assert!(ends < read.expires_at);
        assert_eq!(read.expires_at.since(read.seen_at), IDLE);
        ends = read.expires_at;
    }
    // The index was extended along.
    assert_eq!(lab.list("acme", None).await, [id("t-1")]);
}

/// An ended session is nowhere.
pub async fn a_session_ends_when_nobody_reads_it(lab: Lab) {
    let session = new("acme", "u-1", "t-1").lasting(SHORT).expect("valid");
    lab.create(session).await;
    lab.create(new("acme", "u-1", "t-2")).await;
    // Listing and changing are not reading.
    sleep(IDLE * 2 / 3).await;
    assert_eq!(lab.list("acme", None).await.len(), 2);
    let change = SessionChange::default()
        .set("role", "editor")
        .expect("valid");
    assert!(matches!(
        lab.update("acme", "t-1", change.clone()).await,
        Updated::Stored(_)
    ));
    sleep(IDLE * 2 / 3).await;
    assert!(lab.get("acme", "t-1").await.is_none());
    assert_eq!(lab.update("acme", "t-1", change).await, Updated::Absent);
    assert_eq!(lab.list("acme", None).await, [id("t-2")]);
    assert!(!lab.delete("acme", "t-1").await);
}

/// Sliding has an end (S14).
pub async fn no_reading_extends_past_the_absolute_end(lab: Lab) {
    let lifetime = Lifetime {
        idle: IDLE,
        absolute: IDLE * 2,
    };
    let session = new("acme", "u-1", "t-1").lasting(lifetime).expect("valid");
    let ends = lab.create(session).await.ends_at;
    for _ in 0..3 {
        sleep(IDLE / 2).await;
        let read = lab.get("acme", "t-1").await.expect("before its end");
        assert!(read.expires_at <= ends && read.ends_at == ends);
    }
    sleep(IDLE * 3 / 4).await;
    assert!(lab.get("acme", "t-1").await.is_none());
    assert!(lab.list("acme", None).await.is_empty());
}

/// Entries that are not named stay.
pub async fn updates_change_what_they_name(lab: Lab) {
    let session = new("acme", "u-1", "t-1")
        .with("locale", "zh")
        .expect("valid");
    let before = lab.create(session).await;
    let change = SessionChange::default().set("role", "admin");
    let change = change
        .and_then(|c| c.set("theme", ""))
        .and_then(|c| c.remove("locale"));
    let change = change.and_then(|c| c.remove("never there"));
    let Updated::Stored(after) = lab.update("acme", "t-1", change.expect("valid")).await else {
        panic!("the session is there")
    };
    let want = [("role", "admin"), ("theme", "")];
    let want: BTreeMap<_, _> = want.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    assert_eq!(after.data, want);
    assert_eq!(
        (after.username.as_str(), after.expires_at),
        ("name of u-1", before.expires_at)
    );
    let rename = SessionChange::default().username("Mia").expect("valid");
    lab.update("acme", "t-1", rename).await;
    let read = lab.get("acme", "t-1").await.expect("it is there");
    assert_eq!((read.username.as_str(), read.data), ("Mia", want));
}

/// Also across several changes.
pub async fn data_has_a_bound(lab: Lab) {
    let session = new("acme", "u-1", "t-1");
    lab.create(session).await;
    let names = |range: std::ops::Range<u32>| {
        let mut names = range.map(|n| n.to_string());
        names
            .try_fold(SessionChange::default(), |c, n| c.set(&n, "x"))
            .expect("valid")
    };
    assert!(matches!(
        lab.update("acme", "t-1", names(0..31)).await,
        Updated::Stored(_)
    ));
    assert_eq!(
        lab.update("acme", "t-1", names(31..33)).await,
        Updated::TooMuch
    );
    let swap = names(31..32).remove("0").expect("valid");
    assert!(matches!(
        lab.update("acme", "t-1", swap).await,
        Updated::Stored(_)
    ));
    let read = lab.get("acme", "t-1").await.expect("it is there");
    assert_eq!(read.data.len(), 32);
}

/// Logging out.
pub async fn a_deleted_session_is_gone(lab: Lab) {
    lab.create(new("acme", "u-1", "t-1")).await;
    lab.create(new("acme", "u-1", "t-2")).await;
    assert!(lab.delete("acme", "t-1").await);
    assert!(!lab.delete("acme", "t-1").await);
    assert!(lab.get("acme", "t-1").await.is_none());
    assert_eq!(lab.list("acme", None).await, [id("t-2")]);
}

/// With a limit, and by user.
pub async fn sessions_are_listed_and_counted(lab: Lab) {
    assert!(lab.list("acme", None).await.is_empty());
    for n in 0..5 {
        lab.create(new("acme", &format!("u-{}", n % 2), &format!("t-{n}")))
            .await;
        sleep(Duration::from_millis(5)).await;
    }
    lab.get("acme", "t-1").await.expect("it is there");
    let all = ["t-1", "t-4", "t-3", "t-2", "t-0"].map(id);
    assert_eq!(lab.list("acme", None).await, all);
    assert_eq!(lab.list("acme", Some("u-1")).await, ["t-1", "t-3"].map(id));
    assert!(lab.list("acme", Some("u-7")).await.is_empty());
    let acme = tenant("acme");
    let few = lab
        .sessions
        .list(&acme, None, 2, lab.now())
        .await
        .expect("available");
    assert_eq!((few.sessions.len(), few.has_more), (2, true));
    let few = lab
        .sessions
        .list(&acme, Some("u-1"), 2, lab.now())
        .await
        .expect("available");
    assert_eq!((few.sessions.len(), few.has_more), (2, false));
}

/// A disabled user is out everywhere (S15).
pub async fn a_user_can_be_revoked(lab: Lab) {
    for n in 0..6 {
        lab.create(new("acme", &format!("u-{}", n % 2), &format!("t-{n}")))
            .await;
    }
    lab.create(new("other", "u-1", "t-x")).await;
    let acme = tenant("acme");
    let revoked = lab.sessions.revoke_user(&acme, "u-1", lab.now()).await;
    assert_eq!(revoked, Ok(3));
    let revoked = lab.sessions.revoke_user(&acme, "u-1", lab.now()).await;
    assert_eq!(revoked, Ok(0));
    assert_eq!(lab.list("acme", None).await.len(), 3);
    assert!(lab.get("acme", "t-1").await.is_none());
    assert!(lab.get("acme", "t-0").await.is_some());
    assert!(lab.get("other", "t-x").await.is_some());
}

/// More than fit into one round trip, too.
pub async fn a_tenant_can_be_revoked(lab: Lab) {
    for n in 0..600 {
        lab.create(new("acme", &format!("u-{n}"), &format!("t-{n}")))
            .await;
    }
    lab.create(new("other", "u-1", "t-x")).await;
    let acme = tenant("acme");
    let revoked = lab.sessions.revoke_tenant(&acme, lab.now()).await;
    assert_eq!(revoked, Ok(600));
    assert!(lab.list("acme", None).await.is_empty());
    assert!(lab.get("acme", "t-599").await.is_none());
    assert_eq!(lab.list("other", None).await, [id("t-x")]);
}

/// Per tenant (M11).
pub async fn statistics_sum_up(lab: Lab) {
    let first = lab.create(new("acme", "u-1", "t-1")).await;
    lab.create(new("acme", "u-1", "t-2")).await;
    lab.create(
        new("acme", "u-2", "t-3")
            .with("role", "admin")
            .expect("valid"),
    )
    .await;
    lab.create(new("other", "u-9", "t-9")).await;
    sleep(Duration::from_millis(5)).await;
    let last = lab.get("acme", "t-2").await.expect("it is there");
    let found = lab.sessions.statistics(&tenant("acme"), lab.now()).await;
    let found = found.expect("available");
    assert_eq!((found.sessions, found.users), (3, 2));
    let roles = [("admin".to_owned(), 1), ("viewer".to_owned(), 2)];
    assert_eq!(found.by_role, BTreeMap::from(roles));
    assert_eq!(found.oldest_at, Some(first.created_at));
    assert_eq!(found.last_seen_at, Some(last.seen_at));
    let none = lab.sessions.statistics(&tenant("nobody"), lab.now()).await;
    assert_eq!(none, Ok(super::SessionStatistics::default()));
}

/// M8: not even whether it exists.
pub async fn other_tenants_find_nothing_and_change_nothing(lab: Lab) {
    let session = new("acme", "u-1", "t-1").lasting(SHORT).expect("valid");
    let before = lab.create(session).await;
    let change = SessionChange::default()
        .set("role", "admin")
        .expect("valid");
    sleep(IDLE / 3).await;
    assert!(lab.get("other", "t-1").await.is_none());
    assert_eq!(lab.update("other", "t-1", change).await, Updated::Absent);
    assert!(!lab.delete("other", "t-1").await);
    let other = tenant("other");
    assert_eq!(
        lab.sessions.revoke_user(&other, "u-1", lab.now()).await,
        Ok(0)
    );
    assert_eq!(lab.sessions.revoke_tenant(&other, lab.now()).await, Ok(0));
    assert!(lab.list("other", None).await.is_empty());
    let listed = lab
        .sessions
        .list(&tenant("acme"), None, 10, lab.now())
        .await;
    assert_eq!(
        listed.expect("available").sessions,
        [before],
        "not even extended"
    );
}

/// [`no_call_crosses_tenants`] with a few fixed seeds.
pub async fn random_calls_never_cross_tenants(lab: Lab) {
    for seed in 0..3 {
        no_call_crosses_tenants(
            Lab {
                sessions: Arc::clone(&lab.sessions),
                clock: Arc::clone(&lab.clock),
            },
            seed,
            150,
        )
        .await;
    }
}

/// Random calls of three tenants that use the same tokens, users and data: each sees exactly what a model of it alone has.
pub async fn no_call_crosses_tenants(lab: Lab, seed: u64, calls: usize) {
    let choices = SeededIds::new(seed);
    let pick = |n: u64| choices.nonce() % n;
    let owners = [format!("a{seed}"), format!("b{seed}"), format!("c{seed}")];
    // What each tenant has: token → user.
    let mut models: [BTreeMap<String, String>; 3] = Default::default();
    for _ in 0..calls {
        let who = usize::try_from(pick(3)).unwrap_or(0);
        let (owner, token, user) = (
            &owners[who],
            format!("{seed}-{}", pick(12)),
            format!("u{}", pick(3)),
        );
        let is_taken = models.iter().any(|model| model.contains_key(&token));
        let model = &mut models[who];
        match pick(16) {
            0..6 => {
                let made = lab
                    .sessions
                    .create(new(owner, &user, &token), lab.now())
                    .await;
                assert_eq!(
                    matches!(made, Ok(Created::Stored(_))),
                    !is_taken,
                    "{made:?}"
                );
                if !is_taken {
                    model.insert(token, user);
                }
            }
            6..10 => {
                let read = lab.get(owner, &token).await;
                assert!(read.iter().all(|s| s.tenant.as_str() == owner));
                assert_eq!(read.map(|s| s.user_id), model.get(&token).cloned());
            }
            10 | 11 => {
                let change = SessionChange::default().set("role", owner).expect("valid");
                let done = lab.update(owner, &token, change).await;
                assert_eq!(done != Updated::Absent, model.contains_key(&token));
            }
            12 | 13 => assert_eq!(
                lab.delete(owner, &token).await,
                model.remove(&token).is_some()
            ),
            14 => {
                let revoked = lab
                    .sessions
                    .revoke_user(&tenant(owner), &user, lab.now())
                    .await;
                let before = model.len();
                model.retain(|_, owner| owner != &user);
                assert_eq!(revoked, Ok(before - model.len()));
            }
            _ => {
                let listed: BTreeSet<_> = lab.list(owner, None).await.into_iter().collect();
                assert_eq!(listed, model.keys().map(|token| id(token)).collect());
                let found = lab
                    .sessions
                    .statistics(&tenant(owner), lab.now())
                    .await
                    .expect("available");
                let users: BTreeSet<_> = model.values().collect();
                assert_eq!((found.sessions, found.users), (model.len(), users.len()));
            }
        }
    }
}
