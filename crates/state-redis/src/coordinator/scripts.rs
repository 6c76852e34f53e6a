//! The Lua scripts, one a transition; what they share is put in front of each.

use crate::script::Script;

/// A script on a shard: its `#!lua` line, the prelude and what goes with it, its file.
macro_rules! on_shard {
    ($name:literal, $flags:literal) => {
        Script::new(
            $name,
            concat!(
                "#!lua",
                $flags,
                "\n",
                include_str!("../../lua/prelude.lua"),
                include_str!("../../lua/flushing.lua"),
                include_str!(concat!("../../lua/", $name, ".lua"))
            ),
        )
    };
}

/// A script on a key of its own.
macro_rules! alone {
    ($name:literal) => {
        Script::new(
            $name,
            concat!(
                "#!lua\n",
                include_str!(concat!("../../lua/", $name, ".lua"))
            ),
        )
    };
}

/// The prelude is all it needs.
pub(super) static INGEST: Script = Script::new(
    "ingest",
    concat!(
        "#!lua\n",
        include_str!("../../lua/prelude.lua"),
        include_str!("../../lua/ingest.lua")
    ),
);
// What ends a flush must work while the server is out of memory: it frees some.
pub(super) static POLL: Script = on_shard!("poll", " flags=allow-oom");
pub(super) static SEIZE: Script = on_shard!("seize", "");
pub(super) static BEGIN: Script = on_shard!("begin", " flags=allow-oom");
pub(super) static COMMIT: Script = on_shard!("commit", " flags=allow-oom");
pub(super) static REFUSE: Script = on_shard!("refuse", " flags=allow-oom");
pub(super) static SETTLE: Script = on_shard!("settle", " flags=allow-oom");
pub(super) static RENEW: Script = on_shard!("renew", " flags=allow-oom");
pub(super) static UNCLAIM: Script = on_shard!("unclaim", " flags=allow-oom");
pub(super) static FINISH: Script = on_shard!("finish", " flags=allow-oom");
pub(super) static MERGE: Script = on_shard!("merge", "");
pub(super) static GROUP: Script = on_shard!("group", " flags=no-writes");
pub(super) static DEPARTED: Script = on_shard!("departed", " flags=no-writes");
pub(super) static LEFT_SINCE: Script = on_shard!("left_since", " flags=no-writes");
pub(super) static ROSTER: Script = on_shard!("roster", " flags=no-writes");
pub(super) static OPEN_EPOCH: Script = on_shard!("open_epoch", "");
// It hardly writes, and matters most while memory is short.
pub(super) static EVICTIONS: Script = on_shard!("evictions", " flags=allow-oom");
pub(super) static START_OVER: Script = on_shard!("start_over", "");
pub(super) static RESEEDED: Script = on_shard!("reseeded", "");
pub(super) static DEPART: Script = on_shard!("depart", "");
pub(super) static PROBE: Script = on_shard!("probe", "");
pub(super) static RESTART_GRIDS: Script = on_shard!("restart_grids", "");
pub(super) static AUDIT: Script = on_shard!("audit", "");
pub(super) static SILENCE_PUT: Script = alone!("silence_put");
pub(super) static SILENCE_MERGE: Script = alone!("silence_merge");
pub(super) static ANNOUNCE: Script = alone!("announce");
