//! Listening to a channel.

use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use redis::aio::{PubSub, PubSubSink, PubSubStream};
use tokio::time::Instant;

use super::connect::listen;
use super::current::jittered_pause;
use crate::error::LinkError;
use crate::link::Link;

/// A connection that says nothing for so long is asked whether it is still there.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// What came over a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A message's bytes.
    Message(Vec<u8>),
    /// The subscription was made, or made again: what was said before was not heard.
    Reconnected,
}

/// An ear on one channel, on a connection of its own.
pub struct Subscription {
    link: Link,
    channel: String,
    failures: u32,
    ear: Option<Ear>,
    /// A connection being made; kept here so that a caller who stops waiting does not stop the making.
    opening: Option<BoxFuture<'static, Result<PubSub, LinkError>>>,
}

/// A connection that is subscribed.
struct Ear {
    stream: PubSubStream,
    sink: PubSubSink,
    silent_since: Instant,
    /// A question whether the server is still there, under way.
    asking: Option<BoxFuture<'static, bool>>,
}

impl Subscription {
    pub(super) fn new(link: Link, channel: String) -> Self {
        Self {
            link,
            channel,
            failures: 0,
            ear: None,
            opening: None,
        }
    }

    /// Waits for what comes next; connects and reconnects as needed. Dropping the wait loses nothing.
    ///
    /// The first thing heard is [`Heard::Reconnected`], once the subscription stands.
    pub async fn next(&mut self) -> Heard {
        loop {
            match self.try_next().await {
                Ok(heard) => return heard,
                Err(error) => tracing::debug!(channel = self.channel, %error, "not subscribed"),
            }
        }
    }

    /// The same, but a failed attempt to connect is told; the next call tries again after a pause.
    ///
    /// # Errors
    /// Why there is no subscription.
    pub async fn try_next(&mut self) -> Result<Heard, LinkError> {
        if let Some(ear) = &mut self.ear {
            if let Some(message) = ear.hear(self.link.options().response_timeout).await {
                return Ok(Heard::Message(message));
            }
            self.ear = None;
        }
        let opening = self.opening.get_or_insert_with(|| {
            Box::pin(open(self.link.clone(), self.channel.clone(), self.failures))
        });
        let opened = opening.await;
        self.opening = None;
        match opened {
            Ok(pubsub) => {
                self.failures = 0;
                self.ear = Some(Ear::new(pubsub));
                Ok(Heard::Reconnected)
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                Err(error)
            }
        }
    }
}

async fn open(link: Link, channel: String, failures: u32) -> Result<PubSub, LinkError> {
    if let Some(earlier) = failures.checked_sub(1) {
        tokio::time::sleep(jittered_pause(earlier)).await;
    }
    listen(link.options(), &channel).await
}

impl Ear {
    fn new(pubsub: PubSub) -> Self {
        let (sink, stream) = pubsub.split();
        Self {
            stream,
            sink,
            silent_since: Instant::now(),
            asking: None,
        }
    }

    /// The next message; `None` when the connection is gone.
    async fn hear(&mut self, answer_timeout: Duration) -> Option<Vec<u8>> {
        loop {
            let silent_until = self.silent_since + SILENCE_MAX;
            let is_there = async {
                match &mut self.asking {
                    Some(asking) => asking.await,
                    None => {
                        tokio::time::sleep_until(silent_until).await;
                        let mut sink = self.sink.clone();
                        let asking = self.asking.insert(Box::pin(async move {
                            let answer = sink.ping::<redis::Value>();
                            let answer = tokio::time::timeout(answer_timeout, answer).await;
                            answer.is_ok_and(|answer| answer.is_ok())
                        }));
                        asking.await
                    }
                }
            };
            tokio::select! {
                biased;
                message = self.stream.next() => {
                    self.silent_since = Instant::now();
                    return Some(message?.get_payload_bytes().to_vec());
                }
                is_there = is_there => {
                    self.asking = None;
                    if !is_there {
                        return None;
                    }
                    self.silent_since = Instant::now();
                }
            }
        }
    }
}
