-- Reads one group.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, group
-- Reply    {} when it is not there, else its hash as {name, value, …}, its firing members, its ended members
--
-- Safe in every prefix because it writes nothing.

local meta = redis.call('HGETALL', meta_of(ARGV[2]))
if #meta == 0 then return {} end
return { meta, redis.call('HVALS', firing_of(ARGV[2])), redis.call('HVALS', recovery_of(ARGV[2])) }
