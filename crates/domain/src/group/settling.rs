//! What counts as told without a message that says so.

use super::told::{Told, ToldMessage, insert};
use super::{Group, LeaseLost};
use crate::fingerprint::Fingerprint;
use crate::id::IntegrationId;
use crate::time::Timestamp;

impl Group {
    /// Replaces what an integration counts as told without a message, if that is still as it was `seen`: it wants no
    /// "resolved" and everything is over, or nobody knows what it heard. A message seen in flight is taken back by that.
    pub fn settle(
        &mut self,
        integration: &IntegrationId,
        fence: u64,
        seen: &Told,
        message: ToldMessage,
        now: Timestamp,
    ) -> Result<&Told, LeaseLost> {
        // As messages are numbered: later than all that was told before this group was last gone.
        let least = self.next_number(integration, now);
        self.settle_numbered(integration, fence, seen, message, now, least)
    }

    /// As [`Group::settle`], with a number that is at least this one.
    pub fn settle_numbered(
        &mut self,
        integration: &IntegrationId,
        fence: u64,
        seen: &Told,
        message: ToldMessage,
        now: Timestamp,
        least: u64,
    ) -> Result<&Told, LeaseLost> {
        self.check_lease(fence, now)?;
        let told = self.told_mut(integration);
        if told.is_still(seen) {
            *told = Told {
                seq: least.max(told.seq + 1),
                last: Some(message),
                pending: None,
            };
        }
        Ok(told)
    }

    /// Others may have told an integration since that nothing fires: that what it was told of here fires is news, and its end stays
    /// owed.
    pub fn doubt_all(&mut self, integration: &IntegrationId) {
        let last = self.told_mut(integration).last.as_mut();
        let Some(last) = last else { return };
        for fingerprint in std::mem::take(&mut last.firing) {
            insert(&mut last.hidden, fingerprint);
        }
    }

    /// A member began, as its sender says, after the tick at which integrations were told last that it fires. Its end may have
    /// been told by somebody who cannot be heard: that it fires is news then, and its end stays owed.
    ///
    /// `is_certain`: nobody else told an integration anything since.
    pub fn doubt(
        &mut self,
        fingerprint: Fingerprint,
        since: Timestamp,
        is_certain: impl Fn(&IntegrationId, &Told) -> bool,
    ) {
        for (integration, told) in &mut self.told {
            if is_certain(integration, told) {
                continue;
            }
            if told.last.as_ref().is_some_and(|last| last.tick < since) {
                told.doubt(fingerprint);
            }
        }
    }
}
