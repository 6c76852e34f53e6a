//! The twins of domain types that are written and read.

use std::fmt;

use domain::alert::Alert;
use domain::annotations::Annotations;
use domain::fingerprint::Fingerprint;
use domain::group::heir::Lineage;
use domain::group::inherited::Inherited;
use domain::group::told::{ReceiverData, Told};
use domain::id::{GroupKey, IntegrationId, TenantId};
use domain::label::{Interner, Labels};
use domain::matcher::{MatchOp, Matcher};
use domain::notification::Reason;
use domain::silence::Silence;
use domain::time::Timestamp;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::BadRecord;
use crate::journal::Record;

#[derive(Serialize, Deserialize)]
pub(super) enum Wire<'a> {
    #[serde(borrow)]
    Alert(WireAlert<'a>),
    Group(&'a str, [u8; 16], WireTime),
    GroupGone(&'a str, [u8; 16]),
    Told(WireTold<'a>),
    Silence(WireSilence<'a>),
    SilenceGone(&'a str, &'a str),
    Refresh(&'a str, u64, WireTime, WireTime),
    /// An alert another instance took in.
    #[serde(borrow)]
    HeardAlert(WireAlert<'a>),
    Heard(&'a str, u64, WireTime),
    Alone(Option<WireTime>),
    /// Tenant, group, integration, when the message was accepted, and what failed in it.
    Fallback(&'a str, [u8; 16], &'a str, WireTime, &'a str),
    /// What was told, with what the integration keeps of its last message and of the one in flight.
    ToldKeeping(
        #[serde(borrow)] WireTold<'a>,
        #[serde(borrow)] Kept<'a>,
        #[serde(borrow)] Kept<'a>,
    ),
    #[serde(borrow)]
    Inherited(WireInherited<'a>),
    Imported(&'a str, WireTime),
    /// A group of which it is known what stays of it: with its receiver and route key.
    GroupOf(&'a str, [u8; 16], WireTime, &'a str, &'a str),
}

/// Receiver data: names and texts.
pub(super) type Kept<'a> = Vec<(&'a str, &'a str)>;

#[derive(Serialize, Deserialize)]
pub(super) struct WireAlert<'a> {
    pub(super) tenant: &'a str,
    #[serde(borrow)]
    pub(super) labels: Pairs<'a>,
    #[serde(borrow)]
    pub(super) annotations: Pairs<'a>,
    pub(super) generator_url: &'a str,
    pub(super) starts_at: WireTime,
    pub(super) ends_at: WireTime,
    pub(super) updated_at: WireTime,
    pub(super) is_timeout: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct WireTold<'a> {
    pub(super) tenant: &'a str,
    pub(super) key: [u8; 16],
    pub(super) integration: &'a str,
    pub(super) seq: u64,
    #[serde(borrow)]
    pub(super) last: Option<WireMessage<'a>>,
    #[serde(borrow)]
    pub(super) pending: Option<WirePending<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct WireMessage<'a> {
    #[serde(borrow)]
    pub(super) firing: Prints<'a>,
    #[serde(borrow)]
    pub(super) hidden: Prints<'a>,
    pub(super) tick: WireTime,
    pub(super) sent_at: WireTime,
    pub(super) reason: u8,
}

#[derive(Serialize, Deserialize)]
pub(super) struct WirePending<'a> {
    pub(super) seq: u64,
    #[serde(borrow)]
    pub(super) firing: Prints<'a>,
    #[serde(borrow)]
    pub(super) resolved: Prints<'a>,
    #[serde(borrow)]
    pub(super) hidden: Prints<'a>,
    pub(super) tick: WireTime,
    pub(super) reason: u8,
}

#[derive(Serialize, Deserialize)]
pub(super) struct WireInherited<'a> {
    pub(super) tenant: &'a str,
    pub(super) key: [u8; 16],
    pub(super) integration: &'a str,
    /// Hashes of label sets.
    pub(super) firing: Vec<u64>,
    pub(super) told_at: WireTime,
    pub(super) expires_at: WireTime,
    #[serde(borrow)]
    pub(super) kept: Kept<'a>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct WireSilence<'a> {
    pub(super) tenant: &'a str,
    pub(super) id: &'a str,
    #[serde(borrow)]
    pub(super) matchers: Vec<(u8, Bytes<'a>, Bytes<'a>)>,
    pub(super) starts_at: WireTime,
    pub(super) ends_at: WireTime,
    pub(super) updated_at: WireTime,
    pub(super) created_by: &'a str,
    pub(super) comment: &'a str,
    #[serde(borrow)]
    pub(super) annotations: Pairs<'a>,
}

/// Seconds since the Unix epoch, nanoseconds, minutes east of UTC.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct WireTime(i64, u32, i16);

impl From<Timestamp> for WireTime {
    fn from(time: Timestamp) -> Self {
        Self(
            time.unix_seconds(),
            time.subsec_nanos(),
            time.offset_minutes(),
        )
    }
}

impl From<WireTime> for Timestamp {
    fn from(WireTime(seconds, nanos, offset): WireTime) -> Self {
        Self::new(seconds, nanos, offset)
    }
}

/// Label pairs: written straight from the set, read as texts that still lie in the row.
pub(super) enum Pairs<'a> {
    Of(&'a Labels),
    OfAnnotations(&'a Annotations),
    Read(Vec<(&'a str, &'a str)>),
}

impl Pairs<'_> {
    pub(super) fn into_labels(self, interner: &Interner) -> Labels {
        match self {
            Self::Of(labels) => labels.clone(),
            Self::OfAnnotations(annotations) => interner.labels(annotations.pairs()),
            Self::Read(pairs) if pairs.is_empty() => Labels::empty(),
            Self::Read(pairs) => interner.labels(pairs),
        }
    }

    pub(super) fn into_annotations(self) -> Annotations {
        match self {
            Self::Of(labels) => Annotations::from_pairs(labels.pairs()),
            Self::OfAnnotations(annotations) => annotations.clone(),
            Self::Read(pairs) => Annotations::from_pairs(pairs),
        }
    }
}

fn serialize_pairs<'p, S: Serializer>(
    serializer: S,
    pairs: impl Iterator<Item = (&'p str, &'p str)> + Clone,
) -> Result<S::Ok, S::Error> {
    let mut seq = serializer.serialize_seq(Some(pairs.clone().count()))?;
    for pair in pairs {
        seq.serialize_element(&pair)?;
    }
    seq.end()
}

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Of(labels) => serialize_pairs(serializer, labels.pairs()),
            Self::OfAnnotations(annotations) => serialize_pairs(serializer, annotations.pairs()),
            Self::Read(pairs) => pairs.serialize(serializer),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::Read)
    }
}

/// Fingerprints: eight bytes each, little endian, in one run of bytes.
pub(super) enum Prints<'a> {
    Of(&'a [Fingerprint]),
    Read(&'a [u8]),
}

impl Prints<'_> {
    pub(super) fn into_sorted(self) -> Result<Vec<Fingerprint>, BadRecord> {
        let bytes = match self {
            Self::Of(prints) => return Ok(prints.to_vec()),
            Self::Read(bytes) => bytes,
        };
        let (chunks, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(BadRecord("a list of fingerprints is cut off".into()));
        }
        Ok(chunks
            .iter()
            .map(|chunk| Fingerprint(u64::from_le_bytes(*chunk)))
            .collect())
    }
}

impl Serialize for Prints<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Of(prints) => {
                let bytes: Vec<u8> = prints
                    .iter()
                    .flat_map(|print| print.0.to_le_bytes())
                    .collect();
                serializer.serialize_bytes(&bytes)
            }
            Self::Read(bytes) => serializer.serialize_bytes(bytes),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Prints<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Bytes::deserialize(deserializer).map(|bytes| Self::Read(bytes.0))
    }
}

/// A run of bytes that need not be text.
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Bytes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowed;
        impl<'de> Visitor<'de> for Borrowed {
            type Value = &'de [u8];

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_borrowed_bytes<E: serde::de::Error>(
                self,
                bytes: &'de [u8],
            ) -> Result<Self::Value, E> {
                Ok(bytes)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
                Err(A::Error::custom("bytes are expected"))
            }
        }
        deserializer.deserialize_bytes(Borrowed).map(Bytes)
    }
}

pub(super) fn to_wire(record: &Record) -> Wire<'_> {
    match record {
        Record::Alert {
            tenant,
            alert,
            is_own: true,
        } => Wire::Alert(alert_to_wire(tenant, alert)),
        Record::Alert { tenant, alert, .. } => Wire::HeardAlert(alert_to_wire(tenant, alert)),
        Record::Heard {
            tenant,
            fingerprint,
            updated_at,
        } => Wire::Heard(tenant.as_str(), fingerprint.0, (*updated_at).into()),
        Record::Alone { since } => Wire::Alone(since.map(WireTime::from)),
        Record::Group {
            tenant,
            key,
            lineage,
            first_tick,
        } => group_to_wire(tenant.as_str(), key.0, lineage, (*first_tick).into()),
        Record::GroupGone { tenant, key } => Wire::GroupGone(tenant.as_str(), key.0),
        Record::Told {
            tenant,
            key,
            integration,
            told,
        } => {
            let wire = told_to_wire(tenant, *key, integration, told);
            let last = told.last.as_ref().map(|last| &last.receiver_data);
            let pending = told.pending.as_ref().map(|pending| &pending.receiver_data);
            match (kept(last), kept(pending)) {
                (last, pending) if last.is_empty() && pending.is_empty() => Wire::Told(wire),
                (last, pending) => Wire::ToldKeeping(wire, last, pending),
            }
        }
        Record::Fallback {
            tenant,
            key,
            integration,
            sent_at,
            failure,
        } => Wire::Fallback(
            tenant.as_str(),
            key.0,
            integration.as_str(),
            (*sent_at).into(),
            failure,
        ),
        Record::Silence { tenant, silence } => Wire::Silence(silence_to_wire(tenant, silence)),
        Record::SilenceGone { tenant, id } => Wire::SilenceGone(tenant.as_str(), id),
        Record::Inherited {
            tenant,
            key,
            integration,
            inherited,
        } => Wire::Inherited(inherited_to_wire(tenant, *key, integration, inherited)),
        Record::Imported { tenant, at } => Wire::Imported(tenant.as_str(), (*at).into()),
        Record::Refresh {
            tenant,
            fingerprint,
            ends_at,
            updated_at,
        } => Wire::Refresh(
            tenant.as_str(),
            fingerprint.0,
            (*ends_at).into(),
            (*updated_at).into(),
        ),
    }
}

