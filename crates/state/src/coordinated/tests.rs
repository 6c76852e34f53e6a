//! Interleavings of one instance, its server and others that the suites of the ports do not reach.

use std::sync::atomic::AtomicUsize;

use async_trait::async_trait;
use domain::alert::Alert;
use domain::annotations::Annotations;
use domain::fingerprint::Fingerprint;
use domain::group::told::{Pending, ReceiverData};
use domain::group::{Finished, IntegrationSpec, ReceiverSpec, key};
use domain::label::Labels;
use domain::notification::Reason;
use domain::route::RouteIndex;
use domain::silence::Silence;
use runtime::clock::SimClock;

use super::*;
use crate::coordinator::model::weather::{End, Fate, Weather};
use crate::coordinator::model::{Model, ModelClient};
use crate::coordinator::{Merge, Merged};
use crate::host::News;
use crate::{CarriedOver, OwedRecord, Placed, RestoredGroup, State};
use domain::id::GroupKey;

mod asleep;
mod believed;
mod carried_over;
mod cause;
mod late;
mod losses;
mod moves;
mod returns;

const MINUTE: Duration = Duration::from_secs(60);

/// An engine that places alerts by their label `group`, or all in one, and counts what it has to write down of alerts.
#[derive(Default)]
struct Engine {
    taken_over: AtomicUsize,
    missed: AtomicUsize,
    /// Groups of which it heard what was told.
    told: Mutex<Vec<GroupKey>>,
    silences: Mutex<Vec<Arc<Silence>>>,
    /// The groups of all alerts, whatever they say; one of a label's value where that is named.
    of_all: Mutex<Vec<&'static str>>,
}

#[async_trait]
impl Host for Engine {
    fn tenants(&self) -> Vec<TenantId> {
        vec![TenantId::default_tenant()]
    }

    fn placement(&self, _: &TenantId, alert: &Alert) -> Vec<Arc<GroupIdentity>> {
        let of_all = lock(&self.of_all);
        if !of_all.is_empty() {
            let of_all = of_all.iter();
            return of_all
                .map(|name| group(alert.labels.get(name).unwrap_or(name)))
                .collect();
        }
        let name = alert.labels.get("group");
        name.map(group).into_iter().collect()
    }

    fn config_hash(&self, _: &TenantId) -> String {
        "a".to_owned()
    }

    fn file_hash(&self, _: &TenantId) -> String {
        "1".to_owned()
    }

    fn silences(&self, _: &TenantId) -> Vec<Arc<Silence>> {
        lock(&self.silences).clone()
    }

    fn grace_changed(&self, _: Grace) {}

    async fn heard(&self, news: Vec<News>) {
        let is_taken_over = |one: &&News| {
            matches!(
                one,
                News::Alert {
                    is_taken_over: true,
                    ..
                }
            )
        };
        let count = news.iter().filter(is_taken_over).count();
        self.taken_over.fetch_add(count, Ordering::SeqCst);
        for one in &news {
            match one {
                News::Missed { alerts, .. } => {
                    self.missed.fetch_add(alerts.len(), Ordering::SeqCst);
                }
                News::Told { key, .. } => lock(&self.told).push(*key),
                _ => {}
            }
        }
    }
}

/// The line between an instance and the server: cut or not, and how long answers to one kind of request take.
#[derive(Default)]
struct Line {
    is_cut: AtomicBool,
    slow: Mutex<Option<(&'static str, Duration)>>,
    failing: Mutex<Option<&'static str>>,
    /// Two of three connections break, but those of polls.
    is_lossy: AtomicBool,
    /// Nothing arrives, and nobody says so.
    is_silent: AtomicBool,
    asked: AtomicUsize,
}

impl Weather for Line {
    fn meets(&self, _: &str, request: &'static str) -> Fate {
        if self.is_cut.load(Ordering::SeqCst) {
            return Fate::ending(End::Unreachable);
        }
        if self.is_silent.load(Ordering::SeqCst) || *lock(&self.failing) == Some(request) {
            return Fate::ending(End::RequestLost);
        }
        if self.is_lossy.load(Ordering::SeqCst) && request != "poll" {
            return match self.asked.fetch_add(1, Ordering::SeqCst) % 3 {
                2 => Fate::FINE,
                _ => Fate::ending(End::Unreachable),
            };
        }
        let slow = lock(&self.slow).filter(|(name, _)| *name == request);
        let Some((_, back)) = slow else {
            return Fate::FINE;
        };
        self.asked.fetch_add(1, Ordering::SeqCst);
        Fate { back, ..Fate::FINE }
    }
}

struct Scene {
    clock: SharedClock,
    other: ModelClient,
    model: Model,
    line: Arc<Line>,
    state: Arc<Coordinated>,
    host: Arc<Engine>,
}

impl Scene {
    /// An instance that has not started yet.
    fn new() -> Self {
        let clock = SimClock::shared(Timestamp::from_unix_ms(1_800_000_000_000));
        Self::over(Model::new(Arc::clone(&clock), Timing::default()), clock)
    }

