//! Reads records back.

use std::sync::Arc;

use domain::alert::Alert;
use domain::fingerprint::Fingerprint;
use domain::group::heir::Lineage;
use domain::group::inherited::Inherited;
use domain::group::told::{Pending, ReceiverData, Told, ToldMessage};
use domain::id::{GroupKey, IntegrationId, TenantId};
use domain::label::Interner;
use domain::matcher::Matcher;
use domain::silence::Silence;
use domain::time::Timestamp;

use super::BadRecord;
use super::wire::{
    Bytes, Kept, Wire, WireAlert, WireInherited, WireMessage, WirePending, WireSilence, WireTold,
    op_of, reason_of,
};
use crate::journal::Record;

/// Reads records back, sharing what repeats.
pub(crate) struct Decoder<'i> {
    interner: &'i Interner,
    /// The tenant of the last record: nearly always the next one's too.
    tenant: Option<TenantId>,
}

impl<'i> Decoder<'i> {
    pub(crate) fn new(interner: &'i Interner) -> Self {
        Self {
            interner,
            tenant: None,
        }
    }

    /// Hands the records of a row's body to `visit` and answers how many there were.
    pub(crate) fn decode(
        &mut self,
        body: &[u8],
        visit: &mut dyn FnMut(Record),
    ) -> Result<u32, BadRecord> {
        let mut rest = body;
        let mut records: u32 = 0;
        while !rest.is_empty() {
            let (wire, after) = postcard::take_from_bytes::<Wire<'_>>(rest)
                .map_err(|e| BadRecord(format!("record {records}: {e}")))?;
            visit(self.record(wire)?);
            rest = after;
            records = records.saturating_add(1);
        }
        Ok(records)
    }

    fn record(&mut self, wire: Wire<'_>) -> Result<Record, BadRecord> {
        Ok(match wire {
            Wire::Alert(alert) => self.alert_record(alert, true)?,
            Wire::HeardAlert(alert) => self.alert_record(alert, false)?,
            Wire::Heard(tenant, fingerprint, updated_at) => Record::Heard {
                tenant: self.tenant(tenant)?,
                fingerprint: Fingerprint(fingerprint),
                updated_at: updated_at.into(),
            },
            Wire::Alone(since) => Record::Alone {
                since: since.map(Timestamp::from),
            },
            Wire::Group(tenant, key, first_tick) => Record::Group {
                tenant: self.tenant(tenant)?,
                key: GroupKey(key),
                lineage: None,
                first_tick: first_tick.into(),
            },
            Wire::GroupOf(tenant, key, first_tick, receiver, route_key) => Record::Group {
                tenant: self.tenant(tenant)?,
                key: GroupKey(key),
                lineage: Some(Lineage {
                    receiver: receiver.into(),
                    route_key: route_key.into(),
                }),
                first_tick: first_tick.into(),
            },
            Wire::GroupGone(tenant, key) => Record::GroupGone {
                tenant: self.tenant(tenant)?,
                key: GroupKey(key),
            },
            Wire::Told(told) => self.told_record(told, Vec::new(), Vec::new())?,
            Wire::ToldKeeping(told, last, pending) => self.told_record(told, last, pending)?,
            Wire::Fallback(tenant, key, integration, sent_at, failure) => Record::Fallback {
                tenant: self.tenant(tenant)?,
                key: GroupKey(key),
                integration: IntegrationId::from_stored(integration),
                sent_at: sent_at.into(),
                failure: failure.into(),
            },
            Wire::Silence(silence) => Record::Silence {
                tenant: self.tenant(silence.tenant)?,
                silence: Arc::new(self.silence(silence)?),
            },
            Wire::Refresh(tenant, fingerprint, ends_at, updated_at) => Record::Refresh {
                tenant: self.tenant(tenant)?,
                fingerprint: Fingerprint(fingerprint),
                ends_at: ends_at.into(),
                updated_at: updated_at.into(),
            },
            Wire::SilenceGone(tenant, id) => Record::SilenceGone {
                tenant: self.tenant(tenant)?,
                id: id.into(),
            },
            Wire::Inherited(inherited) => self.inherited_record(inherited)?,
            Wire::Imported(tenant, at) => Record::Imported {
                tenant: self.tenant(tenant)?,
                at: at.into(),
            },
        })
    }

