-- What the scripts on a shard share beyond the prelude: all but taking alerts in, which is done most often, and a script makes
-- every function anew whenever it runs.

local function instant_of(ms)
  return string.format('%012.0f%03.0f000000', math.floor(ms / 1000) + 100000000000, ms % 1000)
end

-- Remembers who left, so that a replay cannot bring them back, and when: who says again what is known says nothing of that.
local function bury(group, fingerprint, updated, was_member)
  local changed = redis.call('ZADD', tomb_of(group), 'GT', 'CH', int(ms_of(updated)), fingerprint)
  if was_member or changed > 0 then redis.call('ZADD', left_of(group), int(now), fingerprint) end
end

-- To be called after `bury`: how long that is remembered. Tombstones name everybody who left after `known_since` of the shard,
-- but for those who left longer ago than that, of whom `first_left` and `last_left` say when there were any.
local function keep_tombs(group, kept_ms)
  redis.call('HSETNX', shard, 'first_left', int(now))
  redis.call('HSET', shard, 'last_left', int(now))
  if redis.call('ZREMRANGEBYRANK', tomb_of(group), 0, -TOMBS_MAX - 1) > 0 then
    redis.call('HSET', shard, 'known_since', int(now))
  end
  redis.call('ZREMRANGEBYRANK', left_of(group), 0, -TOMBS_MAX - 1)
  redis.call('PEXPIRE', tomb_of(group), int(kept_ms))
  redis.call('PEXPIRE', left_of(group), int(kept_ms))
end

-- `rank:<n>` in a group's hash counts its members of a rank, so that the most severe is known at once.
local function take_out(group, fingerprint, rank)
  redis.call('HDEL', firing_of(group), fingerprint)
  redis.call('HDEL', recovery_of(group), fingerprint)
  redis.call('ZREM', ends_of(group), fingerprint)
  redis.call('HINCRBY', meta_of(group), 'rank:' .. rank, -1)
end

local function count_members(group)
  return redis.call('HLEN', firing_of(group)) + redis.call('HLEN', recovery_of(group))
end

-- Queues a group by the earliest end of its members.
local function queue_end(group)
  local first = redis.call('ZRANGE', ends_of(group), 0, 0, 'WITHSCORES')
  if first[2] then queue(QUEUE_ENDS, first[2], group) else redis.call('ZREM', QUEUE_ENDS, group) end
end

-- ---- evictions

-- How many keys the server threw away for want of memory since it started; nil when it does not tell. It never does so
-- while a script runs.
local function count_evicted()
  local stats = redis.pcall('INFO', 'stats')
  return type(stats) == 'string' and tonumber(string.match(stats, 'evicted_keys:(%d+)')) or nil
end

-- Whether some of them may have been ours: it threw keys away since the epoch began. What is missing then did not end.
local function has_evicted()
  local before, count = tonumber(redis.call('HGET', shard, 'evicted')), count_evicted()
  return before ~= nil and count ~= nil and before < count
end

-- ---- the end of groups

-- Deletes a group. Its tombstones stay until they expire.
local function delete_group(group)
  local used, meta = floor_of_shard(), redis.call('HGETALL', meta_of(group))
  for index = 1, #meta, 2 do
    if meta[index] == 'fence' or string.sub(meta[index], 1, 4) == 'seq:' then
      used = math.max(used, tonumber(meta[index + 1]) or 0)
    end
  end
  redis.call('HSET', shard, 'floor', int(used))
  redis.call('ZREM', QUEUE_DUE, group)
  redis.call('ZREM', QUEUE_INFLIGHT, group)
  redis.call('ZREM', QUEUE_ENDS, group)
  redis.call('DEL', lock_of(group), ends_of(group), firing_of(group), recovery_of(group), meta_of(group))
end

-- Takes a group without members away; answers whether it did. Members that were thrown away must not take it along: every
-- poll from now on hears of a loss.
local function drop_group(group)
  if has_evicted() then
    redis.call('HDEL', shard, 'epoch')
    return false
  end
  delete_group(group)
  emit('gone', group)
  return true
end

-- ---- ticks

-- The first grid tick strictly after `t`.
local function tick_after(grid, t)
  if t < grid.first then return grid.first end
  return grid.first + (math.floor((t - grid.first) / grid.interval) + 1) * grid.interval
end

-- ---- leases

local function lease_end(group, fence)
  local deadline = redis.call('ZSCORE', QUEUE_INFLIGHT, group)
  if not deadline or redis.call('HGET', meta_of(group), 'fence') ~= fence then return nil end
  return tonumber(deadline)
