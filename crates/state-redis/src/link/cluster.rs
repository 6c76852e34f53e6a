//! A cluster: a connection to each of its masters, and which of them has which slot.
//!
//! The library's own client for clusters (redis 1.8.1) answers nothing at all, for slots of any node, once one node is gone and
//! commands for its slots are asked from several sides (`tests/link/cluster.rs`). So the library makes single connections only, and
//! what is particular to a cluster is here: the map of slots (`CLUSTER SLOTS`), redirections (`MOVED`, `ASK`, `TRYAGAIN`), and that
//! each node fails by itself. See <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/>.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use redis::{Cmd, ErrorKind, RedisResult, ServerErrorKind, Value};
use tokio::time::Instant;

use super::connect;
use super::current::{Connection, Current};
use super::options::LinkOptions;
use super::wire::Wire;
use crate::error::{LinkError, LinkErrorKind};

/// How often a command may be sent elsewhere before that is an error.
const REDIRECTS_MAX: u32 = 5;
/// Pause before a command is repeated whose keys are just being moved.
const REDIRECT_PAUSE: Duration = Duration::from_millis(25);
/// Least pause between two looks at the map of slots.
const MAP_PAUSE: Duration = Duration::from_millis(500);
/// Slots of every cluster.
const SLOTS: u16 = 16_384;

/// Host and port of a node.
type Address = (String, u16);

/// A command, and the slot of its keys; `None` where any master will do.
pub(super) struct Asked {
    pub(super) slot: Option<u16>,
    pub(super) command: Cmd,
}

/// Connections to a cluster.
pub(super) struct Cluster {
    options: LinkOptions,
    /// Nodes to ask for the map, as configured.
    seeds: Vec<Address>,
    map: ArcSwap<SlotMap>,
    nodes: Mutex<HashMap<Address, Arc<Current<Wire>>>>,
    /// When somebody last began to ask for the map.
    asked_at: Mutex<Instant>,
}

/// Which master has which slots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct SlotMap {
    /// First and last slot of each range, in order, and who has it.
    ranges: Vec<(u16, u16, Address)>,
}

impl Connection for Cluster {
    fn is_open(&self) -> bool {
        true
    }
}

impl Cluster {
    /// Asks the seeds for the map; the error tells why none of them serves us.
    pub(super) async fn connect(options: &LinkOptions) -> Result<Self, LinkError> {
        let cluster = Self {
            seeds: options.topology.nodes(),
            options: options.clone(),
            map: ArcSwap::default(),
            nodes: Mutex::default(),
            asked_at: Mutex::new(Instant::now()),
        };
        cluster.read_map().await?;
        Ok(cluster)
    }

    /// Sends one command to where its slot is. A redirection means that it was not carried out.
    pub(super) async fn ask(self: &Arc<Self>, asked: &Asked) -> Result<Value, LinkError> {
        let mut address = self.holder(asked.slot)?;
        let (mut is_asking, mut redirects) = (false, 0);
        loop {
            let answer = self.ask_at(&address, &asked.command, is_asking).await?;
            let error = match answer {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            redirects += 1;
            is_asking = error.kind() == ErrorKind::Server(ServerErrorKind::Ask);
            let to = error.redirect_node().and_then(|(to, _)| parted(to));
            match error.kind() {
                _ if REDIRECTS_MAX < redirects => {
                    let message = format!("{error}: its nodes do not agree who has this slot");
                    return Err(LinkError::new(LinkErrorKind::ClusterDown, message));
                }
                ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask) => {
                    let Some(to) = to else {
                        return Err(error.into());
                    };
                    if !is_asking {
                        self.read_map_soon();
                    }
                    address = to;
                }
                ErrorKind::Server(ServerErrorKind::TryAgain) => {
                    tokio::time::sleep(REDIRECT_PAUSE * redirects).await;
                }
                _ => return Err(error.into()),
            }
        }
    }

    /// Sends one command to every master; answers their names and answers.
    pub(super) async fn ask_masters(
        self: &Arc<Self>,
        command: &Cmd,
    ) -> Result<Vec<(String, Value)>, LinkError> {
        let masters = self.map.load().masters();
        let asked = masters.into_iter().map(async |address| {
            let value = self.ask_at(&address, command, false).await??;
            let (host, port) = address;
            Ok((format!("{host}:{port}"), value))
        });
        join_all(asked).await.into_iter().collect()
    }

