//! How messages are delivered beyond what Alertmanager knows: keys of our own, left out of what is printed.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::{Integration, Receiver, ReceiverIntegration};
use crate::duration::quoted;
use crate::error::{ConfigError, Mark, Result};
use crate::yaml::{Fields, Node};

/// The key of an integration's [`RateLimit`].
const RATE_LIMIT: &str = "rate_limit";

/// The longest period of a rate limit.
const PERIOD_MAX: Duration = Duration::from_secs(24 * 3600);

/// Most messages of a rate limit.
const MESSAGES_MAX: u64 = 1_000_000;

/// A receiver fails for good after this long, if it has a fallback and does not say itself.
const AFTER: Duration = Duration::from_secs(5 * 60);

/// How often an integration may be used: so many messages at once, and so many more in each period, all instances
/// together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Messages.
    pub messages: u32,
    /// The period in which they may be sent.
    pub per: Duration,
}

impl RateLimit {
    /// What robots of group chats may send: 20 messages a minute.
    pub(super) const OF_BOTS: Self = Self {
        messages: 20,
        per: Duration::from_secs(60),
    };

    fn decode(node: &Node) -> Result<Self> {
        let f = Fields::new(node, RATE_LIMIT, &["messages", "per"])?;
        let messages = f.unsigned("messages", 0)?;
        let messages = u32::try_from(messages).ok().filter(|n| {
            let n = u64::from(*n);
            (1..=MESSAGES_MAX).contains(&n)
        });
        let Some(messages) = messages else {
            let error = f.error_at("messages", "a rate limit allows at least one message");
            return Err(error.hint("rate_limit: {messages: 20, per: 1m}"));
        };
        let per = f.duration_or("per", Duration::from_secs(60))?;
        if per.is_zero() || PERIOD_MAX < per {
            let error = f.error_at("per", "the period of a rate limit is at most a day");
            return Err(error.hint("rate_limit: {messages: 20, per: 1m}"));
        }
        Ok(Self { messages, per })
    }
}

/// An integration without the keys that are ours, and its rate limit.
pub(super) fn take_rate_limit(node: &Node) -> Result<Option<(Node, RateLimit)>> {
    let Some((rest, limit)) = node.without(RATE_LIMIT) else {
        return Ok(None);
    };
    Ok(Some((rest, RateLimit::decode(&limit)?)))
}

/// Who is told when a receiver cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FallbackTo {
    /// The receiver.
    pub receiver: String,
    /// After failing for so long; at once after a failure for good.
    pub after: Duration,
    mark: Mark,
}

/// How a receiver's messages are delivered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Who is told when it cannot be.
    pub fallback: Option<FallbackTo>,
    /// Whether messages list only what changed since the last one.
    pub delta: bool,
}

/// The keys a receiver may have for it.
pub(super) const FALLBACK_RECEIVER: &str = "fallback_receiver";
pub(super) const FALLBACK_AFTER: &str = "fallback_after";
pub(super) const DELTA: &str = "delta";

impl Delivery {
    pub(super) fn decode(f: &Fields, integrations: &[ReceiverIntegration]) -> Result<Self> {
        let receiver = f.text(FALLBACK_RECEIVER)?;
        let after = f.duration(FALLBACK_AFTER)?;
        if receiver.is_empty() && after.is_some() {
            let error = f.error_at(FALLBACK_AFTER, "fallback_after without a fallback_receiver");
            return Err(error.hint("name the receiver that is told instead"));
        }
        let fallback = (!receiver.is_empty()).then(|| FallbackTo {
            receiver,
            after: after.unwrap_or(AFTER),
            mark: f.mark_of(FALLBACK_RECEIVER),
        });
        let delta = f.boolean(DELTA, false)?;
        if delta && let Some(item) = integrations.iter().find(|item| changes_messages(item)) {
            let name = item.name();
            let message = format!("delta: true beside {name}, which changes one message");
            let error = f.error_at(DELTA, message);
            return Err(error.hint(
                "alerts that are not listed anew would vanish from it: put it into a receiver of its own",
            ));
        }
        Ok(Self { fallback, delta })
    }
}

/// Whether an integration writes over what it said last, so that only the whole list makes sense.
fn changes_messages(item: &ReceiverIntegration) -> bool {
    match &item.integration {
        Integration::Slack(config) => config.update_message,
        Integration::Opsgenie(config) => config.update_alerts,
        Integration::Jira(_) => true,
        _ => false,
    }
}

/// Checks that fallbacks name receivers that tell somebody and have no fallback themselves.
pub(crate) fn check_fallbacks(receivers: &[Receiver]) -> Result<()> {
    let by_name: HashMap<&str, &Receiver> = receivers
        .iter()
        .map(|receiver| (receiver.name.as_str(), receiver))
        .collect();
    for receiver in receivers {
        let Some(fallback) = &receiver.delivery.fallback else {
            continue;
        };
        let name = quoted(&fallback.receiver);
        let refuse =
            |message: String, hint: &str| Err(ConfigError::at(fallback.mark, message).hint(hint));
        match by_name.get(fallback.receiver.as_str()) {
            None => {
                return refuse(
                    format!("undefined receiver {name} used as fallback_receiver"),
                    "add a receiver of this name",
                );
            }
            Some(other) if other.name == receiver.name => {
                return refuse(
                    format!("receiver {name} is its own fallback_receiver"),
                    "name another receiver",
                );
            }
            Some(other) if other.delivery.fallback.is_some() => {
                return refuse(
                    format!("receiver {name} is a fallback_receiver and has one itself"),
                    "a fallback has no fallback: name the last one of the chain",
                );
            }
            Some(other) if other.integrations.is_empty() => {
                return refuse(
                    format!("receiver {name} is a fallback_receiver and tells nobody"),
                    "give it an integration",
                );
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// What is left out of the printed configuration and makes a difference all the same, as a text to compare.
pub(crate) fn own_text(receivers: &[Receiver]) -> String {
    let mut own: BTreeMap<&str, String> = BTreeMap::new();
    for receiver in receivers {
        let Delivery { fallback, delta } = &receiver.delivery;
        let mut text = String::new();
        if let Some(fallback) = fallback {
            text.push_str(&format!("{} {:?};", fallback.receiver, fallback.after));
        }
        if *delta {
            text.push_str("delta;");
        }
        for item in &receiver.integrations {
            if let Integration::Own(own) = &item.integration {
                // Secrets are hidden, as they are in what is printed.
                text.push_str(&format!("{} {own:?};", item.name()));
            }
            if let Some(limit) = item.rate_limit {
                text.push_str(&format!("{} {limit:?};", item.name()));
            }
        }
        if !text.is_empty() {
            own.insert(&receiver.name, text);
        }
    }
    if own.is_empty() {
        return String::new();
    }
    format!("{own:?}")
}

#[cfg(test)]
mod tests;
