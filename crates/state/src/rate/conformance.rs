//! One suite for every backend of [`RateBuckets`].
//!
//! [`rate_conformance!`](crate::rate_conformance!) stamps out one test per function.

use std::sync::Arc;
use std::time::Duration;

use domain::id::{IntegrationId, TenantId};
use tokio::time::{Instant, sleep};

use super::{Rate, RateBuckets, Taken};

/// Stamps out the suite; the argument is an async closure that answers a fresh backend and whatever has to live as long,
/// or `None` if there can be none here.
#[macro_export]
macro_rules! rate_conformance {
    ($factory:expr) => {
        $crate::rate_conformance!($factory;
            a_bucket_starts_full_and_then_refuses,
            it_refills_evenly,
            several_are_taken_together_or_not_at_all,
            buckets_do_not_touch_each_other,
            many_at_once_get_no_more_than_there_is,
            a_smaller_bucket_is_no_longer_wait,
        );
    };
    ($factory:expr; $($name:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $name() {
                if let Some((buckets, _keep)) = ($factory)().await {
                    $crate::rate::conformance::$name(buckets).await;
                }
            }
        )*
    };
}

type Backend = Arc<dyn RateBuckets>;

fn rate(capacity: u32, refill: u32, period: Duration) -> Rate {
    Rate::new(capacity, refill, period).expect("a valid rate")
}

async fn take(buckets: &Backend, tokens: u32, rate: Rate) -> Taken {
    take_of(buckets, "acme", "team-x/slack[0]", tokens, rate).await
}

async fn take_of(buckets: &Backend, tenant: &str, of: &str, tokens: u32, rate: Rate) -> Taken {
    let tenant: TenantId = tenant.parse().expect("a valid tenant");
    let integration = IntegrationId::from_stored(of);
    let taken = buckets.take(&tenant, &integration, tokens, rate);
    taken.await.expect("available")
}

/// A burst, then the truth about the wait.
pub async fn a_bucket_starts_full_and_then_refuses(buckets: Backend) {
    let per_hour = rate(5, 5, Duration::from_secs(3600));
    for _ in 0..5 {
        assert_eq!(take(&buckets, 1, per_hour).await, Taken::Now);
    }
    let Taken::Wait(wait) = take(&buckets, 1, per_hour).await else {
        panic!("a sixth of five")
    };
    assert!(
        Duration::from_secs(700) < wait && wait <= Duration::from_secs(720),
        "{wait:?}"
    );
    let Taken::Wait(longer) = take(&buckets, 2, per_hour).await else {
        panic!("two more of five")
    };
    assert!(Duration::from_secs(1400) < longer, "{longer:?}");
}

/// Waiting as long as told suffices.
pub async fn it_refills_evenly(buckets: Backend) {
    let rate = rate(3, 10, Duration::from_secs(2));
    let began = Instant::now();
    for _ in 0..9 {
        while let Taken::Wait(wait) = take(&buckets, 1, rate).await {
            assert!(wait <= Duration::from_millis(200), "{wait:?}");
            sleep(wait + Duration::from_millis(1)).await;
        }
    }
    // Three were there, six had to come in.
    assert!(Duration::from_millis(1200) <= began.elapsed());
}

/// And more than the bucket holds, never.
pub async fn several_are_taken_together_or_not_at_all(buckets: Backend) {
    let per_hour = rate(5, 1, Duration::from_secs(3600));
    assert_eq!(take(&buckets, 6, per_hour).await, Taken::Never);
    assert_eq!(take(&buckets, 3, per_hour).await, Taken::Now);
    assert!(matches!(take(&buckets, 3, per_hour).await, Taken::Wait(_)));
    assert_eq!(take(&buckets, 2, per_hour).await, Taken::Now);
    assert_eq!(take(&buckets, 0, per_hour).await, Taken::Now);
}

/// Neither of tenants nor of integrations, whatever their names hold.
pub async fn buckets_do_not_touch_each_other(buckets: Backend) {
    let per_hour = rate(1, 1, Duration::from_secs(3600));
    let names = [
        "a/slack[0]",
        "a/slack[1]",
        "}{a b\r\n/slack[0]",
        "é/slack[0]",
    ];
    for tenant in ["acme", "other"] {
        for name in names {
            assert_eq!(
                take_of(&buckets, tenant, name, 1, per_hour).await,
                Taken::Now
            );
        }
    }
    let again = take_of(&buckets, "acme", names[2], 1, per_hour).await;
    assert!(matches!(again, Taken::Wait(_)));
}

/// One transition each.
pub async fn many_at_once_get_no_more_than_there_is(buckets: Backend) {
    let per_hour = rate(10, 1, Duration::from_secs(3600));
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let buckets = Arc::clone(&buckets);
        all.spawn(async move { take(&buckets, 1, per_hour).await });
    }
    let taken = all.join_all().await;
    assert_eq!(
        taken.iter().filter(|taken| **taken == Taken::Now).count(),
        10
    );
}

/// A changed configuration does not punish for what the old one allowed.
pub async fn a_smaller_bucket_is_no_longer_wait(buckets: Backend) {
    let hour = Duration::from_secs(3600);
    assert_eq!(
        take(&buckets, 100, rate(100, 1, hour / 100)).await,
        Taken::Now
    );
    let smaller = rate(2, 2, Duration::from_secs(60));
    let Taken::Wait(wait) = take(&buckets, 1, smaller).await else {
        panic!("an empty bucket gives nothing")
    };
    assert!(wait <= Duration::from_secs(30), "{wait:?}");
}
