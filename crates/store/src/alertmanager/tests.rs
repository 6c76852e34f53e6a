use std::io::Cursor;

use domain::group::inherited::label_hash;
use domain::matcher::MatchOp;
use domain::time::Timestamp;
use proptest::prelude::*;

use super::*;

/// Files that Alertmanager wrote: alerts {alertname=A,x=1}, {alertname=A,x=2} and {alertname=B} told to `hook`, one silence.
const NFLOGS: [&[u8]; 2] = [
    include_bytes!("written/nflog-0.25"),
    include_bytes!("written/nflog-0.33.1"),
];
const SILENCES: [&[u8]; 2] = [
    include_bytes!("written/silences-0.25"),
    include_bytes!("written/silences-0.33.1"),
];

fn silences_in(bytes: &[u8]) -> Found<Silence> {
    read_records(Path::new("silences"), Cursor::new(bytes), silences::read)
}

fn notified_in(bytes: &[u8]) -> Found<Notified> {
    read_records(Path::new("nflog"), Cursor::new(bytes), nflog::read)
}

/// A field of bytes, as they are short here.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).expect("a short field");
    assert!(length < 0x80, "a short field");
    [&[(number << 3) | 2, length], bytes].concat()
}

fn record(fields: &[Vec<u8>]) -> Vec<u8> {
    let message = fields.concat();
    let length = u8::try_from(message.len()).expect("a short record");
    [&[length | 0x80, length >> 7], message.as_slice()].concat()
}

/// Second 5.
fn time() -> Vec<u8> {
    vec![8, 5]
}

