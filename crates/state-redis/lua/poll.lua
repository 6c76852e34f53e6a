-- Notes that an instance lives, ends what ran out of time, and claims groups that are due: of those the more severe
-- first, then the longer due, tenants taking turns.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, nonce, most claims, how many groups that stay due to name, epoch known ('' = none), last change
--          seen, then in milliseconds: lease, stall, grace, longest silence of the holder of a claim that was not begun,
--          silence after which instances go on alone, longest wait for all of them to be back then, how long a group is left
--          to the instance whose turn it is, how far the shard clock is ahead of the one alerts are stated by; then, when more is asked under a nonce that was answered: the groups to claim
-- Reply    {'strange', epoch or ''}, or {'well', now, last change, next time a group is due or -1, grace since, grace
--          until, version of the records that are written, number of claims, then of each: group, fence, tick, members; then of groups that stay due, the most
--          urgent first: group, rank, next tick}
--
-- Safe in every prefix because a group leaves one queue only after it is in the other, a member leaves the firing ones
-- only after it is among the ended, and a claim is recorded under its nonce right after it is made; one that is not
-- comes back by its lease.

local nonce, limit, names_max = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local epoch_known, seen = ARGV[5], ARGV[6]
local lease_ms, stall_ms, grace_ms, unbegun_ms = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local away_ms, back_ms, courtesy_ms = tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13])
local ahead_ms = tonumber(ARGV[14])
local MORE = 15
if not (limit and names_max and lease_ms and stall_ms and grace_ms and unbegun_ms and away_ms and back_ms and courtesy_ms
  and ahead_ms) then
  return redis.error_reply('ERR a poll cannot be read')
end

local FORGET_INSTANCE_MS = 3600000
local CANDIDATES_MAX, LATEST_MAX = 1024, 256
local ENDING_GROUPS_MAX, ENDING_MEMBERS_MAX = 256, 2000
local LAPSED_MAX = 1024
-- While claims are held nobody needs to ask more often.
local HOLD_PAUSE_MS = 250

local function is_after(a, b)
  local a_ms, a_seq = string.match(a, '^(%d+)-(%d+)$')
  local b_ms, b_seq = string.match(b, '^(%d+)-(%d+)$')
  a_ms, a_seq, b_ms, b_seq = tonumber(a_ms), tonumber(a_seq), tonumber(b_ms), tonumber(b_seq)
  return a_ms > b_ms or (a_ms == b_ms and a_seq > b_seq)
end

local known = redis.call('HMGET', shard, 'newest:' .. instance, 'last', 'awaited', 'hold_until', 'grace_since', 'grace_until',
  'polled', 'instances', 'nonce:' .. instance, 'claims:' .. instance)
local epoch, last = epoch_in_force, known[2] or '0-0'

-- Whether what the instance saw last never happened here: it was lost since.
local function has_lost()
  if seen == last or seen == '0-0' then return false end
  if is_after(seen, last) then return true end
  -- A change says what came before it; of a feed that was trimmed the first follows a later one than was seen.
  local next = redis.call('XRANGE', EVENTS, '(' .. seen, '+', 'COUNT', 1)[1]
  for index = 1, next and #next[2] or 0, 2 do
    if next[2][index] == 'b' then return is_after(seen, next[2][index + 1]) end
  end
  return false
end
if not epoch or epoch ~= epoch_known or has_lost() then return { 'strange', epoch or '' } end
local hold_until = tonumber(known[4]) or 0
local grace_since, grace_until = tonumber(known[5]) or 0, tonumber(known[6]) or 0
local polled, nonce_known, claims_known = tonumber(known[7]), known[9], known[10] or ''

