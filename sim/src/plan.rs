//! What is to happen, and when: decided by the seed before anything runs.

use crate::dice::Dice;
use crate::profile::Profile;

/// Alerts of a run: `n0` inhibits `n1`; the last two belong to team x, and go to a receiver of their own.
pub const ALERTS: usize = 6;

/// From then on nothing happens any more: faults are over, receivers are well, everybody runs the same configuration.
pub const QUIET: f64 = 200.0;

/// By then everybody must know everything: a hanging attempt, a lapsed lease, a grace of moves, and some ticks.
pub const END: f64 = 460.0;

/// What is to happen in a run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many instances there are.
    pub instances: usize,
    /// How many feeders; each states its own alerts.
    pub feeders: usize,
    /// Whether feeders repeat themselves, as Prometheus does; others say a thing until it is acknowledged, and never again.
    pub is_repeating: bool,
    /// Whether each feeder keeps to one instance while that works.
    pub is_sticky: bool,
    /// What happens, in order of time.
    pub acts: Vec<(f64, Act)>,
}

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Act {
    /// An alert begins to fire.
    Fire(usize),
    /// It is over.
    End(usize),
    /// Somebody silences an alert for so many seconds, at an instance.
    Silence(usize, f64, usize),
    /// The last silence made is deleted, at an instance.
    Unsilence(usize),
    /// An instance dies, and is back after so many seconds.
    Kill(usize, f64),
    /// An instance is told to stop, and is back after so many seconds.
    Stop(usize, f64),
    /// All of them die.
    KillAll(f64),
    /// An instance stands still for so many seconds.
    Freeze(usize, f64),
    /// The server loses everything.
    Flush,
    /// The server loses what was written in the next so many seconds.
    Rollback(f64),
    /// An instance cannot reach the server for so many seconds.
    Cut(usize, f64),
    /// Nobody can.
    CutAll(f64),
    /// The server stands still, and goes on with what came in meanwhile.
    Stall(f64),
    /// The server refuses to work.
    Refuse(f64),
    /// An instance is told to stop, and its newer build starts after so many seconds.
    Upgrade(usize, f64),
    /// An instance is told to stop, and its older build runs for so many seconds.
    Downgrade(usize, f64),
    /// The configuration changes; each instance takes it over so many seconds after the one before.
    Reload(f64),
}

impl Plan {
    /// The plan of a seed.
    pub fn new(profile: Profile, seed: u64) -> Self {
        let mut dice = Dice::new(seed, "plan");
        let instances = 2 + dice.index(4);
        let mut plan = Self {
            instances,
            feeders: 1 + dice.index(2),
            is_repeating: dice.permille(600),
            is_sticky: dice.permille(500),
            acts: Vec::new(),
        };
        let busy = [8, 25, 40][dice.index(3)];
        for _ in 0..busy {
            let act = Self::statement(&mut dice, instances);
            plan.acts.push((dice.seconds(0.5, QUIET - 10.0), act));
        }
        let faults = 1 + dice.index(6);
        for _ in 0..faults {
            let at = dice.seconds(2.0, QUIET - 20.0);
            if let Some(act) = Self::fault(profile, &mut dice, instances, at) {
                plan.acts.push((at, act));
            }
        }
        if profile.has_upgrades() {
            plan.upgrade(&mut dice);
        }
        plan.acts.sort_by(|a, b| a.0.total_cmp(&b.0));
        plan
    }

    /// One instance after the other; long after the last one somebody starts an old build by mistake.
    fn upgrade(&mut self, dice: &mut Dice) {
        let mut at = dice.seconds(5.0, 40.0);
        for slot in 0..self.instances {
            let away = dice.seconds(0.2, 5.0);
            self.acts.push((at, Act::Upgrade(slot, away)));
            at += dice.seconds(6.0, 15.0);
        }
        let at = dice.seconds(125.0, 150.0);
        let by_mistake = Act::Downgrade(dice.index(self.instances), dice.seconds(5.0, 40.0));
        self.acts.push((at, by_mistake));
    }

    fn statement(dice: &mut Dice, instances: usize) -> Act {
        let alert = dice.index(ALERTS);
        match dice.below(100) {
            0..50 => Act::Fire(alert),
            50..85 => Act::End(alert),
            85..95 => Act::Silence(alert, dice.seconds(1.0, 40.0), dice.index(instances)),
            _ => Act::Unsilence(dice.index(instances)),
        }
    }

    fn fault(profile: Profile, dice: &mut Dice, instances: usize, at: f64) -> Option<Act> {
        let one = dice.index(instances);
        let mut choices: Vec<Act> = Vec::new();
        let rest = QUIET - at;
        let mut span = |from: f64, to: f64| dice.seconds(from, to).min(rest);
        if profile.has_kills() {
            choices.extend([
                Act::Kill(one, span(0.1, 3.0)),
                Act::Kill(one, span(1.0, 40.0)),
                Act::Kill(one, span(1.0, 100.0)),
                Act::Stop(one, span(0.5, 20.0)),
                Act::KillAll(span(0.1, 60.0)),
            ]);
        }
        if profile.has_freezes() {
            choices.extend([
                Act::Freeze(one, span(0.5, 15.0)),
                Act::Freeze(one, span(20.0, 55.0)),
                Act::Freeze(one, span(61.0, 130.0)),
            ]);
        }
        if profile.has_losses() {
            choices.extend([
                Act::Flush,
                Act::Flush,
                Act::Rollback(span(0.05, 2.0)),
                Act::Rollback(span(1.0, 12.0)),
            ]);
        }
        if profile.has_outages() {
            choices.extend([
                Act::Cut(one, span(0.2, 2.0)),
                Act::Cut(one, span(3.0, 90.0)),
                Act::CutAll(span(0.2, 3.0)),
                Act::CutAll(span(3.0, 90.0)),
                Act::Stall(span(0.2, 20.0)),
                Act::Refuse(span(0.5, 40.0)),
            ]);
        }
        if profile.has_upgrades() {
            choices.extend([
                Act::Freeze(one, span(0.5, 8.0)),
                Act::Cut(one, span(0.2, 2.0)),
                Act::Cut(one, span(3.0, 10.0)),
            ]);
        }
        if profile.has_reloads() {
            choices.extend([Act::Reload(span(0.0, 1.0)), Act::Reload(span(1.0, 25.0))]);
        }
        if choices.is_empty() {
            return None;
        }
        let index = dice.index(choices.len());
        choices.get(index).copied()
    }
}