#[test]
fn what_alertmanager_told_is_read() {
    for bytes in NFLOGS {
        let mut found = notified_in(bytes);
        assert_eq!((found.unreadable, &found.problems), (0, &Vec::new()));
        found.items.sort_by(|a, b| a.group_key.cmp(&b.group_key));
        let [a, b] = &found.items[..] else {
            panic!("two groups: {found:?}");
        };
        assert_eq!(a.group_key, r#"{}:{alertname="A"}"#);
        assert_eq!(
            (a.receiver.as_str(), a.kind.as_str(), a.index),
            ("hook", "webhook", 0)
        );
        let hash = |x| label_hash([("alertname", "A"), ("x", x)].into_iter());
        assert_eq!(a.said.firing, [hash("1"), hash("2")].into());
        // Twice the repeat_interval of 4h.
        assert_eq!(a.said.expires_at.since(a.said.told_at).as_secs(), 8 * 3600);
        assert!(a.said.receiver_data.is_empty());
        assert_eq!(b.said.firing.len(), 1);
    }
}

#[test]
fn silences_of_alertmanager_are_read() {
    for (bytes, has_annotations) in SILENCES.into_iter().zip([false, true]) {
        let found = silences_in(bytes);
        assert_eq!((found.unreadable, &found.problems), (0, &Vec::new()));
        let [silence] = &found.items[..] else {
            panic!("one silence: {found:?}");
        };
        let matchers = silence.matchers.iter();
        let matchers: Vec<_> = matchers.map(|m| (m.name(), m.op(), m.value())).collect();
        assert_eq!(
            matchers,
            [
                ("alertname", MatchOp::Regex, "Z.*"),
                ("q", MatchOp::NotEqual, "1")
            ]
        );
        assert_eq!(silence.id.len(), 36);
        assert_eq!(
            (silence.created_by.as_str(), silence.comment.as_str()),
            ("me", "why")
        );
        assert_eq!(silence.annotations.get("k").is_some(), has_annotations);
        assert_eq!(silence.starts_at, silence.updated_at);
        assert!(silence.ends_at > silence.starts_at);
    }
}

#[test]
fn any_of_several_matcher_sets_hides_so_each_becomes_a_silence() {
    let set = |name: &[u8]| field(11, &field(1, &[field(2, name), field(3, b"x")].concat()));
    let silence = field(
        1,
        &[
            field(1, b"some-id"),
            field(2, &[field(2, b"a"), field(3, b"x")].concat()),
            field(3, &time()),
            field(4, &time()),
            set(b"a"),
            set(b"b"),
        ]
        .concat(),
    );
    let found = silences_in(&record(&[silence]));
    assert_eq!(found.problems, Vec::<String>::new());
    let [first, second] = &found.items[..] else {
        panic!("two silences: {found:?}");
    };
    assert_eq!(&*first.id, "some-id");
    assert_eq!(
        (first.matchers[0].name(), second.matchers[0].name()),
        ("a", "b")
    );
    assert_eq!(&*second.id, "ee46fb82-3543-4090-858e-097c124686d9");
}

#[test]
fn what_an_integration_keeps_is_read_and_what_was_kept_back_was_not_told() {
    let kept = |name: &[u8], value: &[u8]| field(8, &[field(1, name), field(2, value)].concat());
    let entry = [
        field(1, b"{}:{}"),
        field(
            2,
            &[field(1, b"team"), field(2, b"slack"), vec![3 << 3, 2]].concat(),
        ),
        field(5, &time()),
        field(6, &[1, 2, 3]),
        field(9, &[2]),
        kept(b"threadTs", &field(1, b"12.5")),
        kept(b"count", &[2 << 3, 7]),
        kept(
            b"share",
            &[vec![(3 << 3) | 1], 0.5_f64.to_le_bytes().to_vec()].concat(),
        ),
    ];
    let found = notified_in(&record(&[field(1, &entry.concat()), field(2, &time())]));
    assert_eq!(found.problems, Vec::<String>::new());
    let one = &found.items[0];
    assert_eq!((one.kind.as_str(), one.index), ("slack", 2));
    assert_eq!(one.said.firing, [1, 3].into());
    let kept: Vec<_> = one.said.receiver_data.iter().collect();
    assert_eq!(
        kept,
        [("count", "7"), ("share", "0.5"), ("threadTs", "12.5")]
    );
    assert_eq!(one.said.told_at, Timestamp::new(5, 0, 0));
}

#[test]
fn a_record_without_sense_is_left_out_and_the_rest_is_read() {
    let broken = record(&[field(1, &[0xFF; 4])]);
    let bytes = [SILENCES[0], &broken, SILENCES[1]].concat();
    let found = silences_in(&bytes);
    assert_eq!((found.items.len(), found.unreadable), (2, 1));
    let expected = format!("silences, record at byte {}: ", SILENCES[0].len());
    assert!(found.problems[0].starts_with(&expected), "{found:?}");

    let hides_all = record(&[field(
        1,
        &[field(1, b"id"), field(3, &time()), field(4, &time())].concat(),
    )]);
    let found = silences_in(&hides_all);
    assert!(found.problems[0].contains("no matchers"), "{found:?}");
}

#[test]
fn of_a_file_that_is_cut_off_the_beginning_counts() {
    let whole = NFLOGS[1];
    let first = notified_in(&whole[..=usize::from(whole[0])]);
    assert_eq!((first.items.len(), first.unreadable), (1, 0));
    let found = notified_in(&whole[..whole.len() - 1]);
    assert_eq!((found.items.len(), found.unreadable), (1, 1));
    assert!(found.problems[0].contains("is cut off"), "{found:?}");
}

#[test]
fn a_length_that_is_only_stated_takes_no_memory() {
    let stated = [0xFF, 0xFF, 0xFF, 0x1F, 1, 2, 3];
    let mut record = Vec::new();
    let error = wire::next_record(&mut Cursor::new(stated), &mut record).expect_err("cut off");
    assert!(error.to_string().contains("3 of 67108863"), "{error}");
    assert!(record.capacity() < 1 << 16);
    for stated in [[0xFF; 10], [0x80; 10]] {
        let found = notified_in(&stated);
        assert!(found.problems[0].contains("no number"), "{found:?}");
    }
    let too_long = notified_in(&[0x81, 0x80, 0x80, 0x20]);
    assert!(
        too_long.problems[0].contains("most 67108864"),
        "{too_long:?}"
    );
}

#[test]
fn a_folder_without_their_files_is_no_alertmanagers() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(read(folder.path()).expect("nothing to open").is_none());
    std::fs::write(folder.path().join("silences"), SILENCES[1]).expect("written");
    std::fs::create_dir(folder.path().join("nflog")).expect("made");
    let left = read(folder.path()).expect("they can be opened");
    let left = left.expect("one is there");
    assert_eq!(left.silences.items.len(), 1);
    assert_eq!(left.notified.unreadable, 1, "a folder is no file");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = silences_in(&bytes);
        let _ = notified_in(&bytes);
        let _ = (silences::read(&bytes).is_ok(), nflog::read(&bytes).is_ok());
    }

    #[test]
    fn no_damage_makes_it_panic(
        which in 0..2_usize,
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        end in any::<prop::sample::Index>(),
    ) {
        let damaged = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            for (at, byte) in &places {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            bytes.truncate(end.index(bytes.len()) + 1);
            bytes
        };
        let silences = silences_in(&damaged(SILENCES[which]));
        let notified = notified_in(&damaged(NFLOGS[which]));
        prop_assert!(silences.items.len() + notified.items.len() < 200);
    }
}
