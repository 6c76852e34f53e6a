//! Providers that want to be left alone: what one instance is told of it holds for all.

use std::sync::Arc;

use runtime::tasks::Stop;
use state::rate::Hold;

use crate::Engine;
use crate::deliver::HOLD_MAX;

impl Engine {
    /// Heeds what other instances were told by providers, until told to stop.
    pub async fn heed_holds(self: Arc<Self>, stop: Stop) {
        loop {
            tokio::select! {
                hold = self.rates.next_hold() => self.heed(&hold),
                () = stop.stopped() => return,
            }
        }
    }

    fn heed(&self, hold: &Hold) {
        let Some(tenant) = self.tenant(&hold.tenant) else {
            return;
        };
        // Another instance may have another configuration.
        if let Some(channel) = tenant.settings().channel(&hold.integration) {
            channel.hold_for(hold.span.min(HOLD_MAX));
        }
    }
}
