use std::sync::Arc;

use domain::alert::Alert;
use domain::annotations::Annotations;
use domain::fingerprint::Fingerprint;
use domain::group::heir::Lineage;
use domain::group::inherited::Inherited;
use domain::group::told::{Pending, ReceiverData, Told, ToldMessage};
use domain::id::{GroupKey, IntegrationId, TenantId};
use domain::label::{Interner, Labels};
use domain::matcher::{MatchOp, Matcher};
use domain::notification::Reason;
use domain::silence::Silence;
use domain::time::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::conformance::{alert_record, every_kind, shown};

fn round_trip(records: &[Record]) -> Vec<Record> {
    let interner = Interner::default();
    let mut decoder = Decoder::new(&interner);
    let mut read = Vec::new();
    for frame in encode(records).expect("encodes") {
        let found = decoder
            .decode(&frame.body, &mut |record| read.push(record))
            .expect("decodes");
        assert_eq!(found, frame.records);
    }
    read
}

#[test]
fn every_kind_survives() {
    let records = every_kind();
    assert!(
        round_trip(&records)
            .iter()
            .map(shown)
            .eq(records.iter().map(shown))
    );
}

#[test]
fn frames_are_bounded_and_joined_in_order() {
    let records: Vec<Record> = (0..30_000).map(alert_record).collect();
    let frames = encode(&records).unwrap();
    assert!(frames.len() > 1);
    assert!(frames.iter().all(|frame| frame.body.len() <= BODY_MAX));
    let mut rows = Vec::new();
    for chunk in records.chunks(100) {
        join_frames(&mut rows, encode(chunk).unwrap());
    }
    assert_eq!(rows.iter().map(|row| row.records).sum::<u32>(), 30_000);
    assert!(rows.len() <= frames.len() + 1);
    let joined: Vec<u8> = rows.into_iter().flat_map(|row| row.body).collect();
    let whole: Vec<u8> = frames.into_iter().flat_map(|frame| frame.body).collect();
    assert!(joined == whole);
}

/// The stored form is a published format (T2): a change of it must be a new version.
#[test]
fn the_form_of_version_1_stands() {
    let kinds = every_kind();
    for (count, bytes, sum) in FORMS {
        let frames = encode(&kinds[..count]).unwrap();
        assert_eq!(frames.len(), 1);
        let body = &frames[0].body;
        assert_eq!((body.len(), checksum(body)), (bytes, sum));
    }
    assert_eq!(kinds.len(), FORMS[FORMS.len() - 1].0);
}

/// So many kinds, in so many bytes of this checksum: the first ones, then those that were added.
const FORMS: [(usize, usize, u64); 7] = [
    (8, 803, 16_831_189_227_393_101_719),
    (10, 1136, 10_415_850_800_045_209_191),
    (12, 1148, 12_776_735_848_505_733_831),
    (13, 1262, 13_146_602_149_336_977_113),
    (14, 1405, 2_884_466_691_710_385_760),
    (16, 1503, 13_221_992_312_315_188_058),
    (17, 1553, 14_806_983_229_104_035_505),
];

#[test]
fn the_checksum_notices_every_single_flipped_bit_and_lost_byte() {
    let body: Vec<u8> = (0..200_u8).collect();
    let sum = checksum(&body);
    for byte in 0..body.len() {
        for bit in 0..8 {
            let mut flipped = body.clone();
            flipped[byte] ^= 1 << bit;
            assert_ne!(checksum(&flipped), sum);
        }
        assert_ne!(checksum(&body[..byte]), sum);
    }
    let mut zeros = vec![0; 16];
    let empty = checksum(&zeros);
    zeros.push(0);
    assert_ne!(checksum(&zeros), empty);
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z_]{1,12}", any::<String>()]
}

fn lineage() -> impl Strategy<Value = Option<Lineage>> {
    let lineage = (text(), text()).prop_map(|(receiver, route_key)| Lineage {
        receiver: receiver.into(),
        route_key: route_key.into(),
    });
    proptest::option::of(lineage)
}

fn time() -> impl Strategy<Value = Timestamp> {
    (any::<i64>(), 0_u32..1_000_000_000, -840_i16..=840)
        .prop_map(|(s, n, o)| Timestamp::new(s, n, o))
}

fn labels() -> impl Strategy<Value = Labels> {
    prop::collection::vec((text(), text()), 0..8)
        .prop_map(|pairs| Labels::from_pairs(pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()))))
}

fn prints() -> impl Strategy<Value = Vec<Fingerprint>> {
    prop::collection::vec(any::<u64>().prop_map(Fingerprint), 0..20)
}

fn tenant() -> impl Strategy<Value = TenantId> {
    "[A-Za-z0-9_-]{1,64}".prop_map(|text| text.parse().expect("a valid tenant"))
}

fn reason() -> impl Strategy<Value = Reason> {
    prop::sample::select(Reason::ALL.to_vec())
}

fn kept() -> impl Strategy<Value = ReceiverData> {
    let texts = prop::collection::btree_map("[a-z]{1,8}", ".{0,20}", 0..3);
    texts.prop_map(|texts| ReceiverData::new(texts).expect("short data"))
}

fn told() -> impl Strategy<Value = Told> {
    let last = (prints(), prints(), time(), time(), reason(), kept()).prop_map(
        |(firing, hidden, tick, sent_at, reason, receiver_data)| ToldMessage {
            firing,
            hidden,
            tick,
            sent_at,
            reason,
            receiver_data,
        },
    );
    let sets = (prints(), prints(), prints());
    let pending = (any::<u64>(), sets, time(), reason(), kept()).prop_map(
        |(seq, (firing, resolved, hidden), tick, reason, receiver_data)| Pending {
            seq,
            firing,
            resolved,
            hidden,
            tick,
            reason,
            receiver_data,
        },
    );
    (
        any::<u64>(),
        prop::option::of(last),
        prop::option::of(pending),
    )
        .prop_map(|(seq, last, pending)| Told { seq, last, pending })
}

