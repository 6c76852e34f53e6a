use super::*;
use crate::samples;

#[test]
fn receivers_are_quoted_for_regular_expressions() {
    assert_eq!(quote_meta("team-a"), "team-a");
    assert_eq!(quote_meta("team.a+[b]$"), r"team\.a\+\[b\]\$");
}

#[test]
fn common_is_what_all_agree_on() {
    let one = Labels::from_pairs([("a", "1"), ("b", "2"), ("c", "3")]);
    let two = Labels::from_pairs([("a", "1"), ("b", "other")]);
    assert_eq!(
        common([&one, &two].into_iter()),
        Labels::from_pairs([("a", "1")])
    );
    assert_eq!(common([&one].into_iter()), one);
    assert_eq!(common([].into_iter()), Labels::empty());
}

#[test]
fn an_empty_annotation_agrees_with_a_missing_one() {
    let one = Labels::from_pairs([("note", "")]);
    assert_eq!(common([&one, &Labels::empty()].into_iter()), one);
}

#[test]
fn status_and_common_labels_follow_the_listed_alerts() {
    let notification = samples::notification(&[("n1", true), ("n2", false)]);
    let all = Data::new(&notification, &notification.alerts);
    assert_eq!((all.status(), all.firing_count()), ("firing", 1));
    assert_eq!(all.common_labels.get("instance"), None);
    let first = Data::new(&notification, &notification.alerts[..1]);
    assert_eq!((first.status(), first.firing_count()), ("resolved", 0));
    assert_eq!(first.common_labels.get("instance"), Some("n1"));
}

#[test]
fn the_alert_name_is_shown_first() {
    let labels = Labels::from_pairs([("a", "1"), ("alertname", "Down"), ("z", "2")]);
    assert_eq!(
        shown_values(&labels).collect::<Vec<_>>(),
        ["Down", "1", "2"]
    );
}
