//! Instances are replaced by those of a newer build, and one is set back by mistake.

use state::Mode;
use state::coordinator::RecordVersions;

use crate::stage::Stage;

/// What the older build knows.
pub const OLD: RecordVersions = RecordVersions {
    oldest: 1,
    newest: 1,
};

/// What the newer one knows.
pub const NEW: RecordVersions = RecordVersions {
    oldest: 1,
    newest: 2,
};

impl Stage<'_> {
    /// An instance stops, and its newer build starts after so many seconds.
    pub(crate) async fn upgrade(&mut self, slot: usize, seconds: f64) {
        self.judge_old(slot);
        self.around.builds[slot] = NEW;
        self.stop(slot, seconds).await;
    }

    /// An instance stops, and its older build starts a moment later.
    pub(crate) async fn set_back(&mut self, slot: usize) {
        self.around.builds[slot] = OLD;
        self.stop(slot, 0.5).await;
        self.set_back_at[slot] = Some(self.now());
    }

    /// The newer build is started wherever the older one still runs.
    pub(crate) async fn upgrade_all(&mut self) {
        for slot in 0..self.instances.len() {
            if self.around.builds[slot] == OLD && self.run.profile.has_upgrades() {
                self.upgrade(slot, 0.0).await;
            }
        }
    }

    /// An old build among records it does not know has to be alone: that is an outage for it, and all it may do.
    fn judge_old(&mut self, slot: usize) {
        let is_shut_out = self.around.model.written() > Some(OLD.newest);
        let Some(instance) = self.instances[slot].as_ref().filter(|_| is_shut_out) else {
            return;
        };
        if self.around.builds[slot] != OLD {
            return;
        }
        if instance.engine.mode() == Mode::Coordinated {
            self.evidence.strangers += 1;
        }
        if let Some(began) = self.set_back_at[slot].take() {
            self.evidence.shut_out += 1;
            self.evidence.outages.push((began, self.now()));
        }
    }
}
