use super::*;

#[test]
fn sets_are_sorted_and_the_last_of_equal_names_wins() {
    let labels = Labels::from_pairs([("b", "1"), ("a", "2"), ("b", "3")]);
    assert_eq!(labels.to_string(), r#"{a="2", b="3"}"#);
    assert_eq!(labels.get("b"), Some("3"));
    assert_eq!(labels.get("c"), None);
}

#[test]
fn equal_pairs_become_the_same_allocation_and_are_swept_when_unused() {
    let interner = Interner::default();
    let first = interner.labels([("job", "node"), ("instance", "a")]);
    let second = interner.labels([("job", "node"), ("instance", "b")]);
    let (one, two) = (first.label("job").unwrap(), second.label("job").unwrap());
    assert!(one.is_same(two));
    assert_eq!(interner.len(), 3);
    drop(second);
    assert_eq!(interner.sweep(), 1);
    assert_eq!(interner.len(), 2);
}

#[test]
fn sets_order_by_size_then_pairs() {
    let small = Labels::from_pairs([("z", "9")]);
    let large = Labels::from_pairs([("a", "1"), ("b", "1")]);
    assert_eq!(small.cmp_as_set(&large), std::cmp::Ordering::Less);
    let other = Labels::from_pairs([("a", "1"), ("b", "2")]);
    assert_eq!(large.cmp_as_set(&other), std::cmp::Ordering::Less);
}
