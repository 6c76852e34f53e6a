//! Changes of a tenant as server-sent events: a name, an id, and JSON on one line.

use domain::fingerprint::Fingerprint;
use domain::group::told::Told;
use domain::id::{GroupKey, IntegrationId};
use domain::time::Timestamp;
use engine::events::{Event, GroupEvent, Position, Reset};
use engine::read::AlertView;
use engine::{Engine, Tenant};

use super::position;
use super::silence::push_silence;
use super::view::push_alert;
use super::write::{push_fingerprint, push_labels, push_list, push_string, push_time};

/// Alerts an event lists; beyond it only says how many there are.
const LISTED_MAX: usize = 200;

/// Appends where the stream stands, which clients remember without being told anything.
pub fn push_position(out: &mut Vec<u8>, position: &Position) {
    out.extend_from_slice(b"id: ");
    out.extend_from_slice(position::written(position).as_bytes());
    out.push(b'\n');
}

/// Appends that everything has to be read anew.
pub fn push_reset(out: &mut Vec<u8>, reset: Reset, position: &Position) {
    out.extend_from_slice(b"event: reset\n");
    push_position(out, position);
    out.extend_from_slice(b"data: {\"reason\":");
    push_string(out, reset.as_str());
    out.extend_from_slice(b"}\n\n");
}

/// Appends a change.
pub fn push_event(
    out: &mut Vec<u8>,
    engine: &Engine,
    tenant: &Tenant,
    (position, event): &(Position, Event),
    now: Timestamp,
) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name(event).as_bytes());
    out.push(b'\n');
    push_position(out, position);
    out.extend_from_slice(b"data: ");
    match event {
        Event::Silence(silence) => push_silence(out, silence, now),
        Event::Group(event) => push_group_event(out, engine, tenant, event, now),
    }
    out.extend_from_slice(b"\n\n");
}

fn name(event: &Event) -> &'static str {
    match event {
        Event::Silence(_) => "silence",
        Event::Group(GroupEvent::Alert { .. }) => "alert",
        Event::Group(GroupEvent::Left { .. }) => "left",
        Event::Group(GroupEvent::Told { .. }) => "told",
        Event::Group(GroupEvent::Grid { .. }) => "group",
        Event::Group(GroupEvent::Gone { .. }) => "gone",
    }
}

fn push_group_event(
    out: &mut Vec<u8>,
    engine: &Engine,
    tenant: &Tenant,
    event: &GroupEvent,
    now: Timestamp,
) {
    match event {
        GroupEvent::Alert { group, alert } => {
            push_group(out, group.key);
            // As it is known by now: what came between is told next.
            let known = tenant.alert(alert.fingerprint, now);
            let (view, is_resolved) = known.unwrap_or_else(|| {
                let view = AlertView {
                    alert: alert.clone(),
                    receivers: Default::default(),
                    silenced_by: Vec::new(),
                    inhibited_by: Vec::new(),
                    muted_by: Vec::new(),
                };
                (view, alert.ends_at <= now)
            });
            push_flag(out, "isResolved", is_resolved);
            out.extend_from_slice(b",\"alert\":");
            push_alert(out, &view);
        }
        GroupEvent::Left { group, alerts } => {
            push_group(out, group.key);
            push_fingerprints(out, "alerts", alerts);
        }
        GroupEvent::Told {
            group,
            integration,
            told,
        } => push_told(out, group.key, integration, told),
        GroupEvent::Grid { group, grid } => {
            push_group(out, group.key);
            if let Some(identity) = engine.group_identity(&group.tenant, group.key) {
                out.extend_from_slice(b",\"groupKey\":");
                push_string(out, &identity.text);
                out.extend_from_slice(b",\"receiver\":");
                push_string(out, &identity.receiver.name);
                out.extend_from_slice(b",\"labels\":");
                push_labels(out, &identity.labels);
            }
            out.extend_from_slice(b",\"firstTick\":");
            push_time(out, grid.first().utc());
            out.extend_from_slice(b",\"nextTick\":");
            push_time(out, grid.next().utc());
        }
        GroupEvent::Gone { group } => push_group(out, group.key),
    }
    out.push(b'}');
}

/// Begins an object with the group's stored key.
fn push_group(out: &mut Vec<u8>, key: GroupKey) {
    out.extend_from_slice(format!("{{\"group\":\"{key}\"").as_bytes());
}

fn push_told(out: &mut Vec<u8>, key: GroupKey, integration: &IntegrationId, told: &Told) {
    push_group(out, key);
    out.extend_from_slice(b",\"integration\":");
    push_string(out, integration.as_str());
    push_flag(out, "isInFlight", told.pending.is_some());
    if let Some(pending) = &told.pending {
        out.extend_from_slice(b",\"reason\":");
        push_string(out, pending.reason.as_str());
        push_fingerprints(out, "firing", &pending.firing);
        push_fingerprints(out, "resolved", &pending.resolved);
    } else if let Some(last) = &told.last {
        out.extend_from_slice(b",\"at\":");
        push_time(out, last.sent_at.utc());
        out.extend_from_slice(b",\"reason\":");
        push_string(out, last.reason.as_str());
        push_fingerprints(out, "firing", &last.firing);
    }
}

fn push_flag(out: &mut Vec<u8>, name: &str, flag: bool) {
    out.extend_from_slice(format!(",\"{name}\":{flag}").as_bytes());
}

fn push_fingerprints(out: &mut Vec<u8>, name: &str, fingerprints: &[Fingerprint]) {
    let count = fingerprints.len();
    out.extend_from_slice(format!(",\"{name}Count\":{count}").as_bytes());
    if count <= LISTED_MAX {
        out.extend_from_slice(format!(",\"{name}\":").as_bytes());
        push_list(out, fingerprints, |out, f| push_fingerprint(out, *f));
    }
}