    fn inherited_record(&mut self, wire: WireInherited<'_>) -> Result<Record, BadRecord> {
        Ok(Record::Inherited {
            tenant: self.tenant(wire.tenant)?,
            key: GroupKey(wire.key),
            integration: IntegrationId::from_stored(wire.integration),
            inherited: Arc::new(Inherited {
                firing: wire.firing.into_iter().collect(),
                told_at: wire.told_at.into(),
                expires_at: wire.expires_at.into(),
                receiver_data: kept(wire.kept)?,
            }),
        })
    }

    fn alert_record(&mut self, wire: WireAlert<'_>, is_own: bool) -> Result<Record, BadRecord> {
        Ok(Record::Alert {
            tenant: self.tenant(wire.tenant)?,
            alert: Arc::new(self.alert(wire)),
            is_own,
        })
    }

    fn told_record(
        &mut self,
        wire: WireTold<'_>,
        last: Kept<'_>,
        pending: Kept<'_>,
    ) -> Result<Record, BadRecord> {
        Ok(Record::Told {
            tenant: self.tenant(wire.tenant)?,
            key: GroupKey(wire.key),
            integration: IntegrationId::from_stored(wire.integration),
            told: Arc::new(told_of(wire, kept(last)?, kept(pending)?)?),
        })
    }

    fn tenant(&mut self, text: &str) -> Result<TenantId, BadRecord> {
        if let Some(tenant) = self
            .tenant
            .as_ref()
            .filter(|tenant| tenant.as_str() == text)
        {
            return Ok(tenant.clone());
        }
        let tenant: TenantId = text
            .parse()
            .map_err(|_| BadRecord(format!("`{text}` is no tenant")))?;
        self.tenant = Some(tenant.clone());
        Ok(tenant)
    }

    fn alert(&self, wire: WireAlert<'_>) -> Alert {
        let labels = wire.labels.into_labels(self.interner);
        let fingerprint = labels.fingerprint();
        Alert {
            labels,
            annotations: wire.annotations.into_annotations(),
            generator_url: self.interner.text(wire.generator_url),
            starts_at: wire.starts_at.into(),
            ends_at: wire.ends_at.into(),
            updated_at: wire.updated_at.into(),
            fingerprint,
            is_timeout: wire.is_timeout,
        }
    }

    fn silence(&self, wire: WireSilence<'_>) -> Result<Silence, BadRecord> {
        let matcher = |(op, name, value): &(u8, Bytes<'_>, Bytes<'_>)| {
            Matcher::from_bytes(op_of(*op)?, name.0, value.0)
                .map_err(|e| BadRecord(format!("silence `{}`: {e}", wire.id)))
        };
        Ok(Silence {
            id: wire.id.into(),
            matchers: wire
                .matchers
                .iter()
                .map(matcher)
                .collect::<Result<_, _>>()?,
            starts_at: wire.starts_at.into(),
            ends_at: wire.ends_at.into(),
            updated_at: wire.updated_at.into(),
            created_by: wire.created_by.to_owned(),
            comment: wire.comment.to_owned(),
            annotations: wire.annotations.into_labels(self.interner),
        })
    }
}

fn kept(texts: Kept<'_>) -> Result<ReceiverData, BadRecord> {
    ReceiverData::new(texts).ok_or_else(|| BadRecord("receiver data is too long".to_owned()))
}

fn told_of(
    wire: WireTold<'_>,
    of_last: ReceiverData,
    of_pending: ReceiverData,
) -> Result<Told, BadRecord> {
    let message = |message: WireMessage<'_>| {
        Ok(ToldMessage {
            firing: message.firing.into_sorted()?,
            hidden: message.hidden.into_sorted()?,
            tick: message.tick.into(),
            sent_at: message.sent_at.into(),
            reason: reason_of(message.reason)?,
            receiver_data: of_last.clone(),
        })
    };
    let pending = |pending: WirePending<'_>| {
        Ok::<_, BadRecord>(Pending {
            seq: pending.seq,
            firing: pending.firing.into_sorted()?,
            resolved: pending.resolved.into_sorted()?,
            hidden: pending.hidden.into_sorted()?,
            tick: pending.tick.into(),
            reason: reason_of(pending.reason)?,
            receiver_data: of_pending.clone(),
        })
    };
    Ok(Told {
        seq: wire.seq,
        last: wire.last.map(message).transpose()?,
        pending: wire.pending.map(pending).transpose()?,
    })
}
