-- What the scripts on a shard share; put in front of each of them, after its `#!lua` line.
--
-- KEYS[1]  shard:{sNN}, with the deployment's prefix. All other keys are built from its prefix and tag: one slot.
-- ARGV[1]  the instance that asks, and the oldest and the newest version of records its build knows, a space between each.
--          Who does not know the version that is written in the shard is refused: `RECORDS <version>`.
--
-- A group is named `<tenant>:<32 hex>`. Times are whole milliseconds of the shard clock; what alerts state is compared
-- exactly, as texts of 21 digits (seconds since the Unix epoch + 10^11, then nanoseconds).

local SHARD_KEPT_MS = 30 * 86400000
-- An expiry is set this much later than asked for, so that it need not be written anew at every touch.
local SLACK_MS = 3600000
-- Entries of the feed, each of up to 8 alerts: about 20,000 changes are kept where alerts come in batches.
local EVENTS_MAX = '3000'
local TOMBS_MAX = 10000

local shard = KEYS[1]
local instance, oldest, newest = string.match(ARGV[1] or '', '^(%S+) (%d+) (%d+)$')
local prefix, tag = string.match(shard, '^(.*)shard:({s%d%d})$')
if not prefix or not instance then
  return redis.error_reply('ERR a script on a shard needs its key and an instance')
end
oldest, newest = tonumber(oldest), tonumber(newest)
local QUEUE_DUE, QUEUE_INFLIGHT = prefix .. 'queue:due:' .. tag, prefix .. 'queue:inflight:' .. tag
local QUEUE_ENDS, EVENTS = prefix .. 'queue:ends:' .. tag, prefix .. 'events:' .. tag

local META, FIRING = prefix .. 'alert:meta:' .. tag, prefix .. 'alert:group:firing:' .. tag
local RECOVERY, ENDS = prefix .. 'alert:group:recovery:' .. tag, prefix .. 'alert:ends:' .. tag

local function meta_of(group) return META .. group end
local function firing_of(group) return FIRING .. group end
local function recovery_of(group) return RECOVERY .. group end
local function ends_of(group) return ENDS .. group end
local function tomb_of(group) return prefix .. 'alert:tomb:' .. tag .. group end
local function left_of(group) return prefix .. 'alert:left:' .. tag .. group end
local function lock_of(group) return prefix .. 'lock:group:' .. tag .. group end

-- A whole number as text; Lua's own form loses digits. In a batch the same few come again and again.
local ints = {}
local function int(number)
  local text = ints[number]
  if not text then
    text = string.format('%.0f', number)
    ints[number] = text
  end
  return text
end

-- The shard clock, and the version of the records that are written. The clock never goes back: `clock` is the latest time a poll has seen, and poll raises `offset` when the
-- server's clock stepped back, at the time `offset_at` of that clock. From then on it goes at 95 % of the pace until it is the
-- server's again.
local CATCH_UP_PARTS = 20
local function read_head()
  local time = redis.call('TIME')
  local known = redis.call('HMGET', shard, 'offset', 'clock', 'last', 'offset_at', 'records', 'epoch')
  local offset, latest = tonumber(known[1]) or 0, tonumber(known[2]) or 0
  local server_ms = time[1] * 1000 + math.floor(time[2] / 1000)
  if offset > 0 then
    local passed = math.max(0, server_ms - (tonumber(known[4]) or server_ms))
    offset = math.max(0, offset - math.floor(passed / CATCH_UP_PARTS))
  end
  -- An epoch from before there were versions is of the first; where none began nothing is written yet.
  local records = tonumber(known[5]) or (known[6] and 1) or nil
  return server_ms, offset, latest, known[3] or '0-0', known[4], records, known[6]
end
local server_ms, clock_offset, clock_latest, last_before, clock_offset_at, records, epoch_in_force = read_head()
if records and (records < oldest or newest < records) then
  return redis.error_reply('RECORDS ' .. string.format('%.0f', records))
end
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

-- Keys of a group that may be new in this run, and keys known to have been there before it.
local grown, was_there = {}, {}
local function note_grown(group, key)
  if was_there[key] then return end
  grown[group] = grown[group] or {}
  grown[group][key] = true
end

-- Renews the safety net under a group: it ends by transitions, never by this. `net` in its hash is when the net ends, by
-- the shard clock, so that keys whose net is far enough away need not be asked; `kept` and `net` as read before, if so.
local function touch(group, kept, net)
  if not net then
    local read = redis.call('HMGET', meta_of(group), 'kept', 'net')
    kept, net = read[1], read[2]
  end
  local kept_ms, left_ms = tonumber(kept), (tonumber(net) or 0) - now
  if not kept_ms then return end
  if left_ms < kept_ms then
    left_ms = kept_ms + SLACK_MS
    local meta = meta_of(group)
    redis.call('HSET', meta, 'net', int(now + left_ms))
    for _, key in ipairs({ meta, firing_of(group), recovery_of(group), ends_of(group) }) do
      redis.call('PEXPIRE', key, int(left_ms))
    end
  elseif grown[group] then
    for key in pairs(grown[group]) do redis.call('PEXPIRE', key, int(left_ms)) end
  end
  grown[group] = nil
