//! Holes the protocol keeps shut (protocol.md §11): each can be opened here, in the model only, so that a test can show that
//! the oracle notices.

/// A rule that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hole {
    /// A claim whose reply was lost is not given again, and stays in flight until its lease lapses.
    PollWithoutNonce,
    /// A commit counts only while its group is held by whoever claimed it last.
    CommitNeedsFence,
    /// Sequence numbers count from what the group remembers, which starts anew with each group and each loss.
    SeqFromCounterOnly,
    /// A merge brings back alerts that ended and left.
    MergeIgnoresTombstones,
    /// An alert that joins a group does not make sure that the group has a tick.
    JoinWithoutTick,
    /// An alert that joins by a merge does not make sure that the group has a tick.
    MergeWithoutTick,
    /// A group in flight is claimed a second time when its tick comes.
    SecondClaim,
    /// A flush lets its ended members go even if they changed since it looked.
    LeaveWithoutVersion,
    /// A fresh post older than what is known is swallowed, as if it were a replay.
    PostsAreReplays,
    /// What was lost or rolled back is not noticed.
    LossUnnoticed,
    /// Claims go on at once after a loss, before anybody has merged back what it knows.
    NoHoldAfterLoss,
    /// Groups are claimed in the order they are due, whoever they belong to.
    NoTurns,
    /// What counts as told is replaced by whatever is merged, older or not.
    MergeReplacesTold,
    /// A grid restarts each time it is asked for, not once per configuration.
    RestartAlways,
    /// A late commit counts although its group was deleted and made anew since.
    CommitIgnoresBirth,
    /// Lost leases are never taken back.
    LeasesNeverLapse,
    /// Ends by time-out count at once after a stall.
    NoGrace,
    /// What was joined replaces what was told since it was worked out.
    JoinOverwrites,
    /// After everybody was away the first to come back claims at once.
    NoHoldAfterOutage,
    /// What is settled without a message counts whoever holds the group, and whatever was told meanwhile.
    SettleBlindly,
    /// A post that arrives after its sender gave up, or is sent again, counts as a fresh one.
    LatePosts,
    /// Builds share records they do not know.
    AnyBuild,
    /// Each instance writes the newest form of records it knows, whoever has to read it.
    RaiseBlindly,
}

impl Hole {
    /// Every hole.
    pub const ALL: [Self; 23] = [
        Self::PollWithoutNonce,
        Self::CommitNeedsFence,
        Self::SeqFromCounterOnly,
        Self::MergeIgnoresTombstones,
        Self::JoinWithoutTick,
        Self::MergeWithoutTick,
        Self::SecondClaim,
        Self::LeaveWithoutVersion,
        Self::PostsAreReplays,
        Self::LossUnnoticed,
        Self::NoHoldAfterLoss,
        Self::NoTurns,
        Self::MergeReplacesTold,
        Self::RestartAlways,
        Self::CommitIgnoresBirth,
        Self::LeasesNeverLapse,
        Self::NoGrace,
        Self::JoinOverwrites,
        Self::NoHoldAfterOutage,
        Self::SettleBlindly,
        Self::LatePosts,
        Self::AnyBuild,
        Self::RaiseBlindly,
    ];
}
