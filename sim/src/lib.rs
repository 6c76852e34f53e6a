//! Several instances, one bell, and everything that can go wrong between them: a seeded simulation (protocol.md §11).
//!
//! ```text
//! plan (seed) ─▶ stage: feeders ─▶ instances (engine + Coordinated) ─▶ model of the server
//!                                        └──▶ receivers ──▶ oracle: what was told against what was true
//! ```
//!
//! Real engines run side by side on tokio's paused clock, each with a journal of its own that survives its death, around one
//! [`state::coordinator::model::Model`]. The oracle knows nothing of them: it compares what feeders stated with what
//! receivers accepted, and judges the promises G1 to G5.
//!
//! Start reading at [`plan`], then [`stage`], then [`oracle`].

pub mod dice;
pub mod feeder;
pub mod instance;
pub mod oracle;
pub mod plan;
pub mod profile;
pub mod receiver;
pub mod sky;
pub mod stage;
mod trace;
pub mod truth;
pub mod upgrade;

use oracle::Verdict;
use profile::Profile;
use state::coordinator::model::hole::Hole;

/// One run: what is to happen, and which holes are open.
#[derive(Clone, Debug)]
pub struct Run {
    /// What kind of trouble there is.
    pub profile: Profile,
    /// Decides everything else.
    pub seed: u64,
    /// Rules that are broken on purpose.
    pub holes: Vec<Hole>,
    /// Whether everything that happens is printed.
    pub is_traced: bool,
}

impl Run {
    /// A run with every hole shut.
    pub fn new(profile: Profile, seed: u64) -> Self {
        Self {
            profile,
            seed,
            holes: Vec::new(),
            is_traced: false,
        }
    }

    /// Plays it from start to end on a clock of its own, and judges what came of it.
    pub fn play(&self) -> Verdict {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime without any input or output");
        let verdict = runtime.block_on(stage::play(self));
        runtime.shutdown_background();
        verdict
    }
}
