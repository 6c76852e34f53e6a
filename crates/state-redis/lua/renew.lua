-- Extends an unexpired lease; one that lapsed is not revived.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, group, fence, lease in milliseconds
-- Reply    the last change of the shard, or 'lost'
--
-- Safe in every prefix because the lease itself is written before its visible copy.

local group, fence, lease_ms = ARGV[2], ARGV[3], tonumber(ARGV[4])
if not lease_ms then return redis.error_reply('ERR a renewal cannot be read') end
if not is_held(group, fence) then return 'lost' end
lease(group, fence, lease_ms)
touch(group)
return last_before
