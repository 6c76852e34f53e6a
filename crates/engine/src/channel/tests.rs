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

#[tokio::test(start_paused = true)]
async fn a_line_is_first_come_first_served() {
    let channel = channel();
    assert!(!channel.has_line(group(1)));
    assert_eq!(channel.line_up(group(1), SECOND * 4), SECOND * 4);
    assert!(channel.has_line(group(2)) && !channel.has_line(group(1)));
    assert_eq!(channel.line_up(group(2), Duration::ZERO), SECOND * 14);
    assert_eq!(channel.line_up(group(3), Duration::ZERO), SECOND * 24);
    let by = HeldBy::RateLimit;
    let wait = SECOND * 14;
    assert_eq!(channel.held(group(2)), Some(Held { wait, by }));
    tokio::time::advance(SECOND * 14).await;
    assert_eq!(channel.held(group(2)), None, "its time has come");
    channel.leave_line(group(1));
    channel.leave_line(group(2));
    channel.leave_line(group(3));
    assert!(!channel.has_line(group(4)), "an empty line is none");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_asks_for_patience_holds_every_group() {
    let channel = channel();
    channel.hold(None);
    assert_eq!(channel.held(group(1)), None);
    channel.hold(Some(Instant::now() + SECOND * 3));
    let (wait, by) = (SECOND * 3, HeldBy::Provider);
    assert_eq!(channel.held(group(1)), Some(Held { wait, by }));
    tokio::time::advance(SECOND * 3).await;
    assert_eq!(channel.held(group(1)), None);
}

#[tokio::test(start_paused = true)]
async fn failing_counts_from_the_first_failure_to_the_next_success() {
    let channel = channel();
    assert!(!channel.is_failing(Duration::ZERO));
    channel.failed();
    tokio::time::advance(SECOND * 5).await;
    channel.failed();
    assert!(channel.is_failing(SECOND * 5) && !channel.is_failing(SECOND * 6));
    channel.refused();
    assert!(channel.is_failing(SECOND * 600), "for good is at once");
    channel.worked();
    assert!(!channel.is_failing(Duration::ZERO));
}
