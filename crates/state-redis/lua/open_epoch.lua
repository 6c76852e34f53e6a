-- Opens a new epoch of a shard, unless somebody else did since the asking instance looked.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, epoch it saw ('' = none), a random word for the new epoch, 1 if claims are to be held until somebody has merged
--          in what it knows, for how many milliseconds at least, milliseconds for which ends by time-out are suspended, the version of
--          records the asking instance writes, 1 if it never shared anything before
-- Reply    {the epoch in force, or '' when the server threw keys away: then the shard has to start over first, version of the records
--          that are written}
--
-- Safe in every prefix because the epoch and what belongs to it are one write; without the number of keys thrown away so far,
-- that is noted later. A version that is raised for nothing is one that all who share know.

local seen, fresh, hold_ms, grace_ms, writes = ARGV[2], ARGV[3], tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
if not (seen and fresh and hold_ms and grace_ms and writes) then return redis.error_reply('ERR an epoch cannot be read') end
if has_evicted() then return { '', 0 } end
local epoch = epoch_in_force
local holds = ARGV[4] == '1'
-- What it wrote before a loss it may have written since, too.
local written = math.max(records or 0, writes)
if epoch and epoch ~= seen then
  -- Who asks knows of data that was lost, whoever opened it.
  if seen ~= '' then redis.call('HSET', shard, 'known_since', int(now)) end
  -- Opened just now by somebody who knew of nothing to put back: those who do get their time.
  local began, held = tonumber(string.match(epoch, '^(%d+)-')), tonumber(redis.call('HGET', shard, 'hold_until')) or 0
  if holds and began and now < began + hold_ms and held < began + hold_ms then
    redis.call('HSET', shard, 'hold_until', int(now + hold_ms))
  end
  if written > records then redis.call('HSET', shard, 'records', int(written)) end
  return { epoch, written }
end
fresh = int(now) .. '-' .. fresh
local generation = (tonumber(redis.call('HGET', shard, 'generation')) or 0) + 1
redis.call('HSET', shard, 'epoch', fresh, 'generation', int(generation), 'polled', int(now), 'records', int(written),
  'hold', holds and '1' or '0', 'hold_until', int(now + hold_ms),
  'grace_since', int(now), 'grace_until', int(now + grace_ms))
local evicted = count_evicted()
if evicted then redis.call('HSET', shard, 'evicted', int(evicted)) end
redis.call('HDEL', shard, 'awaited', 'back_until')
-- Who left before is forgotten, if there was anybody.
local is_first = ARGV[8] == '1' and generation == 1
redis.call('HSET', shard, 'known_since', is_first and '0' or int(now))
redis.call('HDEL', shard, 'first_left', 'last_left')
keep(shard)
return { fresh, written }
