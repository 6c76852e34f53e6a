//! Taking alerts in: check, merge, place in groups, record, and only then say "yes".
//!
//! If the process dies before the record is durable the sender has heard nothing and sends again; afterwards the record
//! brings the alert back (G7).

use std::borrow::Cow;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use domain::alert::Alert;
use domain::annotations::Annotations;
use domain::fingerprint::Fingerprint;
use domain::group::GroupIdentity;
use domain::group::inherited::label_hash;
use domain::label::Labels;
use domain::matcher::is_valid_label_name;
use domain::quote::quote;
use domain::time::Timestamp;
use hashbrown::HashMap;
use runtime::failpoint::{reach, reach_soon};
use state::{Ingested, OwedRecord, Placed};
use store::journal::Record;

use crate::mirror::Mirror;
use crate::settings::Settings;
use crate::{Engine, EngineError, Tenant};

/// An alert as posted; texts are borrowed from the request.
#[derive(Clone, Debug, Default)]
pub struct PostedAlert<'a> {
    /// Label pairs in any order; of equal names the last wins.
    pub labels: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Annotation pairs in any order.
    pub annotations: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Link to what raised it; empty when not stated.
    pub generator_url: Cow<'a, str>,
    /// `None` when not stated.
    pub starts_at: Option<Timestamp>,
    /// `None` when not stated.
    pub ends_at: Option<Timestamp>,
}

/// What became of a post.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IngestReport {
    /// Why some alerts were refused, in order; the others are stored.
    pub invalid: Vec<String>,
}

impl Engine {
    /// Takes in a post of alerts; durable when it answers. Invalid ones are reported and do not hold back the others.
    pub async fn ingest(
        &self,
        tenant: &Arc<Tenant>,
        posted: Vec<PostedAlert<'_>>,
    ) -> Result<IngestReport, EngineError> {
        let now = self.clock.now();
        let _placing = tenant.placing.read().await;
        let settings = tenant.settings();
        let mut report = IngestReport::default();
        let batch = self.place(tenant, &settings, posted, now, &mut report);
        self.metrics
            .alerts
            .invalid
            .inc_by(report.invalid.len() as u64);
        let (batch, marks): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        reach("C1").await;
        let ingested = self
            .state
            .ingest(tenant.id(), batch, now)
            .await
            .map_err(unavailable)?;
        reach("C2").await;
        let mut first_ticks = ingested.iter().flat_map(|i| &i.created);
        if first_ticks.any(|(_, first_tick)| self.is_before_next_poll(*first_tick)) {
            self.wake.notify_one();
        }
        {
            let mut mirror = tenant.mirror_mut();
            for (i, mark) in ingested.iter().zip(marks) {
                mirror.apply(Arc::clone(&i.alert), &mark.new_groups, mark.content_hash);
            }
        }
        self.record_ingested(tenant, &ingested).await?;
        self.events_of_ingest(tenant, &ingested);
        reach_soon("C3");
        if self.state.mode() == state::Mode::Degraded {
            reach_soon("C16");
        }
        Ok(report)
    }

    /// Makes what was taken in durable; refreshes that a recent record covers are skipped.
    async fn record_ingested(
        &self,
        tenant: &Arc<Tenant>,
        ingested: &[Ingested],
    ) -> Result<(), EngineError> {
        let fresh: Vec<_> = ingested
            .iter()
            .filter(|i| i.owed != OwedRecord::Nothing)
            .collect();
        self.metrics
            .dispatcher
            .coalesced
            .inc_by((ingested.len() - fresh.len()) as u64);
        if fresh.is_empty() {
            return Ok(());
        }
        let mut records = Vec::with_capacity(fresh.len());
        for one in &fresh {
            let (tenant, alert) = (tenant.id().clone(), Arc::clone(&one.alert));
            records.push(match one.owed {
                OwedRecord::End => Record::Refresh {
                    tenant: tenant.clone(),
                    fingerprint: alert.fingerprint,
                    ends_at: alert.ends_at,
                    updated_at: alert.updated_at,
                },
                _ => Record::Alert {
                    tenant: tenant.clone(),
                    alert,
                    is_own: true,
                },
            });
            let groups = one.created.iter().map(|(group, first_tick)| Record::Group {
                tenant: tenant.clone(),
                key: group.key,
                lineage: group.lineage(),
                first_tick: *first_tick,
            });
            records.extend(groups);
        }
        if let Err(error) = self.journal.append(records).await {
            // The sender repeats the alerts, but not the groups they made: those are restated.
            self.has_unrecorded.store(true, Ordering::Relaxed);
            return Err(unavailable(error));
        }
        let recorded: Vec<_> = fresh.iter().map(|one| Arc::clone(&one.alert)).collect();
        self.state.mark_recorded(tenant.id(), &recorded);
        Ok(())
    }

