//! Trying a receiver: one message over each of its integrations, about an alert nobody has.

use std::sync::Arc;

use domain::id::IntegrationId;
use notify::Integration;
use notify::rehearsal::{Rehearsal, Rehearsed};
use state::rate::{Rate, Taken};

use crate::deliver::Made;
use crate::settings::{Receiver, Settings};
use crate::{Engine, Tenant};

/// Why a receiver cannot be tried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRehearsed {
    /// There is none of this name.
    #[error("no receiver has this name")]
    Unknown,
    /// There is nobody behind it.
    #[error("the receiver has no integrations")]
    Empty,
    /// Nothing leads to it, so nobody noticed before that it cannot be built.
    #[error("{0}")]
    Broken(String),
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
        let receiver = settings.receiver(receiver).ok_or(NotRehearsed::Unknown)?;
        let tried = tried(&settings, receiver)?;
        let rehearsal = Rehearsal {
            receiver: Arc::clone(&receiver.spec.name),
            external_url: Arc::clone(&settings.external_url),
            at: self.clock.now(),
            nonce: self.ids.uuid().chars().take(8).collect(),
            is_resolved,
        };
        let integrations: Vec<&dyn Integration> = tried.iter().map(|(one, _)| &**one).collect();
        // A test uses up the rate as any message does: nobody gets pages held back by testing.
        for (integration, rate) in &tried {
            self.take_for_test(tenant, integration.id(), *rate).await?;
        }
        let rehearsed = rehearsal.play(&integrations).await;
        let notification = rehearsal.notification();
        for (integration, played) in integrations.iter().zip(&rehearsed) {
            let made = Made {
                number: 1,
                took: played.took,
                result: played.result.as_ref(),
            };
            let mut attempt = made.logged(
                tenant.id(),
                integration.id(),
                &notification,
                self.clock.now(),
            );
            attempt.reason = "test".to_owned();
            self.deliveries.note(attempt);
        }
        Ok(rehearsed)
    }

    async fn take_for_test(
        &self,
        tenant: &Tenant,
        id: &IntegrationId,
        rate: Option<Rate>,
    ) -> Result<(), NotRehearsed> {
        let Some(rate) = rate else {
            return Ok(());
        };
        match self.rates.take(tenant.id(), id, 1, rate).await {
            Ok(Taken::Wait(wait)) => Err(NotRehearsed::Held {
                seconds: wait.as_secs() + 1,
            }),
            _ => Ok(()),
        }
    }
}

/// An integration, and how often it may be used.
type Tried = (Arc<dyn Integration>, Option<Rate>);

/// The receiver's own integrations; those of a receiver that nothing leads to are built for this.
fn tried(settings: &Settings, receiver: &Receiver) -> Result<Vec<Tried>, NotRehearsed> {
    let tried: Vec<Tried> = match &receiver.idle {
        Some((idle, rates)) => {
            let built = idle.build().map_err(NotRehearsed::Broken)?.into_iter();
            built
                .map(|one| {
                    let rate = rates.get(one.id()).copied();
                    (one, rate)
                })
                .collect()
        }
        None => {
            let own = receiver.spec.integrations.iter();
            let own = own.filter(|spec| !spec.is_fallback);
            let channels = own.filter_map(|spec| settings.channel(&spec.id));
            channels
                .map(|channel| (Arc::clone(&channel.integration), channel.rate))
                .collect()
        }
    };
    match tried.is_empty() {
        true => Err(NotRehearsed::Empty),
        false => Ok(tried),
    }
}
