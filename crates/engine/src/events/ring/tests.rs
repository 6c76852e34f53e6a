use domain::id::GroupKey;
use state::coordinator::GroupName;

use super::super::GroupEvent;
use super::*;

fn tenant(name: &str) -> TenantId {
    name.parse().expect("a tenant id")
}

fn gone(name: &str, key: u8) -> Event {
    let (tenant, key) = (tenant(name), GroupKey([key; 16]));
    Event::Group(GroupEvent::Gone {
        group: GroupName { tenant, key },
    })
}

fn id(ms: u64) -> EventId {
    EventId { ms, seq: 0 }
}

fn ring(kept_max: usize, is_shared: bool) -> Ring {
    let mut ring = Ring::new(kept_max);
    let era = Era {
        number: 7,
        is_shared,
    };
    ring.restart(era, Reset::Turned, std::iter::empty());
    ring
}

fn feed(ring: &mut Ring, name: &str, shard: usize, ms: u64) {
    let origin = Origin::Feed {
        shard,
        id: id(ms),
        is_last: true,
    };
    ring.push(
        tenant(name),
        origin,
        gone(name, u8::try_from(ms).expect("small")),
    );
}

/// The keys of what a follower is told, and its position then.
#[track_caller]
fn told(ring: &Ring, name: &str, cursor: &mut Cursor) -> Vec<u8> {
    let Found::Events(events) = ring.read(&tenant(name), cursor) else {
        panic!("it has to begin anew");
    };
    let keys = events.iter().map(|(_, event)| match event {
        Event::Group(GroupEvent::Gone { group }) => group.key.0[0],
        other => panic!("{other:?}"),
    });
    keys.collect()
}

#[test]
fn a_position_is_the_same_on_two_instances_that_see_the_shards_in_another_order() {
    let (mut a, mut b) = (ring(100, true), ring(100, true));
    feed(&mut a, "t", 0, 1);
    feed(&mut a, "t", 1, 2);
    let mut on_a = a.now(0);
    feed(&mut a, "t", 0, 3);
    feed(&mut a, "t", 1, 4);
    for (shard, ms) in [(1, 2), (1, 4), (0, 1), (0, 3), (0, 5)] {
        feed(&mut b, "t", shard, ms);
    }
    assert_eq!(told(&a, "t", &mut on_a), [3, 4]);
    let mut on_b = b.resume(&tenant("t"), on_a.position, 0).expect("known");
    assert_eq!(told(&b, "t", &mut on_b), [5]);
}

#[test]
fn whoever_came_only_past_a_part_of_what_was_told_together_is_told_it_again() {
    let mut ring = ring(100, true);
    feed(&mut ring, "t", 0, 1);
    let mut cursor = ring.now(0);
    for (key, is_last) in [(2, false), (3, true)] {
        let origin = Origin::Feed {
            shard: 0,
            id: id(2),
            is_last,
        };
        ring.push(tenant("t"), origin, gone("t", key));
    }
    let Found::Events(events) = ring.read(&tenant("t"), &mut cursor) else {
        panic!("it has to begin anew");
    };
    let again = events.into_iter().map(|(position, _)| {
        let mut cursor = ring.resume(&tenant("t"), position, 0).expect("known");
        told(&ring, "t", &mut cursor)
    });
    assert_eq!(again.collect::<Vec<_>>(), [vec![2, 3], vec![]]);
}

#[test]
fn changes_of_other_tenants_are_passed_but_not_told() {
    let mut ring = ring(100, true);
    let mut cursor = ring.now(0);
    feed(&mut ring, "a", 0, 1);
    feed(&mut ring, "b", 0, 2);
    assert_eq!(told(&ring, "a", &mut cursor), [1]);
    assert_eq!(cursor.position, ring.now(0).position);
}