end

-- Whether the lease with this fence is in force.
local function is_held(group, fence)
  local deadline = lease_end(group, fence)
  return deadline ~= nil and now < deadline
end

local function lease(group, fence, lease_ms)
  queue(QUEUE_INFLIGHT, now + lease_ms, group)
  redis.call('SET', lock_of(group), instance .. ':' .. fence, 'PX', int(lease_ms))
end

-- Gives a lease back; the group is due at its next tick, unless at another time.
local function release(group, at)
  queue(QUEUE_DUE, at or redis.call('HGET', meta_of(group), 'next') or now, group)
  redis.call('ZREM', QUEUE_INFLIGHT, group)
  redis.call('DEL', lock_of(group))
end

-- Whether nothing may be claimed: what was lost, or who was away, may still come back.
local function is_on_hold()
  local read = redis.call('HMGET', shard, 'hold', 'hold_until', 'back_until')
  local hold_until = tonumber(read[2]) or 0
  -- That somebody has merged in what it knows may have been noted in a write that was lost: nobody waits for ever.
  local began = tonumber(string.match(epoch_in_force or '', '^(%d+)-')) or hold_until
  local hold_max = read[1] == '1' and 2 * hold_until - began or hold_until
  return now < math.max(hold_until, hold_max) or now < (tonumber(read[3]) or 0)
end

-- Whether the claim in force was made out of turn: it leaves the ticks alone.
local function is_seized(group, fence) return redis.call('HGET', meta_of(group), 'seized') == fence end

-- Gives a group that is claimed a fence no earlier life of it had. Answers what Rust calls `Claimed`.
local function claim(group, tick, lease_ms)
  local last = tonumber(redis.call('HGET', meta_of(group), 'fence')) or 0
  local fence = int(math.max(last + 1, floor_of_shard() + 1, now))
  redis.call('HSET', meta_of(group), 'fence', fence, 'claimed', int(now))
  lease(group, fence, lease_ms)
  redis.call('ZREM', QUEUE_DUE, group)
  touch(group)
  return { group, fence, int(tick), count_members(group) }
end

-- Takes the tick that is due (Grid::take_tick).
local function take_tick(group, grid)
  if not grid.ticked then
    redis.call('HSET', meta_of(group), 'first', int(now), 'next', int(now), 'ticked', '1')
    emit_grid(group, now, now, int(grid.interval), true)
    return now
  end
  if grid.restart then redis.call('HDEL', meta_of(group), 'restart') end
  local tick = math.max(grid.next, tick_after(grid, now) - grid.interval)
  redis.call('HSET', meta_of(group), 'next', int(tick))
  return tick
end

-- ---- what integrations were told

local function read_told(group, integration)
  local read = redis.call('HMGET', meta_of(group), 'seq:' .. integration, 'last:' .. integration, 'pend:' .. integration)
  return { seq = tonumber(read[1]) or 0, last = read[2] or '', pend = read[3] or '' }
end

-- The number of a pending message; nil when there is none.
local function pending_seq(pend) return tonumber(string.match(pend, '^{"seq":(%d+),')) end

local function told_reply(told) return { int(told.seq), told.last, told.pend } end

local LARGE_BYTES, FEED_BYTES_MAX, FEED_MIN = 32768, 67108864, 256

local function write_told(group, integration, told)
  local meta = meta_of(group)
  redis.call('HSET', meta, 'seq:' .. integration, int(told.seq))
  if told.last ~= '' then
    redis.call('HSET', meta, 'last:' .. integration, told.last)
  else
    redis.call('HDEL', meta, 'last:' .. integration)
  end
  if told.pend ~= '' then
    redis.call('HSET', meta, 'pend:' .. integration, told.pend)
  else
    redis.call('HDEL', meta, 'pend:' .. integration)
  end
  emit('told', group, 'n', integration, 's', int(told.seq), 'l', told.last, 'p', told.pend)
  -- The feed is bounded by its entries; lists of thousands of alerts are bounded by their bytes too. Whoever missed one that
  -- went reads the shard as a whole.
  local bytes = #told.last + #told.pend
  if bytes > LARGE_BYTES then
    local fit = math.floor(FEED_BYTES_MAX / bytes)
    redis.call('XTRIM', EVENTS, 'MAXLEN', '~', int(math.max(fit, FEED_MIN)))
  end
end

