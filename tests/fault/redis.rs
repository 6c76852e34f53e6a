//! What rows ask of Redis beyond starting and ending it.

use std::net::SocketAddr;

use redis_harness::RedisServer;

/// Commands that write.
const WRITING: [&str; 13] = [
    "hset", "hdel", "zadd", "zrem", "set", "del", "unlink", "xadd", "expire", "pexpire", "hincrby",
    "sadd", "srem",
];

/// Where it listens.
pub(crate) fn address(redis: &RedisServer) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], redis.port()))
}

/// Asks one thing that must be answered, and not with an error.
///
/// # Errors
/// What came instead.
pub(crate) fn must(redis: &RedisServer, words: &[&str]) -> Result<String, String> {
    match redis.try_command(words) {
        Ok(answer) if answer.starts_with("(error) ") => {
            Err(format!("redis answers {words:?} with {answer}"))
        }
        Ok(answer) => Ok(answer),
        Err(error) => Err(format!("redis does not answer {words:?}: {error}")),
    }
}

/// A number it answers.
///
/// # Errors
/// When it is none.
pub(crate) fn number(redis: &RedisServer, words: &[&str]) -> Result<u64, String> {
    let answer = must(redis, words)?;
    answer
        .parse()
        .map_err(|_| format!("redis answers {words:?} with {answer}"))
}

/// How many calls of commands that write it has counted, those inside scripts included.
///
/// # Errors
/// When it does not answer.
pub(crate) fn writes(redis: &RedisServer) -> Result<u64, String> {
    let text = must(redis, &["INFO", "commandstats"])?;
    let calls = |line: &str| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        let count = rest.split(',').next()?.parse::<u64>().ok()?;
        WRITING.contains(&name).then_some(count)
    };
    Ok(text.lines().filter_map(calls).sum())
}

/// How much memory it uses, in bytes.
///
/// # Errors
/// When it does not say.
pub(crate) fn used_bytes(redis: &RedisServer) -> Result<u64, String> {
    let text = must(redis, &["INFO", "memory"])?;
    let used = text.lines().find_map(|l| l.strip_prefix("used_memory:"));
    let used = used.and_then(|bytes| bytes.trim().parse().ok());
    used.ok_or_else(|| "redis does not say how much memory it uses".to_owned())
}