    /// Sends one command to the master of this name.
    pub(super) async fn ask_master(
        self: &Arc<Self>,
        name: &str,
        command: &Cmd,
    ) -> Result<Value, LinkError> {
        let Some(address) = parted(name) else {
            let message = format!("`{name}` is an address without a port");
            return Err(LinkError::new(LinkErrorKind::Unexpected, message));
        };
        Ok(self.ask_at(&address, command, false).await??)
    }

    /// Who has a slot; where none is named any master, of those that are connected if there are some.
    fn holder(self: &Arc<Self>, slot: Option<u16>) -> Result<Address, LinkError> {
        let map = self.map.load();
        let holder = match slot {
            Some(slot) => map.holder(slot),
            None => {
                let nodes = lock(&self.nodes);
                let is_open = |address: &Address| nodes.get(address).is_some_and(|n| n.is_open());
                let mut masters = map.ranges.iter().map(|(_, _, address)| address);
                let connected = masters.clone().find(|address| is_open(address));
                connected.or_else(|| masters.next())
            }
        };
        holder.cloned().ok_or_else(|| {
            self.read_map_soon();
            let message = "no node of the cluster has this slot";
            LinkError::new(LinkErrorKind::ClusterDown, message)
        })
    }

    /// Asks one node; the outer error is one of the connection.
    async fn ask_at(
        self: &Arc<Self>,
        address: &Address,
        command: &Cmd,
        is_asking: bool,
    ) -> Result<RedisResult<Value>, LinkError> {
        let answer = self.ask_node(address, command, is_asking).await;
        if answer.as_ref().is_err() {
            // Somebody else may have its slots by now.
            self.read_map_soon();
        }
        answer
    }

    async fn ask_node(
        &self,
        address: &Address,
        command: &Cmd,
        is_asking: bool,
    ) -> Result<RedisResult<Value>, LinkError> {
        let (host, port) = address;
        let node = Arc::clone(lock(&self.nodes).entry(address.clone()).or_default());
        let connecting = async || connect::node(&self.options, host, *port).await;
        let wire = node.wire(connecting).await?;
        let began = Instant::now();
        let answer = wire.ask_as(command, is_asking).await;
        let failure = match &answer {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(LinkError::from(error.clone())),
            Err(error) => Some(error.clone()),
        };
        if failure.is_some_and(|failure| wire.is_spent(&failure, began)) {
            node.drop_wire(&wire);
        }
        answer
    }

