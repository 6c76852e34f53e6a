//! What every home of the store must do: one suite, run by the tests of each.
//!
//! The functions panic where a home fails; they are for tests only.

mod deliveries;
mod inbox;
mod journal;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::alert::Alert;
use domain::annotations::Annotations;
use domain::fingerprint::Fingerprint;
use domain::group::heir::Lineage;
use domain::group::inherited::Inherited;
use domain::group::told::{Pending, ReceiverData, Told, ToldMessage};
use domain::id::{GroupKey, IntegrationId, TenantId};
use domain::label::{Interner, Labels};
use domain::matcher::{MatchOp, Matcher};
use domain::notification::Reason;
use domain::silence::Silence;
use domain::time::Timestamp;
use runtime::clock::{SharedClock, SystemClock};

use crate::{NewMessage, Record, Replayed, Store};

/// Makes stores of one kind.
#[async_trait]
pub trait Backend: Send + Sync {
    /// A new, empty store.
    async fn fresh(&self, clock: SharedClock) -> Store;
}

/// Runs every case.
///
/// # Panics
/// Where the home fails.
pub async fn run(backend: &dyn Backend) {
    journal::replays_what_was_appended(backend).await;
    journal::notes_when_the_last_row_was_written(backend).await;
    journal::keeps_the_order_of_submits(backend).await;
    journal::takes_concurrent_appends(backend).await;
    journal::takes_more_than_a_row_holds(backend).await;
    journal::compaction_keeps_what_was_restated(backend).await;
    journal::compacts_once_at_a_time(backend).await;
    journal::wants_compaction_when_it_pays(backend).await;
    journal::answers_after_the_close(backend).await;
    inbox::pages_and_tenants(backend).await;
    inbox::keeps_the_newest(backend).await;
    deliveries::lists_what_is_wanted(backend).await;
    deliveries::is_bounded(backend).await;
}

/// A record of the `number`-th alert, of a common size.
pub fn alert_record(number: u64) -> Record {
    Record::Alert {
        tenant: TenantId::default_tenant(),
        alert: Arc::new(alert(number)),
        is_own: true,
    }
}

fn alert(number: u64) -> Alert {
    let instance = format!("host-{number:07}.example.org:9100");
    let labels = Labels::from_pairs([
        ("alertname", "InstanceDown"),
        ("cluster", "eu-central"),
        ("instance", instance.as_str()),
        ("job", "node"),
        ("severity", "critical"),
    ]);
    let at = Timestamp::new(1_700_000_000, 123_456_789, 60);
    Alert {
        annotations: Annotations::from_pairs([
            (
                "description",
                "The instance has not answered for five minutes; see the runbook.",
            ),
            ("summary", "Instance is down"),
        ]),
        generator_url: "https://prometheus.example.org/graph?g0.expr=up+%3D%3D+0".into(),
        starts_at: at,
        ends_at: at + Duration::from_secs(300),
        updated_at: at + Duration::from_secs(1),
        fingerprint: labels.fingerprint(),
        is_timeout: number.is_multiple_of(2),
        labels,
    }
}

/// A silence with one matcher of each kind that is stored differently.
fn silence(at: Timestamp) -> Silence {
    Silence {
        id: "0b6fe3a4-9d2b-4a54-8f0e-2f4f8f1f7a10".into(),
        matchers: vec![
            Matcher::equal("job", "node"),
            Matcher::new(MatchOp::NotRegex, "instance", "db.*|héllo").expect("a valid expression"),
        ],
        starts_at: at,
        ends_at: at + Duration::from_secs(3600),
        updated_at: at,
        created_by: "someone@example.org".to_owned(),
        comment: "maintenance\nof the \"big\" one".to_owned(),
        annotations: Labels::from_pairs([("ticket", "42")]),
    }
}

/// What was told, with a message in flight.
fn whole_told(at: Timestamp) -> Told {
    let prints: Vec<Fingerprint> = [1, 2, u64::MAX].map(Fingerprint).into();
    Told {
        seq: 1_700_000_000_001,
        last: Some(ToldMessage {
            firing: prints.clone(),
            hidden: vec![Fingerprint(4)],
            tick: at,
            sent_at: at + Duration::from_millis(20),
            reason: Reason::RepeatInterval,
            receiver_data: ReceiverData::default(),
        }),
        pending: Some(Pending {
            seq: 1_700_000_000_002,
            firing: prints.clone(),
            resolved: prints,
            hidden: vec![Fingerprint(5), Fingerprint(6)],
            tick: at,
            reason: Reason::SomeResolved,
            receiver_data: ReceiverData::default(),
        }),
    }
}