    /// Checks posted alerts and finds the groups each belongs to. What is known of an alert is reused, so that a refresh
    /// allocates almost nothing.
    fn place(
        &self,
        tenant: &Arc<Tenant>,
        settings: &Settings,
        posted: Vec<PostedAlert<'_>>,
        now: Timestamp,
        report: &mut IngestReport,
    ) -> Vec<(Placed, Mark)> {
        let mirror = tenant.mirror();
        let mut batch = Vec::with_capacity(posted.len());
        let mut firing_by_name = HashMap::new();
        let (mut firing, mut resolved) = (0, 0);
        for mut post in posted {
            let (starts_at, ends_at, is_timeout) = times(&post, now, settings);
            if ends_at > now {
                firing += 1
            } else {
                resolved += 1
            }
            normalize(&mut post.labels);
            sort_unique(&mut post.annotations);
            let fingerprint = Fingerprint::of_sorted(texts(&post.labels));
            let content_hash = self.content_hash(&post);
            let known = mirror.known(fingerprint);
            // The same content under the same fingerprint was checked when it first came.
            let is_refresh = known
                .as_ref()
                .is_some_and(|k| k.content_hash == content_hash);
            if let Err(text) = check(&post, is_refresh, starts_at, ends_at, settings) {
                report.invalid.push(text);
                continue;
            }
            let times = (starts_at, ends_at, is_timeout);
            match known.filter(|k| is_refresh || is_same(&k.alert.labels, &post.labels)) {
                Some(known) => {
                    let alert = refreshed(&known.alert, &post, is_refresh, times, now);
                    let mark = Mark {
                        new_groups: Vec::new(),
                        content_hash,
                    };
                    batch.push((tenant.placed(alert, known.groups, now), mark));
                }
                None if self.is_over_limit(&mirror, &post, &mut firing_by_name, now) => {}
                None => {
                    let alert = self.new_alert(&post, fingerprint, times, now);
                    let groups = self.groups_of(tenant, &mirror, settings, &alert.labels);
                    let mark = Mark {
                        new_groups: groups.clone(),
                        content_hash,
                    };
                    batch.push((tenant.placed(alert, groups, now), mark));
                }
            }
        }
        self.metrics.alerts.received_firing.inc_by(firing);
        self.metrics.alerts.received_resolved.inc_by(resolved);
        batch
    }

    /// A hash of everything a post says beside times, keyed per process so that nobody can aim at a collision.
    fn content_hash(&self, post: &PostedAlert<'_>) -> u64 {
        let mut hasher = self.content_hasher.build_hasher();
        for (name, value) in texts(&post.labels)
            .chain([("", "")])
            .chain(texts(&post.annotations))
        {
            hasher.write(name.as_bytes());
            hasher.write_usize(name.len());
            hasher.write(value.as_bytes());
            hasher.write_usize(value.len());
        }
        hasher.write(post.generator_url.as_bytes());
        hasher.finish()
    }

    fn new_alert(
        &self,
        post: &PostedAlert<'_>,
        fingerprint: Fingerprint,
        (starts_at, ends_at, is_timeout): (Timestamp, Timestamp, bool),
        now: Timestamp,
    ) -> Alert {
        Alert {
            labels: self.interner.labels(texts(&post.labels)),
            annotations: Annotations::from_pairs(texts(&post.annotations)),
            generator_url: self.interner.text(&post.generator_url),
            starts_at,
            ends_at,
            updated_at: now.utc(),
            fingerprint,
            is_timeout,
        }
    }

    /// The groups a new alert belongs to; groups that are here already are shared.
    pub(crate) fn groups_of(
        &self,
        tenant: &Tenant,
        mirror: &Mirror,
        settings: &Settings,
        labels: &Labels,
    ) -> Vec<Arc<GroupIdentity>> {
        let routes = settings.tree.matches(labels).into_iter();
        let routes = routes.filter_map(|index| Some((index, settings.tree.route(index)?)));
        routes
            .map(|(index, route)| {
                let group_labels = route.group_labels(labels, &self.interner);
                let here = mirror.group_identity(index, &group_labels);
                here.unwrap_or_else(|| {
                    settings.group_identity(tenant.id(), index, route, group_labels)
                })
            })
            .collect()
    }

    /// Whether an alert more would exceed the limit per alertname; ended alerts do not count, those before it in the same
    /// post do (`firing_by_name`).
    fn is_over_limit(
        &self,
        mirror: &Mirror,
        post: &PostedAlert<'_>,
        firing_by_name: &mut HashMap<String, usize>,
        now: Timestamp,
    ) -> bool {
        let limit = self.options.per_alertname_limit;
        if limit == 0 {
            return false;
        }
        let Some((_, name)) = post.labels.iter().find(|(name, _)| name == "alertname") else {
            return false;
        };
        let count = firing_by_name
            .entry_ref(&**name)
            .or_insert_with(|| mirror.count_firing("alertname", name, now));
        if *count >= limit {
            self.metrics.alerts.limited(name);
            return true;
        }
        *count += 1;
        false
    }
}

