use super::*;
use crate::group::told::{Pending, ReceiverData};
use crate::notification::Reason;

const DOUBT: Duration = Duration::from_secs(20);
const SKEW: Duration = Duration::from_secs(2);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_ms(seconds * 1_000)
}

fn prints(names: &[u64]) -> Vec<Fingerprint> {
    names.iter().map(|name| Fingerprint(*name)).collect()
}

/// Told in this second that these fire.
fn told(second: i64, slot: u64, firing: &[u64]) -> Told {
    let seq = u64::try_from(second).expect("a time") * 1_000;
    Told {
        seq: Numbers::alone(slot).next(seq, seq),
        last: Some(ToldMessage {
            firing: prints(firing),
            hidden: Vec::new(),
            tick: at(second),
            sent_at: at(second),
            reason: Reason::FirstNotification,
            receiver_data: ReceiverData::default(),
        }),
        pending: None,
    }
}

/// Joins; `ended`: what ours told to be over, and when.
fn join(ours: &Told, theirs: &Told, ended: &[(u64, i64)]) -> (Vec<Fingerprint>, Vec<Fingerprint>) {
    let ended = |fingerprint: Fingerprint| {
        let told = ended
            .iter()
            .find(|(name, _)| Fingerprint(*name) == fingerprint);
        Ok(told.map(|(_, second)| at(*second)))
    };
    let apart = Apart {
        ended: &ended,
        is_theirs_new: true,
        doubt: DOUBT,
        skew: SKEW,
    };
    let joined = ours.joined(theirs, &apart);
    let again = ours.joined(&joined, &apart);
    assert_eq!(again, joined, "joining again changes nothing");
    assert!(joined.seq >= ours.seq.max(theirs.seq));
    let last = joined.last.expect("a message");
    (last.firing, last.hidden)
}

#[test]
fn what_only_the_earlier_said_is_still_believed() {
    let (ours, theirs) = (told(200, 1, &[1]), told(100, 2, &[1, 2]));
    assert_eq!(join(&ours, &theirs, &[]), (prints(&[1]), prints(&[2])));
}

#[test]
fn an_end_that_was_told_clearly_later_is_told() {
    let (ours, theirs) = (told(200, 1, &[1]), told(100, 2, &[1, 2]));
    assert_eq!(
        join(&ours, &theirs, &[(2, 200)]),
        (prints(&[1]), prints(&[]))
    );
}

#[test]
fn an_end_that_was_told_at_the_same_time_is_in_doubt() {
    let (ours, theirs) = (told(200, 1, &[1]), told(199, 2, &[1, 2]));
    assert_eq!(
        join(&ours, &theirs, &[(2, 200)]),
        (prints(&[1]), prints(&[2]))
    );
    let (ours, theirs) = (told(199, 1, &[1]), told(200, 2, &[1, 2]));
    assert_eq!(
        join(&ours, &theirs, &[(2, 199)]),
        (prints(&[1]), prints(&[2]))
    );
}

#[test]
fn what_others_left_out_of_a_later_message_may_have_ended_by_it() {
    let (ours, theirs) = (told(100, 1, &[1, 2]), told(200, 2, &[1]));
    assert_eq!(join(&ours, &theirs, &[]), (prints(&[1]), prints(&[2])));
}

/// Both said at the same time what each had heard of; whoever takes the last one for the truth may believe either.
#[test]
fn what_ours_left_out_of_a_message_with_an_earlier_number_may_have_ended_by_it() {
    let (ours, theirs) = (told(100, 1, &[1]), told(101, 2, &[1, 2]));
    assert_eq!(join(&ours, &theirs, &[]), (prints(&[1]), prints(&[2])));
    let (ours, theirs) = (told(90, 1, &[1]), told(101, 2, &[1, 2]));
    assert_eq!(join(&ours, &theirs, &[]), (prints(&[1, 2]), prints(&[])));
}

#[test]
fn what_others_are_in_doubt_of_their_message_left_out() {
    let (ours, mut theirs) = (told(101, 1, &[1, 2]), told(100, 2, &[1]));
    theirs.last.as_mut().expect("a message").hidden = prints(&[2]);
    assert_eq!(join(&ours, &theirs, &[]), (prints(&[1]), prints(&[2])));
}

