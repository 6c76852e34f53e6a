//! What lies in Redis: names an operator counts by (M18), an expiry on everything (M20), no script that takes long.

use std::sync::Arc;
use std::time::Duration;

use domain::alert::Alert;
use domain::fingerprint::Fingerprint;
use domain::group::farewell::{Farewell, Leave};
use domain::group::numbers::Numbers;
use domain::group::told::{Pending, ReceiverData};
use domain::id::IntegrationId;
use domain::limits;
use domain::notification::Reason;
use domain::time::Timestamp;
use runtime::clock::{Clock, SystemClock};
use state::coordinator::{
    Claimed, Coordinator, CoordinatorError, Epoch, EventId, GroupName, HoldFor, InstanceReport,
    Merge, Offer, Offered, Outage, Past, PollAsk, ShardPoll, SharedGroup,
};
use state_redis::coordinator::RedisCoordinator;

use crate::actors::{alert, group};
use crate::world::Servers;

/// An instance that has opened every shard's epoch.
pub(crate) struct Instance {
    coordinator: RedisCoordinator,
    epochs: Vec<Option<Epoch>>,
    nonce: u64,
    /// By how much it takes the shard clocks to be ahead.
    pub(crate) ahead_ms: i64,
}

fn now() -> Timestamp {
    Timestamp::from_unix_ms(SystemClock.now().unix_ms())
}

impl Instance {
    pub(crate) async fn open(servers: &Servers) -> Self {
        let coordinator = servers.coordinator("one");
        let mut epochs = Vec::new();
        for shard in 0..limits::SHARDS {
            let epoch = coordinator
                .open_epoch(shard, None, HoldFor::Nothing, Past::Nothing)
                .await;
            epochs.push(Some(epoch.expect("opened")));
        }
        Self {
            coordinator,
            epochs,
            nonce: 0,
            ahead_ms: 0,
        }
    }

    pub(crate) async fn poll(&mut self) -> Vec<Claimed> {
        self.nonce += 1;
        let ask = PollAsk {
            nonce: self.nonce,
            limit: 100,
            epochs: self.epochs.clone(),
            seen: vec![EventId::default(); limits::SHARDS],
            tenants: vec![group(0).tenant.clone()],
            ahead_ms: vec![self.ahead_ms; limits::SHARDS],
        };
        let answer = self.coordinator.poll(ask).await;
        let mut claims = Vec::new();
        for shard in answer.shards {
            match shard.expect("reachable") {
                ShardPoll::Well(well) => claims.extend(well.claims),
                ShardPoll::Strange { epoch } => panic!("strange: {epoch:?}"),
            }
        }
        claims
    }

    pub(crate) async fn post(&self, index: usize, alerts: Vec<Alert>) {
        for answer in self.try_post(index, alerts).await {
            answer.expect("reachable");
        }
    }

    pub(crate) async fn try_post(
        &self,
        index: usize,
        alerts: Vec<Alert>,
    ) -> Vec<Result<Offered, CoordinatorError>> {
        let offers = alerts.into_iter().map(|alert| Offer {
            group: group(index),
            alert: Arc::new(alert),
            is_owed: false,
            is_again: false,
        });
        self.coordinator.ingest(offers.collect(), now()).await
    }

    pub(crate) async fn read(&self, name: &GroupName) -> SharedGroup {
        let group = self.coordinator.group(name).await;
        group.expect("reachable").expect("it is there")
    }

    /// Ends a flush; these leave, whatever their state.
    pub(crate) async fn see_off(&self, claim: &Claimed, fingerprints: &[Fingerprint]) {
        let leaves = fingerprints.iter().map(|fingerprint| Alert {
            fingerprint: *fingerprint,
            updated_at: now(),
            ..alert(0, 0)
        });
        self.finish(claim, &leaves.collect::<Vec<_>>()).await;
    }

    async fn tell(&self, claim: &Claimed) {
        let message = Pending {
            seq: 0,
            firing: vec![alert(0, 0).fingerprint],
            resolved: vec![],
            hidden: vec![],
            tick: claim.tick,
            reason: Reason::FirstNotification,
            receiver_data: ReceiverData::default(),
        };
        let webhook = IntegrationId::new("r", "webhook", 0);
        let begun = self.coordinator.begin(
            &claim.group,
            claim.fence,
            &webhook,
            &message,
            Numbers::shared(1),
        );
        let told = begun.await.expect("reachable").expect("held");
        let message = told.pending.expect("begun");
        let told = self
            .coordinator
            .commit(&claim.group, &webhook, &message, now());
        told.await.expect("reachable");
    }

