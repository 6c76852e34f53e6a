//! Alerts and groups as readers see them.

use std::sync::Arc;

use engine::read::{AlertView, GroupView};

use super::write::{push_fingerprint, push_labels, push_list, push_pairs, push_string, push_time};
use crate::answer::Pieces;

/// Appends an alert.
pub fn push_alert(out: &mut Vec<u8>, view: &AlertView) {
    let alert = &*view.alert;
    out.extend_from_slice(b"{\"annotations\":");
    push_pairs(out, alert.annotations.pairs());
    out.extend_from_slice(b",\"endsAt\":");
    push_time(out, alert.ends_at);
    out.extend_from_slice(b",\"fingerprint\":");
    push_fingerprint(out, alert.fingerprint);
    out.extend_from_slice(b",\"receivers\":");
    push_list(out, view.receivers.iter(), push_name);
    out.extend_from_slice(b",\"startsAt\":");
    push_time(out, alert.starts_at);
    out.extend_from_slice(b",\"status\":");
    push_status(out, view);
    out.extend_from_slice(b",\"updatedAt\":");
    push_time(out, alert.updated_at);
    if !alert.generator_url.is_empty() {
        out.extend_from_slice(b",\"generatorURL\":");
        push_string(out, &alert.generator_url);
    }
    out.extend_from_slice(b",\"labels\":");
    push_labels(out, &alert.labels);
    out.push(b'}');
}

fn push_name(out: &mut Vec<u8>, name: &Arc<str>) {
    out.extend_from_slice(b"{\"name\":");
    push_string(out, name);
    out.push(b'}');
}

fn push_status(out: &mut Vec<u8>, view: &AlertView) {
    if !view.is_suppressed() {
        out.extend_from_slice(
            b"{\"inhibitedBy\":[],\"mutedBy\":[],\"silencedBy\":[],\"state\":\"active\"}",
        );
        return;
    }
    out.extend_from_slice(b"{\"inhibitedBy\":");
    push_list(out, &view.inhibited_by, |out, fingerprint| {
        push_fingerprint(out, *fingerprint)
    });
    out.extend_from_slice(b",\"mutedBy\":");
    push_list(out, &view.muted_by, |out, name| push_string(out, name));
    out.extend_from_slice(b",\"silencedBy\":");
    push_list(out, &view.silenced_by, |out, id| push_string(out, id));
    out.extend_from_slice(b",\"state\":\"suppressed\"}");
}

/// A list of groups, one piece per alert, so that a group of any size is cut into chunks.
pub struct Groups {
    rest: std::vec::IntoIter<GroupView>,
    /// The group being written and how many of its alerts are out.
    current: Option<(GroupView, usize)>,
    has_begun: bool,
}

impl Groups {
    /// Writes these groups in this order.
    pub fn new(groups: Vec<GroupView>) -> Self {
        Self {
            rest: groups.into_iter(),
            current: None,
            has_begun: false,
        }
    }
}

impl Pieces for Groups {
    fn next(&mut self, out: &mut Vec<u8>) -> bool {
        if let Some((group, written)) = &mut self.current {
            match group.alerts.get(*written) {
                Some(alert) => {
                    if *written > 0 {
                        out.push(b',');
                    }
                    push_alert(out, alert);
                    *written += 1;
                }
                None => {
                    push_end(out, group);
                    self.current = None;
                }
            }
            return true;
        }
        let opening = if std::mem::replace(&mut self.has_begun, true) {
            b','
        } else {
            b'['
        };
        match self.rest.next() {
            Some(group) => {
                out.push(opening);
                out.extend_from_slice(b"{\"alerts\":[");
                self.current = Some((group, 0));
                true
            }
            None => {
                let end: &[u8] = if opening == b'[' { b"[]\n" } else { b"]\n" };
                out.extend_from_slice(end);
                false
            }
        }
    }
}

fn push_end(out: &mut Vec<u8>, group: &GroupView) {
    out.extend_from_slice(b"],\"labels\":");
    push_labels(out, &group.labels);
    out.extend_from_slice(b",\"receiver\":");
    push_name(out, &group.receiver);
    // Newer than the version we stand for, so it is shown only when there are any.
    if !group.route_labels.is_empty() {
        out.extend_from_slice(b",\"routeLabels\":");
        push_labels(out, &group.route_labels);
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests;
