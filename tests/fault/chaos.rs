//! chaosproxy: a TCP proxy that stands between one instance and its Redis and breaks in every way it is told to.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use harness::random::Random;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

/// Chunks on their way in one direction of one connection.
const CHUNKS_MAX: usize = 1024;

/// How bytes pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Flow {
    /// Both ways.
    #[default]
    Open,
    /// Nothing passes and nobody is told; what was under way arrives when the flow is open again, as after a
    /// broken route.
    Blackhole,
    /// Commands pass, answers are held until the flow is open again.
    AnswersHeld,
    /// The far end is forgotten: connections stay open to the near end and are silent for good, new ones too.
    HalfOpen,
    /// Connections are reset, new ones at once.
    Refuse,
}

/// From where to where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the instance to Redis.
    Commands,
    /// From Redis to the instance.
    Answers,
}

/// Connections are reset in the middle of what they carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    /// The direction whose bytes count.
    pub(crate) direction: Direction,
    /// Each connection is reset after a number of bytes of its own, at most this.
    pub(crate) bytes_max: u64,
}

/// What the proxy does to its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Weather {
    /// How bytes pass.
    pub(crate) flow: Flow,
    /// How long answers are late.
    pub(crate) latency: Duration,
    /// By how much that varies, at most, to either side.
    pub(crate) jitter: Duration,
    /// Where connections are cut.
    pub(crate) cut: Option<Cut>,
    /// Connections of an earlier age are reset.
    age: u64,
}

struct Shared {
    weather: watch::Sender<Weather>,
    target: Mutex<SocketAddr>,
    random: Mutex<Random>,
}

/// A running proxy; its connections are reset when it is dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: tokio::task::JoinHandle<()>,
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all();
        builder.build().expect("a thread for the proxies")
    })
}

impl Proxy {
    /// Starts one on a free port that leads to this place.
    pub(crate) fn start(target: SocketAddr, seed: u64) -> Self {
        let shared = Arc::new(Shared {
            weather: watch::Sender::new(Weather::default()),
            target: Mutex::new(target),
            random: Mutex::new(Random::seeded(seed)),
        });
        let listener = runtime()
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let accepting = runtime().spawn(accept(listener, shared.clone()));
        Self {
            address,
            shared,
            accepting,
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes how bytes pass.
    pub(crate) fn flow(&self, flow: Flow) {
        self.shared.weather.send_modify(|weather| {
            weather.flow = flow;
        });
    }

    /// Makes answers late.
    pub(crate) fn delay(&self, latency: Duration, jitter: Duration) {
        self.shared.weather.send_modify(|weather| {
            weather.latency = latency;
            weather.jitter = jitter;
        });
    }

    /// Cuts connections, those of now too, or stops doing so.
    pub(crate) fn cut(&self, cut: Option<Cut>) {
        self.shared.weather.send_modify(|weather| weather.cut = cut);
    }

    /// Resets every connection of now.
    pub(crate) fn reset(&self) {
        self.shared.weather.send_modify(|weather| weather.age += 1);
    }

    /// Leads to another place from now on; connections of before are reset.
    pub(crate) fn lead_to(&self, target: SocketAddr) {
        let own = self.shared.target.lock();
        *own.unwrap_or_else(PoisonError::into_inner) = target;
        self.reset();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.flow(Flow::Refuse);
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(carry(client, shared.clone()));
    }
}

/// How a connection ended.
enum End {
    Closed,
    Reset,
    Forgotten,
}

async fn carry(mut client: TcpStream, shared: Arc<Shared>) {
    let age = shared.weather.borrow().age;
    let target = *shared.target.lock().unwrap_or_else(PoisonError::into_inner);
    let flow = shared.weather.borrow().flow;
    if flow == Flow::HalfOpen {
        return forget(client).await;
    }
    let Ok(mut server) = TcpStream::connect(target).await else {
        let _ = client.set_zero_linger();
        return;
    };
    // A proxy that gathers small writes would add latency of its own.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let end = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        tokio::select! {
            end = pump(from_client, to_server, Direction::Commands, &shared) => end,
            end = pump(from_server, to_client, Direction::Answers, &shared) => end,
            end = ended_from_outside(&shared, age) => end,
        }
    };
    match end {
        End::Closed => {}
        End::Reset => {
            let _ = (client.set_zero_linger(), server.set_zero_linger());
        }
        End::Forgotten => {
            drop(server);
            forget(client).await;
        }
    }
}