-- When nobody looked for so long, every instance may have gone on alone and heard what others did not. What the first one
-- back believes to be over may fire again: nothing is claimed until all who polled before are back, or for a while.
local function note_return()
  local awaited = {}
  if polled and polled + away_ms <= now then
    for id in string.gmatch(known[8] or '', '%S+') do
      local since = tonumber(redis.call('HGET', shard, 'seen:' .. id)) or 0
      if id ~= instance and polled < since + stall_ms then awaited[#awaited + 1] = id end
    end
    if #awaited > 0 then
      redis.call('HSET', shard, 'awaited', table.concat(awaited, ' '), 'back_until', int(now + back_ms))
    end
  elseif known[3] then
    for id in string.gmatch(known[3], '%S+') do
      if id ~= instance then awaited[#awaited + 1] = id end
    end
    if #awaited > 0 then
      redis.call('HSET', shard, 'awaited', table.concat(awaited, ' '))
    else
      redis.call('HDEL', shard, 'awaited', 'back_until')
    end
  end
end

-- Who lives, as far as is known: in an order that is the same for everybody. And who is reckoned with: who may be back.
local living, reckoned = {}, {}

-- Signs of life. Instances that were silent for long are forgotten; answers those whose claims may be taken back, and
-- whether somebody fell silent since the last poll of anybody.
local function note_instances()
  local kept, silent, is_known, changed, fell_silent = {}, {}, false, false, false
  for id in string.gmatch(known[8] or '', '%S+') do
    local since = id == instance and now or tonumber(redis.call('HGET', shard, 'seen:' .. id)) or 0
    is_known = is_known or id == instance
    if since + math.max(FORGET_INSTANCE_MS, 2 * lease_ms) <= now then
      redis.call('HDEL', shard, 'seen:' .. id, 'nonce:' .. id, 'claims:' .. id, 'newest:' .. id)
      changed = true
    else
      kept[#kept + 1] = id
      if since + unbegun_ms <= now then silent[id] = true else living[#living + 1] = id end
      fell_silent = fell_silent or (polled and polled < since + stall_ms and since + stall_ms <= now)
    end
  end
  if not is_known then kept[#kept + 1], living[#living + 1] = instance, instance end
  table.sort(living)
  reckoned = kept
  if changed or not is_known then redis.call('HSET', shard, 'instances', table.concat(kept, ' ')) end
  redis.call('HSET', shard, 'seen:' .. instance, int(now), 'polled', int(now), 'clock', int(now))
  return silent, fell_silent
end

-- The version of records all who are reckoned with can read is written from now on; who says nothing of it reads the first.
-- Not while some may not have polled since the epoch began, and never an older one again.
local function note_records()
  if known[1] ~= int(newest) then redis.call('HSET', shard, 'newest:' .. instance, int(newest)) end
  local began = tonumber(string.match(epoch, '^(%d+)-')) or 0
  if records >= newest or now < began + stall_ms then return end
  local lowest = newest
  for _, id in ipairs(reckoned) do
    if id ~= instance then lowest = math.min(lowest, tonumber(redis.call('HGET', shard, 'newest:' .. id)) or 1) end
  end
  if lowest > records then
    records = lowest
    redis.call('HSET', shard, 'records', int(records))
  end
end

-- A step back of the server's clock stops the shard's only for as long as it took to notice.
local function note_clock()
  local missing = clock_latest - (server_ms + clock_offset)
  if missing > 0 then
    redis.call('HSET', shard, 'offset', int(clock_offset + missing), 'offset_at', int(server_ms))
  elseif clock_offset > 0 and not clock_offset_at then
    redis.call('HSET', shard, 'offset_at', int(server_ms))
  end
end

-- After a time in which nobody looked, or somebody did not, senders get time to refresh before anything ends by time-out.
local function note_stall(fell_silent)
  if fell_silent or not polled or polled + stall_ms <= now then
    grace_since, grace_until = now, now + grace_ms
    redis.call('HSET', shard, 'grace_since', int(grace_since), 'grace_until', int(grace_until))
  end
end

local function free_lapsed()
  for _, group in ipairs(redis.call('ZRANGEBYSCORE', QUEUE_INFLIGHT, '-inf', int(now), 'LIMIT', 0, LAPSED_MAX)) do
    release(group)
  end
end

-- Claims that were not begun and whose holder gives no sign are free before their lease lapses.
local function free_unbegun(silent)
  if not next(silent) then return end
  for _, group in ipairs(redis.call('ZRANGE', QUEUE_INFLIGHT, 0, LAPSED_MAX - 1)) do
    local holder = string.match(redis.call('GET', lock_of(group)) or '', '^(.*):%d+$')
    if holder and silent[holder] then
      local read = redis.call('HMGET', meta_of(group), 'fence', 'begun', 'claimed')
      local claimed = tonumber(read[3]) or 0
      if read[1] ~= read[2] and claimed + unbegun_ms <= now then release(group) end
    end
  end
end

-- Whatever creates a queue gives it its life; here all are renewed together.
local function keep_shard()
  if redis.call('PTTL', shard) >= SHARD_KEPT_MS then return end
  seen_to = {}
  for _, name in ipairs({ shard, QUEUE_DUE, QUEUE_INFLIGHT, QUEUE_ENDS, EVENTS }) do keep(name) end
end

-- Moves members whose time ran out to the ended ones. While senders get time, only what was refreshed since counts. What
-- alerts state is by another clock than the shard's; where that one stepped ahead, it is not over yet.
local function end_members(group, room)
  local is_grace, since, stated_now = now < grace_until, instant_of(grace_since - ahead_ms), instant_of(now - ahead_ms)
  local over = redis.call('ZRANGEBYSCORE', ends_of(group), '-inf', int(now), 'LIMIT', 0, room)
  for _, fingerprint in ipairs(over) do
    local text = redis.call('HGET', firing_of(group), fingerprint)
    local alert = text and read_alert(text)
    if not text then
      redis.call('ZREM', ends_of(group), fingerprint)
    elseif is_grace and alert and alert.updated < since and not is_explicit_end(alert) then
      redis.call('ZADD', ends_of(group), int(grace_until), fingerprint)
    elseif alert and alert.stop > stated_now then
      redis.call('ZADD', ends_of(group), int(ms_of(alert.stop) + 1 + ahead_ms), fingerprint)
    else
      place(group, fingerprint, text, true, nil, false)
    end
  end
  queue_end(group)
  touch(group)
  return #over
end

local function end_groups()
  local room = ENDING_MEMBERS_MAX
  for _, group in ipairs(redis.call('ZRANGEBYSCORE', QUEUE_ENDS, '-inf', int(now), 'LIMIT', 0, ENDING_GROUPS_MAX)) do
    if room <= 0 then return end
    room = room - end_members(group, room)
  end
end

-- How severe the most severe member is.
local function rank_of(group)
  local counts = redis.call('HMGET', meta_of(group), 'rank:3', 'rank:2', 'rank:1')
  for index = 1, 3 do
    if (tonumber(counts[index]) or 0) > 0 then return 4 - index end
  end
  return 0
end

-- When groups that are due are anybody's which are left to somebody else for the moment; nil: there are none.
local left_until

-- Whose turn a group is: another one's at each of its ticks.
local function is_left(group, grid)
  local until_ms = grid.next + courtesy_ms
  if #living < 2 or until_ms <= now then return false end
  local turn = tonumber(string.sub(group, -8), 16) + math.floor(grid.next / grid.interval)
  if living[turn % #living + 1] == instance then return false end
  left_until = math.min(left_until or until_ms, until_ms)
  return true
end

-- Groups that are due: the longest so, and of more than are looked at also the latest. So whatever waits in front, a severe
-- group, or one of another tenant, is seen when it becomes due.
local function due_groups()
  local due = redis.call('ZRANGEBYSCORE', QUEUE_DUE, '-inf', int(now), 'LIMIT', 0, CANDIDATES_MAX)
  if #due < CANDIDATES_MAX then return due end
  local seen = {}
  for _, group in ipairs(due) do seen[group] = true end
  for _, group in ipairs(redis.call('ZRANGE', QUEUE_DUE, int(now), '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, LATEST_MAX)) do
    if not seen[group] then due[#due + 1] = group end
  end
  return due
end

-- Groups that are due, in the order they are claimed in.
local function candidates()
  local ranks = { {}, {}, {}, {} }
  for _, group in ipairs(due_groups()) do
    local grid = read_grid(group)
    if grid and not is_left(group, grid) then
      local rank = rank_of(group)
      local class = ranks[4 - rank]
      class[#class + 1] = { name = group, grid = grid, rank = rank, tenant = string.match(group, '^(.*):') }
    elseif not grid then
      -- Nothing is left of it but its place.
      redis.call('ZREM', QUEUE_DUE, group)
      redis.call('ZREM', QUEUE_ENDS, group)
    end
  end
  local ordered = {}
  for _, class in ipairs(ranks) do
    table.sort(class, function(a, b)
      if a.grid.next ~= b.grid.next then return a.grid.next < b.grid.next end
      return a.name < b.name
    end)
    local turn, tenants = {}, {}
    for _, group in ipairs(class) do
      turn[group.tenant] = (turn[group.tenant] or 0) + 1
      group.turn = turn[group.tenant]
      tenants[#tenants + 1] = group
    end
    table.sort(tenants, function(a, b)
      if a.turn ~= b.turn then return a.turn < b.turn end
      return a.tenant < b.tenant
    end)
    for _, group in ipairs(tenants) do ordered[#ordered + 1] = group end
  end
  return ordered
end

-- The claims answered under this nonce before that are still this instance's and not begun.
local function claims_again()
  local claims = {}
  for group, fence in string.gmatch(claims_known, '(%S+)=(%d+)') do
    local read = redis.call('HMGET', meta_of(group), 'begun', 'next')
    if is_held(group, fence) and read[1] ~= fence then
      lease(group, fence, lease_ms)
      claims[#claims + 1] = { group, fence, read[2], count_members(group) }
    end
  end
  return claims
end

local function note_claims(claims, before)
  local record = { before }
  for _, claimed in ipairs(claims) do record[#record + 1] = claimed[1] .. '=' .. claimed[2] end
  redis.call('HSET', shard, 'nonce:' .. instance, nonce, 'claims:' .. instance, table.concat(record, ' '))
end

-- Claims the most urgent; answers which groups stay due.
local function claim_first(due)
  local claims, waiting = {}, {}
  for index, group in ipairs(due) do
    if index <= limit then
      claims[index] = claim(group.name, take_tick(group.name, group.grid), lease_ms)
    else
      waiting[#waiting + 1] = group
    end
  end
  note_claims(claims)
  return claims, waiting
end

-- Claims the groups that are named, as far as they are due.
local function claim_named()
  local claims = {}
  for index = MORE, #ARGV do
    local due = tonumber(redis.call('ZSCORE', QUEUE_DUE, ARGV[index]))
    local grid = due and due <= now and read_grid(ARGV[index])
    if grid then claims[#claims + 1] = claim(ARGV[index], take_tick(ARGV[index], grid), lease_ms) end
  end
  note_claims(claims, nonce_known == nonce and claims_known or nil)
  return claims
end

note_return()
local is_holding = is_on_hold()
local silent, fell_silent = note_instances()
note_records()
note_clock()
note_stall(fell_silent)
free_lapsed()
free_unbegun(silent)
end_groups()
local claims, waiting = {}, {}
if nonce_known == nonce and not ARGV[MORE] then
  claims = claims_again()
  if not is_holding then candidates() end
elseif is_holding then
  -- What was lost may still come back.
  waiting = {}
elseif ARGV[MORE] then
  claims = claim_named()
else
  claims, waiting = claim_first(candidates())
end
keep_shard()
close()

-- More ends than fit into one poll ask for the next one at once.
local next_due = tonumber(redis.call('ZRANGE', QUEUE_DUE, 0, 0, 'WITHSCORES')[2]) or -1
if left_until and #waiting == 0 then
  -- Whoever's turn it is has until then; what becomes due meanwhile does so by itself.
  local later = redis.call('ZRANGEBYSCORE', QUEUE_DUE, '(' .. int(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  next_due = math.min(left_until, tonumber(later[2]) or left_until)
end
if next_due >= 0 and is_holding then next_due = math.max(next_due, hold_until, now + HOLD_PAUSE_MS) end
if redis.call('ZCOUNT', QUEUE_ENDS, '-inf', int(now)) > 0 then next_due = now end

local reply = { 'well', now, last_event or last, next_due, grace_since, grace_until, records, #claims }
for _, claimed in ipairs(claims) do
  for _, value in ipairs(claimed) do reply[#reply + 1] = value end
end
for index = 1, math.min(#waiting, names_max) do
  local group = waiting[index]
  reply[#reply + 1], reply[#reply + 2], reply[#reply + 3] = group.name, group.rank, group.grid.next
end
return reply
