//! `GET /alerts/groups`.

use std::cmp::Ordering;
use std::sync::Arc;

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::label::Labels;
use engine::read::GroupView;

use super::{Asked, Outcome, bad_cursor, filter, with_cursor};
use crate::answer::document;
use crate::wire::view::Groups;

/// Lists groups with their alerts, in the order of their labels and receivers.
pub(super) async fn get(asked: &Asked<'_>) -> Outcome {
    let parameters = asked.query();
    let mut query = filter::read(asked, &parameters)?;
    let after = match parameters.last("cursor") {
        Some(cursor) => Some(Cursor::read(&cursor).ok_or_else(bad_cursor)?),
        None => None,
    };
    // The page is cut here, where it is known which groups come before it.
    let limit = query.limit.take();
    let (tenant, now, can_gzip) = (Arc::clone(&asked.tenant), asked.api.now(), asked.can_gzip());
    super::alerts::aside(move || {
        let mut groups = tenant.groups(&query, now);
        if let Some(after) = &after {
            groups.retain(|group| after.is_before(group));
        }
        let next = limit.and_then(|limit| cut(&mut groups, limit));
        answer(groups, next, can_gzip)
    })
    .await
}

fn answer(groups: Vec<GroupView>, next: Option<String>, can_gzip: bool) -> Response {
    with_cursor(document(Groups::new(groups), can_gzip), next)
}

/// Keeps the first groups, and says where the next page begins if there is one.
fn cut(groups: &mut Vec<GroupView>, limit: usize) -> Option<String> {
    let last = groups.get(limit.checked_sub(1)?)?;
    let cursor = Cursor {
        labels: last.labels.clone(),
        receiver: last.receiver.to_string(),
    };
    // Groups of several routes may have the same labels and receiver; they stay on one page.
    let end = groups.partition_point(|group| !cursor.is_before(group));
    if end == groups.len() {
        return None;
    }
    groups.truncate(end);
    Some(cursor.write())
}

/// The last group of a page.
struct Cursor {
    labels: Labels,
    receiver: String,
}

impl Cursor {
    fn is_before(&self, group: &GroupView) -> bool {
        let order = self.labels.cmp_as_set(&group.labels);
        order.then_with(|| self.receiver.as_str().cmp(&group.receiver)) == Ordering::Less
    }

    fn write(&self) -> String {
        let pairs: Vec<(&str, &str)> = self.labels.pairs().collect();
        let json = serde_json::to_vec(&(pairs, &self.receiver)).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(json)
    }

    fn read(text: &str) -> Option<Self> {
        let json = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (pairs, receiver): (Vec<(String, String)>, String) =
            serde_json::from_slice(&json).ok()?;
        let labels = Labels::from_pairs(pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())));
        Some(Self { labels, receiver })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(value: &str, receiver: &str) -> GroupView {
        let labels = Labels::from_pairs([("a", value)]);
        GroupView {
            labels,
            receiver: receiver.into(),
            route_labels: Labels::empty(),
            alerts: Vec::new(),
        }
    }

    #[test]
    fn pages_join_without_gap_or_overlap() {
        let all = [
            group("1", "x"),
            group("1", "y"),
            group("2", "x"),
            group("2", "x"),
            group("3", "x"),
        ];
        let mut seen = Vec::new();
        let mut cursor: Option<Cursor> = None;
        for _ in 0..all.len() {
            let mut rest = all.to_vec();
            if let Some(cursor) = &cursor {
                rest.retain(|group| cursor.is_before(group));
            }
            let next = cut(&mut rest, 2);
            seen.extend(rest.into_iter().map(|g| (g.labels, g.receiver)));
            match next {
                Some(text) => cursor = Some(Cursor::read(&text).expect("what was written is read")),
                None => break,
            }
        }
        let expected: Vec<_> = all.into_iter().map(|g| (g.labels, g.receiver)).collect();
        assert_eq!(seen, expected);
    }
}