fn inherited_to_wire<'a>(
    tenant: &'a TenantId,
    key: GroupKey,
    integration: &'a IntegrationId,
    inherited: &'a Inherited,
) -> WireInherited<'a> {
    WireInherited {
        tenant: tenant.as_str(),
        key: key.0,
        integration: integration.as_str(),
        firing: inherited.firing.iter().copied().collect(),
        told_at: inherited.told_at.into(),
        expires_at: inherited.expires_at.into(),
        kept: kept(Some(&inherited.receiver_data)),
    }
}

fn kept(data: Option<&ReceiverData>) -> Kept<'_> {
    data.into_iter().flat_map(ReceiverData::iter).collect()
}

fn group_to_wire<'a>(
    tenant: &'a str,
    key: [u8; 16],
    lineage: &'a Option<Lineage>,
    first_tick: WireTime,
) -> Wire<'a> {
    match lineage {
        None => Wire::Group(tenant, key, first_tick),
        Some(of) => Wire::GroupOf(tenant, key, first_tick, &of.receiver, &of.route_key),
    }
}

fn told_to_wire<'a>(
    tenant: &'a TenantId,
    key: GroupKey,
    integration: &'a IntegrationId,
    told: &'a Told,
) -> WireTold<'a> {
    WireTold {
        tenant: tenant.as_str(),
        key: key.0,
        integration: integration.as_str(),
        seq: told.seq,
        last: told.last.as_ref().map(|message| WireMessage {
            firing: Prints::Of(&message.firing),
            hidden: Prints::Of(&message.hidden),
            tick: message.tick.into(),
            sent_at: message.sent_at.into(),
            reason: reason_number(message.reason),
        }),
        pending: told.pending.as_ref().map(|pending| WirePending {
            seq: pending.seq,
            firing: Prints::Of(&pending.firing),
            resolved: Prints::Of(&pending.resolved),
            hidden: Prints::Of(&pending.hidden),
            tick: pending.tick.into(),
            reason: reason_number(pending.reason),
        }),
    }
}