#[test]
fn firing_that_was_told_long_after_others_told_anything_is_certain() {
    let (ours, theirs) = (told(200, 1, &[1, 2]), told(100, 2, &[1]));
    assert_eq!(join(&ours, &theirs, &[]), (prints(&[1, 2]), prints(&[])));
    let (ours, theirs) = (told(200, 1, &[1, 2]), told(199, 2, &[1]));
    assert_eq!(join(&ours, &theirs, &[]), (prints(&[1]), prints(&[2])));
}

/// Its group ended alone, and was made anew: nothing of that was accepted yet.
#[test]
fn what_was_decided_after_another_message_was_accepted_arrived_after_it() {
    let first = told(100, 1, &[1]);
    for (second, arrived_later) in [(103, true), (101, false)] {
        let later = told(second, 2, &[1, 2]);
        let (firing, hidden) = join(&later, &first, &[]);
        match arrived_later {
            true => assert_eq!((firing, hidden), (prints(&[1, 2]), Vec::new())),
            false => assert_eq!((firing, hidden), (prints(&[1]), prints(&[2]))),
        }
    }
    // One that was decided before, and accepted long after, may have arrived before.
    let mut slow = told(103, 2, &[1, 2]);
    if let Some(last) = &mut slow.last {
        last.tick = at(99);
    }
    assert_eq!(join(&slow, &first, &[]), (prints(&[1]), prints(&[2])));
}

#[test]
fn what_a_group_was_told_before_it_was_made_anew_is_over_or_in_doubt() {
    let anew = |second, slot| Told {
        last: None,
        ..told(second, slot, &[])
    };
    let (ours, theirs) = (anew(200, 1), told(100, 2, &[1, 2, 3]));
    assert_eq!(
        join(&ours, &theirs, &[(1, 150), (2, 110)]),
        (prints(&[3]), prints(&[2]))
    );
    let (ours, theirs) = (told(100, 1, &[1]), anew(200, 2));
    assert_eq!(join(&ours, &theirs, &[]), (prints(&[]), prints(&[1])));
}

#[test]
fn what_was_kept_of_nothing_is_in_doubt() {
    let (ours, theirs) = (told(200, 1, &[1]), told(100, 2, &[1, 2]));
    let apart = Apart {
        ended: &|_| Err(Unknown),
        is_theirs_new: true,
        doubt: DOUBT,
        skew: SKEW,
    };
    let joined = ours.joined(&theirs, &apart);
    assert_eq!(joined.last.expect("a message").hidden, prints(&[2]));
}

#[test]
fn a_message_in_flight_keeps_owing_what_it_does_not_name() {
    let mut ours = told(200, 1, &[1]);
    let theirs = told(100, 2, &[2]);
    ours.pending = Some(Pending {
        seq: ours.seq + Numbers::STEP,
        firing: prints(&[1, 3]),
        resolved: Vec::new(),
        hidden: Vec::new(),
        tick: at(201),
        reason: Reason::NewAlerts,
        receiver_data: ReceiverData::default(),
    });
    let apart = Apart {
        ended: &|_| Ok(None),
        is_theirs_new: true,
        doubt: DOUBT,
        skew: SKEW,
    };
    let mut joined = ours.joined(&theirs, &apart);
    let pending = joined.pending.clone().expect("in flight");
    joined.accept(&pending, at(202));
    assert!(joined.believes_firing(Fingerprint(2)), "{joined:?}");
}

/// It was begun while all shared it, and accepted alone.
#[test]
fn a_message_whose_end_is_known_is_not_in_flight() {
    let mut theirs = told(100, 1, &[1, 2]);
    theirs.seq += Numbers::STEP;
    let pending = Pending {
        seq: theirs.seq,
        firing: prints(&[1]),
        resolved: prints(&[2]),
        hidden: Vec::new(),
        tick: at(200),
        reason: Reason::SomeResolved,
        receiver_data: ReceiverData::default(),
    };
    theirs.pending = Some(pending.clone());
    let mut ours = theirs.clone();
    ours.accept(&pending, at(201));
    let apart = Apart {
        ended: &|fingerprint| Ok((fingerprint == Fingerprint(2)).then(|| at(201))),
        is_theirs_new: false,
        doubt: DOUBT,
        skew: SKEW,
    };
    let joined = ours.joined(&theirs, &apart);
    assert_eq!((joined.pending, joined.last), (None, ours.last));
}

