//! Alerts as text: a head of times, which the scripts read too, then what the alert is about.

use std::sync::Arc;

use domain::alert::Alert;
use domain::annotations::Annotations;
use domain::group::severity::Severity;
use domain::label::Interner;
use serde::Deserialize;

use super::{Pairs, Text, instant, put_object, put_quoted, read_instant, read_stated};
use crate::coordinator::reply::{Read, unreadable};

/// What most alerts fit into.
const TEXT_LEN: usize = 1024;

/// An alert as its group's hash and the feed hold it; `read_alert` of the scripts reads it too.
pub(in crate::coordinator) fn alert_text(alert: &Alert) -> String {
    let mut text = String::with_capacity(TEXT_LEN);
    let head = [
        r#"{"at":[""#,
        &instant(alert.starts_at),
        r#"",""#,
        &instant(alert.ends_at),
        r#"",""#,
        &instant(alert.updated_at),
        r#""],"rank":"#,
        rank(Severity::of(&alert.labels)),
        r#","timeout":"#,
        if alert.is_timeout { "true" } else { "false" },
        r#","startsAt":""#,
        &alert.starts_at.rfc3339_nano(),
        r#"","endsAt":""#,
        &alert.ends_at.rfc3339_nano(),
        r#"","#,
    ];
    head.into_iter().for_each(|piece| text.push_str(piece));
    put_content(alert, &mut |piece| text.push_str(piece));
    text
}

fn rank(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "0",
        Severity::Warning => "1",
        Severity::Error => "2",
        Severity::Critical => "3",
    }
}

/// What an alert is about, to the end of its text.
fn put_content(alert: &Alert, put: &mut impl FnMut(&str)) {
    put(r#""generatorURL":"#);
    put_quoted(&alert.generator_url, put);
    put(r#","labels":"#);
    put_object(alert.labels.pairs(), put);
    put(r#","annotations":"#);
    put_object(alert.annotations.pairs(), put);
    put("}");
}

#[derive(Deserialize)]
struct WireAlert<'a> {
    #[serde(borrow)]
    at: [Text<'a>; 3],
    timeout: bool,
    #[serde(rename = "startsAt", borrow)]
    starts_at: Text<'a>,
    #[serde(rename = "endsAt", borrow)]
    ends_at: Text<'a>,
    #[serde(rename = "generatorURL", borrow)]
    generator_url: Text<'a>,
    #[serde(borrow)]
    labels: Pairs<'a>,
    #[serde(borrow)]
    annotations: Pairs<'a>,
}

/// Reads what [`alert_text`] wrote, or a script after it.
pub(in crate::coordinator) fn read_alert(text: &str, interner: &Interner) -> Read<Arc<Alert>> {
    let wire: WireAlert<'_> =
        serde_json::from_str(text).map_err(|error| unreadable(&format!("an alert: {error}")))?;
    let [starts, ends, updated] = &wire.at;
    let labels = interner.labels(wire.labels.iter());
    Ok(Arc::new(Alert {
        fingerprint: labels.fingerprint(),
        labels,
        annotations: Annotations::from_pairs(wire.annotations.iter()),
        generator_url: interner.text(&wire.generator_url.0),
        starts_at: read_stated(&starts.0, &wire.starts_at.0)?,
        ends_at: read_stated(&ends.0, &wire.ends_at.0)?,
        updated_at: read_instant(&updated.0)?,
        is_timeout: wire.timeout,
    }))
}

/// Reads the text of an alert that is known: if at most its times are others, they are all that is read. `None`: it is
/// about something else, or is written in another way.
pub(in crate::coordinator) fn read_again(text: &str, known: &Arc<Alert>) -> Option<Arc<Alert>> {
    let (starts, rest) = cut(text.strip_prefix(r#"{"at":[""#)?, r#"",""#)?;
    let (ends, rest) = cut(rest, r#"",""#)?;
    let (updated, rest) = cut(rest, r#""],"rank":"#)?;
    let (_, rest) = cut(rest, r#","timeout":"#)?;
    let (timeout, rest) = cut(rest, r#","startsAt":""#)?;
    let (starts_text, rest) = cut(rest, r#"","endsAt":""#)?;
    let (ends_text, rest) = cut(rest, r#"","#)?;
    if !is_content(rest, known) {
        return None;
    }
    let again = Alert {
        starts_at: read_stated(starts, starts_text).ok()?,
        ends_at: read_stated(ends, ends_text).ok()?,
        updated_at: read_instant(updated).ok()?,
        is_timeout: timeout == "true",
        ..Alert::clone(known)
    };
    let has_same_times = again.starts_at == known.starts_at
        && again.starts_at.offset_minutes() == known.starts_at.offset_minutes()
        && again.ends_at == known.ends_at
        && again.ends_at.offset_minutes() == known.ends_at.offset_minutes()
        && again.updated_at == known.updated_at
        && again.is_timeout == known.is_timeout;
    Some(match has_same_times {
        true => Arc::clone(known),
        false => Arc::new(again),
    })
}

/// What lies before a mark and behind it.
fn cut<'a>(text: &'a str, mark: &str) -> Option<(&'a str, &'a str)> {
    text.split_once(mark)
}

/// Whether a text says what the alert is about, as we write it.
fn is_content(text: &str, alert: &Alert) -> bool {
    let mut rest = Some(text);
    put_content(alert, &mut |piece| {
        rest = rest.and_then(|rest| rest.strip_prefix(piece));
    });
    rest == Some("")
}
