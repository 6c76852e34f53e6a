//! What integrations were told.

use std::collections::BTreeMap;

use domain::fingerprint::Fingerprint;
use domain::group::told::{Pending, ReceiverData, Told, ToldMessage};
use domain::notification::Reason;
use serde::Deserialize;

use super::{Text, instant, quoted, read_instant};
use crate::coordinator::reply::{Read, unreadable};

/// The three texts an integration's knowledge is kept as: number, last message, message in flight ('' = none).
pub(in crate::coordinator) fn told_texts(told: &Told) -> [String; 3] {
    let last = told.last.as_ref().map(message_text);
    let pending = told.pending.as_ref().map(pending_text);
    [
        told.seq.to_string(),
        last.unwrap_or_default(),
        pending.unwrap_or_default(),
    ]
}

/// Reads what [`told_texts`] wrote, or a script after it.
pub(in crate::coordinator) fn read_told(seq: u64, last: &str, pending: &str) -> Read<Told> {
    let last = Some(last).filter(|text| !text.is_empty());
    let pending = Some(pending).filter(|text| !text.is_empty());
    Ok(Told {
        seq,
        last: last.map(read_message).transpose()?,
        pending: pending.map(read_pending).transpose()?,
    })
}

/// An accepted message.
pub(in crate::coordinator) fn message_text(message: &ToldMessage) -> String {
    format!(
        r#"{{"firing":{},"hidden":{},"tick":"{}","sentAt":"{}","reason":{}{}}}"#,
        prints(&message.firing),
        prints(&message.hidden),
        instant(message.tick),
        instant(message.sent_at),
        quoted(message.reason.as_str()),
        kept(&message.receiver_data),
    )
}

fn pending_text(pending: &Pending) -> String {
    format!(r#"{{"seq":{},{}"#, pending.seq, unnumbered(pending))
}

/// A message in flight from behind its number on: a script gives it one.
pub(in crate::coordinator) fn unnumbered(pending: &Pending) -> String {
    format!(
        r#""firing":{},"resolved":{},"hidden":{},"tick":"{}","reason":{}{}}}"#,
        prints(&pending.firing),
        prints(&pending.resolved),
        prints(&pending.hidden),
        instant(pending.tick),
        quoted(pending.reason.as_str()),
        kept(&pending.receiver_data),
    )
}

/// What an integration keeps, as a further field; nothing when it keeps nothing.
fn kept(data: &ReceiverData) -> String {
    if data.is_empty() {
        return String::new();
    }
    let texts: Vec<_> = data
        .iter()
        .map(|(name, text)| format!("{}:{}", quoted(name), quoted(text)))
        .collect();
    format!(r#","receiverData":{{{}}}"#, texts.join(","))
}

fn prints(fingerprints: &[Fingerprint]) -> String {
    let texts: Vec<_> = fingerprints.iter().map(|f| format!("\"{f}\"")).collect();
    format!("[{}]", texts.join(","))
}

#[derive(Deserialize)]
struct WireMessage<'a> {
    #[serde(default)]
    seq: u64,
    #[serde(borrow)]
    firing: Vec<Text<'a>>,
    #[serde(default, borrow)]
    resolved: Vec<Text<'a>>,
    #[serde(borrow)]
    hidden: Vec<Text<'a>>,
    #[serde(borrow)]
    tick: Text<'a>,
    #[serde(default, rename = "sentAt", borrow)]
    sent_at: Option<Text<'a>>,
    #[serde(borrow)]
    reason: Text<'a>,
    #[serde(default, rename = "receiverData")]
    receiver_data: BTreeMap<String, String>,
}

fn read(text: &str) -> Read<WireMessage<'_>> {
    serde_json::from_str(text).map_err(|error| unreadable(&format!("a message: {error}")))
}

fn read_message(text: &str) -> Read<ToldMessage> {
    let wire = read(text)?;
    let sent_at = wire.sent_at.ok_or_else(|| unreadable("when it was sent"))?;
    Ok(ToldMessage {
        firing: read_prints(&wire.firing)?,
        hidden: read_prints(&wire.hidden)?,
        tick: read_instant(&wire.tick.0)?,
        sent_at: read_instant(&sent_at.0)?,
        reason: read_reason(&wire.reason.0)?,
        receiver_data: read_kept(wire.receiver_data)?,
    })
}

fn read_pending(text: &str) -> Read<Pending> {
    let wire = read(text)?;
    Ok(Pending {
        seq: wire.seq,
        firing: read_prints(&wire.firing)?,
        resolved: read_prints(&wire.resolved)?,
        hidden: read_prints(&wire.hidden)?,
        tick: read_instant(&wire.tick.0)?,
        reason: read_reason(&wire.reason.0)?,
        receiver_data: read_kept(wire.receiver_data)?,
    })
}

fn read_prints(texts: &[Text<'_>]) -> Read<Vec<Fingerprint>> {
    let parsed = texts.iter().map(|text| text.0.parse());
    parsed
        .collect::<Result<_, _>>()
        .map_err(|_| unreadable("a fingerprint"))
}

fn read_kept(texts: BTreeMap<String, String>) -> Read<ReceiverData> {
    ReceiverData::new(texts).ok_or_else(|| unreadable("receiver data as short as it has to be"))
}

fn read_reason(text: &str) -> Read<Reason> {
    let found = Reason::ALL
        .into_iter()
        .find(|reason| reason.as_str() == text);
    found.ok_or_else(|| unreadable("a reason"))
}
