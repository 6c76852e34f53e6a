//! Votes, and what becomes of them when clocks step.

use super::*;

const TEN_MINUTES_MS: i64 = 600_000;

#[test]
fn the_median_decides_and_nobody_alone() {
    let wrong_ms = TEN_MINUTES_MS;
    for (own_ms, others_ms, agreed_ms, why) in [
        (
            wrong_ms,
            vec![wrong_ms],
            wrong_ms,
            "the shared one is wrong",
        ),
        (wrong_ms, vec![wrong_ms, wrong_ms + 7], wrong_ms, "outvoted"),
        (0, vec![-wrong_ms], 0, "the other one is wrong"),
        (-wrong_ms, vec![0], 0, "this one is wrong"),
        (5, vec![-wrong_ms, 7], 0, "one of three is wrong"),
        (-wrong_ms, vec![5, 7], 0, "this one of three is wrong"),
        (-50, vec![50], 0, "nobody is wrong"),
        (-60, vec![-50, -40], -40, "of two in the middle"),
    ] {
        assert_eq!(agreed(own_ms, &others_ms), agreed_ms, "{why}");
    }
}

/// A shared clock and the own clocks of instances, all of which may be wrong.
struct World {
    start: Instant,
    shared_off_ms: i64,
    own_off_ms: Vec<i64>,
    known: Vec<Agreement>,
    /// What each said last.
    said: Vec<Option<ClockReading>>,
    way: Duration,
}

impl World {
    fn of(count: usize) -> Self {
        let patience = Duration::from_secs(60);
        Self {
            start: Instant::now(),
            shared_off_ms: 0,
            own_off_ms: vec![0; count],
            known: (0..count).map(|_| Agreement::new(patience)).collect(),
            said: vec![None; count],
            way: Duration::from_millis(3),
        }
    }

    fn ms(&self) -> i64 {
        let passed = self.start.elapsed().as_millis();
        1_800_000_000_000 + i64::try_from(passed).expect("a short test")
    }

    /// An instance asks; answers by how much the time it takes for right is wrong.
    async fn look(&mut self, one: usize) -> i64 {
        let own = |world: &Self| Timestamp::from_unix_ms(world.ms() + world.own_off_ms[one]);
        let asked = own(self);
        tokio::time::sleep(self.way).await;
        let shown = Timestamp::from_unix_ms(self.ms() + self.shared_off_ms);
        tokio::time::sleep(self.way).await;
        let answered = own(self);
        let shards: Vec<_> = (0..limits::SHARDS).map(|shard| (shard, shown)).collect();
        let known = &mut self.known[one];
        known.compare((asked, answered), &shards, Instant::now());
        let others = self.said.iter().enumerate().filter(|(i, _)| *i != one);
        let others: Vec<_> = others.filter_map(|(_, said)| *said).collect();
        let correction_ms = known.agree(&others, Instant::now());
        // What comes from the shared clock is right to the same degree.
        let off_ms = self.own_off_ms[one] + correction_ms;
        let moved_ms = self.shared_off_ms - known.ahead_ms(3);
        assert!(
            (moved_ms - off_ms).abs() <= 2 * SLACK_MS,
            "{moved_ms} {off_ms}"
        );
        off_ms
    }

    fn say(&mut self, one: usize) {
        self.said[one] = self.known[one].reading();
    }

    /// Everybody asks, and nobody is wrong by more than answers take.
    async fn all_are_right(&mut self, when: &str) {
        for one in 0..self.known.len() {
            let off_ms = self.look(one).await;
            assert!(
                off_ms.abs() <= SLACK_MS,
                "{when}: {one} is wrong by {off_ms} ms"
            );
        }
    }

    /// So many seconds in which everybody asks and speaks as instances do.
    async fn pass(&mut self, seconds: u32, when: &str) {
        for second in 0..seconds {
            self.all_are_right(when).await;
            if second % 3 == 2 {
                (0..self.known.len()).for_each(|one| self.say(one));
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    async fn meet(&mut self) {
        for one in 0..self.known.len() {
            self.look(one).await;
            self.say(one);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_shared_clock_that_steps_misleads_nobody_for_a_moment() {
    for count in 1..=4 {
        let mut world = World::of(count);
        world.meet().await;
        world.pass(5, "at first").await;
        for step_ms in [
            TEN_MINUTES_MS,
            -TEN_MINUTES_MS,
            -TEN_MINUTES_MS,
            2_000,
            -900,
        ] {
            world.shared_off_ms += step_ms;
            world.pass(8, "after a step").await;
        }
        // What the shared clock catches up with shows in everybody's numbers at another time.
        for _ in 0..40 {
            world.shared_off_ms += 50;
            world.pass(1, "while it goes faster").await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_of_three_that_is_wrong_is_outvoted_also_when_it_steps() {
    for off_ms in [TEN_MINUTES_MS, -TEN_MINUTES_MS] {
        let mut world = World::of(3);
        world.own_off_ms[1] = off_ms;
        world.meet().await;
        world.pass(5, "wrong from the start").await;
        world.own_off_ms[1] = 0;
        world.pass(5, "set right").await;
        world.own_off_ms[2] = off_ms;
        world.pass(8, "wrong on the way").await;
        world.own_off_ms[2] = 0;
        world.pass(8, "right again").await;
        let clocks = world.known[2].clocks();
        assert!(clocks.instance_ms.abs() <= SLACK_MS && clocks.shared_ms.abs() <= SLACK_MS);
    }
}

#[tokio::test(start_paused = true)]
async fn without_company_an_instance_believes_itself_after_a_while() {
    let mut world = World::of(2);
    world.own_off_ms[0] = TEN_MINUTES_MS;
    world.meet().await;
    assert!(world.look(0).await.abs() <= SLACK_MS);
    assert!((world.known[0].clocks().instance_ms - TEN_MINUTES_MS).abs() <= SLACK_MS);
    // The other one restarts.
    world.said[1] = None;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(world.look(0).await.abs() <= SLACK_MS);
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(world.look(0).await, TEN_MINUTES_MS);
    let clocks = world.known[0].clocks();
    assert_eq!(clocks.instance_ms, 0);
    assert!((clocks.shared_ms + TEN_MINUTES_MS).abs() <= SLACK_MS);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_took_long_moves_nothing() {
    let mut world = World::of(2);
    world.meet().await;
    world.way = Duration::from_millis(700);
    world.pass(3, "while answers take long").await;
    assert_eq!(world.known[0].clocks(), Clocks::default());
    assert!((0..limits::SHARDS).all(|shard| world.known[1].ahead_ms(shard) == 0));
}

#[tokio::test(start_paused = true)]
async fn a_process_that_slept_is_not_one_whose_clock_stepped() {
    let mut known = Agreement::new(Duration::from_secs(60));
    let at = Timestamp::from_unix_ms;
    let look = |known: &mut Agreement, ms: i64| {
        known.compare((at(ms), at(ms)), &[(0, at(ms))], Instant::now());
    };
    look(&mut known, 1_000_000);
    // The machine's steady clock stood still meanwhile.
    look(&mut known, 9_000_000);
    assert_eq!(known.agree(&[], Instant::now()), 0);
    assert_eq!(known.clocks(), Clocks::default());
}
