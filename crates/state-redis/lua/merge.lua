-- Merges in what an instance knows better of a group; of each piece the later state wins, so it may be repeated.
--
-- KEYS[1]  shard:{sNN}
-- ARGV     instance, group, its facts (text, labels, receiver, wait, interval, repeat, kept), its ticks (first, next, 1 if it
--          has ticked: then a later next tick counts for a group that is there), life of a tombstone in milliseconds, 1 if the alerts come
--          from another group, 1 if it counts only where the group is not there yet, number of alerts, of each: fingerprint, alert, its end in milliseconds; number of
--          integrations, of each: integration, seq, last, pending ('' = none); number of integrations whose tellers could not
--          hear each other, of each: integration, number it was worked out from (0 = none), seq, last, pending; then of each
--          member seen off: fingerprint, its instant `updated`
-- Reply    'merged', or 'overtaken' when an integration was told something since what was joined was worked out, or when the
--          group is there already: then nothing is changed
--
-- Safe in every prefix because each piece is merged by itself, who leaves is remembered before anybody joins, and members come
-- before what was told of them.

local group, facts = ARGV[2], read_facts(3)
local first, next_tick, ticked = tonumber(ARGV[10]), tonumber(ARGV[11]), ARGV[12] == '1'
local tomb_ms, is_move, is_first, alert_count = tonumber(ARGV[13]), ARGV[14] == '1', ARGV[15] == '1', tonumber(ARGV[16])
if not (facts and first and next_tick and tomb_ms and alert_count) then
  return redis.error_reply('ERR a merge cannot be read')
end
local alerts, at = {}, 17
for index = 1, alert_count do
  local alert, ends_ms = read_alert(ARGV[at + 1] or ''), tonumber(ARGV[at + 2])
  if not (alert and ends_ms) then return redis.error_reply('ERR an alert to merge cannot be read') end
  alert.fingerprint, alert.ends_ms = ARGV[at], ends_ms
  alerts[index] = alert
  at = at + 3
end

local is_there = exists(group)
if is_first and is_there then return 'overtaken' end

local function merge_alert(alert)
  local text, was_over = member(group, alert.fingerprint)
  local is_over = is_explicit_end(alert)
  local known = text and read_alert(text)
  if known and known.updated >= alert.updated then return end
  -- An end that is owed moves back as it was; what fires is known newer than when it moved away, or it ended here since.
  local tomb = not (is_move and is_over) and tonumber(redis.call('ZSCORE', tomb_of(group), alert.fingerprint))
  -- An end that was stated again later is the same end (domain::alert::Alert::is_covered_by).
  if tomb and tomb >= ms_of(is_over and alert.stop or alert.updated) then return end
  if text then
    place(group, alert.fingerprint, alert.text, is_over, alert.ends_ms, was_over)
    return
  end
  if not is_there then
    make_group(group, facts, first, next_tick, ticked, 0)
  end
  join(group, alert.fingerprint, alert.text, is_over, alert.ends_ms)
  if is_there then ensure_queued(group) else emit_grid(group, first, next_tick, facts.interval, ticked) end
  is_there = true
end

-- Who was away went on with the ticks: coming back makes nothing due (protocol.md §9).
local function merge_grid()
  local grid = ticked and read_grid(group)
  if not grid or not grid.ticked or grid.restart or redis.call('ZSCORE', QUEUE_INFLIGHT, group) then return end
  local later = math.min(next_tick, tick_after(grid, now))
  if later <= grid.next then return end
  redis.call('HSET', meta_of(group), 'next', int(later))
  queue(QUEUE_DUE, later, group)
  emit_grid(group, grid.first, later, int(grid.interval), true)
end

-- domain::group::told::Told::supersedes
local function merge_told(integration, theirs)
  local ours = read_told(group, integration)
  if ours.seq == theirs.seq and ours.last == theirs.last and ours.pend == theirs.pend then return end
  local is_later = theirs.seq > ours.seq or (theirs.seq == ours.seq and (theirs.pend == '' or ours.pend ~= ''))
  if is_later then write_told(group, integration, theirs) end
end

local left, has_buried = {}, false
local function merge_leave(fingerprint, updated)
  local text = member(group, fingerprint)
  local alert = text and read_alert(text)
  if alert and alert.updated > updated then return end
  bury(group, fingerprint, updated, alert)
  has_buried = true
  if alert then
    take_out(group, fingerprint, alert.rank)
    left[#left + 1] = fingerprint
  end
end

local told = {}
for index = 1, tonumber(ARGV[at]) or 0 do
  told[index] = { integration = ARGV[at + 1], seq = tonumber(ARGV[at + 2]), last = ARGV[at + 3], pend = ARGV[at + 4] }
  if not (told[index].seq and told[index].pend) then
    return redis.error_reply('ERR what was told cannot be read')
  end
  at = at + 4
end
at = at + 1
local joined = {}
for index = 1, tonumber(ARGV[at]) or 0 do
  joined[index] = {
    integration = ARGV[at + 1], over = tonumber(ARGV[at + 2]), seq = tonumber(ARGV[at + 3]), last = ARGV[at + 4],
    pend = ARGV[at + 5],
  }
  if not (joined[index].over and joined[index].seq and joined[index].pend) then
    return redis.error_reply('ERR what was joined cannot be read')
  end
  at = at + 5
end
at = at + 1
while ARGV[at + 1] do
  merge_leave(ARGV[at], ARGV[at + 1])
  at = at + 2
end
if has_buried then keep_tombs(group, tomb_ms) end
if #left > 0 then emit('left', group, 'f', table.concat(left, ',')) end
if is_there then merge_grid() end
for _, alert in ipairs(alerts) do merge_alert(alert) end
if is_there then
  for _, theirs in ipairs(told) do merge_told(theirs.integration, theirs) end
end
local reply = 'merged'
for _, theirs in ipairs(is_there and joined or {}) do
  if read_told(group, theirs.integration).seq == theirs.over then
    write_told(group, theirs.integration, theirs)
  else
    reply = 'overtaken'
  end
end
-- One in flight goes when its flush ends.
if is_there and count_members(group) == 0 and not redis.call('ZSCORE', QUEUE_INFLIGHT, group) then
  drop_group(group)
elseif is_there then
  queue_end(group)
  touch(group)
end
close()
return reply
