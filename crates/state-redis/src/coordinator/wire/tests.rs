//! Texts come back as they were.

use std::sync::Arc;

use domain::alert::Alert;
use domain::annotations::Annotations;
use domain::fingerprint::Fingerprint;
use domain::group::told::{Pending, ReceiverData, Told};
use domain::label::{Interner, Labels};
use domain::matcher::{MatchOp, Matcher};
use domain::notification::Reason;
use domain::silence::Silence;
use domain::time::Timestamp;

use super::silence::{read_silence, silence_text};
use super::told::{read_told, told_texts};
use super::{alert_text, instant, read_again, read_alert, read_instant};

#[test]
fn an_alert_comes_back_with_the_offsets_it_was_stated_with() {
    let labels = Labels::from_pairs([("alertname", "Größe \"x\"\n\\"), ("severity", "critical")]);
    let alert = Alert {
        fingerprint: labels.fingerprint(),
        labels,
        annotations: Annotations::from_pairs([("summary", "🔥 \u{0} {\"at\":[\"1\"")]),
        generator_url: Arc::from("http://prometheus.example.org/graph?g0=\"a\""),
        starts_at: Timestamp::new(1_800_000_000, 123_456_789, 330),
        ends_at: Timestamp::new(1_800_000_900, 0, -90),
        updated_at: Timestamp::new(1_800_000_001, 5, 0),
        is_timeout: true,
    };
    let text = alert_text(&alert);
    let read = read_alert(&text, &Interner::default()).expect("an alert");
    assert_eq!(*read, alert);
    assert_eq!(read.starts_at.offset_minutes(), 330);
    assert_eq!(read.ends_at.offset_minutes(), -90);
    assert_eq!(alert_text(&read), text);
    for cut in 0..text.len() {
        if let Some(part) = text.get(..cut) {
            assert!(read_alert(part, &Interner::default()).is_err());
            assert!(read_again(part, &read).is_none(), "{part}");
        }
    }
}

#[test]
fn an_alert_that_is_known_is_read_by_its_times() {
    let labels = Labels::from_pairs([("alertname", "a\\b"), ("severity", "info")]);
    let known = Arc::new(Alert {
        fingerprint: labels.fingerprint(),
        labels,
        annotations: Annotations::from_pairs([("summary", "\"s\""), ("text", "")]),
        generator_url: Arc::from("http://prometheus.example.org/graph"),
        starts_at: Timestamp::new(1_800_000_000, 0, 0),
        ends_at: Timestamp::new(1_800_000_900, 0, 0),
        updated_at: Timestamp::new(1_800_000_001, 5, 0),
        is_timeout: true,
    });
    let again = read_again(&alert_text(&known), &known).expect("known");
    assert!(Arc::ptr_eq(&again, &known));
    let refreshed = Alert {
        starts_at: Timestamp::new(1_700_000_000, 1, 60),
        ends_at: Timestamp::new(1_800_001_800, 0, -60),
        updated_at: Timestamp::new(1_800_000_601, 0, 0),
        is_timeout: false,
        ..Alert::clone(&known)
    };
    let read = read_again(&alert_text(&refreshed), &known).expect("known");
    assert_eq!(*read, refreshed);
    assert_eq!(read.starts_at.offset_minutes(), 60);
    assert_eq!(read.ends_at.offset_minutes(), -60);
    let other = [
        Alert {
            annotations: Annotations::from_pairs([("summary", "s")]),
            ..refreshed.clone()
        },
        Alert {
            labels: Labels::from_pairs([("alertname", "a")]),
            ..refreshed.clone()
        },
        Alert {
            generator_url: Arc::from(""),
            ..refreshed
        },
    ];
    for other in other {
        assert!(read_again(&alert_text(&other), &known).is_none());
    }
}

#[test]
fn instants_compare_as_their_texts() {
    let times = [
        Timestamp::ZERO,
        Timestamp::new(-1, 999_999_999, 0),
        Timestamp::new(0, 0, 0),
        Timestamp::new(1_800_000_000, 1, 60),
        Timestamp::MAX,
    ];
    for pair in times.windows(2) {
        assert!(instant(pair[0]) < instant(pair[1]), "{pair:?}");
    }
    for time in times {
        assert_eq!(read_instant(&instant(time)), Ok(time));
    }
    assert!(read_instant("12").is_err());
    assert!(read_instant("+00000000000000000000").is_err());
}

#[test]
fn what_was_told_comes_back() {
    let pending = Pending {
        seq: 9,
        firing: vec![Fingerprint(1), Fingerprint(u64::MAX)],
        resolved: vec![Fingerprint(2)],
        hidden: vec![Fingerprint(3)],
        tick: Timestamp::new(5, 6, 0),
        reason: Reason::SomeResolved,
        receiver_data: ReceiverData::new([("a \"name\"", "a\ntext"), ("b", "")])
            .expect("short data"),
    };
    for reason in Reason::ALL {
        let last = Pending {
            reason,
            ..pending.clone()
        };
        let told = Told {
            seq: 9,
            last: Some(last.accepted(Timestamp::new(7, 8, 0))),
            pending: Some(pending.clone()),
        };
        let [seq, last, flight] = told_texts(&told);
        let seq = seq.parse().expect("a number");
        assert_eq!(read_told(seq, &last, &flight), Ok(told));
    }
    let nothing = Told::default();
    assert_eq!(told_texts(&nothing), ["0", "", ""]);
    assert_eq!(read_told(0, "", ""), Ok(nothing));
    assert!(read_told(0, "{}", "").is_err());
}

#[test]
fn a_silence_comes_back_with_matchers_that_are_no_text() {
    let silence = Silence {
        id: Arc::from("e3b0c442-98fc-4c14-9afb-f4c8996fb924"),
        matchers: vec![
            Matcher::new(MatchOp::NotRegex, "a", "b|\"c\"").expect("a matcher"),
            Matcher::from_bytes(MatchOp::Equal, b"a", &[0xff, 0x00]).expect("a matcher"),
        ],
        starts_at: Timestamp::new(1, 2, 60),
        ends_at: Timestamp::MAX,
        updated_at: Timestamp::new(3, 4, 0),
        created_by: "someone".to_owned(),
        comment: "why\nnot".to_owned(),
        annotations: Labels::from_pairs([("a", "b")]),
    };
    let text = silence_text(&silence);
    let read = read_silence(&text, &Interner::default()).expect("a silence");
    assert_eq!(silence_text(&read), text);
    assert_eq!(read.matchers, silence.matchers);
    assert_eq!(read.starts_at.offset_minutes(), 60);
}
