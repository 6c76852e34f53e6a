//! Trying a receiver: one message over each of its integrations, about an alert nobody has.

use std::sync::Arc;

use notify::Integration;
use notify::rehearsal::{Rehearsal, Rehearsed};
use state::rate::Taken;

use crate::channel::Channel;
use crate::deliver::Made;
use crate::{Engine, Tenant};

/// Why a receiver cannot be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRehearsed {
    /// There is none of this name.
    #[error("no receiver has this name")]
    Unknown,
    /// Receivers are built when they are needed.
    #[error("the receiver has no integrations, or no route and no fallback_receiver names it")]
    Empty,
    /// An integration's rate is used up.
    #[error("the rate limit of an integration is used up; try again in {seconds} s")]
    Held {
        /// Until a message may go, in seconds.
        seconds: u64,
    },
}

impl Engine {
    /// Sends a test over each integration of a receiver; the attempts are in the delivery log.
    ///
    /// # Errors
    /// There is nobody to tell.
    pub async fn rehearse(
        &self,
        tenant: &Tenant,
        receiver: &str,
        is_resolved: bool,
    ) -> Result<Vec<Rehearsed>, NotRehearsed> {
        let settings = tenant.settings();
        let spec = &settings
            .receiver(receiver)
            .ok_or(NotRehearsed::Unknown)?
            .spec;
        let own = spec.integrations.iter().filter(|spec| !spec.is_fallback);
        let channels: Vec<_> = own.filter_map(|spec| settings.channel(&spec.id)).collect();
        if channels.is_empty() {
            return Err(NotRehearsed::Empty);
        }
        let rehearsal = Rehearsal {
            receiver: Arc::clone(&spec.name),
            external_url: Arc::clone(&settings.external_url),
            at: self.clock.now(),
            nonce: self.ids.uuid().chars().take(8).collect(),
            is_resolved,
        };
        let integrations: Vec<&dyn Integration> = channels
            .iter()
            .map(|channel| &*channel.integration)
            .collect();
        // A test uses up the rate as any message does: nobody gets pages held back by testing.
        for channel in &channels {
            self.take_for_test(tenant, channel).await?;
        }
        let rehearsed = rehearsal.play(&integrations).await;
        let notification = rehearsal.notification();
        for (channel, played) in channels.iter().zip(&rehearsed) {
            let made = Made {
                number: 1,
                took: played.took,
                result: played.result.as_ref(),
            };
            let id = channel.integration.id();
            let mut attempt = made.logged(tenant.id(), id, &notification, self.clock.now());
            attempt.reason = "test".to_owned();
            self.deliveries.note(attempt);
        }
        Ok(rehearsed)
    }

    async fn take_for_test(&self, tenant: &Tenant, channel: &Channel) -> Result<(), NotRehearsed> {
        let Some(rate) = channel.rate else {
            return Ok(());
        };
        let id = channel.integration.id();
        match self.rates.take(tenant.id(), id, 1, rate).await {
            Ok(Taken::Wait(wait)) => Err(NotRehearsed::Held {
                seconds: wait.as_secs() + 1,
            }),
            _ => Ok(()),
        }
    }
}
