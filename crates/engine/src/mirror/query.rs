//! Answering readers: which alerts, in which order, with what hiding them.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::alert::Alert;
use domain::fingerprint::Fingerprint;
use domain::group::GroupIdentity;
use domain::label::Labels;
use domain::matcher::{Matcher, all_match};
use domain::time::Timestamp;

use super::hushed::Hushed;
use super::{Entry, GroupEntry, GroupSlots, Mirror, Slot};
use crate::judge::{judge_time, sort_by_job_and_instance};
use crate::read::{AlertPage, AlertQuery, AlertView, FoundGroup, GroupView};
use crate::settings::{Receiver, Settings};

/// One reading: what it asks, and the instant it is answered for.
struct Reading<'a> {
    settings: &'a Settings,
    query: &'a AlertQuery,
    hushed: Hushed<'a>,
    now: Timestamp,
}

impl Mirror {
    /// See [`crate::Tenant::alerts`].
    pub(crate) fn alerts(
        &self,
        settings: &Settings,
        query: &AlertQuery,
        now: Timestamp,
    ) -> AlertPage {
        let limit = query.limit.unwrap_or(usize::MAX);
        let chosen = self.most_selective(&query.matchers);
        // What the index has answered need not be asked again of every alert.
        let is_rest = |(at, _): &(usize, &Matcher)| chosen.is_none_or(|(chosen, _)| *at != chosen);
        let rest = query
            .matchers
            .iter()
            .enumerate()
            .filter(is_rest)
            .map(|(_, m)| m.clone());
        let rest: Vec<Matcher> = rest.collect();
        let mut page = AlertPage {
            alerts: Vec::new(),
            next: None,
        };
        let after = query.after.map_or(0, |f| f.0.saturating_add(1));
        if query.after == Some(Fingerprint(u64::MAX)) {
            return page;
        }
        let slots: Box<dyn Iterator<Item = Slot> + '_> = match chosen {
            Some((_, slots)) => Box::new(slots.iter().copied()),
            None => Box::new(self.by_fingerprint.values().copied()),
        };
        let mut hits: Vec<_> = slots
            .filter_map(|slot| self.at(slot))
            .map(|entry| (entry.alert.fingerprint, entry))
            .filter(|(fingerprint, _)| fingerprint.0 >= after)
            .collect();
        hits.sort_unstable_by_key(|(fingerprint, _)| *fingerprint);
        let reading = Reading {
            settings,
            query,
            hushed: Hushed::new(self, hits.len().min(limit), now),
            now,
        };
        for (_, entry) in hits {
            let Some(view) = self.wanted(&reading, &rest, entry) else {
                continue;
            };
            if page.alerts.len() == limit {
                page.next = page.alerts.last().map(|last| last.alert.fingerprint);
                break;
            }
            page.alerts.push(view);
        }
        page
    }

    /// See [`crate::Tenant::alert`].
    pub(crate) fn alert_view(
        &self,
        settings: &Settings,
        fingerprint: Fingerprint,
        now: Timestamp,
    ) -> Option<(AlertView, bool)> {
        let entry = self.entry(fingerprint)?;
        let reading = Reading {
            settings,
            query: &AlertQuery::default(),
            hushed: Hushed::new(self, 1, now),
            now,
        };
        let view = self.view(&reading, entry, self.receivers(settings, entry));
        let is_resolved = entry.alert.is_resolved(now, self.grace);
        Some((view, is_resolved))
    }

    /// See [`crate::Tenant::groups`].
    pub(crate) fn groups(
        &self,
        settings: &Settings,
        query: &AlertQuery,
        now: Timestamp,
    ) -> Vec<FoundGroup> {
        let mut groups: Vec<&GroupEntry> = self
            .groups
            .iter()
            .flatten()
            .filter(|group| {
                let receiver = settings.receiver(&group.identity.receiver.name);
                receiver.is_some_and(|r| is_wanted_receiver(query, r))
            })
            .collect();
        groups.sort_by(|a, b| {
            let (a, b) = (&a.identity, &b.identity);
            let by_labels = a.labels.cmp_as_set(&b.labels);
            by_labels
                .then_with(|| a.receiver.name.cmp(&b.receiver.name))
                .then(a.route.cmp(&b.route))
        });
        let reading = Reading {
            settings,
            query,
            hushed: Hushed::new(self, self.len(), now),
            now,
        };
        let mut shared = Shared::default();
        let mut views = Vec::with_capacity(groups.len());
        for group in groups {
            let time = judge_time(settings, &group.identity, now);
            let muted_by = time.muted_by();
            if !query.muted && !muted_by.is_empty() {
                continue;
            }
            let mut alerts = self.members(&reading, group, muted_by);
            if alerts.is_empty() {
                continue;
            }
            if views.len() == query.limit.unwrap_or(usize::MAX) {
                break;
            }
            let receiver = Arc::clone(&group.identity.receiver.name);
            alerts
                .iter_mut()
                .for_each(|view| shared.note(view, &receiver));
            let known = settings.literal_route_labels(group.identity.route);
            let members = match &known {
                Some(_) => Vec::new(),
                // Templates see all of a group, whatever the reader asks for.
                None => self.members_listed(group, now),
            };
            views.push(FoundGroup {
                identity: Arc::clone(&group.identity),
                members,
                view: GroupView {
                    labels: group.identity.labels.clone(),
                    receiver,
                    route_labels: known.unwrap_or_else(Labels::empty),
                    alerts,
                },
            });
        }
        shared.fill(&mut views);
        views
    }

    /// A group by its key's text, with its alerts that are not over.
    pub(crate) fn group_of_key(
        &self,
        text: &str,
        now: Timestamp,
    ) -> Option<(Arc<GroupIdentity>, Vec<Arc<Alert>>)> {
        let mut groups = self.groups.iter().flatten();
        let group = groups.find(|group| group.identity.text == text)?;
        Some((Arc::clone(&group.identity), self.members_listed(group, now)))
    }

    /// A group's alerts that are not over.
    fn members_listed(&self, group: &GroupEntry, now: Timestamp) -> Vec<Arc<Alert>> {
        let members = group.members.iter().filter_map(|slot| self.at(*slot));
        let alerts = members.map(|entry| Arc::clone(&entry.alert));
        let alerts = alerts.filter(|alert| self.is_listed(alert, &[], now));
        sort_by_job_and_instance(alerts.collect(), |alert| alert)
    }

    fn members(
        &self,
        reading: &Reading<'_>,
        group: &GroupEntry,
        muted_by: &[Arc<str>],
    ) -> Vec<AlertView> {
        let Reading {
            settings,
            query,
            now,
            ..
        } = *reading;
        let alone = settings
            .receiver(&group.identity.receiver.name)
            .map(|r| Arc::clone(&r.alone));
        let alerts: Vec<AlertView> = group
            .members
            .iter()
            .filter_map(|slot| self.at(*slot))
            .filter(|entry| self.is_listed(&entry.alert, &query.matchers, now))
            .filter_map(|entry| {
                let mut view = self.view(reading, entry, alone.clone().unwrap_or_default());
                view.muted_by = muted_by.to_vec();
                is_wanted_state(query, &view).then_some(view)
            })
            .collect();
        sort_by_job_and_instance(alerts, |view| &view.alert)
    }

    fn wanted(
        &self,
        reading: &Reading<'_>,
        matchers: &[Matcher],
        entry: &Entry,
    ) -> Option<AlertView> {
        let Reading {
            settings,
            query,
            now,
            ..
        } = *reading;
        if !self.is_listed(&entry.alert, matchers, now) {
            return None;
        }
        let receivers = self.receivers(settings, entry);
        let by_receiver = query.receiver.is_some() || !query.receiver_matchers.is_empty();
        if by_receiver {
            let mut known = receivers.iter().filter_map(|name| settings.receiver(name));
            if !known.any(|receiver| is_wanted_receiver(query, receiver)) {
                return None;
            }
        }
        let view = self.view(reading, entry, receivers);
        is_wanted_state(query, &view).then_some(view)
    }

    fn is_listed(&self, alert: &Alert, matchers: &[Matcher], now: Timestamp) -> bool {
        !alert.is_resolved(now, self.grace) && all_match(matchers, &alert.labels)
    }

    fn view(&self, reading: &Reading<'_>, entry: &Entry, receivers: Arc<[Arc<str>]>) -> AlertView {
        let labels = &entry.alert.labels;
        AlertView {
            alert: Arc::clone(&entry.alert),
            receivers,
            silenced_by: reading.hushed.by(&entry.alert),
            inhibited_by: self.inhibited_by(labels, reading.now).into_iter().collect(),
            muted_by: Vec::new(),
        }
    }

    fn receivers(&self, settings: &Settings, entry: &Entry) -> Arc<[Arc<str>]> {
        let mut names = entry
            .groups
            .as_slice()
            .iter()
            .filter_map(|slot| self.group(*slot));
        if let GroupSlots::One(_) = entry.groups
            && let Some(receiver) = names
                .next()
                .and_then(|g| settings.receiver(&g.identity.receiver.name))
        {
            return Arc::clone(&receiver.alone);
        }
        let names = entry
            .groups
            .as_slice()
            .iter()
            .filter_map(|slot| self.group(*slot));
        names
            .map(|g| Arc::clone(&g.identity.receiver.name))
            .collect()
    }

    /// The shortest list of alerts that some equality matcher leaves, with that matcher's place; `None` when there is none.
    pub(super) fn most_selective(&self, matchers: &[Matcher]) -> Option<(usize, &[Slot])> {
        let exact = matchers
            .iter()
            .enumerate()
            .filter_map(|(at, m)| Some((at, m.as_pair()?)));
        exact
            .map(|(at, (name, value))| (at, self.postings.with(name, value)))
            .min_by_key(|(_, slots)| slots.len())
    }
}

