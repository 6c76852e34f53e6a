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

#[tokio::test(start_paused = true)]
async fn a_corrected_clock_differs_from_the_one_it_is_made_of() {
    let start = Timestamp::from_unix_ms(1_700_000_000_000);
    let clock = FollowingClock::new(SimClock::shared(start));
    assert_eq!(clock.now(), start);
    for (by_ms, shown_ms) in [(-600_000, 1_699_999_400_000), (250, 1_700_000_000_250)] {
        clock.correct(by_ms);
        assert_eq!(clock.now(), Timestamp::from_unix_ms(shown_ms));
        assert_eq!(clock.local(), start);
    }
}
