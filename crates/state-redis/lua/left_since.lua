-- Answers who is remembered to have left a group in a state of an instant or a later one, and in which; and when anybody left it last.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, group, the instant in milliseconds, life of a tombstone in milliseconds
-- Reply    when anybody left last, empty if nobody is remembered; of each, one after the other: fingerprint, the instant of its
--          state in milliseconds
--
-- Safe in every prefix because it writes nothing.

local group, since, tomb_ms = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
if not (since and tomb_ms) then return redis.error_reply('ERR a question for who left cannot be read') end
-- Whoever leaves gives the tombstones of the group a new life (`keep_tombs`): what is left of it tells when that was.
local lives_ms = redis.call('PTTL', tomb_of(group))
local last_at = lives_ms > 0 and int(now - (tomb_ms - lives_ms)) or ''
return { last_at, redis.call('ZRANGEBYSCORE', tomb_of(group), int(since), '+inf', 'WITHSCORES') }