end

local last_event

-- Puts an entry into the feed: k = kind, i = who caused it, b = the entry before it, by which a reader sees that it missed
-- none.
local function append(kind, ...)
  last_event = redis.call('XADD', EVENTS, 'MAXLEN', '~', EVENTS_MAX, '*',
    'k', kind, 'i', instance, 'b', last_event or last_before, ...)
end

-- Alerts that changed and are not in the feed yet, each `<group>:<fingerprint>` and what its group holds of it now. They go
-- there together, as one entry: each entry costs as much as what is in it, here and with everybody who reads it.
local untold = {}
-- How many at most; whoever raises it sees to it that they are told whatever happens.
local entry_alerts_max = 1
local function emit_alerts()
  if #untold == 0 then return end
  local alerts = untold
  untold = {}
  append('alerts', unpack(alerts))
end

local function emit_alert(group, fingerprint, text)
  untold[#untold + 1], untold[#untold + 2] = group .. ':' .. fingerprint, text
  if #untold >= 2 * entry_alerts_max then emit_alerts() end
end

-- Puts another change into the feed: g = group.
local function emit(kind, group, ...)
  emit_alerts()
  append(kind, 'g', group, ...)
end

-- To be called last: notes the last change and wakes whoever waits for one.
local function close()
  emit_alerts()
  if not last_event then return end
  redis.call('HSET', shard, 'last', last_event)
  if last_before == '0-0' then
    keep(shard)
    keep(EVENTS)
  end
  redis.call('PUBLISH', prefix .. 'wake', tag)
end

-- ---- alerts

-- All in the head of what `write_alert` wrote, or Rust, has its place up to `timeout`. Nothing else is cut out of it without
-- need: the server hashes every text a script makes, byte by byte, and most of an alert is its labels and annotations.

-- Whether a text is one.
local function is_alert(text) return string.sub(text, 1, 8) == '{"at":["' and string.sub(text, 78, 87) == '"],"rank":' end

local function rank_of_alert(text) return string.sub(text, 88, 88) end

-- Reads the head; nil when the text is none of an alert.
local function read_alert(text)
  if not is_alert(text) then return nil end
  return {
    text = text, start = string.sub(text, 9, 29), stop = string.sub(text, 33, 53), updated = string.sub(text, 57, 77),
    rank = rank_of_alert(text),
  }
end

-- Reads the rest too, for whoever compares or joins alerts.
local function read_whole(alert)
  if not alert.rest then
    alert.timeout, alert.starts, alert.ends, alert.rest =
      string.match(alert.text, '^(%a+),"startsAt":"([^"]*)","endsAt":"([^"]*)",(.*)$', 100)
  end
  return alert
end

-- Whether nobody stated its end: `true` begins here.
local function is_timeout(alert) return string.sub(alert.text, 100, 100) == 't' end

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
      local firing, ends = firing_of(group), ends_of(group)
      redis.call('HDEL', firing, fingerprint)
      redis.call('ZREM', ends, fingerprint)
      -- They may be gone with it.
      was_there[firing], was_there[ends] = nil, nil
    end
  else
    local firing, ends = firing_of(group), ends_of(group)
    if redis.call('HSET', firing, fingerprint, text) == 1 then note_grown(group, firing) end
    if was_over then
      redis.call('HDEL', recovery_of(group), fingerprint)
      was_there[recovery_of(group)] = nil
    end
    if deadline and redis.call('ZADD', ends, int(deadline), fingerprint) == 1 then note_grown(group, ends) end
  end
  emit_alert(group, fingerprint, text)
end

-- Takes in a new member. A tombstone stays: it speaks of states up to the one that left, whoever replays them.
local function join(group, fingerprint, text, is_over, deadline)
  redis.call('HINCRBY', meta_of(group), 'rank:' .. rank_of_alert(text), 1)
  place(group, fingerprint, text, is_over, deadline)
end

-- Makes sure that groups are looked at when some of their members end: pairs of when, and which. A group whose ends were
-- put off is looked at in vain, and then queued anew.
local function queue_ends(pairs)
  if #pairs == 0 then return end
  -- If none is new there, it was there before.
  if redis.call('ZADD', QUEUE_ENDS, 'LT', unpack(pairs)) > 0 then keep(QUEUE_ENDS) end
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

-- The first number of a message that is not less, of those whose remainder is the slot: each instance has two of its own, one for
-- what it tells alone, and joins and moves have 0 (domain::group::numbers).
local NUMBER_STEP = 256
local function next_number(least, slot) return least + (slot - least) % NUMBER_STEP end

-- At least every number a deleted group of this shard used; none is ever used again.
local function floor_of_shard() return tonumber(redis.call('HGET', shard, 'floor')) or 0 end

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