#[test]
fn what_was_trimmed_is_read_in_the_feed_and_what_never_was_makes_begin_anew() {
    let mut ring = ring(2, true);
    let mut slow = ring.now(0);
    let start = slow.position.clone();
    for ms in 1..=4 {
        feed(&mut ring, "t", 0, ms);
    }
    let resume = |position| ring.resume(&tenant("t"), position, 0).map(|_| ());
    let behind = Missed::Changes {
        shard: 0,
        after: EventId::default(),
    };
    assert_eq!(resume(start), Err(behind), "the feed has it");
    assert!(matches!(
        ring.read(&tenant("t"), &mut slow),
        Found::Lost(Reset::Slow)
    ));
    let at = |place: EventId| {
        let mut streams = Box::new([EventId::default(); SHARDS]);
        streams[0] = place;
        Position::Shared {
            data: ring.data(),
            streams,
            silences: 0,
        }
    };
    assert_eq!(resume(at(id(2))), Ok(()));
    assert_eq!(
        resume(at(EventId { ms: 3, seq: 1 })),
        Err(Missed::All(Reset::Unknown))
    );
    assert_eq!(resume(at(id(9))), Ok(()), "another instance was faster");
    assert_eq!(resume(at(id(9_000_000))), Err(Missed::All(Reset::Unknown)));
    let here = Position::Here { era: 7, number: 0 };
    assert_eq!(resume(here), Err(Missed::All(Reset::Unknown)));
}

#[test]
fn silences_are_told_again_when_their_version_was_not_reached() {
    let mut ring = ring(100, true);
    let silence = |ring: &mut Ring, key, version, known| {
        ring.push(
            tenant("t"),
            Origin::Silences { version, known },
            gone("t", key),
        );
    };
    let mut cursor = ring.now(5);
    // Ours came before one that another instance had made first.
    silence(&mut ring, 7, 7, 5);
    assert_eq!(told(&ring, "t", &mut cursor), [7]);
    let left = cursor.position.clone();
    silence(&mut ring, 6, 7, 7);
    assert_eq!(told(&ring, "t", &mut cursor), [6]);
    let mut again = ring.resume(&tenant("t"), left, 0).expect("known");
    assert_eq!(told(&ring, "t", &mut again), [7, 6]);
    let mut later = ring
        .resume(&tenant("t"), cursor.position, 0)
        .expect("known");
    assert_eq!(told(&ring, "t", &mut later), [0; 0]);
}

#[test]
fn own_numbers_are_of_one_era() {
    let mut ring = ring(100, false);
    let mut cursor = ring.now(0);
    ring.push(tenant("t"), Origin::Here, gone("t", 1));
    let left = cursor.position.clone();
    assert_eq!(told(&ring, "t", &mut cursor), [1]);
    let mut again = ring.resume(&tenant("t"), left.clone(), 0).expect("known");
    assert_eq!(told(&ring, "t", &mut again), [1]);
    let era = Era {
        number: 8,
        is_shared: false,
    };
    ring.restart(era, Reset::Turned, std::iter::empty());
    assert!(matches!(
        ring.read(&tenant("t"), &mut cursor),
        Found::Lost(Reset::Turned)
    ));
    assert_eq!(
        ring.resume(&tenant("t"), left, 0).map(|_| ()),
        Err(Missed::All(Reset::Unknown))
    );
}

#[test]
fn a_position_is_of_one_life_of_the_shared_data() {
    let epoch = |text: &str| Epoch(text.into());
    let (mut a, mut b) = (ring(100, true), ring(100, true));
    for ring in [&mut a, &mut b] {
        assert!(ring.skip_to(3, id(5), &epoch("1-a")), "it began");
        assert!(!ring.skip_to(3, id(5), &epoch("1-a")));
        ring.restart(ring.era(), Reset::Lost, std::iter::empty());
    }
    let position = a.now(0).position;
    let resume = |ring: &Ring| ring.resume(&tenant("t"), position.clone(), 0).map(|_| ());
    assert_eq!(resume(&b), Ok(()), "the same on another instance");
    assert!(b.skip_to(3, id(5), &epoch("2-b")), "at the same place");
    assert_eq!(resume(&b), Err(Missed::All(Reset::Unknown)));
}
