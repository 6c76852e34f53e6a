//! What feeders state: the truth everything is judged by.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::plan::ALERTS;

/// One state of an alert, as its feeder knows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statement {
    /// When it came to be so.
    pub at: f64,
    /// Whether the alert fires.
    pub is_firing: bool,
    /// Since when, or since when it did.
    pub start: f64,
    /// When an instance acknowledged it first.
    pub acknowledged_at: Option<f64>,
}

/// Every state of every alert; clones are the same one.
#[derive(Clone, Default)]
pub struct Truth(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    alerts: BTreeMap<usize, Vec<Statement>>,
    silences: Vec<(usize, f64, f64)>,
}

impl Truth {
    /// An alert fires, or is over, from now on; answers whether that is a change.
    pub fn state(&self, alert: usize, is_firing: bool, at: f64) -> bool {
        let mut inner = self.lock();
        let states = inner.alerts.entry(alert).or_default();
        let last = states.last();
        if last.is_some_and(|last| last.is_firing) == is_firing {
            return false;
        }
        let start = if is_firing {
            at
        } else {
            last.map_or(at, |last| last.start)
        };
        states.push(Statement {
            at,
            is_firing,
            start,
            acknowledged_at: None,
        });
        true
    }

    /// What is true of an alert now; `None` before it ever fired.
    pub fn now(&self, alert: usize) -> Option<Statement> {
        self.lock().alerts.get(&alert)?.last().copied()
    }

    /// An instance acknowledged a statement.
    pub fn acknowledge(&self, alert: usize, statement: Statement, at: f64) {
        let mut inner = self.lock();
        let states = inner.alerts.entry(alert).or_default();
        let found = states.iter_mut().find(|known| known.at == statement.at);
        if let Some(known) = found {
            known.acknowledged_at.get_or_insert(at);
        }
    }

    /// Every state of an alert.
    pub fn history(&self, alert: usize) -> Vec<Statement> {
        self.lock().alerts.get(&alert).cloned().unwrap_or_default()
    }

    /// An alert is silenced from one moment to another.
    pub fn silence(&self, alert: usize, from: f64, until: f64) {
        self.lock().silences.push((alert, from, until));
    }

    /// When an alert was silenced.
    pub fn silences(&self, alert: usize) -> Vec<(f64, f64)> {
        let inner = self.lock();
        let ours = inner
            .silences
            .iter()
            .filter(|(silenced, _, _)| *silenced == alert);
        ours.map(|(_, from, until)| (*from, *until)).collect()
    }

    /// The alerts that fire now.
    pub fn firing(&self) -> Vec<usize> {
        let fires = |alert: &usize| self.now(*alert).is_some_and(|state| state.is_firing);
        (0..ALERTS).filter(fires).collect()
    }

    /// Whether an alert was over at any moment between two, as far as anybody could know.
    pub fn was_over(&self, alert: usize, from: f64, until: f64) -> bool {
        let history = self.history(alert);
        let mut states = history.iter().enumerate();
        states.any(|(index, state)| {
            let next = history.get(index + 1).map_or(f64::MAX, |next| next.at);
            !state.is_firing && state.at <= until && from <= next
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