/// One record of every kind, with every field filled.
pub fn every_kind() -> Vec<Record> {
    let tenant: TenantId = "acme-1".parse().expect("a valid tenant");
    let key = GroupKey([7; 16]);
    let at = Timestamp::new(1_700_000_000, 5, -330);
    let integration = IntegrationId::new("team/a", "webhook", 3);
    let mut kinds = vec![
        Record::Group {
            tenant: tenant.clone(),
            key,
            lineage: None,
            first_tick: at,
        },
        Record::Alert {
            tenant: tenant.clone(),
            alert: Arc::new(alert(1)),
            is_own: true,
        },
        Record::Told {
            tenant: tenant.clone(),
            key,
            integration: integration.clone(),
            told: Arc::new(whole_told(at)),
        },
        Record::Told {
            tenant: tenant.clone(),
            key,
            integration,
            told: Arc::default(),
        },
        Record::Silence {
            tenant: tenant.clone(),
            silence: Arc::new(silence(at)),
        },
        Record::SilenceGone {
            tenant: tenant.clone(),
            id: "gone".into(),
        },
        Record::GroupGone {
            tenant: tenant.clone(),
            key,
        },
        Record::Refresh {
            tenant: tenant.clone(),
            fingerprint: Fingerprint(0x0123_4567_89ab_cdef),
            ends_at: at + Duration::from_secs(240),
            updated_at: at,
        },
    ];
    kinds.extend(kinds_of_sharing(tenant.clone(), at));
    kinds.push(fallback(tenant.clone(), key, at));
    kinds.push(keeping(tenant.clone(), key, at));
    kinds.extend(kinds_of_an_import(tenant.clone(), key, at));
    kinds.push(known_group(tenant, key, at));
    kinds
}

/// What is recorded when an Alertmanager's files are taken over.
fn kinds_of_an_import(tenant: TenantId, key: GroupKey, at: Timestamp) -> [Record; 2] {
    let kept = ReceiverData::new([("threadTs", "1.2")]).expect("short data");
    let inherited = Inherited {
        firing: [3, u64::MAX].into(),
        told_at: at,
        expires_at: at + Duration::from_secs(3600),
        receiver_data: kept,
    };
    [
        Record::Inherited {
            tenant: tenant.clone(),
            key,
            integration: IntegrationId::new("team/a", "slack", 0),
            inherited: Arc::new(inherited),
        },
        Record::Imported { tenant, at },
    ]
}

/// A group of which it is known what stays of it.
fn known_group(tenant: TenantId, key: GroupKey, at: Timestamp) -> Record {
    Record::Group {
        tenant,
        key,
        lineage: Some(Lineage {
            receiver: "team/a".into(),
            route_key: "{}/{a=\"b\"}".into(),
        }),
        first_tick: at,
    }
}

/// What was told to an integration that keeps something of its messages.
fn keeping(tenant: TenantId, key: GroupKey, at: Timestamp) -> Record {
    let data = |texts: [(&str, &str); 2]| ReceiverData::new(texts).expect("short data");
    let message = Pending {
        seq: 3,
        firing: vec![Fingerprint(1)],
        resolved: Vec::new(),
        hidden: Vec::new(),
        tick: at,
        reason: Reason::FirstNotification,
        receiver_data: data([("threadTs", "1.2"), ("channelId", "C1")]),
    };
    let next = Pending {
        seq: 4,
        receiver_data: data([("threadTs", "1.3"), ("channelId", "")]),
        ..message.clone()
    };
    let told = Told {
        seq: 4,
        last: Some(message.accepted(at)),
        pending: Some(next),
    };
    Record::Told {
        tenant,
        key,
        integration: IntegrationId::new("team/a", "slack", 0),
        told: Arc::new(told),
    }
}

fn fallback(tenant: TenantId, key: GroupKey, sent_at: Timestamp) -> Record {
    Record::Fallback {
        tenant,
        key,
        integration: IntegrationId::new("team/a", "webhook", 3),
        sent_at,
        failure: "payload: template: :1:4: executing \"\" at <.Nope>: no such field".into(),
    }
}

fn kinds_of_sharing(tenant: TenantId, at: Timestamp) -> [Record; 4] {
    [
        Record::Alert {
            tenant: tenant.clone(),
            alert: Arc::new(alert(2)),
            is_own: false,
        },
        Record::Heard {
            tenant,
            fingerprint: Fingerprint(0x0123_4567_89ab_cdef),
            updated_at: at,
        },
        Record::Alone { since: Some(at) },
        Record::Alone { since: None },
    ]
}

/// A message of a tenant under a key.
///
/// # Panics
/// When `tenant` is not a valid tenant.
pub fn message(tenant: &str, key: &str, body: &str) -> NewMessage {
    NewMessage {
        tenant: tenant.parse().expect("a valid tenant"),
        idempotency_key: key.to_owned(),
        at: Timestamp::from_unix_ms(1_700_000_000_123),
        receiver: "inbox".to_owned(),
        status: "firing".to_owned(),
        group_key: "{}:{alertname=\"X\"}".to_owned(),
        reason: "first notification".to_owned(),
        body: body.to_owned(),
    }
}

/// A record as text: some parts compare by identity or not at all.
pub fn shown(record: &Record) -> String {
    format!("{record:?}")
}

async fn replay(store: &Store) -> (Replayed, Vec<Record>) {
    let mut records = Vec::new();
    let interner = Interner::default();
    let replayed = store
        .journal
        .replay(&interner, &mut |record| records.push(record))
        .await;
    (replayed.expect("the journal is readable"), records)
}

async fn fresh(backend: &dyn Backend) -> Store {
    backend.fresh(SystemClock::shared()).await
}
