use super::*;

#[test]
fn zero_time_is_written_as_go_writes_it() {
    assert_eq!(Timestamp::ZERO.rfc3339_nano(), "0001-01-01T00:00:00Z");
    assert_eq!(Timestamp::MAX.rfc3339_millis(), "9999-12-31T23:59:59.999Z");
}

#[test]
fn civil_dates_go_there_and_back() {
    for days in (-719_162..2_932_896).step_by(97) {
        let (year, month, day) = civil_from_days(days);
        assert_eq!(days_from_civil(year, month, day), days);
    }
    assert_eq!(civil_from_days(0), (1970, 1, 1));
    assert_eq!(civil_from_days(19_782), (2024, 2, 29));
}

#[test]
fn an_offset_changes_the_text_but_not_the_instant() {
    let plus_two = Timestamp::new(1_772_600_820, 89_000_000, 120);
    assert_eq!(plus_two.rfc3339_nano(), "2026-03-04T07:07:00.089+02:00");
    assert_eq!(plus_two, plus_two.utc());
    assert_eq!(plus_two.utc().rfc3339_millis(), "2026-03-04T05:07:00.089Z");
}

#[test]
fn spans_add_and_subtract_across_seconds() {
    let t = Timestamp::from_unix_ms(1_999);
    let span = Duration::from_millis(1_502);
    assert_eq!((t + span).unix_ms(), 3_501);
    assert_eq!((t - span).unix_ms(), 497);
    assert_eq!((t + span).since(t), span);
    assert_eq!(t.since(t + span), Duration::ZERO);
    assert_eq!(Timestamp::MAX + Duration::MAX, Timestamp::MAX);
    assert_eq!(Timestamp::ZERO - Duration::MAX, Timestamp::ZERO);
}

#[test]
fn numbers_are_padded_as_format_does() {
    for number in [0, 7, 10, 123_456, 999_999_999, i64::MAX, -1, i64::MIN] {
        for width in [0, 1, 4, 9, 20, 30] {
            let mut out = "t=".to_owned();
            push_padded(&mut out, number, width);
            assert_eq!(out, format!("t={number:0width$}"));
        }
    }
}
