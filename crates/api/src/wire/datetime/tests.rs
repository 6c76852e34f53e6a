use super::parse;

#[track_caller]
fn reads(text: &str, expected: &str) {
    let instant = parse(text).expect("accepted").expect("stated");
    assert_eq!(instant.rfc3339_nano(), expected, "{text}");
}

#[track_caller]
fn refuses(text: &str, expected: &str) {
    assert_eq!(parse(text).expect_err(text), expected);
}

#[test]
fn every_accepted_form_is_read_with_its_offset() {
    reads("2025-01-02T03:04:05Z", "2025-01-02T03:04:05Z");
    reads(
        "2025-01-01T01:00:00.123456+02:00",
        "2025-01-01T01:00:00.123456+02:00",
    );
    reads("2025-01-02T03:04:05.5-00:30", "2025-01-02T03:04:05.5-00:30");
    reads(
        "2025-01-02T03:04:05.123456789123Z",
        "2025-01-02T03:04:05.123456789Z",
    );
    reads("2025-01-02T03:04:05,25Z", "2025-01-02T03:04:05.25Z");
    reads("2025-01-02T03:04:05", "2025-01-02T03:04:05Z");
    reads("2025-01-02T03:04:05.75", "2025-01-02T03:04:05.75Z");
    reads("2025-01-02T03:04Z", "2025-01-02T03:04:00Z");
    reads("2025-01-02T03:04", "2025-01-02T03:04:00Z");
    reads("2025-01-02 03:04:05", "2025-01-02T03:04:05Z");
    reads("2025-01-02", "2025-01-02T00:00:00Z");
    reads("2024-02-29T3:04:05Z", "2024-02-29T03:04:05Z");
    reads(
        "2025-01-02T03:04:05.123+0200",
        "2025-01-02T03:04:05.123+02:00",
    );
    reads(
        "2025-01-02T03:04:05.123456-0130",
        "2025-01-02T03:04:05.123456-01:30",
    );
    reads("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z");
    assert_eq!(parse(""), Ok(None));
}

#[test]
fn refusals_say_what_go_says() {
    let layout = "as \"2006-01-02\": cannot parse";
    refuses(
        "yesterday",
        &format!("parsing time \"yesterday\" {layout} \"yesterday\" as \"2006\""),
    );
    refuses(
        "2025/01",
        &format!("parsing time \"2025/01\" {layout} \"/01\" as \"-\""),
    );
    refuses(
        "2025-1",
        &format!("parsing time \"2025-1\" {layout} \"1\" as \"01\""),
    );
    refuses(
        "2025-01-",
        &format!("parsing time \"2025-01-\" {layout} \"\" as \"02\""),
    );
    refuses(
        "2025-13-01",
        "parsing time \"2025-13-01\": month out of range",
    );
    refuses(
        "2025-02-29",
        "parsing time \"2025-02-29\": day out of range",
    );
    for text in [
        "2025-01-01T10:20:30.123456789+0200",
        "2025-01-01T10:20:30+0200",
        "2025-01-01t10:20:30Z",
        "2025-01-01T10:20:30z",
        "2025-01-01 10:20:30Z",
        "2025-01-01T24:00:00Z",
        "2025-01-01T10:60:00Z",
        "2025-01-01T10:20:60Z",
        "2025-01-01T10:20:30.Z",
        "2025-01-01T10:20:30+25:00",
        "2025-01-01T10:20:30Z ",
    ] {
        let rest = &text[10..];
        refuses(
            text,
            &format!("parsing time \"{text}\": extra text: \"{rest}\""),
        );
    }
    refuses(
        "20é",
        &format!("parsing time \"20\\xc3\\xa9\" {layout} \"20\\xc3\\xa9\" as \"2006\""),
    );
}

proptest::proptest! {
    #[test]
    fn what_is_printed_is_read_back(
        seconds in -62_135_596_800_i64..=253_402_300_799,
        nanos in 0_u32..1_000_000_000,
        offset in -720_i16..=720,
    ) {
        let instant = domain::time::Timestamp::new(seconds, nanos, offset);
        let local = seconds + i64::from(offset) * 60;
        // Years before 0 and after 9999 have no RFC 3339 form.
        if (-62_135_596_800..=253_402_300_799).contains(&local) {
            let text = instant.rfc3339_nano();
            let read = parse(&text).expect("accepted").expect("stated");
            proptest::prop_assert_eq!((read, read.offset_minutes()), (instant, offset));
        }
    }

    #[test]
    fn no_text_panics(text in ".{0,40}") {
        let _ = parse(&text);
    }
}
