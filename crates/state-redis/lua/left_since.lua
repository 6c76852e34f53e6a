-- Answers who is remembered to have left a group in a state of an instant or a later one, and in which.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, group, the instant in milliseconds
-- Reply    of each, one after the other: fingerprint, the instant of its state in milliseconds
--
-- Safe in every prefix because it writes nothing.

local group, since = ARGV[2], tonumber(ARGV[3])
if not since then return redis.error_reply('ERR a question for who left cannot be read') end
return redis.call('ZRANGEBYSCORE', tomb_of(group), int(since), '+inf', 'WITHSCORES')