/// Receivers of alerts that came up in several groups: each alert names all groups it was returned in, sorted.
#[derive(Default)]
struct Shared {
    seen: BTreeMap<Fingerprint, Arc<str>>,
    several: BTreeMap<Fingerprint, Vec<Arc<str>>>,
}

impl Shared {
    fn note(&mut self, view: &AlertView, receiver: &Arc<str>) {
        let fingerprint = view.alert.fingerprint;
        if let Some(names) = self.several.get_mut(&fingerprint) {
            names.push(Arc::clone(receiver));
        } else if let Some(first) = self.seen.insert(fingerprint, Arc::clone(receiver)) {
            self.several
                .insert(fingerprint, vec![first, Arc::clone(receiver)]);
        }
    }

    fn fill(self, groups: &mut [FoundGroup]) {
        if self.several.is_empty() {
            return;
        }
        let lists: BTreeMap<Fingerprint, Arc<[Arc<str>]>> = self
            .several
            .into_iter()
            .map(|(fingerprint, mut names)| {
                names.sort();
                (fingerprint, names.into())
            })
            .collect();
        for view in groups.iter_mut().flat_map(|group| &mut group.view.alerts) {
            if let Some(names) = lists.get(&view.alert.fingerprint) {
                view.receivers = Arc::clone(names);
            }
        }
    }
}

fn is_wanted_receiver(query: &AlertQuery, receiver: &Receiver) -> bool {
    let by_name = query
        .receiver
        .as_ref()
        .is_none_or(|matcher| matcher.matches(&receiver.spec.name));
    by_name && all_match(&query.receiver_matchers, &receiver.labels)
}

fn is_wanted_state(query: &AlertQuery, view: &AlertView) -> bool {
    (query.active || view.is_suppressed())
        && (query.silenced || view.silenced_by.is_empty())
        && (query.inhibited || view.inhibited_by.is_empty())
}
