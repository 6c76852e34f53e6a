use domain::fingerprint::Fingerprint;
use domain::label::Labels;
use domain::time::Timestamp;
use proptest::prelude::*;

use super::*;

fn written(push: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    push(&mut out);
    String::from_utf8(out).expect("what is written is UTF-8")
}

proptest! {
    #[test]
    fn strings_are_written_as_serde_json_writes_them(text in "(?s).{0,80}") {
        prop_assert_eq!(
            written(|out| push_string(out, &text)),
            serde_json::to_string(&text).expect("a string has a JSON form")
        );
    }

    #[test]
    fn short_strings_of_special_characters_are_written_as_serde_json_writes_them(
        text in "[\\x00-\\x24\\\\a\u{7f}é\u{80}]{0,24}"
    ) {
        prop_assert_eq!(
            written(|out| push_string(out, &text)),
            serde_json::to_string(&text).expect("a string has a JSON form")
        );
    }

    #[test]
    fn label_sets_read_back_as_the_same_map(
        pairs in proptest::collection::btree_map(".{0,20}", ".{0,40}", 0..8)
    ) {
        let labels = Labels::from_pairs(pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())));
        let text = written(|out| push_labels(out, &labels));
        let read: std::collections::BTreeMap<String, String> =
            serde_json::from_str(&text).expect("valid JSON");
        prop_assert_eq!(read, pairs);
    }

    #[test]
    fn times_are_written_as_the_domain_prints_them(
        seconds in -62_135_500_000_i64..=253_402_200_000,
        nanos in 0_u32..1_000_000_000,
        offset in -720_i16..=720,
    ) {
        let time = Timestamp::new(seconds, nanos, offset);
        prop_assert_eq!(
            written(|out| push_time(out, time)),
            format!("\"{}\"", time.rfc3339_millis())
        );
    }

    #[test]
    fn fingerprints_are_written_as_the_domain_prints_them(value: u64) {
        let fingerprint = Fingerprint(value);
        prop_assert_eq!(
            written(|out| push_fingerprint(out, fingerprint)),
            format!("\"{fingerprint}\"")
        );
    }
}

#[test]
fn lists_have_commas_only_between_items() {
    let list =
        |items: &[&str]| written(|out| push_list(out, items, |out, item| push_string(out, item)));
    assert_eq!(list(&[]), "[]");
    assert_eq!(list(&["a"]), r#"["a"]"#);
    assert_eq!(list(&["a", "b"]), r#"["a","b"]"#);
}
