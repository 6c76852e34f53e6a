use std::time::Duration;

use super::*;

#[tokio::test(start_paused = true)]
async fn the_simulated_clock_moves_with_timers() {
    let start = Timestamp::from_unix_ms(1_700_000_000_000);
    let clock = SimClock::shared(start);
    assert_eq!(clock.now(), start);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(clock.now(), start + Duration::from_millis(1500));
    tokio::time::advance(Duration::from_secs(3600)).await;
    assert_eq!(clock.now().since(start), Duration::from_millis(3_601_500));
}

#[test]
fn the_system_clock_shows_this_century() {
    assert!(SystemClock.now() > Timestamp::from_unix_ms(1_600_000_000_000));
}
