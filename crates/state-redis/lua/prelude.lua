-- What the scripts on a shard share; put in front of each of them, after its `#!lua` line.
--
-- KEYS[1]  shard:{sNN}, with the deployment's prefix. All other keys are built from its prefix and tag: one slot.
-- ARGV[1]  the instance that asks.
--
-- A group is named `<tenant>:<32 hex>`. Times are whole milliseconds of the shard clock; what alerts state is compared
-- exactly, as texts of 21 digits (seconds since the Unix epoch + 10^11, then nanoseconds).

local SHARD_KEPT_MS = 30 * 86400000
-- An expiry is set this much later than asked for, so that it need not be written anew at every touch.
local SLACK_MS = 3600000
local EVENTS_MAX = 20000
local TOMBS_MAX = 10000

local shard, instance = KEYS[1], ARGV[1]
local prefix, tag = string.match(shard, '^(.*)shard:({s%d%d})$')
if not prefix or not instance then
  return redis.error_reply('ERR a script on a shard needs its key and an instance')
end
local QUEUE_DUE, QUEUE_INFLIGHT = prefix .. 'queue:due:' .. tag, prefix .. 'queue:inflight:' .. tag
local QUEUE_ENDS, EVENTS = prefix .. 'queue:ends:' .. tag, prefix .. 'events:' .. tag

local function meta_of(group) return prefix .. 'alert:meta:' .. tag .. group end
local function firing_of(group) return prefix .. 'alert:group:firing:' .. tag .. group end
local function recovery_of(group) return prefix .. 'alert:group:recovery:' .. tag .. group end
local function ends_of(group) return prefix .. 'alert:ends:' .. tag .. group end
local function tomb_of(group) return prefix .. 'alert:tomb:' .. tag .. group end
local function lock_of(group) return prefix .. 'lock:group:' .. tag .. group end

-- A whole number as text; Lua's own form loses digits.
local function int(number) return string.format('%.0f', number) end

-- The shard clock. It never goes back: `clock` is the latest time a poll has seen, and poll raises `offset` when the
-- server's clock stepped back, at the time `offset_at` of that clock. From then on it goes at 95 % of the pace until it is the
-- server's again.
local CATCH_UP_PARTS = 20
local function read_clock()
  local time = redis.call('TIME')
  local known = redis.call('HMGET', shard, 'offset', 'clock', 'last', 'offset_at')
  local offset, latest = tonumber(known[1]) or 0, tonumber(known[2]) or 0
  local server_ms = time[1] * 1000 + math.floor(time[2] / 1000)
  if offset > 0 then
    local passed = math.max(0, server_ms - (tonumber(known[4]) or server_ms))
    offset = math.max(0, offset - math.floor(passed / CATCH_UP_PARTS))
  end
  return server_ms, offset, latest, known[3] or '0-0', known[4]
end
local server_ms, clock_offset, clock_latest, last_before, clock_offset_at = read_clock()
local now = math.max(server_ms + clock_offset, clock_latest)

-- Keys looked after in this run already.
local seen_to = {}

-- Makes sure that a key of the shard, if it is there, lives on; what is missed here, the next poll sees to.
local function keep(key)
  if seen_to[key] then return end
  local left = redis.call('PTTL', key)
  if left == -2 then return end
  seen_to[key] = true
  if left < SHARD_KEPT_MS then redis.call('PEXPIRE', key, int(SHARD_KEPT_MS + SLACK_MS)) end
end

local function queue(key, score, group)
  redis.call('ZADD', key, int(score), group)
  keep(key)
end

-- Keys of a group that may be new in this run.
local grown = {}
local function note_grown(group, key)
  grown[group] = grown[group] or {}
  grown[group][key] = true
end

-- Renews the safety net under a group: it ends by transitions, never by this. `net` in its hash is when the net ends, by
-- the shard clock, so that keys whose net is far enough away need not be asked; `kept` and `net` as read before, if so.
local function touch(group, kept, net)
  local meta = meta_of(group)
  if not net then
    local read = redis.call('HMGET', meta, 'kept', 'net')
    kept, net = read[1], read[2]
  end
  local kept_ms, left_ms = tonumber(kept), (tonumber(net) or 0) - now
  if not kept_ms then return end
  if left_ms < kept_ms then
    left_ms = kept_ms + SLACK_MS
    redis.call('HSET', meta, 'net', int(now + left_ms))
    for _, key in ipairs({ meta, firing_of(group), recovery_of(group), ends_of(group) }) do
      redis.call('PEXPIRE', key, int(left_ms))
    end
  else
    for key in pairs(grown[group] or {}) do redis.call('PEXPIRE', key, int(left_ms)) end
  end
  grown[group] = nil