fn silence() -> impl Strategy<Value = Silence> {
    let literal = (
        any::<bool>(),
        prop::collection::vec(any::<u8>(), 0..9),
        prop::collection::vec(any::<u8>(), 0..9),
    )
        .prop_map(|(equal, name, value)| {
            let op = if equal {
                MatchOp::Equal
            } else {
                MatchOp::NotEqual
            };
            Matcher::from_bytes(op, &name, &value).expect("literals are always valid")
        });
    let regex = (text(), "[a-z]{0,4}(\\.\\*)?").prop_map(|(name, value)| {
        Matcher::new(MatchOp::Regex, &name, &value).expect("a valid expression")
    });
    let matchers = prop::collection::vec(prop_oneof![literal, regex], 0..4);
    (
        text(),
        matchers,
        time(),
        time(),
        time(),
        text(),
        text(),
        labels(),
    )
        .prop_map(
            |(id, matchers, starts_at, ends_at, updated_at, created_by, comment, annotations)| {
                Silence {
                    id: id.into(),
                    matchers,
                    starts_at,
                    ends_at,
                    updated_at,
                    created_by,
                    comment,
                    annotations,
                }
            },
        )
}

fn inherited() -> impl Strategy<Value = Record> {
    let firing = prop::collection::btree_set(any::<u64>(), 0..20);
    let said = (firing, time(), time(), kept());
    (tenant(), any::<[u8; 16]>(), text(), said).prop_map(
        |(tenant, key, integration, (firing, told_at, expires_at, receiver_data))| {
            Record::Inherited {
                tenant,
                key: GroupKey(key),
                integration: IntegrationId::from_stored(&integration),
                inherited: Arc::new(Inherited {
                    firing,
                    told_at,
                    expires_at,
                    receiver_data,
                }),
            }
        },
    )
}

fn record() -> impl Strategy<Value = Record> {
    let key = || any::<[u8; 16]>().prop_map(GroupKey);
    let alert = (
        tenant(),
        labels(),
        labels(),
        text(),
        [time(), time(), time()],
        any::<bool>(),
    )
        .prop_map(
            |(tenant, labels, annotations, url, [starts_at, ends_at, updated_at], is_timeout)| {
                Record::Alert {
                    is_own: !is_timeout,
                    tenant,
                    alert: Arc::new(Alert {
                        fingerprint: labels.fingerprint(),
                        labels,
                        annotations: Annotations::from_pairs(annotations.pairs()),
                        generator_url: url.into(),
                        starts_at,
                        ends_at,
                        updated_at,
                        is_timeout,
                    }),
                }
            },
        );
    prop_oneof![
        alert,
        (tenant(), key(), lineage(), time()).prop_map(|(tenant, key, lineage, first_tick)| {
            Record::Group {
                tenant,
                key,
                lineage,
                first_tick,
            }
        }),
        (tenant(), key()).prop_map(|(tenant, key)| Record::GroupGone { tenant, key }),
        (tenant(), key(), text(), told()).prop_map(|(tenant, key, integration, told)| {
            Record::Told {
                tenant,
                key,
                integration: IntegrationId::from_stored(&integration),
                told: Arc::new(told),
            }
        }),
        (tenant(), silence()).prop_map(|(tenant, silence)| Record::Silence {
            tenant,
            silence: Arc::new(silence)
        }),
        (tenant(), text()).prop_map(|(tenant, id)| Record::SilenceGone {
            tenant,
            id: id.into()
        }),
        (tenant(), any::<u64>(), time()).prop_map(|(tenant, print, updated_at)| Record::Heard {
            tenant,
            fingerprint: Fingerprint(print),
            updated_at,
        }),
        prop::option::of(time()).prop_map(|since| Record::Alone { since }),
        inherited(),
        (tenant(), time()).prop_map(|(tenant, at)| Record::Imported { tenant, at }),
        (tenant(), key(), text(), time(), text()).prop_map(
            |(tenant, key, integration, sent_at, failure)| Record::Fallback {
                tenant,
                key,
                integration: IntegrationId::from_stored(&integration),
                sent_at,
                failure: failure.into(),
            }
        ),
        (tenant(), any::<u64>(), time(), time()).prop_map(
            |(tenant, print, ends_at, updated_at)| Record::Refresh {
                tenant,
                fingerprint: Fingerprint(print),
                ends_at,
                updated_at,
            }
        ),
    ]
}

proptest! {
    #[test]
    fn any_record_survives(records in prop::collection::vec(record(), 0..6)) {
        let read = round_trip(&records);
        prop_assert_eq!(
            read.iter().map(shown).collect::<Vec<_>>(),
            records.iter().map(shown).collect::<Vec<_>>()
        );
    }

    #[test]
    fn any_bytes_are_refused_or_read_but_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let interner = Interner::default();
        let _ = Decoder::new(&interner).decode(&bytes, &mut |_| {});
    }

    #[test]
    fn damaged_records_never_panic(records in prop::collection::vec(record(), 1..4), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let interner = Interner::default();
        let mut body = encode(&records).unwrap().remove(0).body;
        let index = at.index(body.len());
        body[index] = byte;
        let _ = Decoder::new(&interner).decode(&body, &mut |_| {});
        let _ = Decoder::new(&interner).decode(&body[..index], &mut |_| {});
    }
}
