use std::sync::Arc;

use domain::alert::Alert;
use domain::fingerprint::Fingerprint;
use domain::label::Labels;
use domain::time::Timestamp;

use super::*;

fn view(value: &str) -> AlertView {
    let labels = Labels::from_pairs([("alertname", "A"), ("v", value)]);
    AlertView {
        alert: Arc::new(Alert {
            fingerprint: labels.fingerprint(),
            labels,
            annotations: domain::annotations::Annotations::from_pairs([("text", "a \"b\"\n")]),
            generator_url: "http://p.test/g?a=1&b=2".into(),
            starts_at: Timestamp::new(0, 0, 120),
            ends_at: Timestamp::new(60, 5_000_000, 0),
            updated_at: Timestamp::new(1, 0, 0),
            is_timeout: false,
        }),
        receivers: Arc::new(["r1".into(), "r\"2".into()]),
        silenced_by: Vec::new(),
        inhibited_by: Vec::new(),
        muted_by: Vec::new(),
    }
}

fn written(push: impl FnOnce(&mut Vec<u8>)) -> serde_json::Value {
    let mut out = Vec::new();
    push(&mut out);
    serde_json::from_slice(&out).expect("valid JSON")
}

#[test]
fn an_alert_is_written_whole() {
    let mut suppressed = view("x");
    suppressed.silenced_by = vec!["id".into()];
    suppressed.inhibited_by = vec![Fingerprint(255)];
    suppressed.muted_by = vec!["weekend".into()];
    let status = |json: &serde_json::Value| json["status"].clone();
    let active = written(|out| push_alert(out, &view("x")));
    assert_eq!(
        active,
        serde_json::json!({
            "annotations": {"text": "a \"b\"\n"},
            "endsAt": "1970-01-01T00:01:00.005Z",
            "fingerprint": view("x").alert.fingerprint.to_string(),
            "receivers": [{"name": "r1"}, {"name": "r\"2"}],
            "startsAt": "1970-01-01T02:00:00.000+02:00",
            "status": {"inhibitedBy": [], "mutedBy": [], "silencedBy": [], "state": "active"},
            "updatedAt": "1970-01-01T00:00:01.000Z",
            "generatorURL": "http://p.test/g?a=1&b=2",
            "labels": {"alertname": "A", "v": "x"},
        })
    );
    assert_eq!(
        status(&written(|out| push_alert(out, &suppressed))),
        serde_json::json!({
            "inhibitedBy": ["00000000000000ff"],
            "mutedBy": ["weekend"],
            "silencedBy": ["id"],
            "state": "suppressed",
        })
    );
}

#[test]
fn groups_are_written_with_their_alerts() {
    for (sizes, expected) in [(vec![], 0), (vec![1], 1), (vec![2, 0, 3], 3)] {
        let groups: Vec<GroupView> = sizes
            .iter()
            .map(|&size: &usize| GroupView {
                labels: Labels::from_pairs([("alertname", "A")]),
                receiver: "r1".into(),
                route_labels: Labels::empty(),
                alerts: (0..size).map(|n| view(&n.to_string())).collect(),
            })
            .collect();
        let mut pieces = Groups::new(groups);
        let json = written(|out| while pieces.next(out) {});
        let list = json.as_array().expect("a list");
        assert_eq!(list.len(), expected);
        for (group, size) in list.iter().zip(&sizes) {
            assert_eq!(group["alerts"].as_array().map(Vec::len), Some(*size));
            assert_eq!(group["receiver"]["name"], "r1");
            assert_eq!(group["labels"]["alertname"], "A");
        }
    }
}
