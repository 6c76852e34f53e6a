//! Which version of records is written in the shards, and whether this build knows it.

use domain::limits;
use redis::Value;
use state::coordinator::CoordinatorError;

use super::reply::{self, Read};
use super::{RedisCoordinator, names};
use crate::call::Call;
use crate::error::{LinkError, LinkErrorKind};

/// How the scripts refuse a build that does not know the version that is written.
const REFUSED: &str = "RECORDS ";

/// What people call the home of the records.
const HOME: &str = "Redis";

impl RedisCoordinator {
    /// What to make of a failure of the link, or of a refusal.
    pub(super) fn failed(&self, error: LinkError) -> CoordinatorError {
        if let LinkErrorKind::Script(text) = &error.kind
            && let Some(written) = text.strip_prefix(REFUSED)
            && let Ok(written) = written.parse()
            && let Err(refused) = self.records.known().check(written, HOME)
        {
            return refused;
        }
        reply::failed(error)
    }

    /// Reads which version is written in each shard, and refuses what this build does not know, as the scripts do: for whoever
    /// is about to begin, and for keys that belong to no shard. What cannot be read is left to the scripts.
    pub(super) async fn find_records(&self) -> Read<()> {
        let ask = |shard| {
            let key = self.link.key(&format!("shard:{}", names::tag(shard)));
            let call = Call::command("HMGET").key(key);
            call.arg("records").arg("epoch")
        };
        let answers = self.run_all((0..limits::SHARDS).map(ask).collect()).await;
        for (shard, answer) in answers.into_iter().enumerate() {
            if let Ok(Value::Array(fields)) = &answer
                && let [records, epoch] = &fields[..]
            {
                match (records, epoch) {
                    (Value::Nil, Value::Nil) => {
                        let patience = self.timing.instance_expiry;
                        self.records.note_empty(shard, patience);
                    }
                    // From before there were versions.
                    (Value::Nil, _) => self.records.note(shard, 1),
                    (records, _) => {
                        let written = reply::number(records.clone())?;
                        self.records
                            .note(shard, u32::try_from(written).unwrap_or(u32::MAX));
                    }
                }
            }
        }
        self.records.check(HOME)
    }
}
