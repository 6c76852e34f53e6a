//! The port, request by request.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::fingerprint::Fingerprint;
use domain::group::farewell::Farewell;
use domain::group::numbers::Numbers;
use domain::group::told::{Pending, Told, ToldMessage};
use domain::id::{IntegrationId, TenantId};
use domain::limits;
use domain::silence::Silence;
use domain::time::Timestamp;

use super::ModelClient;
use super::server::shared;
use crate::coordinator::records::OLDEST;
use crate::coordinator::{
    Claimed, Coordinator, CoordinatorError, Epoch, EventId, Evictions, Feed, GroupName, HoldFor,
    InstanceReport, KnownAlerts, Merge, Merged, Offer, Offered, Past, PollAnswer, PollAsk,
    RecordVersions, ShardDepth, ShardPoll, SharedGroup, SharedSilences,
};
use crate::{Held, SilencePut};

/// The same failure for every part of a request.
fn each<T>(
    answer: Result<Vec<Result<T, CoordinatorError>>, CoordinatorError>,
    count: usize,
) -> Vec<Result<T, CoordinatorError>> {
    answer.unwrap_or_else(|error| (0..count).map(|_| Err(error.clone())).collect())
}

#[async_trait]
impl Coordinator for ModelClient {
    fn name(&self) -> &'static str {
        "Model"
    }

    async fn ingest(
        &self,
        offers: Vec<Offer>,
        now: Timestamp,
    ) -> Vec<Result<Offered, CoordinatorError>> {
        let count = offers.len();
        let answer = self.request("ingest", move |server, request| {
            server.ingest(request, &offers, now)
        });
        each(answer.await, count)
    }

    async fn poll(&self, ask: PollAsk) -> PollAnswer {
        let answer = self.request("poll", move |server, request| {
            let shards = server.poll(request, &ask);
            (shards, server.silence_versions(&ask.tenants))
        });
        match answer.await {
            Ok((shards, versions)) => {
                for (index, shard) in shards.iter().enumerate() {
                    if let Ok(ShardPoll::Well(well)) = shard {
                        self.records.note(index, well.records);
                    }
                }
                PollAnswer {
                    shards,
                    silences: Ok(versions),
                }
            }
            Err(error) => PollAnswer {
                shards: each(Err(error.clone()), limits::SHARDS),
                silences: Err(error),
            },
        }
    }

    async fn seize(&self, group: &GroupName) -> Result<Option<Held<Claimed>>, CoordinatorError> {
        let name = group.clone();
        self.request("seize", move |server, request| server.seize(request, &name))
            .await?
    }

    async fn begin(
        &self,
        group: &GroupName,
        fence: u64,
        integration: &IntegrationId,
        message: &Pending,
        numbers: Numbers,
    ) -> Result<Held<Told>, CoordinatorError> {
        let (name, integration, message) = (group.clone(), integration.clone(), message.clone());
        self.request_on(group.shard(), "begin", move |server, request| {
            server.begin(request, (&name, fence), &integration, &message, numbers)
        })
        .await
    }

    async fn commit(
        &self,
        group: &GroupName,
        integration: &IntegrationId,
        message: &Pending,
        sent_at: Timestamp,
    ) -> Result<Told, CoordinatorError> {
        let (name, integration, message) = (group.clone(), integration.clone(), message.clone());
        self.request_on(group.shard(), "commit", move |server, request| {
            server.commit(request, &name, &integration, &message, sent_at)
        })
        .await
    }

    async fn refuse(
        &self,
        group: &GroupName,
        integration: &IntegrationId,
        seq: u64,
    ) -> Result<Told, CoordinatorError> {
        let (name, integration) = (group.clone(), integration.clone());
        self.request_on(group.shard(), "refuse", move |server, request| {
            server.refuse(request, &name, &integration, seq)
        })
        .await
    }

    async fn settle(
        &self,
        group: &GroupName,
        fence: u64,
        integration: &IntegrationId,
        seen: &Told,
        message: &ToldMessage,
    ) -> Result<Held<Told>, CoordinatorError> {
        let (name, integration) = (group.clone(), integration.clone());
        let (seen, message) = (seen.clone(), message.clone());
        self.request_on(group.shard(), "settle", move |server, request| {
            server.settle(request, (&name, fence), &integration, &seen, &message)
        })
        .await
    }

    async fn renew(
        &self,
        group: &GroupName,
        fence: u64,
    ) -> Result<Held<EventId>, CoordinatorError> {
        let name = group.clone();
        self.request_on(group.shard(), "renew", move |server, request| {
            server.renew(request, &name, fence)
        })
        .await
    }

    async fn unclaim(
        &self,
        group: &GroupName,
        fence: u64,
        delay: Duration,
    ) -> Result<(), CoordinatorError> {
        let name = group.clone();
        self.request_on(group.shard(), "unclaim", move |server, request| {
            server.unclaim(request, &name, fence, delay);
        })
        .await
    }

    async fn finish(
        &self,
        group: &GroupName,
        fence: u64,
        farewell: &Farewell,
    ) -> Result<Held<Option<Timestamp>>, CoordinatorError> {
        let (name, farewell) = (group.clone(), farewell.clone());
        self.request_on(group.shard(), "finish", move |server, request| {
            server.finish(request, &name, fence, &farewell)
        })
        .await
    }

    async fn merge(&self, merges: Vec<Merge>) -> Vec<Result<Merged, CoordinatorError>> {
        let count = merges.len();
        let answer = self.request("merge", move |server, request| {
            server.merge(request, &merges)
        });
        each(answer.await, count)
    }

    async fn shard(&self, shard: usize) -> Result<(EventId, Vec<SharedGroup>), CoordinatorError> {
        self.request("shard", move |server, request| {
            server.admit(request, shard)?;
            server.unless_evicted(shard)?;
            let shard = server.shard(shard);
            let groups = shard.groups.iter();
            let groups = groups.map(|(name, entry)| shared(name, &entry.group));
            Ok((shard.ring.last(), groups.collect()))
        })
        .await?
    }

    async fn group(&self, group: &GroupName) -> Result<Option<SharedGroup>, CoordinatorError> {
        let name = group.clone();
        self.request("group", move |server, request| {
            server.check_records(request, name.shard())?;
            server.unless_evicted(name.shard())?;
            Ok(server.group(&name).map(|group| shared(&name, group)))
        })
        .await?
    }

    async fn evictions(&self, _domain: usize) -> Result<Evictions, CoordinatorError> {
        // So that this meets weather only where it matters: a seed of the simulator keeps its course.
        if super::lock(&self.shared.server).evicted == 0 {
            return Ok(Evictions::default());
        }
        self.request("evictions", |server, _| server.evictions())
            .await
    }

    async fn departed(
        &self,
        group: &GroupName,
        since: Timestamp,
        alerts: &[Fingerprint],
    ) -> Result<Vec<Fingerprint>, CoordinatorError> {
        let (name, alerts) = (group.clone(), alerts.to_vec());
        self.request_on(name.shard(), "departed", move |server, request| {
            server.departed(request, &name, since, alerts)
        })
        .await
    }

    async fn left_since(
        &self,
        group: &GroupName,
        state: Timestamp,
        at: Timestamp,
    ) -> Result<Vec<(Fingerprint, Timestamp)>, CoordinatorError> {
        let name = group.clone();
        self.request_on(name.shard(), "left_since", move |server, request| {
            let shard = server.shard(name.shard());
            shard.left_since(&name, state, at, request.now)
        })
        .await
    }

    async fn start_over(
        &self,
        shard: usize,
        _known: &[GroupName],
    ) -> Result<bool, CoordinatorError> {
        self.request("start_over", move |server, request| {
            server.start_over(request, shard)
        })
        .await?
    }

    async fn open_epoch(
        &self,
        shard: usize,
        seen: Option<&Epoch>,
        hold: HoldFor,
        past: Past,
    ) -> Result<Epoch, CoordinatorError> {
        let seen = seen.cloned();
        let (writes, asked) = (self.records.to_write(shard), (hold, past));
        let opened = self.request("open_epoch", move |server, request| {
            server.open_epoch(request, shard, seen.as_ref(), asked, writes)
        });
        let (epoch, records) = opened.await??;
        self.records.note(shard, records);
        Ok(epoch)
    }

    async fn reseeded(&self, shard: usize, epoch: &Epoch) -> Result<(), CoordinatorError> {
        let epoch = epoch.clone();
        self.request_on(shard, "reseeded", move |server, _| {
            server.reseeded(shard, &epoch);
        })
        .await
    }

    async fn restart_grids(
        &self,
        tenant: &TenantId,
        config_hash: &str,
    ) -> Result<bool, CoordinatorError> {
        let (tenant, hash) = (tenant.clone(), config_hash.to_owned());
        self.request("restart_grids", move |server, request| {
            server.restart_grids(request, &tenant, &hash)
        })
        .await?
    }

    async fn changes(
        &self,
        after: &[EventId],
        _: &dyn KnownAlerts,
    ) -> Vec<Result<Feed, CoordinatorError>> {
        let (after, count) = (after.to_vec(), after.len());
        let answer = self.request("changes", move |server, request| {
            let feeds = after.iter().enumerate().map(|(index, seen)| {
                server.admit(request, index)?;
                let ring = &server.shard(index).ring;
                Ok(ring.after(*seen, &request.instance))
            });
            feeds.collect()
        });
        each(answer.await, count)
    }

    async fn feed(
        &self,
        shard: usize,
        after: EventId,
        _: &dyn KnownAlerts,
    ) -> Result<Feed, CoordinatorError> {
        self.request_on(shard, "feed", move |server, request| {
            server.shard(shard).ring.after(after, &request.instance)
        })
        .await
    }

    async fn changed(&self) {
        self.woken().await;
    }

    async fn silence_put(
        &self,
        tenant: &TenantId,
        silence: &Arc<Silence>,
        seen: Option<Timestamp>,
    ) -> Result<SilencePut, CoordinatorError> {
        let (tenant, silence) = (tenant.clone(), Arc::clone(silence));
        self.request("silence_put", move |server, request| {
            server.check_all_records(request)?;
            Ok(server.silence_put(request, &tenant, &silence, seen))
        })
        .await?
    }

    async fn silence_merge(
        &self,
        tenant: &TenantId,
        silences: &[Arc<Silence>],
    ) -> Result<u64, CoordinatorError> {
        let (tenant, silences) = (tenant.clone(), silences.to_vec());
        self.request("silence_merge", move |server, request| {
            server.check_all_records(request)?;
            Ok(server.silence_merge(request, &tenant, &silences))
        })
        .await?
    }

    async fn silence_forget(
        &self,
        tenant: &TenantId,
        ids: &[Arc<str>],
    ) -> Result<(), CoordinatorError> {
        let (tenant, ids) = (tenant.clone(), ids.to_vec());
        self.request("silence_forget", move |server, request| {
            server.check_all_records(request)?;
            server.silence_forget(&tenant, &ids);
            Ok(())
        })
        .await?
    }

    async fn silence_versions(&self, tenants: &[TenantId]) -> Result<Vec<u64>, CoordinatorError> {
        let tenants = tenants.to_vec();
        self.request("silence_versions", move |server, _| {
            server.silence_versions(&tenants)
        })
        .await
    }

    async fn silences(&self, tenant: &TenantId) -> Result<SharedSilences, CoordinatorError> {
        let tenant = tenant.clone();
        self.request("silences", move |server, _| server.silences_of(&tenant))
            .await
    }

    async fn preflight(&self) -> Result<Vec<String>, CoordinatorError> {
        // So that this meets weather only where it matters: a seed of the simulator keeps its course.
        let (mut written, patience) = {
            let server = super::lock(&self.shared.server);
            (server.tell_records(), server.timing.instance_expiry)
        };
        let is_first = written.iter().flatten().all(|written| *written == OLDEST);
        if !is_first || self.records.known() != RecordVersions::default() {
            let asked = self.request("preflight", |server, _| server.tell_records());
            written = asked.await?;
        }
        for (shard, written) in written.into_iter().enumerate() {
            match written {
                Some(written) => self.records.note(shard, written),
                None => self.records.note_empty(shard, patience),
            }
        }
        self.records.check("the model").map(|()| Vec::new())
    }

    async fn probe(&self, domain: usize) -> Result<Timestamp, CoordinatorError> {
        self.request_on(domain, "probe", |_, request| request.now)
            .await
    }

    async fn announce(&self, report: &InstanceReport) -> Result<(), CoordinatorError> {
        let report = report.clone();
        self.request("announce", move |server, request| {
            server.announce(request, report);
        })
        .await
    }

    async fn retire(&self, id: &str) -> Result<(), CoordinatorError> {
        let id = id.to_owned();
        self.request("retire", move |server, _| server.retire(&id))
            .await
    }

    async fn instances(&self) -> Result<Vec<InstanceReport>, CoordinatorError> {
        self.request("instances", |server, request| server.instances(request))
            .await
    }

    async fn depths(&self) -> Result<Vec<ShardDepth>, CoordinatorError> {
        self.request("depths", |server, _| server.depths()).await
    }

    async fn audit(&self, shard: usize, _: &[GroupName]) -> Result<usize, CoordinatorError> {
        self.request_on(shard, "audit", move |server, _| server.audit(shard))
            .await
    }
}