    /// An instance that has not started yet, and the server there is.
    fn over(model: Model, clock: SharedClock) -> Self {
        let line = Arc::new(Line::default());
        let client = model.connect_through("a", Arc::clone(&line) as _);
        let report = InstanceReport {
            id: "a".to_owned(),
            ..InstanceReport::default()
        };
        let timing = Timing::default();
        let state = Coordinated::new(Arc::new(client), report, Arc::clone(&clock), timing);
        let host = Arc::new(Engine::default());
        let weak: Weak<Engine> = Arc::downgrade(&host);
        state.attach(weak);
        Self {
            other: model.connect("b"),
            model,
            clock,
            line,
            state,
            host,
        }
    }

    async fn started() -> Self {
        let scene = Self::new();
        scene.state.start().await;
        assert_eq!(scene.state.mode(), Mode::Coordinated);
        scene
    }

    /// How many alerts the journal had to hear of that they were taken in elsewhere.
    fn taken_over(&self) -> usize {
        self.host.taken_over.load(Ordering::SeqCst)
    }

    async fn cut(&self) {
        self.line.is_cut.store(true, Ordering::SeqCst);
        while self.state.mode() == Mode::Coordinated {
            let _ = self.state.poll(0, self.clock.now()).await;
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
    }

    async fn mend(&self) {
        self.line.is_cut.store(false, Ordering::SeqCst);
        self.state.go_back(0).await.expect("the way back is open");
    }

    fn alert(&self, group: &str, name: &str) -> Alert {
        let labels = Labels::from_pairs([("alertname", name), ("group", group)]);
        let now = self.clock.now();
        Alert {
            fingerprint: labels.fingerprint(),
            labels,
            annotations: Annotations::empty(),
            generator_url: Arc::from(""),
            starts_at: now,
            ends_at: now + MINUTE * 600,
            updated_at: now,
            is_timeout: false,
        }
    }

    async fn post(&self, name: &str, alert: Alert) {
        let placed = Placed {
            alert,
            groups: vec![group(name)],
            is_owed: false,
        };
        let ingested = self
            .state
            .ingest(&TenantId::default_tenant(), vec![placed], self.clock.now())
            .await;
        assert_eq!(ingested.expect("taken in").len(), 1);
    }

    /// Another instance takes in a post of an alert of group `g`.
    async fn offer(&self, alert: Alert) {
        let offer = crate::coordinator::Offer {
            group: group("g"),
            alert: Arc::new(alert),
            is_owed: true,
            is_again: false,
        };
        let offered = self.other.ingest(vec![offer], self.clock.now()).await;
        assert!(offered.iter().all(Result::is_ok));
    }

    /// Another instance shares its state.
    async fn meet_another(&self) {
        let other = InstanceReport {
            id: "b".to_owned(),
            ..InstanceReport::default()
        };
        self.other.announce(&other).await.expect("announced");
        self.state.look_around().await;
    }

    /// An alert as this instance knows it.
    fn known(&self, alert: &Alert) -> Arc<Alert> {
        let tenant = TenantId::default_tenant();
        let known = self.state.memory.alert(&tenant, alert.fingerprint);
        known.expect("an alert")
    }

    /// A group's members as they are shared.
    async fn members(&self, name: &str) -> Vec<Arc<Alert>> {
        let there = self.other.group(&GroupName::of(&group(name))).await;
        let there = there.expect("the server answers");
        there.into_iter().flat_map(|group| group.members).collect()
    }

    /// The names of a group's members as they are shared.
    async fn shared(&self, name: &str) -> Vec<String> {
        let members = self.members(name).await.into_iter();
        let names = members.filter_map(|alert| alert.labels.get("alertname").map(str::to_owned));
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }
}

fn webhook() -> IntegrationId {
    IntegrationId::from_stored("r/webhook[0]")
}

fn group(name: &str) -> Arc<GroupIdentity> {
    let labels = Labels::from_pairs([("group", name)]);
    let text = format!("{{}}:{labels}");
    Arc::new(GroupIdentity {
        tenant: TenantId::default_tenant(),
        key: key::stored(&text, "r", 0),
        text,
        route: RouteIndex(0),
        labels,
        receiver: Arc::new(ReceiverSpec {
            name: Arc::from("r"),
            integrations: vec![IntegrationSpec {
                id: webhook(),
                send_resolved: true,
                is_fallback: false,
            }],
        }),
        group_wait: MINUTE / 6,
        group_interval: MINUTE * 5,
        repeat_interval: MINUTE * 240,
        mute_time_intervals: Vec::new(),
        active_time_intervals: Vec::new(),
    })
}

#[tokio::test(start_paused = true)]
async fn what_comes_in_on_the_way_back_is_shared_when_it_ends() {
    let scene = Scene::started().await;
    scene.post("g", scene.alert("g", "first")).await;
    scene.cut().await;
    scene.line.is_cut.store(false, Ordering::SeqCst);
    *lock(&scene.line.slow) = Some(("shard", Duration::from_millis(400)));
    let state = Arc::clone(&scene.state);
    let back = tokio::spawn(async move { state.go_back(0).await });
    let mut expected = vec!["first".to_owned()];
    for number in 0..limits::SHARDS {
        while scene.line.asked.load(Ordering::SeqCst) <= number && !back.is_finished() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // The shard was read, and its answer is on its way.
        let name = format!("m{number:02}");
        scene.post("g", scene.alert("g", &name)).await;
        expected.push(name);
    }
    assert_eq!(back.await.expect("it ends"), Ok(()));
    assert_eq!(scene.shared("g").await, expected);
}

#[tokio::test(start_paused = true)]
async fn an_alert_that_came_back_is_not_taken_for_the_one_that_left() {
    let scene = Scene::started().await;
    let alert = scene.alert("g", "x");
    scene.post("g", scene.alert("g", "y")).await;
    scene.post("g", alert.clone()).await;
    scene.state.follow().await.expect("the feed is there");
    // Somebody else sees it off, and it fires anew here before that was heard.
    let grid = domain::group::grid::Grid::starting(scene.clock.now(), MINUTE);
    let left = Merge {
        leaves: vec![Leave {
            fingerprint: alert.fingerprint,
            updated_at: alert.updated_at,
        }],
        ..Merge::of(group("g"), grid)
    };
    assert_eq!(scene.other.merge(vec![left]).await, vec![Ok(Merged::Done)]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    scene.post("g", scene.alert("g", "x")).await;
    scene.state.follow().await.expect("the feed is there");
    assert_eq!(scene.shared("g").await, ["x", "y"]);
    scene.cut().await;
    scene.mend().await;
    assert_eq!(scene.shared("g").await, ["x", "y"]);
}

#[tokio::test(start_paused = true)]
async fn a_tick_that_passed_while_the_instance_was_away_is_due_at_once_without_shared_state() {
    let scene = Scene::new();
    let now = scene.clock.now();
    let restored = RestoredGroup {
        identity: group("g"),
        first_tick: now - MINUTE,
        known_until: now - MINUTE * 2,
        members: vec![Arc::new(scene.alert("g", "x"))],
        told: Vec::new(),
        carried_over: CarriedOver::default(),
    };
    let restored = scene.state.restore_group(restored, now).await;
    assert_eq!(restored, Ok(()));
    scene.line.is_cut.store(true, Ordering::SeqCst);
    scene.state.start().await;
    assert_eq!(scene.state.mode(), Mode::Degraded);
    let polled = scene.state.poll(10, scene.clock.now()).await;
    assert_eq!(polled.expect("polled").claims.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_starts_alone_answers_for_what_its_journal_says_it_took_in() {
    let scene = Scene::new();
    let (now, tenant) = (scene.clock.now(), TenantId::default_tenant());
    let (own, heard) = (scene.alert("g", "own"), scene.alert("g", "heard"));
    let members: Vec<_> = [own.clone(), heard.clone()].map(Arc::new).into();
    for (alert, is_own) in members.iter().zip([true, false]) {
        let restored = scene
            .state
            .restore_alert(&tenant, Arc::clone(alert), is_own)
            .await;
        assert_eq!(restored, Ok(()));
    }
    let restored = RestoredGroup {
        identity: group("g"),
        first_tick: now - MINUTE,
        known_until: now - MINUTE * 2,
        members,
        told: Vec::new(),
        carried_over: CarriedOver::default(),
    };
    let restored = scene.state.restore_group(restored, now).await;
    assert_eq!(restored, Ok(()));
    scene.line.is_cut.store(true, Ordering::SeqCst);
    scene.state.start().await;
    let polled = scene.state.poll(10, now).await.expect("polled");
    let foreign = &polled.claims.first().expect("a claim").foreign;
    assert!(!foreign.has(own.fingerprint));
    assert!(foreign.has(heard.fingerprint));
    // A refresh of it makes it this instance's, which the journal has to hear whole.
    let placed = Placed {
        alert: heard,
        groups: vec![group("g")],
        is_owed: false,
    };
    let ingested = scene.state.ingest(&tenant, vec![placed], now).await;
    assert_eq!(ingested.expect("taken in")[0].owed, OwedRecord::Whole);
}

#[tokio::test(start_paused = true)]
async fn the_journal_hears_once_that_another_instance_took_an_alert_in() {
    let scene = Scene::started().await;
    let tenant = TenantId::default_tenant();
    let alert = Arc::new(scene.alert("g", "x"));
    scene.post("g", Alert::clone(&alert)).await;
    scene
        .state
        .mark_recorded(&tenant, std::slice::from_ref(&alert));
    assert!(scene.state.has_own_record(&tenant, alert.fingerprint));
    let mut seen = Vec::new();
    // Its end is recorded whole, so that it fires anew has to be heard too.
    for is_over in [true, false, false] {
        tokio::time::sleep(MINUTE).await;
        let anew = scene.alert("g", "x");
        let offer = crate::coordinator::Offer {
            group: group("g"),
            alert: Arc::new(if is_over { scene.as_over(&alert) } else { anew }),
            is_owed: false,
            is_again: false,
        };
        let offered = scene.other.ingest(vec![offer], scene.clock.now()).await;
        assert!(offered.iter().all(Result::is_ok));
        scene.state.follow().await.expect("the feed is there");
        seen.push(scene.taken_over());
    }
    assert_eq!(seen, [1, 2, 2]);
    assert!(!scene.state.has_own_record(&tenant, alert.fingerprint));
}

/// Whoever puts an end back states it again, a moment later.
#[tokio::test(start_paused = true)]
async fn the_journal_does_not_hear_that_its_own_end_was_stated_again() {
    for is_same in [true, false] {
        let scene = Scene::started().await;
        let tenant = TenantId::default_tenant();
        scene.post("g", scene.alert("g", "x")).await;
        scene.pass().await;
        scene.post("g", scene.as_over(&scene.alert("g", "x"))).await;
        let over = scene.known(&scene.alert("g", "x"));
        scene
            .state
            .mark_recorded(&tenant, std::slice::from_ref(&over));
        scene.pass().await;
        let again = match is_same {
            true => owing::ended(&over),
            false => Arc::new(scene.alert("g", "x")),
        };
        scene.merge("g", vec![again]).await;
        scene.state.follow().await.expect("the feed is there");
        assert_eq!(scene.taken_over(), usize::from(!is_same));
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_of_a_group_that_is_gone() {
    let scene = Scene::started().await;
    scene.post("g", scene.alert("g", "x")).await;
    tokio::time::sleep(MINUTE).await;
    let polled = scene
        .state
        .poll(10, scene.clock.now())
        .await
        .expect("polled");
    let claim = polled.claims.first().expect("a claim");
    let message = message(claim.tick, &scene.alert("g", "x"));
    tell(&scene, claim, message.clone()).await;
    let finished = scene.state.finish(claim, true, scene.clock.now()).await;
    assert!(matches!(finished, Ok(Ok(Finished::Again { .. }))));
    tokio::time::sleep(MINUTE * 4).await;
    let mut ended = scene.alert("g", "x");
    ended.ends_at = scene.clock.now();
    scene.post("g", ended).await;
    tokio::time::sleep(MINUTE * 2).await;
    let polled = scene
        .state
        .poll(10, scene.clock.now())
        .await
        .expect("polled");
    let claim = polled.claims.first().expect("a claim");
    let message = Pending {
        resolved: std::mem::take(&mut message.firing.clone()),
        firing: Vec::new(),
        ..message
    };
    tell(&scene, claim, message).await;
    let finished = scene.state.finish(claim, true, scene.clock.now()).await;
    assert_eq!(finished, Ok(Ok(Finished::Gone)));
    scene.state.follow().await.expect("the feed is there");
    assert!(lock(&scene.state.told_here).is_empty());
    assert_eq!(scene.state.memory.queued_count(), 0);
}

async fn tell(scene: &Scene, claim: &domain::group::Claim, message: Pending) {
    let now = scene.clock.now();
    let begun = scene.state.begin(claim, &webhook(), message, now).await;
    let begun = begun.expect("answered").expect("held");
    let told = scene
        .state
        .commit(&claim.identity, &webhook(), &begun, now)
        .await;
    assert!(told.expect("told").pending.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_never_answered_is_not_repeated_for_ever_while_others_are() {
    let scene = Scene::started().await;
    scene.post("g", scene.alert("g", "x")).await;
    *lock(&scene.line.failing) = Some("ingest");
    let state = Arc::clone(&scene.state);
    let clock = Arc::clone(&scene.clock);
    let polling = tokio::spawn(async move {
        loop {
            let _ = state.poll(0, clock.now()).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let post = scene.post("g", scene.alert("g", "y"));
    let posted = tokio::time::timeout(Duration::from_secs(10), post).await;
    polling.abort();
    assert!(posted.is_ok(), "taken in alone rather than never");
    assert_eq!(scene.state.mode(), Mode::Degraded);
}

#[tokio::test(start_paused = true)]
async fn what_was_told_alone_is_still_owed_its_end_although_others_told_something_later() {
    let scene = Scene::started().await;
    scene.post("g", scene.alert("g", "y")).await;
    scene.cut().await;
    let z = scene.alert("g", "z");
    scene.post("g", z.clone()).await;
    tokio::time::sleep(MINUTE).await;
    let now = scene.clock.now();
    let polled = scene.state.poll(10, now).await.expect("polled");
    let claim = polled.claims.first().expect("a claim");
    tell(&scene, claim, message(claim.tick, &z)).await;
    let finished = scene.state.finish(claim, true, now).await;
    assert!(matches!(finished, Ok(Ok(Finished::Again { .. }))));
    // Another instance, which does not know of it, tells the same receiver about the rest.
    tokio::time::sleep(MINUTE / 6).await;
    let y = scene.alert("g", "y");
    let name = GroupName::of(&group("g"));
    let told = Pending {
        seq: u64::try_from(scene.clock.now().unix_ms()).expect("a time"),
        ..message(scene.clock.now(), &y)
    };
    let (webhook, now) = (webhook(), scene.clock.now());
    let committed = scene.other.commit(&name, &webhook, &told, now).await;
    committed.expect("the server answers");
    let mut ended = scene.alert("g", "z");
    ended.ends_at = scene.clock.now();
    scene.post("g", ended).await;
    scene.mend().await;
    let there = scene.other.group(&name).await.expect("the server answers");
    let there = there.expect("a group");
    let (_, told) = there.told.first().expect("what was told");
    assert_eq!(told.firing(), [y.fingerprint]);
    assert!(told.believes_firing(z.fingerprint), "{told:?}");
    let here = scene.state.group(&name.tenant, name.key).expect("a group");
    assert_eq!(here.told, there.told);
}

/// A first message that this alert fires.
fn message(tick: Timestamp, alert: &Alert) -> Pending {
    Pending {
        seq: 0,
        firing: vec![alert.fingerprint],
        resolved: Vec::new(),
        hidden: Vec::new(),
        tick,
        reason: Reason::FirstNotification,
        receiver_data: ReceiverData::default(),
    }
}

fn sorted(mut prints: [Fingerprint; 2]) -> Vec<Fingerprint> {
    prints.sort();
    prints.to_vec()
}