impl Tenant {
    /// An alert and its groups: it joins them although it is over where the Alertmanager before us said that it fires.
    fn placed(&self, alert: Alert, groups: Vec<Arc<GroupIdentity>>, now: Timestamp) -> Placed {
        let inheritance = self.inheritance();
        let is_owed = alert.ends_at <= now
            && !inheritance.is_empty()
            && inheritance.names(&groups, label_hash(alert.labels.pairs()), now);
        Placed {
            alert,
            groups,
            is_owed,
        }
    }
}

/// What the mirror has to know of a placed alert.
struct Mark {
    /// Its groups, if the mirror does not hold the alert yet.
    new_groups: Vec<Arc<GroupIdentity>>,
    content_hash: u64,
}

/// A post of an alert that is here already: what did not change is shared with what is known.
fn refreshed(
    known: &Alert,
    post: &PostedAlert<'_>,
    is_refresh: bool,
    (starts_at, ends_at, is_timeout): (Timestamp, Timestamp, bool),
    now: Timestamp,
) -> Alert {
    let annotations = if is_refresh || known.annotations.pairs().eq(texts(&post.annotations)) {
        known.annotations.clone()
    } else {
        Annotations::from_pairs(texts(&post.annotations))
    };
    let generator_url = if is_refresh || *known.generator_url == *post.generator_url {
        Arc::clone(&known.generator_url)
    } else {
        Arc::from(&*post.generator_url)
    };
    Alert {
        labels: known.labels.clone(),
        annotations,
        generator_url,
        starts_at,
        ends_at,
        updated_at: now.utc(),
        fingerprint: known.fingerprint,
        is_timeout,
    }
}

fn unavailable(error: impl std::fmt::Display) -> EngineError {
    EngineError::Unavailable(error.to_string())
}

fn texts<'a>(
    pairs: &'a [(Cow<'_, str>, Cow<'_, str>)],
) -> impl Iterator<Item = (&'a str, &'a str)> {
    pairs.iter().map(|(name, value)| (&**name, &**value))
}

/// Fills in times that were not stated (spec/alertmanager.md §4.2): start, end, and whether the end is a guess.
fn times(
    post: &PostedAlert<'_>,
    now: Timestamp,
    settings: &Settings,
) -> (Timestamp, Timestamp, bool) {
    let starts_at = post.starts_at.or(post.ends_at).unwrap_or_else(|| now.utc());
    match post.ends_at {
        Some(ends_at) => (starts_at, ends_at, false),
        None => (starts_at, now.utc() + settings.resolve_timeout, true),
    }
}

/// Drops labels with empty values and sorts the rest.
fn normalize(labels: &mut Vec<(Cow<'_, str>, Cow<'_, str>)>) {
    sort_unique(labels);
    labels.retain(|(_, value)| !value.is_empty());
}

fn sort_unique(pairs: &mut Vec<(Cow<'_, str>, Cow<'_, str>)>) {
    if pairs.is_sorted_by(|a, b| a.0 < b.0) {
        return;
    }
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    // Among equal names the last stated is kept: dedup keeps the first, so it looks from the end.
    pairs.reverse();
    pairs.dedup_by(|a, b| a.0 == b.0);
    pairs.reverse();
}

fn is_same(labels: &Labels, pairs: &[(Cow<'_, str>, Cow<'_, str>)]) -> bool {
    labels.len() == pairs.len() && labels.pairs().eq(texts(pairs))
}

/// Upstream's checks with upstream's texts.
fn check(
    post: &PostedAlert<'_>,
    is_refresh: bool,
    starts_at: Timestamp,
    ends_at: Timestamp,
    settings: &Settings,
) -> Result<(), String> {
    if ends_at < starts_at {
        return Err("start time must be before end time".to_owned());
    }
    if is_refresh {
        return Ok(());
    }
    if post.labels.is_empty() {
        return Err("at least one label pair required".to_owned());
    }
    let bad_name = |pairs: &[(Cow<'_, str>, Cow<'_, str>)]| {
        let mut names = pairs.iter().map(|(name, _)| name);
        names
            .find(|name| !is_valid_label_name(name, settings.matcher_mode))
            .map(|name| quote(name))
    };
    if let Some(name) = bad_name(&post.labels) {
        return Err(format!("invalid label set: invalid name {name}"));
    }
    if let Some(name) = bad_name(&post.annotations) {
        return Err(format!("invalid annotations: invalid name {name}"));
    }
    Ok(())
}
