use super::*;
use async_trait::async_trait;
use domain::id::IntegrationId;
use notify::{Composed, DeliveryError, Notification};

struct Nobody(IntegrationId);

#[async_trait]
impl Integration for Nobody {
    fn id(&self) -> &IntegrationId {
        &self.0
    }

    fn kind(&self) -> &'static str {
        "webhook"
    }

    fn send_resolved(&self) -> bool {
        true
    }

    fn timeout(&self) -> Option<Duration> {
        None
    }

    async fn compose(&self, _: &Notification) -> Result<Box<dyn Composed + '_>, DeliveryError> {
        std::future::pending().await
    }
}

const SECOND: Duration = Duration::from_secs(1);

fn channel() -> Channel {
    let id = IntegrationId::new("r", "webhook", 0);
    let metrics = runtime::metrics::Metrics::default();
    let metrics = metrics.notifications.integration("webhook", "r");
    let rate = Rate::new(1, 1, SECOND * 10).expect("a sane rate");
    Channel::new(Arc::new(Nobody(id)), metrics, "r".into(), Some(rate), false)
}

fn group(n: u8) -> GroupKey {
    GroupKey([n; 16])
}

fn by_limit(wait: Duration) -> Option<Held> {
    let by = HeldBy::RateLimit;
    Some(Held { wait, by })
}

#[tokio::test(start_paused = true)]
async fn a_line_is_first_come_first_served() {
    let channel = channel();
    assert_eq!(channel.waits(group(1), false), None);
    assert_eq!(channel.line_up(group(1), false, SECOND * 4), SECOND * 4);
    // Who comes while there is a line goes to its end.
    assert_eq!(channel.waits(group(2), false), by_limit(SECOND * 14));
    assert_eq!(channel.waits(group(3), false), by_limit(SECOND * 24));
    assert_eq!(channel.held(group(2)), by_limit(SECOND * 14));
    tokio::time::advance(SECOND * 14).await;
    assert_eq!(channel.waits(group(2), false), None, "its time has come");
    // Others were quicker: it stays at the head.
    assert_eq!(channel.line_up(group(2), false, SECOND * 2), SECOND * 2);
    assert_eq!(channel.waits(group(3), false), by_limit(SECOND * 10));
    channel.leave_line(group(1));
    channel.leave_line(group(2));
    channel.leave_line(group(3));
    assert_eq!(
        channel.waits(group(4), false),
        None,
        "an empty line is none"
    );
    assert_eq!(channel.line_len(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_urgent_has_a_line_of_its_own() {
    let channel = channel();
    assert_eq!(channel.line_up(group(1), false, SECOND * 4), SECOND * 4);
    assert_eq!(channel.waits(group(2), false), by_limit(SECOND * 14));
    // Something critical joins the group that waits: it goes on as if it had not waited.
    assert_eq!(channel.waits(group(2), true), None);
    assert_eq!(channel.line_up(group(2), true, SECOND * 4), SECOND * 4);
    assert_eq!(channel.waits(group(3), true), by_limit(SECOND * 14));
    // Who is not urgent comes behind those who are.
    assert_eq!(channel.waits(group(4), false), by_limit(SECOND * 24));
    tokio::time::advance(SECOND * 60).await;
    assert_eq!(channel.waits(group(5), false), None);
    assert_eq!(channel.waits(group(5), true), None);
    assert_eq!(channel.line_len(), 0, "who did not come is forgotten");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_asks_for_patience_holds_every_group() {
    let channel = channel();
    assert_eq!(channel.held(group(1)), None);
    channel.hold_for(SECOND * 3);
    // Another instance was told less before.
    channel.hold_for(SECOND);
    let (wait, by) = (SECOND * 3, HeldBy::Provider);
    assert_eq!(channel.held(group(1)), Some(Held { wait, by }));
    tokio::time::advance(SECOND * 3).await;
    assert_eq!(channel.held(group(1)), None);
}

#[tokio::test(start_paused = true)]
async fn failing_counts_from_the_first_failure_to_the_next_success() {
    let channel = channel();
    let fresh = SECOND * 100;
    let is_failing = |n, after| channel.is_failing(group(n), after, fresh);
    assert!(!is_failing(1, Duration::ZERO));
    channel.failed(group(1), fresh);
    tokio::time::advance(SECOND * 5).await;
    channel.failed(group(1), fresh);
    assert!(is_failing(1, SECOND * 5) && !is_failing(1, SECOND * 6));
    assert!(is_failing(2, SECOND * 5), "it fails for everybody");
    channel.worked(group(2));
    assert!(!is_failing(2, Duration::ZERO));
    assert!(
        is_failing(1, SECOND * 5),
        "but for one whose own message fails"
    );
    tokio::time::advance(fresh * 2).await;
    assert!(!is_failing(1, SECOND), "nobody tried for long");
    channel.failed(group(1), fresh);
    assert!(!is_failing(1, SECOND), "what lies between is not known");
    channel.is_quiet(group(1));
    channel.worked(group(2));
    assert!(!is_failing(1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_new_configuration_goes_on_from_what_is_known() {
    let (before, after) = (channel(), channel());
    before.failed(group(1), SECOND);
    assert_eq!(before.line_up(group(2), false, SECOND * 4), SECOND * 4);
    after.go_on_from(&before);
    assert!(after.is_failing(group(1), Duration::ZERO, SECOND));
    assert_eq!(after.held(group(2)), by_limit(SECOND * 4));
}
