//! Messages whose requests may be on their way, and by when their receivers have heard them.

use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use domain::group::IntegrationSpec;
use domain::group::told::Pending;
use domain::id::IntegrationId;
use domain::time::Timestamp;
use runtime::departure::Departure;

use super::Flush;
use crate::channel::Channel;

/// One of them.
#[derive(Clone)]
pub(super) struct Out {
    integration: IntegrationId,
    message: Pending,
    /// Of its last attempt.
    pub(super) departure: Departure,
    /// The longest an attempt may take.
    patience: Duration,
}

impl Out {
    pub(super) fn is_of(&self, spec: &IntegrationSpec) -> bool {
        self.integration == spec.id
    }
}

impl Flush<'_> {
    /// A message that is about to go out.
    pub(super) fn about_to_go_out(
        &self,
        spec: &IntegrationSpec,
        channel: &Channel,
        message: &Pending,
    ) -> Out {
        let own = channel.integration.timeout();
        Out {
            integration: spec.id.clone(),
            message: message.clone(),
            departure: Departure::default(),
            patience: own.unwrap_or(self.engine.options.timing.send_timeout),
        }
    }

    pub(super) fn out(&self) -> MutexGuard<'_, Vec<Out>> {
        self.progress
            .out
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// When its receiver had heard, at the latest, what it accepted or may have: nobody waits for an answer longer than an attempt may
    /// take, and one that is read later, as this process did not run meanwhile, was not given later.
    pub(super) fn heard_by(&self, out: &Out) -> Timestamp {
        let since = out.departure.at().map(|at| (at + out.patience).elapsed());
        self.engine.clock.now() - since.unwrap_or_default()
    }

    /// The sends were cancelled because the lease lapsed: requests may be on their way all the same.
    pub(super) async fn doubt_what_is_out(&self) {
        let all = std::mem::take(&mut *self.out());
        for out in all {
            self.doubt(&out).await;
        }
    }

    /// Stopped past the lease with the request on its way: it may arrive after what others said since.
    pub(super) async fn doubt(&self, out: &Out) {
        let (engine, group) = (self.engine, &self.claim.identity);
        let heard_by = self.heard_by(out);
        let doubted = engine
            .state
            .in_doubt(group, &out.integration, &out.message, heard_by);
        doubted.await;
    }
}
