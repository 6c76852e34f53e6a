-- Tells whether the server threw keys away since the shard's epoch began.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance
-- Reply    {1 if it did, else 0, how many it threw away since it started}
--
-- Safe in every prefix because it is one write.

local count = count_evicted()
if not count then return { 0, 0 } end
local known = redis.call('HMGET', shard, 'epoch', 'evicted')
local before = tonumber(known[2])
-- Counted from anew: the server restarted, or another one took its place.
if known[1] and (not before or count < before) then
  redis.call('HSET', shard, 'evicted', int(count))
  before = count
end
return { before and before < count and 1 or 0, count }