end

local last_event

-- Puts a change into the feed: k = kind, g = group, i = who caused it, b = the change before it, by which a reader sees
-- that it missed none.
local function emit(kind, group, ...)
  last_event = redis.call('XADD', EVENTS, 'MAXLEN', '~', EVENTS_MAX, '*',
    'k', kind, 'g', group, 'i', instance, 'b', last_event or last_before, ...)
end

-- To be called last: notes the last change and wakes whoever waits for one.
local function close()
  if not last_event then return end
  redis.call('HSET', shard, 'last', last_event)
  if last_before == '0-0' then
    keep(shard)
    keep(EVENTS)
  end
  redis.call('PUBLISH', prefix .. 'wake', tag)
end

-- ---- alerts

-- Reads what `write_alert` wrote, or Rust; nil when it is neither.
local function read_alert(text)
  local alert = { text = text }
  alert.start, alert.stop, alert.updated, alert.rank, alert.timeout, alert.starts, alert.ends, alert.rest = string.match(
    text, '^{"at":%["(%d+)","(%d+)","(%d+)"%],"rank":(%d),"timeout":(%a+),"startsAt":"([^"]*)","endsAt":"([^"]*)",(.*)$')
  if not alert.rest then return nil end
  return alert
end

local function write_alert(alert)
  return '{"at":["' .. alert.start .. '","' .. alert.stop .. '","' .. alert.updated .. '"],"rank":' .. alert.rank ..
    ',"timeout":' .. alert.timeout .. ',"startsAt":"' .. alert.starts .. '","endsAt":"' .. alert.ends .. '",' .. alert.rest
end

-- Milliseconds of an instant, rounded down.
local function ms_of(instant)
  return (tonumber(string.sub(instant, 1, 12)) - 100000000000) * 1000 + math.floor(tonumber(string.sub(instant, 13)) / 1000000)
end

local function later_by_ms(instant)
  local seconds, nanos = tonumber(string.sub(instant, 1, 12)), tonumber(string.sub(instant, 13)) + 1000000
  if nanos >= 1000000000 then seconds, nanos = seconds + 1, nanos - 1000000000 end
  return string.format('%012.0f%09.0f', seconds, nanos)
end

local function instant_of(ms)
  return string.format('%012.0f%03.0f000000', math.floor(ms / 1000) + 100000000000, ms % 1000)
end

-- Whether the sender itself said that it is over.
local function is_explicit_end(alert) return alert.stop <= alert.updated end

-- The text a group holds of an alert, and whether it is among the ended ones; nil when it is no member.
local function member(group, fingerprint)
  local text = redis.call('HGET', firing_of(group), fingerprint)
  if text then return text, false end
  text = redis.call('HGET', recovery_of(group), fingerprint)
  if text then return text, true end
  return nil, false
end

-- Puts a member where it belongs; `deadline` only if it is not over, `was_over` nil if it is new. First in, then out: it
-- is never nowhere.
local function place(group, fingerprint, text, is_over, deadline, was_over)
  if is_over then
    if redis.call('HSET', recovery_of(group), fingerprint, text) == 1 then note_grown(group, recovery_of(group)) end
    if was_over == false then
      redis.call('HDEL', firing_of(group), fingerprint)
      redis.call('ZREM', ends_of(group), fingerprint)
    end
  else
    if redis.call('HSET', firing_of(group), fingerprint, text) == 1 then note_grown(group, firing_of(group)) end
    if was_over then redis.call('HDEL', recovery_of(group), fingerprint) end
    if deadline and redis.call('ZADD', ends_of(group), int(deadline), fingerprint) == 1 then
      note_grown(group, ends_of(group))
    end
  end
  emit('alert', group, 'f', fingerprint, 'v', text)
end

