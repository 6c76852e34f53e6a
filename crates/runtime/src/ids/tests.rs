use super::*;

#[test]
fn seeded_ids_repeat_with_their_seed() {
    let (a, b, c) = (SeededIds::new(7), SeededIds::new(7), SeededIds::new(8));
    assert_eq!(a.uuid(), b.uuid());
    assert_eq!(a.nonce(), b.nonce());
    assert_ne!(a.uuid(), c.uuid());
}

#[test]
fn uuids_are_version_4_text() {
    for text in [RandomIds.uuid(), SeededIds::new(1).uuid()] {
        let parsed = uuid::Uuid::parse_str(&text).expect("a uuid");
        assert_eq!(parsed.get_version_num(), 4);
        assert_eq!(parsed.to_string(), text);
    }
    assert_ne!(RandomIds.nonce(), RandomIds.nonce());
}
