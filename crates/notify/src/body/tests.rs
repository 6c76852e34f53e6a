use domain::label::Labels;
use proptest::prelude::*;

use super::*;
use crate::samples;

fn body(notification: &Notification, alerts_max: u64) -> serde_json::Value {
    let (listed, truncated) = cut(notification, alerts_max);
    let data = Data::new(notification, listed);
    serde_json::from_str(&version_4(
        &data,
        data.status(),
        &notification.group_key,
        truncated,
    ))
    .unwrap()
}

#[test]
fn max_alerts_cuts_and_everything_is_computed_on_the_rest() {
    let notification = samples::notification(&[("n1", true), ("n2", false), ("n3", false)]);
    let body = body(&notification, 1);
    assert_eq!(body["truncatedAlerts"], 2);
    assert_eq!(body["status"], "resolved");
    assert_eq!(body["commonLabels"]["instance"], "n1");
    assert_eq!(body["alerts"].as_array().unwrap().len(), 1);
}

#[test]
fn max_alerts_that_suffice_cut_nothing() {
    let notification = samples::notification(&[("n1", false), ("n2", false)]);
    for alerts_max in [0, 2, 3, u64::MAX] {
        let body = body(&notification, alerts_max);
        assert_eq!(body["truncatedAlerts"], 0);
        assert_eq!(body["alerts"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn the_receiver_is_quoted_and_a_firing_alert_has_no_end() {
    let body = body(&samples::notification(&[("n1", false)]), 0);
    assert_eq!(body["receiver"], r"team\.a");
    assert_eq!(body["alerts"][0]["endsAt"], "0001-01-01T00:00:00Z");
    assert_eq!(body["alerts"][0]["startsAt"], "2026-03-04T05:06:07.089Z");
}

#[test]
fn offsets_and_nanoseconds_are_kept() {
    let mut notification = samples::notification(&[("n1", true)]);
    let mut alert = (*notification.alerts[0].alert).clone();
    alert.ends_at = Timestamp::new(1_772_600_767, 120_000_001, -330);
    notification.alerts[0].alert = std::sync::Arc::new(alert);
    let body = body(&notification, 0);
    assert_eq!(
        body["alerts"][0]["endsAt"],
        "2026-03-03T23:36:07.120000001-05:30"
    );
}

proptest! {
    #[test]
    fn any_label_text_comes_back(
        pairs in proptest::collection::btree_map(any::<String>(), any::<String>(), 1..8),
        receiver in any::<String>(),
    ) {
        let labels = Labels::from_pairs(pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())));
        let mut notification = samples::notification(&[]);
        notification.receiver = receiver.into();
        notification.group_labels = labels.clone();
        notification.alerts = vec![samples::alert(labels, false)];
        let body = body(&notification, 0);
        for place in [&body["alerts"][0]["labels"], &body["groupLabels"], &body["commonLabels"]] {
            prop_assert_eq!(place, &serde_json::to_value(&pairs).unwrap());
        }
    }
}
