-- Answers who is remembered to have left a group in a state of an instant or a later one.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, group, the instant in milliseconds
-- Reply    their fingerprints
--
-- Safe in every prefix because it writes nothing.

local group, since = ARGV[2], tonumber(ARGV[3])
if not since then return redis.error_reply('ERR a question for who left cannot be read') end
return redis.call('ZRANGEBYSCORE', tomb_of(group), int(since), '+inf')
