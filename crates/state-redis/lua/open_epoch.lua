-- Opens a new epoch of a shard, unless somebody else did since the asking instance looked.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, epoch it saw ('' = none), a random word for the new epoch, 1 if claims are to be held until somebody has merged
--          in what it knows, for how many milliseconds at least, milliseconds for which ends by time-out are suspended
-- Reply    the epoch in force
--
-- Safe in every prefix because it is one write.

local seen, fresh, hold_ms, grace_ms = ARGV[2], ARGV[3], tonumber(ARGV[5]), tonumber(ARGV[6])
if not (seen and fresh and hold_ms and grace_ms) then return redis.error_reply('ERR an epoch cannot be read') end
local epoch = redis.call('HGET', shard, 'epoch')
if epoch and epoch ~= seen then return epoch end
fresh = int(now) .. '-' .. fresh
local generation = (tonumber(redis.call('HGET', shard, 'generation')) or 0) + 1
local holds = ARGV[4] == '1'
redis.call('HSET', shard, 'epoch', fresh, 'generation', int(generation), 'polled', int(now),
  'hold', holds and '1' or '0', 'hold_until', holds and int(now + hold_ms) or '0',
  'grace_since', int(now), 'grace_until', int(now + grace_ms))
redis.call('HDEL', shard, 'awaited', 'back_until')
keep(shard)
return fresh
