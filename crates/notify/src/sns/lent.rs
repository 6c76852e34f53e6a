//! Keys that were lent: one attempt asks for them while the others wait, and all use them for ten minutes.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::sign::Keys;
use crate::DeliveryError;
use crate::provider::Wire;

/// How long they are used. The shortest time for which keys are lent is 15 minutes, and what is signed with them must
/// still arrive in time.
const USED: Duration = Duration::from_secs(10 * 60);

/// The keys that were lent last, by whom or as whom.
pub(super) struct Lent<W> {
    last: Mutex<Option<(W, Keys, Instant)>>,
}

impl<W> Default for Lent<W> {
    fn default() -> Self {
        Self {
            last: Mutex::default(),
        }
    }
}

impl<W: Clone + PartialEq> Lent<W> {
    /// The keys that are there, or what comes of `lend`.
    pub(super) async fn keys(
        &self,
        whom: &W,
        lend: impl Future<Output = Result<Keys, DeliveryError>>,
        wire: &Wire<'_>,
    ) -> Result<Keys, DeliveryError> {
        let mut last = wire.within(self.last.lock()).await?;
        let now = Instant::now();
        if let Some((known, keys, until)) = &*last
            && known == whom
            && now < *until
        {
            return Ok(keys.clone());
        }
        let keys = lend.await?;
        *last = Some((whom.clone(), keys.clone(), now + USED));
        Ok(keys)
    }

    /// Forgets keys that are no good any more.
    pub(super) async fn forget(&self, keys: &Keys, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        let mut last = wire.within(self.last.lock()).await?;
        last.take_if(|(_, known, _)| known == keys);
        Ok(())
    }
}
