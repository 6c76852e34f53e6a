use super::*;

#[test]
fn the_root_takes_what_no_child_takes() {
    let child = |value: &str, receiver: &str| RouteSpec {
        receiver: receiver.to_owned(),
        matchers: vec![Matcher::equal("team", value)],
        ..RouteSpec::default()
    };
    let root = RouteSpec {
        receiver: "root".to_owned(),
        routes: vec![child("a", "a"), child("a", "b")],
        ..RouteSpec::default()
    };
    let tree = RouteTree::new(&root);
    let takers = |pairs: &[(&str, &str)]| tree.matches(&Labels::from_pairs(pairs.iter().copied()));
    assert_eq!(takers(&[("team", "a")]), vec![RouteIndex(1)]);
    assert_eq!(takers(&[("team", "x")]), vec![RouteIndex(0)]);
    let trials = tree.explain(&Labels::from_pairs([("team", "x")]));
    assert_eq!(trials[1].failed.as_deref(), Some(r#"team="a""#));
}

#[test]
fn twins_are_numbered_so_that_their_groups_differ() {
    let twin = RouteSpec {
        receiver: "a".to_owned(),
        ..RouteSpec::default()
    };
    let root = RouteSpec {
        receiver: "r".to_owned(),
        routes: vec![twin.clone(), twin],
        ..RouteSpec::default()
    };
    let tree = RouteTree::new(&root);
    let ordinals: Vec<_> = tree.routes().iter().map(|r| r.ordinal).collect();
    assert_eq!(ordinals, [0, 0, 1]);
}