    pub(crate) async fn finish(&self, claim: &Claimed, leaves: &[Alert]) {
        let leaves = leaves.iter().map(|alert| Leave {
            fingerprint: alert.fingerprint,
            updated_at: alert.updated_at,
        });
        let farewell = Farewell {
            leaves: leaves.collect(),
            ..Farewell::default()
        };
        let finished = self
            .coordinator
            .finish(&claim.group, claim.fence, &farewell);
        finished.await.expect("reachable").expect("held");
    }
}

/// An alert that began long ago, so that its group is due at once.
pub(crate) fn firing(index: usize, which: usize, lasts: Duration) -> Alert {
    Alert {
        starts_at: now() - Duration::from_secs(1000),
        ends_at: now() + lasts,
        updated_at: now(),
        ..alert(index, which)
    }
}

fn ended(firing: &Alert) -> Alert {
    Alert {
        ends_at: now(),
        updated_at: now(),
        ..firing.clone()
    }
}

pub(crate) fn count(servers: &Servers, pattern: &str) -> usize {
    let found = servers.ask(&["KEYS", &format!("test:{pattern}")]);
    found
        .split_whitespace()
        .filter(|k| k.contains("test:"))
        .count()
}

/// (M18) `KEYS` counts what its pattern says, at every step of a group's life; (M14) firing and ended members apart.
#[tokio::test]
async fn names_of_keys_count_what_they_say() {
    let Some(servers) = Servers::single("names of keys") else {
        return;
    };
    let mut one = Instance::open(&servers).await;
    let counts = || {
        [
            count(&servers, "alert:group:firing:*"),
            count(&servers, "alert:group:recovery:*"),
            count(&servers, "lock:*"),
        ]
    };
    let hour = Duration::from_secs(3600);
    let (a, b, c) = (firing(0, 0, hour), firing(0, 1, hour), firing(1, 0, hour));
    one.post(0, vec![a.clone(), b.clone()]).await;
    one.post(1, vec![c.clone()]).await;
    assert_eq!(counts(), [2, 0, 0], "two groups fire");
    let claims = one.poll().await;
    assert_eq!(claims.len(), 2);
    assert_eq!(counts(), [2, 0, 2], "both are being flushed");
    for claim in &claims {
        one.tell(claim).await;
        one.finish(claim, &[]).await;
    }
    assert_eq!(counts(), [2, 0, 0]);
    let over = ended(&a);
    one.post(0, vec![over.clone()]).await;
    assert_eq!(counts(), [2, 1, 0], "one has both kinds");
    let over_too = ended(&b);
    one.post(0, vec![over_too.clone()]).await;
    assert_eq!(counts(), [1, 1, 0], "nothing fires in the first");
    let seized = one.coordinator.seize(&GroupName::of(&group(0))).await;
    let seized = seized.expect("reachable").expect("there").expect("free");
    assert_eq!((counts(), seized.members), ([1, 1, 1], 2));
    one.finish(&seized, &[over, over_too]).await;
    assert_eq!(counts(), [1, 0, 0], "it is gone");
    assert_eq!(count(&servers, "alert:meta:*"), 1);
    assert_eq!(count(&servers, "alert:tomb:*"), 1, "but remembered");
}

/// An alert nobody refreshed moves to the ended ones once senders had time to refresh it.
#[tokio::test]
async fn a_time_out_moves_a_member_to_the_ended_ones() {
    let Some(servers) = Servers::single("time-outs") else {
        return;
    };
    let mut one = Instance::open(&servers).await;
    let name = GroupName::of(&group(0));
    let kind = |kind: &str| count(&servers, &format!("alert:group:{kind}:*"));
    let stated = |ends: Timestamp, updated: Timestamp| Alert {
        ends_at: ends,
        updated_at: updated,
        ..firing(0, 0, Duration::ZERO)
    };
    let before = now() - Duration::from_secs(60);
    let first = now() + Duration::from_secs(60);
    let grid = domain::group::grid::Grid::starting(first, group(0).group_interval);
    let mute = Merge {
        alerts: vec![Arc::new(stated(now(), before))],
        ..Merge::of(group(0), grid)
    };
    one.coordinator
        .merge(vec![mute])
        .await
        .remove(0)
        .expect("merged");
    one.poll().await;
    assert_eq!((kind("firing"), kind("recovery")), (1, 0), "during grace");
    one.post(0, vec![firing(0, 0, Duration::from_millis(300))])
        .await;
    one.poll().await;
    assert_eq!(kind("recovery"), 0, "refreshed");
    tokio::time::sleep(Duration::from_millis(350)).await;
    one.poll().await;
    assert_eq!(
        (kind("firing"), kind("recovery")),
        (0, 1),
        "refreshed since the start, so it counts"
    );
    let held = one.coordinator.group(&name).await.expect("reachable");
    assert_eq!(held.expect("there").members.len(), 1);
    one.post(0, vec![firing(0, 0, Duration::from_secs(60))])
        .await;
    assert_eq!((kind("firing"), kind("recovery")), (1, 0), "it fires again");
}

