//! Who is there.

use std::collections::BTreeMap;

use domain::time::Timestamp;

use super::server::{Request, Server};
use crate::coordinator::{InstanceReport, ShardDepth};

/// Reports of instances, and until when they count.
pub(super) type Presence = BTreeMap<String, (InstanceReport, Timestamp)>;

impl Server {
    pub(super) fn announce(&mut self, request: &Request, report: InstanceReport) {
        let until = request.now + self.timing.instance_expiry;
        let presence = &mut self.data.presence;
        presence.insert(report.id.clone(), (report, until));
    }

    pub(super) fn retire(&mut self, id: &str) {
        self.data.presence.remove(id);
        for shard in &mut self.data.shards {
            shard.seen.remove(id);
            shard.nonces.remove(id);
            shard.newest.remove(id);
        }
    }

    pub(super) fn instances(&mut self, request: &Request) -> Vec<InstanceReport> {
        let presence = &mut self.data.presence;
        presence.retain(|_, (_, until)| request.now < *until);
        presence
            .values()
            .map(|(report, _)| report.clone())
            .collect()
    }

    pub(super) fn depths(&self) -> Vec<ShardDepth> {
        let shards = self.data.shards.iter();
        let depth = |shard: &super::server::Shard| ShardDepth {
            due: u64::try_from(shard.due.len()).unwrap_or(u64::MAX),
            in_flight: u64::try_from(shard.in_flight.len()).unwrap_or(u64::MAX),
            last_event: shard.ring.last(),
        };
        shards.map(depth).collect()
    }
}
