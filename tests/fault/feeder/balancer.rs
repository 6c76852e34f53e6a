//! The balancer built into the feeder: it asks every instance how it is and shares POSTs out among those that are well.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use harness::http::request_within;

/// Pause between two questions to an instance.
const PROBE_EVERY: Duration = Duration::from_millis(250);

/// Longest wait for an answer to one.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Which instances get POSTs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Balance {
    /// In turn, those that answer `/-/ready`.
    #[default]
    Ready,
    /// In turn, those that answer `/-/coordinated`; when there are none, as `Ready`.
    Coordinated,
    /// Always this one, ready or not.
    Fixed(usize),
}

/// HOST:PORT of every instance; none while it is down.
pub(crate) type Addresses = Arc<Mutex<Vec<Option<String>>>>;

#[derive(Default)]
struct Health {
    is_ready: AtomicBool,
    is_coordinated: AtomicBool,
}

/// Chooses the instance for a POST.
pub(crate) struct Balancer {
    addresses: Addresses,
    balance: Mutex<Balance>,
    health: Vec<Arc<Health>>,
    turn: AtomicUsize,
    is_over: Arc<AtomicBool>,
}

/// Asks for a page of health: whether it is 200.
fn is_well(address: &str, page: &str) -> bool {
    let answer = request_within(PROBE_TIMEOUT, address, ("GET", page), &[], "");
    answer.is_ok_and(|answer| answer.status() == 200)
}

fn probe(addresses: &Addresses, instance: usize, health: &Health, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        let address = address(addresses, instance);
        let asks = |page| {
            address
                .as_ref()
                .is_some_and(|address| is_well(address, page))
        };
        health.is_ready.store(asks("/-/ready"), Ordering::Relaxed);
        let is_coordinated = asks("/-/coordinated");
        health
            .is_coordinated
            .store(is_coordinated, Ordering::Relaxed);
        std::thread::sleep(PROBE_EVERY);
    }
}

/// Where an instance listens, while it does.
pub(crate) fn address(addresses: &Addresses, instance: usize) -> Option<String> {
    let addresses = addresses.lock().unwrap_or_else(PoisonError::into_inner);
    addresses.get(instance).cloned().flatten()
}

impl Balancer {
    /// Starts asking these instances.
    pub(crate) fn start(addresses: Addresses) -> Self {
        let many = addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len();
        let is_over = Arc::new(AtomicBool::new(false));
        let health = (0..many).map(|instance| {
            let health = Arc::new(Health::default());
            let (addresses, own, is_over) = (addresses.clone(), health.clone(), is_over.clone());
            std::thread::spawn(move || probe(&addresses, instance, &own, &is_over));
            health
        });
        let health = health.collect();
        Self {
            addresses,
            balance: Mutex::default(),
            health,
            turn: AtomicUsize::new(0),
            is_over,
        }
    }

    /// Chooses otherwise from now on.
    pub(crate) fn set(&self, balance: Balance) {
        *self.balance.lock().unwrap_or_else(PoisonError::into_inner) = balance;
    }

    /// The next instance and where it listens; `None` when nobody can take a POST.
    pub(crate) fn choose(&self) -> Option<(usize, String)> {
        let balance = *self.balance.lock().unwrap_or_else(PoisonError::into_inner);
        let pool = match balance {
            Balance::Fixed(instance) => vec![instance],
            Balance::Ready => self.pool(|health| &health.is_ready),
            Balance::Coordinated => {
                let pool = self.pool(|health| &health.is_coordinated);
                match pool.is_empty() {
                    true => self.pool(|health| &health.is_ready),
                    false => pool,
                }
            }
        };
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let instance = *pool.get(turn % pool.len().max(1))?;
        Some((instance, address(&self.addresses, instance)?))
    }

    fn pool(&self, is_in: impl Fn(&Health) -> &AtomicBool) -> Vec<usize> {
        let all = self.health.iter().enumerate();
        all.filter(|(_, health)| is_in(health).load(Ordering::Relaxed))
            .map(|(instance, _)| instance)
            .collect()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}