-- Takes in a new member. A tombstone stays: it speaks of states up to the one that left, whoever replays them.
local function join(group, fingerprint, alert, is_over, deadline)
  redis.call('HINCRBY', meta_of(group), 'rank:' .. alert.rank, 1)
  place(group, fingerprint, alert.text, is_over, deadline)
end

-- Remembers who left, so that a replay cannot bring them back.
local function bury(group, fingerprint, updated)
  redis.call('ZADD', tomb_of(group), 'GT', int(ms_of(updated)), fingerprint)
end

-- To be called after `bury`: how long that is remembered.
local function keep_tombs(group, kept_ms)
  redis.call('ZREMRANGEBYRANK', tomb_of(group), 0, -TOMBS_MAX - 1)
  redis.call('PEXPIRE', tomb_of(group), int(kept_ms))
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

-- Makes sure that a group is looked at when this member ends. A group whose ends were put off is looked at in vain, and
-- then queued anew.
local function queue_end_by(group, deadline)
  redis.call('ZADD', QUEUE_ENDS, 'LT', int(deadline), group)
  keep(QUEUE_ENDS)
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

-- ---- groups

local function exists(group) return redis.call('EXISTS', meta_of(group)) == 1 end

-- A group's facts as Rust sends them, from ARGV[at] on: text, labels, receiver, wait, interval, repeat, kept.
local FACTS = 7
local function read_facts(at)
  if not tonumber(ARGV[at + 6]) then return nil end
  return {
    text = ARGV[at], labels = ARGV[at + 1], receiver = ARGV[at + 2], wait = ARGV[at + 3],
    interval = ARGV[at + 4], ['repeat'] = ARGV[at + 5], kept = ARGV[at + 6],
  }
end

local function write_facts(group, facts)
  redis.call('HSET', meta_of(group), 'text', facts.text, 'labels', facts.labels, 'receiver', facts.receiver,
    'wait', facts.wait, 'interval', facts.interval, 'repeat', facts['repeat'], 'kept', facts.kept)
end

local function emit_grid(group, first, next_tick, interval, ticked)
  emit('grid', group, 'f', int(first), 'n', int(next_tick), 'v', interval, 't', ticked and '1' or '0')
end

-- Makes a group; `born`: commits of numbers up to this one speak of an earlier group of its name. Its ticks are told to
-- others (emit_grid) once it has a member.
local function make_group(group, facts, first, next_tick, ticked, born)
  redis.call('HSET', meta_of(group), 'first', int(first), 'next', int(next_tick), 'ticked', ticked and '1' or '0',
    'born', int(born))
  write_facts(group, facts)
  queue(QUEUE_DUE, next_tick, group)
end

-- Numbers of messages are multiples; what lies between is for instances that are alone (domain::group::numbers).
local NUMBER_STEP = 256

-- At least every number a deleted group of this shard used; none is ever used again.
local function floor_of_shard() return tonumber(redis.call('HGET', shard, 'floor')) or 0 end

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

-- Its ticks, nil when it is not there: domain::group::grid::Grid in milliseconds.
local function read_grid(group)
  local read = redis.call('HMGET', meta_of(group), 'first', 'next', 'ticked', 'restart', 'interval')
  if not read[1] then return nil end
  return {
    first = tonumber(read[1]), next = tonumber(read[2]), ticked = read[3] == '1', restart = read[4] == '1',
    interval = math.max(tonumber(read[5]) or 0, 1),
  }
end

-- Makes sure that a group has a place in a queue, whatever way its members came.
local function ensure_queued(group)
  if redis.call('ZSCORE', QUEUE_DUE, group) or redis.call('ZSCORE', QUEUE_INFLIGHT, group) then return false end
  local grid = read_grid(group)
  if grid then queue(QUEUE_DUE, grid.next, group) end
  return grid ~= nil
end

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

-- Gives a lease back; the group is due at its next tick.
local function release(group)
  queue(QUEUE_DUE, redis.call('HGET', meta_of(group), 'next') or now, group)
  redis.call('ZREM', QUEUE_INFLIGHT, group)
  redis.call('DEL', lock_of(group))
end

-- Whether nothing may be claimed: what was lost, or who was away, may still come back.
local function is_on_hold()
  local read = redis.call('HMGET', shard, 'hold', 'hold_until', 'back_until')
  return read[1] == '1' or now < (tonumber(read[2]) or 0) or now < (tonumber(read[3]) or 0)
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
end

