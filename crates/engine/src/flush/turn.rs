//! Who is held back: told in its turn by a fresh look at the group, under the same claim, while others are being told.
//!
//! Once nobody else is, the claim is given back instead: the lease is not held only to wait.

use domain::group::{Claim, IntegrationSpec};
use tokio::sync::watch;
use tokio::time::Instant;

use super::telling::Telling;
use super::{Flush, Judged, Scope};

/// How many integrations are being told.
pub(super) struct UnderWay(watch::Sender<usize>);

impl Default for UnderWay {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

/// One of them, until it is dropped.
pub(super) struct Busy<'a>(&'a UnderWay);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

impl UnderWay {
    /// One more is being told; all of a flush enter before the first one is asked.
    pub(super) fn enter(&self) -> Busy<'_> {
        self.0.send_modify(|count| *count += 1);
        Busy(self)
    }

    /// Waits until a moment; answers false, at once, when nobody is being told.
    async fn lasts_until(&self, moment: Instant) -> bool {
        let mut count = self.0.subscribe();
        tokio::select! {
            biased;
            _ = count.wait_for(|count| *count == 0) => false,
            () = tokio::time::sleep_until(moment) => true,
        }
    }
}

impl Flush<'_> {
    /// Tells one integration what it does not know; one that is held back when its turn comes, should others still be being
    /// told by then.
    pub(super) async fn tell_in_turn(
        &self,
        spec: &IntegrationSpec,
        scope: Scope,
        busy: Busy<'_>,
    ) -> Telling {
        let under_way = &self.progress.under_way;
        let mut telling = self.tell(spec, scope).await;
        drop(busy);
        while let Telling::Held(until) = telling {
            if !under_way.lasts_until(until).await {
                break;
            }
            let _busy = under_way.enter();
            telling = match self.look_again().await {
                Look::At(look) => self.at(&look).tell(spec, scope).await,
                Look::Later(at) => Telling::Held(at),
                Look::Never => Telling::Left,
            };
        }
        telling
    }

    /// Tells a fallback's integration everything, after other groups through which it would hear the same had their chance.
    ///
    /// `is_told`: it was told something since the group was looked at.
    pub(super) async fn tell_late(
        &self,
        spec: &IntegrationSpec,
        is_told: bool,
        busy: Busy<'_>,
    ) -> Telling {
        let told = self.told_of(spec);
        let pause = self.elsewhere(spec, &told, Scope::All).pause();
        if pause.is_zero() && !is_told {
            return self.tell_in_turn(spec, Scope::All, busy).await;
        }
        tokio::time::sleep(pause).await;
        match self.look_again().await {
            Look::At(look) => {
                let again = self.at(&look);
                again.tell_in_turn(spec, Scope::All, busy).await
            }
            Look::Later(at) => Telling::Held(at),
            Look::Never => Telling::Left,
        }
    }

    /// The flush at another look.
    fn at<'b>(&'b self, (claim, judged): &'b (Claim, Judged)) -> Flush<'b> {
        Flush {
            claim,
            judged,
            looked_at: Instant::now(),
            ..*self
        }
    }

    /// The group as it is now, judged.
    async fn look_again(&self) -> Look {
        let engine = self.engine;
        let again = engine.state.claim_again(self.claim, engine.clock.now());
        match again.await {
            Ok(Ok(claim)) => {
                let judged = engine.judge(self.tenant, self.settings, &claim);
                Look::At(Box::new((claim, judged)))
            }
            Ok(Err(_)) => Look::Never,
            Err(error) => {
                tracing::debug!(%error, "A group that is being flushed could not be looked at again");
                Look::Later(Instant::now() + engine.options.timing.behind_delay)
            }
        }
    }
}

/// What came of looking at a group again.
enum Look {
    /// It is like this.
    At(Box<(Claim, Judged)>),
    /// Another attempt is worth while then.
    Later(Instant),
    /// The claim lapsed.
    Never,
}