#[test]
fn what_others_told_the_same_stays_as_it_is() {
    let (ours, theirs) = (
        told(200, 1, &[1]),
        Told {
            seq: 7,
            ..told(200, 1, &[1])
        },
    );
    let apart = Apart {
        ended: &|_| Err(Unknown),
        is_theirs_new: true,
        doubt: DOUBT,
        skew: SKEW,
    };
    assert_eq!(ours.joined(&theirs, &apart), theirs);
}

/// Each of two repeated the same message while they were alone.
#[test]
fn of_two_repeats_the_later_stands_on_both_sides() {
    let mut first = told(100, 1, &[1]);
    first.seq = Numbers::SHARED.next(0, 100_000);
    let mut second = first.clone();
    second.last.as_mut().expect("a message").sent_at = at(130);
    let ended = |_: Fingerprint| Ok(None);
    let apart = Apart {
        ended: &ended,
        is_theirs_new: true,
        doubt: DOUBT,
        skew: SKEW,
    };
    assert_eq!(first.joined(&second, &apart), second);
    assert_eq!(second.joined(&first, &apart), second);
}

#[test]
fn parts_of_what_was_told_add_up_until_something_is_told() {
    for (ours, theirs) in [(100, 200), (200, 100)] {
        let (ours, theirs) = (told(ours, 1, &[1, 3]), told(theirs, 2, &[2, 3]));
        for (is_untouched, firing, hidden) in
            [(true, &[1, 2, 3][..], &[][..]), (false, &[2, 3], &[1])]
        {
            let joined = ours.added_to(&theirs, is_untouched);
            assert!(joined.seq > theirs.seq.max(ours.seq));
            assert_eq!(ours.added_to(&joined, is_untouched), joined);
            let last = joined.last.expect("a message");
            assert_eq!((last.firing, last.hidden), (prints(firing), prints(hidden)));
        }
        assert_eq!(ours.added_to(&Told::default(), true), ours);
        let theirs_said = told(300, 2, &[4]);
        let in_flight = Told {
            last: None,
            pending: Some(Pending {
                seq: theirs.seq,
                firing: prints(&[2]),
                resolved: prints(&[3]),
                hidden: Vec::new(),
                tick: at(300),
                reason: Reason::FirstNotification,
                receiver_data: ReceiverData::default(),
            }),
            ..theirs
        };
        let said = theirs_said.clone();
        for (is_untouched, flies) in [(true, true), (false, false)] {
            let joined = in_flight.added_to(&said, is_untouched);
            assert_eq!(joined.pending.is_some(), flies);
            assert!(joined.believes_firing(Fingerprint(2)), "its end is owed");
        }
        let joined = ours.added_to(&in_flight, true);
        assert_eq!(joined.last.expect("a message").hidden, prints(&[1]));
        assert_eq!(joined.pending.expect("it goes on").hidden, prints(&[1]));
    }
}

#[test]
fn what_nobody_else_was_told_is_doubted() {
    let ours = told(100, 1, &[1, 2]);
    let beside = |theirs: &Told| {
        let doubted = ours.doubted_beside(theirs);
        assert_eq!(ours.doubted_beside(&doubted), doubted);
        assert!(
            doubted.seq > theirs.seq.max(ours.seq),
            "or the later number here would stand"
        );
        let last = doubted.last.expect("a message");
        (last.firing, last.hidden)
    };
    assert_eq!(beside(&Told::default()), (prints(&[]), prints(&[1, 2])));
    assert_eq!(beside(&told(50, 1, &[])), (prints(&[]), prints(&[1, 2])));
    assert_eq!(
        beside(&told(50, 1, &[2, 3])),
        (prints(&[2, 3]), prints(&[1]))
    );
    let same = beside(&told(50, 1, &[1, 2, 3]));
    assert_eq!(same, (prints(&[1, 2, 3]), prints(&[])));
    let nothing = told(100, 1, &[]);
    assert_eq!(nothing.doubted_beside(&Told::default()), Told::default());
}
