use super::*;
use crate::annotations::Annotations;
use crate::fingerprint::Fingerprint;
use crate::label::Labels;

fn at(seconds: i64) -> Timestamp {
    Timestamp::new(1_800_000_000 + seconds, 0, 0)
}

fn alert(name: &str, starts: i64) -> Arc<Alert> {
    let labels = Labels::from_pairs([("alertname", name)]);
    Arc::new(Alert {
        fingerprint: labels.fingerprint(),
        labels,
        annotations: Annotations::empty(),
        generator_url: Arc::from(""),
        starts_at: at(starts),
        ends_at: at(10_000),
        updated_at: at(starts),
        is_timeout: false,
    })
}

fn hash(alert: &Alert) -> u64 {
    label_hash(alert.labels.pairs())
}

/// Sent at second 100, about these alerts.
fn sent(alerts: &[&Arc<Alert>]) -> Inherited {
    Inherited {
        firing: alerts.iter().map(|alert| hash(alert)).collect(),
        told_at: at(100),
        expires_at: at(5_000),
        receiver_data: ReceiverData::new([("threadTs", "1")]).expect("short"),
    }
}

fn told(sent_at: i64, alerts: &[&Arc<Alert>]) -> Told {
    let mut firing: Vec<Fingerprint> = alerts.iter().map(|alert| alert.fingerprint).collect();
    firing.sort_unstable();
    Told {
        seq: 1,
        last: Some(ToldMessage {
            firing,
            hidden: Vec::new(),
            tick: at(sent_at),
            sent_at: at(sent_at),
            reason: Reason::NewAlerts,
            receiver_data: ReceiverData::default(),
        }),
        pending: None,
    }
}

#[test]
fn the_hash_is_upstreams() {
    // As the notification log of Alertmanager 0.25 and of 0.33.1 has them.
    let of = |pairs: &[(&str, &str)]| label_hash(pairs.iter().copied());
    assert_eq!(of(&[]), 0xef46_db37_51d8_e999);
    assert_eq!(of(&[("alertname", "A")]), 0xf7b1_08d0_4c3b_55fc);
}

#[test]
fn whoever_comes_counts_as_told_and_the_others_are_waited_for() {
    let (a, b, new) = (alert("a", 1), alert("b", 1), alert("new", 200));
    let inherited = sent(&[&a, &b]);
    let members = [Arc::clone(&a), Arc::clone(&new)];
    let handover = inherited.hand_over(&Told::default(), &members, false, &[]);
    let Handover { message, rest } = handover.expect("one has come");
    let message = message.expect("it was told");
    assert_eq!(message.firing, [a.fingerprint]);
    assert_eq!((message.tick, message.sent_at), (at(100), at(100)));
    assert_eq!(message.receiver_data.get("threadTs"), Some("1"));
    assert!(rest.firing.iter().eq([&hash(&b)]));
    assert_eq!(
        rest.hand_over(&told(100, &[&a]), &members, false, &[]),
        None
    );
}

#[test]
fn who_comes_after_a_message_of_ours_joins_what_that_said() {
    let (late, known) = (alert("late", 400), alert("known", 200));
    let told = told(300, &[&known]);
    let handover = sent(&[&late]).hand_over(&told, &[Arc::clone(&late)], false, &[]);
    let message = handover.expect("it has come").message.expect("told");
    let mut both = [late.fingerprint, known.fingerprint];
    both.sort_unstable();
    assert_eq!(message.firing, both);
    assert_eq!(message.tick, at(300), "the repeat counts from the later");
}

#[test]
fn where_others_tell_too_only_the_same_firing_counts_after_a_later_message() {
    let (old, anew) = (alert("old", 50), alert("anew", 200));
    let members = [Arc::clone(&old), Arc::clone(&anew)];
    let handover = sent(&[&old, &anew]).hand_over(&told(300, &[]), &members, true, &[]);
    let Handover { message, rest } = handover.expect("both have come");
    assert_eq!(message.expect("told").firing, [old.fingerprint]);
    assert!(rest.firing.is_empty(), "neither is waited for");
    let handover = sent(&[&anew]).hand_over(&told(300, &[]), &members, true, &[]);
    assert_eq!(handover.expect("it has come").message, None);
}

#[test]
fn of_who_may_have_left_since_it_says_nothing() {
    let (gone, new) = (alert("gone", 50), alert("new", 50));
    let members = [Arc::clone(&gone), Arc::clone(&new)];
    let inherited = sent(&[&gone, &new]);
    assert_eq!(
        inherited.come(&members),
        [gone.fingerprint, new.fingerprint]
    );
    let departed = [gone.fingerprint];
    let handover = inherited.hand_over(&Told::default(), &members, true, &departed);
    let Handover { message, rest } = handover.expect("both have come");
    assert_eq!(message.expect("told").firing, [new.fingerprint]);
    assert!(rest.firing.is_empty(), "neither is waited for");

    // Nothing is as the later message says.
    let earlier = told(50, &[&new]);
    let members = [Arc::clone(&gone)];
    let handover = sent(&[&gone]).hand_over(&earlier, &members, true, &departed);
    assert_eq!(handover.expect("it has come").message, None);
}

#[test]
fn a_later_message_of_another_alertmanager_adds_to_what_was_inherited_before() {
    let (a, b) = (alert("a", 1), alert("b", 1));
    let handover = sent(&[&b]).hand_over(&told(50, &[&a]), &[Arc::clone(&b)], true, &[]);
    let message = handover.expect("it has come").message.expect("told");
    assert_eq!(message.firing.len(), 2);
    assert_eq!((message.tick, message.sent_at), (at(100), at(100)));
}

#[test]
fn what_was_recorded_may_be_read_in_any_order() {
    let (a, b) = (alert("a", 1), alert("b", 1));
    let (whole, rest) = (sent(&[&a, &b]), sent(&[&b]));
    for (mut first, second) in [(whole.clone(), rest.clone()), (rest.clone(), whole.clone())] {
        first.merge(second);
        assert_eq!(first, rest);
    }
    let later = Inherited {
        told_at: at(101),
        ..whole.clone()
    };
    for (mut first, second) in [(later.clone(), rest.clone()), (rest, later.clone())] {
        first.merge(second);
        assert_eq!(first, later);
    }
    assert!(sent(&[]).is_over(at(101)));
    assert!(whole.is_over(at(5_000)) && !whole.is_over(at(4_999)));
}
