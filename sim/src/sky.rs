//! What stands between an instance and the world: weather, walls, and whether it lives.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use state::coordinator::model::weather::{End, Fate, Reach, Weather};
use tokio::sync::watch;

use crate::dice::Dice;

/// Whether an instance lives, and whether it stands still; clones are the same one.
#[derive(Clone)]
pub struct Gate(Arc<Doors>);

struct Doors {
    is_alive: AtomicBool,
    is_frozen: watch::Sender<bool>,
}

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(Doors {
            is_alive: AtomicBool::new(true),
            is_frozen: watch::Sender::new(false),
        }))
    }
}

impl Gate {
    /// Goes on once the instance may; a dead one never does, and nobody waits for it.
    pub async fn pass(&self) {
        let mut frozen = self.0.is_frozen.subscribe();
        let _ = frozen.wait_for(|is_frozen| !is_frozen).await;
        if !self.0.is_alive.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }

    /// The instance dies.
    pub fn kill(&self) {
        self.0.is_alive.store(false, Ordering::SeqCst);
        self.freeze(false);
    }

    /// The instance stands still, or goes on.
    pub fn freeze(&self, is_frozen: bool) {
        self.0.is_frozen.send_replace(is_frozen);
    }

    /// Whether it neither is dead nor stands still.
    pub fn is_open(&self) -> bool {
        self.0.is_alive.load(Ordering::SeqCst) && !*self.0.is_frozen.borrow()
    }
}

/// The weather over the server, the same for everybody, but for who is cut off.
pub struct Sky {
    dice: Mutex<Dice>,
    permille: u64,
    is_quiet: AtomicBool,
    is_refusing: AtomicBool,
    cut_off: Mutex<Vec<bool>>,
    losing_reply_to: Mutex<Option<&'static str>>,
}

impl Sky {
    /// Weather in which so many of a thousand requests meet with something.
    pub fn new(dice: Dice, permille: u64, instances: usize) -> Arc<Self> {
        Arc::new(Self {
            dice: Mutex::new(dice),
            permille,
            is_quiet: AtomicBool::new(false),
            is_refusing: AtomicBool::new(false),
            cut_off: Mutex::new(vec![false; instances]),
            losing_reply_to: Mutex::new(None),
        })
    }

    /// From now on the weather is fine and nobody is cut off.
    pub fn clear(&self) {
        self.is_quiet.store(true, Ordering::SeqCst);
        self.refuse(false);
        self.cut_all(false);
    }

    /// An instance is cut off, or no longer.
    pub fn cut(&self, slot: usize, is_cut: bool) {
        let mut cut_off = self.cut_off.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cut) = cut_off.get_mut(slot) {
            *cut = is_cut;
        }
    }

    /// All of them are.
    pub fn cut_all(&self, is_cut: bool) {
        let mut cut_off = self.cut_off.lock().unwrap_or_else(PoisonError::into_inner);
        cut_off.fill(is_cut);
    }

    /// The server refuses to work, or no longer.
    pub fn refuse(&self, is_refusing: bool) {
        self.is_refusing.store(is_refusing, Ordering::SeqCst);
    }

    /// Replies to requests of this kind are lost, or no longer.
    pub fn lose_replies_to(&self, request: Option<&'static str>) {
        *self
            .losing_reply_to
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = request;
    }

    fn fate(&self, slot: usize, request: &'static str) -> Fate {
        let losing = self
            .losing_reply_to
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if *losing == Some(request) {
            return Fate::ending(End::ReplyLost);
        }
        drop(losing);
        let cut_off = self.cut_off.lock().unwrap_or_else(PoisonError::into_inner);
        if cut_off.get(slot).copied().unwrap_or(false) {
            return Fate::ending(End::Unreachable);
        }
        if self.is_refusing.load(Ordering::SeqCst) {
            return Fate::ending(End::Refused);
        }
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        // A network takes its time, even a good one.
        let fine = Fate {
            there: Duration::from_micros(200 + dice.below(1_800)),
            back: Duration::from_micros(200 + dice.below(1_800)),
            ..Fate::FINE
        };
        if self.is_quiet.load(Ordering::SeqCst) || !dice.permille(self.permille) {
            return fine;
        }
        match dice.below(6) {
            0 => Fate::ending(End::RequestLost),
            1 | 2 => Fate::ending(End::ReplyLost),
            3 => Fate {
                there: Duration::from_millis(dice.below(450)),
                ..fine
            },
            4 => Fate {
                back: Duration::from_millis(dice.below(450)),
                ..fine
            },
            _ => Fate {
                reach: Reach(u16::try_from(dice.below(65_536)).unwrap_or(0)),
                ..fine
            },
        }
    }
}

/// The weather as one instance meets it.
pub struct Overhead {
    /// The sky.
    pub sky: Arc<Sky>,
    /// Which instance.
    pub slot: usize,
    /// Whether it lives.
    pub gate: Gate,
}

#[async_trait]
impl Weather for Overhead {
    async fn goes_on(&self) {
        self.gate.pass().await;
    }

    fn meets(&self, _: &str, request: &'static str) -> Fate {
        self.sky.fate(self.slot, request)
    }
}