/// (M20) Whatever was done, every key goes away by itself in the end.
#[tokio::test]
async fn every_key_has_an_expiry() {
    let Some(servers) = Servers::single("expiries") else {
        return;
    };
    let mut one = Instance::open(&servers).await;
    let hour = Duration::from_secs(3600);
    for round in 0..3 {
        for index in 0..4 {
            let alerts: Vec<_> = (0..3).map(|which| firing(index, which, hour)).collect();
            one.post(index, alerts.clone()).await;
            if round > 0 {
                one.post(index, vec![ended(&alerts[0])]).await;
            }
        }
        for (number, claim) in one.poll().await.iter().enumerate() {
            one.tell(claim).await;
            match number {
                0 => {}
                1 => one
                    .coordinator
                    .unclaim(&claim.group, claim.fence, hour)
                    .await
                    .expect("given back"),
                _ => one.finish(claim, &[ended(&firing(number, 0, hour))]).await,
            }
        }
    }
    let report = InstanceReport {
        id: "one".to_owned(),
        ..InstanceReport::default()
    };
    one.coordinator.announce(&report).await.expect("announced");
    one.coordinator.probe(0).await.expect("written");
    let silence = silence(now() - hour * 900);
    let tenant = group(0).tenant.clone();
    let merged = one.coordinator.silence_merge(&tenant, &[silence]).await;
    assert!(merged.expect("merged") > 0);
    assert!(count_expiring(&servers) > 30);
}

/// Checks that every key goes away by itself; answers how many there are.
fn count_expiring(servers: &Servers) -> usize {
    let keys = servers.ask(&["KEYS", "*"]);
    let ours = keys.split_whitespace().filter(|key| key.contains("test:"));
    let checked = ours.map(|key| {
        let ttl = servers.ask(&["PTTL", key]);
        let ttl: i64 = ttl.trim_start_matches(':').parse().expect("a number");
        assert!(ttl > 0, "{key} stays for ever: {ttl}");
    });
    checked.count()
}

/// (M20) Also a key that went and came back while one batch was taken in.
#[tokio::test]
async fn a_key_that_comes_back_in_a_batch_has_an_expiry() {
    let Some(servers) = Servers::single("returns") else {
        return;
    };
    let one = Instance::open(&servers).await;
    let fires = |which| firing(0, which, Duration::from_secs(3600));
    one.post(0, vec![fires(0)]).await;
    // The last that fires ends and another begins; then it fires again and the other ends, and a third one has ended already.
    one.post(0, vec![ended(&fires(0)), fires(1)]).await;
    assert!(count_expiring(&servers) > 0);
    one.post(0, vec![fires(0), fires(2), ended(&fires(1)), fires(3)])
        .await;
    assert!(count_expiring(&servers) > 0);
}

/// A group without a place in a queue gets one, whoever lost it, and no other key is looked at.
#[tokio::test]
async fn an_audit_gives_a_group_its_place_back() {
    let Some(servers) = Servers::single("audits") else {
        return;
    };
    let mut one = Instance::open(&servers).await;
    let name = GroupName::of(&group(0));
    let shard = name.shard();
    one.post(0, vec![firing(0, 0, Duration::from_secs(60))])
        .await;
    let audit = async |known: &[GroupName]| {
        let audited = one.coordinator.audit(shard, known).await;
        audited.expect("reachable")
    };
    let lose = |kind: &str| servers.ask(&["DEL", &format!("test:queue:{kind}:{{s{shard:02}}}")]);
    assert_eq!(audit(std::slice::from_ref(&name)).await, 0);
    lose("due");
    assert_eq!(audit(&[]).await, 1, "its ends are known");
    lose("due");
    lose("ends");
    assert_eq!(audit(&[]).await, 0);
    assert_eq!(audit(std::slice::from_ref(&name)).await, 1);
    assert_eq!(one.poll().await.len(), 1);
    let scans = servers.ask(&["INFO", "commandstats"]);
    assert!(!scans.contains("cmdstat_scan"), "{scans}");
}