/// Keeps a connection open without a word until its near end closes it.
async fn forget(mut client: TcpStream) {
    let mut bytes = [0; 4096];
    while client.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
}

async fn ended_from_outside(shared: &Shared, age: u64) -> End {
    let mut weather = shared.weather.subscribe();
    let found = weather
        .wait_for(|now| now.age != age || matches!(now.flow, Flow::Refuse | Flow::HalfOpen))
        .await;
    match found {
        Ok(now) if now.age == age && now.flow == Flow::HalfOpen => End::Forgotten,
        _ => End::Reset,
    }
}

/// Carries bytes one way, each chunk late by what was in force when it came.
async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    direction: Direction,
    shared: &Shared,
) -> End {
    let (queue, mut queued) = mpsc::channel::<(Instant, Vec<u8>)>(CHUNKS_MAX);
    let reading = async move {
        let mut bytes = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = from.read(&mut bytes).await {
            let due = Instant::now() + shared.lateness(direction);
            if queue.send((due, bytes[..read].to_vec())).await.is_err() {
                break;
            }
        }
        // What is queued is still delivered; the writing side ends this.
        drop(queue);
        std::future::pending::<()>().await;
    };
    let writing = async move {
        let mut weather = shared.weather.subscribe();
        let mut quota = None;
        while let Some((due, bytes)) = queued.recv().await {
            sleep_until(due).await;
            if weather.wait_for(|now| now.passes(direction)).await.is_err() {
                return End::Reset;
            }
            match shared.write(&mut to, &bytes, direction, &mut quota).await {
                Ok(true) => {}
                Ok(false) => return End::Reset,
                Err(_) => return End::Closed,
            }
        }
        End::Closed
    };
    tokio::select! {
        end = writing => end,
        () = reading => End::Closed,
    }
}

impl Weather {
    fn passes(&self, direction: Direction) -> bool {
        match self.flow {
            Flow::Blackhole => false,
            Flow::AnswersHeld => direction == Direction::Commands,
            _ => true,
        }
    }
}

impl Shared {
    fn below(&self, bound: u64) -> u64 {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        random.below(bound)
    }

    fn lateness(&self, direction: Direction) -> Duration {
        let weather = *self.weather.borrow();
        if direction == Direction::Commands {
            return Duration::ZERO;
        }
        let spread = u64::try_from(weather.jitter.as_micros()).unwrap_or(u64::MAX / 4);
        let drawn = Duration::from_micros(self.below(2 * spread + 1));
        (weather.latency + drawn).saturating_sub(weather.jitter)
    }

    /// Writes a chunk; false when the connection's quota ended in it.
    async fn write(
        &self,
        to: &mut WriteHalf<'_>,
        bytes: &[u8],
        direction: Direction,
        quota: &mut Option<u64>,
    ) -> io::Result<bool> {
        let cut = self.weather.borrow().cut;
        let Some(cut) = cut.filter(|cut| cut.direction == direction) else {
            *quota = None;
            to.write_all(bytes).await?;
            return Ok(true);
        };
        let left = quota.get_or_insert_with(|| self.below(cut.bytes_max + 1));
        let fits = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
        to.write_all(&bytes[..fits]).await?;
        *left -= fits as u64;
        Ok(fits == bytes.len())
    }
}

#[cfg(test)]
mod tests;