    /// Looks at the map beside what is done, unless somebody just did.
    fn read_map_soon(self: &Arc<Self>) {
        {
            let mut asked_at = lock(&self.asked_at);
            if asked_at.elapsed() < MAP_PAUSE {
                return;
            }
            *asked_at = Instant::now();
        }
        let cluster = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = cluster.read_map().await {
                tracing::debug!(%error, "No node of the cluster says which of them has which slot");
            }
        });
    }

    /// Takes the map of whoever answers first: masters that are known, and the seeds.
    async fn read_map(&self) -> Result<(), LinkError> {
        let mut question = redis::cmd("CLUSTER");
        question.arg("SLOTS");
        let mut known = self.map.load().masters();
        known.extend(self.seeds.iter().cloned());
        let question = &question;
        let asked = known.into_iter().map(async |address| {
            let value = self.ask_node(&address, question, false).await??;
            SlotMap::read(&value, &address.0)
        });
        let mut asked: FuturesUnordered<_> = asked.collect();
        let mut failure = LinkError::new(LinkErrorKind::Unreachable, "no server is known");
        while let Some(answer) = asked.next().await {
            match answer {
                Ok(map) => {
                    let mut kept = map.masters();
                    kept.extend(self.seeds.iter().cloned());
                    lock(&self.nodes).retain(|address, _| kept.contains(address));
                    self.map.store(Arc::new(map));
                    return Ok(());
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }
}

impl SlotMap {
    /// Reads an answer to `CLUSTER SLOTS` of a node at this host: ranges, each with its master first, then replicas. A node that does
    /// not know its own host names none.
    fn read(answer: &Value, asked_host: &str) -> Result<Self, LinkError> {
        let unreadable = || {
            let message = "the map of the cluster's slots cannot be read";
            LinkError::new(LinkErrorKind::Unexpected, message)
        };
        let Value::Array(lines) = answer else {
            return Err(unreadable());
        };
        let mut ranges = Vec::with_capacity(lines.len());
        for line in lines {
            let Value::Array(line) = line else {
                return Err(unreadable());
            };
            let [
                Value::Int(first),
                Value::Int(last),
                Value::Array(master),
                ..,
            ] = line.as_slice()
            else {
                return Err(unreadable());
            };
            let [host, Value::Int(port), ..] = master.as_slice() else {
                return Err(unreadable());
            };
            let host = match host {
                Value::BulkString(host) if !host.is_empty() => {
                    String::from_utf8(host.clone()).map_err(|_| unreadable())?
                }
                Value::SimpleString(host) if !host.is_empty() => host.clone(),
                _ => asked_host.to_owned(),
            };
            let number = |number: &i64| u16::try_from(*number).map_err(|_| unreadable());
            ranges.push((number(first)?, number(last)?, (host, number(port)?)));
        }
        ranges.sort();
        Ok(Self { ranges })
    }

    fn holder(&self, slot: u16) -> Option<&Address> {
        let after = self.ranges.partition_point(|(first, ..)| *first <= slot);
        let (_, last, address) = self.ranges.get(after.checked_sub(1)?)?;
        (slot <= *last).then_some(address)
    }

    fn masters(&self) -> BTreeSet<Address> {
        let ranges = self.ranges.iter();
        ranges.map(|(_, _, address)| address.clone()).collect()
    }
}

/// The slot of a key: of what is between its first braces, if that is anything.
pub(crate) fn slot_of(key: &str) -> u16 {
    let tag = key.split_once('{').and_then(|(_, rest)| {
        let (tag, _) = rest.split_once('}')?;
        (!tag.is_empty()).then_some(tag)
    });
    crc16::State::<crc16::XMODEM>::calculate(tag.unwrap_or(key).as_bytes()) % SLOTS
}

fn parted(address: &str) -> Option<Address> {
    let (host, port) = address.rsplit_once(':')?;
    Some((host.to_owned(), port.parse().ok()?))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the reference says, and as a server answers to `CLUSTER KEYSLOT`.
    #[test]
    fn a_key_has_the_slot_of_its_tag() {
        assert_eq!(slot_of("123456789"), 12_739);
        assert_eq!(slot_of("foo"), 12_182);
        assert_eq!(slot_of("{foo}.bar"), slot_of("foo"));
        assert_eq!(slot_of("a{foo}{bar}"), slot_of("foo"));
        assert_ne!(slot_of("{}foo"), slot_of("foo"));
        assert_eq!(slot_of("{{foo}}"), slot_of("{foo"));
    }

    fn node(host: &str, port: i64) -> Value {
        let host = Value::BulkString(host.as_bytes().to_vec());
        Value::Array(vec![host, Value::Int(port)])
    }

    #[test]
    fn a_slot_is_found_in_the_range_that_has_it() {
        let range = |first, last, master| {
            Value::Array(vec![
                Value::Int(first),
                Value::Int(last),
                master,
                node("r", 9),
            ])
        };
        let answer = Value::Array(vec![
            range(8_000, 16_383, node("b", 2)),
            range(0, 4_999, node("", 1)),
            range(5_000, 5_000, node("c", 3)),
        ]);
        let map = SlotMap::read(&answer, "asked").expect("a map");
        let host = |slot| map.holder(slot).map(|(host, port)| (host.as_str(), *port));
        assert_eq!(host(0), Some(("asked", 1)));
        assert_eq!(host(5_000), Some(("c", 3)));
        assert_eq!(host(5_001), None, "nobody has it");
        assert_eq!(host(16_383), Some(("b", 2)));
        assert_eq!(map.masters().len(), 3);
        let broken = Value::Array(vec![Value::Int(1)]);
        assert!(SlotMap::read(&broken, "asked").is_err());
    }
}