/// A user may not ask for the server's figures: then nothing is known of evictions, and all else works.
#[tokio::test]
async fn a_server_that_tells_no_figures_serves() {
    let Some(servers) = Servers::single("figures that may not be read") else {
        return;
    };
    assert_eq!(servers.ask(&["ACL", "SETUSER", "default", "-info"]), "OK");
    let mut one = Instance::open(&servers).await;
    one.post(0, vec![firing(0, 0, Duration::from_secs(60))])
        .await;
    let claims = one.poll().await;
    one.tell(&claims[0]).await;
    one.see_off(&claims[0], &[alert(0, 0).fingerprint]).await;
    let name = GroupName::of(&group(0));
    let gone = one.coordinator.group(&name).await;
    assert!(gone.expect("reachable").is_none());
    let evictions = one.coordinator.evictions(0).await.expect("reachable");
    assert_eq!((evictions.count, evictions.is_loss), (0, false));
}

/// (M20) A retention that is longer than Alertmanager's default counts too.
#[tokio::test]
async fn silences_stay_as_long_as_their_retention() {
    let Some(servers) = Servers::single("the retention of silences") else {
        return;
    };
    let day = Duration::from_secs(86_400);
    let one = servers.coordinator("one").keeping_silences(day * 40);
    let tenant = group(0).tenant.clone();
    let two_days = silence(now() + day * 2);
    let put = one.silence_put(&tenant, &two_days, None);
    put.await.expect("reachable");
    let ttl = servers.ask(&["TTL", &format!("test:silences:{tenant}")]);
    let ttl: u64 = ttl.trim_start_matches(':').parse().expect("a number");
    let expected = day.as_secs() * 42;
    assert!((expected - 60..=expected).contains(&ttl), "{ttl} s");
    let five_days = [silence(now() + day * 5)];
    let merged = one.silence_merge(&tenant, &five_days);
    merged.await.expect("reachable");
    let ttl = servers.ask(&["TTL", &format!("test:silences:{tenant}")]);
    let ttl: u64 = ttl.trim_start_matches(':').parse().expect("a number");
    assert!(day.as_secs() * 44 < ttl, "{ttl} s");
}

fn silence(ends_at: Timestamp) -> Arc<domain::silence::Silence> {
    Arc::new(domain::silence::Silence {
        id: Arc::from("s"),
        matchers: vec![],
        starts_at: ends_at - Duration::from_secs(86_400),
        ends_at,
        updated_at: now(),
        created_by: String::new(),
        comment: String::new(),
        annotations: domain::label::Labels::empty(),
    })
}

/// Out of memory: no new alert is taken in, but a flush comes to its end.
#[tokio::test]
async fn a_flush_ends_although_memory_is_out() {
    let Some(servers) = Servers::single("out of memory") else {
        return;
    };
    let mut one = Instance::open(&servers).await;
    one.post(0, vec![firing(0, 0, Duration::from_secs(60))])
        .await;
    servers.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    let offer = Offer {
        group: group(1),
        alert: Arc::new(firing(1, 0, Duration::from_secs(60))),
        is_owed: false,
        is_again: false,
    };
    let refused = one.coordinator.ingest(vec![offer], now()).await.remove(0);
    assert_eq!(refused.expect_err("refused").outage, Outage::Certain);
    let claims = one.poll().await;
    assert_eq!(claims.len(), 1);
    one.tell(&claims[0]).await;
    one.finish(&claims[0], &[]).await;
}

/// What somebody else wrote there is an error, or is replaced; it never brings us down.
#[tokio::test]
async fn what_cannot_be_read_is_an_error() {
    let Some(servers) = Servers::single("unreadable values") else {
        return;
    };
    let mut one = Instance::open(&servers).await;
    let name = GroupName::of(&group(0));
    let alert = firing(0, 0, Duration::from_secs(60));
    one.post(0, vec![alert.clone()]).await;
    let key = format!(
        "test:alert:group:firing:{{s{:02}}}{}:{}",
        name.shard(),
        name.tenant,
        name.key
    );
    servers.ask(&["HSET", &key, &alert.fingerprint.to_string(), "nonsense"]);
    assert!(one.coordinator.group(&name).await.is_err());
    assert!(one.coordinator.shard(name.shard()).await.is_err());
    assert_eq!(one.poll().await.len(), 1);
    one.post(0, vec![alert]).await;
    let held = one.coordinator.group(&name).await.expect("reachable");
    assert_eq!(held.expect("there").members.len(), 1);
}
