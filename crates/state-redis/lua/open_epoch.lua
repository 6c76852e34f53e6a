-- Opens a new epoch of a shard, unless somebody else did since the asking instance looked.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, epoch it saw ('' = none), a random word for the new epoch, 1 if claims are to be held until somebody has merged
--          in what it knows, for how many milliseconds at least, milliseconds for which ends by time-out are suspended,
--          1 if the asking instance never shared anything before
-- Reply    the epoch in force, or '' when the server threw keys away: then the shard has to start over first
--
-- Safe in every prefix because the epoch and what belongs to it are one write; without the number of keys thrown away so far,
-- that is noted later.

local seen, fresh, hold_ms, grace_ms = ARGV[2], ARGV[3], tonumber(ARGV[5]), tonumber(ARGV[6])
if not (seen and fresh and hold_ms and grace_ms) then return redis.error_reply('ERR an epoch cannot be read') end
if has_evicted() then return '' end
local epoch = redis.call('HGET', shard, 'epoch')
local holds = ARGV[4] == '1'
if epoch and epoch ~= seen then
  -- Who asks knows of data that was lost, whoever opened it.
  if seen ~= '' then redis.call('HSET', shard, 'known_since', int(now)) end
  -- Opened just now by somebody who knew of nothing to put back: those who do get their time.
  local began, held = tonumber(string.match(epoch, '^(%d+)-')), tonumber(redis.call('HGET', shard, 'hold_until')) or 0
  if holds and began and now < began + hold_ms and held < began + hold_ms then
    redis.call('HSET', shard, 'hold_until', int(now + hold_ms))
  end
  return epoch
end
fresh = int(now) .. '-' .. fresh
local generation = (tonumber(redis.call('HGET', shard, 'generation')) or 0) + 1
redis.call('HSET', shard, 'epoch', fresh, 'generation', int(generation), 'polled', int(now),
  'hold', holds and '1' or '0', 'hold_until', int(now + hold_ms),
  'grace_since', int(now), 'grace_until', int(now + grace_ms))
local evicted = count_evicted()
if evicted then redis.call('HSET', shard, 'evicted', int(evicted)) end
redis.call('HDEL', shard, 'awaited', 'back_until')
-- Who left before is forgotten, if there was anybody.
local is_first = ARGV[7] == '1' and generation == 1
redis.call('HSET', shard, 'known_since', is_first and '0' or int(now))
redis.call('HDEL', shard, 'first_left', 'last_left')
keep(shard)
return fresh