fn alert_to_wire<'a>(tenant: &'a TenantId, alert: &'a Alert) -> WireAlert<'a> {
    WireAlert {
        tenant: tenant.as_str(),
        labels: Pairs::Of(&alert.labels),
        annotations: Pairs::OfAnnotations(&alert.annotations),
        generator_url: &alert.generator_url,
        starts_at: alert.starts_at.into(),
        ends_at: alert.ends_at.into(),
        updated_at: alert.updated_at.into(),
        is_timeout: alert.is_timeout,
    }
}

fn silence_to_wire<'a>(tenant: &'a TenantId, silence: &'a Silence) -> WireSilence<'a> {
    let matcher = |m: &'a Matcher| {
        (
            op_number(m.op()),
            Bytes(m.name_bytes()),
            Bytes(m.value_bytes()),
        )
    };
    WireSilence {
        tenant: tenant.as_str(),
        id: &silence.id,
        matchers: silence.matchers.iter().map(matcher).collect(),
        starts_at: silence.starts_at.into(),
        ends_at: silence.ends_at.into(),
        updated_at: silence.updated_at.into(),
        created_by: &silence.created_by,
        comment: &silence.comment,
        annotations: Pairs::Of(&silence.annotations),
    }
}

fn reason_number(reason: Reason) -> u8 {
    match reason {
        Reason::FirstNotification => 0,
        Reason::NewAlerts => 1,
        Reason::AllResolved => 2,
        Reason::SomeResolved => 3,
        Reason::RepeatInterval => 4,
    }
}

pub(super) fn reason_of(number: u8) -> Result<Reason, BadRecord> {
    let known = Reason::ALL
        .into_iter()
        .find(|reason| reason_number(*reason) == number);
    known.ok_or_else(|| BadRecord(format!("unknown reason `{number}`")))
}

fn op_number(op: MatchOp) -> u8 {
    match op {
        MatchOp::Equal => 0,
        MatchOp::NotEqual => 1,
        MatchOp::Regex => 2,
        MatchOp::NotRegex => 3,
    }
}

pub(super) fn op_of(number: u8) -> Result<MatchOp, BadRecord> {
    match number {
        0 => Ok(MatchOp::Equal),
        1 => Ok(MatchOp::NotEqual),
        2 => Ok(MatchOp::Regex),
        3 => Ok(MatchOp::NotRegex),
        _ => Err(BadRecord(format!("unknown matcher operator `{number}`"))),
    }
}
